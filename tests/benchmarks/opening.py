"""The page over a slow line: from its address to the first picture, in a browser that is new to it.

The page as it is served, one script and one style sheet, against the same with its modules one by
one (`/?modules`), which is how it was served before.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks.chromium import Tab
from tests.benchmarks.interleaved import Line, ratio
from tests.serving import Server

# Milliseconds until an answer begins, kB a second after that; a house's Wi-Fi, and a full hall's.
LINES = ((0, 0), (40, 2000), (150, 400))
ROUNDS = 3
PICTURE = """(async () => {
  while (!(window.rhoscope?.picturesPainted > 0)) await new Promise(requestAnimationFrame);
  return performance.now();
})()"""


def lines(seconds: float) -> Iterator[Line]:
    """All lines; `seconds` is left aside, since every browser is started once."""
    with Server() as server:
        served = {"as one script": f"{server.url}/", "as modules": f"{server.url}/?modules"}
        for latency_ms, rate_kBps in LINES:
            found: dict[str, list[float]] = {name: [] for name in served}
            again: list[float] = []
            for _ in range(ROUNDS):
                for name, url in served.items():
                    with Tab("about:blank", 1280, 720) as tab:
                        _slow_down(tab, latency_ms, rate_kBps)
                        found[name].append(_opened(tab, url))
                        if name == "as one script":
                            tab.send("Page.navigate", url="about:blank")
                            again.append(_opened(tab, url))
            line = f"{latency_ms} ms, {rate_kBps} kB/s" if rate_kBps else "nothing in its way"
            section = f"Opening, {line}"
            median = statistics.median(found["as one script"])
            compared = ratio(found, "as one script", "as modules")
            what = "first picture, nothing in the cache"
            yield Line(section, what, median, "ms", "the same as modules", compared)
            yield Line(section, "opened again", statistics.median(again), "ms")


def _slow_down(tab: Tab, latency_ms: float, rate_kBps: float) -> None:
    if not rate_kBps:
        return
    rate = 1000 * rate_kBps
    tab.send("Network.enable")
    conditions = {"latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate}
    tab.send("Network.emulateNetworkConditions", offline=False, **conditions)


def _opened(tab: Tab, url: str) -> float:
    """Milliseconds from the address to the first picture."""
    tab.send("Page.navigate", url=url)
    return float(tab.evaluate(PICTURE))
