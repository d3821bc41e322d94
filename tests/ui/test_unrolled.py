"""The network folded and unrolled, whose W_hh lights up, and what a state depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow

FOLDED = "unroll: from the recursive picture to the unrolled network"
LINK = "#rho=1.2&H=8&T=40&input=noise&t=30&top=unrolled"
LONG = "#rho=1.1&H=8&T=1500&input=noise&t=1500&top=unrolled&phi=linear"
UNROLLED = "The unrolled network: 40 copies of one Elman cell"


def picture(page: Page) -> Locator:
    return page.locator(".network-picture")


def said(page: Page) -> Locator:
    return page.locator(".unrolled-said")


def painted_rows(page: Page) -> str:
    """The canvas as a fingerprint: another picture, other pixels."""
    text: str = page.evaluate("document.querySelector('.network-picture').toDataURL()")
    return text


def test_it_folds_and_unrolls_by_slider_button_and_key(
    page: Page, server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=1.2&H=8&T=40&input=noise&t=30")
    page.get_by_label("upper panel shows").first.select_option("Unrolled network")
    slider = page.get_by_role("slider", name=FOLDED)
    expect(slider).to_have_value("1")
    expect(page.get_by_role("img", name=UNROLLED)).to_be_visible()
    unrolled = painted_rows(page)
    slider.fill("0")
    expect(slider).to_have_attribute("aria-valuetext", "folded")
    page.wait_for_function("location.hash.includes('unroll=0')")
    assert painted_rows(page) != unrolled
    page.get_by_role("button", name="unroll", exact=True).click()
    expect(slider).to_have_attribute("aria-valuetext", "unrolled")
    picture(page).press("u")
    expect(slider).to_have_attribute("aria-valuetext", "folded")
    # Another page opens what the link says.
    other = Instrument(new_context().new_page(), server.url)
    page.wait_for_function("location.hash.includes('unroll=0')")
    other.open(page.evaluate("location.hash"))
    expect(other.page.get_by_role("slider", name=FOLDED)).to_have_value("0")
    assert instrument.painted["steps"] == 40


def test_who_wants_no_motion_gets_the_other_picture_at_once(
    server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(reduced_motion="reduce").new_page()
    Instrument(page, server.url).open(LINK)
    page.get_by_role("button", name="fold", exact=True).click()
    assert page.get_by_role("slider", name=FOLDED).input_value() == "0"


@pytest.mark.parametrize("link", [LINK, LONG])
def test_the_share_at_the_cursor_is_the_runs_own(page: Page, server: Server, link: str) -> None:
    instrument = Instrument(page, server.url).open(link)
    found = instrument.posted(instrument.painted)
    logs = found["log10_grad_W_hh"]
    shares = 10.0 ** (logs - logs.max())
    shares /= shares.sum()
    page.get_by_role("slider", name="time step t").press("End")
    t = len(logs)
    expect(said(page)).to_contain_text(f"Step {t:,} pays" if t == 40 else "pay")
    text = said(page).inner_text()
    largest = int(np.flatnonzero(shares == shares.max())[-1]) + 1
    most = f"step {largest:,} the most: {float(f'{100 * shares.max():.2g}'):g} %"
    assert most in text or (largest == t and "the most of all" in text), text
    if t == 40:
        assert f"pays {float(f'{100 * shares[-1]:.2g}'):g} % of ∂L/∂W" in text, text
    descending = np.sort(shares)[::-1].cumsum()
    half = 1 + int(np.searchsorted(descending, 0.5))
    assert f"{half:,} of {t:,} steps make half" in text or half == 1, text


def test_a_state_lights_up_what_it_depends_on(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=1.2&H=8&T=1&top=unrolled")
    box: Any = picture(page).bounding_box()
    page.get_by_label("steps T", exact=False).first.fill("40")
    page.wait_for_function("rhoscope.painted.steps === 40")
    # The last step stands at the right, whatever the cursor: its state, its cell, its W_hh.
    place = {"x": box["width"] * 0.93, "y": box["height"] * 0.7}
    picture(page).click(position=place)
    expect(said(page)).to_contain_text("h₄₀ depends on x₁ … x₄₀, h₀ … h₃₉ and W")
    expect(said(page)).to_contain_text("40 times; on it L.")
    expect(said(page)).to_contain_text("Measured")
    page.wait_for_function("location.hash.includes('cone=40')")
    picture(page).press("ArrowLeft")
    expect(said(page)).to_contain_text("h₃₉ depends on")
    expect(page.get_by_role("slider", name="time step t")).to_have_attribute("aria-valuenow", "39")
    picture(page).press("Escape")
    expect(said(page)).to_contain_text("Depth T = 40")
    picture(page).press("Enter")
    expect(said(page)).to_contain_text("h₃₉ depends on")
    picture(page).click(position={"x": 3, "y": 3})
    expect(said(page)).to_contain_text("pays")


def test_a_condensed_step_is_gone_to_by_a_click(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=1.2&H=8&T=200&top=unrolled&t=1")
    box: Any = picture(page).bounding_box()
    picture(page).click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.7})
    cursor = page.get_by_role("slider", name="time step t")
    expect(cursor).not_to_have_attribute("aria-valuenow", "1")
    t = int(cursor.get_attribute("aria-valuenow") or 0)
    assert 100 < t < 200


SAID = (
    ("#T=1&H=1&top=unrolled", "T − 1 = 0 times"),
    ("#rho=1&cell=attention&T=12&H=4&top=unrolled&unroll=0", "Depth 1, whatever T is"),
    ("#layers=16&H=4&T=12&top=unrolled", "Depth T + layers − 1 = 27"),
    ("#cell=lstm&H=4&T=12&top=unrolled&unroll=0", "by gate f alone never"),
    ("#T=100000&H=4&top=unrolled&cone=50000", "too many for an influence map"),
    ("#B=3&H=4&T=12&top=unrolled&cone=5&sequence=mean", "of sequence 1"),
    ("#layers=2&H=4&T=12&top=unrolled&cone=5,1", "measured of the top layer"),
    ("#rho=0.9&phi=linear&T=12&generate=6&top=unrolled", "(or W"),
)


def test_every_network_has_its_picture(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open("#H=16")
    for link, words in SAID:
        with subtests.test(link):
            instrument.turn_to(link)
            expect(said(page)).to_contain_text(words)


def test_it_fits_a_phone(server: Server, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(viewport={"width": 390, "height": 844}).new_page()
    Instrument(page, server.url).open(LINK)
    expect(said(page)).to_contain_text("Depth T = 40")
    expect_no_overflow(page)


def test_nothing_of_it_is_asked_for_or_drawn_where_it_is_not_shown(
    page: Page, server: Server
) -> None:
    instrument = Instrument(page, server.url).open("#rho=1.2&H=8&T=40&cone=12")
    instrument.rest()
    assert page.evaluate("document.querySelector('.unrolled').hidden")
    assert page.evaluate("document.querySelector('.unrolled-depth').textContent") == ""
