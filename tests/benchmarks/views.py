"""Drags with views of the chapter's second half open: what is behind a panel waits for the hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.chromium import Tab
from tests.benchmarks.interleaved import Line
from tests.benchmarks.page import HAND, VIEW
from tests.serving import Server

H, T = 64, 200
GOAL = "25"
# Two of them at once, beside the plain page.
OPEN = {
    "states, norms, eigenvalues": "",
    "influence map, powers": "&top=influence&bottom=powers",
    "influence map, J_t": "&top=influence&jacobian=1",
    "influence map, state space": "&top=influence&side=state_space",
    "powers, state space": "&bottom=powers&side=state_space",
    "memory of the start, state space of 8 starts": "&bottom=race&side=state_space&starts=8",
    "memory of the start, Lyapunov exponents": "&bottom=race&side=lyapunov&starts=8",
    "unrolled network, powers": "&top=unrolled&bottom=powers",
    "unrolled network with a cone, state space": "&top=unrolled&cone=100&side=state_space",
    "atlas, atlas": "&top=atlas&bottom=atlas",
}
ROUNDS = 3


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each drag; the pairs take turns, so a busy moment meets all."""
    section = f"Page, H = {H}, T = {T}, a drag with two views open"
    with Server() as server:
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in OPEN}
        for _ in range(ROUNDS):
            for name, views in OPEN.items():
                link = f"{server.url}/#H={H}&T={T}&phi=tanh&rho=0.9&input=noise&t=120{views}"
                with Tab(link, *VIEW) as tab:
                    tab.evaluate(HAND)
                    tab.evaluate("hand.ready()")
                    tab.evaluate("hand.rest()")
                    tab.evaluate(f"hand.drag({json.dumps(seconds)})")
                    tab.evaluate("hand.rest()")
                    found[name].append(tab.evaluate(f"hand.drag({json.dumps(seconds)})"))
        for name, drags in found.items():
            best = max(drags, key=lambda drag: drag["pictures"])
            yield Line(section, f"{name}: pictures a second", best["pictures"], "", goal=GOAL)
            longest = max((ms for drag in drags for ms in drag["long_ms"]), default=0.0)
            yield Line(section, f"{name}: longest task over 50 ms", longest, "ms")
