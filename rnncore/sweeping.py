"""The backward sweep itself: blocks of plain steps, a careful one where a block leaves its band.

The mirror image of `stepping`. All arrays of a block are in backward order, the latest step
first: its step j is the time t1 - 1 - j.
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.chunks import BLOCK
from rnncore.extended_range import (
    Exponents,
    Norms,
    band,
    common_exponents,
    log10_of,
    normalised,
    norms,
    times_power_of_two,
)
from rnncore.kernels import BackwardKernel, Operations
from rnncore.losses import Loss
from rnncore.rollout import Rollout
from rnncore.shares import weight_share
from rnncore.slopes import damped, scaled_slopes


class _Block(NamedTuple):
    """What the steps of one block are made of, and where their logarithms go."""

    t0: int
    t1: int
    d: Tensor | None  # (n, N, H), the slopes / 2^shift; None where all are 1
    shift: Exponents  # (n, N)
    g: Tensor | None  # (n, N, H), the local gradients / 2^m; None where all are 0
    m: Exponents  # (n, N)


@dataclass(frozen=True, eq=False)
class GradientLogs:
    """What the sweep finds out, log10 and float64; -inf where something is exactly zero."""

    delta: Norms  # (T, N), ‖δ_t‖
    v: Norms  # (T, N), ‖d_t ⊙ δ_t‖
    w: Norms  # (T, N), ‖W_hhᵀ(d_t ⊙ δ_t)‖
    share_hh: Norms  # (T,), the step's share of ∂L/∂W_hh
    share_xh: Norms  # (T,), the step's share of ∂L/∂W_xh


@final
class Sweeper:
    """Fills `logs` from the last step down."""

    def __init__(self, rollout: Rollout, loss: Loss, ops: Operations) -> None:
        self._rollout = rollout
        self._loss = loss
        trajectory = self._trajectory = rollout.trajectory
        T, N, H = trajectory.steps, trajectory.rows, rollout.cell.hidden_size
        self._band = band(rollout.cell.dtype)
        self._rows: int | slice = 0 if N == 1 else slice(None)
        self._kernel = BackwardKernel(rollout.cell.W_hh.detach(), ops)
        nothing = (np.full(shape, -np.inf) for shape in [(T, N)] * 3 + [(T,)] * 2)
        self.logs = GradientLogs(*nothing)
        n = min(BLOCK, T)
        new = trajectory.u.new_zeros
        # The w of every step after the incoming one, which is 0 at T; then δ and v.
        self._path, self._delta, self._v = new(n + 1, N, H), new(n, N, H), new(n, N, H)
        self._exponents: Exponents = np.zeros(N)  # (N,), of the incoming w
        self._stride = BLOCK

    def sweep(self, t0: int, t1: int) -> None:
        """Sweeps the steps t1 - 1 … t0, at most `BLOCK` of them."""
        n = t1 - t0
        d, shift = scaled_slopes(self._rollout.cell.activation, self._trajectory, t0, t1)
        block = _Block(t0, t1, d, shift, *self._local_gradients(t0, t1))
        j = 0
        while j < n:
            end = min(j + self._stride, n)
            before = self._exponents
            after = before + np.cumsum(shift[j:end], axis=0)
            fits = self._attempt(block, j, end, after)
            if fits is None:
                j, self._exponents, self._stride = end, after[-1], BLOCK
                continue
            last = int(np.argmin(fits.all(axis=1)))
            self._exponents = after[last].copy()
            for row in np.flatnonzero(~fits[last]):
                row_before = after[last, row] - shift[j + last, row]
                self._step_carefully(block, j + last, int(row), row_before)
            # Where the band is left again and again, long attempts would be thrown away.
            self._stride = min(BLOCK, 2 * (last + 1))
            j += last + 1
        self._fill_shares(block)
        self._path[0] = self._path[n]

    def _local_gradients(self, t0: int, t1: int) -> tuple[Tensor | None, Exponents]:
        shape = (t1 - t0, self._trajectory.rows)
        if self._loss.at == "every":
            g, m = self._loss.local_gradient(self._rollout, t0, t1)
            return g.flip(0), np.flip(m, 0)
        m = np.zeros(shape)
        if t1 < self._trajectory.steps:
            return None, m
        g = self._trajectory.u.new_zeros(*shape, self._rollout.cell.hidden_size)
        last, m[:1] = self._loss.local_gradient(self._rollout, t1 - 1, t1)
        g[:1] = last
        return g, m

    def _attempt(
        self, block: _Block, j: int, end: int, after: Exponents
    ) -> NDArray[np.bool_] | None:
        """Plain steps j … end; which of them (end - j, N) stand, None for all.

        `after` holds the exponents of v and w: those of δ, and the exponent of the slopes.
        """
        before = after - block.shift[j:end]
        path, delta, v = self._path[j : end + 1], self._delta[j:end], self._v[j:end]
        d = None if block.d is None else block.d[j:end]
        g = None
        if block.g is not None:
            g = times_power_of_two(block.g[j:end], block.m[j:end] - before)
        rows = self._rows
        # Overflow is no accident here: the norms look for it.
        with np.errstate(all="ignore"):
            self._kernel.run(
                None if d is None else d[:, rows],
                None if g is None else g[:, rows],
                path[:, rows],
                delta[:, rows],
                v[:, rows],
            )
        path_norm = norms(path)
        came, w_norm = path_norm[:-1], path_norm[1:]
        delta_norm = came if g is None else norms(delta)
        v_norm = delta_norm if d is None else norms(v)
        times = self._times(block, j, end)
        self.logs.delta[times] = log10_of(delta_norm, before)
        self.logs.v[times] = log10_of(v_norm, after)
        self.logs.w[times] = log10_of(w_norm, after)

        inside = [self._is_inside(norm) for norm in (delta_norm, v_norm, w_norm)]
        if all(part.all() for part in inside):
            return None
        # A zero must come from zeros: any other may be an underflow.
        is_quiet = came == 0
        if block.g is not None:
            is_quiet &= ~block.g[j:end].any(dim=-1).cpu().numpy()
        inside[0] |= (delta_norm == 0) & is_quiet
        inside[1] |= (v_norm == 0) & (delta_norm == 0)
        inside[2] |= (w_norm == 0) & (v_norm == 0)
        fits = inside[0] & inside[1] & inside[2]
        return None if fits.all() else fits

    def _step_carefully(self, block: _Block, j: int, row: int, exponent: float) -> None:
        """Step j of one row, every sum and product at a scale of its own."""
        delta, k = normalised(self._path[j, row], np.asarray(exponent))
        if block.g is not None:
            g, m = normalised(block.g[j, row], block.m[j, row])
            scale = common_exponents(delta, k, g, m)
            total = times_power_of_two(delta, k - scale) + times_power_of_two(g, m - scale)
            delta, k = normalised(total, scale)
            self._delta[j, row] = delta
        t = block.t1 - 1 - j
        self.logs.delta[t, row] = log10_of(norms(delta), k)

        v = delta
        if self._rollout.cell.activation == "tanh":
            # Unit by unit in logarithms: here the slopes may be too far apart for a product.
            magnitudes, shift = damped(delta.double().abs().log(), self._trajectory.a[t, row])
            v, k = (magnitudes * delta.sign()).to(delta.dtype), k + shift
        elif block.d is not None:
            v = block.d[j, row] * delta
        v, k = normalised(v, k)
        self._v[j, row] = v
        self.logs.v[t, row] = log10_of(norms(v), k)

        w, k = normalised(self._kernel.product(v), k)
        self._path[j + 1, row] = w
        self._exponents[row] = k
        self.logs.w[t, row] = log10_of(norms(w), k)

    def _fill_shares(self, block: _Block) -> None:
        t0, t1, trajectory = block.t0, block.t1, self._trajectory
        n = t1 - t0
        p = self._v
        if block.d is None:
            p = self._path if block.g is None else self._delta
        p = p[:n].flip(0)
        log10_p = self.logs.v[t0:t1]
        self.logs.share_hh[t0:t1] = weight_share(
            p, log10_p, trajectory.u[t0:t1], trajectory.log10_norm[t0:t1]
        )
        self.logs.share_xh[t0:t1] = weight_share(
            p, log10_p, trajectory.x[t0:t1], trajectory.log10_norm_x[t0:t1]
        )

    def _is_inside(self, norm: Norms) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = (norm >= self._band.low) & (norm <= self._band.high)
        return inside

    @staticmethod
    def _times(block: _Block, j: int, end: int) -> slice:
        """The times of steps j … end, in backward order."""
        last = block.t1 - 1 - end
        return slice(block.t1 - 1 - j, last if last >= 0 else None, -1)
