"""Several server processes on one port, watched and restarted by uvicorn's supervisor.

They share nothing but the listening socket, and a folder where each keeps its counts: the document
is the whole state, so any worker can answer any client.
"""

from __future__ import annotations

import os
import socket
import tempfile
from functools import partial

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess

from app.metrics import FOLDER_VARIABLE
from app.running import announce, server_config
from app.server import create_app
from app.settings import Settings

STARTING_S = 60  # for a worker that loads torch from a slow disk


def serve_with_workers(settings: Settings, listener: socket.socket, link: str = "") -> int:
    """Serves on `listener` with `settings.workers` processes until Ctrl+C or SIGTERM.

    `link` is opened first.

    Returns:
        The exit code: 0, or 1 where a worker could not start.

    Raises:
        ValueError, MissingAsset: as `create_app`.
    """
    create_app(settings).state.house.workshop.close()  # what is wrong is said once, and here
    shared = settings.model_copy(
        update={"max_jobs": max(1, settings.max_jobs // settings.workers), "workers": 1}
    )
    config = server_config(partial(create_app, shared), settings)
    supervisor = _Supervisor(config, settings, listener, link)
    with tempfile.TemporaryDirectory(prefix="rhoscope-metrics-") as counts:
        os.environ[FOLDER_VARIABLE] = counts  # the workers inherit it
        supervisor.run()
    return 0 if supervisor.was_asked_to_stop else 1


class _Supervisor(Multiprocess):
    """Says where it listens, once the first worker does."""

    def __init__(
        self, config: uvicorn.Config, settings: Settings, listener: socket.socket, link: str
    ) -> None:
        super().__init__(config, [listener])
        self.was_asked_to_stop = False
        self._settings = settings
        self._link = link
        self._is_announced = False

    def keep_subprocess_alive(self) -> None:
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            # What it counted stays; what it had under way does not.
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
        if not self._is_announced and any(process.is_ready() for process in self.processes):
            self._is_announced = True
            announce(self.sockets[0], self._settings, self._link)

    def handle_int(self) -> None:
        super().handle_int()
        self.was_asked_to_stop = True

    def handle_term(self) -> None:
        super().handle_term()
        self.was_asked_to_stop = True
