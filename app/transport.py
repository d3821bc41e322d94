"""uvicorn's WebSocket protocol, with an end for readers that have stopped reading.

Closing a transport waits until everything written has left, which for a stalled reader is never:
its memory would stay taken, and the server would not stop.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GRACE_S = 0.25  # for a close frame to leave


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
