"""The same eigenvalues, another fate: how far a matrix is from a normal one."""

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import ArgumentError, checked_finite, checked_number
from rnncore.schur import Matrix, RealSchur, pair_frequency

LARGEST_ALPHA = 2.0


def change_normality(
    W: Tensor, alpha: float, *, schur: RealSchur | None = None, argument: str = ""
) -> Tensor:
    """W with its departure from normality scaled by α, and the same eigenvalues.

    In W = QTQᵀ everything above the diagonal blocks is multiplied by α; the off-diagonal entries
    of a block [[a, b], [c, a]] become sgn(b) ω rᵅ and -sgn(b) ω r⁻ᵅ with ω = √(-bc), r = |b|/ω.
    α = 1 leaves W alone, α = 0 makes it normal; α₁ and then α₂ is α₁α₂.

    Args:
        W: (H, H), any floating dtype and device.
        alpha: α, from 0 to 2.
        schur: the Schur form of `W`, where it is known already.
        argument: what precedes the argument's name in a refusal.

    Returns:
        (H, H) float64, a new tensor.

    Raises:
        ValueError: α is out of range, `W` is not finite, or the result would not be.

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
    checked_finite("W", W)
    matrix = W.detach().to(device="cpu", dtype=torch.float64).numpy()
    form = schur if schur is not None else RealSchur.of(matrix)
    # As a change of W, so that α = 1 changes nothing at all.
    moved: Matrix = matrix + form.Q @ _change(form, alpha) @ form.Q.T
    result = torch.from_numpy(moved)
    checked_finite(f"{argument}alpha", result)
    return result


def _change(form: RealSchur, alpha: float) -> Matrix:
    T = form.T
    change: Matrix = (alpha - 1.0) * np.triu(T, 1)
    for row, rows in form.blocks():
        if rows == 1:
            continue
        b, omega = T[row, row + 1], pair_frequency(T, row)
        ratio, sign = abs(b) / omega, np.sign(b)
        change[row, row + 1] = sign * omega * (ratio**alpha - ratio)
        change[row + 1, row] = -sign * omega * (ratio**-alpha - 1.0 / ratio)
    return change
