"""The atlas in the place of a panel over time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect

WHOLE = """(place) => {
  const canvas = document.querySelector(`.atlas-${place} .marks`);
  if (canvas.hidden || !canvas.width) return false;
  const { data } = canvas.getContext("2d").getImageData(canvas.width / 2, 0, 1, canvas.height);
  const colours = new Set();
  for (let k = 0; k < data.length; k += 4) colours.add(data.slice(k, k + 3).join());
  return colours.size > 20;
}"""
pytestmark = pytest.mark.expect_console("willReadFrequently")  # reading pixels is the test's doing


def test_it_is_chosen_in_the_title_and_sets_rho(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    context = new_context()
    page = context.new_page()
    instrument = Instrument(page, server.url).open("#rho=0.9&phi=linear").rest()
    lower = page.get_by_label("lower panel shows").locator("visible=true")
    lower.select_option("atlas")
    expect(page.locator(".norms")).to_be_hidden()
    page.wait_for_function(WHOLE, arg="bottom")
    area = instrument.plot_area(".atlas-bottom")
    x = area["x"] + area["width"] / 2
    page.mouse.click(x, area["y"] + area["height"] * (1 - 1.3 / 2))
    instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 1.3) < 0.03")
    page.mouse.move(x, area["y"] + area["height"] * (1 - 1.3 / 2))
    page.mouse.down()
    page.mouse.move(x, area["y"] + area["height"] * (1 - 0.6 / 2), steps=5)
    page.mouse.up()
    instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 0.6) < 0.03")
    held = instrument.painted["recurrent"]["spectral_radius"]
    page.keyboard.press("ArrowUp")
    instrument.wait_for("recurrent.spectral_radius", round(held + 0.01, 4))
    page.wait_for_function("() => location.hash.includes('bottom=atlas')")
    second = Instrument(context.new_page(), server.url).open(page.evaluate("location.hash"))
    second.page.wait_for_function(WHOLE, arg="bottom")
    expect(second.page.locator(".atlas-bottom")).to_be_visible()
    lower.select_option("norms")
    expect(page.locator(".norms")).to_be_visible()


def test_an_edit_makes_another_atlas(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&phi=linear&top=atlas").rest()
    page.wait_for_function(WHOLE, arg="top")
    pixels = "document.querySelector('.atlas-top .marks').toDataURL()"
    before = page.evaluate(pixels)
    instrument.rho.fill("0.5")  # every ρ is on it already
    instrument.wait_for("recurrent.spectral_radius", 0.5)
    instrument.rest()
    assert page.evaluate(pixels) == before
    instrument.click_weight(1, 2, size=8)
    page.keyboard.type("9")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.wait_for_function(f"(before) => {pixels} !== before", arg=before)


def test_a_matrix_without_an_atlas_says_why(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#H=8&ensemble=delay_line&top=atlas").rest()
    expect(page.locator(".atlas-top .panel-note")).to_contain_text("no atlas")


def test_at_rho_zero_the_draw_still_has_its_atlas(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=0&H=8&top=atlas").rest()
    page.wait_for_function(WHOLE, arg="top")
    expect(page.locator(".atlas-top .panel-note")).to_be_empty()
