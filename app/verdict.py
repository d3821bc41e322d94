"""The diagnosis on the wire: measured rates and the verdict as data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Fate = Literal["vanish", "explode", "live", "zero"]


class _Measured(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class StatesVerdict(_Measured):
    """What became of ‖h_t‖ from h_1 to h_T."""

    log10_factor: float | None
    """Geometric mean factor per step, as a power of ten."""
    log10_change: float | None
    """Change from the first to the last, in decades."""
    fate: Fate | None
    """vanish from -1 decade, explode from +1, else live; zero if it is exactly 0 from some step."""
    zero_after: int | None
    """Steps after which it is exactly 0."""
    log10_start: float | None
    """The first norm on the way that is not 0."""
    start_after: int | None
    """Steps before that norm."""


class GradientsVerdict(StatesVerdict):
    """What became of ‖∂L/∂h_t‖ from h_T back to h_1."""

    log10_saturation: float | None
    """The part of the factor that the activation's slope takes, as a power of ten; null where
    losses at every step join the gradient on its way."""
    log10_linear_gain: float | None
    """The part of the factor that W_hhᵀ gives, likewise."""
    threshold_log10: float
    """The change that steps_to_threshold counts to, in decades: -6, or 6 where it explodes."""
    steps_to_threshold: int | None
    """Smallest distance from the end at which the gradient has changed by that much."""


class Certificate(_Measured):
    """What the largest singular value alone proves."""

    gamma: float
    """Largest slope of the activation."""
    sigma_max: float | None
    """Largest singular value of W_hh."""
    must_vanish: bool
    """σ_max γ < 1: every gradient must vanish."""
    can_explode: bool
    """σ_max γ > 1: without it nothing can explode."""


class FloatEnd(_Measured):
    """Where the run's dtype ends."""

    dtype: Literal["float32", "float64"]
    log10_max: float
    """Largest number, as a power of ten."""
    log10_tiny: float
    """Smallest number above 0, as a power of ten."""


class StepShares(_Measured):
    """How the steps share in ∂L/∂W_hh, which is the sum of their contributions; of layers on
    layers the top one's. With norms: those of the terms add up to more than that of the sum."""

    log10_sum: float | None
    """The sum of the norms of all steps' contributions, as a power of ten; null where it is 0."""
    log10_largest: float | None
    """The largest of these norms."""
    largest_step: int | None
    """The last step that has it, from 0."""
    steps_of_half: int
    """The fewest steps whose norms together are half of the sum."""


class Diagnosis(_Measured):
    """The verdict of a run; with a batch, of the mean over its sequences of log10 norms."""

    states: StatesVerdict
    fed: StatesVerdict | None
    """Of a run that generates: what became of ‖h_t‖ while the input was given,"""
    generating: StatesVerdict | None
    """and from then on, while outputs were fed back."""
    gradients: GradientsVerdict
    shares: StepShares
    certificate: Certificate | None
    """Null for gru and lstm, whose gates no singular value of one matrix speaks for."""
    float_end: FloatEnd
