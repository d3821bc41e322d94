"""The body of a request, bounded in length and time."""

from __future__ import annotations

import asyncio
from typing import Literal

from starlette.requests import ClientDisconnect, Request

from app.errors import Refusal, refusal
from app.settings import Settings, flag
from app.whole_run import ClientLeft

BodyLimit = Literal["max_message_bytes", "max_upload_bytes"]


async def body_of(request: Request, settings: Settings, *, limit: BodyLimit) -> bytes:
    """The request's body. Raises a `Refusal` as soon as it is too long, or takes too long."""
    most: int = getattr(settings, limit)
    announced = request.headers.get("content-length", "0")
    length = int(announced) if announced.isdecimal() else 0
    body = bytearray()
    try:
        async with asyncio.timeout(settings.send_timeout_s):
            if length <= most:
                async for piece in request.stream():
                    body += piece
                    if len(body) > most:
                        break
    except TimeoutError:
        raise _too_slow(len(body), settings) from None
    except ClientDisconnect:
        raise ClientLeft from None
    if max(length, len(body)) > most:
        raise refusal(
            "over_limit",
            "the request",
            "is too long",
            got=max(length, len(body)),
            expected=f"at most {most} bytes",
            advice=f"Start the server with {flag(limit)} to raise the limit.",
            status=413,
        )
    return bytes(body)


def _too_slow(received: int, settings: Settings) -> Refusal:
    return refusal(
        "over_limit",
        "the request",
        "takes too long",
        got=f"{received} bytes in {settings.send_timeout_s:g} s",
        expected="all of them by then",
        advice=f"Start the server with {flag('send_timeout_s')} to raise the limit.",
        status=408,
    )
