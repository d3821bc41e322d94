"""Opening a browser: only where a person sits in front of this machine."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path

REMOTE = ("CI", "SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT", "KUBERNETES_SERVICE_HOST", "container")
CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


def has_person(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether a browser may open: a terminal, and not CI, SSH or a container."""
    if not is_terminal or any(environment.get(name) for name in REMOTE):
        return False
    if any(file.exists() for file in CONTAINER_FILES):
        return False
    if sys.platform.startswith("linux"):
        return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return True


def open_browser(url: str, wish: bool | None) -> None:
    """Opens `url` if it is wished, or if nothing was said and a person is there."""
    is_terminal = sys.stdout.isatty() and sys.stdin.isatty()
    if wish is False or (wish is None and not has_person(os.environ, is_terminal=is_terminal)):
        return
    # Some browsers return only when they are closed.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
