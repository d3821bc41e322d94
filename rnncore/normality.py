"""The same eigenvalues, another fate: how far a matrix is from a normal one."""

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import (
    ArgumentError,
    cast_result,
    checked_finite,
    checked_number,
    checked_square,
)
from rnncore.limits import check_change
from rnncore.planes import pair_frequency
from rnncore.schur import Matrix, RealSchur, frobenius_norm

LARGEST_ALPHA = 2.0


def change_normality(
    W: Tensor, alpha: float, *, schur: RealSchur | None = None, argument: str = ""
) -> Tensor:
    """W with its departure from normality scaled by α, and the same eigenvalues.

    In W = QTQᵀ everything above the diagonal blocks is multiplied by α; the off-diagonal entries
    of a block [[a, b], [c, a]] become sgn(b) ω rᵅ and -sgn(b) ω r⁻ᵅ with ω = √(-bc), r = |b|/ω.
    α = 1 leaves W alone, α = 0 makes it normal. A pair that may be a double real eigenvalue for
    all that rounding says counts as one.

    In one Schur form α₁ and then α₂ is α₁α₂; but the form of the result may hold its eigenvalues
    in another order, with another part above them, so two edits are not one with the product.

    Args:
        W: (H, H), any floating dtype and device.
        alpha: α, from 0 to 2.
        schur: the Schur form of `W`, where it is known already.
        argument: what precedes the argument's name in a refusal.

    Returns:
        (H, H) float64, a new tensor.

    Raises:
        ValueError: α is out of range, `W` is not square or not finite, or it would change by more
            than ten times its norm, or past the end of float64.

    Cost: one Schur form, about 25 H³ flops.

    Reference: Henrici (1962) for the departure; Trefethen and Embree (2005), chapter 48.

    >>> change_normality(torch.tensor([[0.5, 8.0], [0.0, 0.25]]), 0.0).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    checked_number(f"{argument}alpha", alpha, least=0.0)
    if alpha > LARGEST_ALPHA:
        raise ArgumentError(
            f"{argument}alpha", "is out of range", got=alpha, expected=f"0 to {LARGEST_ALPHA:g}"
        )
    checked_square("W", W)
    checked_finite("W", W)
    matrix = W.detach().to(device="cpu", dtype=torch.float64).numpy()
    form = schur if schur is not None else RealSchur.of(matrix)
    change = _change(form, alpha)
    check_change(
        f"{argument}alpha", frobenius_norm(change), form, advice="Take an alpha nearer to 1."
    )
    # As a change of W, so that α = 1 changes nothing at all.
    with np.errstate(over="ignore"):
        moved = matrix + np.ldexp(form.Q @ change @ form.Q.T, form.exponent)
    return cast_result(f"{argument}alpha", torch.from_numpy(moved), torch.float64)


def _change(form: RealSchur, alpha: float) -> Matrix:
    T = form.T
    change: Matrix = (alpha - 1.0) * np.triu(T, 1)
    for row, rows, _ in form.blocks:
        if rows == 1:
            continue
        b, omega = T[row, row + 1], pair_frequency(T[row : row + 2, row:])
        ratio, sign = abs(b) / omega, np.sign(b)
        change[row, row + 1] = sign * omega * (ratio**alpha - ratio)
        change[row + 1, row] = -sign * omega * (ratio**-alpha - 1.0 / ratio)
    return change
