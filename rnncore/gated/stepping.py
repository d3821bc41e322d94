"""Advancing a gated trajectory: plain steps, also where a state has left its dtype.

Without input and bias a state decays geometrically. Once it is so small that tanh(a) = a and the
gates are those at h = 0, to rounding, a step commutes with a factor. So a state that falls out of
the middle of its dtype is multiplied by a power of two that brings it back to the upper end of
where that holds, and the very same plain steps go on with it, as far as nothing but the state
drives the candidate.

This is decided once a window of `WINDOW` steps, from the row's own numbers, so neither chunks nor
neighbours in a batch change a bit. Windows in which plain steps would not do are stepped one by
one in float64 (`careful`): a state that falls or grows very fast, an input that comes in to a tiny
state, an h_0 whose product with W_hh overflows.
"""

from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.cells.elman import check_sums
from rnncore.extended_range import Exponents, times_power_of_two
from rnncore.gated.careful import CarefulSteps
from rnncore.gated.kernels import forward_kernel
from rnncore.gated.trajectory import WINDOW, GatedTrajectory

Mask = NDArray[np.bool_]


class Range(NamedTuple):
    """Where a run takes plain steps; binary exponents of norms, as `frexp` gives them."""

    low: int
    """A state that falls below this is brought to `target`, if it may be."""
    least: int
    """Below this, units of a state may be rounded by more than others."""
    target: int
    high: int
    """A state that was brought to `target` is brought there again past this."""
    linear: int
    """Up to this tanh(a) = a and σ(a) = σ(0) to rounding, for a = W_hh h."""
    largest: int
    """Past this W_hh h may overflow."""

    @property
    def tiny(self) -> int:
        """Below this a state is tiny."""
        return min(self.low, self.linear)

    @property
    def is_open(self) -> bool:
        """Whether a state that was brought to `target` can stay for a while."""
        return self.target >= self.low + 2 * WINDOW


def state_range(W_hh: Tensor) -> Range:
    """That of a run, from the sizes of its weights."""
    _, gain = np.frexp(max(1.0, check_sums("W_hh", W_hh)))
    is_single = W_hh.dtype == torch.float32
    digits, low, least, end = (24, -76, -100, 128) if is_single else (53, -300, -480, 1024)
    linear = -(digits + 4) - int(gain)
    return Range(low, least, linear - 16, linear - 8, linear, end - 4 - int(gain))


@final
class Stepper:
    """Fills a gated trajectory with states, in forward order.

    Args:
        W_hh: (4H, H) of an LSTM and (3H, H) of a GRU, or of one that is fed its own output the
            (4H, H) of `Feedback`.
        trajectory: with the drives in their places.
    """

    def __init__(self, W_hh: Tensor, trajectory: GatedTrajectory) -> None:
        W_hh = W_hh.detach()
        self._trajectory = trajectory
        self._range = state_range(W_hh)
        self._kernel = forward_kernel(W_hh, trajectory)
        self._careful = CarefulSteps(W_hh, trajectory, tiny=self._range.tiny)
        self._stride = trajectory.block

    def advance(self, t0: int, t1: int) -> None:
        """Computes h_{t0+1} … h_{t1} from h_{t0}: a block of them, from a whole window on."""
        trajectory = self._trajectory
        stores = [each for each in (trajectory.a, trajectory.n) if each is not None]
        # Attempts overwrite the drive by preactivations, and may have to be repeated.
        drives = [store[t0:t1].clone() for store in stores]
        t = t0
        while t < t1:
            end = min(t + self._stride, t1)
            if t > t0:
                for store, drive in zip(stores, drives, strict=True):
                    store[t:end] = drive[t - t0 : end - t0]
            (k,) = self._plan(np.array([t]))
            self._take(t, end, k)
            is_hard, has_changed = self._look(t, end, k)
            stopped = np.flatnonzero((is_hard | has_changed).any(axis=1))
            if not len(stopped):
                t, self._stride = end, trajectory.block
                continue
            window = int(stopped[0])
            t += WINDOW * window
            # Where states are rescaled again and again, long attempts would be thrown away.
            self._stride = min(trajectory.block, 2 * WINDOW * max(1, window))
            if has_changed[window].any():
                continue
            end = min(t + WINDOW, t1)
            for row in np.flatnonzero(is_hard[window]).tolist():
                for step in range(t, end):
                    self._careful.step(step, row, [drive[step - t0, row] for drive in drives])
            t = end

    def _take(self, t: int, end: int, k: Exponents) -> None:
        """Plain steps from t to `end`, with states scaled by 2^-k."""
        trajectory = self._trajectory
        shift = trajectory.exponents[t] - k
        h = times_power_of_two(trajectory.u[t], shift)
        c = None if trajectory.c is None else times_power_of_two(trajectory.c[t], shift)
        self._kernel.run(t, end, h, c)
        trajectory.exponents[t + 1 : end + 1] = k
        trajectory.candidate_exponents[t:end] = k
        trajectory.measure(t + 1, end + 1)

    def _plan(self, times: NDArray[np.int64]) -> Exponents:
        """The exponents for the windows from `times` on, (len(times), N)."""
        trajectory, bounds = self._trajectory, self._range
        norm, now = trajectory.state_norm(times), trajectory.exponents[times]
        exponent = np.frexp(norm)[1]
        is_tiny = (norm > 0) & (exponent + now < bounds.tiny)
        silent = [trajectory.is_silent[t : t + WINDOW].all(axis=0) for t in times.tolist()]
        stays = (now < 0) & (exponent >= bounds.low) & (exponent <= bounds.high)
        scaled = np.where(stays, now, now + exponent - bounds.target)
        is_scaled = is_tiny & np.array(silent) & bounds.is_open
        planned: Exponents = np.where(is_scaled, scaled, 0.0)
        return planned

    def _look(self, t: int, end: int, k: Exponents) -> tuple[Mask, Mask]:
        """What became of plain steps from t to `end`, by windows and rows.

        Returns:
            where steps have to be taken carefully; and where, before a window, its exponent is
            no longer k.
        """
        trajectory, bounds = self._trajectory, self._range
        norm = trajectory.state_norm(slice(t, end + 1))
        before, after = norm[:-1], norm[1:]
        exponent, silent = np.frexp(after)[1], trajectory.is_silent[t:end]
        # A zero must come from a zero; any other may be an underflow.
        fails = silent & ((exponent < bounds.least) | (after == 0) & (before > 0))
        fails |= (k < 0) & (exponent > bounds.linear)
        fails |= np.isnan(after)
        h, scale = trajectory.norm[t:end], trajectory.exponents[t:end]
        fails |= np.isinf(h) | (np.frexp(h)[1] + scale > bounds.largest)
        starts = np.arange(t, end, WINDOW)
        hard = np.logical_or.reduceat(fails, starts - t, axis=0)
        changed = self._plan(starts) != k
        changed[0] = False
        return hard, changed
