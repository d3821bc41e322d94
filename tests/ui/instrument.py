"""The page as a hand uses it."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect
from safetensors.numpy import load

LATEST_MS = 15_000
expect.set_options(timeout=LATEST_MS)  # on a busy machine an answer behind the panels takes seconds

# What the page shows for what is under the hand now, and nothing on its way.
RESTED = """() => window.rhoscope?.picturesPainted > 0
  && document.querySelectorAll('.panel .plot.is-moving').length === 0"""


class Instrument:
    """One page of Rhoscope, from the outside."""

    def __init__(self, page: Page, url: str, query: str = "") -> None:
        self.page = page
        self.url = url
        self.query = query
        page.set_default_timeout(LATEST_MS)

    def open(self, link: str = "") -> Instrument:
        """Opens a link and waits for its whole picture."""
        self.page.goto(f"{self.url}/{self.query}{link}")
        self.wait("rhoscope.picturesPainted > 0")
        return self

    def turn_to(self, link: str) -> Instrument:
        """Opens a link of another Experiment in the page that is there; a tenth of a new start."""
        self.rest()
        pictures = self.pictures
        self.page.evaluate("link => { location.hash = link }", link)
        self.wait(f"rhoscope.picturesPainted > {pictures}")
        return self.rest()

    def choose_preset(self, name: str) -> None:
        presets = self.page.get_by_label("preset")
        option = presets.locator("option", has_text=name)
        presets.select_option(option.get_attribute("value"))

    def use_theme(self, theme: str) -> None:
        while self.page.evaluate("document.documentElement.dataset.theme ?? 'light'") != theme:
            self.page.locator("button.theme").click()

    def rest(self) -> Instrument:
        """Waits until nothing moves, and slow views have been asked for."""
        self.page.wait_for_function(RESTED)
        return self

    def point(self, *panels: str) -> Instrument:
        """A pointer comes to pictures and leaves them, and Plotly has come for it."""
        for panel in panels or (".norms",):
            if self.page.locator(f"{panel} .plot .main-svg").count():
                continue
            self.page.evaluate(
                """panel => {
                  const picture = document.querySelector(`${panel} .panel-body`);
                  for (const kind of ["pointerenter", "pointerleave"])
                    picture.dispatchEvent(new PointerEvent(kind));
                }""",
                panel,
            )
            self.wait(f"document.querySelector('{panel} .plot .main-svg') !== null")
        return self.rest()

    def settled_link(self) -> str:
        """The address, once it has followed what was done last."""
        self.page.wait_for_function(
            """() => {
              const [now, seen] = [performance.now(), (window.seenHash ??= {})];
              if (seen.hash !== location.hash) Object.assign(seen, { hash: location.hash, now });
              return now - seen.now > 500;
            }"""
        )
        return str(self.page.evaluate("location.hash"))

    def wait(self, condition: str) -> None:
        self.page.wait_for_function(f"() => window.rhoscope && ({condition})")

    def wait_for(self, path: str, value: object) -> None:
        """Waits for a whole picture of an Experiment with this value."""
        self.wait(
            f"JSON.stringify(rhoscope.painted?.{path}) === JSON.stringify({json.dumps(value)})"
        )

    @property
    def painted(self) -> dict[str, Any]:
        result: dict[str, Any] = self.page.evaluate("rhoscope.painted")
        return result

    @property
    def pictures(self) -> int:
        return int(self.page.evaluate("rhoscope.picturesPainted"))

    @property
    def rho(self) -> Locator:
        return self.page.get_by_role("slider", name="spectral radius")

    @property
    def verdict(self) -> Locator:
        return self.page.locator(".verdict")

    @property
    def matrix(self) -> Locator:
        return self.page.locator(".weights .panel-body")

    def drag_rho(self, *values: float) -> None:
        """Takes the slider's knob and moves it over the values, without letting go between."""
        box = self.rho.bounding_box()
        assert box is not None
        knob = 16  # the knob's centre runs from half a knob's width to half a width from the end
        y = box["y"] + box["height"] / 2

        def x(rho: float) -> float:
            return box["x"] + knob / 2 + (box["width"] - knob) * rho / 2

        self.page.mouse.move(x(float(self.rho.input_value())), y)
        self.page.mouse.down()
        for value in values:
            self.page.mouse.move(x(value), y)
        self.page.mouse.up()

    def click_weight(self, i: int, j: int, size: int) -> None:
        """Clicks the cell of row i, column j, counted from 1 as the page does."""
        area = self.plot_area(".weights")
        self.page.mouse.click(
            area["x"] + area["width"] * (j - 0.5) / size,
            area["y"] + area["height"] * (i - 0.5) / size,
        )

    def plot_area(self, panel: str) -> dict[str, float]:
        """Where Plotly itself says that the plot area of a panel lies, in pixels of the page."""
        if self.page.locator(f"{panel} .plot .main-svg").count() == 0:
            self.point(panel)
        result: dict[str, float] = self.page.evaluate(
            """(selector) => {
              const figure = document.querySelector(`${selector} .plot`);
              const { xaxis, yaxis } = figure._fullLayout;
              const box = figure.getBoundingClientRect();
              return {
                x: box.x + xaxis._offset, width: xaxis._length,
                y: box.y + yaxis._offset, height: yaxis._length,
              };
            }""",
            panel,
        )
        return result

    def readout(self, name: str) -> str:
        return self.page.locator(".readout div", has_text=name).locator("dd").inner_text()

    def posted(self, experiment: dict[str, Any]) -> dict[str, Any]:
        """The same Experiment through POST /api/run."""
        answer = self.page.request.post(f"{self.url}/api/run", data=experiment)
        assert answer.ok, answer.text()
        return load(answer.body())


def expect_no_overflow(page: Page) -> None:
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page is too wide"
    )


__all__ = ["Instrument", "expect", "expect_no_overflow"]
