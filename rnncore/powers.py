"""Powers of a matrix: how large they become before they do what the spectral radius says."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, log10
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import checked_count, checked_finite, checked_square
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.extended_range import LOG10_2
from rnncore.spectrum import spectrum
from rnncore.threads import single_threaded

ROUNDING = 1e-12  # in decades
LARGEST_EXPONENT = 900  # of W as it is multiplied: 2⁹⁰⁰ times H stays within float64


@dataclass(frozen=True)
class LargestPower:
    """The largest of ‖W‖, ‖W²‖, …, ‖Wⁿ‖ in the spectral norm."""

    log10_norm: float
    step: int  # its exponent


def largest_power(W: Tensor, steps: int, *, should_stop: ShouldStop | None = None) -> LargestPower:
    """Where the powers of W are largest, exactly, over t = 1 … `steps`.

    P ← WP with rescaling; since ‖P‖₂ ≤ ‖P‖_F, singular values are needed only of those powers
    whose Frobenius norm exceeds the largest spectral norm found.

    Args:
        W: (H, H), any floating dtype and device; computed in float64 on the CPU.
        steps: how many powers, 1 or more.
        should_stop: asked at every power; once it is true, `Cancelled` is raised.

    Raises:
        ValueError: `W` is not square or not finite, or `steps` is below 1.
        Cancelled: `should_stop` was true.

    Cost: 2 H³ flops a power, and about 20 H³ for each of which singular values are needed.

    Reference: Trefethen and Embree (2005), chapters 14 to 16, on transient growth.

    >>> found = largest_power(torch.tensor([[0.9, 1.0], [0.0, 0.9]]), 100)
    >>> found.step, round(10**found.log10_norm, 3)
    (9, 3.913)
    """
    matrix = _checked(W, steps)
    best = LargestPower(-np.inf, 1)
    with single_threaded():
        for step, power, log10_scale in _powers(matrix, steps, should_stop):
            if log10_scale + np.log10(np.linalg.norm(power)) <= best.log10_norm:
                continue
            largest = log10_scale + _log10_norm(power)
            # Of equals the first counts, whatever rounding says.
            if largest > best.log10_norm + ROUNDING:
                best = LargestPower(largest, step)
    return best


@final
@dataclass(frozen=True, eq=False)
class MatrixPowers:
    """log10 ‖Wᵗ‖₂ of t = 1 … n, and the two straight lines beside it; all (n,) float64.

    ρᵗ ≤ ‖Wᵗ‖ ≤ σ_maxᵗ, and a normal matrix's lines are one. -inf where a power is exactly 0.
    """

    log10_norm: Tensor
    log10_rho: Tensor  # t · log10 ρ
    log10_sigma_max: Tensor  # t · log10 σ_max


def matrix_powers(W: Tensor, steps: int, *, should_stop: ShouldStop | None = None) -> MatrixPowers:
    """The spectral norms of W, W², …, Wⁿ as logarithms, far past the ends of float64.

    Args:
        W: (H, H), any floating dtype and device; computed in float64 on the CPU.
        steps: n, 1 or more.
        should_stop: asked at every power; once it is true, `Cancelled` is raised.

    Raises:
        ValueError: `W` is not square or not finite, or `steps` is below 1.
        Cancelled: `should_stop` was true.

    Cost: about 5 H³ flops a power; H = 64, n = 200, one thread: 40 ms.

    Reference: Trefethen and Embree (2005), chapter 16.

    >>> found = matrix_powers(torch.tensor([[0.9, 1.0], [0.0, 0.9]], dtype=torch.float64), 35)
    >>> int((found.log10_norm > 0).sum())  # ρ = .9, and yet 34 powers are above 1
    34
    """
    matrix = _checked(W, steps)
    lines = spectrum(W)
    log10_norm = np.full(steps, -np.inf)
    with single_threaded():
        for step, power, log10_scale in _powers(matrix, steps, should_stop):
            log10_norm[step - 1] = log10_scale + _log10_norm(power)
    t = torch.arange(1, steps + 1, dtype=torch.float64)
    return MatrixPowers(
        torch.from_numpy(log10_norm),
        t * _log10(lines.spectral_radius),
        t * _log10(lines.largest_singular_value),
    )


def _log10_norm(power: NDArray[np.float64]) -> float:
    return float(np.log10(np.linalg.svd(power, compute_uv=False)[0]))


def _log10(value: float) -> float:
    return log10(value) if value else -inf


def _checked(W: Tensor, steps: int) -> NDArray[np.float64]:
    checked_square("W", W)
    checked_finite("W", W)
    checked_count("steps", steps)
    matrix: NDArray[np.float64] = W.detach().to(device="cpu", dtype=torch.float64).numpy()
    return matrix


def _powers(
    W: NDArray[np.float64], steps: int, should_stop: ShouldStop | None
) -> Iterator[tuple[int, NDArray[np.float64], float]]:
    """t, P and l of all Wᵗ = P · 10ˡ that are not 0, the largest entry of P in [1/2, 1)."""
    # Wᵗ is `power` · 2ᵉ, and W itself `unit` · 2ᵏ. With k as low as products of a power of entries
    # below 1 allow, entries far smaller than W's largest still count in them.
    shift = int(np.frexp(np.abs(W).max())[1]) - LARGEST_EXPONENT
    unit, power, exponent = np.ldexp(W, -shift), np.eye(len(W)), 0
    for step in range(1, steps + 1):
        stop_if_asked(should_stop)
        power = unit @ power
        if not power.any():
            return
        scale = int(np.frexp(np.abs(power).max())[1])
        power = np.ldexp(power, -scale)  # so that no square over- or underflows
        exponent += scale + shift
        yield step, power, exponent * LOG10_2
