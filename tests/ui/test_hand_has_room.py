"""Whatever a hand works with can be read: in a low window, on a phone, on a projector."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect

INSIDE = """(element) => {
  const { left, right } = element.getBoundingClientRect();
  return left >= 0 && right <= innerWidth && element.scrollWidth <= element.clientWidth;
}"""
PHONE = {"width": 390, "height": 844}


def test_the_numbers_of_eight_units_have_rows_of_their_own(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&input=noise&t=9").rest()
    assert instrument.plot_area(".weights")["height"] / 8 >= 15
    expect(page.locator(".arithmetic")).to_contain_text("tanh(")
    # The sum, which comes last, is seen without scrolling.
    assert page.locator(".arithmetic").evaluate("(e) => e.scrollHeight <= e.clientHeight + 2")


@pytest.mark.parametrize("theme", ["light", "projector"])
@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 720}])
def test_the_history_stays_in_the_window(
    new_context: Callable[..., BrowserContext],
    server: Server,
    size: dict[str, int],
    theme: str,
) -> None:
    page = new_context(viewport=size).new_page()
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8")
    page.get_by_role("slider", name="departure of W_hh from normality").fill("1.5")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    instrument.use_theme(theme)
    page.locator(".history summary").click()
    assert page.locator(".history .popup").evaluate(INSIDE)
    step = page.locator(".history ol button").first
    expect(step).to_have_text("non-normality × 1.5")
    for button in (step, page.locator(".history .reset")):
        assert button.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    page.keyboard.press("Escape")
    assert page.get_by_label("ρ typed").evaluate("(e) => e.scrollWidth <= e.clientWidth")
    verdict = page.locator(".verdict .clause").last.bounding_box()
    control = page.locator(".rho-control").bounding_box()
    assert verdict is not None
    assert control is not None
    if size is PHONE:
        assert verdict["y"] + verdict["height"] <= control["y"]


def test_a_huge_radius_fits_its_axis_and_its_field(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    instrument.click_weight(2, 3, size=8)
    page.keyboard.type("1e30")
    page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    instrument.rest()
    expect(page.get_by_label("ρ typed")).to_have_value("4.16e14")
    instrument.point(".eigenvalues")
    ticks = page.locator(".eigenvalues .ytick text")
    assert all(len(text) <= 8 for text in ticks.all_text_contents())
    left = page.locator(".eigenvalues").bounding_box()
    assert left is not None
    for k in range(ticks.count()):
        box = ticks.nth(k).bounding_box()
        assert box is not None
        assert box["x"] >= left["x"]
