"""Forward in time for GRU and LSTM: the hidden states of a sequence, a chunk at a time.

The surface is that of `Rollout`, so outputs, losses and whatever shows a run go on unchanged.
"""

from typing import final

import torch
from torch import Tensor

from rnncore.cells.gru import GRUCell
from rnncore.cells.lstm import LSTMCell
from rnncore.checks import ArgumentError
from rnncore.chunks import (
    checked_bounds,
)
from rnncore.feedback import Feedback
from rnncore.forward import Advancing, RecurrentRun
from rnncore.gated.stepping import Stepper
from rnncore.gated.trajectory import GatedTrajectory
from rnncore.readout import Readout


@final
class GatedRollout(RecurrentRun):
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
        feedback = None
        if feeds_back_after is not None:
            feedback = Feedback(cell, readout, feeds_back_after)
        self.trajectory = GatedTrajectory(cell, x, h_0, c_0, feedback)
        super().__init__(readout, self.trajectory, has_outputs=has_outputs)

    def _stepper_of(self, W_hh: Tensor | None) -> Advancing:
        return Stepper(self.cell.W_hh if W_hh is None else W_hh, self.trajectory)

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


def _require_lstm(cell: GRUCell | LSTMCell, argument: str) -> None:
    if not isinstance(cell, LSTMCell):
        raise ArgumentError(argument, "belongs to an LSTM", got="a GRUCell", expected="an LSTMCell")
