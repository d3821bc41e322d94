"""Forward through causal self-attention: the outputs o_t of a sequence, a chunk at a time.

The surface is that of `Rollout`, with o_t in the place of h_t, so outputs, losses and whatever
shows a run go on unchanged.
"""

from collections.abc import Iterable, Iterator
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.attention.cell import AttentionCell
from rnncore.attention.trajectory import AttentionTrajectory
from rnncore.checks import ArgumentError, checked_shape
from rnncore.chunks import Bounds, ShouldStop, checked_bounds, chunk_bounds, stop_if_asked
from rnncore.outputs import Outputs
from rnncore.readout import Readout
from rnncore.rollout import StateChunk


@final
class AttentionRollout:
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

    Cost: 2T²H flops and T²/2 exponentials a sequence; 4TH float64 of storage, and a few megabytes
    for the queries of a block, which see all keys before them.

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
        checked_shape("W_hy", readout.W_hy, (readout.output_size, cell.hidden_size))
        if (readout.W_hy.dtype, readout.W_hy.device) != (cell.dtype, cell.device):
            raise ArgumentError(
                "W_hy",
                "does not match the cell",
                got=f"{readout.W_hy.dtype} on {readout.W_hy.device}",
                expected=f"{cell.dtype} on {cell.device}",
            )
        self.cell = cell
        self.readout = readout
        self.trajectory = AttentionTrajectory(cell, x)
        self.steps = self.trajectory.steps
        self._outputs = Outputs(readout if has_outputs else readout.silent(), self.trajectory)
        self._done = 0

    def states(
        self, should_stop: ShouldStop | None = None, *, bounds: Iterable[Bounds] | None = None
    ) -> Iterator[StateChunk]:
        """The chunks in forward order, each as soon as its last o_t exists; `h` is o.

        When the iterator ends, all T steps have been computed, also those that no chunk
        covered. Asked again, it gives the same outputs without computing them again.

        Args:
            should_stop: asked before every block of queries; once it is true, `Cancelled` is
                raised.
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
    def is_complete(self) -> bool:
        """Whether all T steps have been computed."""
        return self._done == self.steps

    @property
    def log10_norm_h(self) -> Tensor:
        """log10 ‖o‖ of all steps, (…, T) float64. Raises ValueError before `states` has ended."""
        self.require_complete()
        logs = self.trajectory.log10_norm(1, self.steps + 1)
        return self.trajectory.sequences(torch.from_numpy(logs))

    @property
    def first_nonfinite_step(self) -> int | None:
        """None: o_t is a mean of values, which are finite. As in `Rollout`."""
        self.require_complete()
        return None

    @property
    def first_zero_step(self) -> int | None:
        """Index from 0 of the first o that is exactly zero, in any sequence; or None."""
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
        while self._done < t1:
            stop_if_asked(should_stop)
            start, end = self._done, min(self._done + self.trajectory.block, self.steps)
            self.trajectory.fill(start, end)
            self._outputs.fill(start, end)
            self._done = end

    def _chunk(self, t0: int, t1: int) -> StateChunk:
        trajectory = self.trajectory
        log10_norm = torch.from_numpy(trajectory.log10_norm(t0 + 1, t1 + 1))
        return StateChunk(
            t0,
            t1,
            h=trajectory.sequences(trajectory.h(t0 + 1, t1 + 1)),
            y=trajectory.sequences(self._outputs.y[t0:t1]),
            log10_norm_h=trajectory.sequences(log10_norm),
        )
