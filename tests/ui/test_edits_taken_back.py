"""What a hand did is undone, refused or broken off: then what stood before stands again."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect
from tests.ui.test_edits import drag, eigenvalues, last_edit, place


def weights(instrument: Instrument) -> bytes:
    found: np.ndarray = instrument.posted(instrument.painted)["W_hh"]
    return found.tobytes()


def steps(page: Page) -> list[str]:
    page.locator(".history summary").click()
    expect(page.locator(".history ol button").first).to_be_visible()
    labels: list[str] = page.locator(".history ol button").all_inner_texts()
    page.keyboard.press("Escape")
    return labels


def value(page: Page) -> str:
    return page.get_by_label("value of the weight").input_value()


def test_undo_in_a_weight_field_is_the_networks(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    before = weights(instrument)
    instrument.click_weight(3, 3, size=8)
    shown = value(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    expect(page.get_by_label("value of the weight")).to_have_value(shown)
    page.keyboard.type("7")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    page.keyboard.press("Control+a")
    page.keyboard.type("0.5")
    page.keyboard.press("Tab")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    assert weights(instrument) == before
    expect(page.get_by_role("button", name="nothing to undo")).to_be_disabled()


def test_undo_takes_what_is_no_number_away_first(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    instrument.click_weight(3, 3, size=8)
    page.keyboard.type("0.5")
    page.keyboard.press("Tab")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    shown = value(page)
    page.keyboard.type("abc")
    page.keyboard.press("Control+z")
    expect(page.get_by_label("value of the weight")).to_have_value(shown)
    expect(page.locator(".weights .field-problem")).to_be_empty()
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])


def test_escape_leaves_a_weight_and_an_eigenvalue_as_they_were(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    instrument.click_weight(3, 3, size=8)
    page.keyboard.type("0.5")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Escape")
    instrument.wait_for("recurrent.edits", [])
    page.get_by_role("application", name="eigenvalues of W_hh").focus()
    page.keyboard.press(".")
    page.keyboard.press("Enter")
    page.keyboard.type("0.55")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Escape")
    instrument.wait_for("recurrent.edits", [])
    expect(page.get_by_role("button", name="nothing to undo")).to_be_disabled()


def test_a_modulus_typed_slowly_is_one_step(page: Page, server: Server) -> None:
    page.clock.install()
    instrument = Instrument(page, server.url).open("#rho=0.9&H=2&ensemble=rotation&seed=3").rest()
    page.get_by_role("application", name="eigenvalues of W_hh").focus()
    page.keyboard.press(".")
    page.keyboard.press("Enter")
    page.keyboard.type("0")
    instrument.wait("rhoscope.painted.recurrent.edits[0]?.half_gap > 0")
    expect(page.locator(".eigenvalues .panel-problem")).to_contain_text("−0.002 and 0.002")
    page.clock.fast_forward(1000)  # longer than keys may pause within one step
    page.keyboard.type(".5")
    page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits[0]?.half_gap === 0")
    assert np.abs(eigenvalues(instrument)) == pytest.approx(0.5, abs=1e-4)
    assert len(steps(page)) == 2


@pytest.mark.parametrize("angle", ["-90", "270", "90"])
def test_a_typed_angle_is_a_place_and_keeps_the_pair(
    page: Page, server: Server, angle: str
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=2&ensemble=rotation&seed=3").rest()
    page.get_by_role("application", name="eigenvalues of W_hh").focus()
    page.keyboard.press(".")
    page.get_by_label("angle of the eigenvalue").fill(angle)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    found = eigenvalues(instrument)
    assert sorted(found.imag) == pytest.approx([-0.9, 0.9], abs=1e-3)
    assert found.real == pytest.approx(0, abs=1e-3)


def test_a_weight_that_overflows_the_sums_is_refused_beside_it(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    before = weights(instrument)
    instrument.click_weight(2, 3, size=8)
    page.keyboard.type("1e38", delay=60)
    problem = page.locator(".weights .panel-problem")
    expect(problem).to_contain_text("over a row or column")
    expect(problem).to_contain_text("8.5")
    expect(page.get_by_label("value of the weight")).to_have_attribute("aria-invalid", "true")
    instrument.wait_for("recurrent.edits", [])
    expect(page.locator(".message-problem")).to_be_hidden()
    page.keyboard.press("Enter")
    assert weights(instrument) == before
    expect(page.get_by_role("button", name="nothing to undo")).to_be_disabled()
    page.wait_for_function("() => location.hash === '#H=8&rho=0.9'")
    instrument.click_weight(4, 4, size=8)
    page.keyboard.type("0.5")
    instrument.wait_for("recurrent.edits", [{"op": "set", "i": 3, "j": 3, "value": 0.5}])
    expect(problem).to_be_empty()


def test_a_link_with_an_operation_that_cannot_be_opens_without_it(
    page: Page, server: Server
) -> None:
    page.goto(server.url)
    link = page.evaluate(
        """async () => {
          const { encodeLink } = await import("./js/state/link.js");
          const { readDocument } = await import("./js/state/experiment.js");
          return encodeLink(readDocument({
            cell: { hidden_size: 4 },
            recurrent: { edits: [
              { op: "set", i: 1, j: 1, value: 0.5 },
              { op: "eigenvalue", at: [70, 0], to: [0, 0] },
            ] },
          }).experiment);
        }"""
    )
    instrument = Instrument(page.context.new_page(), server.url).open(link)
    instrument.wait_for("recurrent.edits", [{"op": "set", "i": 1, "j": 1, "value": 0.5}])
    assert instrument.painted["cell"]["hidden_size"] == 4
    expect(instrument.page.locator(".message-remark")).to_contain_text("left out")


def test_a_refused_move_leaves_redo_and_the_history_true(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=2&ensemble=delay_line&T=50").rest()
    instrument.click_weight(2, 2, size=2)
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    instrument.rest()
    drag(instrument, 0j, 0.5 + 0j)
    expect(page.locator(".eigenvalues .panel-problem")).to_contain_text("oo sensitive to be moved")
    expect(page.get_by_role("button", name="redo: W_hh[2, 2] → 0.5")).to_be_enabled()
    page.keyboard.press("Control+Shift+z")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")


def test_a_drag_into_a_refused_place_is_told_as_far_as_it_went(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#H=2&ensemble=delay_line&T=50").rest()
    # Two eigenvalues at a small angle: one that is moved far blows the weights up.
    for (i, j), typed in {(1, 1): "0.6", (1, 2): "5", (2, 1): "0", (2, 2): "0.55"}.items():
        instrument.click_weight(i, j, size=2)
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 4")
    instrument.rest()
    mouse = page.mouse
    mouse.move(*place(instrument, 0.6 + 0j))
    mouse.down()
    mouse.move(*place(instrument, 0.8 + 0j), steps=3)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 5")
    mouse.move(*place(instrument, -0.9 + 0j))
    problem = page.locator(".eigenvalues .panel-problem")
    expect(problem).to_contain_text("weights")
    assert len(problem.inner_text()) <= 90
    mouse.up()
    instrument.wait("rhoscope.painted.recurrent.edits.length === 5")
    to = last_edit(instrument)["to"]
    assert 0.6 < to[0] < 0.9
    assert steps(page)[0].startswith(f"λ 0.6 → {to[0]:.3g}")


def test_a_refused_drag_never_says_try_again(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8&ensemble=delay_line&T=50").rest()
    page.evaluate(
        """() => {
          window.said = 0;
          const box = document.querySelector(".message-problem");
          new MutationObserver(() => { window.said += box.hidden ? 0 : 1; })
            .observe(box, { attributes: true });
        }"""
    )
    mouse = page.mouse
    mouse.move(*place(instrument, 0j))
    mouse.down()
    for k in range(60):
        mouse.move(*place(instrument, 0.2 + 0.01 * k + 0j))
    mouse.up()
    expect(page.locator(".eigenvalues .panel-problem")).to_contain_text("oo sensitive to be moved")
    instrument.wait_for("recurrent.edits", [])
    assert page.evaluate("window.said") == 0


def test_a_radius_that_cannot_be_is_said_at_the_slider(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=4").rest()
    page.get_by_label("make weights zero").select_option("all")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    instrument.rho.fill("0.5")
    expect(page.locator(".rho-hint.field-problem")).to_contain_text("This ρ cannot be reached")
    expect(page.locator(".eigenvalues .panel-problem")).to_be_empty()
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    expect(page.get_by_label("ρ typed")).to_have_value("0")


def test_edits_outlive_a_size_on_the_way_and_a_loss_is_said(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16").rest()
    instrument.click_weight(12, 12, size=16)
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    units = page.get_by_label("units H", exact=True)
    units.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    instrument.wait_for("cell.hidden_size", 2)
    row = page.locator(".field", has=units)
    expect(row.locator(".field-hint")).to_contain_text("1 edit of weights left out; undo brings it")
    page.keyboard.type("4")
    instrument.wait_for("cell.hidden_size", 24)
    assert len(instrument.painted["recurrent"]["edits"]) == 1
    expect(row.locator(".field-hint")).to_contain_text("1 to")


def test_non_normality_walks_by_key(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    page.get_by_role("slider", name="departure of W_hh from normality").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    instrument.wait_for("recurrent.edits", [{"op": "normality", "alpha": 1.08}])
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    instrument.wait_for("recurrent.edits", [])


def test_kappa_is_there_in_the_first_drag(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16").rest()
    found = eigenvalues(instrument)
    pair = found[np.argmax(found.imag)]
    mouse = page.mouse
    mouse.move(*place(instrument, pair))
    mouse.down()
    for k in range(10):
        mouse.move(*place(instrument, pair + 0.01 * k))
    expect(page.locator(".eigenvalue-editor output")).to_contain_text("2.5")
    mouse.up()


def test_numbers_are_shown_as_they_are(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=4&T=30&t=3&phi=linear").rest()
    for j, typed in enumerate(("123.4", "15.6", "1234.5", "-0.004"), start=1):
        instrument.click_weight(1, j, size=4)
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 4")
    instrument.rest()
    text = page.locator(".arithmetic").inner_text().replace("−", "-")
    for typed in ("123", "15.6", "1235", "(-.004)"):
        assert typed in text or f"{typed}.4" in text or "1234.5" in text
    factors = page.locator(".arithmetic span[title]").all_inner_texts()
    terms = [factor.replace("−", "-").lstrip("+ ").split("·") for factor in factors]
    total = sum(float(a.strip("()")) * float(b.strip("()")) for a, b in terms)
    shown = float(text.split("=")[-1])
    assert total == pytest.approx(shown, abs=1.01)
    expect(page.get_by_label("ρ typed")).to_have_value("119.22")
    number = page.get_by_label("ρ typed")
    assert number.evaluate("(input) => input.scrollWidth <= input.clientWidth")


def test_the_arithmetic_names_its_sequence(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=0.9&H=3&t=4&input=noise&B=3").rest()
    expect(page.locator(".arithmetic")).to_contain_text("of sequence 1 of 3")
