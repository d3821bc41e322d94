"""Who uses a keyboard or a screen reader: axe-core on every document, and Tab through the page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from typer.testing import CliRunner

from app.cli import cli
from tests.serving import ROOT, Server
from tests.ui.instrument import Instrument, expect

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES = ("light", "dark", "projector")
GRAVE = ("serious", "critical")

FINDINGS = """async ([tags, part]) => {
  const { violations } = await axe.run(part ?? document, {
    runOnly: { type: "tag", values: tags }, resultTypes: ["violations"], iframes: false,
  });
  const told = ({ id, impact }, { target, html, any, all, none }) => ({
    impact,
    words: `${impact} ${id}: ${target.join(" ")}\\n    ${html.slice(0, 160)}\\n    `
      + [...any, ...all, ...none].map(({ message }) => message).join("; "),
  });
  return violations.flatMap((each) => each.nodes.map((node) => told(each, node)));
}"""

# Every view has a control or a picture of its own, and each stands in one of these.
VIEWS = [
    "#H=8&T=30&cell=lstm&h0=random&side=state_space&top=influence&bottom=powers",
    "#H=8&T=31&cell=lstm&h0=random&side=lyapunov&top=dimensions&bottom=race&starts=3",
    "#H=8&T=32&cell=gru&top=atlas&bottom=cost",
    "#H=8&T=33&input=noise&top=unrolled&bottom=atlas",
    "#H=4&T=9&D=9&input=text&form=generation&compare=gru,feedforward",
]
OPENED = "dialog[open], .masthead details[open] > .popup, .why[open]"
POPUPS = [
    ".history summary",
    ".save summary",
    ".why summary",
    "button.share",
    "button.help",
    "button.lessons",
]


def expect_no_grave_finding(page: Page, part: str | None = None) -> None:
    """What is less than grave is told only beside what is. A part is looked at alone."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    findings: list[dict[str, str]] = page.evaluate(FINDINGS, [TAGS, part])
    findings.sort(key=lambda each: each["impact"] not in GRAVE)
    words = "\n".join(each["words"] for each in findings)
    assert not any(each["impact"] in GRAVE for each in findings), words


def in_every_theme(instrument: Instrument, subtests: pytest.Subtests, what: str) -> None:
    for theme in THEMES:
        instrument.use_theme(theme)
        with subtests.test(what, theme=theme):
            expect_no_grave_finding(instrument.page)


def open_and_leave(instrument: Instrument, subtests: pytest.Subtests, *openers: str) -> None:
    """What a key opens has no grave finding; Escape closes it, and the focus is where it was."""
    page = instrument.page
    for opener in openers:
        page.locator(opener).press("Enter")
        expect(page.locator(OPENED)).to_be_visible()
    in_every_colour(page, subtests, openers[-1])
    page.keyboard.press("Escape")
    expect(page.locator(OPENED)).to_have_count(0)
    with subtests.test("focus", opener=openers[-1]):
        expect(page.locator(openers[0])).to_be_focused()


def in_every_colour(page: Page, subtests: pytest.Subtests, what: str) -> None:
    """Looks at what is open: behind it no key and no button changes the theme."""
    expect(page.locator(OPENED)).to_be_visible()
    before = page.evaluate("document.documentElement.dataset.theme")
    for theme in (*THEMES, before):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        if theme is not before:
            with subtests.test(what, theme=theme):
                expect_no_grave_finding(page, OPENED)


def test_the_page_its_views_and_all_that_opens(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open().rest()
    in_every_theme(instrument, subtests, "opening view")
    for opener in POPUPS:
        open_and_leave(instrument, subtests, opener)
    open_and_leave(instrument, subtests, ".save summary", ".save-body li:last-child button")
    for link, theme in zip(VIEWS, cycle(THEMES), strict=False):  # colours are the same in all
        instrument.turn_to(link)
        instrument.use_theme(theme)
        with subtests.test(link, theme=theme):
            expect_no_grave_finding(page)
    page.set_viewport_size({"width": 390, "height": 844})
    instrument.turn_to(VIEWS[3])
    in_every_theme(instrument, subtests, "on a phone")


def test_a_lesson_with_a_question_and_a_file(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open("#lesson=memory&step=2").rest()
    expect(page.locator(".lesson-choice").first).to_be_visible()
    in_every_theme(instrument, subtests, "lesson")
    page.locator(".lesson-leave").click()
    numbers = "1,0.5\n-0.25,0.75\n"
    page.locator(".file-chooser").set_input_files(
        {"name": "x.csv", "mimeType": "text/csv", "buffer": numbers.encode()}
    )
    expect(page.locator(".file-sheet")).to_be_visible()
    in_every_colour(page, subtests, "file sheet")
    page.keyboard.press("Escape")
    expect(page.locator(".file-sheet")).to_be_hidden()


@pytest.mark.parametrize("query", ["", "controls=full"])
def test_an_embed(page: Page, server: Server, subtests: pytest.Subtests, query: str) -> None:
    Instrument(page, server.url, f"embed?{query}").open("#rho=1.2&T=50&H=16").rest()
    for _ in THEMES:
        page.keyboard.press("d")  # an embed has no button for it
        theme = page.evaluate("document.documentElement.dataset.theme")
        with subtests.test("embed", theme=theme):
            expect_no_grave_finding(page)
            assert page.get_by_role("heading", level=1).count() == 1


def test_the_drawer_of_an_embed_closes_on_escape(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 700, "height": 500})
    Instrument(page, server.url, "embed?controls=full").open("#H=16&T=50").rest()
    drawer = page.locator(".embed-drawer")
    drawer.press("Enter")
    expect(page.locator(".fields")).to_be_visible()
    expect_no_grave_finding(page)
    page.get_by_label("cell", exact=True).focus()
    page.keyboard.press("Escape")
    expect(page.locator(".fields")).to_be_hidden()
    expect(drawer).to_be_focused()
    expect(drawer).to_have_attribute("aria-expanded", "false")


def test_an_offline_file(page: Page, subtests: pytest.Subtests, tmp_path: Path) -> None:
    file = tmp_path / "lecture.html"
    link = "#rho=0.9&H=8&T=20&input=noise"
    made = CliRunner().invoke(cli, ["export", link, "-o", str(file), "--rho-values", "0.9,1.2"])
    assert made.exit_code == 0, made.output
    instrument = Instrument(page, "")
    page.goto(file.as_uri())
    instrument.wait("rhoscope.picturesPainted > 0")
    in_every_theme(instrument.rest(), subtests, "offline file")
    open_and_leave(instrument, subtests, "button.help")


# An outline that a scrolling or clipping box cuts off on most sides is not seen.
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const { outlineStyle, outlineWidth, outlineOffset, outlineColor } = getComputedStyle(element);
  const reach = Math.max(parseFloat(outlineWidth) + parseFloat(outlineOffset), 0);
  const box = element.getBoundingClientRect();
  const sides = {
    left: box.left - reach, top: box.top - reach,
    right: box.right + reach, bottom: box.bottom + reach,
  };
  const view = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
  const seen = new Set(Object.keys(sides));
  for (let each = element.parentElement; each; each = each.parentElement) {
    const style = getComputedStyle(each);
    if (style.overflow === "visible" && !style.contain.includes("paint")) continue;
    const clip = each === document.body ? view : each.getBoundingClientRect();
    for (const side of ["left", "top"]) if (sides[side] < clip[side] - 0.5) seen.delete(side);
    for (const side of ["right", "bottom"]) if (sides[side] > clip[side] + 0.5) seen.delete(side);
  }
  const before = window.walked ?? (window.walked = []);
  const isNew = !before.includes(element);
  before.push(element);
  return {
    isNew, what: element.outerHTML.slice(0, 120),
    isOutlined: outlineStyle === "solid" && parseFloat(outlineWidth) >= 2,
    colour: outlineColor, ground: getComputedStyle(document.documentElement).backgroundColor,
    seen: [...seen],
  };
}"""


def walked(page: Page) -> Iterator[dict[str, Any]]:
    """What Tab comes to from the start of the page, until it leaves it."""
    page.evaluate("window.walked = []; document.activeElement.blur()")
    page.mouse.click(5, 3)  # from the masthead, where nothing takes the focus
    while True:
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or not focused["isNew"]:
            return
        yield focused


def unnamed(page: Page) -> list[str]:
    """Roles of what can have the focus and has no name, as Chromium tells a screen reader."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] != "RootWebArea"
        and not node.get("name", {}).get("value")
        and any(
            each["name"] == "focusable" and each["value"].get("value")
            for each in node.get("properties", [])
        )
    ]


def test_tab_goes_through_the_page_and_is_seen(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open(VIEWS[3]).rest()
    for theme in THEMES:
        instrument.use_theme(theme)
        walk = list(walked(page))
        with subtests.test("outline", theme=theme):
            assert len(walk) > 40
            for each in walk:
                assert each["isOutlined"], each
                assert each["colour"] != each["ground"], each
                assert len(each["seen"]) >= 2, each
        with subtests.test("name", theme=theme):
            assert unnamed(page) == []
    instrument.use_theme("light")
    page.set_viewport_size({"width": 390, "height": 844})
    instrument.rest()
    with subtests.test("order on a phone"):
        # The time line and its clock come before what stands beside the panels.
        names = ['id="rho"', "upper panel", "lower panel", "time step", "first step", "side panel"]
        walk = [each["what"] for each in walked(page)]
        places = [next(k for k, what in enumerate(walk) if name in what) for name in names]
        assert places == sorted(places), walk


def test_what_hangs_open_hides_nothing_that_tab_comes_to(page: Page, server: Server) -> None:
    Instrument(page, server.url).open()
    page.locator(".save summary").click()
    expect(page.locator(".save-body")).to_be_visible()
    page.locator("button.share").focus()
    expect(page.locator(".save-body")).to_be_hidden()


def test_sliders_say_what_they_set(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#H=24&T=2000")
    for name, words in (("hidden units, slider", "24"), ("steps, slider", "2,000")):
        slider = page.get_by_role("slider", name=name)
        expect(slider).to_have_attribute("aria-valuetext", words)
