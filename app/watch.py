"""Sees every request and socket from outside: names its session, counts its bytes, logs its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import session
from app.metrics import Channel, Metrics
from app.root_path import without_prefix

log = logging.getLogger("app")

QUIET = {"/healthz", "/metrics"}  # asked for again and again by machines
FILES = ("{name}", "{name:path}")  # of the page, some seventy each time it is opened


class Watch:
    """ASGI middleware. A line names the route, never the path: that may hold what somebody made."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, routes: Iterable[BaseRoute], prefix: str
    ) -> None:
        self.app = app
        self._metrics = metrics
        self._routes = routes
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        channel: Channel = "socket" if scope["type"] == "websocket" else "http"
        status, sent, begin = 0, 0, time.monotonic()

        async def count(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            text = message.get("text")
            size = len(
                text.encode() if text else message.get("bytes") or message.get("body") or b""
            )
            sent += size
            if size:
                self._metrics.sent(channel, size)
            await send(message)

        with session():
            if channel == "socket":
                log.info("socket opens")
            try:
                await self.app(scope, receive, count)
            finally:
                self._tell(scope, status, sent, time.monotonic() - begin)

    def _tell(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        if not log.isEnabledFor(logging.INFO):
            return
        route = self._route(scope["path"])
        told = {"route": route, "status": status, "seconds": round(seconds, 4), "bytes": sent}
        if scope["type"] == "websocket":
            log.info("socket closed", extra=told)
        else:
            is_quiet = status < 400 and (route in QUIET or route.endswith(FILES))
            level = logging.DEBUG if is_quiet else logging.INFO
            log.log(level, "request", extra={"method": scope["method"], **told})

    def _route(self, path: str) -> str:
        path = without_prefix(path, self._prefix)
        for route in self._routes:
            regex = getattr(route, "path_regex", None)
            if regex is not None and regex.match(path):
                return str(getattr(route, "path", "unknown"))
        return "unknown"
