"""What every run forward has in common: chunks as they are asked for, and how far it has come."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import ArgumentError
from rnncore.chunks import (
    Bounds,
    ShouldStop,
    block_end,
    checked_bounds,
    chunk_bounds,
    stop_if_asked,
)
from rnncore.extended_range import Norms
from rnncore.feedback import Feedback
from rnncore.inputs import Inputs
from rnncore.outputs import Outputs
from rnncore.readout import Readout
from rnncore.run import FedRun, StoredStates


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


class ToldStates(StoredStates, Protocol):
    """Stored states as they are told."""

    block: int

    def h(self, t0: int, t1: int) -> Tensor: ...
    def log10_norm(self, t0: int, t1: int) -> Norms: ...


class ForwardRun(ABC):
    """A run that computes its steps as far as they are asked for, a block at a time."""

    steps: int
    _done: int = 0  # steps that have been computed

    @property
    @abstractmethod
    def _stored(self) -> ToldStates: ...

    @abstractmethod
    def _compute_until(self, t1: int, should_stop: ShouldStop | None) -> None: ...

    @abstractmethod
    def _shown_outputs(self, t0: int, t1: int) -> Tensor:
        """y of the steps [t0, t1), (t1 - t0, N, O), or no columns of it."""

    def states(
        self, should_stop: ShouldStop | None = None, *, bounds: Iterable[Bounds] | None = None
    ) -> Iterator[StateChunk]:
        """The chunks in forward order, each as soon as its last step exists.

        When the iterator ends, all T steps have been computed, also those that no chunk
        covered. Asked again, it gives the same states without computing them again.

        Args:
            should_stop: asked before every block, of 16 to 512 steps or, of attention, queries;
                once it is true, `Cancelled` is raised.
            bounds: chunks [t0, t1) in increasing order, instead of the default ones. Results
                don't depend on them by a single bit.

        Raises:
            ValueError: a chunk is empty, outside [0, T] or out of order; of a stack, W_xh h + b_h
                of a layer leaves the dtype where h is well inside it.
            Cancelled: `should_stop` was true.
        """
        if bounds is None:
            bounds = self._default_bounds()
        for t0, t1 in checked_bounds(bounds, self.steps, backward=False):
            self._compute_until(t1, should_stop)
            yield self._chunk(t0, t1)
        self._compute_until(self.steps, should_stop)

    @property
    def is_complete(self) -> bool:
        """Whether all T steps have been computed."""
        return self._done == self.steps

    @property
    def log10_norm_h(self) -> Tensor:
        """log10 ‖h‖ of all steps, (…, T) float64. Raises ValueError before `states` has ended."""
        self.require_complete()
        return self._stored.sequences(torch.from_numpy(self._log10_norms()))

    @property
    def first_zero_step(self) -> int | None:
        """Index from 0 of the first h that is exactly zero, in any sequence; or None."""
        self.require_complete()
        is_zero = np.isneginf(self._log10_norms()).any(axis=1)
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

    def _default_bounds(self) -> Iterable[Bounds]:
        return chunk_bounds(self.steps)

    def _log10_norms(self) -> Norms:
        return self._stored.log10_norm(1, self.steps + 1)

    def _chunk(self, t0: int, t1: int) -> StateChunk:
        stored = self._stored
        return StateChunk(
            t0,
            t1,
            h=stored.sequences(stored.h(t0 + 1, t1 + 1)),
            y=stored.sequences(self._shown_outputs(t0, t1)),
            log10_norm_h=stored.sequences(torch.from_numpy(stored.log10_norm(t0 + 1, t1 + 1))),
        )


class RecurrentStates(ToldStates, FedRun, Protocol):
    """The storage of a recurrent run."""

    feedback: Feedback | None


class Advancing(Protocol):
    """What fills a storage with states, in forward order."""

    def advance(self, t0: int, t1: int) -> None: ...


class RecurrentRun(ForwardRun):
    """A run whose steps lead from state to state, and which may be fed its own outputs."""

    def __init__(self, readout: Readout, stored: RecurrentStates, *, has_outputs: bool) -> None:
        self.readout = readout
        self.steps = stored.steps
        self._recurrent = stored
        self._shows_outputs = has_outputs
        needs_outputs = has_outputs or stored.feedback is not None
        self._outputs = Outputs(readout if needs_outputs else readout.silent(), stored)
        self._inputs = Inputs(stored, self._outputs)
        self._stepper = self._stepper_of(None)

    @abstractmethod
    def _stepper_of(self, W_hh: Tensor | None) -> Advancing:
        """What steps with these weights, the cell's own for None."""

    @property
    def _stored(self) -> ToldStates:
        return self._recurrent

    def _shown_outputs(self, t0: int, t1: int) -> Tensor:
        return self._outputs.shown(t0, t1, self._shows_outputs)

    @property
    def has_outputs(self) -> bool:
        """Whether y is shown."""
        return self._shows_outputs and self.readout.output_size > 0

    def inputs(self, t0: int, t1: int) -> Tensor:
        """The inputs of steps [t0, t1), (…, t1 - t0, D), those given and those fed back.

        A step that is fed its own output has y[t - 1] to the bit: ±inf beyond the dtype, never
        NaN.

        Raises:
            ValueError: an input has not been computed yet, or a step is outside [0, T].
        """
        for _ in checked_bounds([(t0, t1)], self.steps, backward=False):
            pass
        known = max(self._recurrent.fed, min(self._done + 1, self.steps))
        if t1 > known:
            raise ArgumentError("t1", "is out of reach", got=t1, expected=f"{known} or less")
        return self._recurrent.sequences(self._inputs.realised(t0, t1))

    def _compute_until(self, t1: int, should_stop: ShouldStop | None) -> None:
        if self._done >= t1:
            return
        # Over- and underflow are no accidents: every block looks for them by its norms.
        with np.errstate(all="ignore"):
            while self._done < t1:
                stop_if_asked(should_stop)
                start = self._done
                if start == self._recurrent.fed:
                    assert self._recurrent.feedback is not None
                    self._stepper = self._stepper_of(self._recurrent.feedback.W_hh)
                end = block_end(start, self._recurrent)
                self._stepper.advance(start, end)
                self._outputs.fill(start, end)
                self._inputs.feed_back(start, end)
                self._done = end
