"""What every sweep backward has in common: chunks as they are asked for, and how far it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import ArgumentError
from rnncore.chunks import (
    Blocks,
    Bounds,
    ShouldStop,
    backward_bounds,
    block_start,
    checked_bounds,
    stop_if_asked,
)
from rnncore.extended_range import Exponents, Norms
from rnncore.input_gradients import InputGradients

Chunk = TypeVar("Chunk")


class BackwardSweep(ABC, Generic[Chunk]):
    """Gradient norms of a complete run, computed from the last step down as they are asked for."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._reached = steps

    @abstractmethod
    def _sweep_until(self, t0: int, should_stop: ShouldStop | None) -> None: ...

    @abstractmethod
    def _norms(self, t0: int, t1: int) -> Chunk: ...

    def chunks(
        self, *, bounds: Iterable[Bounds] | None = None, should_stop: ShouldStop | None = None
    ) -> Iterator[Chunk]:
        """The chunks in backward order, each as soon as its first step is reached.

        When the iterator ends, the sweep has reached the first step, also below the chunks asked
        for. Asked again, it gives the same numbers without computing them again.

        Args:
            bounds: chunks [t0, t1) in decreasing order; None for `backward_bounds`. Results
                don't depend on them by a single bit.
            should_stop: asked before every block, of 16 to 512 steps or, of attention, queries;
                once it is true, `Cancelled` is raised.

        Raises:
            ValueError: a chunk is empty, outside [0, T] or out of order.
            Cancelled: `should_stop` was true.
        """
        if bounds is None:
            bounds = backward_bounds(self._steps)
        for t0, t1 in checked_bounds(bounds, self._steps, backward=True):
            self._sweep_until(t0, should_stop)
            yield self.chunk(t0, t1)
        self._sweep_until(0, should_stop)

    def chunk(self, t0: int, t1: int) -> Chunk:
        """The norms of steps [t0, t1).

        Raises:
            ValueError: the sweep has not reached them, or they are outside [0, T].
        """
        if not self._reached <= t0:
            raise ArgumentError(
                "t0", "is out of reach", got=t0, expected=f"{self._reached} or more"
            )
        self._check(t0, t1)
        return self._norms(t0, t1)

    def _check(self, t0: int, t1: int) -> None:
        for _ in checked_bounds([(t0, t1)], self._steps, backward=True):
            pass


class SweptRun(Blocks, Protocol):
    """The storage of a recurrent run."""

    def sequences(self, time_major: Tensor) -> Tensor: ...


class Sweeping(Protocol):
    """What goes from the last step down, and may keep ∂L/∂x_t on its way."""

    @property
    def inputs(self) -> InputGradients | None: ...
    def sweep(self, t0: int, t1: int) -> None: ...


class RecurrentSweep(BackwardSweep[Chunk]):
    """A sweep of steps that lead from state to state."""

    def __init__(self, stored: SweptRun, sweeping: Sweeping) -> None:
        super().__init__(stored.steps)
        self._stored, self._sweeping = stored, sweeping

    def input_gradients(
        self, t0: int, t1: int, *, should_stop: ShouldStop | None = None
    ) -> tuple[Tensor, Exponents]:
        """∂L/∂x_t of steps [t0, t1) as g · 2ᵏ, for which the sweep goes down to t0.

        Args:
            should_stop: as for `chunks`.

        Returns:
            g (t1 - t0, N, D) in the run's dtype, with norms in [1/2, 1) or 0, a view of the
            sweep's storage, and the whole numbers k (t1 - t0, N); N is the batch, flattened.

        Raises:
            ValueError: the sweep does not keep them, or the steps are outside [0, T].
            Cancelled: `should_stop` was true.
        """
        kept = self._sweeping.inputs
        if kept is None:
            raise ArgumentError(
                "input_gradients", "are not kept", got="keeps_inputs=False", expected="True"
            )
        self._check(t0, t1)
        self._sweep_until(t0, should_stop)
        return kept.g[t0:t1], kept.exponents[t0:t1]

    def _sweep_until(self, t0: int, should_stop: ShouldStop | None) -> None:
        if self._reached <= t0:
            return
        # Over- and underflow are no accidents: every block looks for them by its norms.
        with np.errstate(all="ignore"):
            while self._reached > t0:
                stop_if_asked(should_stop)
                start = block_start(self._reached, self._stored)
                self._sweeping.sweep(start, self._reached)
                self._reached = start

    def _sequences(self, logs: Norms) -> Tensor:
        return self._stored.sequences(torch.from_numpy(logs))
