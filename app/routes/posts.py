"""POST /api/hello and POST /api/stream: the socket's messages, for where no socket gets through.

One message a request. Its answer are the letters that the socket would have sent, as they come, so
a client that reads as they arrive sees the same run grow.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import ExitStack
from typing import Annotated, Any, get_args

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.errors import refusal
from app.house import House, house_of
from app.limits import check_lists
from app.protocol import Cancel, Hello, read_message
from app.routes.api import REFUSALS
from app.routes.bodies import body_of
from app.session import Asked, Session
from app.transport import abort

Served = Annotated[House, Depends(house_of)]

TEXT, FRAME = 0, 1  # kinds of letters
HEAD = struct.Struct("<QQ")  # kind and length of a letter, before its bytes

LETTERS = "application/x-rhoscope-letters"
# A proxy that collects an answer before it hands it on would show nothing until the end.
AT_ONCE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def add_to(app: FastAPI) -> None:
    """Adds these routes to `app`."""
    answer = {"description": "Letters: kind and length, each 8 bytes little-endian, then the bytes"}
    names = (model.__name__ for model in get_args(Asked))
    asks = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}
    content: dict[str, Any] = {"application/json": {"schema": asks}}
    app.add_api_route("/api/hello", hello, methods=["POST"], responses=REFUSALS)
    app.add_api_route(
        "/api/stream",
        stream,
        methods=["POST"],
        response_class=Response,
        responses=REFUSALS | {200: answer | {"content": {LETTERS: {}}}},
        openapi_extra={"requestBody": {"content": content}},
    )


async def hello(house: Served) -> Hello:
    """What the socket says first. A POST, so that who may not use the server is told here."""
    return house.hello


async def stream(request: Request, house: Served) -> Response:
    """Answers one message of the socket; closing the connection stops it.

    A letter is 16 bytes, kind (0: JSON text, 1: a frame, which is a safetensors file) and length,
    and then its content. The last one is `done` or `error`.
    """
    with ExitStack() as taken:
        taken.enter_context(house.seats.seat())
        with house.metrics.refusals("run"):
            body = await body_of(request, house.settings, limit="max_message_bytes")
            house.workshop.tidier.after_text(len(body))
            check_lists(body, house.settings)
            message = read_message(body)
        if isinstance(message, Cancel):
            raise refusal(
                "invalid_field",
                "type",
                "has no meaning here",
                got="cancel",
                expected="a message that asks for something",
                advice="Close the connection of what is to be stopped.",
                field="type",
            )
        return LetterResponse(message, house, taken.pop_all())


class LetterResponse(Response):
    """A session that lasts for one message."""

    def __init__(self, message: Asked, house: House, taken: ExitStack) -> None:
        super().__init__(media_type=LETTERS, headers=AT_ONCE)
        del self.headers["content-length"]
        self._message = message
        self._house = house
        self._taken = taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        with self._taken:
            await send({"type": "http.response.start", **start})
            line = _Line(receive, send)
            await Session(line, self._house.workshop, self._house.settings).serve(self._message)
            if not line.is_ended:
                abort(scope)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Line:
    """The answer to a POST, as a session knows a socket."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._ended = asyncio.Event()

    @property
    def is_ended(self) -> bool:
        """Whether the message's end has left."""
        return self._ended.is_set()

    async def receive(self) -> Message:
        """Says that the client has left, once it has or once the end is sent."""
        leaving = asyncio.create_task(self._left())
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait((leaving, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            ending.cancel()
        return {"type": "websocket.disconnect"}

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def send_bytes(self, data: bytes) -> None:
        """Sends a frame."""
        await self._letter(FRAME, data)

    async def send_text(self, data: str) -> None:
        """Sends a message. There is one of them, the end."""
        await self._letter(TEXT, data.encode())
        self._ended.set()

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Ends the answer."""
        self._ended.set()

    async def _letter(self, kind: int, content: bytes) -> None:
        letter = HEAD.pack(kind, len(content)) + content
        await self._send({"type": "http.response.body", "body": letter, "more_body": True})
