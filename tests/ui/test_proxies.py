"""Behind a real nginx: with a prefix that is stripped or kept, and where something gets lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocket

from tests.proxied import Nginx, blocks_of_the_guide
from tests.serving import Server
from tests.ui.instrument import Instrument, expect
from tests.ui.test_files import drop

PLAIN = "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $http_host; }"
GONE = ("WebSocket", "502", "ERR_CONNECTION_REFUSED")


@pytest.fixture(scope="module")
def prefixed() -> Iterator[Server]:
    with Server("--root-path", "/rhoscope") as running:
        yield running


@pytest.fixture(params=["stripped, told", "stripped, untold", "kept"])
def front(request: pytest.FixtureRequest, server: Server, prefixed: Server) -> Iterator[Nginx]:
    """nginx as the guide has it, before a server that knows its prefix or doesn't."""
    before, stripped, kept = blocks_of_the_guide()
    lines = kept if request.param == "kept" else stripped
    behind = server if request.param == "stripped, untold" else prefixed
    with Nginx(lines, behind.port, before=before) as nginx:
        yield nginx


def test_page_socket_upload_export_and_docs_work_under_a_prefix(
    new_context: Callable[..., BrowserContext], front: Nginx, tmp_path: Path
) -> None:
    page = new_context(accept_downloads=True).new_page()
    sockets: list[WebSocket] = []
    asked: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.on("request", lambda request: asked.append(request.url))
    url = f"{front.url}/rhoscope"
    instrument = Instrument(page, url).open("#rho=0.9&H=8&T=40").rest()
    instrument.drag_rho(0.5)
    instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 0.5) < 0.02")
    assert sockets
    assert all(socket.url == f"{url.replace('http', 'ws')}/api/stream" for socket in sockets)
    expect(page.locator(".message-line")).to_be_hidden()

    sheet = drop(page, "net.json", b'{"W_hh": [[0.5, 0], [0, 0.25]]}')
    sheet.get_by_role("button", name=re.compile("open", re.IGNORECASE)).first.click()
    instrument.wait_for("cell.hidden_size", 2)
    page.locator("details.save summary").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="network, .safetensors").click()
    assert b"weight_hh_l0" in Path(saved.value.path()).read_bytes()
    assert not [each for each in asked if not each.startswith((f"{url}/", "data:", "blob:"))]

    page.goto(f"{url}/docs")
    page.get_by_role("button", name="GET /healthz").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")

    assert page.request.get(f"{url}/metrics").status == 403
    answer = page.goto(url)  # without a slash at the end
    assert answer is not None
    assert answer.url == f"{url}/"
    expect(instrument.verdict).to_contain_text("Gradients")


@pytest.mark.expect_console("WebSocket")
def test_a_proxy_that_drops_sockets_is_recognised_said_and_worked_around(
    page: Page, server: Server
) -> None:
    with Nginx(PLAIN, server.port) as nginx:
        instrument = Instrument(page, nginx.url).open("#rho=0.9&H=8&T=40").rest()
        line = page.locator(".message-line")
        expect(line).to_contain_text("drops WebSockets")
        expect(line).to_contain_text("Upgrade and Connection")
        expect(page.locator(".message-server")).to_be_hidden()
        instrument.drag_rho(0.5, 0.7, 1.2)
        instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 1.2) < 0.02")
        run = instrument.posted(instrument.painted)
        assert run["h"].shape == (40, 8)
        # What is computed behind the panels comes the same way.
        instrument.open("#rho=0.9&H=8&T=40&bottom=powers").rest()
        expect(page.locator(".powers")).to_contain_text("W")
        expect(page.locator(".powers")).to_contain_text("largest")
        line.get_by_role("button", name="dismiss").click()
        expect(line).to_be_hidden()
        page.close()  # before the proxy, which would cut what is under way


@pytest.mark.expect_console(*GONE)
def test_a_server_killed_behind_a_proxy_comes_back(page: Page, own_server: Server) -> None:
    before, stripped, _ = blocks_of_the_guide()
    with Nginx(stripped, own_server.port, before=before) as nginx:
        instrument = Instrument(page, f"{nginx.url}/rhoscope").open("#rho=0.9&H=8&T=40").rest()
        own_server.kill()
        expect(page.locator(".message-server")).to_contain_text("The server is gone")
        instrument.rho.fill("0.4")
        own_server.start()
        instrument.wait_for("recurrent.spectral_radius", 0.4)
        expect(page.locator(".message-server")).to_be_hidden()
        expect(page.locator(".message-line")).to_be_hidden()


@pytest.mark.expect_console(*GONE)
def test_a_server_killed_behind_a_proxy_that_drops_sockets_comes_back(
    page: Page, own_server: Server
) -> None:
    with Nginx(PLAIN, own_server.port) as nginx:
        instrument = Instrument(page, nginx.url).open("#rho=0.9&H=8&T=40").rest()
        own_server.kill()
        instrument.rho.fill("0.4")  # without a socket it is a question that finds out
        expect(page.locator(".message-server")).to_contain_text("The server is gone")
        own_server.start()
        instrument.wait_for("recurrent.spectral_radius", 0.4)
        expect(page.locator(".message-server")).to_be_hidden()
        expect(page.locator(".message-line")).to_contain_text("drops WebSockets")


@pytest.mark.expect_console("WebSocket", "403")
def test_a_proxy_that_hides_the_host_is_told_from_a_server_that_is_gone(
    page: Page, server: Server
) -> None:
    with Nginx("location / { proxy_pass http://127.0.0.1:8000; }", server.port) as nginx:
        page.goto(nginx.url)
        said = page.locator(".message-server")
        expect(said).to_contain_text("a stranger's")
        expect(said).to_contain_text(f"--allow-origin {nginx.url}")
