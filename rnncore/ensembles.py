"""Random recurrent matrices, drawn once and rescaled without drawing again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, pi, sqrt
from typing import Final, Literal, NamedTuple, final, get_args

import torch
from torch import Tensor

from rnncore.checks import ArgumentError, checked_choice, checked_count, checked_number
from rnncore.spectrum import Spectrum, spectrum
from rnncore.threads import single_threaded

Ensemble = Literal[
    "gaussian",
    "orthogonal",
    "identity",
    "rotation",
    "antisymmetric",
    "symmetric",
    "sparse",
    "delay_line",
    "ring",
]
ENSEMBLES: Final[tuple[Ensemble, ...]] = get_args(Ensemble)

# ρ is 1 by construction: dividing by a measured 1 ± 1e-15 would only add rounding, which ten
# thousand steps turn into a drift.
_UNIT_RADIUS: Final = frozenset[Ensemble]({"orthogonal", "identity", "rotation", "ring"})


class Note(NamedTuple):
    """Something the caller should hear about an otherwise good result."""

    code: str
    message: str


@final
@dataclass(frozen=True, eq=False)
class RecurrentMatrix:
    """A drawn matrix and the factor it is used with, W = scale · base.

    Args:
        base: the draw, (H, H) float64. Shared between calls: don't write into it.
        scale: the factor that gives the wanted spectral radius or gain.
        base_spectrum: the spectrum of `base`, decomposed once for all scales.
        notes: what could not be done as asked.
    """

    base: Tensor
    scale: float
    base_spectrum: Spectrum
    notes: tuple[Note, ...] = ()

    @property
    def W(self) -> Tensor:
        """The matrix in force, (H, H) float64, the caller's own copy."""
        return self.scale * self.base

    @property
    def spectrum(self) -> Spectrum:
        """The spectrum of W: λ(sW) = sλ(W)."""
        return self.base_spectrum.scaled(self.scale)


def recurrent_matrix(
    ensemble: Ensemble,
    hidden_size: int,
    *,
    seed: int = 0,
    spectral_radius: float | None = None,
    gain: float | None = None,
) -> RecurrentMatrix:
    """A recurrent matrix of an ensemble, rescaled to a spectral radius or by a gain.

    - gaussian: entries N(0, 1/H), whose spectral radius is 1 only as H → ∞;
    - orthogonal: Haar distributed;
    - identity: I;
    - rotation: ⌊H/2⌋ plane rotations by angles uniform on [0, 2π), and a last 1 for odd H;
    - antisymmetric: W = -Wᵀ with entries N(0, 1/H), eigenvalues ±iω; ρ → 2 as H → ∞;
    - symmetric: W = Wᵀ with entries N(0, 1/H), 2/H on the diagonal, eigenvalues real on Wigner's
      semicircle of radius 2 as H → ∞;
    - sparse: every unit hears a tenth of all units, 3 at least, with weights N(0, 1/K) from the
      K it hears; ρ → 1 as H → ∞;
    - delay_line: ones below the diagonal, nilpotent: W^H = 0;
    - ring: a delay line that is closed, a cyclic shift; its eigenvalues are the H-th roots of 1.

    Args:
        ensemble: one of the above.
        hidden_size: H.
        seed: of the draw; the same seed gives the same bits.
        spectral_radius: ρ of the result. None, and no gain either: 1.
        gain: factor on the draw itself, without any rescaling to a radius.

    Raises:
        ValueError: an unknown ensemble, H < 1, a seed or scale out of range, or both a
            spectral radius and a gain.

    Cost: one spectrum of (H, H) for each new draw; a changed scale costs nothing.

    Reference: Ginibre (1965) for gaussian; Mezzadri (2007) for the sign fix of orthogonal; Wigner
    (1958) for symmetric; Wood (2012) for the circular law of sparse.

    >>> W = recurrent_matrix("gaussian", 32, seed=1, spectral_radius=0.9)
    >>> round(W.spectrum.spectral_radius, 12)
    0.9
    """
    checked_choice("ensemble", ensemble, ENSEMBLES)
    checked_count("hidden_size", hidden_size)
    checked_seed("seed", seed)
    if spectral_radius is not None and gain is not None:
        raise ArgumentError(
            "spectral_radius",
            "and gain exclude each other",
            got=f"spectral_radius {spectral_radius} and gain {gain}",
            expected="one of them",
            advice="Leave one of them out.",
        )
    base, base_spectrum = _draw(ensemble, hidden_size, seed)
    if gain is not None:
        return RecurrentMatrix(base, checked_number("gain", gain, least=0.0), base_spectrum)
    radius = 1.0
    if spectral_radius is not None:
        radius = checked_number("spectral_radius", spectral_radius, least=0.0)
    scale, notes = _scale_for_radius(ensemble, base_spectrum, radius)
    return RecurrentMatrix(base, scale, base_spectrum, notes)


def checked_seed(argument: str, seed: object) -> int:
    """A seed that every generator takes: a whole number from 0 to 2⁶³ - 1."""
    checked = checked_count(argument, seed, least=0)
    if checked >= 2**63:
        raise ArgumentError(
            argument, "is out of range", got=seed, expected="0 to 9223372036854775807"
        )
    return checked


def seeded_generator(seed: int) -> torch.Generator:
    """A generator on the CPU: the same seed draws the same bits whatever the run's device."""
    return torch.Generator(device="cpu").manual_seed(seed)


def _scale_for_radius(
    ensemble: Ensemble, base_spectrum: Spectrum, radius: float
) -> tuple[float, tuple[Note, ...]]:
    if ensemble in _UNIT_RADIUS:
        return radius, ()
    if base_spectrum.spectral_radius == 0.0:
        drawn = ensemble.replace("_", " ")
        note = Note(
            "nilpotent",
            f"All eigenvalues of this {drawn} matrix are 0, so no factor gives it another spectral "
            "radius; it runs as drawn.",
        )
        return 1.0, (note,)
    return radius / base_spectrum.spectral_radius, ()


def _draw(ensemble: Ensemble, hidden_size: int, seed: int) -> tuple[Tensor, Spectrum]:
    # Sixteen draws of H = 256 are 8 MB, two of H = 1024 are 16.
    remembered = _small_draw if hidden_size <= 256 else _large_draw
    return remembered(ensemble, hidden_size, seed)


def _new_draw(ensemble: Ensemble, hidden_size: int, seed: int) -> tuple[Tensor, Spectrum]:
    # One thread: the bits of a QR must not depend on how many cores happen to be there.
    with single_threaded():
        base = _DRAWS[ensemble](hidden_size, seeded_generator(seed))
    return base, spectrum(base)


_small_draw = lru_cache(maxsize=16)(_new_draw)
_large_draw = lru_cache(maxsize=2)(_new_draw)


def _gaussian(H: int, generator: torch.Generator) -> Tensor:
    W: Tensor = torch.randn(H, H, generator=generator, dtype=torch.float64) / sqrt(H)
    return W


def _orthogonal(H: int, generator: torch.Generator) -> Tensor:
    Q, R = torch.linalg.qr(torch.randn(H, H, generator=generator, dtype=torch.float64))
    # QR leaves the signs of R's diagonal to the library; only with all of them positive is Q
    # Haar distributed. sign(0) would lose a column.
    signs = torch.where(R.diagonal() < 0, -1.0, 1.0).to(torch.float64)
    haar: Tensor = Q * signs
    return haar.contiguous()


def _identity(H: int, generator: torch.Generator) -> Tensor:
    return torch.eye(H, dtype=torch.float64)


def _rotation(H: int, generator: torch.Generator) -> Tensor:
    angles = 2 * pi * torch.rand(H // 2, generator=generator, dtype=torch.float64)
    W = torch.eye(H, dtype=torch.float64)
    even = torch.arange(0, 2 * (H // 2), 2)
    W[even, even] = W[even + 1, even + 1] = torch.cos(angles)
    W[even + 1, even] = torch.sin(angles)
    W[even, even + 1] = -torch.sin(angles)
    return W


def _antisymmetric(H: int, generator: torch.Generator) -> Tensor:
    G = torch.randn(H, H, generator=generator, dtype=torch.float64) / sqrt(2 * H)
    return G - G.mT


def _symmetric(H: int, generator: torch.Generator) -> Tensor:
    G = torch.randn(H, H, generator=generator, dtype=torch.float64) / sqrt(2 * H)
    return G + G.mT


def _sparse(H: int, generator: torch.Generator) -> Tensor:
    # A fixed number a row: no unit is deaf, so the draw is never nilpotent.
    K = min(H, max(3, ceil(H / 10)))
    heard = torch.rand(H, H, generator=generator, dtype=torch.float64).topk(K, dim=1).indices
    weights = torch.randn(H, K, generator=generator, dtype=torch.float64) / sqrt(K)
    return torch.zeros(H, H, dtype=torch.float64).scatter_(1, heard, weights)


def _delay_line(H: int, generator: torch.Generator) -> Tensor:
    W = torch.zeros(H, H, dtype=torch.float64)
    W.diagonal(-1).fill_(1.0)
    return W


def _ring(H: int, generator: torch.Generator) -> Tensor:
    return torch.eye(H, dtype=torch.float64).roll(1, 0)


_DRAWS: Final[dict[Ensemble, Callable[[int, torch.Generator], Tensor]]] = {
    "gaussian": _gaussian,
    "orthogonal": _orthogonal,
    "identity": _identity,
    "rotation": _rotation,
    "antisymmetric": _antisymmetric,
    "symmetric": _symmetric,
    "sparse": _sparse,
    "delay_line": _delay_line,
    "ring": _ring,
}
