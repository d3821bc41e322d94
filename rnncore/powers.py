"""Powers of a matrix: how large they become before they do what the spectral radius says."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import checked_count, checked_finite, checked_square
from rnncore.chunks import Cancelled, ShouldStop
from rnncore.extended_range import LOG10_2
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
    checked_square("W", W)
    checked_finite("W", W)
    checked_count("steps", steps)
    matrix = W.detach().to(device="cpu", dtype=torch.float64).numpy()
    with single_threaded():
        return _largest(matrix, steps, should_stop or (lambda: False))


def _largest(W: NDArray[np.float64], steps: int, should_stop: Callable[[], bool]) -> LargestPower:
    best = LargestPower(-np.inf, 1)
    # Wᵗ is `power` · 2ᵉ, and W itself `unit` · 2ᵏ. With k as low as products of a power of entries
    # below 1 allow, entries far smaller than W's largest still count in them.
    shift = int(np.frexp(np.abs(W).max())[1]) - LARGEST_EXPONENT
    unit, power, exponent = np.ldexp(W, -shift), np.eye(len(W)), 0
    for step in range(1, steps + 1):
        if should_stop():
            raise Cancelled
        power = unit @ power
        if not power.any():
            break
        scale = int(np.frexp(np.abs(power).max())[1])
        power = np.ldexp(power, -scale)  # so that no square over- or underflows
        exponent += scale + shift
        log10_scale = exponent * LOG10_2
        if log10_scale + np.log10(np.linalg.norm(power)) <= best.log10_norm:
            continue
        largest = log10_scale + float(np.log10(np.linalg.svd(power, compute_uv=False)[0]))
        # Of equals the first counts, whatever rounding says.
        if largest > best.log10_norm + ROUNDING:
            best = LargestPower(largest, step)
    return best
