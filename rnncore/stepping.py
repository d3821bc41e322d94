"""Advancing a trajectory: blocks of plain steps, and a careful one where a block leaves its band.

A block of steps runs without looking at its numbers. Its norms, taken together afterwards, tell
where a row has left the band of the dtype (`extended_range`). Steps before that stand; the one
step of that row is taken again with its two terms brought to one scale; and the next block goes
on from there with the row's new exponent. Every choice depends on the row's own numbers alone,
so neither chunks nor neighbours in a batch change a bit.
"""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import phi
from rnncore.cells.elman import ElmanCell
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
from rnncore.kernels import ForwardKernel, Operations
from rnncore.trajectory import Trajectory


@final
class Stepper:
    """Fills a trajectory with states, in forward order."""

    def __init__(self, cell: ElmanCell, trajectory: Trajectory, ops: Operations) -> None:
        self._activation = cell.activation
        self._trajectory = trajectory
        self._band = band(cell.dtype)
        self._largest = torch.finfo(cell.dtype).max
        N = trajectory.rows
        # A single sequence steps by matrix-vector products, without the row axis.
        self._rows: int | slice = 0 if N == 1 else slice(None)
        self._kernel = ForwardKernel(cell.W_hh.detach(), cell.activation, trajectory.row_axes, ops)
        self._drive = trajectory.u.new_empty(min(BLOCK, trajectory.steps), *trajectory.u.shape[1:])
        self._exponents: Exponents = trajectory.exponents[0].copy()  # (N,), in force
        self._is_scaled = False
        self._stride = BLOCK

    def advance(self, t0: int, t1: int) -> None:
        """Computes h_{t0+1} … h_{t1} from h_{t0}, at most `BLOCK` steps."""
        # The attempts overwrite the drive by preactivations, and may have to be repeated.
        self._drive[: t1 - t0] = self._trajectory.a[t0:t1]
        t = t0
        while t < t1:
            end = min(t + self._stride, t1)
            fits = self._attempt(t, end, self._drive[t - t0 : end - t0])
            if fits is None:
                reached, self._stride = end, BLOCK
            else:
                last = int(np.argmin(fits.all(axis=1)))
                reached = t + last + 1
                for row in np.flatnonzero(~fits[last]):
                    self._step_carefully(t + last, int(row), self._drive[t + last - t0, row])
                # Where the band is left again and again, long attempts would be thrown away.
                self._stride = min(BLOCK, 2 * (last + 1))
            t = reached

    def _attempt(self, t: int, end: int, drive: Tensor) -> NDArray[np.bool_] | None:
        """Plain steps from t to `end`; which of them (end - t, N) stand, None for all."""
        trajectory, rows, k = self._trajectory, self._rows, self._exponents
        a, h = trajectory.a[t:end], trajectory.u[t + 1 : end + 1]
        linear_rows = None
        if self._is_scaled:
            a.copy_(times_power_of_two(drive, -k))
            if self._activation == "tanh":
                linear_rows = torch.from_numpy(k != 0).unsqueeze(-1).to(a.device)
        else:
            a.copy_(drive)
        # Overflow is no accident here: the norms look for it.
        with np.errstate(all="ignore"):
            self._kernel.run(
                trajectory.u[t][rows],
                a[:, rows],
                h[:, rows],
                None if linear_rows is None else linear_rows[rows],
            )
        norm = norms(h)
        trajectory.exponents[t + 1 : end + 1] = k
        trajectory.log10_norm[t + 1 : end + 1] = log10_of(norm, k)
        if linear_rows is not None:
            a.copy_(times_power_of_two(a, k))
        return self._misfits(norm, np.isneginf(trajectory.log10_norm[t:end]))

    def _misfits(self, norm: Norms, was_zero: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Which steps stay in the band, (n, N); None where all do."""
        high: float | Norms = self._band.high
        if self._is_scaled and self._activation == "tanh":
            # A scaled row is stepped without its tanh, which is right only while it is tiny.
            room = np.minimum(self._band.linear_below - self._exponents, 1000)
            high = np.where(self._exponents == 0, high, np.minimum(high, np.ldexp(1.0, room)))
        # A zero must come from a zero: any other may be an underflow.
        fits = ((norm >= self._band.low) & (norm <= high)) | ((norm == 0) & was_zero)
        return None if fits.all() else fits

    def _step_carefully(self, t: int, row: int, drive: Tensor) -> None:
        """h_{t+1} of one row, its two terms at the scale of the larger one."""
        trajectory = self._trajectory
        u, k = normalised(trajectory.u[t, row], self._exponents[row])
        drive, m = normalised(drive, np.zeros_like(k))
        scale = common_exponents(u, k, drive, m)
        a = self._kernel.product(times_power_of_two(u, k - scale))
        a += times_power_of_two(drive, m - scale)

        h, k = normalised(phi(self._activation, a) if self._activation == "relu" else a, scale)
        if self._activation == "tanh":
            # Clipped to the end of the dtype, where the logarithm of the slope is still finite.
            a = times_power_of_two(a, scale).clamp(-self._largest, self._largest)
            trajectory.a[t, row] = a
            if k > self._band.linear_below:
                h, k = torch.tanh(a), np.zeros_like(k)
        trajectory.u[t + 1, row] = h
        trajectory.exponents[t + 1, row] = self._exponents[row] = k
        trajectory.log10_norm[t + 1, row] = log10_of(norms(h), k)
        self._is_scaled = bool(self._exponents.any())
