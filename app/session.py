"""One socket: reads messages, keeps the newest run alone, sends frames in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Literal, Protocol

from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from app.errors import Error, Refusal, refusal
from app.faults import refusal_of
from app.frames import Frame, encode
from app.limits import Cost, check_lists, cost_of
from app.measured_sizes import measured_sizes
from app.metrics import End
from app.outbox import Letter, Outbox, Work
from app.plan import AnyPlan, plan_of
from app.protocol import (
    Analyse,
    Cancel,
    Done,
    Hello,
    Measure,
    RefusedMessage,
    Run,
    Timings,
    read_message,
)
from app.settings import Settings, flag
from app.workshop import Workshop
from rnncore import (
    Cancelled,
)

log = logging.getLogger("app")

LARGEST_PARCEL = 2**19  # bytes that a short run may hold back until its end
TOO_LARGE = 1009  # close codes of RFC 6455
RESENT_ONLY_IF_CHANGED = {"weights", "matrix", "inputs", "tokens", "spectrum", "closed_loop"}


Asked = Run | Analyse | Measure  # what a message may ask for


class Line(Protocol):
    """What a session needs of a socket."""

    async def receive(self) -> Message: ...

    async def send_text(self, data: str) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


class Session:
    """The state of one socket.

    `_active` is the newest run until its end has left; an older one is ended the moment a newer
    one arrives. `_worker` is the thread that computes; the next run starts when it is free, so a
    session never has two.
    """

    def __init__(self, websocket: Line, workshop: Workshop, settings: Settings) -> None:
        self._websocket = websocket
        self._workshop = workshop
        self._metrics = workshop.metrics
        self._settings = settings
        self._outbox = Outbox()
        self._active: Work | None = None
        self._worker: asyncio.Future[None] | None = None
        self._last_id = -1
        self._sent: dict[str, bytes] = {}  # kind → digest of its last frame on this socket

    async def serve(self, first: Hello | Asked) -> None:
        """Runs until the client leaves, or takes nothing for too long.

        `first` is what it begins with: a greeting, or a message that came with the connection.
        """
        if isinstance(first, Hello):
            self._outbox.post(Letter(first.model_dump_json()))
        else:
            self._begin(first)
        tasks = {asyncio.create_task(self._read()), asyncio.create_task(self._send())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._active is not None:
                self._active.stop()
                self._outbox.wake()
                self._metrics.ended(self._active.kind, "left")
                self._active = None
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled() and task.exception() is not None:
                    log.error("a session failed", exc_info=task.exception())
            if self._worker is not None:
                await asyncio.wait([self._worker])

    # Reading

    async def _read(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if len(text or message.get("bytes") or "") > self._settings.max_message_bytes:
                await self._websocket.close(TOO_LARGE, flag("max_message_bytes"))
                return
            if text is None:
                self._refuse(_not_text(message.get("bytes") or b""), is_run=False)
            else:
                self._take(text)
                self._workshop.tidier.after_text(len(text))
            await self._outbox.roomy()

    def _take(self, text: str) -> None:
        try:
            check_lists(text, self._settings)
            message = read_message(text)
        except Refusal as refused:
            is_run = isinstance(refused, RefusedMessage) and refused.is_run
            if is_run:
                self._metrics.ended("run", "refused")
            self._refuse(refused, is_run=is_run)
            return
        if isinstance(message, Cancel):
            if self._active is not None and self._active.id == message.id:
                self._end_early(self._active, "cancelled")
            return
        self._begin(message)

    def _begin(self, message: Asked) -> None:
        try:
            if message.id <= self._last_id:
                raise _not_a_new_id(message.id, self._last_id)
            plan, cost = _plan_and_cost(message, self._settings)
        except Refusal as refused:
            self._metrics.ended(message.type, "refused")
            self._refuse(Refusal(refused.for_run(message.id)), is_run=True)
            return
        self._supersede(message.id)
        self._active = Work(message.id, message.experiment, plan, cost, message.type)
        self._start()

    def _refuse(self, refused: Refusal, *, is_run: bool) -> None:
        """Sends the error; a refused run with a new id is that run's end, and the newest run."""
        error = refused.error
        if error.id is None or error.id <= self._last_id:
            error = refused.for_run(None)  # an id that is taken belongs to another run
        elif is_run:
            self._supersede(error.id)
        self._outbox.post(Letter(error.model_dump_json()))

    def _supersede(self, run_id: int) -> None:
        self._last_id = run_id
        if self._active is not None:
            self._end_early(self._active, "superseded")

    def _end_early(self, work: Work, status: Literal["superseded", "cancelled"]) -> None:
        work.stop()
        self._outbox.drop(work)
        self._metrics.ended(work.kind, status)
        self._outbox.post(Letter(Done(id=work.id, status=status).model_dump_json()))
        self._active = None

    # Computing

    def _start(self) -> None:
        """Hands the newest run to a thread, unless the one before still holds it."""
        work = self._active
        if work is None or work.is_started or self._worker is not None:
            return
        work.is_started = True
        loop = asyncio.get_running_loop()
        self._worker = self._workshop.in_pool(lambda: self._compute(work, loop))
        self._worker.add_done_callback(lambda _: self._worker_is_free(work))

    def _worker_is_free(self, work: Work) -> None:
        self._worker = None
        self._workshop.tidier.after_run(work.cost.memory_bytes)
        self._start()

    def _compute(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        """On the worker's thread: computes, encodes and posts until done or told to stop."""
        end: Done | Error
        parcel = _Parcel(loop, self._post_if_active, is_held=work.plan.is_at_once)
        items = self._workshop.frames(work.experiment, work.plan, work.is_stopped)
        try:
            with (
                self._workshop.memory.share(work.cost.memory_bytes, work.is_stopped),
                closing(items),
            ):
                for item in items:
                    if isinstance(item, Done):
                        end = item.model_copy(update={"id": work.id})
                    elif not self._offer(work, item, parcel):
                        raise Cancelled
        except Cancelled:
            parcel.post()  # nobody gets them; the room they take is given back
            return
        except Exception as fault:
            end = refusal_of(fault).for_run(work.id)
        parcel.add(Letter(end.model_dump_json(), work, end=end))
        parcel.post()

    def _offer(self, work: Work, frame: Frame, parcel: _Parcel) -> bool:
        """Posts a frame once there is room for it; false if the run is stopped instead."""
        changes_seldom = frame.kind in RESENT_ONLY_IF_CHANGED
        # Nothing of an older run is left in the outbox, so what was sent last is known for sure.
        if changes_seldom and self._sent.get(frame.kind) == frame.digest:
            return True
        payload = encode(frame, str(work.id))
        if not self._outbox.wait_for_room(work, len(payload)):
            return False
        digest = frame.digest if changes_seldom else b""
        parcel.add(Letter(payload, work, kind=frame.kind, digest=digest))
        return True

    def _post_if_active(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            if letter.work is self._active:
                self._outbox.post(letter)
                if letter.end is not None and letter.work is not None:
                    self._metrics.ended(letter.work.kind, *_counted(letter.end))
            else:
                self._outbox.has_left(letter)

    # Sending

    async def _send(self) -> None:
        while True:
            letter = await self._outbox.next()
            if letter.end is not None and letter.work is self._active:
                self._active = None
            if letter.digest:
                self._sent[letter.kind] = letter.digest
            try:
                async with asyncio.timeout(self._settings.send_timeout_s):
                    if isinstance(letter.payload, bytes):
                        await self._websocket.send_bytes(letter.payload)
                    else:
                        await self._websocket.send_text(letter.payload)
            except TimeoutError:
                log.warning("a reader took nothing for too long and is dropped")
                return
            except (WebSocketDisconnect, RuntimeError):
                return  # the client has left; RuntimeError: the socket is closed already
            finally:
                self._outbox.has_left(letter)


class _Parcel:
    """A worker's letters on their way to the event loop: each at once, or held for one trip.

    Each trip wakes the loop, which then takes turns with the worker: for a run of a millisecond
    that costs more than the run.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[Sequence[Letter]], None],
        *,
        is_held: bool,
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._is_held = is_held
        self._letters: list[Letter] = []
        self._held_bytes = 0

    def add(self, letter: Letter) -> None:
        self._letters.append(letter)
        self._held_bytes += len(letter.payload)
        # Room in the outbox is given back only by letters that have left.
        if not self._is_held or self._held_bytes > LARGEST_PARCEL:
            self.post()

    def post(self) -> None:
        letters, self._letters, self._held_bytes = self._letters, [], 0
        self._loop.call_soon_threadsafe(self._deliver, letters)


def _plan_and_cost(message: Asked, settings: Settings) -> tuple[AnyPlan, Cost]:
    if isinstance(message, Measure):
        return measured_sizes(message, settings)
    return plan_of(message), cost_of(message, settings)


def _counted(end: Done | Error) -> tuple[End, Timings | None]:
    """How a run ended, and how long its phases took."""
    if isinstance(end, Done):
        return end.status, end.timings
    return ("failed" if end.code == "internal" else "refused"), None


def _not_text(data: bytes) -> Refusal:
    return refusal(
        "not_text",
        "the message",
        "is binary",
        got=f"{len(data)} bytes",
        expected="JSON as a text message",
    )


def _not_a_new_id(run_id: int, last_id: int) -> Refusal:
    return refusal(
        "invalid_field",
        "id",
        "is not new",
        got=run_id,
        expected=f"more than {last_id}",
        advice="Number the runs of a socket upwards.",
        field="id",
    )
