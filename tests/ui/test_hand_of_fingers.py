"""One finger on a phone: it scrolls the page, and moves only what it holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect
from tests.ui.test_edits import eigenvalues, place

Point = tuple[float, float]


class Finger:
    def __init__(self, page: Page) -> None:
        self.page = page
        self._session: CDPSession = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: Point) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def swipe(self, start: Point, dx: float, dy: float) -> None:
        self._send("touchStart", start)
        for k in range(1, 11):
            self._send("touchMove", (start[0] + dx * k / 10, start[1] + dy * k / 10))
            # As fast as a screen reports a finger.
            self.page.evaluate("new Promise(requestAnimationFrame)")
        self._send("touchEnd")

    def tap(self, point: Point) -> None:
        self._send("touchStart", point)
        self._send("touchEnd")


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext]) -> Page:
    size = {"width": 390, "height": 844}
    return new_context(viewport=size, has_touch=True, is_mobile=True).new_page()


def open_at(page: Page, server: Server, link: str, panel: str) -> Instrument:
    instrument = Instrument(page, server.url).open(link).rest()
    # In the middle, below what sticks to the top.
    page.evaluate(
        "(panel) => document.querySelector(panel).scrollIntoView({ block: 'end' })", panel
    )
    page.evaluate("scrollBy(0, 60)")
    return instrument


def settled(page: Page) -> None:
    """Waits until the page has come to a stop: a swipe lets it glide on."""
    page.evaluate(
        """async () => {
          for (let calm = 0, last = -1; calm < 12; calm++) {
            if (scrollY !== last) [calm, last] = [0, scrollY];
            await new Promise(requestAnimationFrame);
          }
        }"""
    )


def scrolled(page: Page) -> float:
    y: float = page.evaluate("scrollY")
    return y


def top(page: Page, panel: str) -> float:
    """Where a panel is on the screen; a hint that comes above it moves the page, not the panel."""
    y: float = page.evaluate(
        "(panel) => document.querySelector(panel).getBoundingClientRect().y", panel
    )
    return y


def cell(instrument: Instrument, i: int, j: int, size: int) -> Point:
    area = instrument.plot_area(".weights")
    return (
        area["x"] + area["width"] * (j - 0.5) / size,
        area["y"] + area["height"] * (i - 0.5) / size,
    )


def test_a_swipe_over_the_weights_scrolls_and_edits_nothing(phone: Page, server: Server) -> None:
    instrument = open_at(phone, server, "#rho=0.9&H=8", ".weights")
    finger = Finger(phone)
    before = scrolled(phone)
    finger.swipe(cell(instrument, 5, 3, 8), 0, -120)
    phone.wait_for_function("(before) => scrollY > before + 40", arg=before)
    settled(phone)
    assert instrument.painted["recurrent"]["edits"] == []
    expect(phone.get_by_role("button", name="nothing to undo")).to_be_disabled()


def test_the_chosen_weight_is_scrubbed_by_a_finger(phone: Page, server: Server) -> None:
    instrument = open_at(phone, server, "#rho=0.9&H=8", ".weights")
    finger = Finger(phone)
    finger.tap(cell(instrument, 5, 3, 8))
    expect(phone.get_by_label("row i of the weight, to unit")).to_have_value("5")
    expect(phone.get_by_label("value of the weight")).not_to_be_focused()
    before = top(phone, ".weights")
    finger.swipe(cell(instrument, 5, 3, 8), 0, -60)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    edit = instrument.painted["recurrent"]["edits"][0]
    assert (edit["op"], edit["i"], edit["j"]) == ("set", 4, 2)
    assert top(phone, ".weights") == pytest.approx(before, abs=2)
    finger.tap(cell(instrument, 5, 3, 8))
    expect(phone.get_by_label("value of the weight")).to_be_focused()


def test_an_eigenvalue_is_dragged_by_a_finger_and_the_plane_scrolls(
    phone: Page, server: Server
) -> None:
    instrument = open_at(phone, server, "#rho=0.9&H=4", ".eigenvalues")
    finger = Finger(phone)
    found = eigenvalues(instrument)
    value = found[np.argmax(found.imag)]
    before = top(phone, ".eigenvalues")
    finger.swipe(place(instrument, complex(value)), 0, -40)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    assert top(phone, ".eigenvalues") == pytest.approx(before, abs=2)
    phone.locator("body").press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    before = scrolled(phone)
    finger.swipe(place(instrument, 0.1 + 1.2j), 0, -100)
    phone.wait_for_function("(before) => scrollY > before + 40", arg=before)
    assert instrument.painted["recurrent"]["edits"] == []


def test_a_swipe_over_the_atlas_scrolls_and_a_tap_sets_rho(phone: Page, server: Server) -> None:
    instrument = open_at(phone, server, "#rho=0.9&H=8&top=atlas", ".atlas-top")
    finger = Finger(phone)
    area = instrument.plot_area(".atlas-top")
    before = scrolled(phone)
    middle = area["x"] + area["width"] / 2
    finger.swipe((middle, area["y"] + area["height"] * 0.9), 0, -100)
    phone.wait_for_function("(before) => scrollY > before + 40", arg=before)
    settled(phone)
    assert instrument.painted["recurrent"]["spectral_radius"] == 0.9
    area = instrument.plot_area(".atlas-top")
    finger.tap((middle, area["y"] + area["height"] * (1 - 1.5 / 2)))
    instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 1.5) < 0.03")
