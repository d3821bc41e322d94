"""The server under test: inside the test where that is enough, else behind a real socket."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from app.house import House
from app.ports import listening_socket
from app.running import server_config
from app.server import create_app
from app.settings import Settings, variable

HERE = "http://127.0.0.1"  # TrustedHost: a test's client must name this server too

PAGE = """<!doctype html><html lang="en"><head><title>Rhoscope</title>
<meta property="og:title" content="Rhoscope">
<script defer src="{{plotly_url}}"></script><script type="module" src="js/main.js"></script>
</head></html>
"""


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


@pytest.fixture
def frontend(tmp_path: Path) -> Path:
    """A page of three files."""
    folder = tmp_path / "frontend"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "js" / "main.js").write_text("const page = 1;\n")
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "README.md").write_text("not for visitors")
    return folder


@pytest.fixture
def client_of(frontend: Path) -> Iterator[Callable[..., TestClient]]:
    """Makes a client of a server with the given settings, inside the test's own process."""
    with ExitStack() as stack:

        def make(*, engine: Any = None, **settings: Any) -> TestClient:
            app = create_app(Settings(**settings), frontend=frontend, engine=engine)
            return stack.enter_context(TestClient(app, base_url=HERE))

        yield make


@pytest.fixture
def client(client_of: Callable[..., TestClient]) -> TestClient:
    """A client of a server with the default settings."""
    return client_of()


@dataclass
class Served:
    """A server on a real socket."""

    port: int
    house: House
    server: uvicorn.Server
    thread: threading.Thread

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/stream"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()


@contextmanager
def served(settings: Settings, frontend: Path, engine: Any = None) -> Iterator[Served]:
    """A server in a thread of this process, on a free port."""
    app = create_app(settings, frontend=frontend, engine=engine)
    config = server_config(app, settings)
    server = uvicorn.Server(config)
    listener = listening_socket("127.0.0.1", 0)
    started = threading.Event()
    original = server.startup

    async def startup(sockets: Any = None) -> None:
        await original(sockets)
        started.set()

    server.startup = startup  # type: ignore[method-assign]

    def run() -> None:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))

    thread = threading.Thread(target=run, name="server")
    thread.start()
    assert started.wait(20)
    running = Served(listener.getsockname()[1], app.state.house, server, thread)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def serve(frontend: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers with the given settings; they stop with the test."""
    with ExitStack() as stack:

        def start(*, engine: Any = None, **settings: Any) -> Served:
            return stack.enter_context(served(Settings(**settings), frontend, engine))

        yield start
