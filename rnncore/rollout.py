"""Forward in time: the hidden states of a sequence, a chunk at a time.

One product over all T gives the drive W_xh x + b_h; then every step writes in place into
storage laid out before (`trajectory`), in blocks of steps that check themselves (`stepping`).
"""

from collections.abc import Iterable
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
    chunk_bounds,
    uniform_bounds,
)
from rnncore.feedback import Feedback
from rnncore.forward import Advancing, RecurrentRun
from rnncore.readout import Readout
from rnncore.stepping import Stepper
from rnncore.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class States:
    """All steps of a run, shapes as in `StateChunk` with t1 - t0 = T."""

    h: Tensor
    y: Tensor
    log10_norm_h: Tensor


@final
class Rollout(RecurrentRun):
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
        self._chunk_steps = chunk_steps
        super().__init__(readout, self.trajectory, has_outputs=has_outputs)

    def _stepper_of(self, W_hh: Tensor | None) -> Advancing:
        weights = self.cell.W_hh if W_hh is None else W_hh
        return Stepper(weights, self.cell.activation, self.trajectory)

    def _default_bounds(self) -> Iterable[Bounds]:
        size = self._chunk_steps
        return chunk_bounds(self.steps) if size is None else uniform_bounds(self.steps, size)

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


def rollout(cell: ElmanCell, x: Tensor, h_0: Tensor, readout: Readout) -> States:
    """All states of a run at once. Arguments and Raises as for `Rollout`."""
    run = Rollout(cell, x, h_0, readout)
    (whole,) = run.states(bounds=[(0, run.steps)])
    return States(whole.h, whole.y, whole.log10_norm_h)
