"""How long the parts of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

from app.protocol import Timings

Item = TypeVar("Item")
Part = Literal["build", "spectrum", "forward", "backward"]


class Clock:
    """Milliseconds by part; what passes while a frame waits for its reader is not counted."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent_ms: dict[Part, float] = {
            "build": 0.0,
            "spectrum": 0.0,
            "forward": 0.0,
            "backward": 0.0,
        }

    @contextmanager
    def counting(self, part: Part) -> Iterator[None]:
        """Counts the time inside the `with` block."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._spent_ms[part] += 1e3 * (time.perf_counter() - begin)

    def each(self, part: Part, items: Iterator[Item]) -> Iterator[Item]:
        """The same items, their making counted."""
        while True:
            with self.counting(part):
                item = next(items, None)
            if item is None:
                return
            yield item

    def timings(self) -> Timings:
        """What was counted, and all that has passed."""
        total_ms = 1e3 * (time.perf_counter() - self._start)
        parts = {f"{part}_ms": spent for part, spent in self._spent_ms.items()}
        return Timings(**parts, total_ms=total_ms)
