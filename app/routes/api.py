"""GET /healthz, GET /api/schema and POST /api/run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import __version__
from app.errors import Error, refusal
from app.house import House, house_of
from app.limits import check_limits
from app.protocol import read_experiment
from app.schema import published_schema
from app.settings import flag
from app.whole_run import FileResponse, whole_run

Served = Annotated[House, Depends(house_of)]

BODY = {"$ref": "#/components/schemas/Experiment"}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": text}
    for status, text in {
        403: "A foreign Origin or Host",
        413: "The body is too large",
        422: "The document is wrong, or over a limit",
        503: "Every seat is taken",
    }.items()
}


def add_to(app: FastAPI) -> None:
    """Adds these routes to `app`."""
    app.add_api_route("/healthz", health)
    app.add_api_route("/api/schema", schema)
    file = {
        "description": "Every tensor, as one safetensors file",
        "content": {"application/octet-stream": {}},
    }
    app.add_api_route(
        "/api/run",
        run,
        methods=["POST"],
        response_class=Response,
        responses=REFUSALS | {200: file},
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": BODY}}}},
    )


async def health(house: Served) -> dict[str, str | int]:
    """Whether the server is up, and how many it serves."""
    return {
        "status": "ok",
        "version": __version__,
        "device": house.device,
        "sessions": house.seats.taken,
    }


async def schema() -> JSONResponse:
    """JSON Schema of the Experiment, and in `$defs` of every message of the socket."""
    return JSONResponse(published_schema())


async def run(request: Request, house: Served) -> Response:
    """Runs an Experiment. `__metadata__.done` of the answer holds timings, notes and verdict."""
    with ExitStack() as taken:
        taken.enter_context(house.seats.seat())
        body = await _body(request, house.settings.max_message_bytes)
        experiment = read_experiment(body)
        cost = check_limits(experiment, None, house.settings)
        frame, done = await whole_run(house.workshop, experiment, cost, request, taken)
        # Seat and memory are given back when the answer has left.
        return FileResponse(frame, done, taken.pop_all(), house.settings.send_timeout_s)


async def _body(request: Request, limit: int) -> bytes:
    """The request's body. Raises a `Refusal` (413) as soon as it is longer than `limit`."""
    body = bytearray()
    announced = request.headers.get("content-length", "0")
    too_long = announced.isdecimal() and int(announced) > limit
    if not too_long:
        async for piece in request.stream():
            body += piece
            too_long = len(body) > limit
            if too_long:
                break
    if too_long:
        raise refusal(
            "over_limit",
            "the request",
            "is too long",
            got=max(int(announced) if announced.isdecimal() else 0, len(body)),
            expected=f"at most {limit} bytes",
            advice=f"Start the server with {flag('max_message_bytes')} to raise the limit.",
            status=413,
        )
    return bytes(body)
