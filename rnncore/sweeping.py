"""The backward sweep itself: plain steps, a careful one where a row leaves its band.

The mirror image of `stepping`, from the last step down.
"""

from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncore.extended_range import (
    Exponents,
    Norms,
    band,
    normalised,
    norms,
    summed,
    times_power_of_two,
)
from rnncore.gradient_logs import GradientLogs
from rnncore.input_gradients import InputGradients
from rnncore.kernels import BackwardKernel, operations
from rnncore.losses import Loss
from rnncore.native import runs
from rnncore.rollout import Rollout
from rnncore.shares import weight_share
from rnncore.slopes import damped, scaled_slopes
from rnncore.trajectory import Trajectory


class _Block(NamedTuple):
    """What the steps [t0, t1) are made of; n = t1 - t0."""

    t0: int
    t1: int
    d: Tensor | None  # (n, N, H), the slopes / 2^shift; None where all are 1
    shift: Exponents  # (n, N)
    g: Tensor | None  # (n, N, H), the local gradients / 2^m; None where all are 0
    m: Exponents  # (n, N), -inf where g is 0


class _Step(NamedTuple):
    """A careful step of one row, for `GradientLogs.record`."""

    where: tuple[int, int]
    swept: Norms
    above: Exponents
    damping: Exponents
    gain: Exponents


@final
class Sweeper:
    """Fills `logs` from the last step down."""

    def __init__(self, rollout: Rollout, loss: Loss, *, keeps_inputs: bool = False) -> None:
        self._activation = rollout.cell.activation
        self._rollout = rollout
        self._loss = loss
        trajectory = self._trajectory = rollout.trajectory
        T, N, H = trajectory.steps, trajectory.rows, rollout.cell.hidden_size
        self.logs = GradientLogs(T, N, is_fan=trajectory.is_fan)
        self.inputs: InputGradients | None = None
        if keeps_inputs:
            self.inputs = InputGradients(rollout.cell.W_xh, T, N)
            self.logs.exponents = np.zeros((T, N))
        self._log10_norm_h = trajectory.log10_norm(0, T)  # of h_{t-1}
        self._log10_norm_x = trajectory.log10_norm_x
        n = trajectory.block
        new = trajectory.u.new_zeros
        # Entry j of the path is the w that step j hands down; the last is what comes in.
        self.path, self.delta, self.v = new(n + 1, N, H), new(n, N, H), new(n, N, H)
        self.exponents = np.zeros(N)  # of the incoming w
        if loss.at == "last":
            # Then δ_T is all there is, and it comes in as if a step beyond T had handed it down.
            (self.path[0],), (self.exponents[:],) = loss.local_gradient(rollout, T - 1, T)
        feedback, is_fed_back = trajectory.feedback, trajectory.fed < T
        self._enter(feedback.W_hh if feedback and is_fed_back else rollout.cell.W_hh)

    def _enter(self, W_hh: Tensor) -> None:
        """The steps that are swept next go through this matrix."""
        W_hh = W_hh.detach()
        self._W_hhT = W_hh.mT
        self._loops = runs.backward(W_hh, self, band(W_hh.dtype))
        self._blocks = _Blocks(self, W_hh, self._trajectory) if self._loops is None else None

    @property
    def factors(self) -> Tensor | None:
        """On W_hh, for each row, (N, 1); None for 1."""
        return self._trajectory.factors

    def sweep(self, t0: int, t1: int) -> None:
        """Sweeps the steps t1 - 1 … t0, at most a block of them, right after those above."""
        if t1 == self._trajectory.fed < self._trajectory.steps:
            self._enter(self._rollout.cell.W_hh)
        slopes = scaled_slopes(self._activation, self._trajectory, t0, t1)
        block = _Block(t0, t1, *slopes, *self._local_gradients(t0, t1))
        self.path[t1 - t0] = self.path[0]
        if self._loops is not None:
            self._sweep_rows(block, self._loops)
        else:
            assert self._blocks is not None
            self._blocks.sweep(self, block)
        self._fill_shares(block)

    def _sweep_rows(self, block: _Block, loops: runs.Backward) -> None:
        n = block.t1 - block.t0
        loops.take(block.d, block.shift, block.g, block.m)
        reached = loops.run(0, self._trajectory.rows, n)
        careful = []
        for row in np.flatnonzero(reached > 0).tolist():
            j = int(reached[row])
            while j > 0:
                j -= 1
                careful.append(self.step_carefully(block, j, row, self.exponents[row]))
                j = int(loops.run(row, 1, j)[0])
        steps = slice(block.t0, block.t1)
        self.logs.record(steps, loops.norms[:, :n], above=loops.above[:n], damping=block.shift)
        for step in careful:
            self.record(step)

    def record(self, step: _Step) -> None:
        """Keeps what a careful step has found."""
        where, swept, above, damping, gain = step
        self.logs.record(where, swept, above=above, damping=damping, gain=gain)

    def _local_gradients(self, t0: int, t1: int) -> tuple[Tensor | None, Exponents]:
        """The local gradients of the steps [t0, t1) as g · 2ᵐ; None where all are zero.

        A zero has m = -inf: it must not decide the scale of what it is added to.
        """
        if self._loss.at == "last":
            return None, np.full((t1 - t0, self._trajectory.rows), -np.inf)
        g, m = self._loss.local_gradient(self._rollout, t0, t1)
        return g, np.where(g.any(dim=-1).cpu().numpy(), m, -np.inf)

    def step_carefully(self, block: _Block, j: int, row: int, k: Exponents) -> _Step:
        """Step j of a block for one row, every product and every sum at a scale of its own.

        `k` is the exponent of the incoming w.
        """
        terms = [normalised(self.path[j + 1, row], k)]
        if block.g is not None:
            terms.append(normalised(block.g[j, row], block.m[j, row]))
        delta, above = summed(terms)
        # d ⊙ δ term by term: a slope may silence the units in which the larger term lives.
        v, damping = summed([self._damped(block, j, row, u, m - above) for u, m in terms])
        product = normalised(self._W_hhT @ v, np.zeros_like(above))
        w, gain = normalised(*self._trajectory.scaled(*product, row))

        self.delta[j, row], self.v[j, row], self.path[j, row] = delta, v, w
        if block.d is None and block.g is None:
            self.path[j + 1, row] = delta  # which stands for v there, at the exponent of δ
        self.exponents[row] = above + damping + gain if w.any() else 0.0
        swept = np.array([norms(vector) for vector in (delta, v, w)])
        return _Step((block.t0 + j, row), swept, above, damping, gain)

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

    def _fill_shares(self, block: _Block) -> None:
        t0, t1, trajectory = block.t0, block.t1, self._trajectory
        v = self.v
        if block.d is None:
            v = self.path[1:] if block.g is None else self.delta
        steps = slice(t0, t1)
        if self.inputs is not None:
            assert self.logs.exponents is not None
            self.inputs.fill(t0, v[: t1 - t0], self.logs.exponents[steps])
        for share, log10_norm, vectors in (
            (self.logs.share_hh, self._log10_norm_h, trajectory.u),
            (self.logs.share_xh, self._log10_norm_x, trajectory.x),
        ):
            if trajectory.is_fan:
                share[steps] = self.logs.v[steps] + log10_norm[steps]
                continue
            share[steps] = weight_share(
                v[: t1 - t0], self.logs.v[steps], vectors[steps], log10_norm[steps]
            )


@final
class _Blocks:
    """Plain steps of all rows at once, many before their norms are looked at; see `stepping`."""

    def __init__(self, sweeper: Sweeper, W_hh: Tensor, trajectory: Trajectory) -> None:
        self._band = band(W_hh.dtype)
        self._kernel = BackwardKernel(
            *(W_hh, sweeper.path, sweeper.delta, sweeper.v),
            *(operations(W_hh.device), trajectory.factors),
        )
        self._longest = self._stride = trajectory.block

    def sweep(self, sweeper: Sweeper, block: _Block) -> None:
        """The steps of a block."""
        end = block.t1 - block.t0
        while end > 0:
            start = max(0, end - self._stride)
            above, link = self._exponents_above(block, start, end, sweeper.exponents)
            fits = self._attempt(sweeper, block, start, end, above, link)
            if fits is None:
                end, self._stride = start, self._longest
                sweeper.exponents[:] = above[0] + block.shift[start]
                continue
            last = int(np.flatnonzero(~fits.all(axis=1))[-1])
            sweeper.exponents[:] = above[last] + block.shift[start + last]
            came = above[last] if link is None else above[last] + link[last]
            for row in np.flatnonzero(~fits[last]).tolist():
                sweeper.record(sweeper.step_carefully(block, start + last, row, came[row]))
            # Where the band is left again and again, long attempts would be thrown away.
            self._stride = min(self._longest, 2 * (end - start - last))
            end = start + last

    def _attempt(
        self,
        sweeper: Sweeper,
        block: _Block,
        start: int,
        end: int,
        above: Exponents,
        link: Exponents | None,
    ) -> NDArray[np.bool_] | None:
        """Plain steps end - 1 … start; which of them (end - start, N) stand, None for all.

        `above` and `link` are those of `_exponents_above`.
        """
        d = None if block.d is None else block.d[start:end]
        g = None
        if block.g is not None:
            g = times_power_of_two(block.g[start:end], block.m[start:end] - above)
        f = None
        if link is not None and link.any():
            f = times_power_of_two(sweeper.path.new_ones(*link.shape, 1), link)
        self._kernel.run(start, end, d, g, f)

        path = norms(sweeper.path[start : end + 1])
        came, w = path[1:], path[:-1]
        delta = came if g is None else norms(sweeper.delta[start:end])
        v = delta if d is None else norms(sweeper.v[start:end])
        swept = np.array((delta, v, w))
        steps = slice(block.t0 + start, block.t0 + end)
        sweeper.logs.record(steps, swept, above=above, damping=block.shift[start:end])
        inside = (swept >= self._band.low) & (swept <= self._band.high)
        if inside.all():
            return None
        # A zero must come from zeros: any other may be an underflow. An incoming w of 0 is exact.
        is_quiet = np.isneginf(block.m[start:end])
        inside |= (swept == 0) & np.array((is_quiet, delta == 0, v == 0))
        fits: NDArray[np.bool_] = np.logical_and.reduce(inside, axis=0)
        return None if fits.all() else fits

    def _exponents_above(
        self, block: _Block, start: int, end: int, came: Exponents
    ) -> tuple[Exponents, Exponents | None]:
        """The exponents of δ at the steps [start, end), and what the incoming w has less, if so.

        They are those of the incoming w, lowered by the slopes' exponents on the way. Saturated
        steps may lower them so far that a local gradient has no number at that scale: there δ
        starts anew at the scale of the gradient.
        """
        shift, least = block.shift[start:end], block.m[start:end] - self._band.middle
        if not shift.any() and (block.g is None or not (came < least).any()):
            return np.broadcast_to(came.copy(), shift.shape), None
        above, k = np.empty_like(shift), came
        link = np.empty_like(shift)
        for j in reversed(range(end - start)):
            above[j] = np.where(k < least[j], block.m[start + j], k)
            link[j] = k - above[j]
            k = above[j] + shift[j]
        return above, link
