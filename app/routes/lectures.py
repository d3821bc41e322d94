"""POST /api/lecture: an offline file; first how far it is, then its size, then its bytes."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from app.experiment import Experiment
from app.faults import refusal_of
from app.frames import Frame
from app.grid import over_from, radii_from, with_own
from app.house import House, house_of
from app.lecture import Lecture, Source, in_short, lecture, wants_of
from app.lecture_wish import LectureWish
from app.limits import Cost, check_limits, check_lists
from app.link import view_parts
from app.offline_page import shell_of
from app.plan import AnyPlan
from app.protocol import Done
from app.recording import Scene, Wish
from app.refusals import from_validation
from app.routes.api import REFUSALS
from app.routes.bodies import body_of
from app.transport import abort
from rnncore import Cancelled

log = logging.getLogger("app")

Served = Annotated[House, Depends(house_of)]
BODY = {"$ref": "#/components/schemas/LectureWish"}
PIECE_BYTES = 2**20


def add_to(app: FastAPI) -> None:
    """Adds this route to `app`."""
    file = {
        "description": "Lines of JSON: {done, of, bytes} after each run, then {size, contains}, "
        "and after it the file's `size` bytes; or an error",
        "content": {"application/octet-stream": {}},
    }
    app.add_api_route(
        "/api/lecture",
        make,
        methods=["POST"],
        response_class=Response,
        responses=REFUSALS | {200: file},
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": BODY}}}},
    )


async def make(request: Request, house: Served) -> Response:
    """Records runs of an Experiment into one HTML file that needs no server. The answer begins with
    lines that say how far it is, the last of them its size: whoever leaves stops it."""
    with ExitStack() as taken:
        taken.enter_context(house.seats.seat())
        body = await body_of(request, house.settings, limit="max_message_bytes")
        house.workshop.tidier.after_text(len(body))
        check_lists(body, house.settings)
        try:
            asked = LectureWish.model_validate_json(body)
        except ValidationError as error:
            raise from_validation(error) from None
        check_limits(asked.experiment, None, house.settings)
        job = _Job(house, asked, asyncio.get_running_loop())
        return _Patient(job.lines(request, taken.pop_all()), house.settings.send_timeout_s)


class _Patient(StreamingResponse):
    """Sends parts as they come, through proxies too; a reader that stalls is dropped."""

    media_type = "application/octet-stream"

    def __init__(self, parts: AsyncIterator[bytes], send_timeout_s: float) -> None:
        super().__init__(parts, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._send_timeout_s = send_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def patient(message: Message) -> None:
            async with asyncio.timeout(self._send_timeout_s):
                await send(message)

        try:
            await super().__call__(scope, receive, patient)
        except TimeoutError:
            log.warning("a reader took nothing for too long and is dropped")
            abort(scope)


class _Job:
    """One file on its way: made in a thread, told of on the event loop."""

    def __init__(self, house: House, asked: LectureWish, loop: asyncio.AbstractEventLoop) -> None:
        self._house = house
        self._asked = asked
        self._loop = loop
        self._stop = threading.Event()
        self._told: asyncio.Queue[bytes | None] = asyncio.Queue()
        scene = Scene(asked.experiment, view_parts(asked.hash))
        title = asked.title or in_short(asked.experiment)
        self._source = Source((scene,), title, asked.hash, asked.live or None)
        second = over_from(asked.over) if asked.over else None
        self._wish = Wish(
            (scene,),
            radii_from(asked.rho_values) if asked.rho_values else None,
            with_own(second, asked.experiment) if second else None,
            wants_of(asked.views),
        )

    async def lines(self, request: Request, taken: ExitStack) -> AsyncIterator[bytes]:
        """What is told, then the file. Ends the work where its reader has left."""
        with taken:
            making = self._loop.run_in_executor(self._house.workshop.pool, self._make)
            making.add_done_callback(lambda _: self._told.put_nowait(None))
            try:
                while (line := await self._told.get()) is not None:
                    if await request.is_disconnected():
                        return
                    yield line
                made = making.result()
                if isinstance(made, Lecture):
                    size = len(made.content)
                    yield _line({"size": size, "contains": list(made.contains)})
                    for start in range(0, size, PIECE_BYTES):
                        yield made.content[start : start + PIECE_BYTES]
                elif made is not None:
                    yield made
            finally:
                self._stop.set()
                await asyncio.wait([making])

    def _make(self) -> Lecture | bytes | None:
        """On a thread: the file, or why there is none as a line; None where nobody waits for it."""
        house = self._house
        try:
            # What is recorded, once as it comes and once as it is put together.
            with house.workshop.memory.share(3 * self._asked.max_bytes, self._stop.is_set):
                return lecture(
                    *(self._source, self._wish, self._compute, house.settings, house.device),
                    shell_of(house.frontend, house.plotly.file),
                    max_bytes=self._asked.max_bytes,
                    on_progress=self._tell,
                    should_stop=self._stop.is_set,
                )
        except Cancelled:
            return None
        except Exception as fault:
            return _line(refusal_of(fault).error.model_dump())

    def _compute(self, experiment: Experiment, plan: AnyPlan, cost: Cost) -> Iterator[Frame | Done]:
        workshop, is_stopped = self._house.workshop, self._stop.is_set
        with workshop.memory.share(cost.memory_bytes, is_stopped):
            yield from workshop.frames(experiment, plan, is_stopped)

    def _tell(self, done: int, of: int, nbytes: int) -> None:
        line = _line({"done": done, "of": of, "bytes": nbytes})
        self._loop.call_soon_threadsafe(self._told.put_nowait, line)


def _line(told: dict[str, object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"
