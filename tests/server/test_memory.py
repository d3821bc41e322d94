"""Whatever is sent, memory returns to where it was."""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from app import memory
from tests.serving import Server

from .scripted import ScriptedEngine, reader_of, run_message, waits

LISTS = b"[" + b",".join([b"[1]"] * 600_000) + b"]"
HOSTILE = [
    b'{"input": {"kind": "values", "values": ' + LISTS + b"}}",
    b"{" + b",".join(b'"k%d":1' % k for k in range(300_000)) + b"}",
    b'{"recurrent": {"edits": ' + LISTS + b"}}",
    b"[" * 10_000,
    b" " * 20_000_000,
    json.dumps({"steps": 20_000, "cell": {"hidden_size": 256}}).encode(),
]


def resident_mebibytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_real_server_is_as_small_after_hostile_requests_as_before() -> None:
    with Server("--cache-bytes", "0") as server, httpx2.Client(timeout=60) as client:

        def post(body: bytes) -> None:
            answer = client.post(f"{server.url}/api/run", content=body)
            assert answer.status_code in (200, 413, 422)

        post(b"{}")
        before = resident_mebibytes(server.pid)
        for body in HOSTILE:
            post(body)
        largest = resident_mebibytes(server.pid)
        # The server tidies up half a second after; each look asks it for something small.
        for _ in range(200):
            post(b'{"steps": 2000}')
            after = resident_mebibytes(server.pid)
            if after < before + 40:
                break
        assert after < before + 40, f"{before:.0f} MiB before, {after:.0f} after, {largest:.0f}"


def test_tidying_happens_once_for_many_long_messages(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied: list[int] = []
    happened = threading.Event()

    def trim(pad: int) -> int:
        tidied.append(pad)
        happened.set()
        return 1

    monkeypatch.setattr(memory, "_trimmer", lambda: trim)
    running = serve(engine=ScriptedEngine())
    with connect(running.socket_url) as ws:
        reader = reader_of(ws)
        reader.text()
        for _ in range(3):
            ws.send("x" * memory.LONG_TEXT_BYTES)
            assert reader.text()["code"] == "invalid_json"
        assert happened.wait(20)
    assert tidied == [0]


def test_sessions_leave_nothing_behind(serve: Callable[..., Any]) -> None:
    engine = ScriptedEngine()
    running = serve(engine=engine)
    for _ in range(30):
        with connect(running.socket_url) as ws:
            ws.send(run_message(1, steps=1))
            waits(engine.waiting)
        waits(engine.stopped)
    with connect(running.socket_url) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send(run_message(1, steps=2))
        reader.until_end(1)
        assert engine.computing == 0
        assert running.house.seats.taken == 1
        names = [thread.name for thread in threading.enumerate()]
        assert sum(name.startswith("run") for name in names) < 5, names
