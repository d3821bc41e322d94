"""POST /api/files and GET /api/files/{hash}: files that people bring along."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.requests import Request

from app.found import FoundFile, found_file
from app.house import House, house_of
from app.routes.api import REFUSALS
from app.routes.bodies import body_of

Served = Annotated[House, Depends(house_of)]

BODY = {"schema": {"type": "string", "format": "binary"}}


def add_to(app: FastAPI) -> None:
    """Adds these routes to `app`."""
    content: dict[str, Any] = {"content": {"application/octet-stream": BODY}}
    app.add_api_route(
        "/api/files",
        upload,
        methods=["POST"],
        responses=REFUSALS,
        openapi_extra={"requestBody": content},
    )
    app.add_api_route("/api/files/{digest}", found, responses=REFUSALS)


async def upload(request: Request, house: Served) -> FoundFile:
    """Keeps a file, safetensors, npz, npy, JSON or CSV, and says what was found in it."""
    with house.seats.seat():
        content = await body_of(request, house.settings, limit="max_upload_bytes")
        digest, opened = await _in_thread(house, lambda: house.files.keep(content))
        house.workshop.tidier.after_text(len(content))
        return found_file(digest, opened, house.settings)


async def found(digest: str, house: Served) -> FoundFile:
    """What was found in a file that was uploaded before."""
    with house.seats.seat():
        opened = await _in_thread(house, lambda: house.files.find(digest))
        return found_file(digest, opened, house.settings)


async def _in_thread(house: House, work: Any) -> Any:
    """Reading a file takes up to a second: not on the event loop."""
    return await asyncio.get_running_loop().run_in_executor(house.workshop.pool, work)
