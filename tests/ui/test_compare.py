"""Cells beside one another: one picture, one clock, each named and told apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page

from app.experiment import Experiment
from app.limits import run_cost
from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow

BESIDE_LSTM = "#rho=1&input=noise&forget=5.2933&compare=lstm"
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def toggle(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="compare with").get_by_role("button", name=name)


def log10_at_cursor(page: Page, name: str) -> float:
    """log10 ‖∂L/∂h_t‖ of a network as its line of the table says it."""
    row = page.locator(".readout tbody tr").filter(has=page.get_by_role("rowheader", name=name))
    text = row.locator("td").first.inner_text()
    mantissa, _, power = text.partition(" · 10")
    return math.log10(float(mantissa)) + int(power.translate(SUPERSCRIPTS) or 0)


def compared(page: Page) -> dict[str, dict[str, Any]]:
    """What the last whole picture has beside the main network."""
    found = page.evaluate("rhoscope.compared")
    return {each["kind"]: each for each in found}


def wait_for_compared(instrument: Instrument, *kinds: str) -> None:
    instrument.wait(f"rhoscope.compared.map(({{ kind }}) => kind).join() === '{','.join(kinds)}'")


def without(experiment: dict[str, Any], *groups: str) -> dict[str, Any]:
    return {name: part for name, part in experiment.items() if name not in groups}


def test_only_the_gradient_of_the_lstm_survives(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open()
    instrument.choose_preset("Elman beside LSTM: only one gradient survives")
    wait_for_compared(instrument, "lstm")
    assert instrument.painted["steps"] == 200
    expect(page.get_by_label("step t", exact=True)).to_have_value("1")
    elman, lstm = log10_at_cursor(page, "Elman"), log10_at_cursor(page, "LSTM")
    assert lstm > elman + 20
    painted = instrument.painted
    other = compared(page)["lstm"]["experiment"]
    run = instrument.posted(other)
    assert abs(run["log10_grad_h"][0] - lstm) < 0.03
    assert without(other, "cell") == without(painted, "cell")
    legend = page.locator(".norms .panel-legend")
    expect(legend.locator(".network")).to_have_count(2)
    expect(legend.get_by_title("LSTM: Gradients stay alive")).to_contain_text("LSTM ×0.9")
    expect(legend.locator(".network").nth(0)).to_contain_text("Elman ×0.")


def test_heat_maps_lie_under_one_another(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open(f"{BESIDE_LSTM}+feedforward&H=8&T=40").rest()
    area = instrument.plot_area(".hidden-states")
    runs = [instrument.painted, *(each["experiment"] for each in compared(page).values())]
    label = page.locator(".hidden-states .hovertext")
    names = ("", "LSTM", "feedforward (W_hh = 0)")
    for k, (experiment, name) in enumerate(zip(runs, names, strict=True)):
        # The last unit of each, at the third step.
        y = area["y"] + area["height"] * (k + 0.94) / 3
        page.mouse.move(area["x"] + area["width"] * 2.5 / 40, y - (0 if k else 4))
        expect(label).to_contain_text(name)
        expect(label).to_contain_text("unit 8")
        value = instrument.posted(experiment)["h"][2, 7]
        expect(label).to_contain_text(f"h = {value:.4g}"[:8])


def test_a_drag_moves_all_of_one_experiment(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=16&compare=gru+lstm+feedforward")
    page.evaluate(
        """() => {
          window.pictures = [];
          let last = 0;
          const look = () => {
            if (rhoscope.picturesPainted !== last) {
              last = rhoscope.picturesPainted;
              const radius = ({ recurrent }) => recurrent.spectral_radius;
              pictures.push([radius(rhoscope.painted),
                ...rhoscope.compared.slice(0, 2).map(({ experiment }) => radius(experiment))]);
            }
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    instrument.drag_rho(1.1, 1.2, 1.3, 1.4, 1.5)
    instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 1.5) < 0.02")
    instrument.wait("pictures.at(-1)[0] === rhoscope.painted.recurrent.spectral_radius")
    pictures = page.evaluate("pictures")
    assert len(pictures) > 1
    for main, gru, lstm in pictures:
        assert main == gru == lstm
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.spectral_radius", 1)
    assert compared(page)["lstm"]["experiment"]["recurrent"]["spectral_radius"] == 1
    assert compared(page)["feedforward"]["experiment"]["recurrent"]["gain"] == 0


def test_buttons_by_key_and_the_link_keeps_them(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8&T=40")
    expect(toggle(page, "Elman")).to_be_hidden()
    for name in ("LSTM", "feedforward"):
        toggle(page, name).focus()
        page.keyboard.press("Space")
        expect(toggle(page, name)).to_have_attribute("aria-pressed", "true")
    wait_for_compared(instrument, "lstm", "feedforward")
    page.wait_for_function("location.hash.includes('compare=lstm+feedforward')")
    page.reload()
    instrument.wait("rhoscope.picturesPainted > 0")
    assert set(compared(page)) == {"lstm", "feedforward"}
    expect(page.locator(".readout tbody tr").last).to_contain_text("none")
    page.get_by_label("cell", exact=True).select_option("lstm")
    wait_for_compared(instrument, "feedforward")
    expect(toggle(page, "LSTM")).to_be_hidden()
    toggle(page, "feedforward").click()
    wait_for_compared(instrument)
    expect(page.locator(".readout table")).to_be_hidden()
    expect(page.locator(".norms .panel-legend")).to_contain_text("Πf")


def test_every_size_has_its_picture(page: Page, server: Server, subtests: pytest.Subtests) -> None:
    instrument = Instrument(page, server.url).open("#H=16")
    for size in ("H=1&T=1", "H=1", "T=1", "T=3000&H=16"):
        with subtests.test(size):
            instrument.turn_to(f"#rho=1&input=noise&{size}&compare=gru+lstm+feedforward")
            assert len(compared(page)) == 3
            assert all(each["experiment"] for each in compared(page).values())
            expect(page.locator(".readout tbody tr")).to_have_count(4)
            # Everything was asked for whole, or is again after a zoom.
            page.keyboard.press("+")
            instrument.rest()
            expect_no_overflow(page)


@pytest.mark.expect_console("WebSocket", "ERR_CONNECTION_REFUSED")
def test_a_server_that_comes_back_brings_all_back(
    page: Page, new_context: Callable[..., BrowserContext]
) -> None:
    with Server() as own:
        instrument = Instrument(page, own.url).open("#rho=1&H=8&T=40&compare=lstm").rest()
        own.kill()
        expect(page.get_by_role("alert").filter(has_text="The server is gone")).to_be_visible()
        toggle(page, "GRU").click()
        own.start()
        wait_for_compared(instrument, "lstm", "gru")
        assert compared(page)["gru"]["experiment"]["cell"]["kind"] == "gru"


@pytest.mark.expect_console("WebSocket", "ERR_CONNECTION_REFUSED")
def test_what_the_server_refuses_is_said_in_its_place(page: Page) -> None:
    small, large = (
        run_cost(Experiment.model_validate({"cell": {"kind": kind}, "steps": 40}), None)
        for kind in ("elman", "lstm")
    )
    limit = (small.memory_bytes + large.memory_bytes) // 2
    with Server("--max-memory-bytes", str(limit)) as own:
        instrument = Instrument(page, own.url).open("#rho=0.9&T=40&compare=lstm+feedforward").rest()
        assert instrument.painted["cell"]["kind"] == "elman"
        found = compared(page)
        assert found["lstm"]["problem"] == "over a limit of this server"
        assert found["lstm"]["experiment"] is None
        assert found["feedforward"]["experiment"]["recurrent"]["gain"] == 0
        row = page.locator(".readout tbody tr").nth(1)
        expect(row).to_contain_text("refused")
        expect(row.get_by_title("--max-memory-bytes").first).to_be_visible()
        expect(page.locator(".message-problem")).to_be_hidden()
        instrument.drag_rho(0.7)
        instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 0.7) < 0.02")
        assert set(compared(page)) == {"lstm", "feedforward"}
