"""One computing thread: faster than two for the small matrices of a recurrent network."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController


class _Pin:
    """Counts who asks for one thread, so that nested and concurrent users undo it once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._limit: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limit = _controller().limit(limits=1, user_api="blas")
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limit.restore_original_limits()
                self._limit = None


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # Finding the loaded libraries takes milliseconds; setting their threads, microseconds.
    return ThreadpoolController()


_pin = _Pin()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Runs NumPy's matrix products on one thread inside the `with` block.

    The limit belongs to the process, not to the calling thread: it is lifted when the last of
    several overlapping users has left. PyTorch's own threads are set by
    `torch.set_num_threads`.

    >>> with single_threaded():
    ...     pass
    """
    _pin.enter()
    try:
        yield
    finally:
        _pin.leave()
