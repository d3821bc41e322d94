"""Single backward steps of single rows, every vector at a scale of its own."""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from rnncore.extended_range import (
    Exponents,
    exponentials,
    log10_of,
    normalised,
    safe_norms,
    summed,
    times_power_of_two,
)


class Scaled(NamedTuple):
    """A vector u · 2ᵏ; u has a norm in [1/2, 1), or is 0."""

    u: Tensor
    k: Exponents

    @property
    def log10_norm(self) -> float:
        """-inf where it is 0."""
        return float(log10_of(*_norm(self)))


class Handed(NamedTuple):
    """What one step hands down to the one before it, for one row."""

    h: Scaled  # (H,)
    c: Scaled  # (H,), 0 in a GRU


class CarefulStep(NamedTuple):
    """What a step finds."""

    delta: Scaled  # ∂L/∂h_t in all
    gamma: Scaled  # ∂L/∂c_t in all, 0 in a GRU
    p: Scaled  # (slots through weights, H)
    handed: Handed


def careful_step(
    W_hh: Tensor, ln: Tensor, sign: Tensor, came: Handed, g: Scaled | None, *, is_lstm: bool
) -> CarefulStep:
    """One step of one row.

    Args:
        W_hh: float64, as that of `Adjoint`.
        ln, sign: the coefficients of the step, (slots, H) each, slots as in `adjoints`.
        came: what came in from above.
        g: the local gradient, or None for 0.
    """
    delta = came.h if g is None else Scaled(*summed([came.h, g]))
    return (_lstm if is_lstm else _gru)(W_hh, ln, sign, delta, came.c)


def _gru(W_hh: Tensor, ln: Tensor, sign: Tensor, delta: Scaled, none: Scaled) -> CarefulStep:
    p = _damped(delta, ln[:4], sign[:4])
    gates = len(W_hh) // W_hh.shape[1]
    through = scaled(W_hh.mT @ p.u[:gates].flatten(), p.k)
    w = Scaled(*summed([through, _damped(delta, ln[4], sign[4])]))
    return CarefulStep(delta, none, p, Handed(w, none))


def _lstm(W_hh: Tensor, ln: Tensor, sign: Tensor, delta: Scaled, came_c: Scaled) -> CarefulStep:
    gamma = Scaled(*summed([came_c, _damped(delta, ln[5], sign[5])]))
    from_c, from_h = _damped(gamma, ln[1:4], sign[1:4]), _damped(delta, ln[4:5], sign[4:5])
    counts = [each for each in (from_c, from_h) if each.u.any()]
    k = max((each.k for each in counts), key=float, default=np.zeros(()))
    p = Scaled(
        ln.new_zeros(4, ln.shape[-1]),
        k,
    )
    p.u[:3], p.u[3:] = (times_power_of_two(each.u, each.k - k) for each in (from_c, from_h))
    w = scaled(W_hh.mT @ p.u.flatten(), p.k)
    return CarefulStep(delta, gamma, p, Handed(w, _damped(gamma, ln[0], sign[0])))


def scaled(vector: Tensor, k: Exponents) -> Scaled:
    """A finite vector · 2ᵏ, normalised."""
    return Scaled(*normalised(vector, np.asarray(k, dtype=np.float64)))


def _damped(v: Scaled, ln: Tensor, sign: Tensor) -> Scaled:
    """e^ln ⊙ v for every slot, in logarithms: here they may be too far apart for a product."""
    logs = v.u.abs().log() + ln
    magnitudes, k = exponentials(logs.flatten())
    signed = magnitudes.view_as(logs) * sign * v.u.sign()
    mantissa, shift = safe_norms(signed.flatten())
    k = np.where(mantissa == 0.0, 0.0, v.k + k + shift)
    return Scaled(times_power_of_two(signed.flatten(), -shift).view_as(signed), k)


def _norm(v: Scaled) -> tuple[Exponents, Exponents]:
    mantissa, shift = safe_norms(v.u.flatten())
    return mantissa, shift + v.k
