"""Hands on the matrix, in headless Chromium: a typed weight, and an eigenvalue that is dragged."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.chromium import Tab
from tests.benchmarks.interleaved import Line, ratio
from tests.benchmarks.page import FRAME_MS, HAND, VIEW, by_file, smoothness
from tests.serving import Server

SIZES = ((64, 200),)
HANDS = (Path(__file__).parent / "hands.js").read_text("utf-8")
EDITS = 60
EDITS_FROM_REST = 15
ANSWERS = 40
ROUNDS = 3  # of drags, the slider's and the eigenvalue's in turn


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each drag."""
    with Server() as server:
        for H, T in SIZES:
            with Tab(f"{server.url}/?modules#H={H}&T={T}&phi=tanh&rho=0.9", *VIEW) as tab:
                tab.evaluate(HAND)
                tab.evaluate(HANDS)
                tab.evaluate("hand.ready()")
                yield from _edits(tab, H, T)
                yield from _drags(tab, H, T, seconds)


def _edits(tab: Tab, H: int, T: int) -> Iterator[Line]:
    section = f"Hands, H = {H}, T = {T}, a weight, from its input event to the end of its frame"
    tab.evaluate("hand.takeWeight(2, 3)")
    # Undone each time, so that a step of ρ is always one of the drawn matrix; the first ones warm.
    weights, rhos = [], []
    for k in range(-5, EDITS):
        weights.append(tab.evaluate(f"hand.weight({0.3 + k / 1000:.3f}, {k + 5})"))
        tab.evaluate("hand.undo()")
        rhos.append(tab.evaluate(f"hand.rho({0.5 + k / 200:.3f}, {k + 5})"))
        tab.evaluate("hand.undo()")
    other = "a step of ρ, timed alike"
    spent = {name: [one["ms"] for one in of[5:]] for name, of in (("ours", weights), (other, rhos))}
    compared = ratio(spent, "ours", other)
    yield from _latency(section, "typed", weights[5:], against=other, ratio=compared)
    rested = []
    for k in range(EDITS_FROM_REST):
        tab.evaluate("hand.rest()")
        rested.append(tab.evaluate(f"hand.weight({0.5 + k / 1000:.3f}, {k})"))
        tab.evaluate("hand.undo()")
    yield from _latency(section, "first after a rest", rested)
    answers = statistics.median(tab.evaluate(f"hand.weightAnswers({ANSWERS})"))
    yield Line(section, "of it until the answer is whole", answers, "ms")


def _latency(
    section: str, what: str, spent: Sequence[dict[str, float]], **compared: Any
) -> Iterator[Line]:
    spent_ms = [each["ms"] for each in spent]
    median, p95 = statistics.median(spent_ms), _p95(spent_ms)
    yield Line(section, f"{what}, median", median, "ms", **compared)
    yield Line(section, f"{what}, median, times {FRAME_MS:.1f} ms", median / FRAME_MS, "", goal="2")
    yield Line(section, f"{what}, 95th percentile", p95, "ms")
    yield Line(
        section, f"{what}, 95th percentile, times {FRAME_MS:.1f} ms", p95 / FRAME_MS, "", goal="2"
    )
    # Where an answer comes within a frame, the one after it shows it, whatever the key's moment.
    in_time = 100 * statistics.mean(each["frames"] <= 2 for each in spent)
    yield Line(section, f"{what}, shown by the first or second frame", in_time, "%", goal="100")


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def _drags(tab: Tab, H: int, T: int, seconds: float) -> Iterator[Line]:
    section = f"Hands, H = {H}, T = {T}, a drag with a new eigenvalue every frame"
    tab.evaluate("hand.takePair()")

    def drag(name: str) -> dict[str, Any]:
        tab.evaluate("hand.rest()")
        found: dict[str, Any] = tab.evaluate(f"hand.{name}({json.dumps(seconds)})")
        return found

    drag("dragPair")
    pairs, rhos = [], []
    for _ in range(ROUNDS):
        pairs.append(drag("dragPair"))
        rhos.append(drag("drag"))
        tab.evaluate("hand.rest()")
        tab.evaluate("hand.undo()")
    # A slow one makes fewer pictures: seconds a picture are what is compared.
    found = {
        "eigenvalue": [1 / max(each["pictures"], 1) for each in pairs],
        "a drag of ρ": [1 / max(each["pictures"], 1) for each in rhos],
    }
    median = sorted(pairs, key=lambda each: each["pictures"])[len(pairs) // 2]
    compared = ratio(found, "eigenvalue", "a drag of ρ")
    yield Line(
        section, "pictures a second", median["pictures"], "", "a drag of ρ", compared, goal="30"
    )
    median["long_ms"] = [each for one in pairs for each in one["long_ms"]]
    yield from smoothness(section, median)
    answers = statistics.median(tab.evaluate(f"hand.eigenvalueAnswers({ANSWERS})"))
    yield Line(section, "of a picture until the answer is whole", answers, "ms")
    yield from by_file(tab, section, lambda: drag("dragPair"))
