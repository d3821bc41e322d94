"""The backward sweep of a gated cell: plain steps, also where gradients leave float64.

∂L/∂h and ∂L/∂c of a row are carried as δ · 2ᵏ and γ · 2ᵏ with one k. A step is linear in them, so
k may be anything at any step; it changes between windows of `WINDOW` steps, once the larger of
the two has left the middle of float64. All is decided from a row's own numbers. Windows in which
one of the vectors has left float64 all the same are swept one step at a time, with an exponent for
each (`careful_adjoint`).
"""

from typing import Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.extended_range import (
    Exponents,
    Norms,
    log10_of,
    norms,
    times_power_of_two,
)
from rnncore.gated.adjoints import Adjoint
from rnncore.gated.careful_adjoint import Handed, careful_step, scaled
from rnncore.gated.coefficients import fill_coefficients, ln_coefficients, spread_saturated
from rnncore.gated.direct_path import DirectPath
from rnncore.gated.logs import GatedLogs
from rnncore.gated.rollout import GatedRollout
from rnncore.input_gradients import InputGradients
from rnncore.losses import Loss
from rnncore.shares import weight_share

Mask = NDArray[np.bool_]

WINDOW: Final = 16
# Binary exponents: between windows δ and γ are brought to 0 once they have left ±_MIDDLE; two
# vectors may be apart by _APART to have one k; norms to 2^±_END are those of float64's squares.
_MIDDLE, _APART, _END = 300, 440, 480


class _Block(NamedTuple):
    """What the steps [t0, t0 + n) are made of, beside the coefficients."""

    t0: int
    n: int
    shift: Exponents  # (n, N), of the coefficients
    g: Tensor | None  # (n, N, H), the local gradients / 2^m; None where all are 0
    m: Exponents  # (n, N), -inf where g is 0


class _Taken(NamedTuple):
    """What plain steps have found, each (steps, N)."""

    fails: Mask  # where a vector has left float64
    w: Norms  # ‖·‖ of what each step hands down of ∂L/∂h,
    c: Norms  # of ∂L/∂c,
    k: Exponents  # and the exponent of both


@final
class GatedSweeper:
    """Fills `logs` from the last step down."""

    def __init__(self, rollout: GatedRollout, loss: Loss, *, keeps_inputs: bool = False) -> None:
        trajectory = self._trajectory = rollout.trajectory
        self._rollout, self._loss = rollout, loss
        T, N, H = trajectory.steps, trajectory.rows, rollout.cell.hidden_size
        self.logs = GatedLogs(T, N)
        self.inputs: InputGradients | None = None
        if keeps_inputs:
            self.inputs = InputGradients(rollout.cell.W_xh, T, N)
            self.logs.exponents = np.zeros((T, N))
        self._log10_norm_x = trajectory.log10_norm_x
        self._is_lstm = trajectory.c is not None
        feedback, is_fed_back = trajectory.feedback, trajectory.fed < T
        self._enter(feedback.W_hh if feedback and is_fed_back else rollout.cell.W_hh)
        # What comes in from above: w · 2^k and c · 2^k_c.
        self._w, self._c = self._W_hh.new_zeros(2, N, H)
        self._k, self._k_c = np.zeros((2, N))
        (g,), (m,) = loss.local_gradient(rollout, T - 1, T)
        self._direct = DirectPath(trajectory, g.double(), m)
        if loss.at == "last":
            # Then δ_T is all there is, and it comes in as if a step beyond T had handed it down.
            self._w, self._k = g.to(torch.float64, copy=True).contiguous(), m.copy()
        self._stride = trajectory.block

    def _enter(self, W_hh: Tensor) -> None:
        """The steps that are swept next go through this matrix."""
        self._W_hh = W_hh.detach().double()
        # Then the zeros that come through it are exact.
        self._is_deaf = not bool(self._W_hh.any())
        block, N = self._trajectory.block, self._trajectory.rows
        self._adjoint = Adjoint(self._W_hh, block, N, is_lstm=self._is_lstm)

    def sweep(self, t0: int, t1: int) -> None:
        """Sweeps the steps t1 - 1 … t0, at most a block of them, right after those above."""
        if t1 == self._trajectory.fed < self._trajectory.steps:
            self._enter(self._rollout.cell.W_hh)
        K = self._adjoint.K[: t1 - t0]
        fill_coefficients(K, self._trajectory, t0, t1)
        g, m = self._local_gradients(t0, t1)
        # Beside local gradients, what saturated steps hand down is little anyway.
        shift = spread_saturated(K, self._trajectory, t0) if g is None else np.zeros(m.shape)
        block = _Block(t0, t1 - t0, shift, g, m)
        end = block.n
        while end > 0:
            end = self._sweep_some(block, end)
        self.logs.direct[t0:t1] = self._direct.log10_norms(t0, t1)
        self._fill_shares(t0, t1)

    def _local_gradients(self, t0: int, t1: int) -> tuple[Tensor | None, Exponents]:
        """The local gradients of the steps [t0, t1) as g · 2ᵐ; None where all are zero."""
        if self._loss.at == "last":
            return None, np.full((t1 - t0, self._trajectory.rows), -np.inf)
        g, m = self._loss.local_gradient(self._rollout, t0, t1)
        return g.double().contiguous(), np.where(g.any(dim=-1).cpu().numpy(), m, -np.inf)

    def _sweep_some(self, block: _Block, end: int) -> int:
        """Sweeps below step `end` of a block as far as it can be done at once; how far that is."""
        came = norms(self._w)[None], norms(self._c)[None]
        (k,), is_hard = self._plan(block, np.array([end]), *came, self._k, self._k_c)
        start = max(0, end - (WINDOW if is_hard.any() else self._stride))
        taken = self._take(block, start, end, k)

        ends = np.arange(end, start, -WINDOW)
        hard = np.logical_or.reduceat(taken.fails[::-1], end - ends, axis=0)
        hard[0] |= is_hard[0]
        changed = np.zeros_like(hard)
        if len(ends) > 1:
            w, c, now = (each[ends[1:] - start] for each in (taken.w, taken.c, taken.k))
            planned, will_be_hard = self._plan(block, ends[1:], w, c, now, now)
            changed[1:] = (planned != now) | will_be_hard
        stopped = np.flatnonzero((hard | changed).any(axis=1))
        if not len(stopped):
            self._stride = self._trajectory.block
            self._hand_down(start, taken.k[0])
            return start
        window = int(stopped[0])
        # Where exponents change again and again, long attempts would be thrown away.
        self._stride = min(self._trajectory.block, 2 * WINDOW * max(1, window))
        if window > 0:
            end = int(ends[window])
            self._hand_down(end, taken.k[end - start])
        if changed[window].any():
            return end
        lowest = max(start, end - WINDOW)
        rows = np.flatnonzero(hard[window]).tolist()
        handed = [self._sweep_carefully(block, lowest, end, row) for row in rows]
        self._hand_down(lowest, taken.k[lowest - start])
        for row, came_in in zip(rows, handed, strict=True):
            (self._w[row], self._k[row]), (self._c[row], self._k_c[row]) = came_in
        return lowest

    def _hand_down(self, step: int, k: Exponents) -> None:
        """What comes in next is what this step of the block has left."""
        self._w = self._adjoint.path[step].clone()
        if self._is_lstm:
            self._c = self._adjoint.path_c[step].clone()
        self._k, self._k_c = k.copy(), k.copy()

    def _plan(
        self,
        block: _Block,
        ends: NDArray[np.int64],
        w: Norms,
        c: Norms,
        k: Exponents,
        k_c: Exponents,
    ) -> tuple[Exponents, Mask]:
        """The exponents for the windows below `ends`, and where one will not do.

        Args:
            w, c: the norms of what comes in, (len(ends), N), at the exponents k and k_c.
        """
        size_w, size_c = _sizes(w, k), _sizes(c, k_c)
        top, least = np.maximum(size_w, size_c), np.minimum(size_w, size_c)
        stays = (k == k_c) & (np.abs(top - k) <= _MIDDLE)
        planned = np.where(stays, k, top)
        is_hard = (least < planned - _APART) & ~np.isneginf(least)
        if block.g is not None:
            local = np.array([block.m[max(0, end - WINDOW) : end].max(axis=0) for end in ends])
            planned = np.where(local > planned + _MIDDLE, local, planned)
        return np.where(np.isneginf(planned), 0.0, planned), is_hard

    def _take(self, block: _Block, start: int, end: int, k: Exponents) -> _Taken:
        """Plain steps end - 1 … start, from what comes in, brought to the exponents k."""
        adjoint, steps = self._adjoint, slice(start, end)
        w = times_power_of_two(self._w, self._k - k)
        c = times_power_of_two(self._c, self._k_c - k)
        shift = block.shift[steps]
        below = k + np.cumsum(shift[::-1], axis=0)[::-1]
        above = below - shift
        g = None
        if block.g is not None:
            g = times_power_of_two(block.g[steps], block.m[steps] - above)
        adjoint.run(start, end, w, c, g)

        handed, came = norms(adjoint.path[steps]), norms(w)[None]
        came = np.concatenate((handed[1:], came))
        delta = came if g is None else norms(adjoint.delta[steps])
        p = norms(adjoint.shared[steps])
        logs, where = self.logs, slice(block.t0 + start, block.t0 + end)
        logs.delta[where] = log10_of(delta, above)
        logs.p[where] = logs.p_x[where] = log10_of(p, below)
        if logs.exponents is not None:
            logs.exponents[where] = below
        is_quiet = np.isneginf(block.m[steps])
        fails = _ends(delta, is_quiet & (came == 0))
        if not self._is_lstm:
            fails |= _ends(p, delta == 0) | _ends(handed, delta == 0)
            logs.p_x[where] = log10_of(norms(adjoint.p[steps, :, [0, 1, 3]].flatten(-2)), below)
            return _Taken(fails, handed, np.zeros_like(handed), below)
        gamma, handed_c = norms(adjoint.gamma[steps]), norms(adjoint.path_c[steps])
        came_c = np.concatenate((handed_c[1:], norms(c)[None]))
        logs.gamma[where] = log10_of(gamma, above)
        fails |= _ends(gamma, (delta == 0) & (came_c == 0)) | _ends(handed_c, gamma == 0)
        fails |= _ends(p, (delta == 0) & (gamma == 0)) | _ends(handed, (p == 0) | self._is_deaf)
        return _Taken(fails, handed, handed_c, below)

    def _sweep_carefully(self, block: _Block, start: int, end: int, row: int) -> Handed:
        """The steps end - 1 … start of one row, one at a time; what the last hands down."""
        handed = Handed(scaled(self._w[row], self._k[row]), scaled(self._c[row], self._k_c[row]))
        steps = torch.arange(block.t0 + start, block.t0 + end, device=self._w.device)
        ln, sign = ln_coefficients(self._trajectory, steps, torch.full_like(steps, row))
        slots = slice(1, 5) if self._is_lstm else slice(0, 4)
        for j in reversed(range(start, end)):
            g = None if block.g is None else scaled(block.g[j, row], block.m[j, row])
            step = careful_step(
                *(self._W_hh, ln[j - start], sign[j - start], handed, g), is_lstm=self._is_lstm
            )
            self.logs.take(block.t0 + j, row, step, is_lstm=self._is_lstm)
            self._adjoint.p[j, row, slots] = step.p.u
            handed = step.handed
        return handed

    def _fill_shares(self, t0: int, t1: int) -> None:
        trajectory, adjoint, steps, n = self._trajectory, self._adjoint, slice(t0, t1), t1 - t0
        p = p_x = adjoint.shared[:n]
        logs, inputs = self.logs, self.inputs
        if not self._is_lstm and (trajectory.rows > 1 or inputs is not None):
            p_x = adjoint.p[:n, :, [0, 1, 3]].flatten(-2)
        if inputs is not None:
            assert logs.exponents is not None
            inputs.fill(t0, p_x, logs.exponents[steps])
        logs.share_hh[steps] = weight_share(
            p, logs.p[steps], trajectory.u[steps], trajectory.log10_norm(t0, t1)
        )
        logs.share_xh[steps] = weight_share(
            p_x, logs.p_x[steps], trajectory.x[steps], self._log10_norm_x[steps]
        )


def _sizes(norm: Norms, k: Exponents) -> Exponents:
    """Binary exponents of norm · 2ᵏ, -inf of 0."""
    return np.where(norm > 0, np.frexp(norm)[1] + k, -np.inf)


def _ends(norm: Norms, may_be_zero: Mask) -> Mask:
    """Where a norm is none that float64 arithmetic can be trusted with; some zeros are exact."""
    is_inside = (norm >= 2.0**-_END) & (norm <= 2.0**_END)
    ends: Mask = ~(is_inside | ((norm == 0) & may_be_zero))
    return ends
