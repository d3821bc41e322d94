"""GET /api/lessons and GET /api/lessons/{name}: what was read when the server started."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.responses import Response

from app.errors import Error, refusal
from app.house import House, house_of
from app.lessons import Lesson, LessonEntry

Served = Annotated[House, Depends(house_of)]

FRESH = {"Cache-Control": "no-cache"}


def add_to(app: FastAPI) -> None:
    """Adds these routes to `app`."""
    app.add_api_route("/api/lessons", entries)
    unknown = {"model": Error, "description": "No lesson has this name"}
    app.add_api_route("/api/lessons/{name}", lesson, responses={404: unknown})


async def entries(house: Served, response: Response) -> list[LessonEntry]:
    """The lessons, in their order."""
    response.headers.update(FRESH)
    return house.lessons.entries


async def lesson(name: str, house: Served, response: Response) -> Lesson:
    """One lesson, whole: its prose as clean HTML, and a complete link for every step."""
    response.headers.update(FRESH)
    found = house.lessons.find(name)
    if found is None:
        raise refusal(
            "not_found",
            "the lesson",
            "is not known",
            got=name,
            expected="a name of /api/lessons",
            advice="Start the server with --lessons DIR to add your own.",
        )
    return found
