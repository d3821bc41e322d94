"""What waits to be sent on one socket: filled by a worker thread, emptied by the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass

from app.errors import Error
from app.experiment import Experiment
from app.limits import Cost
from app.metrics import Kind
from app.plan import AnyPlan
from app.protocol import Done

MOST_WAITING_BYTES = 4 * 2**20  # a whole small run, or one chunk of a large one
MOST_WAITING_TEXTS = 1000


class Work:
    """One run of one session, from its message to its end."""

    def __init__(
        self, run_id: int, experiment: Experiment, plan: AnyPlan, cost: Cost, kind: Kind = "file"
    ) -> None:
        self.id = run_id
        self.kind = kind  # what asked for it
        self.experiment = experiment
        self.plan = plan
        self.cost = cost
        self.is_started = False
        self._stop = threading.Event()

    def stop(self) -> None:
        """Tells the computation to end; it looks every few steps."""
        self._stop.set()

    def is_stopped(self) -> bool:
        """Whether the computation has been told to end."""
        return self._stop.is_set()


@dataclass(frozen=True)
class Letter:
    """One message to be sent. `work` is the run it belongs to, `end` what ends it, if it does."""

    payload: str | bytes
    work: Work | None = None
    end: Done | Error | None = None
    kind: str = ""
    digest: bytes = b""


class Outbox:
    """Letters in order, bounded: a worker waits while too many bytes have not left."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._waiting_bytes = 0
        self._left = threading.Condition()

    # On the worker's thread

    def wait_for_room(self, work: Work, size: int) -> bool:
        """Waits until `size` more bytes may be posted; false if the run is stopped instead."""
        with self._left:
            self._left.wait_for(
                lambda: (
                    work.is_stopped()
                    or self._waiting_bytes == 0
                    or self._waiting_bytes + size <= MOST_WAITING_BYTES
                )
            )
            if work.is_stopped():
                return False
            self._waiting_bytes += size
            return True

    # On the event loop

    def post(self, letter: Letter) -> None:
        """Puts a letter at the end."""
        self._letters.append(letter)
        self._filled.set()
        if len(self._letters) > MOST_WAITING_TEXTS:
            self._roomy.clear()

    def drop(self, work: Work) -> None:
        """Takes out every letter of `work` that has not left, and wakes its worker."""
        kept = deque[Letter]()
        for letter in self._letters:
            if letter.work is work:
                self.has_left(letter)
            else:
                kept.append(letter)
        self._letters = kept
        self.wake()

    async def next(self) -> Letter:
        """The next letter to send, once there is one."""
        while not self._letters:
            self._filled.clear()
            await self._filled.wait()
        letter = self._letters.popleft()
        if len(self._letters) <= MOST_WAITING_TEXTS:
            self._roomy.set()
        return letter

    def has_left(self, letter: Letter) -> None:
        """Gives the room of a binary letter back."""
        if isinstance(letter.payload, bytes):
            with self._left:
                self._waiting_bytes -= len(letter.payload)
                self._left.notify_all()

    def wake(self) -> None:
        """Lets a waiting worker look whether it is stopped."""
        with self._left:
            self._left.notify_all()

    async def roomy(self) -> None:
        """Waits while a client that sends but does not read has too much waiting for it."""
        await self._roomy.wait()
