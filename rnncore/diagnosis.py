"""The verdict as data: did a quantity vanish, explode or live, how fast, and why.

Everything follows the measured norms of the quantity itself, never ρ, which decides neither the
activations nor the gradients of a nonlinear network.
"""

from dataclasses import asdict, dataclass, replace
from math import isfinite, log10
from typing import Any, Final, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import Activation, steepest_slope
from rnncore.checks import ArgumentError, checked_choice, checked_number
from rnncore.losses import LOSS_TIMES, At

Fate = Literal["vanish", "explode", "live", "zero"]
Curve = NDArray[np.float64]

# A change of one decade over the whole run is what the eye reads as a trend on the log axis.
DECADES_OF_CHANGE: Final = 1.0
# States are averaged over the first and the last tenth of their way.
SHARE_OF_ENDS: Final = 0.1
# An isometry's computed σ_max is 1 to within rounding.
SIGMA_TOLERANCE: Final = 1e-12
# Six decades: below that a gradient step no longer moves a float32 weight of order 1.
DECADES_TO_THRESHOLD: Final = 6.0


@dataclass(frozen=True)
class QuantityFate:
    """What became of a norm along its way. All None where there was nothing to measure."""

    log10_factor: float | None = None  # geometric mean factor per step
    log10_change: float | None = None  # in decades, from the first nonzero norm to the last
    fate: Fate | None = None  # vanish from -1 decade on, explode from +1, zero where exactly 0
    zero_after: int | None = None  # steps after which it is exactly zero, if it ends so
    log10_start: float | None = None  # the first nonzero norm on the way
    start_after: int | None = None  # steps before that one

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, with None for what is not finite."""
        return _finite_or_none(asdict(self))


@dataclass(frozen=True)
class GradientFate(QuantityFate):
    """What became of ‖∂L/∂h_t‖ on its way from h_T back to h_1, as it was measured.

    With the loss at the last step log10_saturation + log10_linear_gain is log10_factor. With a
    loss at every step the gradient is a sum that grows on its way, whose factor has no such
    parts: both are None.
    """

    log10_saturation: float | None = None  # the part of φ', mean over the steps
    log10_linear_gain: float | None = None  # the part of W_hhᵀ, mean over the steps
    threshold_log10: float = -DECADES_TO_THRESHOLD  # +6 where it explodes
    steps_to_threshold: int | None = None  # first distance from h_T at which it is reached


@dataclass(frozen=True)
class Certificate:
    """What σ_max alone proves: σ_max γ < 1 and every gradient must vanish; > 1 and it may not.

    Reference: Pascanu, Mikolov, Bengio (2013), section 2.1.
    """

    gamma: float
    sigma_max: float
    must_vanish: bool
    can_explode: bool


@dataclass(frozen=True)
class FloatEnd:
    """Where the dtype of the run ends: its largest number and its smallest above zero."""

    dtype: str
    log10_max: float
    log10_tiny: float


@final
@dataclass(frozen=True)
class Diagnosis:
    """What a run did, measured; for a batch, from the mean over its sequences of log10 norms."""

    states: QuantityFate
    gradients: GradientFate
    certificate: Certificate | None
    float_end: FloatEnd

    def to_dict(self) -> dict[str, Any]:
        """The same as nested dicts of plain numbers, with None for what is not finite."""
        return {
            name: None if part is None else _finite_or_none(part)
            for name, part in asdict(self).items()
        }


def quantity_fate(log10_norms: Tensor, *, toward: Literal["end", "start"]) -> QuantityFate:
    """What became of a quantity that travels along the time axis.

    Measured from the first norm that is not zero to the last. For a batch, of the mean over its
    sequences; those that end at exactly zero count only if all do.

    Args:
        log10_norms: (…, T).
        toward: "end" for states, which travel from h_1 to h_T; "start" for gradients.

    Raises:
        ValueError: `toward` is unknown, or `log10_norms` has no time axis.

    >>> quantity_fate(torch.tensor([0.0, -1.0, -2.0]), toward="end").fate
    'vanish'
    """
    checked_choice("toward", toward, ("end", "start"))
    curves = _curves("log10_norms", log10_norms, toward)
    ends = SHARE_OF_ENDS if toward == "end" else 0.0
    return _fate(_mean(curves, _survivors(curves)), ends=ends)


def diagnose(
    *,
    log10_norm_h: Tensor,
    log10_grad_h: Tensor,
    log10_saturation: Tensor | None,
    log10_linear_gain: Tensor | None,
    loss_at: At,
    activation: Activation,
    largest_singular_value: float | None,
    dtype: torch.dtype,
) -> Diagnosis:
    """The diagnosis of a run from its norms, all (…, T) as in `StateChunk` and `GradientChunk`.

    Args:
        log10_saturation: None for a cell with gates, which has no such part.
        log10_linear_gain: likewise.
        loss_at: where the loss sits: "last" or "every".
        activation: φ, for its steepest slope γ and the bound of the states.
        largest_singular_value: σ_max of W_hh; None where it proves nothing.
        dtype: of the run.

    Raises:
        ValueError: an unknown choice, a missing time axis, or a σ_max that is not a number.
    """
    checked_choice("loss_at", loss_at, LOSS_TIMES)
    info = torch.finfo(dtype)
    grad_h = _curves("log10_grad_h", log10_grad_h, "start")
    # One and the same sequences in all three, or the parts would not add up to the whole.
    survivors = _survivors(grad_h)
    saturation, linear_gain = (
        None if logs is None else _mean(_curves(name, logs, "start"), survivors)
        for name, logs in (
            ("log10_saturation", log10_saturation),
            ("log10_linear_gain", log10_linear_gain),
        )
    )
    mean = _mean(grad_h, survivors)
    states = quantity_fate(log10_norm_h, toward="end")
    if activation == "tanh" and states.fate == "explode":
        states = replace(states, fate="live")  # it grows into its bound, and no further
    return Diagnosis(
        states=states,
        gradients=_gradient_fate(mean, saturation, linear_gain, at=loss_at),
        certificate=_certificate(activation, largest_singular_value),
        float_end=FloatEnd(
            dtype=str(dtype).removeprefix("torch."),
            log10_max=log10(info.max),
            log10_tiny=log10(info.smallest_normal) + log10(info.eps),
        ),
    )


def _certificate(activation: Activation, sigma_max: float | None) -> Certificate | None:
    if sigma_max is None:
        return None
    gamma = steepest_slope(activation)
    bound = checked_number("largest_singular_value", sigma_max, least=0.0) * gamma
    return Certificate(gamma, sigma_max, bound < 1 - SIGMA_TOLERANCE, bound > 1 + SIGMA_TOLERANCE)


def _gradient_fate(
    grad_h: Curve, saturation: Curve | None, linear_gain: Curve | None, *, at: At
) -> GradientFate:
    measured = _fate(grad_h)
    if measured.fate is None:
        return GradientFate(log10_start=measured.log10_start, start_after=measured.start_after)
    threshold = DECADES_TO_THRESHOLD * (1 if measured.fate == "explode" else -1)
    start = measured.start_after or 0
    change = grad_h - grad_h[start]
    reached = change >= threshold if threshold > 0 else change <= threshold
    reached[:start] = False
    # Later losses join the gradient on its way, so its parts don't add up to its change; and the
    # step from h_1 to h_0 is no part of the way to h_1.
    has_parts = at == "last" and measured.fate != "zero"
    return GradientFate(
        **vars(measured),
        log10_saturation=_part(saturation, start) if has_parts else None,
        log10_linear_gain=_part(linear_gain, start) if has_parts else None,
        threshold_log10=threshold,
        steps_to_threshold=int(np.argmax(reached)) if reached.any() else None,
    )


def _part(curve: Curve | None, start: int) -> float | None:
    return None if curve is None else float(curve[start:-1].mean())


def _curves(argument: str, logs: Tensor, toward: Literal["end", "start"]) -> Curve:
    """The sequences in the order of travel: (…, T) → (B, T)."""
    if logs.ndim == 0 or logs.numel() == 0:
        raise ArgumentError(
            argument, "has the wrong shape", got=tuple(logs.shape), expected="(…, T)"
        )
    curves: Curve = logs.detach().to(device="cpu", dtype=torch.float64).numpy()
    curves = curves.reshape(-1, logs.shape[-1])
    return curves if toward == "end" else curves[:, ::-1]


def _survivors(curves: Curve) -> NDArray[np.bool_]:
    """The sequences that don't end at exactly zero; all of them if every one does."""
    survives = ~np.isneginf(curves[:, -1])
    return survives if survives.any() else ~survives


def _mean(curves: Curve, survivors: NDArray[np.bool_]) -> Curve:
    mean: Curve = curves[survivors].mean(axis=0)
    return mean


def _fate(curve: Curve, *, ends: float = 0.0) -> QuantityFate:
    """The fate of a norm whose logarithms are given in the order of travel.

    `ends` is the share of the way over which both ends are averaged: a driven state fluctuates,
    and two of its samples are no trend. An exponential has the same factor for every share.
    """
    alive = np.flatnonzero(~np.isneginf(curve))
    if len(alive) == 0:
        return QuantityFate()
    first, last = int(alive[0]), int(alive[-1])
    start = QuantityFate(log10_start=float(curve[first]), start_after=first)
    if last < len(curve) - 1:
        return replace(start, fate="zero", zero_after=last + 1)
    if first == last:
        return start
    change = float(curve[last] - curve[first])
    width = max(1, int(ends * (last + 1 - first)))
    # A rectified state may be exactly zero in between; it has no logarithm to average.
    early, late = alive[alive < first + width], alive[alive > last - width]
    rise = float(curve[late].mean() - curve[early].mean())
    factor = rise / (last + 1 - first - width)
    fate: Fate = "live"
    if abs(factor) * (last - first) >= DECADES_OF_CHANGE:
        fate = "explode" if factor > 0 else "vanish"
    return replace(start, log10_factor=factor, log10_change=change, fate=fate)


def _finite_or_none(part: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in part.items()
    }
