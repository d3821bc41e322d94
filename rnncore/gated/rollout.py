"""Forward in time for GRU and LSTM: the hidden states of a sequence, a chunk at a time.

The surface is that of `Rollout`, so outputs, losses and whatever shows a run go on unchanged.
"""

from collections.abc import Iterable, Iterator
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells.gru import GRUCell
from rnncore.cells.lstm import LSTMCell
from rnncore.checks import ArgumentError
from rnncore.chunks import (
    Bounds,
    ShouldStop,
    block_end,
    checked_bounds,
    chunk_bounds,
    stop_if_asked,
)
from rnncore.feedback import Feedback
from rnncore.gated.stepping import Stepper
from rnncore.gated.trajectory import GatedTrajectory
from rnncore.inputs import Inputs
from rnncore.outputs import Outputs
from rnncore.readout import Readout
from rnncore.rollout import StateChunk


@final
class GatedRollout:
    """The trajectory of a GRU or an LSTM under an input, computed as it is asked for.

    Args:
        cell: the recurrent cell; its dtype and device are those of the run.
        x: inputs, (…, T, D), cast to the run's dtype.
        h_0: initial state, (…, H), cast likewise. Batch axes broadcast against those of `x`.
        readout: W_hy and b_y.
        c_0: the initial c of an LSTM, (…, H); None for zeros.
        feeds_back_after: how many steps have the input given; from that step on, counted from
            0, x[t] = y[t - 1] and what `x` holds there is not read. None for all of them.
        has_outputs: whether y is shown; without, it has no columns.

    Raises:
        ValueError: shapes, dtypes or devices disagree, T or the batch is 0, an input is not
            finite or overflows the dtype, W_xh x + b_h does, or a GRU is given a c_0; or outputs
            cannot be fed back, as in `Rollout`.

    Cost: 2TG(HD + H²) flops a sequence with G = 3 gates' worth of weights for a GRU and 4 for an
    LSTM, also for a GRU that is fed its own output; and TH(G + 2) numbers of storage.

    >>> cell = LSTMCell(torch.zeros(4, 1), torch.zeros(4, 1), torch.tensor([0.0, 0.0, 9.0, 0.0]))
    >>> readout = Readout(torch.ones(1, 1), torch.zeros(1))
    >>> run = GatedRollout(cell, torch.zeros(3, 1), torch.zeros(1), readout)
    >>> for chunk in run.states():
    ...     pass
    >>> run.gates(0, 3)["c"].flatten()  # half of what was there, and half of g = 1
    tensor([0.5000, 0.7500, 0.8750])
    """

    def __init__(
        self,
        cell: GRUCell | LSTMCell,
        x: Tensor,
        h_0: Tensor,
        readout: Readout,
        *,
        c_0: Tensor | None = None,
        feeds_back_after: int | None = None,
        has_outputs: bool = True,
    ) -> None:
        readout.require_fit(cell)
        if c_0 is not None:
            _require_lstm(cell, "c_0")
        self.cell = cell
        self.readout = readout
        feedback = None
        if feeds_back_after is not None:
            feedback = Feedback(cell, readout, feeds_back_after)
        self.trajectory = GatedTrajectory(cell, x, h_0, c_0, feedback)
        self.steps = self.trajectory.steps
        self._stepper = Stepper(cell.W_hh, self.trajectory)
        self._shows_outputs = has_outputs
        needs_outputs = has_outputs or feedback is not None
        self._outputs = Outputs(readout if needs_outputs else readout.silent(), self.trajectory)
        self._inputs = Inputs(self.trajectory, self._outputs)
        self._done = 0

    def states(
        self, should_stop: ShouldStop | None = None, *, bounds: Iterable[Bounds] | None = None
    ) -> Iterator[StateChunk]:
        """The chunks in forward order, each as soon as its last step exists.

        When the iterator ends, all T steps have been computed, also those that no chunk
        covered. Asked again, it gives the same states without computing them again.

        Args:
            should_stop: asked every 16 to 512 steps; once it is true, `Cancelled` is raised.
            bounds: chunks [t0, t1) in increasing order, instead of the default ones. Results
                don't depend on them by a single bit.

        Raises:
            ValueError: a chunk is empty, outside [0, T] or out of order.
            Cancelled: `should_stop` was true.
        """
        if bounds is None:
            bounds = chunk_bounds(self.steps)
        for t0, t1 in checked_bounds(bounds, self.steps, backward=False):
            self._compute_until(t1, should_stop)
            yield self._chunk(t0, t1)
        self._compute_until(self.steps, should_stop)

    def gates(self, t0: int, t1: int) -> dict[str, Tensor]:
        """The gates of steps [t0, t1) by PyTorch's letters, each (…, t1 - t0, H), run's dtype.

        Those of an LSTM are i, f, g and o, with c_t as "c"; those of a GRU r, z and n.

        Raises:
            ValueError: a step has not been computed yet, or is outside [0, T].
        """
        for _ in checked_bounds([(t0, t1)], self.steps, backward=False):
            pass
        if t1 > self._done:
            raise ArgumentError("t1", "is out of reach", got=t1, expected=f"{self._done} or less")
        gates = self.trajectory.gates(t0, t1)
        return {name: self.trajectory.sequences(gate) for name, gate in gates.items()}

    def inputs(self, t0: int, t1: int) -> Tensor:
        """The inputs of steps [t0, t1), (…, t1 - t0, D), those given and those fed back.

        A step that is fed its own output has y[t - 1] to the bit: ±inf beyond the dtype, never
        NaN.

        Raises:
            ValueError: an input has not been computed yet, or a step is outside [0, T].
        """
        for _ in checked_bounds([(t0, t1)], self.steps, backward=False):
            pass
        known = max(self.trajectory.fed, min(self._done + 1, self.steps))
        if t1 > known:
            raise ArgumentError("t1", "is out of reach", got=t1, expected=f"{known} or less")
        return self.trajectory.sequences(self._inputs.realised(t0, t1))

    @property
    def has_outputs(self) -> bool:
        """Whether y is shown."""
        return self._shows_outputs and self.readout.output_size > 0

    @property
    def is_complete(self) -> bool:
        """Whether all T steps have been computed."""
        return self._done == self.steps

    @property
    def log10_norm_h(self) -> Tensor:
        """log10 ‖h‖ of all steps, (…, T) float64. Raises ValueError before `states` has ended."""
        self.require_complete()
        logs = self.trajectory.log10_norm(1, self.steps + 1)
        return self.trajectory.sequences(torch.from_numpy(logs))

    @property
    def log10_norm_c(self) -> Tensor:
        """log10 ‖c‖ of all steps of an LSTM, (…, T) float64; ValueError likewise, and of a GRU."""
        _require_lstm(self.cell, "log10_norm_c")
        self.require_complete()
        logs = self.trajectory.log10_norm_c(1, self.steps + 1)
        return self.trajectory.sequences(torch.from_numpy(logs))

    @property
    def first_nonfinite_step(self) -> int | None:
        """None: the gates keep every state between the one before and 1. As in `Rollout`."""
        self.require_complete()
        return None

    @property
    def first_zero_step(self) -> int | None:
        """Index from 0 of the first h that is exactly zero, in any sequence; or None."""
        self.require_complete()
        is_zero = np.isneginf(self.trajectory.log10_norm(1, self.steps + 1)).any(axis=1)
        return int(np.argmax(is_zero)) if is_zero.any() else None

    def require_complete(self) -> None:
        """Raises ValueError unless `states` has been exhausted."""
        if not self.is_complete:
            raise ArgumentError(
                "rollout",
                "is not complete",
                got=f"{self._done} of {self.steps} steps",
                expected="all of them",
                advice="Exhaust rollout.states() first.",
            )

    def _compute_until(self, t1: int, should_stop: ShouldStop | None) -> None:
        if self._done >= t1:
            return
        # Underflow is no accident: every block looks for it by its norms.
        with np.errstate(all="ignore"):
            while self._done < t1:
                stop_if_asked(should_stop)
                start = self._done
                if start == self.trajectory.fed:
                    self._close_loop()
                end = block_end(start, self.trajectory)
                self._stepper.advance(start, end)
                self._outputs.fill(start, end)
                self._inputs.feed_back(start, end)
                self._done = end

    def _close_loop(self) -> None:
        feedback = self.trajectory.feedback
        assert feedback is not None
        self._stepper = Stepper(feedback.W_hh, self.trajectory)

    def _chunk(self, t0: int, t1: int) -> StateChunk:
        trajectory = self.trajectory
        log10_norm = torch.from_numpy(trajectory.log10_norm(t0 + 1, t1 + 1))
        return StateChunk(
            t0,
            t1,
            h=trajectory.sequences(trajectory.h(t0 + 1, t1 + 1)),
            y=trajectory.sequences(self._outputs.shown(t0, t1, self._shows_outputs)),
            log10_norm_h=trajectory.sequences(log10_norm),
        )


def _require_lstm(cell: GRUCell | LSTMCell, argument: str) -> None:
    if not isinstance(cell, LSTMCell):
        raise ArgumentError(argument, "belongs to an LSTM", got="a GRUCell", expected="an LSTMCell")
