"""WS /api/stream: the live run."""

from __future__ import annotations

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from app.errors import Refusal
from app.house import house_of
from app.session import Session

TRY_AGAIN_LATER = 1013  # close code of RFC 6455's registry


def routes() -> list[WebSocketRoute]:
    """The one socket."""
    return [WebSocketRoute("/api/stream", stream)]


async def stream(websocket: WebSocket) -> None:
    """Accepts the socket and serves it until it closes. `Guard` has checked its Origin."""
    house = house_of(websocket)
    await websocket.accept()
    try:
        with house.seats.seat():
            session = Session(websocket, house.workshop, house.settings)
            await session.serve(house.hello)
    except Refusal as refused:
        await websocket.send_text(refused.error.model_dump_json())
        await websocket.close(TRY_AGAIN_LATER, refused.error.code)
