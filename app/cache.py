"""Results that are likely to be asked for again, within a bounded memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")

LARGEST_SHARE = 4  # no entry may take more than this part of the whole


class Cache:
    """Least recently used first out. Holds only what is a pure function of its key.

    What is kept must never be written to: it is handed out as it is.
    """

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._held_bytes = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> Any | None:
        """What was kept under `key`, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def keep(self, key: Hashable, value: object, nbytes: int) -> None:
        """Keeps `value` if it is not too large, and drops the oldest for it."""
        if not self.has_room_for(nbytes):
            return
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = value, nbytes
            self._held_bytes += nbytes
            while self._held_bytes > self._total_bytes:
                _, (_, freed) = self._entries.popitem(last=False)
                self._held_bytes -= freed

    def has_room_for(self, nbytes: int) -> bool:
        """Whether an entry of this size would be kept."""
        return nbytes * LARGEST_SHARE <= self._total_bytes

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """What is kept under `key`, else what `make` gives; it computes outside of the lock."""
        found: Value | None = self.find(key)
        if found is not None:
            return found
        value = make()
        self.keep(key, value, size(value))
        return value
