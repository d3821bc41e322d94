"""Where runs compute: worker threads, a bounded number at a time, within a bounded memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from typing import Protocol, TypeVar

import torch

from app.errors import refusal
from app.experiment import Experiment
from app.faults import refusal_of
from app.frames import Frame
from app.memory import Tidier
from app.metrics import Metrics
from app.plan import AnyPlan
from app.protocol import Done
from app.settings import Settings
from rnncore import (
    Cancelled,
)

Made = TypeVar("Made")

PATIENCE_S = 0.05  # how often a run that waits for its turn looks whether it is still wanted

ShouldStop = Callable[[], bool]


class Engine(Protocol):
    """What turns an Experiment into frames and, at the end, into `Done`."""

    def run(
        self, experiment: Experiment, plan: AnyPlan, should_stop: ShouldStop
    ) -> Generator[Frame | Done]: ...


class Workshop:
    """The threads, the turns and the memory that all runs of one server share."""

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        self.engine = engine
        self.metrics = metrics
        # A session has one run at a time, so the pool never makes a session wait for a thread.
        self.pool = ThreadPoolExecutor(
            settings.max_sessions, thread_name_prefix="run", initializer=_use_one_thread
        )
        self.memory = Budget(settings.max_memory_bytes, metrics)
        self.tidier = Tidier(self.pool)
        self._turns = threading.BoundedSemaphore(settings.max_jobs)

    def frames(
        self, experiment: Experiment, plan: AnyPlan, should_stop: ShouldStop
    ) -> Generator[Frame | Done]:
        """The frames of a run, then its `Done`. Raises `Cancelled` once `should_stop` is true.

        A turn is held while a frame is computed, never while one waits for its reader: a reader
        that stalls holds up nobody else.
        """
        with closing(self.engine.run(experiment, plan, should_stop)) as results:
            while True:
                with self._turn(should_stop):
                    item = next(results, None)
                if item is None:
                    return
                yield item

    async def in_thread(self, work: Callable[[], Made], *, memory_bytes: int = 0) -> Made:
        """What `work` gives, made in a thread, in its turn and with its share of the memory.

        Raises a `Refusal`, also for whatever else goes wrong in there.
        """

        def make() -> Made:
            try:
                with self.memory.share(memory_bytes, _never), self._turn(_never):
                    return work()
            except Exception as fault:
                raise refusal_of(fault) from None

        return await self.in_pool(make)

    def in_pool(self, work: Callable[[], Made]) -> asyncio.Future[Made]:
        """Runs `work` on a thread, whose log lines name the session that asked."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self.pool, copy_context().run, work)

    @contextmanager
    def _turn(self, should_stop: ShouldStop) -> Iterator[None]:
        while not self._turns.acquire(timeout=PATIENCE_S):
            if should_stop():
                raise Cancelled
        try:
            with self.metrics.jobs.track_inprogress():
                yield
        finally:
            self._turns.release()

    def close(self) -> None:
        """Takes no more work. Runs end by themselves once they are told to stop."""
        self.tidier.close()
        self.pool.shutdown(wait=False, cancel_futures=True)


def _never() -> bool:
    return False


def _use_one_thread() -> None:
    torch.set_num_threads(1)  # two threads never help one trajectory


class Budget:
    """A number of bytes that is lent out; who needs more than is left waits."""

    def __init__(self, total: int, metrics: Metrics) -> None:
        self._left = total
        self._metrics = metrics
        self._returned = threading.Condition()

    @contextmanager
    def share(self, amount: int, should_stop: ShouldStop) -> Iterator[None]:
        """Holds `amount` bytes. Raises `Cancelled` if it is told to stop while it waits."""
        with self._returned:
            while self._left < amount:
                if should_stop():
                    raise Cancelled
                self._returned.wait(PATIENCE_S)
            self._left -= amount
        self._metrics.memory.inc(amount)
        try:
            yield
        finally:
            self._metrics.memory.dec(amount)
            with self._returned:
                self._left += amount
                self._returned.notify_all()


class Seats:
    """Counts the sockets and requests that are being served. Used on the event loop alone."""

    def __init__(self, total: int, metrics: Metrics) -> None:
        self.total = total
        self.taken = 0
        self._metrics = metrics

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Takes a seat. Raises a `Refusal` (busy) if there is none."""
        if self.taken >= self.total:
            self._metrics.turned_away("busy")
            raise refusal(
                "busy",
                "the server",
                "has no seat left",
                got=self.taken,
                expected=f"fewer than {self.total} sessions",
                advice="Try again later, or start the server with --max-sessions to raise the "
                "limit.",
            )
        self.taken += 1
        try:
            with self._metrics.sessions.track_inprogress():
                yield
        finally:
            self.taken -= 1
