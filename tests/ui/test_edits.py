"""The matrix under a hand: weights, eigenvalues, normality, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect


def eigenvalues(instrument: Instrument) -> np.ndarray:
    """Those of the Experiment on the screen, by the server."""
    found = instrument.posted(instrument.painted)["eigenvalues"]
    return found[:, 0] + 1j * found[:, 1]


def place(instrument: Instrument, value: complex) -> tuple[float, float]:
    """The pixel of a point of the complex plane."""
    area = instrument.plot_area(".eigenvalues")
    low, high = instrument.page.evaluate(
        "document.querySelector('.eigenvalues .plot')._fullLayout.xaxis.range"
    )
    return (
        area["x"] + area["width"] * (value.real - low) / (high - low),
        area["y"] + area["height"] * (high - value.imag) / (high - low),
    )


def drag(instrument: Instrument, start: complex, *way: complex) -> None:
    mouse = instrument.page.mouse
    mouse.move(*place(instrument, start))
    mouse.down()
    for value in way:
        mouse.move(*place(instrument, value), steps=4)
    mouse.up()


def last_edit(instrument: Instrument) -> dict[str, Any]:
    edit: dict[str, Any] = instrument.painted["recurrent"]["edits"][-1]
    return edit


def test_a_dragged_eigenvalue_takes_its_conjugate_along_and_leaves_the_others(
    page: Page, server: Server
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16&phi=linear").rest()
    before = eigenvalues(instrument)
    pair = before[np.argmax(before.imag)]
    drag(instrument, pair, 0.4 + 0.9j, 0.6 + 0.7j)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    instrument.rest()
    edit = last_edit(instrument)
    assert edit["op"] == "eigenvalue"
    assert edit["to"] == pytest.approx([0.6, 0.7], abs=0.03)
    after = eigenvalues(instrument)
    for wanted in (complex(*edit["to"]), complex(edit["to"][0], -edit["to"][1])):
        assert np.abs(after - wanted).min() < 1e-5
    for value in before[(np.abs(before - pair) > 1e-9) & (np.abs(before - pair.conj()) > 1e-9)]:
        assert np.abs(after - value).min() < 1e-5
    expect(page.get_by_label("modulus of the eigenvalue")).to_have_value(
        f"{np.hypot(*edit['to']):.4f}".rstrip("0")
    )
    # The ρ slider follows the matrix it describes; the whole drag is one step.
    assert float(instrument.rho.input_value()) == pytest.approx(np.abs(after).max(), abs=1e-3)
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.edits", [])
    page.keyboard.press("Control+Shift+z")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    assert last_edit(instrument) == edit


def test_across_the_real_axis_a_pair_becomes_two_reals_and_back(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=2&ensemble=rotation&seed=3").rest()
    before = eigenvalues(instrument)
    pair = before[np.argmax(before.imag)]
    drag(instrument, pair, 0.5 + 0.1j, 0.5 - 0.2j)
    instrument.wait("rhoscope.painted.recurrent.edits[0]?.half_gap > 0")
    instrument.rest()
    edit = last_edit(instrument)
    assert edit["to"] == [pytest.approx(0.5, abs=0.03), 0]
    split = eigenvalues(instrument)
    assert not split.imag.any()
    assert np.ptp(split.real) == pytest.approx(2 * edit["half_gap"], abs=1e-5)
    drag(instrument, complex(split.real.max()), 0.6 + 0.3j)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 2")
    instrument.rest()
    again = eigenvalues(instrument)
    assert np.abs(again.imag).min() > 0.25


def test_an_eigenvalue_by_keyboard_and_by_numbers(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16").rest()
    plane = page.get_by_role("application", name="eigenvalues of W_hh")
    plane.focus()
    page.keyboard.press(".")
    modulus = page.get_by_label("modulus of the eigenvalue")
    expect(modulus).to_have_value("0.9")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Enter")
    expect(modulus).to_be_focused()
    page.keyboard.type("0.5")
    page.keyboard.press("Tab")
    page.get_by_label("angle of the eigenvalue").fill("60")
    instrument.wait("Math.abs(rhoscope.painted.recurrent.edits[0]?.to[1] - 0.433) < 0.001")
    assert np.abs(eigenvalues(instrument) - 0.5 * np.exp(1j * np.pi / 3)).min() < 1e-4
    page.get_by_label("angle of the eigenvalue").fill("sixty")
    expect(page.locator(".eigenvalues .panel-problem")).to_contain_text("expected numbers")


def test_a_move_that_cannot_be_is_said_and_changes_nothing(page: Page, server: Server) -> None:
    link = "#rho=1&H=2&ensemble=delay_line&T=50"
    instrument = Instrument(page, server.url).open(link).rest()
    weights = instrument.posted(instrument.painted)["W_hh"]
    drag(instrument, 0j, 0.5 + 0j)  # a nilpotent matrix is defective
    problem = page.locator(".eigenvalues .panel-problem")
    expect(problem).to_contain_text("oo sensitive to be moved")
    instrument.wait_for("recurrent.edits", [])
    assert np.array_equal(instrument.posted(instrument.painted)["W_hh"], weights)
    expect(page.get_by_role("button", name="nothing to undo")).to_be_disabled()
    # The two together may go.
    drag(instrument, 0j, 0.5 + 0.5j)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    expect(problem).to_be_empty()


def test_the_same_eigenvalues_another_fate(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.95&phi=linear").rest()
    before = instrument.posted(instrument.painted)
    page.get_by_role("slider", name="departure of W_hh from normality").fill("2")
    instrument.wait_for("recurrent.edits", [{"op": "normality", "alpha": 2.0}])
    after = instrument.posted(instrument.painted)
    assert np.hypot(*after["eigenvalues"].T).max() == pytest.approx(0.95, abs=1e-6)
    assert after["singular_values"][0] > 1.3 * before["singular_values"][0]
    page.get_by_role("slider", name="departure of W_hh from normality").fill("1.01")
    instrument.wait_for("recurrent.edits", [])


def test_rho_rescales_what_a_hand_has_made(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16&phi=linear").rest()
    instrument.click_weight(4, 6, size=16)
    page.keyboard.type("2.5")
    instrument.wait_for("recurrent.edits", [{"op": "set", "i": 3, "j": 5, "value": 2.5}])
    edited = instrument.posted(instrument.painted)["W_hh"]
    instrument.rho.fill("0.5")
    instrument.wait("rhoscope.painted.recurrent.edits[1]?.spectral_radius === 0.5")
    instrument.rho.fill("0.6")
    instrument.wait("rhoscope.painted.recurrent.edits[1]?.spectral_radius === 0.6")
    painted = instrument.painted
    assert (
        len(painted["recurrent"]["edits"]) == 2 and painted["recurrent"]["spectral_radius"] == 0.9
    )
    rescaled = instrument.posted(painted)["W_hh"]
    assert rescaled == pytest.approx(edited * (rescaled[3, 5] / 2.5), rel=1e-5)
    assert float(instrument.rho.input_value()) == 0.6


def test_weights_are_scrubbed_walked_and_zeroed(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=4").rest()
    area = instrument.plot_area(".weights")
    x, y = area["x"] + area["width"] * 0.375, area["y"] + area["height"] * 0.625  # row 3, column 2
    before = instrument.posted(instrument.painted)["W_hh"][2, 1]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30, steps=5)
    page.mouse.up()
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    edit = last_edit(instrument)
    assert (edit["op"], edit["i"], edit["j"]) == ("set", 2, 1) and edit["value"] > before
    page.get_by_label("value of the weight").fill("1")
    page.keyboard.press("Tab")
    expect(page.get_by_label("column j of the weight, from unit")).to_have_value("3")
    page.keyboard.type("-2")
    instrument.wait("rhoscope.painted.recurrent.edits.at(-1).value === -2")
    assert (last_edit(instrument)["i"], last_edit(instrument)["j"]) == (2, 2)
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    instrument.wait("rhoscope.painted.recurrent.edits.at(-1).op === 'zero'")
    page.get_by_label("make weights zero").select_option("row")
    instrument.wait("rhoscope.painted.recurrent.edits.at(-1).columns === null")
    assert not instrument.posted(instrument.painted)["W_hh"][2].any()


def test_every_other_matrix_is_edited_alike(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=4").rest()
    paths = {"W_xh": "input_weights", "b_h": "bias", "W_hy": "readout", "b_y": "output_bias"}
    for matrix, path in paths.items():
        page.get_by_label("which weights are shown").select_option(matrix)
        page.get_by_label("row i of the weight, to unit").fill("1")
        page.get_by_label("value of the weight").fill("0.75")
        instrument.wait(f"rhoscope.painted.{path}.edits.length === 1")
        assert instrument.posted(instrument.painted)[matrix].flat[0] == 0.75
        page.keyboard.press("Enter")
        page.keyboard.press("Control+z")
        instrument.wait_for(f"{path}.edits", [])


def test_the_arithmetic_of_one_unit_adds_up(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=3&t=4&input=noise").rest()
    instrument.click_weight(2, 1, size=3)
    arithmetic = page.locator(".arithmetic")
    expect(arithmetic).to_contain_text("h4[2]")
    run = instrument.posted(instrument.painted)
    total = run["W_xh"][1] @ run["x"][3] + run["W_hh"][1] @ run["h"][2] + run["b_h"][1]
    shown = arithmetic.inner_text().replace("−", "-").split("=")
    assert float(shown[-1]) == pytest.approx(run["h"][3, 1], abs=2e-3)
    assert float(shown[-2].strip().removeprefix("tanh(").rstrip(")")) == pytest.approx(
        total, abs=2e-3
    )
    assert arithmetic.locator("span[title]").count() == 4


def test_the_history_can_be_read_and_gone_back_in(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8").rest()
    instrument.click_weight(4, 6, size=8)
    page.keyboard.type("0.2")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Enter")
    page.get_by_label("activation φ").select_option("linear")
    page.locator(".history summary").click()
    steps = page.locator(".history ol button")
    expect(steps).to_have_text(["φ → linear", "W_hh[4, 6] → 0.2", "opened"])
    steps.nth(2).click()
    instrument.wait_for("recurrent.edits", [])
    expect(steps.nth(2)).to_have_attribute("aria-current", "step")
    steps.nth(0).click()
    instrument.wait_for("cell.activation", "linear")
    page.locator(".history .reset").click()
    instrument.wait_for("recurrent.edits", [])
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")


def test_a_link_to_edited_weights_opens_the_same_bits(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    context = new_context()
    first = Instrument(context.new_page(), server.url).open("#rho=0.9&H=12&phi=linear").rest()
    before = eigenvalues(first)
    pair = before[np.argmax(before.imag)]
    drag(first, pair, 0.3 + 0.5j)
    first.wait("rhoscope.painted.recurrent.edits.length === 1")
    first.click_weight(2, 2, size=12)
    first.page.keyboard.type("0.123456789")
    first.wait("rhoscope.painted.recurrent.edits.at(-1).value === 0.123456789")
    first.rest()
    first.page.get_by_role("slider", name="departure of W_hh from normality").fill("0.5")
    first.wait("rhoscope.painted.recurrent.edits.length === 3")
    first.page.evaluate(
        """async () => {
          const { decodeLink } = await import("./js/state/link.js");
          for (;;) {
            const { experiment } = await decodeLink(location.hash);
            if (experiment.recurrent.edits.at(-1)?.alpha === 0.5) return;
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    link = first.page.evaluate("location.hash")
    assert len(link) < 400
    second = Instrument(context.new_page(), server.url).open(link)
    assert second.painted["recurrent"]["edits"] == first.painted["recurrent"]["edits"]
    W = first.posted(first.painted)["W_hh"]
    assert second.posted(second.painted)["W_hh"].tobytes() == W.tobytes()


@pytest.mark.expect_console("WebSocket", "ERR_CONNECTION_REFUSED")
def test_undo_after_the_server_came_back(page: Page, own_server: Server) -> None:
    instrument = Instrument(page, own_server.url).open("#rho=0.9&H=8").rest()
    instrument.click_weight(1, 1, size=8)
    page.keyboard.type("3")
    instrument.wait("rhoscope.painted.recurrent.edits.length === 1")
    page.keyboard.press("Enter")
    own_server.stop()
    expect(page.get_by_text("The server is gone.")).to_be_visible()
    page.keyboard.press("Control+z")
    own_server.start()
    instrument.wait_for("recurrent.edits", [])
    expect(page.get_by_text("The server is gone.")).to_be_hidden()
