"""What a hand does to the instrument: drag, set, undo, hold, scrub, play."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect


def test_dragging_rho_across_one_turns_everything(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&phi=linear")
    expect(instrument.verdict).to_contain_text("Gradients vanish")
    before = instrument.pictures
    instrument.drag_rho(0.92, 0.95, 1.02, 1.06, 1.1)
    instrument.wait_for("recurrent.spectral_radius", float(instrument.rho.input_value()))
    assert float(instrument.rho.input_value()) == pytest.approx(1.1, abs=0.02)
    assert instrument.pictures > before
    expect(instrument.verdict).to_contain_text("Gradients explode")
    expect(page.locator(".verdict [data-of=gradients]")).to_have_attribute("data-fate", "explode")
    # The whole drag is one step of history.
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.spectral_radius", 0.9)


def test_the_detent_holds_one_and_lets_go(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&phi=linear")
    for typed, kept in (("1.01", 1.0), ("0.99", 1.0), ("0.97", 0.97), ("1.03", 1.03)):
        instrument.rho.fill(typed)
        instrument.wait_for("recurrent.spectral_radius", kept)
    instrument.rho.focus()
    page.keyboard.press("ArrowLeft")
    instrument.wait_for("recurrent.spectral_radius", 1.02)
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    instrument.wait_for("recurrent.spectral_radius", 0.99)  # arrow keys pass through the hollow


def test_one_click_puts_tanh_on_it_and_the_picture_disagrees_with_rho(
    page: Page, server: Server
) -> None:
    instrument = Instrument(page, server.url).open("#rho=1.2&phi=linear&input=noise")
    expect(instrument.verdict).to_contain_text("Gradients explode")
    page.get_by_label("activation φ").select_option("tanh")
    instrument.wait_for("cell.activation", "tanh")
    expect(instrument.verdict).to_contain_text("Gradients vanish")
    page.locator(".why summary").click()
    expect(page.locator(".why-body")).to_contain_text("slope of tanh")
    expect(page.locator(".why-body")).to_contain_text("suggests the opposite")
    expect(page.locator(".equation math")).to_contain_text("tanh")


def test_a_click_on_a_cell_sets_a_weight(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16&phi=linear").rest()
    instrument.click_weight(4, 6, size=16)
    page.keyboard.type("2.5")
    instrument.wait_for("recurrent.edits", [{"op": "set", "i": 3, "j": 5, "value": 2.5}])
    page.keyboard.press("ArrowUp")
    instrument.wait("rhoscope.painted.recurrent.edits[0].value > 2.5")
    nudged = instrument.painted["recurrent"]["edits"][0]["value"]
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type("-1")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 2")
    assert instrument.painted["recurrent"]["edits"][1] == {"op": "set", "i": 3, "j": 6, "value": -1}
    page.keyboard.press("Enter")
    page.keyboard.press("Control+z")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    page.keyboard.press("Control+Shift+z")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    assert instrument.painted["recurrent"]["edits"][0]["value"] == nudged


def test_a_weight_that_is_no_number_changes_nothing(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=4").rest()
    for typed in ("NaN", "1e39", "abc", "--3"):
        instrument.click_weight(2, 3, size=4)
        page.keyboard.type(typed)
        expect(page.locator(".weights .field-problem")).to_contain_text("expected a finite number")
        page.keyboard.press("Escape")
        expect(page.locator(".weights .field-problem")).to_be_empty()
        instrument.wait_for("recurrent.edits", [])
        expect(page.get_by_role("button", name="nothing to undo")).to_be_disabled()


WRONG = (
    ("units H", "0", "expected a whole number from 1"),
    ("units H", "2.5", "expected a whole number"),
    ("steps T", "100000000", "expected a whole number from 1 to 1000000"),
    ("amplitude", "", "expected a number"),
    ("seed", "-1", "expected a whole number from 0"),
)


def test_a_wrong_value_is_explained_beside_its_field(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open()
    before = instrument.painted
    for label, typed, said in WRONG:
        with subtests.test(label, typed=typed):
            field = page.get_by_label(label, exact=True)
            kept = field.input_value()
            field.fill(typed)
            row = page.locator(".field", has=field)
            expect(row.locator(".field-problem")).to_contain_text(said)
            expect(field).to_have_attribute("aria-invalid", "true")
            field.blur()
            expect(field).to_have_value(kept)
            assert instrument.painted == before


def test_a_smaller_matrix_drops_the_edits_outside_it_and_undo_brings_them_back(
    page: Page, server: Server
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16").rest()
    instrument.click_weight(16, 16, size=16)
    page.keyboard.type("1")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.get_by_label("units H", exact=True).fill("8")
    instrument.wait_for("cell.hidden_size", 8)
    assert instrument.painted["recurrent"]["edits"] == []
    page.get_by_role("button", name="undo").click()
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    assert instrument.painted["cell"]["hidden_size"] == 16


@pytest.mark.expect_console("willReadFrequently")  # reading pixels is the test's doing
def test_hold_keeps_a_ghost_behind_what_comes(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&phi=linear").rest()
    page.keyboard.press("h")
    hold = page.locator("button.hold")
    expect(hold).to_have_attribute("aria-pressed", "true")
    expect(hold).to_have_text("held: ρ 0.9, linear")
    instrument.rho.fill("0.5")
    instrument.wait_for("recurrent.spectral_radius", 0.5)
    instrument.rest()
    with_ghost = ink(page)
    page.locator("body").press("h")
    expect(hold).to_have_attribute("aria-pressed", "false")
    instrument.page.evaluate("new Promise(requestAnimationFrame)")
    assert with_ghost > ink(page)


def ink(page: Page) -> int:
    """How many pixels of the norms panel are painted."""
    count: int = page.evaluate(
        """() => {
          const canvas = document.querySelector(".norms .marks");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, k) => k % 4 === 3 && value > 0).length;
        }"""
    )
    return count


def test_the_clock_moves_one_cursor_through_all_panels(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&T=50").rest()
    typed = page.get_by_label("step t", exact=True)
    expect(typed).to_have_value("1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(typed).to_have_value("12")
    area = instrument.plot_area(".norms")
    page.mouse.click(area["x"] + area["width"] * (30 - 0.5) / 50, area["y"] + 20)
    expect(typed).to_have_value("30")
    line = page.get_by_role("slider", name="time step t")
    expect(line).to_have_attribute("aria-valuenow", "30")
    box = line.bounding_box()
    assert box is not None
    y = box["y"] + 10
    page.mouse.move(area["x"] + area["width"] * (10 - 0.5) / 50, y)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * (41 - 0.5) / 50, y, steps=4)
    page.mouse.up()
    expect(typed).to_have_value("41")
    page.keyboard.press("Home")
    expect(typed).to_have_value("1")


def test_play_loops_and_pause_stops(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&T=12&t=10")
    page.get_by_label("speed").select_option("5")
    page.get_by_role("button", name="play").click()
    typed = page.get_by_label("step t", exact=True)
    expect(typed).to_have_value(re.compile("^[1-9]$"))  # past the end, around to the start
    page.get_by_role("button", name="pause").click()
    stopped = typed.input_value()
    instrument.page.evaluate("new Promise(requestAnimationFrame)")
    assert typed.input_value() == stopped
    page.get_by_role("checkbox", name="loop").uncheck()
    page.get_by_role("button", name="play").click()
    expect(typed).to_have_value("12")
    expect(page.get_by_role("button", name="play")).to_be_visible()


def test_zoom_is_shared_and_undone_by_a_double_click(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&T=100").rest()
    instrument.point(".norms")
    area = instrument.plot_area(".hidden-states")
    y = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + area["width"] * 0.2, y)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.5, y, steps=4)
    page.mouse.up()
    ranges = """[...document.querySelectorAll('.hidden-states .plot, .norms .plot')]
      .map((figure) => figure._fullLayout.xaxis.range.map(Math.round).join())"""
    page.wait_for_function(f"() => {ranges}.every((range) => range === '21,51')")
    instrument.rest()
    page.mouse.dblclick(area["x"] + area["width"] * 0.7, y)
    page.wait_for_function(f"() => {ranges}.every((range) => range === '1,101')")


def test_hover_names_what_lies_under_the_pointer(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&T=20&phi=linear").rest()
    run = instrument.posted(
        {
            "recurrent": {"spectral_radius": 0.9},
            "cell": {"hidden_size": 8, "activation": "linear"},
            "steps": 20,
        }
    )
    area = instrument.plot_area(".weights")
    page.mouse.move(area["x"] + area["width"] * 5.5 / 8, area["y"] + area["height"] * 2.5 / 8)
    label = page.locator(".weights .hovertext")
    expect(label).to_contain_text("W_hh[3, 6]")
    expect(label).to_contain_text(f"{float(run['W_hh'][2, 5]):.4g}".replace("-", "−"))


def test_a_zoom_past_the_end_stays_inside(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&T=5").rest()
    area = instrument.plot_area(".norms")
    page.mouse.move(area["x"] + area["width"] * 0.92, area["y"] + 30)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] + 40, area["y"] + 30, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "() => document.querySelector('.norms .plot')._fullLayout.xaxis.range.join() === '3.5,5.5'"
    )
    page.keyboard.press("0")
    page.wait_for_function(
        "() => document.querySelector('.norms .plot')._fullLayout.xaxis.range.join() === '0.5,5.5'"
    )


def test_keys_belong_to_the_field_that_has_the_focus(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&T=50")
    instrument.rho.fill("0.5")
    instrument.wait_for("recurrent.spectral_radius", 0.5)
    typed = page.get_by_label("step t", exact=True)
    typed.focus()
    page.keyboard.type("7")
    page.keyboard.press("Control+z")  # undoes the typing, not the network
    loop = page.get_by_role("checkbox", name="loop")
    loop.focus()
    page.keyboard.press("Space")
    expect(loop).not_to_be_checked()
    expect(page.get_by_role("button", name="play")).to_be_visible()
    assert instrument.painted["recurrent"]["spectral_radius"] == 0.5


def test_a_bin_of_steps_is_not_read_as_one(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&T=5000&input=noise&t=2500")
    expect(page.locator(".readout h2")).to_have_text(re.compile(r"largest in t = \d+…\d+"))
    run = instrument.posted(
        {"recurrent": {"spectral_radius": 0.9}, "steps": 5000, "input": {"kind": "noise"}}
    )
    first, last = (int(n) for n in re.findall(r"\d+", page.locator(".readout h2").inner_text()))
    largest = 10 ** run["log10_norm_h"][first - 1 : last].max()
    assert float(instrument.readout("‖ht‖")) == pytest.approx(largest, rel=5e-3)
