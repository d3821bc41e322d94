"""Advancing a trajectory: plain steps, and a careful one where a row leaves its band.

Plain steps are taken at a row's own scale as long as its norm stays in the band of the dtype
(`extended_range`). A step after which it would not is taken again with its two terms brought to
one scale, and plain steps go on from there with the row's new exponent. Every choice depends on
the row's own numbers alone, so neither chunks nor neighbours in a batch change a bit.
"""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import Activation, phi
from rnncore.extended_range import (
    Norms,
    band,
    common_exponents,
    normalised,
    norms,
    times_power_of_two,
)
from rnncore.kernels import ForwardKernel, operations
from rnncore.native import runs
from rnncore.trajectory import Trajectory


@final
class Stepper:
    """Fills a trajectory with states, in forward order."""

    def __init__(self, W_hh: Tensor, activation: Activation, trajectory: Trajectory) -> None:
        self._activation = activation
        self._W_hh = W_hh = W_hh.detach()
        self._trajectory = trajectory
        self._band = band(W_hh.dtype)
        self._loops = runs.forward(W_hh, activation, trajectory, self._band)
        self._blocks = _Blocks(W_hh, activation, trajectory) if self._loops is None else None

    def advance(self, t0: int, t1: int) -> None:
        """Computes h_{t0+1} … h_{t1} from h_{t0}, at most a block of them."""
        if self._loops is None:
            assert self._blocks is not None
            self._blocks.advance(self, t0, t1)
            return
        beyond = self._trajectory.drive_exponents
        first = t1 if beyond is None else t0 + _leading_zeros(np.any(beyond[t0:t1] != 0.0, axis=1))
        reached = self._loops.run(0, self._trajectory.rows, t0, first)
        for row in np.flatnonzero(reached < t1).tolist():
            t = int(reached[row])
            while t < t1:
                end = t1 if beyond is None else t + _leading_zeros(beyond[t:t1, row] != 0.0)
                if t < end:
                    t = int(self._loops.run(row, 1, t, end)[0])
                if t < t1:
                    drive = self._trajectory.a[t, row].clone()
                    self.step_carefully(t, row, drive, 0.0 if beyond is None else beyond[t, row])
                    t += 1

    def step_carefully(self, t: int, row: int, drive: Tensor, exponent: float) -> None:
        """h_{t+1} of one row, its two terms at the scale of the larger one.

        Args:
            t: the time from which the step goes.
            row: the sequence.
            drive: W_xh x + b_h in units of 2^exponent, (H,).
            exponent: a whole number.
        """
        trajectory = self._trajectory
        u, k = normalised(trajectory.u[t, row], trajectory.exponents[t, row])
        # The product's own scale, not the state's: where W_hh h is 0, the drive is all there is.
        product, k = trajectory.scaled(*normalised(self._W_hh @ u, k), row)
        drive, m = normalised(drive, np.full_like(k, exponent))
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
        trajectory.exponents[t + 1, row] = k


def _leading_zeros(values: NDArray[np.bool_]) -> int:
    """How many values are false before the first that is true."""
    return int(np.argmax(values)) if values.any() else len(values)


@final
class _Blocks:
    """Plain steps of all rows at once, without looking at their numbers for a whole block.

    The norms, taken together afterwards, tell where a row has left the band. Steps before that
    stand.
    """

    def __init__(self, W_hh: Tensor, activation: Activation, trajectory: Trajectory) -> None:
        self._is_tanh = activation == "tanh"
        self._trajectory = trajectory
        self._band = band(W_hh.dtype)
        self._kernel = ForwardKernel(
            *(W_hh, activation, trajectory.u, trajectory.a),
            *(operations(W_hh.device), trajectory.factors),
        )
        self._drive = trajectory.a.new_empty(trajectory.block, *trajectory.a.shape[1:])
        self._stride = trajectory.block

    def advance(self, stepper: Stepper, t0: int, t1: int) -> None:
        """As `Stepper.advance`."""
        # Attempts overwrite the drive by preactivations, and may have to be repeated.
        a, beyond = self._trajectory.a, self._trajectory.drive_exponents
        drive = self._drive[: t1 - t0].copy_(a[t0:t1])
        t = t0
        while t < t1:
            end = min(t + self._stride, t1)
            k = self._trajectory.exponents[t].copy()
            shift = -k if beyond is None else beyond[t:end] - k
            if shift.any():
                a[t:end] = times_power_of_two(drive[t - t0 : end - t0], shift)
            elif t > t0:
                a[t:end] = drive[t - t0 : end - t0]
            fits = self._attempt(t, end, k)
            if fits is None:
                t, self._stride = end, self._trajectory.block
                continue
            steps = int(np.argmin(fits.all(axis=1))) + 1
            t += steps
            for row in np.flatnonzero(~fits[steps - 1]).tolist():
                exponent = 0.0 if beyond is None else beyond[t - 1, row]
                stepper.step_carefully(t - 1, row, drive[t - 1 - t0, row], exponent)
            # Where the band is left again and again, long attempts would be thrown away.
            self._stride = min(self._trajectory.block, 2 * steps)

    def _attempt(self, t: int, end: int, k: Norms) -> NDArray[np.bool_] | None:
        """Plain steps from t to `end`; which of them (end - t, N) stand, None for all."""
        trajectory, linear_rows = self._trajectory, None
        if self._is_tanh and k.any():
            linear_rows = torch.from_numpy(k != 0).unsqueeze(-1).to(trajectory.a.device)
        self._kernel.run(t, end, linear_rows)
        norm = norms(trajectory.u[t + 1 : end + 1])
        trajectory.norm[t + 1 : end + 1] = norm
        trajectory.exponents[t + 1 : end + 1] = k
        high: float | Norms = self._band.high
        if linear_rows is not None:
            trajectory.a[t:end] = times_power_of_two(trajectory.a[t:end], k)
            # Scaled rows are stepped without their tanh, which is right only while tiny.
            room = np.minimum(self._band.linear_below - k, 1000)
            high = np.where(k == 0, high, np.minimum(high, np.ldexp(1.0, room.astype(np.int32))))
        fits: NDArray[np.bool_] = (norm >= self._band.low) & (norm <= high)
        if fits.all():
            return None
        # A zero must come from a zero and a silent drive; any other may be an underflow, of the
        # state or of the squares in its norm.
        is_zero = ~trajectory.u[t : end + 1].any(dim=-1).cpu().numpy()
        fits |= is_zero[1:] & is_zero[:-1]
        return None if fits.all() else fits
