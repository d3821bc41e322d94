"""Timing that survives a noisy machine: contenders take turns, and only their ratio is meant."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Work = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One line of the table.

    `value` is what the product took or reached, in `unit`; `ratio` is how many times better it is
    than `against`, and `goal` what that ratio, or the value where there is none, should be.
    """

    section: str
    what: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    goal: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def interleaved(contenders: Mapping[str, Work], *, seconds: float) -> dict[str, list[float]]:
    """Seconds of every call, by contender; they take turns until `seconds` have passed.

    Each is called once before without being counted, and three times at least after that.
    """
    for work in contenders.values():
        work()
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 3 or time.perf_counter() < end:
        names = list(contenders)
        # Another one begins each time: what follows a slow one finds other caches than the first.
        for name in names[rounds % len(names) :] + names[: rounds % len(names)]:
            begin = time.perf_counter()
            contenders[name]()
            spent[name].append(time.perf_counter() - begin)
        rounds += 1
    return spent


def ratio(spent: Mapping[str, list[float]], ours: str, other: str) -> float:
    """How many times longer `other` takes than `ours`: the median over the rounds."""
    rounds = zip(spent[ours], spent[other], strict=True)
    return statistics.median(theirs / mine for mine, theirs in rounds)
