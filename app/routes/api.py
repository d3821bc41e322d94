"""GET /healthz, GET /api/schema and POST /api/run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import __version__
from app.errors import Error
from app.frames import Frame
from app.house import House, house_of
from app.limits import check_limits, check_lists
from app.protocol import Done, read_experiment
from app.routes.bodies import body_of
from app.schema import published_schema
from app.whole_run import HeldResponse, run_file, whole_run

Served = Annotated[House, Depends(house_of)]

BODY = {"$ref": "#/components/schemas/Experiment"}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": text}
    for status, text in {
        403: "A foreign Origin or Host",
        404: "A file that is named is not here",
        408: "The body takes too long to arrive",
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
        with house.metrics.refusals("file"):
            frame, done = await _run(request, house, taken)
        # Seat and memory are given back when the answer has left.
        parts = run_file(frame, done)
        return HeldResponse(parts, taken.pop_all(), house.settings.send_timeout_s)


async def _run(request: Request, house: House, taken: ExitStack) -> tuple[Frame, Done]:
    body = await body_of(request, house.settings, limit="max_message_bytes")
    house.workshop.tidier.after_text(len(body))
    check_lists(body, house.settings)
    experiment = read_experiment(body)
    cost = check_limits(experiment, None, house.settings)
    taken.callback(house.workshop.tidier.after_run, cost.memory_bytes)
    return await whole_run(house.workshop, experiment, cost, request, taken)
