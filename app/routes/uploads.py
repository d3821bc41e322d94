"""POST /api/files and GET /api/files/{hash}: files that people bring along."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.file_formats import OPENING_BYTES
from app.found import FoundFile, found_file
from app.house import House, house_of
from app.routes.api import REFUSALS
from app.routes.bodies import body_of

Served = Annotated[House, Depends(house_of)]

BODY = {"schema": {"type": "string", "format": "binary"}}


def add_to(app: FastAPI) -> None:
    """Adds these routes to `app`."""
    answers = REFUSALS | {200: {"model": FoundFile, "description": "What was found"}}
    content: dict[str, Any] = {"content": {"application/octet-stream": BODY}}
    app.add_api_route(
        "/api/files",
        upload,
        methods=["POST"],
        response_class=Response,
        responses=answers,
        openapi_extra={"requestBody": content},
    )
    app.add_api_route("/api/files/{digest}", found, response_class=Response, responses=answers)


async def upload(request: Request, house: Served) -> Response:
    """Keeps a file, safetensors, npz, npy, JSON or CSV, and says what was found in it."""
    with house.seats.seat():
        content = await body_of(request, house.settings, limit="max_upload_bytes")
        house.workshop.tidier.after_text(len(content))

        def keep() -> str:
            digest, opened = house.files.keep(content)
            return found_file(digest, opened, house.settings).model_dump_json()

        # Reading a file may take a second: in a thread, and its answer is written there too.
        told = await house.workshop.in_thread(keep, memory_bytes=OPENING_BYTES)
        house.metrics.uploaded(len(content))
    return Response(told, media_type="application/json")


async def found(digest: str, house: Served) -> Response:
    """What was found in a file that was uploaded before."""
    with house.seats.seat():

        def look() -> str:
            return found_file(digest, house.files.find(digest), house.settings).model_dump_json()

        told = await house.workshop.in_thread(look, memory_bytes=OPENING_BYTES)
    return Response(told, media_type="application/json")
