"""Powers of a matrix: how large they become before they do what the spectral radius says."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import ArgumentError, checked_count, checked_finite
from rnncore.chunks import Cancelled, ShouldStop
from rnncore.threads import single_threaded

ROUNDING = 1e-12  # in decades


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
    if W.ndim != 2 or W.shape[0] != W.shape[1] or W.shape[0] == 0:
        raise ArgumentError("W", "is not square", got=tuple(W.shape), expected="(H, H)")
    checked_finite("W", W)
    checked_count("steps", steps)
    matrix = W.detach().to(device="cpu", dtype=torch.float64).numpy()
    with single_threaded():
        return _largest(matrix, steps, should_stop or (lambda: False))


def _largest(W: NDArray[np.float64], steps: int, should_stop: Callable[[], bool]) -> LargestPower:
    best = LargestPower(-np.inf, 1)
    power, log10_scale = np.eye(len(W)), 0.0
    for step in range(1, steps + 1):
        if should_stop():
            raise Cancelled
        power = W @ power
        size = float(np.linalg.norm(power))
        if size == 0.0:
            break
        log10_scale += float(np.log10(size))
        power /= size
        if log10_scale <= best.log10_norm:
            continue
        largest = log10_scale + float(np.log10(np.linalg.svd(power, compute_uv=False)[0]))
        # Of equals the first counts, whatever rounding says.
        if largest > best.log10_norm + ROUNDING:
            best = LargestPower(largest, step)
    return best
