"""The page in headless Chromium: from the slider to the last pixel, all panels."""

from __future__ import annotations

import json
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.chromium import Tab
from tests.benchmarks.interleaved import Line
from tests.serving import Server

SIZES = ((64, 200, "50"), (256, 1000, "20"))
VIEW = (1280, 720)
FRAME_MS = 1000 / 60
PROFILE_INTERVAL_US = 200
STEPS = 50
ANSWERS = 40
HAND = (Path(__file__).parent / "hand.js").read_text("utf-8")


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each drag."""
    with Server() as server:
        for H, T, goal in SIZES:
            with Tab(f"{server.url}/?modules#H={H}&T={T}&phi=tanh&rho=0.9", *VIEW) as tab:
                tab.evaluate(HAND)
                tab.evaluate("hand.ready()")
                yield from _steps(tab, H, T)
                yield from _drags(tab, H, T, goal, seconds)


def _steps(tab: Tab, H: int, T: int) -> Iterator[Line]:
    section = f"Page, H = {H}, T = {T}, all panels, {VIEW[0]} × {VIEW[1]}"
    # The slider holds on to 1; anything else is a new ρ each time.
    rhos = [0.42 + 0.02 * k for k in range(STEPS) if abs(0.42 + 0.02 * k - 1) > 0.02]
    for rho in rhos[:8]:
        tab.evaluate(f"hand.step({rho})")
    spent = [tab.evaluate(f"hand.step({rho + 0.007})") for rho in rhos]
    answer_ms = statistics.median(tab.evaluate(f"hand.answers({ANSWERS})")[5:])
    median, goal = statistics.median(spent), f"{answer_ms + FRAME_MS:.0f}, the answer and a frame"
    yield Line(section, "one step, slider to paint, median", median, "ms", goal=goal)
    p95 = statistics.quantiles(spent, n=20)[-1]
    yield Line(section, "one step, 95th percentile", p95, "ms")
    yield Line(section, "of it until the answer is whole", answer_ms, "ms")


def _drags(tab: Tab, H: int, T: int, goal: str, seconds: float) -> Iterator[Line]:
    section = f"Page, H = {H}, T = {T}, a drag with a new ρ every frame"
    for _ in range(2):
        _drag(tab, seconds)
    drag = _drag(tab, seconds)
    yield Line(section, "pictures a second", drag["pictures"], "", goal=goal)
    yield from smoothness(section, drag)
    yield from by_file(tab, section, lambda: _drag(tab, seconds))


def smoothness(section: str, drag: dict[str, Any]) -> Iterator[Line]:
    """How a drag felt, beside its pictures a second."""
    yield Line(section, "frames a second", drag["frames"], "")
    yield Line(section, "last move to last right picture", drag["tail_ms"], "ms")
    yield Line(section, "tasks over 50 ms", len(drag["long_ms"]), "", goal="0")
    yield Line(section, "longest of them", max(drag["long_ms"], default=0.0), "ms")


def _drag(tab: Tab, seconds: float) -> dict[str, Any]:
    tab.evaluate("hand.rest()")
    found: dict[str, Any] = tab.evaluate(f"hand.drag({json.dumps(seconds)})")
    return found


def by_file(tab: Tab, section: str, do: Callable[[], dict[str, Any]]) -> Iterator[Line]:
    """Main-thread time a picture, by the file that it is spent for."""
    tab.send("Profiler.enable")
    tab.send("Profiler.setSamplingInterval", interval=PROFILE_INTERVAL_US)
    tab.send("Profiler.start")
    drag = do()
    spent = _spent_ms(tab.send("Profiler.stop")["profile"])
    for name, ms in spent.most_common():
        share = ms / max(1, drag["painted"])
        if share >= 0.1:
            yield Line(section, f"main thread a picture, {name}", share, "ms")
    total = spent.total() / max(1, drag["painted"])
    yield Line(section, "main thread a picture, all JavaScript", total, "ms")


def _spent_ms(profile: dict[str, Any]) -> Counter[str]:
    nodes = {node["id"]: node for node in profile["nodes"]}
    parents = {child: node["id"] for node in nodes.values() for child in node.get("children", [])}

    def owner(number: int | None) -> str | None:
        innermost = None
        while number is not None:
            frame = nodes[number]["callFrame"]
            if frame["functionName"] in ("(idle)", "(program)"):
                return None
            if frame["functionName"] == "(garbage collector)":
                return "garbage collector"
            file = os.path.basename(urlsplit(frame["url"]).path)
            if any(room in frame["url"] for room in ("/views/", "/ui/", "/net/")):
                return file  # whatever it calls is done for it
            innermost = innermost or file or None
            number = parents.get(number)
        return innermost

    spent: Counter[str] = Counter()
    for number, delta_us in zip(profile["samples"], profile["timeDeltas"], strict=True):
        name = owner(number)
        if name:
            spent[name] += delta_us / 1000
    return spent
