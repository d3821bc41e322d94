"""The socket's messages by POST: the same letters, for where no socket gets through."""

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from safetensors.numpy import load
from starlette.testclient import TestClient

from .scripted import PATIENCE_S, FailingEngine, ScriptedEngine, metadata, run_message, waits
from .test_http import begin_post, connected, read_to_end

STREAM = "ws://127.0.0.1/api/stream"
LIVE, QUICK = 1, 2  # steps of a run that waits, and of one that ends at once


def letters(body: bytes) -> Iterator[dict[str, Any] | bytes]:
    """Frames as bytes, messages as what their JSON says."""
    while body:
        kind, size = struct.unpack_from("<QQ", body)
        content, body = body[16 : 16 + size], body[16 + size :]
        assert len(content) == size, "a letter is cut off"
        yield content if kind == 1 else json.loads(content)


def test_hello_is_what_the_socket_says_first(client: TestClient) -> None:
    answer = client.post("/api/hello")
    with client.websocket_connect(STREAM) as ws:
        assert ws.receive_json() == answer.json()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "run", "experiment": {"steps": 30, "cell": {"hidden_size": 4}}},
        {
            "type": "run",
            "experiment": {"steps": 3000, "cell": {"hidden_size": 3}},
            "view": {"t0": 0, "t1": 3000, "columns": 100},
            "split_weights": True,
            "omit": ["y", "cotangent"],
        },
        {"type": "analyse", "experiment": {"steps": 5}, "wants": ["conditions", "jacobian"]},
    ],
)
def test_the_letters_are_those_of_the_socket(client: TestClient, message: dict[str, Any]) -> None:
    text = json.dumps({"id": 3, **message})
    answer = client.post("/api/stream", content=text)
    assert answer.status_code == 200
    assert answer.headers["x-accel-buffering"] == "no"
    *frames, end = letters(answer.content)
    assert end["type"], end["id"] == ("done", 3)
    assert end["status"] == "complete"
    with client.websocket_connect(STREAM) as ws:
        ws.receive_json()
        ws.send_text(text)
        for frame in frames:
            sent = ws.receive_bytes()
            assert metadata(sent) == metadata(frame)
            theirs, ours = load(sent), load(frame)
            assert {k: v.tobytes() for k, v in theirs.items()} == {
                k: v.tobytes() for k, v in ours.items()
            }
        last = ws.receive_json()
    assert last["type"] == "done"
    assert last["experiment"] == end["experiment"]


def test_what_is_refused_is_an_error_with_its_id(client: TestClient) -> None:
    unreadable = client.post("/api/stream", content=run_message(4, steps=0))
    assert (unreadable.status_code, unreadable.json()["id"]) == (422, 4)
    too_large = client.post("/api/stream", content=run_message(5, batch_size=10_000))
    [error] = letters(too_large.content)
    assert (error["type"], error["id"], error["code"]) == ("error", 5, "over_limit")


def test_a_fault_ends_it_in_an_error(client_of: Callable[..., TestClient]) -> None:
    client = client_of(engine=FailingEngine(RuntimeError("broken")))
    [error] = letters(client.post("/api/stream", content=run_message(1)).content)
    assert (error["code"], error["id"]) == ("internal", 1)
    assert "broken" not in error["message"]


def test_a_client_that_leaves_stops_its_run_and_gives_its_seat_back(
    serve: Callable[..., Any],
) -> None:
    engine = ScriptedEngine()
    running = serve(engine=engine, max_sessions=1)
    body = run_message(1, steps=LIVE).encode()
    with connected(running.port) as raw:
        begin_post(raw, f"Content-Length: {len(body)}", body=body, path="/api/stream")
        waits(engine.waiting)
        assert b"HTTP/1.1 200" in raw.recv(2**16), "letters leave while the run is under way"
        assert running.house.seats.taken == 1
        with connected(running.port) as other:
            begin_post(other, "Content-Length: 0", "Connection: close", path="/api/stream")
            assert b'"busy"' in read_to_end(other)
    waits(engine.stopped)
    engine.release.set()
    body = run_message(1, steps=QUICK).encode()
    with connected(running.port) as raw:
        raw.settimeout(PATIENCE_S)
        for _ in range(100):  # the seat is free once the session has noticed
            if running.house.seats.taken == 0:
                break
            begin_post(raw, "Content-Length: 0", path="/api/stream")
            raw.recv(2**16)
        begin_post(
            raw, f"Content-Length: {len(body)}", "Connection: close", body=body, path="/api/stream"
        )
        assert b'"complete"' in read_to_end(raw)
    assert running.house.seats.taken == 0


def test_a_reader_that_takes_nothing_is_dropped(serve: Callable[..., Any]) -> None:
    engine = ScriptedEngine(frames=200, floats=2**18)
    running = serve(engine=engine, send_timeout_s=0.2)
    body = run_message(1, steps=QUICK).encode()
    with connected(running.port, receive_buffer=4096) as raw:
        begin_post(raw, f"Content-Length: {len(body)}", body=body, path="/api/stream")
        waits(engine.begun)
        waits(engine.stopped)
    assert engine.made < 100, "what nobody takes is not computed"
