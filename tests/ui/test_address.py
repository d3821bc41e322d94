"""The Experiment in the address: links, reload, back, hostile hashes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect


def test_the_hash_follows_and_a_reload_restores(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open()
    instrument.rho.fill("1.2")
    page.get_by_label("activation φ").select_option("relu")
    page.wait_for_function(
        "() => location.hash.includes('rho=1.2') && location.hash.includes('phi=relu')"
    )
    page.reload()
    instrument.wait("rhoscope.picturesPainted > 0")
    assert instrument.painted["recurrent"]["spectral_radius"] == 1.2
    assert instrument.painted["cell"]["activation"] == "relu"


def test_a_pasted_link_and_back(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.7&H=16")
    page.evaluate("location.hash = '#rho=1.4&H=32&T=20&t=9'")
    instrument.wait_for("cell.hidden_size", 32)
    assert instrument.painted["recurrent"]["spectral_radius"] == 1.4
    expect(page.get_by_label("step t", exact=True)).to_have_value("9")
    page.go_back()
    instrument.wait_for("cell.hidden_size", 16)
    assert instrument.painted["recurrent"]["spectral_radius"] == 0.7


def test_a_link_to_edited_weights_opens_the_same_bits_elsewhere(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    first = Instrument(new_context().new_page(), server.url).open("#rho=0.9&H=8").rest()
    first.click_weight(2, 7, size=8)
    first.page.keyboard.type("0.123456789")
    first.wait("rhoscope.painted.recurrent.edits[0]?.value === 0.123456789")
    link = first.settled_link()
    assert link.startswith("#v1.")
    second = Instrument(new_context().new_page(), server.url).open(link)
    assert second.painted == first.painted


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("#v9.AAAA", "version 9"),
        ("#v1.!!!!", "damaged"),
        ("#H=-5&rho=<script>", "expected"),
        ("#" + "x" * 300_000, "too long"),
        ("#constructor=1&__proto__=2", "unknown"),
        ("#ensemble=spiral", "expected one of gaussian"),
        ("#O=2&generate=5", "input size was set to 2"),
        ("#input=values", "The opening view is shown instead"),
    ],
)
def test_a_hostile_hash_gives_a_message_and_a_working_page(
    page: Page, server: Server, link: str, said: str
) -> None:
    instrument = Instrument(page, server.url)
    page.goto(f"{server.url}/{link}")
    expect(page.locator(".message:visible").first).to_contain_text(said)
    instrument.wait("rhoscope.picturesPainted > 0")
    instrument.rho.fill("0.5")
    instrument.wait_for("recurrent.spectral_radius", 0.5)
