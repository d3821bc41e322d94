"""The Kreiss constant: how far the resolvent outside the unit circle says that powers must grow."""

from dataclasses import dataclass
from math import inf, pi
from typing import Final, final

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from scipy.linalg.blas import ztrsv
from torch import Tensor

from rnncore.checks import checked_finite, checked_square
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.threads import single_threaded

# Eigenvalues beyond the circle by less are taken to be on it.
_ROUNDING: Final = 1e-12
# ln(|z| - 1) of the grid; refinement may go down to the second.
_LN_DISTANCES: Final = np.log(np.logspace(-6, 1, 22))
_LEAST_LN_DISTANCE: Final = float(np.log(1e-8))
_DIRECTIONS: Final = 65
_EIGENVALUES: Final = 64
_ITERATIONS: Final = 6
_STARTS: Final = 6


def kreiss_constant(W: Tensor, *, should_stop: ShouldStop | None = None) -> float:
    """K = sup over |z| > 1 of (|z| - 1) ‖(zI - W)⁻¹‖₂, between 1 and ∞.

    K ≤ sup_t ‖Wᵗ‖ ≤ e H K: a large K says that something must grow at first, whatever ρ < 1 says
    of the end. It is ∞ where ρ > 1, and where a defective eigenvalue is on the circle.

    Method: (|z| - 1) / σ_min(zI - W) on a grid of the upper half plane, uniform in direction with
    the directions of the outermost eigenvalues added, and in ln(|z| - 1) from 1e-6 to 10, by
    inverse iteration on the Schur form; then from the up to six highest ridges, and from
    eigenvalues on the circle, the exact σ_min is followed uphill by L-BFGS, to 10 digits, or 7
    where the supremum is on the circle itself (taken at |z| - 1 = 1e-8). What is found is a lower
    bound: that no higher peak hides between the points of the grid is not certified.

    Args:
        W: (H, H), any floating dtype and device; computed in float64 on the CPU.
        should_stop: asked at every direction and every step uphill; once it is true,
            `Cancelled` is raised.

    Raises:
        ValueError: `W` is not square, or holds NaN or an infinity.
        Cancelled: `should_stop` was true.

    Cost: about 3000 · 100 H² flops for the grid and 100 · 80 H³ for the climb; H = 64, one thread:
    0.25 s.

    References: Kreiss (1962); Trefethen and Embree (2005), chapters 18 and 39; Mitchell (2020),
    "Computing the Kreiss constant of a matrix", which certifies at a higher cost.

    >>> round(kreiss_constant(torch.tensor([[0.9, 1.0], [0.0, 0.9]], dtype=torch.float64)), 4)
    2.6
    """
    checked_square("W", W)
    checked_finite("W", W)
    matrix = W.detach().to(device="cpu", dtype=torch.float64).numpy()
    with single_threaded(), np.errstate(all="ignore"):
        resolvent = _Resolvent.of(matrix)
        if np.abs(resolvent.eigenvalues).max() > 1 + _ROUNDING:
            return inf
        starts = resolvent.ridges(should_stop) + resolvent.on_the_circle()
        peaks = [_climb(resolvent, *start, should_stop) for start in starts]
    # Far out it is 1.
    return max(1.0, *peaks)


@final
@dataclass(frozen=True, eq=False)
class _Resolvent:
    """(zI - W)⁻¹ by way of the complex Schur form T of W."""

    T: NDArray[np.complex128]

    @classmethod
    def of(cls, W: NDArray[np.float64]) -> "_Resolvent":
        return cls(np.asfortranarray(scipy.linalg.schur(W, output="complex")[0]))

    @property
    def eigenvalues(self) -> NDArray[np.complex128]:
        return np.diagonal(self.T)

    def ridges(self, should_stop: ShouldStop | None) -> list[tuple[float, float]]:
        """ln(|z| - 1) and arg z of the highest points on the grid, each the top of its ridge."""
        angles = self._directions()
        heights = np.empty((len(angles), len(_LN_DISTANCES)))
        for row, angle in zip(heights, angles.tolist(), strict=True):
            stop_if_asked(should_stop)
            row[:] = self._heights(angle)
        heights = np.nan_to_num(heights, nan=-inf)
        best, where = heights.max(axis=1), heights.argmax(axis=1)
        padded = np.concatenate(([-inf], best, [-inf]))
        tops = np.flatnonzero((best >= padded[:-2]) & (best >= padded[2:]))
        tops = tops[np.argsort(-best[tops], kind="stable")][:_STARTS]
        return [(float(_LN_DISTANCES[where[i]]), float(angles[i])) for i in tops]

    def on_the_circle(self) -> list[tuple[float, float]]:
        """The points right above the eigenvalues on the circle, the first few."""
        on_it = np.abs(np.abs(self.eigenvalues) - 1) <= _ROUNDING
        angles = np.unique(np.abs(np.angle(self.eigenvalues[on_it])))
        return [(_LEAST_LN_DISTANCE, angle) for angle in angles[:_STARTS].tolist()]

    def _directions(self) -> NDArray[np.float64]:
        outermost = self.eigenvalues[np.argsort(-np.abs(self.eigenvalues), kind="stable")]
        # Real W: the lower half plane is the mirror image of the upper one.
        own = np.abs(np.angle(outermost[:_EIGENVALUES]))
        return np.unique(np.concatenate((np.linspace(0.0, pi, _DIRECTIONS), own)))

    def _heights(self, angle: float) -> NDArray[np.float64]:
        """ln((|z| - 1) / σ_min) along a ray, to a few per cent, from the outside in."""
        H = len(self.T)
        v = np.random.default_rng(0).standard_normal(2 * H).view(np.complex128)
        heights = np.empty(len(_LN_DISTANCES))
        M = -self.T
        for i in reversed(range(len(heights))):
            np.fill_diagonal(M, _point(_LN_DISTANCES[i], angle) - self.eigenvalues)
            # From its neighbour's vector a point needs few iterations.
            for _ in range(_ITERATIONS):
                v /= np.linalg.norm(v)
                w = ztrsv(M, v)
                v = ztrsv(M, w, trans=2)
            heights[i] = _LN_DISTANCES[i] + np.log(np.linalg.norm(w))
        return heights


def _point(ln_distance: float, angle: float) -> complex:
    return complex((1 + np.exp(ln_distance)) * np.exp(1j * angle))


def _climb(
    resolvent: _Resolvent, ln_distance: float, angle: float, should_stop: ShouldStop | None
) -> float:
    """The top of the hill on which a point stands; ∞ where it has none above the circle."""
    # It takes a third of a second to load, which nothing else here needs.
    from scipy.optimize import minimize

    identity = np.eye(len(resolvent.T))

    def depth(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        stop_if_asked(should_stop)
        r, theta = at
        z = _point(r, theta)
        u, s, v = np.linalg.svd(z * identity - resolvent.T)
        # dσ = Re(uᴴ dz v) for unit singular vectors.
        slope = np.vdot(u[:, -1], v[-1].conj()) / s[-1]
        along = np.exp(r + 1j * theta), 1j * z
        return float(np.log(s[-1]) - r), np.array([(slope * dz).real for dz in along]) - (1, 0)

    found = minimize(
        depth,
        (ln_distance, angle),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_LN_DISTANCE, 3.0), (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-10},
    )
    height = float(np.exp(-found.fun))
    # Still rising in proportion to 1 / (|z| - 1) at the circle itself.
    if found.x[0] <= _LEAST_LN_DISTANCE and found.jac[0] > 0.5:
        return inf
    return height
