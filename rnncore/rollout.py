"""Forward in time: the hidden states of a sequence, a chunk at a time.

One product over all T gives the drive W_xh x + b_h; then every step writes in place into
storage laid out before (`trajectory`), in blocks of steps that check themselves (`stepping`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log10
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells.elman import ElmanCell
from rnncore.checks import ArgumentError, checked_count
from rnncore.chunks import (
    LARGEST_CHUNK,
    Bounds,
    ShouldStop,
    block_end,
    checked_bounds,
    chunk_bounds,
    stop_if_asked,
    uniform_bounds,
)
from rnncore.extended_range import Norms
from rnncore.feedback import Feedback
from rnncore.inputs import Inputs
from rnncore.outputs import Outputs
from rnncore.readout import Readout
from rnncore.stepping import Stepper
from rnncore.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class StateChunk:
    """The states of steps [t0, t1); batch axes lead.

    h[k] is the chapter's h_{k+1}. Where a state has left the dtype, h is ±inf or 0 by the sign
    of its direction, never NaN, y follows from W_hy times the direction, and log10_norm_h goes
    on. Without a batch `h` is a view of the run's storage: don't write into it.
    """

    t0: int
    t1: int
    h: Tensor  # (…, t1 - t0, H)
    y: Tensor  # (…, t1 - t0, O)
    log10_norm_h: Tensor  # (…, t1 - t0) float64, -inf where h is exactly 0


@dataclass(frozen=True, eq=False)
class States:
    """All steps of a run, shapes as in `StateChunk` with t1 - t0 = T."""

    h: Tensor
    y: Tensor
    log10_norm_h: Tensor


@final
class Rollout:
    """The trajectory of a cell under an input, computed as it is asked for.

    Args:
        cell: the recurrent cell; its dtype and device are those of the run.
        x: inputs, (…, T, D), cast to the run's dtype.
        h_0: initial state, (…, H), cast likewise. Batch axes broadcast against those of `x`.
        readout: W_hy and b_y.
        scales: a fan: factors on W_hh, one for each sequence, broadcasting against the batch axes
            of `x` and `h_0`. None for 1.
        feeds_back_after: how many steps have the input given; from that step on, counted from
            0, x[t] = y[t - 1] and what `x` holds there is not read. None for all of them.
        has_outputs: whether y is shown; without, it has no columns.
        chunk_steps: the length of every chunk; None for chunks that start small and grow
            (`chunk_bounds`).

    Raises:
        ValueError: shapes, dtypes or devices disagree, T or the batch is 0, an input is not
            finite or overflows the dtype, or W_xh x + b_h does; or outputs cannot be fed back: O
            is not D, `feeds_back_after` is not from 1 to T, a sum of `closed_loop` overflows,
            or there are `scales`.

    Cost: 2TH(H + D + O) flops and T(H + D + O + 4) numbers of storage a sequence, with tanh TH
    more.

    >>> cell = ElmanCell(torch.ones(1, 1), torch.tensor([[2.0]]), torch.zeros(1), "linear")
    >>> x = torch.tensor([[1.0], [0.0], [0.0]])
    >>> run = Rollout(cell, x, torch.zeros(1), Readout(torch.ones(1, 1), torch.zeros(1)))
    >>> [chunk.h.flatten().tolist() for chunk in run.states()]
    [[1.0, 2.0, 4.0]]
    """

    def __init__(
        self,
        cell: ElmanCell,
        x: Tensor,
        h_0: Tensor,
        readout: Readout,
        *,
        scales: Tensor | None = None,
        feeds_back_after: int | None = None,
        has_outputs: bool = True,
        chunk_steps: int | None = None,
    ) -> None:
        readout.require_fit(cell)
        if chunk_steps is not None:
            checked_count("chunk_steps", chunk_steps)
        self.cell = cell
        self.readout = readout
        feedback = None
        if feeds_back_after is not None:
            if scales is not None:
                raise ArgumentError(
                    "feeds_back_after",
                    "is not for a fan",
                    got=feeds_back_after,
                    expected="None where scales are given",
                    advice="Scale W_hh itself, and run one factor at a time.",
                )
            feedback = Feedback(cell, readout, feeds_back_after)
        self.trajectory = Trajectory(cell, x, h_0, scales, feedback)
        self.steps = self.trajectory.steps
        self._chunk_steps = chunk_steps
        self._stepper = Stepper(cell.W_hh, cell.activation, self.trajectory)
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
            size = self._chunk_steps
            bounds = chunk_bounds(self.steps) if size is None else uniform_bounds(self.steps, size)
        for t0, t1 in checked_bounds(bounds, self.steps, backward=False):
            self._compute_until(t1, should_stop)
            yield self._chunk(t0, t1)
        self._compute_until(self.steps, should_stop)

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
        return self.trajectory.sequences(torch.from_numpy(self._log10_norms()))

    @property
    def first_nonfinite_step(self) -> int | None:
        """Index from 0 of the first h with an entry beyond the dtype, in any sequence; or None."""
        self.require_complete()
        # Where an entry is too large, the norm is; the reverse takes a look.
        log10_max = log10(torch.finfo(self.cell.dtype).max)
        candidates = np.flatnonzero((self._log10_norms() >= log10_max).any(axis=1))
        for part in np.array_split(candidates, 1 + len(candidates) // LARGEST_CHUNK):
            if len(part):
                is_infinite = torch.isinf(self.trajectory.h(int(part[0]) + 1, int(part[-1]) + 2))
                found = is_infinite.flatten(1).any(dim=1).nonzero()
                if len(found):
                    return int(part[0]) + int(found[0])
        return None

    @property
    def first_zero_step(self) -> int | None:
        """Index from 0 of the first h that is exactly zero, in any sequence; or None."""
        self.require_complete()
        return _first(np.isneginf(self._log10_norms()))

    def _log10_norms(self) -> Norms:
        return self.trajectory.log10_norm(1, self.steps + 1)

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
        # Overflow is no accident: every block looks for it by its norms.
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
        self._stepper = Stepper(feedback.W_hh, self.cell.activation, self.trajectory)

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


def rollout(cell: ElmanCell, x: Tensor, h_0: Tensor, readout: Readout) -> States:
    """All states of a run at once. Arguments and Raises as for `Rollout`."""
    run = Rollout(cell, x, h_0, readout)
    (whole,) = run.states(bounds=[(0, run.steps)])
    return States(whole.h, whole.y, whole.log10_norm_h)


def _first(happened: np.ndarray) -> int | None:
    by_step = happened.any(axis=1)
    return int(np.argmax(by_step)) if by_step.any() else None
