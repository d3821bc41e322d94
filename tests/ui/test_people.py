"""Eyes, ears and hands of several kinds: large text, grey prints, a voice, keys alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow

TWICE = {"standard": 32, "fixed": 26}  # Chromium's usual sizes are 16 and 13


def said(page: Page) -> str:
    return page.locator(".spoken").text_content() or ""


def test_a_digit_opens_one_of_nine_presets(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5&H=8")
    options = page.get_by_label("preset").locator("option")
    for key, field, value in (
        ("1", "cell.activation", "linear"),
        ("6", "recurrent.ensemble", "orthogonal"),
        ("7", "steps", 6),
    ):
        assert options.nth(int(key)).inner_text().startswith(f"{key}  ")
        page.keyboard.press(key)
        instrument.wait_for(field, value)
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.ensemble", "orthogonal")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("the first nine presets")


def test_an_embed_keeps_what_it_was_made_for(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/embed?controls=full#rho=0.5&H=8&T=30")
    instrument = Instrument(page, server.url)
    instrument.wait("rhoscope.picturesPainted > 0")
    page.keyboard.press("6")
    page.keyboard.press("n")  # and another key still acts
    instrument.wait("rhoscope.painted.recurrent.seed === 1")
    assert instrument.painted["recurrent"]["ensemble"] == "gaussian"


def test_a_voice_says_what_the_picture_says(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5&H=8&T=60&t=60&input=noise").rest()
    run = instrument.posted(instrument.painted)
    survived = run["log10_grad_h"][0] - run["log10_grad_h"][-1]
    spoken = page.locator(".spoken")
    assert spoken.get_attribute("role") == "status"
    expect(spoken).to_contain_text("Gradients vanish: times 0.")
    found = re.search(r"The gradient at step 1 is ([\d.]+) times 10 to the minus (\d+)", said(page))
    assert found is not None
    power = -int(found[2])
    assert float(found[1]) * 10.0**power == pytest.approx(10**survived, rel=0.06)
    assert not re.search("[×⁻⁰-⁹−]", said(page))
    # While it plays nothing is said; where it stops it is.
    page.keyboard.press("Home")
    expect(spoken).to_contain_text("At step 1 the norm of the hidden state is")
    page.keyboard.press(" ")
    instrument.wait("document.querySelector('.clock-play').getAttribute('aria-label') === 'pause'")
    expect(spoken).to_contain_text("At step 1 ")
    page.keyboard.press(" ")
    page.keyboard.press("End")
    expect(spoken).to_contain_text("At step 60 ")
    instrument.rho.fill("1")
    instrument.wait_for("recurrent.spectral_radius", 1)
    expect(spoken).not_to_contain_text("times 0.4")


def test_a_voice_does_not_tell_what_the_class_is_to_predict(page: Page, server: Server) -> None:
    lesson = page.request.get(f"{server.url}/api/lessons/memory").json()
    asked = next(k for k, step in enumerate(lesson["steps"], 1) if step["question"])
    instrument = Instrument(page, server.url).open(f"#lesson=memory&step={asked}")
    expect(page.locator(".lesson-ask")).to_be_visible()
    instrument.rest()
    expect(page.locator(".spoken")).to_be_empty()
    page.get_by_role("button", name="look", exact=True).click()
    expect(page.locator(".spoken")).to_contain_text("At step ")


@pytest.mark.parametrize(
    ("width", "height"), [(640, 360), (320, 256)], ids=["1280 at 200 %", "1280 at 400 %"]
)
def test_a_zoomed_page_loses_nothing(
    new_context: Callable[..., BrowserContext], server: Server, width: int, height: int
) -> None:
    page = new_context(viewport={"width": width, "height": height}).new_page()
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    all_is_reachable(page)
    instrument.use_theme("projector")
    all_is_reachable(page)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_text_of_twice_the_size_loses_nothing(
    new_context: Callable[..., BrowserContext], server: Server, width: int, height: int
) -> None:
    page = new_context(viewport={"width": width, "height": height}).new_page()
    session = page.context.new_cdp_session(page)
    session.send("Page.setFontSizes", {"fontSizes": TWICE})
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    all_is_reachable(page)
    if width > 960:  # letters for the last row of a hall, twice as large, on a phone: nobody's wish
        instrument.use_theme("projector")
        all_is_reachable(page)


def all_is_reachable(page: Page) -> None:
    """Nothing is cut off at the side, and no words of the verdict lie under another control."""
    page.evaluate("scrollTo(0, 0)")
    expect_no_overflow(page)
    verdict = page.locator(".verdict-row").bounding_box()
    assert verdict is not None
    for clause in page.locator(".verdict .clause").all():
        box = clause.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= verdict["y"] + verdict["height"] + 1
    for control in page.locator("main :is(button, select, input):visible").all():
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box is not None
        width = page.evaluate("innerWidth")
        name = control.get_attribute("aria-label") or control.evaluate("e => e.outerHTML")
        assert box["x"] >= 0 and box["x"] + box["width"] <= width + 1, (name, box)


def test_who_wants_no_motion_gets_none_that_nobody_asked_for(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    page = new_context(reduced_motion="reduce").new_page()
    page.goto(f"{server.url}/embed?autoplay=always#rho=0.9&H=8&T=40")
    instrument = Instrument(page, server.url)
    instrument.wait("rhoscope.picturesPainted > 0")
    instrument.rest()
    expect(page.locator(".clock-play")).to_have_attribute("aria-label", "play")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((each) => {
          const { animationName, transitionDuration } = getComputedStyle(each);
          return animationName !== "none" || /[1-9]/.test(transitionDuration);
        }).map((each) => each.className)"""
    )
    assert moving == []
    page.locator(".clock-play").click()  # by hand it plays
    instrument.wait("Number(document.querySelector('.clock-line input').value) > 1")
