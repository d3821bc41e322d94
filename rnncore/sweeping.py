"""The backward sweep itself: blocks of plain steps, a careful one where a block leaves its band.

The mirror image of `stepping`, from the last step down.
"""

from math import frexp
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncore.extended_range import (
    LOG10_2,
    SLACK,
    Exponents,
    Norms,
    band,
    common_exponents,
    log10_of,
    normalised,
    norms,
    safe_norms,
    times_power_of_two,
)
from rnncore.kernels import BackwardKernel, Operations
from rnncore.losses import Loss
from rnncore.rollout import Rollout
from rnncore.shares import weight_share
from rnncore.slopes import damped, scaled_slopes


class _Block(NamedTuple):
    """What the steps [t0, t1) are made of; n = t1 - t0."""

    t0: int
    t1: int
    d: Tensor | None  # (n, N, H), the slopes / 2^shift; None where all are 1
    shift: Exponents  # (n, N)
    g: Tensor | None  # (n, N, H), the local gradients / 2^m; None where all are 0
    m: Exponents  # (n, N), -inf where g is 0


@final
class GradientLogs:
    """What the sweep finds out, log10 and float64; -inf where nothing comes through.

    The ratios are kept beside the norms: where a saturated network takes 10³⁰ decades a step,
    no difference of two norms would say what W_hh did.
    """

    def __init__(self, T: int, N: int) -> None:
        self.delta, self.v, self.saturation, self.linear_gain = np.full((4, T, N), -np.inf)
        self.share_hh, self.share_xh = np.full((2, T), -np.inf)

    def record(
        self,
        where: slice | tuple[int, int],
        swept: Norms,
        *,
        above: Exponents,
        damping: Exponents,
        gain: Exponents | float = 0.0,
    ) -> None:
        """Keeps ‖δ‖ = n₀ 2^above, ‖v‖ = n₁ 2^(above + damping), ‖w‖ = n₂ 2^(… + gain).

        Args:
            where: steps, or a step and a row.
            swept: the three n, (3, …).
        """
        delta, v, w = np.log10(swept)
        self.delta[where] = delta + above * LOG10_2
        self.v[where] = v + (above + damping) * LOG10_2
        self.saturation[where] = np.where(swept[1] > 0, v - delta + damping * LOG10_2, -np.inf)
        self.linear_gain[where] = np.where(swept[2] > 0, w - v + gain * LOG10_2, -np.inf)


@final
class Sweeper:
    """Fills `logs` from the last step down."""

    def __init__(self, rollout: Rollout, loss: Loss, ops: Operations) -> None:
        self._activation = rollout.cell.activation
        self._rollout = rollout
        self._loss = loss
        trajectory = self._trajectory = rollout.trajectory
        T, N, H = trajectory.steps, trajectory.rows, rollout.cell.hidden_size
        self._band = band(rollout.cell.dtype)
        self.logs = GradientLogs(T, N)
        self._log10_norm_h = trajectory.log10_norm(0, T)  # of h_{t-1}
        self._log10_norm_x = log10_of(*safe_norms(trajectory.x))
        n = trajectory.block
        new = trajectory.u.new_zeros
        # Entry j of the path is the w that step j hands down; the last is what comes in.
        self._path, self._delta, self._v = new(n + 1, N, H), new(n, N, H), new(n, N, H)
        self._exponents = np.zeros(N)  # of the incoming w
        if loss.at == "last":
            # Then δ_T is all there is, and it comes in as if a step beyond T had handed it down.
            (self._path[0],), (self._exponents,) = loss.local_gradient(rollout, T - 1, T)
        self._kernel = BackwardKernel(
            rollout.cell.W_hh.detach(), self._path, self._delta, self._v, ops
        )
        self._stride = n

    def sweep(self, t0: int, t1: int) -> None:
        """Sweeps the steps t1 - 1 … t0, at most a block of them, right after those above."""
        slopes = scaled_slopes(self._activation, self._trajectory, t0, t1)
        block = _Block(t0, t1, *slopes, *self._local_gradients(t0, t1))
        end = t1 - t0
        self._path[end] = self._path[0]
        while end > 0:
            start = max(0, end - self._stride)
            above, link = self._exponents_above(block, start, end)
            reached, fits, swept = self._attempt(block, start, end, above, link)
            above, link = (
                above[reached - start :],
                None if link is None else link[reached - start :],
            )
            start = reached
            if fits is None:
                end, self._exponents = start, above[0] + block.shift[start]
                self._stride = self._trajectory.block
                continue
            last = int(np.flatnonzero(~fits.all(axis=1))[-1])
            self._exponents = above[last] + block.shift[start + last]
            came = above[last] if link is None else above[last] + link[last]
            for row in np.flatnonzero(~fits[last]):
                if self._rescale(start + last, int(row), swept[:, last, row]):
                    continue
                self._step_carefully(block, start + last, int(row), came[row])
            # Where the band is left again and again, long attempts would be thrown away.
            self._stride = min(self._trajectory.block, 2 * (end - start - last))
            end = start + last
        self._fill_shares(block)

    def _local_gradients(self, t0: int, t1: int) -> tuple[Tensor | None, Exponents]:
        """The local gradients of the steps [t0, t1) as g · 2ᵐ; None where all are zero.

        A zero has m = -inf: it must not decide the scale of what it is added to.
        """
        if self._loss.at == "last":
            return None, np.full((t1 - t0, self._trajectory.rows), -np.inf)
        g, m = self._loss.local_gradient(self._rollout, t0, t1)
        return g, np.where(g.any(dim=-1).cpu().numpy(), m, -np.inf)

    def _attempt(
        self, block: _Block, start: int, end: int, above: Exponents, link: Exponents | None
    ) -> tuple[int, NDArray[np.bool_] | None, Norms]:
        """Plain steps end - 1 … start at most.

        Returns how far they came; which of them (…, N) stand, None for all; and the norms of δ,
        v and w (3, …, N).

        `above` and `link` are those of `_exponents_above`.
        """
        d = None if block.d is None else block.d[start:end]
        g = None
        if block.g is not None:
            g = times_power_of_two(block.g[start:end], block.m[start:end] - above)
        f = None
        if link is not None and link.any():
            f = times_power_of_two(self._path.new_ones(*link.shape, 1), link)
        low, high = self._band.low, self._band.high
        reached, swept = self._kernel.run(start, end, d, g, f, low=low, high=high)
        delta, v, _ = swept
        above, start = above[reached - start :], reached
        steps = slice(block.t0 + start, block.t0 + end)
        self.logs.record(steps, swept, above=above, damping=block.shift[start:end])
        inside = (swept >= self._band.low) & (swept <= self._band.high)
        if inside.all():
            return start, None, swept
        # A zero must come from zeros: any other may be an underflow. An incoming w of 0 is exact.
        is_quiet = np.isneginf(block.m[start:end])
        inside |= (swept == 0) & np.array((is_quiet, delta == 0, v == 0))
        fits = np.logical_and.reduce(inside, axis=0)
        return start, None if fits.all() else fits, swept

    def _rescale(self, j: int, row: int, swept: Norms) -> bool:
        """Brings a w that has just left the band to another scale, exactly; whether it did."""
        low, high = self._band.low / SLACK, self._band.high * SLACK
        if not ((swept >= low) & (swept <= high)).all():
            return False
        shift = float(frexp(swept[2])[1])
        self._path[j, row] = times_power_of_two(self._path[j, row], -shift)
        self._exponents[row] += shift
        return True

    def _step_carefully(self, block: _Block, j: int, row: int, k: Exponents) -> None:
        """Step j of a block for one row, every product and every sum at a scale of its own.

        `k` is the exponent of the incoming w.
        """
        terms = [normalised(self._path[j + 1, row], k)]
        if block.g is not None:
            terms.append(normalised(block.g[j, row], block.m[j, row]))
        delta, above = _sum(terms)
        # d ⊙ δ term by term: a slope may silence the units in which the larger term lives.
        t = block.t0 + j
        v, damping = _sum([self._damped(block, j, row, u, m - above) for u, m in terms])
        w, gain = normalised(self._kernel.product(v), np.zeros_like(above))

        self._delta[j, row], self._v[j, row], self._path[j, row] = delta, v, w
        self._exponents[row] = above + damping + gain if w.any() else 0.0
        swept = np.array([norms(vector) for vector in (delta, v, w)])
        self.logs.record((t, row), swept, above=above, damping=damping, gain=gain)

    def _damped(
        self, block: _Block, j: int, row: int, u: Tensor, k: Exponents
    ) -> tuple[Tensor, Exponents]:
        """d ⊙ u · 2ᵏ of one row, normalised."""
        if block.d is None:
            return u, k
        if self._activation == "relu":
            return normalised(block.d[j, row] * u, k)
        # Unit by unit in logarithms: here the slopes may be too far apart for a product.
        magnitudes, shift = damped(u.double().abs().log(), self._trajectory.a[block.t0 + j, row])
        return normalised((magnitudes * u.sign()).to(u.dtype), k + shift)

    def _exponents_above(
        self, block: _Block, start: int, end: int
    ) -> tuple[Exponents, Exponents | None]:
        """The exponents of δ at the steps [start, end), and what the incoming w has less, if so.

        They are those of the incoming w, lowered by the slopes' exponents on the way. Saturated
        steps may lower them so far that a local gradient has no number at that scale: there δ
        starts anew at the scale of the gradient.
        """
        shift, least = block.shift[start:end], block.m[start:end] - self._band.middle
        if not shift.any() and (block.g is None or not (self._exponents < least).any()):
            return np.broadcast_to(self._exponents, shift.shape), None
        above, k = np.empty_like(shift), self._exponents
        link = np.empty_like(shift)
        for j in reversed(range(end - start)):
            above[j] = np.where(k < least[j], block.m[start + j], k)
            link[j] = k - above[j]
            k = above[j] + shift[j]
        return above, link

    def _fill_shares(self, block: _Block) -> None:
        t0, t1, trajectory = block.t0, block.t1, self._trajectory
        v = self._v
        if block.d is None:
            v = self._path[1:] if block.g is None else self._delta
        steps = slice(t0, t1)
        for share, log10_norm, vectors in (
            (self.logs.share_hh, self._log10_norm_h, trajectory.u),
            (self.logs.share_xh, self._log10_norm_x, trajectory.x),
        ):
            share[steps] = weight_share(
                v[: t1 - t0], self.logs.v[steps], vectors[steps], log10_norm[steps]
            )


def _sum(terms: list[tuple[Tensor, Exponents]]) -> tuple[Tensor, Exponents]:
    """The sum of one or two normalised u · 2ᵏ, normalised, taken at the scale of the larger."""
    if len(terms) == 1:
        return terms[0]
    (u, k), (v, m) = terms
    scale = common_exponents(u, k, v, m)
    return normalised(times_power_of_two(u, k - scale) + times_power_of_two(v, m - scale), scale)
