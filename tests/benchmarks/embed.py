"""An embed in a page of another site: from the frame's address to its first picture."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks.chromium import Tab
from tests.benchmarks.interleaved import Line
from tests.serving import Server
from tests.ui.elsewhere import Elsewhere

COLD, WARM = 7, 5  # browsers that have seen nothing yet, and further frames in each
LOADED = "document.readyState === 'complete' || new Promise((go) => (onload = go))"
MEASURE = """<script>
const opened = (address) => new Promise((done) => {
  const frame = Object.assign(document.createElement("iframe"), { width: 960, height: 540 });
  const start = performance.now();
  addEventListener("message", function hear({ data, source }) {
    if (source !== frame.contentWindow || data.type !== "rhoscope:ready") return;
    removeEventListener("message", hear);
    done(performance.now() - start);
    frame.remove();
  });
  frame.src = address;
  document.body.append(frame);
});
</script>"""


def lines(seconds: float) -> Iterator[Line]:
    """All lines; `seconds` is left aside, since every browser is started once."""
    with Server() as server, Elsewhere() as site:
        page, cold, warm = site.page(MEASURE), [], []
        open_it = f"opened({server.url + '/embed#rho=1.03&phi=linear'!r})"
        for _ in range(COLD):
            with Tab(page, 1280, 720) as tab:
                tab.evaluate(LOADED)
                cold.append(tab.evaluate(open_it))
                warm += [tab.evaluate(open_it) for _ in range(WARM)]
    section = "Embed, H = 64, T = 200, 960 × 540, in a page of another site"
    what = "frame to first picture, nothing in the cache"
    yield Line(section, what, statistics.median(cold), "ms")
    yield Line(section, "the same, once more in the same browser", statistics.median(warm), "ms")
