"""Vectors u · 2ᵏ: the arithmetic of a dtype, with exponents that never end.

A linear recursion commutes with a common factor, and multiplying by a power of two is exact.
So a vector that would leave the range of its dtype is carried as u · 2ᵏ with an integer k, and
k changes only when u leaves a band of the dtype in which neither u nor its norm can suffer.
Inside the band nothing is rescaled and nothing is rounded that plain stepping would not round.
"""

from dataclasses import dataclass
from math import log, log10
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore import native

LOG10_2: Final = log10(2.0)
LN_2: Final = log(2.0)

# Whole numbers held as float64: a saturated tanh network at amplitude 1e30 asks for exponents
# that no int64 holds.
Exponents = NDArray[np.float64]
Norms = NDArray[np.float64]

# Norms from whose entries no square of weight under- or overflows float64.
_SQUARABLE: Final = (2.0**-480, 2.0**480)


# A step that leaves the band by no more than this factor may stand: the compiled loops then bring
# the row to another scale as it is.
SLACK: Final = 16.0


@dataclass(frozen=True)
class Band:
    """Norms between which a swept vector of a dtype needs no rescaling.

    float32 norms are taken in float64 and fill most of float32's range; float64 norms square
    their entries in float64 itself, so their band is its middle half. Below either band, and a
    factor `SLACK` further, there is more room than a significand is wide, so an entry that
    underflows there is below the rounding of the norm.
    """

    low: float
    high: float
    # Exponents between its negative and itself are well inside the band.
    middle: int
    # Below this exponent |a| < √eps by far, and tanh(a) = a to rounding.
    linear_below: int
    # Exponents by which the dtype can be scaled in one exact multiplication.
    span: int


_BANDS: Final = {
    torch.float32: Band(low=2.0**-96, high=2.0**96, middle=50, linear_below=-30, span=120),
    torch.float64: Band(low=2.0**-456, high=2.0**456, middle=230, linear_below=-60, span=1000),
}


def band(dtype: torch.dtype) -> Band:
    """The band of float32 or float64."""
    return _BANDS[dtype]


def norms(vectors: Tensor) -> Norms:
    """‖·‖₂ along the last axis in float64, for vectors inside the band.

    Outside it the result may be 0, infinite or NaN: that is how leaving the band is noticed.
    """
    loops = native.loops(vectors.dtype) if vectors.device.type == "cpu" else None
    if loops is not None and vectors.is_contiguous():
        return loops.norms(vectors)
    result: Norms = torch.linalg.vector_norm(vectors, dim=-1, dtype=torch.float64).cpu().numpy()
    return result


def safe_norms(vectors: Tensor) -> tuple[Norms, Exponents]:
    """‖·‖₂ along the last axis as m · 2ᵉ with m in [1/2, 1), or 0 · 2⁰: any finite vectors."""
    plain = norms(vectors)
    lowest, highest = _SQUARABLE
    # No square of a float32 leaves float64, whose zeros alone have norm zero.
    is_safe = vectors.dtype == torch.float32
    if is_safe or ((plain >= lowest) & (plain <= highest)).all():
        mantissa, exponent = np.frexp(plain)
        return mantissa, exponent.astype(np.float64)
    wide = vectors.to(torch.float64)
    _, shift = np.frexp(wide.abs().amax(dim=-1).cpu().numpy())
    # Scaled to a largest entry in [1/2, 1), no square overflows, and those that underflow are
    # far below rounding.
    mantissa, exponent = np.frexp(norms(times_power_of_two(wide, -shift)))
    return mantissa, np.where(mantissa == 0.0, 0.0, exponent + shift)


def times_power_of_two(vectors: Tensor, exponents: Exponents | float) -> Tensor:
    """v · 2ᵏ with one k for each vector: exact, or 0 or ±inf where the dtype ends, never NaN.

    Args:
        vectors: (…, H), finite.
        exponents: integers k, (…) or a scalar.
    """
    remaining = np.asarray(exponents, dtype=np.float64)
    if not remaining.any():
        return vectors
    span = band(vectors.dtype).span
    if np.abs(remaining).max() <= span:
        return vectors * _powers(remaining, vectors)
    # 2ᵏ itself may not fit where v · 2ᵏ does, so the factor is applied in up to three parts;
    # three spans cover the way from the largest number to below the smallest.
    remaining = np.clip(remaining, -3 * span, 3 * span)
    for _ in range(3):
        part = np.clip(remaining, -span, span)
        vectors = vectors * _powers(part, vectors)
        remaining = remaining - part
    return vectors


def _powers(exponents: Exponents, vectors: Tensor) -> Tensor | float:
    """2ᵏ, to be multiplied with `vectors`."""
    powers = np.ldexp(1.0, exponents.astype(np.int32))
    if powers.ndim == 0:
        return float(powers)
    return torch.from_numpy(powers).unsqueeze(-1).to(vectors)


def log10_of(norm: Norms, exponents: Exponents) -> Norms:
    """log10(norm · 2ᵏ), -inf where the norm is 0."""
    with np.errstate(divide="ignore"):
        result: Norms = np.log10(norm) + exponents * LOG10_2
    return result


def normalised(vectors: Tensor, exponents: Exponents) -> tuple[Tensor, Exponents]:
    """v · 2ᵏ with norms brought into [1/2, 1); a zero vector gets exponent 0.

    Args:
        vectors: (…, H), finite.
        exponents: k, (…).
    """
    mantissa, shift = safe_norms(vectors)
    return times_power_of_two(vectors, -shift), np.where(mantissa == 0.0, 0.0, exponents + shift)


def common_exponents(u: Tensor, k: Exponents, v: Tensor, m: Exponents) -> Exponents:
    """The exponents at which normalised u · 2ᵏ and v · 2ᵐ can be added; zeros have no say."""
    u_counts, v_counts = (vectors.any(dim=-1).cpu().numpy() for vectors in (u, v))
    larger = np.maximum(np.where(u_counts, k, -np.inf), np.where(v_counts, m, -np.inf))
    return np.where(u_counts | v_counts, larger, 0.0)


def summed(terms: list[tuple[Tensor, Exponents]]) -> tuple[Tensor, Exponents]:
    """The sum of one or two normalised u · 2ᵏ, normalised, taken at the scale of the larger."""
    if len(terms) == 1:
        return terms[0]
    (u, k), (v, m) = terms
    scale = common_exponents(u, k, v, m)
    return normalised(times_power_of_two(u, k - scale) + times_power_of_two(v, m - scale), scale)


def exponentials(ln: Tensor) -> tuple[Tensor, Exponents]:
    """e^ln as m · 2^k with the largest m of each vector in [1, 2]; 0 · 2⁰ where all are 0.

    Args:
        ln: (…, M) float64, may be -inf.
    """
    top = ln.amax(dim=-1, keepdim=True)
    top = torch.where(torch.isneginf(top), 0.0, top)
    k = torch.floor(top / LN_2)
    # Differences to the largest are exact where the logarithms are huge, and what is left of the
    # largest beyond its power of two lies in [1, 2] but for rounding.
    rest = torch.exp(top - k * LN_2).clamp(1.0, 2.0)
    exponents: Exponents = k.squeeze(-1).cpu().numpy()
    return torch.exp(ln - top) * rest, exponents
