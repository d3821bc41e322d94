"""uvicorn's protocols, with an end for readers that have stopped reading.

Closing a transport waits until everything written has left, which for a stalled reader is never:
its memory would stay taken, and the server would not stop.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GRACE_S = 0.25  # for a close frame to leave
ABORT = "rhoscope.abort"  # in a request's scope


class SocketProtocol(WebSocketsSansIOProtocol):
    """Aborts a connection that has not closed shortly after it was told to."""

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if self.close_timer is None:  # else a closing handshake is under way, with its own limit
            self._abort_soon()

    def shutdown(self) -> None:
        super().shutdown()
        self._abort_soon()

    def _abort_soon(self) -> None:
        if not self.disconnected:
            self.loop.call_later(GRACE_S, self.transport.abort)


class RequestProtocol(HttpToolsProtocol):
    """Lets a response abort its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}


def abort(scope: Scope) -> None:
    """Ends the connection of a request at once; what has not left is lost."""
    extension: dict[str, Callable[[], None]] = scope.get("extensions", {}).get(ABORT, {})
    if "now" in extension:
        extension["now"]()
