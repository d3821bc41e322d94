"""Cells with gates on the page: chosen, looked into, told to keep, linked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import safetensors.torch
import torch
from playwright.sync_api import BrowserContext, Page
from torch import nn

from tests.serving import Server
from tests.ui.instrument import Instrument, expect


def test_a_cell_is_chosen_and_says_what_it_is(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16&input=noise")
    page.get_by_label("cell", exact=True).select_option("lstm")
    instrument.wait_for("cell.kind", "lstm")
    expect(page.get_by_label("activation")).to_be_hidden()
    expect(page.locator(".equation math")).to_have_attribute(
        "aria-label", "the recurrence of an LSTM"
    )
    expect(page.locator(".eigenvalues")).to_contain_text("of W_hg")
    expect(page.locator(".norms .panel-legend")).to_contain_text("Πf")
    page.get_by_label("cell", exact=True).select_option("gru")
    instrument.wait_for("cell.kind", "gru")
    expect(page.locator(".norms .panel-legend")).to_contain_text("Πz")
    expect(page.locator(".eigenvalues")).to_contain_text("of W_hn")
    page.get_by_label("cell", exact=True).select_option("elman")
    instrument.wait_for("cell.kind", "elman")
    expect(page.locator(".norms .panel-legend")).not_to_contain_text("Π")


def test_the_forget_bias_lets_the_gradient_live(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=16&cell=lstm&input=noise")
    expect(instrument.verdict).to_contain_text("Gradients vanish")
    page.get_by_role("button", name="ln(T − 1)").click()
    instrument.wait_for("bias.forget", 5.2933)
    expect(instrument.verdict).to_contain_text("Gradients stay alive")
    expect(page.locator(".forget-bias")).to_contain_text("f = 0.995 at rest")
    page.keyboard.press("Control+z")
    instrument.wait_for("bias.forget", 0)
    slider = page.get_by_role("slider", name="forget bias")
    slider.focus()
    slider.press("ArrowRight")
    instrument.wait_for("bias.forget", 0.01)


def test_a_gate_is_looked_at_and_the_link_says_which(
    page: Page, server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8&T=40&cell=lstm&input=noise").rest()
    chooser = page.get_by_label("what of every step is shown")
    chooser.select_option("forget gate f")
    page.wait_for_function("location.hash.includes('layer=f')")
    instrument.rest()
    area = instrument.plot_area(".hidden-states")
    page.mouse.move(area["x"] + area["width"] / 80, area["y"] + area["height"] / 16)
    run = instrument.posted(instrument.painted)
    label = page.locator(".hidden-states .hovertext")
    expect(label).to_contain_text(f"f = {run['f'][0, 0]:.4g}"[:8])
    other = Instrument(new_context().new_page(), server.url)
    other.open(page.evaluate("location.hash"))
    expect(other.page.get_by_label("what of every step is shown")).to_have_value("f")
    other.page.get_by_label("cell", exact=True).select_option("elman")
    other.wait_for("cell.kind", "elman")
    expect(other.page.get_by_label("what of every step is shown")).to_have_value("h")


def test_an_edit_reaches_the_last_gate(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=4&T=40&cell=lstm&input=noise").rest()
    area = instrument.plot_area(".weights")
    page.mouse.click(area["x"] + area["width"] * 0.9, area["y"] + area["height"] * 0.99)
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    instrument.wait("rhoscope.painted.recurrent.edits[0]?.value === 0.5")
    edit = instrument.painted["recurrent"]["edits"][0]
    assert (edit["i"], edit["j"], edit["value"]) == (15, 3, 0.5)
    assert instrument.posted(instrument.painted)["W_hh"][15, 3] == 0.5


@pytest.mark.parametrize("module", [nn.GRU, nn.LSTM])
def test_a_trained_module_is_opened(page: Page, server: Server, module: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    trained = module(2, 6)
    content = safetensors.torch.save(trained.state_dict())
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16&input=noise")
    page.locator(".file-chooser").set_input_files(
        {"name": "net.safetensors", "mimeType": "", "buffer": content}
    )
    sheet = page.get_by_role("dialog", name="net.safetensors")
    expect(sheet).to_contain_text(f"of nn.{module.__name__}")
    sheet.get_by_role("button", name="open").click()
    instrument.wait_for("cell.kind", module.__name__.lower())
    run = instrument.posted(instrument.painted)
    with torch.no_grad():
        h, _ = trained(torch.from_numpy(run["x"].copy()))
    assert np.abs(run["h"] - h.numpy()).max() <= 1e-6


def test_elman_is_held_against_lstm(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&cell=lstm&forget=5.2933&input=noise")
    page.keyboard.press("h")
    expect(page.get_by_role("button", name="held")).to_have_text("held: ρ 1, LSTM")
    page.get_by_label("cell", exact=True).select_option("elman")
    instrument.wait_for("cell.kind", "elman")
    expect(instrument.verdict).to_contain_text("Gradients vanish")


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_one_step_of_one_unit(page: Page, server: Server, kind: str) -> None:
    instrument = Instrument(page, server.url).open(f"#rho=1&H=1&T=1&cell={kind}&top=atlas")
    expect(instrument.verdict).to_contain_text("One step")
