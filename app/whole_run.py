"""A run whose answer is one file: POST /api/run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.experiment import Experiment
from app.faults import refusal_of
from app.frames import Array, Frame, pieces
from app.limits import Cost
from app.outbox import Work
from app.plan import Plan
from app.protocol import Done
from app.transport import abort
from app.workshop import Workshop
from rnncore import (
    Cancelled,
)

log = logging.getLogger("app")

PIECE_BYTES = 2**20


class ClientLeft(Exception):
    """The client closed the connection before the answer was there."""


async def whole_run(
    workshop: Workshop, experiment: Experiment, cost: Cost, request: Request, held: ExitStack
) -> tuple[Frame, Done]:
    """Every tensor of a run, and its end; `held` gives their memory back when it is closed.

    Raises a `Refusal`, or `ClientLeft`.
    """
    work = Work(0, experiment, Plan.whole(experiment.steps), cost)
    computing = workshop.in_pool(partial(_compute, workshop, work, held))
    leaving = asyncio.create_task(_has_left(request))
    try:
        await asyncio.wait((computing, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.stop()
        leaving.cancel()
    try:
        frame, done = await computing
    except Cancelled:
        workshop.metrics.ended("file", "left")
        raise ClientLeft from None
    workshop.metrics.ended("file", "complete", done.timings)
    return frame, done


def _compute(workshop: Workshop, work: Work, held: ExitStack) -> tuple[Frame, Done]:
    tensors: dict[str, Array] = {}
    texts: dict[str, str] = {}
    try:
        held.enter_context(workshop.memory.share(work.cost.memory_bytes, work.is_stopped))
        for item in workshop.frames(work.experiment, work.plan, work.is_stopped):
            if isinstance(item, Done):
                done = item
            else:
                tensors |= item.tensors
                texts |= item.texts
        return Frame("run", 0, work.experiment.steps, tensors, texts=texts), done
    except Cancelled:
        raise
    except Exception as fault:
        raise refusal_of(fault) from None


async def _has_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def run_file(frame: Frame, done: Done) -> list[bytes | memoryview]:
    """A run and its end as the parts of one safetensors file, tensor memory uncopied."""
    return list(pieces(frame, "", {"done": done.model_dump_json()}))


class HeldResponse(Response):
    """Sends a file in parts, and gives back what it holds; a reader that stalls is dropped."""

    media_type = "application/octet-stream"

    def __init__(
        self, parts: Sequence[bytes | memoryview], held: ExitStack, send_timeout_s: float
    ) -> None:
        size = sum(len(part) for part in parts)
        super().__init__(headers={"Content-Length": str(size), "Cache-Control": "no-store"})
        self._parts = parts
        self._held = held
        self._send_timeout_s = send_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        with self._held:
            await send({"type": "http.response.start", **start})
            try:
                for part in _small(self._parts):
                    async with asyncio.timeout(self._send_timeout_s):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
            except TimeoutError:
                log.warning("a reader took nothing for too long and is dropped")
                abort(scope)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _small(parts: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    for part in parts:
        for start in range(0, len(part), PIECE_BYTES):
            yield bytes(part[start : start + PIECE_BYTES])
