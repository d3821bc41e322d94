"""uvicorn, started and stopped the way a person at a terminal expects."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

import typer
import uvicorn
from fastapi import FastAPI

from app.browser import open_browser
from app.lessons import shelf_of
from app.logs import log_config
from app.ports import lan_address, url_of
from app.security import EVERY_NETWORK
from app.server import create_app
from app.settings import Settings
from app.transport import RequestProtocol, SocketProtocol

STOPPING_S = 2  # for requests under way, once the server is told to stop


def serve_until_stopped(settings: Settings, listener: socket.socket, link: str = "") -> int:
    """Serves on `listener` until Ctrl+C or SIGTERM; the exit code. `link` is opened first.

    Raises:
        ValueError, MissingAsset: as `create_app`.
    """
    config = server_config(create_app(settings), settings)
    server = _Server(config, settings, link)

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it is done, to end by it; but a stop that was asked for
    # is a success. The same handler also hears a signal that comes before uvicorn listens to it.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
    return 0


def server_config(app: FastAPI | Callable[[], FastAPI], settings: Settings) -> uvicorn.Config:
    """How uvicorn is to serve `app`, which with several workers is what makes one in each."""
    return uvicorn.Config(
        app,
        factory=not isinstance(app, FastAPI),
        workers=settings.workers,
        host=settings.host,
        log_config=log_config(settings),
        log_level=settings.log_level,
        access_log=False,  # its lines hold addresses; `watch` has lines without
        http=RequestProtocol,
        ws=SocketProtocol,
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,  # costs more time than it saves bytes
        timeout_graceful_shutdown=STOPPING_S,
        server_header=False,
    )


class _Server(uvicorn.Server):
    """Says where it listens, once it does."""

    def __init__(self, config: uvicorn.Config, settings: Settings, link: str) -> None:
        super().__init__(config)
        self._settings = settings
        self._link = link

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit or not sockets:
            return
        announce(sockets[0], self._settings, self._link)


def announce(listener: socket.socket, settings: Settings, link: str = "") -> None:
    """Prints the address, once, and opens a browser where a person sits."""
    url = url_of(listener, settings.host)
    url += f"/{link}" if link else ""
    for problem in shelf_of(settings.lessons).problems:
        typer.echo(f"A lesson is left out: {problem}", err=True)
    typer.echo(f"Rhoscope is running at {url} (stop with Ctrl+C)")
    if settings.host in EVERY_NETWORK:
        _warn_of_every_network(listener)
    sys.stdout.flush()
    open_browser(url, settings.open)


def _warn_of_every_network(listener: socket.socket) -> None:
    address = lan_address()
    if address is not None:
        typer.echo(f"In this network: http://{address}:{listener.getsockname()[1]}")
    typer.echo(
        "Warning: everyone who can reach this machine can use it; there is no password.", err=True
    )
