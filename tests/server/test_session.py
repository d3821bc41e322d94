"""One socket: what is said on it, order, latest wins, cancel. Driven by events alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .scripted import (
    PATIENCE_S,
    FailingEngine,
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


@pytest.fixture
def client(client_of: Callable[..., TestClient], engine: ScriptedEngine) -> TestClient:
    return client_of(engine=engine)


def test_hello_is_first(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        hello = reader_of(ws).message()
    assert hello["type"] == "hello"
    assert hello["protocol"] == 1
    assert hello["device"] in ("cpu", "cuda")
    assert hello["limits"]["max_hidden"] == 1024
    assert hello["capabilities"]["ensembles"][0] == "gaussian"
    assert hello["capabilities"]["inputs"] == [
        "impulse",
        "constant",
        "sine",
        "noise",
        "silence",
        "values",
        "file",
        "text",
    ]


def test_a_run_is_frames_and_then_done(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=QUICK))
        frames, end = reader.until_end(1)
    assert [metadata(f)["kind"] for f in frames] == ["weights", "states", "states"]
    assert (end["type"], end["status"]) == ("done", "complete")


def test_a_newer_run_supersedes_an_older_one(client: TestClient, engine: ScriptedEngine) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=LIVE))
        waits(engine.waiting)
        ws.send_text(run_message(2, steps=QUICK))
        _, first = reader.until_end(1)
        assert first["status"] == "superseded"
        frames, second = reader.until_end(2)
    assert second["status"] == "complete"
    assert {metadata(f)["id"] for f in frames} == {"2"}
    waits(engine.stopped)


def test_a_superseded_run_that_has_not_begun_ends_in_order(
    client: TestClient, engine: ScriptedEngine
) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=LIVE))
        waits(engine.waiting)
        engine.may_stop.clear()
        for run_id in range(2, 12):
            ws.send_text(run_message(run_id, steps=QUICK))
        ends = [reader.text() for _ in range(10)]
        engine.may_stop.set()
        ends.append(reader.text())
    assert [end["id"] for end in ends] == list(range(1, 12))
    assert [end["status"] for end in ends] == ["superseded"] * 10 + ["complete"]
    assert engine.most_computing == 1


def test_a_superseded_end_has_every_key_and_nothing_measured(
    client: TestClient, engine: ScriptedEngine
) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=LIVE))
        waits(engine.waiting)
        ws.send_text(json.dumps({"type": "cancel", "id": 1}))
        end = reader.text()
    assert end == {
        "type": "done",
        "id": 1,
        "status": "cancelled",
        "timings": None,
        "first_nonfinite_step": None,
        "notes": [],
        "diagnosis": None,
        "spectral_radius": None,
        "largest_singular_value": None,
        "henrici_departure": None,
        "closed_loop_radius": None,
        "experiment": None,
    }


def test_cancel_stops_the_computation_and_the_next_run_works(
    client: TestClient, engine: ScriptedEngine
) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=LIVE))
        waits(engine.waiting)
        ws.send_text(json.dumps({"type": "cancel", "id": 1}))
        waits(engine.stopped)
        assert reader.until_end(1)[1]["status"] == "cancelled"
        ws.send_text(run_message(2, steps=QUICK))
        assert reader.until_end(2)[1]["status"] == "complete"


def test_cancelling_what_has_ended_or_never_was_disturbs_nothing(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(json.dumps({"type": "cancel", "id": 99}))
        ws.send_text(run_message(1, steps=QUICK))
        assert reader.until_end(1)[1]["status"] == "complete"
        ws.send_text(json.dumps({"type": "cancel", "id": 1}))
        ws.send_text(run_message(2, steps=QUICK))
        assert reader.until_end(2)[1]["status"] == "complete"


@pytest.mark.parametrize("run_id", [5, 4, 0])
def test_an_id_that_is_not_new_is_refused_and_disturbs_nothing(
    client: TestClient, engine: ScriptedEngine, run_id: int
) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(5, steps=LIVE))
        waits(engine.waiting)
        ws.send_text(run_message(run_id, steps=QUICK))
        error = reader.text()
        assert (error["type"], error["id"]) == ("error", None)
        assert (error["code"], error["field"], error["got"]) == ("invalid_field", "id", run_id)
        engine.release.set()
        assert reader.text()["status"] == "complete"


def test_a_refused_run_is_the_newest_all_the_same(
    client: TestClient, engine: ScriptedEngine
) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=LIVE))
        waits(engine.waiting)
        ws.send_text(run_message(2, steps="many"))
        ws.send_text(run_message(3, steps=QUICK))
        ends = [reader.text() for _ in range(3)]
    assert [(end["id"], end["type"]) for end in ends] == [(1, "done"), (2, "error"), (3, "done")]
    assert ends[1]["field"] == "steps"


def test_seldom_changing_frames_are_sent_again_only_if_they_differ(client: TestClient) -> None:
    def kinds(run_id: int, seed: int) -> list[str]:
        ws.send_text(run_message(run_id, steps=QUICK, recurrent={"seed": seed}))
        return [metadata(frame)["kind"] for frame in reader.until_end(run_id)[0]]

    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        assert kinds(1, seed=0) == ["weights", "states", "states"]
        assert kinds(2, seed=0) == ["states", "states"]
        assert kinds(3, seed=1) == ["weights", "states", "states"]
        assert kinds(4, seed=0) == ["weights", "states", "states"]
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        assert kinds(1, seed=0)[0] == "weights", "another socket has not seen it"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hello", "invalid_json"),
        ("[" * 10_000, "invalid_json"),
        ('{"a":' * 10_000, "invalid_json"),
        ("{}", "invalid_field"),
        ("[]", "invalid_field"),
        ('{"type": "run"}', "invalid_field"),
        ('{"type": "run", "id": "1", "experiment": {}}', "invalid_field"),
        ('{"type": "run", "id": -1, "experiment": {}}', "invalid_field"),
        ('{"type": "run", "id": true, "experiment": {}}', "invalid_field"),
        ('{"type": "run", "id": 9007199254740992, "experiment": {}}', "invalid_field"),
        ('{"type": "stop", "id": 3}', "invalid_field"),
        ('{"type": "cancel"}', "invalid_field"),
        ('{"type": "run", "id": 1, "experiment": {"steps": 1000001}}', "over_limit"),
        ('{"type": "run", "id": 1, "experiment": {"cell": {"hidden_size": 1025}}}', "over_limit"),
    ],
)
def test_a_bad_message_is_answered_and_the_socket_lives(
    client: TestClient, text: str, code: str
) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(text)
        error = reader.text()
        assert (error["type"], error["code"]) == ("error", code)
        ws.send_text(run_message(10, steps=QUICK))
        assert reader.until_end(10)[1]["status"] == "complete"


def test_a_binary_message_is_answered_and_the_socket_lives(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_bytes(b"\0" * 100)
        error = reader.text()
        assert (error["code"], error["id"]) == ("not_text", None)
        ws.send_text(run_message(1, steps=QUICK))
        assert reader.until_end(1)[1]["status"] == "complete"


@pytest.mark.parametrize(
    ("fault", "code"), [(RuntimeError("a secret path"), "internal"), (MemoryError(), "over_limit")]
)
def test_a_failed_run_ends_in_an_error_that_gives_nothing_away(
    client_of: Callable[..., TestClient], fault: Exception, code: str
) -> None:
    with client_of(engine=FailingEngine(fault)).websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        for run_id in (1, 2):
            ws.send_text(run_message(run_id))
            error = reader.text()
            assert (error["type"], error["id"], error["code"]) == ("error", run_id, code)
            assert "secret" not in json.dumps(error)


def test_a_message_over_the_limit_closes_with_1009(
    serve: Callable[..., Any], engine: ScriptedEngine
) -> None:
    running = serve(engine=engine, max_message_bytes=10_000)
    with connect(running.socket_url) as ws:
        ws.recv()
        ws.send("x" * 10_001)
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    with connect(running.socket_url) as ws:
        assert reader_of(ws).text()["type"] == "hello"


def test_one_session_too_many_is_told_so_and_closed(
    client_of: Callable[..., TestClient], engine: ScriptedEngine
) -> None:
    client = client_of(engine=engine, max_sessions=1)
    with client.websocket_connect(STREAM) as first:
        reader_of(first).text()
        with client.websocket_connect(STREAM) as second:
            error = reader_of(second).text()
            assert error["code"] == "busy"
            assert "--max-sessions" in error["message"]
            with pytest.raises(WebSocketDisconnect) as closed:
                second.receive_text()
            assert closed.value.code == 1013
        assert client.post("/api/run", content="{}").status_code == 503
    with client.websocket_connect(STREAM) as third:
        assert reader_of(third).text()["type"] == "hello"
