"""A sentence as input: typed, refused, taken back; its tokens name the steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route

from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow

FAMILY = "\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}"
CAT = "#rho=0.7&D=8&H=16&input=text&T=9&t=8&top=influence"


def field(page: Page) -> Locator:
    return page.get_by_label("text", exact=True)


def hint(page: Page) -> Locator:
    return page.locator("#text-input-hint")


def names(page: Page, panel: str, axis: str = "x") -> Locator:
    return page.locator(f"{panel} .plot .{axis}tick text")


def test_a_sentence_is_chosen_typed_and_taken_back(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&T=40")
    page.get_by_label("input xt").select_option("text")
    instrument.wait_for("input.kind", "text")
    assert (instrument.painted["steps"], instrument.painted["cell"]["input_size"]) == (9, 8)
    expect(hint(page)).to_have_text("9 tokens, 8 different")
    field(page).fill("")
    # Letters, brackets, blanks and digits are keys of the page, but not in here.
    page.keyboard.type("o how [n] h 0? d")
    instrument.wait_for("input.text", "o how [n] h 0? d")
    instrument.wait_for("steps", 9)
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator(".clock-token")).to_have_text(" · “\u2068o\u2069”")
    page.keyboard.press("Control+z")
    instrument.wait_for("steps", 9)
    expect(field(page)).to_have_value("The cat that chased the mouse was hungry.")
    page.keyboard.press("Control+z")
    instrument.wait_for("input.kind", "impulse")
    assert (instrument.painted["steps"], instrument.painted["cell"]["input_size"]) == (40, 1)
    expect(field(page)).to_be_hidden()


def test_tokens_name_the_steps_wherever_they_stand(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open(CAT).rest().point(".norms", ".influence")
    words = ["The", "cat", "that", "chased", "the", "mouse", "was", "hungry", "."]
    expect(names(page, ".norms")).to_have_text(words)
    expect(names(page, ".influence")).to_have_text(words)
    expect(page.locator(".readout h2")).to_have_text("at t = 8 · “\u2068hungry\u2069”")
    time = page.get_by_role("slider", name="time step t")
    spoken = time.get_attribute("aria-valuetext") or ""
    assert spoken.startswith("t = 8 of 9 · “\u2068hungry\u2069”, ")
    said = page.locator(".influence-said")
    expect(said).to_contain_text("after “\u2068hungry\u2069”, t = 8")
    expect(said).to_contain_text("still matter")
    time.press("Home")
    expect(page.locator(".clock-token")).to_contain_text("The")
    expect(said).to_contain_text("is the strongest")
    # A pointer on the map asks of another step, and the cursor stays.
    area = instrument.plot_area(".influence")
    page.mouse.move(area["x"] + area["width"] * 7.5 / 9, area["y"] + 5)
    expect(said).to_contain_text("after “\u2068hungry\u2069”")
    expect(page.locator(".clock-token")).to_contain_text("The")
    page.mouse.move(5, 5)
    expect(said).to_contain_text("after “\u2068The\u2069”")


def test_a_radius_decides_what_still_matters(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8")
    instrument.choose_preset("does “cat” still matter at “hungry”? a sentence at ρ = 0.7")
    instrument.wait_for("input.kind", "text")
    said = page.locator(".influence-said")
    expect(said).to_contain_text("hungry")
    expect(said).not_to_contain_text("cat")
    instrument.rho.fill("0.9")
    expect(said).to_contain_text("\u2068cat\u2069")


def test_nothing_nonsense_and_signs_of_many_parts(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&D=8&T=9&input=text").point()
    field(page).fill(" \n")
    expect(hint(page)).to_contain_text("at least one visible sign")
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    # What can't be read is undone first; what stood before was never lost.
    page.keyboard.press("Control+z")
    expect(field(page)).to_have_value("The cat that chased the mouse was hungry.")
    expect(hint(page)).to_have_text("9 tokens, 8 different")
    instrument.wait_for("steps", 9)
    hostile = f"{FAMILY} <img src=x onerror=alert(1)> %{{x}} \u202eשלום\u0007"
    field(page).fill(hostile)
    instrument.wait_for("input.text", hostile)
    instrument.rest()
    expect(page.locator(".clock-token")).to_contain_text(FAMILY)
    expect(names(page, ".norms")).to_contain_text([FAMILY, "<", "img"])
    page.get_by_label("tokens", exact=True).select_option("characters")
    instrument.wait_for("input.tokens", "character")
    expect(page.locator(".clock-token")).to_contain_text(FAMILY)
    field(page).fill("x")
    instrument.wait_for("steps", 1)
    expect(hint(page)).to_have_text("1 token, 1 different")


def test_a_size_that_does_not_fit_is_said_and_random_vectors_have_any(
    page: Page, server: Server
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&D=8&T=9&input=text")
    page.locator("summary", has_text="Sizes").click()
    page.get_by_label("inputs D").fill("3")
    expect(page.locator("#field-cell-input-size-hint")).to_contain_text("8 or more")
    instrument.wait_for("cell.input_size", 8)
    page.get_by_label("embedding", exact=True).select_option("random vectors")
    instrument.wait_for("input.embedding", "random")
    page.get_by_label("inputs D").fill("3")
    instrument.wait_for("cell.input_size", 3)
    page.get_by_label("embedding", exact=True).select_option("one-hot")
    instrument.wait_for("cell.input_size", 8)


def test_a_hundred_thousand_characters(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=4&D=8&T=9&input=text&t=1").point()
    page.get_by_label("tokens", exact=True).select_option("characters")
    instrument.wait_for("steps", 41)
    field(page).fill(("The cat that chased the mouse was hungry. " * 2400)[:100_000])
    instrument.wait_for("steps", 100_000)
    expect(page.locator(".clock-token")).to_contain_text("T")
    page.get_by_role("slider", name="time step t").press("End")
    expect(page.locator(".clock-token")).to_contain_text("y")
    # No names for what has no room: numbers.
    instrument.rest()
    expect(names(page, ".norms").first).to_have_text("0")


def test_what_a_network_writes_is_told_in_words(page: Page, server: Server) -> None:
    link = "#rho=1.2&D=8&O=8&H=8&input=text&T=16&t=11&y=classes&generate=9&layer=p&Wxh=2"
    instrument = Instrument(page, server.url).open(link).point(".hidden-states")
    run = instrument.posted(instrument.painted)
    words = ["The", "cat", "that", "chased", "mouse", "was", "hungry", "."]
    drawn = words[int(run["x"][11].argmax())]
    expect(page.locator(".next-input")).to_contain_text(f"drawn: “\u2068{drawn}\u2069”")
    expect(names(page, ".hidden-states", "y")).to_have_text(words)
    here = words[int(run["x"][10].argmax())]
    expect(page.locator(".clock-token")).to_contain_text(here)


@pytest.mark.expect_console("ERR_FAILED", "ERR_CONNECTION_ABORTED", "request failed: .*api/tokens")
def test_a_text_is_kept_while_the_server_does_not_answer(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&D=8&T=9&input=text")
    page.route("**/api/tokens", lambda route: route.abort("connectionaborted"))
    field(page).fill("a word that waits")
    expect(hint(page)).to_contain_text("can't be reached")
    field(page).blur()
    expect(field(page)).to_have_value("a word that waits")
    page.unroute("**/api/tokens")
    field(page).press("End")
    page.keyboard.type("!")
    instrument.wait_for("input.text", "a word that waits!")


def test_only_the_newest_text_is_asked_while_one_is_on_its_way(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&D=8&T=9&input=text")
    held: list[Route] = []
    asked: list[str] = []

    def hold(route: Route) -> None:
        asked.append(route.request.post_data_json["text"])
        held.append(route) if len(asked) == 1 else route.continue_()

    page.route("**/api/tokens", hold)
    field(page).fill("")
    page.wait_for_function("() => document.querySelector('#text-input').value === ''")
    page.keyboard.type("cats chase")
    expect(field(page)).to_have_value("cats chase")
    held[0].continue_()
    instrument.wait_for("input.text", "cats chase")
    assert asked == ["", "cats chase"]


def test_a_link_carries_the_text_and_a_phone_reads_it(
    page: Page, server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&D=8&T=9&input=text")
    field(page).fill("猫が 100% & שלום")
    instrument.wait_for("steps", 6)
    page.wait_for_function("location.hash.includes('100%25')")
    phone = new_context(viewport={"width": 390, "height": 844}).new_page()
    other = Instrument(phone, server.url).open(page.evaluate("location.hash"))
    other.wait_for("input.text", "猫が 100% & שלום")
    expect(field(phone)).to_have_value("猫が 100% & שלום")
    expect(hint(phone)).to_have_text("6 tokens, 6 different")
    expect_no_overflow(phone)
