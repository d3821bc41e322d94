"""Giving memory back to the system after something large."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import Executor

LONG_TEXT_BYTES = 2**20  # as objects it takes fifty times as much
LARGE_RUN_BYTES = 2**26
DELAY_S = 0.5  # long enough for what was large to be forgotten, and to do it once for many


class Tidier:
    """glibc keeps what is freed in small pieces for itself: a long message, read and refused,
    would leave hundreds of megabytes behind for as long as the server runs.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._trim = _trimmer()
        self._is_planned = False

    def after_text(self, nbytes: int) -> None:
        """Tidies up soon if the text that was read is long. Called on the event loop."""
        if nbytes >= LONG_TEXT_BYTES:
            self._plan()

    def after_run(self, nbytes: int) -> None:
        """Tidies up soon if the run's working memory was large. Called on the event loop."""
        if nbytes >= LARGE_RUN_BYTES:
            self._plan()

    def close(self) -> None:
        """Plans nothing more."""
        self._trim = None

    def _plan(self) -> None:
        if not self._is_planned:
            self._is_planned = True
            asyncio.get_running_loop().call_later(DELAY_S, self._tidy)

    def _tidy(self) -> None:
        self._is_planned = False
        if self._trim is not None:
            asyncio.get_running_loop().run_in_executor(self._pool, self._trim, 0)


def _trimmer() -> Callable[[int], int] | None:
    """glibc's malloc_trim, or None where the C library is another."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim
