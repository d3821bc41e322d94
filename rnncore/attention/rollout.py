"""Forward through causal self-attention: the outputs o_t of a sequence, a chunk at a time.

The surface is that of `Rollout`, with o_t in the place of h_t, so outputs, losses and whatever
shows a run go on unchanged.
"""

from typing import final

import torch
from torch import Tensor

from rnncore.attention.cell import AttentionCell
from rnncore.attention.trajectory import AttentionTrajectory
from rnncore.checks import ArgumentError
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.forward import ForwardRun, ToldStates
from rnncore.outputs import Outputs
from rnncore.readout import Readout


@final
class AttentionRollout(ForwardRun):
    """The outputs of self-attention under an input, computed as they are asked for.

    Args:
        cell: the weights; their dtype and device are those of the run.
        x: inputs, (…, T, D), cast to the run's dtype.
        readout: W_hy and b_y, of y_t = W_hy o_t + b_y.
        has_outputs: whether y is computed; without, it has no columns.

    Raises:
        ValueError: shapes, dtypes or devices disagree, T or the batch is 0, an input is not
            finite or overflows the dtype, or e, q, k or v does, or q · k does float64.

    Weights and sums are float64 for both dtypes, the sums at the scale of their largest term: a
    position that gets 10^-400 of the attention still counts where no other has anything to say.

    Cost: 2T²H flops and T² exponentials a sequence; some 10TH float64 at its start, 4TH of them
    kept, and for a block of queries, which see all keys before them, a few megabytes or 8NT bytes.

    >>> W_qkv = torch.tensor([[0.0], [0.0], [1.0]])
    >>> cell = AttentionCell(torch.ones(1, 1), W_qkv, torch.zeros(1))
    >>> readout, x = Readout(torch.ones(1, 1), torch.zeros(1)), torch.tensor([[6.0], [0.0], [0.0]])
    >>> run = AttentionRollout(cell, x, readout)
    >>> [chunk.h.flatten().tolist() for chunk in run.states()]
    [[6.0, 3.0, 2.0]]
    """

    def __init__(
        self, cell: AttentionCell, x: Tensor, readout: Readout, *, has_outputs: bool = True
    ) -> None:
        readout.require_fit(cell)
        self.cell = cell
        self.readout = readout
        self.trajectory = AttentionTrajectory(cell, x)
        self.steps = self.trajectory.steps
        self._outputs = Outputs(readout if has_outputs else readout.silent(), self.trajectory)

    @property
    def _stored(self) -> ToldStates:
        return self.trajectory

    def _shown_outputs(self, t0: int, t1: int) -> Tensor:
        return self._outputs.y[t0:t1]

    def attention_weights(self, t: int) -> Tensor:
        """a_ts of one t, counted from 0, over all s, (…, T) in the run's dtype; 0 from t + 1 on.

        Raises:
            ValueError: t is outside [0, T).
        """
        if not 0 <= t < self.steps:
            raise ArgumentError("t", "is out of range", got=t, expected=f"0 to {self.steps - 1}")
        trajectory = self.trajectory
        weights = trajectory.u.new_zeros(trajectory.rows, self.steps)
        weights[:, : t + 1] = torch.exp2(trajectory.log2_weights(t, t + 1)[:, 0])
        return weights.view(*trajectory.batch_shape, self.steps)

    @property
    def has_outputs(self) -> bool:
        """Whether y is computed."""
        return self._outputs.y.shape[-1] > 0

    @property
    def first_nonfinite_step(self) -> int | None:
        """None: o_t is a mean of values, which are finite. As in `Rollout`."""
        self.require_complete()
        return None

    def _compute_until(self, t1: int, should_stop: ShouldStop | None) -> None:
        while self._done < t1:
            stop_if_asked(should_stop)
            start, end = self._done, min(self._done + self.trajectory.block, self.steps)
            self.trajectory.fill(start, end)
            self._outputs.fill(start, end)
            self._done = end
