"""Readers that leave, stall, dawdle or flood, over real sockets. Driven by events alone."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.outbox import MOST_WAITING_TEXTS, Letter, Outbox

from .scripted import (
    PATIENCE_S,
    ScriptedEngine,
    metadata,
    reader_of,
    run_message,
    waits,
)

STREAM = "ws://127.0.0.1/api/stream"
LIVE = 1  # steps of a run that waits; the engine is scripted so
QUICK = 2


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


def test_a_client_that_leaves_stops_its_computation(
    serve: Callable[..., Any], engine: ScriptedEngine
) -> None:
    running = serve(engine=engine)
    with connect(running.socket_url) as ws:
        ws.send(run_message(1, steps=LIVE))
        waits(engine.waiting)
    waits(engine.stopped)


def test_a_cable_that_is_cut_stops_the_computation(
    serve: Callable[..., Any], engine: ScriptedEngine
) -> None:
    running = serve(engine=engine)
    raw = slow_socket(running.port)
    send_masked(raw, run_message(1, steps=LIVE))
    waits(engine.waiting)
    raw.close()
    waits(engine.stopped)


def slow_socket(port: int) -> socket.socket:
    """A socket that has opened a stream and reads nothing of what comes."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(PATIENCE_S)
    raw.connect(("127.0.0.1", port))
    raw.sendall(
        b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % port
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += raw.recv(1)
    return raw


def send_masked(raw: socket.socket, text: str) -> None:
    """A client's text frame with the mask 0."""
    assert len(text) < 126
    raw.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode())


def test_a_slow_reader_slows_the_computation(serve: Callable[..., Any]) -> None:
    """400 frames of 1 MB: no more are made than fit into the outbox and the kernel's buffers."""
    engine = ScriptedEngine(frames=400, floats=2**18)
    running = serve(engine=engine)
    with connect(running.socket_url, max_queue=1, max_size=None) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send(run_message(1, steps=QUICK))
        received, ahead = 0, 0
        while isinstance(reader.message(), bytes):
            received += 1
            ahead = max(ahead, engine.made - received)
    assert received == 401
    assert 2 < ahead < 40


def test_a_reader_that_takes_nothing_can_still_ask_for_something_else(
    serve: Callable[..., Any],
) -> None:
    engine = ScriptedEngine(frames=400, floats=2**18)
    running = serve(engine=engine)
    with slow_socket(running.port) as raw:
        for run_id in range(5):
            send_masked(raw, run_message(run_id, steps=QUICK))
            waits(engine.begun)
            if run_id:
                waits(engine.stopped)
        assert engine.made < 400


def test_a_reader_that_takes_nothing_is_dropped(serve: Callable[..., Any]) -> None:
    engine = ScriptedEngine(frames=400, floats=2**18)
    running = serve(engine=engine, send_timeout_s=0.3)
    with slow_socket(running.port) as raw:
        send_masked(raw, run_message(1, steps=QUICK))
        waits(engine.stopped)
        assert is_cut(raw)


def is_cut(raw: socket.socket) -> bool:
    """Reads to the end: true if it came by itself, before the socket's patience did."""
    try:
        while raw.recv(2**20):
            pass
    except ConnectionError:
        return True
    return True


def test_two_thousand_runs_in_a_second_each_end_once_in_order(
    serve: Callable[..., Any], engine: ScriptedEngine
) -> None:
    running = serve(engine=engine)
    count = 2000
    with connect(running.socket_url, max_queue=None) as ws:
        reader = reader_of(ws)
        reader.text()
        for run_id in range(count):
            ws.send(run_message(run_id, steps=QUICK))
        ended = -1
        while ended < count - 1:
            message = reader.message()
            if isinstance(message, bytes):
                assert int(metadata(message)["id"]) == ended + 1, "a frame after its run's end"
            else:
                assert message["id"] == ended + 1
                ended += 1
        assert message["status"] == "complete"
        assert engine.most_computing == 1
        assert running.house.seats.taken == 1


def test_a_client_that_floods_and_never_reads_is_held_back(
    serve: Callable[..., Any], engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers don't pile up: the server stops reading, and then drops it."""
    waiting: list[int] = []
    post = Outbox.post

    def counted(self: Outbox, letter: Letter) -> None:
        post(self, letter)
        waiting.append(len(self._letters))

    monkeypatch.setattr(Outbox, "post", counted)
    running = serve(engine=engine, send_timeout_s=0.5)
    with slow_socket(running.port) as raw, pytest.raises(ConnectionError):
        flood(raw, run_message(0, steps=QUICK))
    assert MOST_WAITING_TEXTS <= max(waiting) < MOST_WAITING_TEXTS + 10
    with connect(running.socket_url) as ws:
        assert reader_of(ws).text()["type"] == "hello"


def flood(raw: socket.socket, message: str) -> None:
    for _ in range(10**6):
        send_masked(raw, message)


def read_for_ever(ws: ClientConnection) -> None:
    while True:
        ws.recv(timeout=PATIENCE_S)


def test_stopping_the_server_closes_open_sockets_with_1012(
    serve: Callable[..., Any], engine: ScriptedEngine
) -> None:
    running = serve(engine=engine)
    with connect(running.socket_url) as ws:
        ws.send(run_message(1, steps=LIVE))
        waits(engine.waiting)
        running.stop()
        waits(engine.stopped)
        with pytest.raises(ConnectionClosed) as closed:
            read_for_ever(ws)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
