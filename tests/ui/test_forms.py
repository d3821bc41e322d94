"""The forms of one network on the page: where outputs and losses sit, what is fed back, batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect

STABLE_WHEN_FED = "#rho=0.9&phi=linear&input=sine&generate=100&Wxh=0.32"
WRITES = "#H=16&D=4&O=4&rho=1.5&y=classes&generate=5&T=30&t=10&Wxh=2"


def test_a_form_is_chosen_and_taken_back(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&T=40&D=2")
    form = page.get_by_label("form", exact=True)
    form.select_option("many-to-many")
    instrument.wait_for("loss.at", "every")
    expect(page.locator(".form-hint")).to_contain_text("at every step")
    form.select_option("generation")
    instrument.wait_for("generation.after", 10)
    instrument.wait_for("cell.output_size", 2)
    expect(page.locator(".equation .fed-back")).to_be_visible()
    expect(instrument.verdict).to_contain_text("generating")
    expect(page.locator(".eigenvalues")).to_contain_text("◇ closed")
    page.keyboard.press("Control+z")
    instrument.wait_for("generation.after", None)
    instrument.wait_for("cell.output_size", 1)
    expect(form).to_have_value("many_to_many")
    expect(page.locator(".equation .fed-back")).to_have_count(0)


def test_stable_when_fed_and_diverging_when_it_generates(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5")
    instrument.choose_preset("stable while it is fed, diverges when it generates")
    instrument.wait_for("generation.after", 100)
    expect(page.locator(".eigenvalues .panel-legend")).to_contain_text("closed 1.04")
    expect(page.locator(".clause[data-of='states']")).to_have_attribute("data-fate", "explode")
    expect(instrument.rho).to_have_value("0.9")


def test_what_the_network_expects_next_is_seen(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open(WRITES).rest()
    run = instrument.posted(instrument.painted)
    drawn = int(run["x"][10].argmax())
    bars = page.locator(".next-input")
    expect(bars).to_contain_text(f"drawn: class {drawn}, p = {run['p'][9, drawn]:.3g}")
    expect(bars.locator("canvas")).to_have_attribute(
        "aria-label",
        f"probabilities of 4 classes, class {run['p'][9].argmax()} is the most "
        f"likely with {run['p'][9].max():.3g}",
    )
    chooser = page.get_by_label("what of every step is shown")
    chooser.select_option("p of the next x")
    page.wait_for_function("location.hash.includes('layer=p')")
    expect(page.locator(".hidden-states")).to_contain_text("classes × time")
    field = page.get_by_label("temperature")
    for typed, said in (("0", "p = 1"), ("1e9", "p = 0.25")):
        field.fill(typed)
        instrument.wait_for("output.temperature", float(typed))
        expect(bars).to_contain_text(said)
    field.fill("-1")
    expect(page.locator("#field-output-temperature-hint")).to_contain_text("got -1")
    instrument.wait_for("output.temperature", 1e9)


def test_a_size_that_does_not_fit_is_never_asked_for(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&T=40&generate=10")
    page.locator("summary", has_text="Sizes").click()
    page.get_by_label("outputs O").fill("3")
    instrument.wait_for("cell.input_size", 3)
    page.get_by_label("layers").fill("2")
    instrument.wait_for("cell.layers", 2)
    instrument.wait_for("generation.after", None)
    expect(page.locator(".message:visible")).to_have_count(0)


def test_of_a_batch_one_sequence_or_the_mean(
    page: Page, server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=1.2&H=8&T=30&B=3&input=noise&t=12").rest()
    run = instrument.posted(instrument.painted)
    logs = run["log10_norm_h"][:, 11]
    chooser = page.get_by_label("which sequence of the batch is shown").first
    for choice, expected in (("1", logs[1]), ("mean", logs.mean()), ("0", logs[0])):
        chooser.select_option(choice)
        shown = f"{10**expected:.3g}"
        expect(page.locator(".readout dd").first).to_have_text(shown)
    chooser.select_option("mean")
    page.wait_for_function("location.hash.includes('sequence=mean')")
    other = Instrument(new_context().new_page(), server.url)
    other.open(page.evaluate("location.hash"))
    other_chooser = other.page.get_by_label("which sequence of the batch is shown").first
    expect(other_chooser).to_have_value("mean")
    assert np.ptp(logs) > 0


def test_every_view_takes_one_step(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#T=1&H=1&generate=1")
    form = page.get_by_label("form", exact=True)
    for name in ("many-to-one", "many-to-many", "generation"):
        form.select_option(name)
        for kind in ("gru", "lstm", "elman"):
            page.get_by_label("cell", exact=True).select_option(kind)
            instrument.wait_for("cell.kind", kind)
    expect(page.locator(".message:visible")).to_have_count(0)


def test_layers_stand_under_one_another(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8&T=40&input=noise").rest()
    page.locator("summary", has_text="Sizes").click()
    page.get_by_label("layers").fill("3")
    instrument.wait_for("cell.layers", 3)
    expect(page.locator(".group-summary")).to_contain_text("3 layers")
    expect(page.locator(".norms .panel-legend")).to_contain_text("∂h, layer 2")
    expect(page.locator(".eigenvalues")).to_contain_text("layer 1")
    page.get_by_label("cell", exact=True).select_option("lstm")
    instrument.wait_for("cell.kind", "lstm")
    page.get_by_label("layers").fill("0")
    expect(page.locator("#field-cell-layers-hint")).to_contain_text("got 0")
    page.get_by_label("layers").fill("17")
    expect(page.locator("#field-cell-layers-hint")).to_contain_text("from 1 to 16")
    instrument.wait_for("cell.layers", 3)
