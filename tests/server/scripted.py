"""An engine that does what a test says, step by step, and helpers to read a socket."""

import json
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from app.experiment import Experiment
from app.frames import Frame
from app.plan import Plan
from app.protocol import Done
from rnncore import (
    Cancelled,
)

PATIENCE_S = 20  # a test that waits longer for an event has failed


class ScriptedEngine:
    """Each run sends `frames` frames and then waits to be released or stopped.

    The `steps` of an Experiment chooses: odd numbers of steps wait, even ones end at once.
    """

    def __init__(self, *, frames: int = 2, floats: int = 8) -> None:
        self.frames = frames
        self.floats = floats
        self.waiting = threading.Semaphore(0)  # released once by every run that starts waiting
        self.begun = threading.Semaphore(0)  # released once by every run that begins
        self.stopped = threading.Semaphore(0)  # released once by every run that was stopped
        self.release = threading.Event()
        self.may_stop = threading.Event()  # without it a run that is told to stop goes on
        self.may_stop.set()
        self.computing = 0
        self.most_computing = 0
        self.made = 0
        self._lock = threading.Lock()

    def run(
        self, experiment: Experiment, plan: Plan, should_stop: Callable[[], bool]
    ) -> Generator[Frame | Done]:
        with self._lock:
            self.computing += 1
            self.most_computing = max(self.computing, self.most_computing)
        self.begun.release()
        is_whole = False
        try:
            yield from self._results(experiment, should_stop)
            is_whole = True
        finally:
            with self._lock:
                self.computing -= 1
            if not is_whole:
                self.stopped.release()

    def _results(
        self, experiment: Experiment, should_stop: Callable[[], bool]
    ) -> Iterator[Frame | Done]:
        seed = experiment.recurrent.seed
        yield Frame("weights", 0, 1, {"W_hh": np.full(4, seed, np.float32)})
        for k in range(self.frames):
            if should_stop():
                raise Cancelled
            self.made += 1
            yield Frame("states", k, k + 1, {"h": np.full(self.floats, k, np.float32)})
        if experiment.steps % 2:
            self.waiting.release()
            while not self.release.wait(0.005):
                if should_stop() and self.may_stop.wait(PATIENCE_S):
                    raise Cancelled
        yield Done(id=None, status="complete")


class FailingEngine:
    """Every run fails with what the test has put into `fault`."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def run(self, *_: Any) -> Generator[Frame | Done]:
        raise self.fault
        yield


def waits(semaphore: threading.Semaphore) -> None:
    assert semaphore.acquire(timeout=PATIENCE_S), "what was waited for did not happen"


def run_message(run_id: int, **experiment: Any) -> str:
    return json.dumps({"type": "run", "id": run_id, "experiment": experiment})


def metadata(frame: bytes) -> dict[str, str]:
    """`__metadata__` of a frame."""
    length = int.from_bytes(frame[:8], "little")
    found: dict[str, str] = json.loads(frame[8 : 8 + length])["__metadata__"]
    return found


class Reader:
    """Reads one socket of a test client or of the websockets package."""

    def __init__(self, receive: Callable[[], str | bytes]) -> None:
        self._receive = receive

    def message(self) -> dict[str, Any] | bytes:
        received = self._receive()
        if isinstance(received, bytes):
            return received
        found: dict[str, Any] = json.loads(
            received, parse_constant=lambda name: pytest_fail(f"{name} in JSON")
        )
        return found

    def text(self) -> dict[str, Any]:
        """The next JSON message; frames before it are passed over."""
        while isinstance(message := self.message(), bytes):
            pass
        return message

    def until_end(self, run_id: int) -> tuple[list[bytes], dict[str, Any]]:
        """The frames of a run and its end; whatever else comes is an error."""
        frames: list[bytes] = []
        while True:
            message = self.message()
            if isinstance(message, bytes):
                assert metadata(message)["id"] == str(run_id)
                frames.append(message)
            else:
                assert message["id"] == run_id, message
                return frames, message


def pytest_fail(reason: str) -> None:
    raise AssertionError(reason)


def reader_of(socket: Any) -> Reader:
    """A reader of a Starlette test socket or of a `websockets` connection."""
    if hasattr(socket, "recv"):
        return Reader(lambda: socket.recv(timeout=PATIENCE_S))

    def receive() -> str | bytes:
        message = socket.receive()
        assert message["type"] == "websocket.send", message
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    return Reader(receive)
