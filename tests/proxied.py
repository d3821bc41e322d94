"""A real nginx in front of a server, with the lines of the documentation or others."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.serving import ROOT

# Debian has it where only root looks.
PLACES = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/opt/homebrew/bin"
NGINX = os.environ.get("RHOSCOPE_NGINX") or shutil.which("nginx", path=PLACES)
GUIDE = ROOT / "docs" / "running-for-a-class.md"
READY = "start worker processes"
STOPPING_S = 15

CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {before}
    server {{
        listen 127.0.0.1:{port};
        {locations}
    }}
}}
"""


def blocks_of_the_guide() -> list[str]:
    """The nginx lines of the documentation: for the http block, a stripped and a kept prefix."""
    return re.findall(r"^```nginx\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


class Nginx:
    """An nginx that hands on what `locations` say, from its entering to its leaving.

    Args:
        locations: the lines of its server block; 127.0.0.1:8000 in them is the server's address.
        port: of the server behind it.
        before: lines of its http block.
    """

    def __init__(self, locations: str, port: int, *, before: str = "") -> None:
        self._lines = locations.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        self._before = before
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        if NGINX is None:
            raise RuntimeError("nginx is missing: scripts/ensure_nginx.sh says how to get it")
        self._folder = tempfile.TemporaryDirectory(prefix="rhoscope-nginx-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        file = Path(self._folder.name) / "nginx.conf"
        file.write_text(
            CONFIGURATION.format(
                folder=self._folder.name,
                user="user root;" if os.getuid() == 0 else "",
                before=self._before,
                port=port,
                locations=self._lines,
            )
        )
        process = subprocess.Popen(
            [NGINX, "-p", self._folder.name, "-c", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        heard: list[str] = []
        for line in process.stderr:  # it listens before it says so
            heard.append(line)
            if READY in line:
                break
        else:
            process.wait()
            self._folder.cleanup()
            raise RuntimeError(f"nginx did not start:\n{''.join(heard)}")
        self._process = process
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=STOPPING_S)
        self._folder.cleanup()
