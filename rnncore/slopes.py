"""The slopes d = φ'(a) of a run, as the backward sweep multiplies by them: d · 2^-shift.

Where all units of a step are saturated, every slope is tiny and may be below the smallest number
of the dtype. The step's largest slope then sets an exponent that the sweep carries instead.
"""

import numpy as np
import torch
from torch import Tensor

from rnncore import native
from rnncore.activations import Activation, ln_slope, slope
from rnncore.extended_range import Exponents
from rnncore.trajectory import Trajectory

_LN_2 = float(np.log(2.0))
# A step whose slopes are all below this gets an exponent of its own.
_SATURATED = 2.0**-10
# Preactivations are cut here in float64, infinite ones too: the sum of their logarithms over a
# million steps must still be a number.
_LARGEST_PREACTIVATION = 1e300


def scaled_slopes(
    activation: Activation, trajectory: Trajectory, t0: int, t1: int
) -> tuple[Tensor | None, Exponents]:
    """The slopes of steps [t0, t1): d / 2^shift (n, N, H) and shift (n, N).

    d is None for the linear activation, whose slopes are all 1.
    """
    shift = np.zeros((t1 - t0, trajectory.rows))
    if activation == "linear":
        return None, shift
    if activation == "relu":
        return slope(activation, trajectory.u[t0 + 1 : t1 + 1]), shift
    a = trajectory.a[t0:t1]
    loops = native.loops(a.dtype) if a.device.type == "cpu" else None
    d = slope(activation, a) if loops is None else loops.slopes(a)
    saturated = d.amax(dim=-1) < _SATURATED
    if bool(saturated.any()):
        factors, exponents = damped(
            torch.zeros_like(a[saturated], dtype=torch.float64), a[saturated]
        )
        d[saturated] = factors.to(d.dtype)
        shift[saturated.cpu().numpy()] = exponents
    return d, shift


def damped(ln_magnitudes: Tensor, a: Tensor) -> tuple[Tensor, Exponents]:
    """e^{ln_magnitudes} · tanh'(a) as m · 2^shift, the largest m of each vector in [1, 2].

    Args:
        ln_magnitudes: (…, H) float64, may be -inf.
        a: (…, H), preactivations.

    Returns:
        m (…, H) float64 and shift (…), both 0 where all of a vector is zero.
    """
    logs = ln_magnitudes + ln_slope(
        "tanh", a.double().clamp(-_LARGEST_PREACTIVATION, _LARGEST_PREACTIVATION)
    )
    top = logs.amax(dim=-1, keepdim=True)
    top = torch.where(torch.isneginf(top), 0.0, top)
    shift = torch.floor(top / _LN_2)
    # The differences to the largest are exact where the logarithms themselves are huge; what
    # is left of the largest beyond its power of two lies in [1, 2] but for rounding.
    rest = torch.exp(top - shift * _LN_2).clamp(1.0, 2.0)
    return torch.exp(logs - top) * rest, shift.squeeze(-1).cpu().numpy()
