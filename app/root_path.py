"""Being served under a prefix, whether the proxy strips it or not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def prefix_of(root_path: str, own_names: Iterable[str]) -> str:
    """The prefix that `root_path` names, without a slash at its end; "" for none.

    Args:
        root_path: as it was given.
        own_names: the first names of the server's own paths. A prefix that begins with one could
            not be told from them where the proxy strips it.

    Raises:
        ValueError: it is no path, or begins with a name of the server's own.
    """
    prefix = root_path.rstrip("/")
    first = prefix.split("/")[1] if prefix.startswith("/") else ""
    if not PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        raise ValueError(
            f"root_path is not a path: got '{root_path}'; expected one such as /rhoscope, of "
            "letters, digits, '.', '_', '~' and '-'."
        )
    if first in set(own_names):
        raise ValueError(
            f"root_path begins like a path of the server's own: got '{root_path}'; expected "
            f"another first name than {first}."
        )
    return prefix


class RootPath:
    """ASGI middleware: a path with and without the prefix means the same, and `root_path` says it.

    ASGI's own convention is that `path` holds the prefix; what strips it for the router is
    Starlette.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self.prefix:
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == self.prefix and scope["type"] == "http":
            # The page's addresses are relative to its folder, so it must be one.
            await RedirectResponse(f"{self.prefix}/")(scope, receive, send)
            return
        full = self.prefix + without_prefix(path, self.prefix)
        await self.app({**scope, "root_path": self.prefix, "path": full}, receive, send)


def without_prefix(path: str, prefix: str) -> str:
    """The server's own path, whether a proxy has stripped the prefix or not."""
    return path[len(prefix) :] if path.startswith(f"{prefix}/") else path
