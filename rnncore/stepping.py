"""Advancing a trajectory: blocks of plain steps, and a careful one where a block leaves its band.

A block of steps runs without looking at its numbers. Its norms, taken together afterwards, tell
where a row has left the band of the dtype (`extended_range`). Steps before that stand; the one
step of that row is taken again with its two terms brought to one scale; and the next block goes
on from there with the row's new exponent. Every choice depends on the row's own numbers alone,
so neither chunks nor neighbours in a batch change a bit.
"""

from math import frexp, ldexp
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import phi
from rnncore.cells.elman import ElmanCell
from rnncore.extended_range import (
    SLACK,
    band,
    common_exponents,
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
        self._kernel = ForwardKernel(
            cell.W_hh.detach(), cell.activation, trajectory.u, trajectory.a, ops
        )
        self._drive = trajectory.a.new_empty(trajectory.block, *trajectory.a.shape[1:])
        self._exponents = np.zeros(trajectory.rows)  # in force
        self._is_scaled = False
        self._stride = trajectory.block

    def advance(self, t0: int, t1: int) -> None:
        """Computes h_{t0+1} … h_{t1} from h_{t0}, at most a block of them."""
        # Attempts overwrite the drive by preactivations, and may have to be repeated.
        a = self._trajectory.a
        drive = self._drive[: t1 - t0].copy_(a[t0:t1])
        t, is_first = t0, True
        while t < t1:
            end = min(t + self._stride, t1)
            if self._is_scaled:
                a[t:end] = times_power_of_two(drive[t - t0 : end - t0], -self._exponents)
            elif not is_first:
                a[t:end] = drive[t - t0 : end - t0]
            end, fits = self._attempt(t, end)
            is_first = False
            if fits is None:
                t, self._stride = end, self._trajectory.block
                continue
            steps = int(np.argmin(fits.all(axis=1))) + 1
            t += steps
            for row in np.flatnonzero(~fits[steps - 1]):
                if not self._rescale(t, int(row)):
                    self._step_carefully(t - 1, int(row), drive[t - 1 - t0, row])
            self._is_scaled = bool(self._exponents.any())
            # Where the band is left again and again, long attempts would be thrown away.
            self._stride = min(self._trajectory.block, 2 * steps)

    def _attempt(self, t: int, end: int) -> tuple[int, NDArray[np.bool_] | None]:
        """Plain steps from t to `end` at most; how far, and which (…, N) stand, None for all."""
        trajectory, k = self._trajectory, self._exponents
        linear_rows, high = None, np.full(trajectory.rows, self._band.high)
        if self._is_scaled and self._activation == "tanh":
            linear_rows = torch.from_numpy(k != 0).unsqueeze(-1).to(trajectory.a.device)
            # Scaled rows are stepped without their tanh, which is right only while tiny.
            room = np.minimum(self._band.linear_below - k, 1000)
            high = np.where(k == 0, high, np.minimum(high, np.ldexp(1.0, room.astype(np.int32))))
        norm = self._kernel.run(t, end, linear_rows, low=self._band.low, high=high)
        end = t + len(norm)
        trajectory.norm[t + 1 : end + 1] = norm
        trajectory.exponents[t + 1 : end + 1] = k
        if linear_rows is not None:
            trajectory.a[t:end] = times_power_of_two(trajectory.a[t:end], k)
        fits: NDArray[np.bool_] = (norm >= self._band.low) & (norm <= high)
        if fits.all():
            return end, None
        # A zero must come from a zero and a silent drive; any other may be an underflow, of the
        # state or of the squares in its norm.
        is_zero = ~trajectory.u[t : end + 1].any(dim=-1).cpu().numpy()
        fits |= is_zero[1:] & is_zero[:-1]
        return end, None if fits.all() else fits

    def _rescale(self, t: int, row: int) -> bool:
        """Brings a state that has just left the band to another scale, exactly; whether it did."""
        trajectory, norm = self._trajectory, float(self._trajectory.norm[t, row])
        if norm > self._band.high and self._activation == "tanh":
            return False  # it may have grown to where tanh is no longer linear
        if not self._band.low / SLACK <= norm <= self._band.high * SLACK:
            return False
        k = self._exponents[row]
        shift = float(frexp(norm)[1])
        if abs(k + shift) < self._band.middle:
            shift = -k  # well inside the dtype again: an ordinary number
        trajectory.u[t, row] = times_power_of_two(trajectory.u[t, row], -shift)
        trajectory.norm[t, row] = ldexp(norm, int(-shift))
        trajectory.exponents[t, row] = self._exponents[row] = k + shift
        return True

    def _step_carefully(self, t: int, row: int, drive: Tensor) -> None:
        """h_{t+1} of one row, its two terms at the scale of the larger one."""
        trajectory = self._trajectory
        u, k = normalised(trajectory.u[t, row], self._exponents[row])
        # The product's own scale, not the state's: where W_hh h is 0, the drive is all there is.
        product, k = normalised(self._kernel.product(u), k)
        drive, m = normalised(drive, np.zeros_like(k))
        scale = common_exponents(product, k, drive, m)
        a = times_power_of_two(product, k - scale) + times_power_of_two(drive, m - scale)

        if self._activation == "tanh":
            h, k = normalised(a, scale)
            # ±inf where W_hh h_0 leaves the dtype: tanh knows what to make of that.
            trajectory.a[t, row] = a = times_power_of_two(a, scale)
            if k > self._band.linear_below:
                h, k = torch.tanh(a), np.zeros_like(k)
        else:
            h, k = normalised(phi(self._activation, a), scale)
            if abs(k) < self._band.middle:
                # Well inside the dtype again: an ordinary number.
                h, k = times_power_of_two(h, k), np.zeros_like(k)
        trajectory.u[t + 1, row] = h
        trajectory.norm[t + 1, row] = norms(h)
        trajectory.exponents[t + 1, row] = self._exponents[row] = k
