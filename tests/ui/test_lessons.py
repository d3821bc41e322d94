"""Lessons as a class sees them: walked by key, words that set, answers that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page
from typer.testing import CliRunner

from app.cli import cli
from tests.serving import ROOT, Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow

LESSON = """title = "Of a test"
section = "A section"
[[steps]]
text = "01.html"
title = "Words"
link = "#rho=0.5&H=8&T=30"
[[steps]]
text = "02.html"
change = "rho=1.5&bottom=powers&t=12"
look = ["bottom"]
[steps.question]
ask = "And now?"
choices = ["Up", "Down"]
answer = 1
after = "Up: <a href='#rho=1.7'>more</a>."
covers = ["verdict", "bottom", "readout"]
[[steps]]
text = "01.html"
change = "t=3"
"""
WORDS = """<p>Let <a href="#rho=1.25">ρ be more</a>, or <a href="#side=state_space&t=9">look</a>,
or <a href="#lesson=memory&step=3">elsewhere</a>.
<math><msub><mi>h</mi><mi>t</mi></msub></math></p>
"""


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one lesson more, and a broken one."""
    folder = tmp_path_factory.mktemp("lessons")
    for name, text in (("of-a-test", LESSON), ("broken", "title = 3")):
        lesson = folder / name
        lesson.mkdir()
        (lesson / "lesson.toml").write_text(text, "utf-8")
        (lesson / "01.html").write_text(WORDS, "utf-8")
        (lesson / "02.html").write_text("<p>Predict.</p>", "utf-8")
    with Server("--lessons", str(folder)) as running:
        assert "broken/lesson.toml:1: title" in running.output
        yield running


@pytest.fixture
def lesson(page: Page, taught: Server) -> Instrument:
    return Instrument(page, taught.url).open("#lesson=of-a-test")


def at_step(instrument: Instrument, step: int) -> None:
    expect(instrument.page.locator(".lesson-count")).to_have_text(f"{step} of 3")


def test_a_link_to_a_lesson_opens_its_step_at_once(page: Page, taught: Server) -> None:
    instrument = Instrument(page, taught.url).open("#lesson=of-a-test&step=3")
    at_step(instrument, 3)
    painted = instrument.painted
    assert painted["recurrent"]["spectral_radius"] == 1.5
    assert (painted["cell"]["hidden_size"], painted["steps"]) == (8, 30)
    assert instrument.pictures == 1, "nothing else was painted before"
    expect(page.locator(".clock-t")).to_have_value("3")
    expect(page.locator(".lesson-prose math")).to_be_visible()


def test_keys_walk_and_the_address_follows(lesson: Instrument) -> None:
    page = lesson.page
    at_step(lesson, 1)
    page.keyboard.press(" ")
    lesson.wait_for("recurrent.spectral_radius", 1.5)
    at_step(lesson, 2)
    page.wait_for_url("**/#lesson=of-a-test&step=2")
    page.keyboard.press("ArrowRight")  # looks
    page.keyboard.press("PageDown")
    at_step(lesson, 3)
    page.keyboard.press(" ")
    at_step(lesson, 3)  # the end is the end
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowLeft")
    at_step(lesson, 1)
    lesson.wait_for("recurrent.spectral_radius", 0.5)
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".clock-t")).to_have_value("11")


def test_a_word_previews_and_a_press_keeps(lesson: Instrument) -> None:
    page = lesson.page
    word, look = (
        page.get_by_role("button", name="ρ be more"),
        page.get_by_role("button", name="look"),
    )
    word.hover()
    lesson.wait_for("recurrent.spectral_radius", 1.25)
    expect(page.locator(".lesson-restore")).to_be_hidden()
    page.mouse.move(5, 5)
    lesson.wait_for("recurrent.spectral_radius", 0.5)
    look.first.hover()
    expect(page.locator(".state-space")).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.locator(".eigenvalues")).to_be_visible()
    expect(page.locator(".clock-t")).to_have_value("1")
    word.click()
    page.mouse.move(5, 5)
    lesson.wait_for("recurrent.spectral_radius", 1.25)
    expect(word).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+z")
    lesson.wait_for("recurrent.spectral_radius", 0.5)
    expect(word).to_have_attribute("aria-pressed", "false")


def test_the_focus_previews_as_a_pointer_does(lesson: Instrument) -> None:
    page = lesson.page
    page.locator(".lesson-body").focus()
    page.keyboard.press("Tab")
    lesson.wait_for("recurrent.spectral_radius", 1.25)
    page.keyboard.press("Tab")
    lesson.wait_for("recurrent.spectral_radius", 0.5)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press(" ")  # the word's own, and no step on
    page.keyboard.press("Tab")
    at_step(lesson, 1)
    lesson.wait_for("recurrent.spectral_radius", 1.25)


def test_what_holds_the_answer_is_covered_until_the_class_has_predicted(lesson: Instrument) -> None:
    page = lesson.page
    page.keyboard.press(" ")
    at_step(lesson, 2)
    lesson.wait_for("recurrent.spectral_radius", 1.5)
    verdict = page.locator(".verdict .clause").first
    expect(verdict).to_be_hidden()
    expect(page.locator(".powers .panel-head")).to_be_hidden()
    expect(page.locator(".readout h2")).to_be_hidden()
    expect(page.locator(".hidden-states .panel-head")).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator('.lesson-choice[aria-pressed="true"]')).to_contain_text("Down")
    page.get_by_role("button", name="look", exact=True).click()
    expect(verdict).to_be_visible()
    expect(page.locator(".powers .panel-head")).to_be_visible()
    expect(page.locator('.lesson-choice[data-is="right"]')).to_contain_text("Up")
    expect(page.locator('.lesson-choice[data-is="wrong"]')).to_contain_text("predicted")
    page.get_by_role("button", name="more", exact=True).click()  # a word in what is said after
    lesson.wait_for("recurrent.spectral_radius", 1.7)
    page.wait_for_url("**/#*rho=1.7*step=2")
    page.reload()
    lesson.wait_for("recurrent.spectral_radius", 1.7)
    expect(verdict).to_be_visible()  # what was seen stays seen
    expect(page.locator('.lesson-choice[data-is="wrong"]')).to_contain_text("Down")


def test_what_a_student_changes_stays_until_it_is_taken_back(lesson: Instrument) -> None:
    page = lesson.page
    lesson.drag_rho(1.1)
    lesson.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 1.1) < 0.02")
    rho = lesson.painted["recurrent"]["spectral_radius"]
    page.wait_for_url(f"**/#*rho={rho}&*lesson=of-a-test")
    page.reload()
    lesson.wait_for("recurrent.spectral_radius", rho)
    page.get_by_role("button", name="back to the step").click()
    lesson.wait_for("recurrent.spectral_radius", 0.5)
    at_step(lesson, 1)
    page.wait_for_url("**/#lesson=of-a-test")
    page.get_by_role("button", name="explore freely").click()
    expect(page.locator(".lesson")).to_be_hidden()
    assert lesson.painted["recurrent"]["spectral_radius"] == 0.5
    page.wait_for_url("**/#H=8&rho=0.5&T=30")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".clock-t")).to_have_value("2")


def test_all_controls_take_the_place_of_the_text(lesson: Instrument) -> None:
    page = lesson.page
    expect(page.locator(".fields")).to_be_hidden()
    page.get_by_role("button", name="all controls").click()
    expect(page.get_by_label("hidden units").first).to_be_visible()
    expect(page.locator(".lesson-body")).to_be_hidden()
    page.get_by_role("button", name="all controls").click()
    expect(page.locator(".lesson-prose")).to_be_visible()


def test_the_list_has_lessons_by_section_and_the_gallery(page: Page, taught: Server) -> None:
    instrument = Instrument(page, taught.url).open()
    page.get_by_role("button", name="lessons").click()
    sheet = page.get_by_role("dialog", name="Lessons")
    expect(sheet.locator(".lessons-all li")).to_have_count(14)
    expect(sheet.locator(".lessons-cases li")).to_have_count(8)
    sheet.get_by_role("button", name="Delay line").click()
    instrument.wait_for("recurrent.ensemble", "delay_line")
    expect(page.locator(".lesson-step-title")).to_have_text("Delay line")
    page.keyboard.press("l")
    sheet.get_by_role("button", name="The cat, the mouse").click()
    instrument.wait_for("input.kind", "text")
    page.keyboard.press(" ")  # walks the lesson; the list stays closed
    expect(page.locator(".lesson-count")).to_have_text("2 of 4")


def test_a_word_may_lead_to_another_lesson(lesson: Instrument) -> None:
    lesson.page.get_by_role("link", name="elsewhere").click()
    lesson.wait_for("input.kind", "text")
    expect(lesson.page.locator(".lesson-count")).to_have_text("3 of 4")


@pytest.mark.expect_console("404")
def test_an_unknown_lesson_leaves_a_working_page(page: Page, taught: Server) -> None:
    instrument = Instrument(page, taught.url).open("#lesson=none&step=2")
    assert instrument.painted["recurrent"]["spectral_radius"] == 1.03
    expect(page.locator(".message-remark")).to_contain_text("the lesson is not known: got 'none'")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (800, 500), (390, 560)])
def test_in_an_embed_it_stands_beside_what_the_frame_shows(
    new_context: Callable[..., BrowserContext], taught: Server, width: int, height: int
) -> None:
    page = new_context(viewport={"width": width, "height": height}).new_page()
    page.goto(f"{taught.url}/embed?lesson=of-a-test&step=2&view=verdict,top,bottom")
    page.wait_for_function("() => window.rhoscope?.picturesPainted > 0")
    expect(page.locator(".lesson-ask")).to_be_visible()
    expect(page.locator(".verdict .clause").first).to_be_hidden()
    page.get_by_role("button", name="look", exact=True).click()
    expect(page.locator(".verdict .clause").first).to_be_visible()
    expect_no_overflow(page)
    text, picture = (page.locator(name).bounding_box() for name in (".lesson", "main"))
    assert text is not None
    assert picture is not None
    assert (
        text["x"] + text["width"] <= picture["x"] + 1
        or text["y"] + text["height"] <= picture["y"] + 1
    )


def test_an_exported_lesson_is_walked_from_disk(
    new_context: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    """Also where two steps show one Experiment in two ways: each has what its panels need."""
    file = tmp_path / "memory.html"
    options = ["--rho-values", "0.6,0.9", "-o", str(file)]
    made = CliRunner().invoke(cli, ["export", "memory", *options])
    assert made.exit_code == 0, made.output
    page = new_context(bypass_csp=False).new_page()
    page.goto(file.as_uri())
    expect(page.locator(".lesson-count")).to_have_text("1 of 4")
    expect(page.locator("button.lessons")).to_be_hidden()
    page.keyboard.press(" ")
    expect(page.locator(".lesson-count")).to_have_text("2 of 4")
    page.keyboard.press(" ")
    expect(page.locator(".influence .panel-note")).to_be_hidden()
    expect(page.locator(".influence")).to_contain_text("0.8 decades less")
    page.keyboard.press(" ")
    page.get_by_role("button", name="ρ = 0.6").click()
    expect(page.locator(".rho-number")).to_have_value("0.6")
    page.keyboard.press("PageDown")
    expect(page.locator(".verdict")).to_contain_text("×0.89")
    expect(page.locator(".message:not([hidden])")).to_have_count(0)


def steps_of(page: Page, url: str) -> list[tuple[str, int, dict[str, Any]]]:
    entries = page.request.get(f"{url}/api/lessons").json()
    lessons = [page.request.get(f"{url}/api/lessons/{entry['name']}").json() for entry in entries]
    return [(each["name"], k, step) for each in lessons for k, step in enumerate(each["steps"], 1)]


def test_every_step_of_every_shipped_lesson_opens_and_has_room(page: Page, server: Server) -> None:
    """Its panels are those of its link, nothing has to be said, and the largest text has room."""
    instrument = Instrument(page, server.url, "?theme=projector").open()
    folders = [file.parent for file in (ROOT / "lessons").glob("*/lesson.toml")]
    steps = steps_of(page, server.url)
    assert {name for name, _, _ in steps} == {folder.name for folder in folders}
    for name, k, step in steps:
        page.evaluate("hash => { location.hash = hash }", f"#lesson={name}&step={k}")
        expect(page.locator(".lesson-count")).to_have_text(
            f"{k} of {sum(n == name for n, _, _ in steps)}"
        )
        expect(page.locator(".lesson-step-title")).to_have_text(step["title"])
        expect(page.locator(".message:not([hidden])")).to_have_count(0)
        expect(page.locator(".lesson-restore")).to_be_hidden()
        for part in step["hash"].split("&"):
            place, _, view = part.partition("=")
            if place in ("top", "bottom", "side"):
                menu = page.locator(f"select[data-place='{place}']").first
                expect(menu).to_have_value(view)
        hidden_px = page.locator(".lesson-body").evaluate("e => e.scrollHeight - e.clientHeight")
        assert hidden_px < 150, f"{name} {k}: {hidden_px} px of the text are out of sight"
    expect_no_overflow(page)
    assert isinstance(instrument.painted, dict)
