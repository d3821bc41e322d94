"""A bad day of a real server: its memory is flat afterwards, and the others feel nothing."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.serving import Server

from .scripted import reader_of
from .test_memory import resident_mebibytes
from .test_readers import send_masked, slow_socket

VIEW = {"t0": 0, "t1": 1_000_000, "columns": 100}
LONG = {"steps": 1_000_000, "cell": {"hidden_size": 8}}
GROWTH_MEBIBYTES = 40  # what allocators keep
SOCKETS = 200


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--cache-bytes", "0", "--max-sessions", "300") as running:
        yield running


def address(server: Server) -> str:
    return f"ws://127.0.0.1:{server.port}/api/stream"


def short_run(ws: ClientConnection, run_id: int) -> str:
    """The status of a short run."""
    ws.send(json.dumps({"type": "run", "id": run_id, "experiment": {"steps": 10}}))
    _, end = reader_of(ws).until_end(run_id)
    return str(end["status"])


def sessions(server: Server) -> int:
    return int(httpx2.get(f"{server.url}/healthz").json()["sessions"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_hundred_sockets_opened_and_dropped_leave_nothing(server: Server) -> None:
    """Half of them in the middle of a long run, and none says good-bye."""
    with connect(address(server)) as other:
        other.recv(timeout=20)
        assert short_run(other, 1) == "complete"
        before = resident_mebibytes(server.pid)
        for number in range(SOCKETS):
            raw = slow_socket(server.port)
            if number % 2:
                send_masked(raw, '{"type":"run","id":1,"experiment":{"steps":90000}}')
            # Reset, not closed: as a laptop that is shut.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.close()
            if number % 20 == 0:
                assert short_run(other, 2 + number) == "complete"
        # Each look is a request; the dropped ones are gone when only the other is left.
        for look in range(2000):
            if sessions(server) == 1:
                break
            assert short_run(other, 1000 + look) == "complete"
        assert sessions(server) == 1
        for look in range(200):
            assert short_run(other, 10_000 + look) == "complete"
            after = resident_mebibytes(server.pid)
            if after < before + GROWTH_MEBIBYTES:
                break
        assert after < before + GROWTH_MEBIBYTES, f"{before:.0f} MiB before, {after:.0f} after"


def test_a_reader_of_single_bytes_gets_its_run_and_holds_up_nobody(server: Server) -> None:
    with slow_socket(server.port) as raw, connect(address(server)) as other:
        other.recv(timeout=20)
        send_masked(raw, '{"type":"run","id":1,"experiment":{"steps":20}}')
        received = b""
        for turn in range(3):
            for _ in range(1000):
                received += raw.recv(1)
            assert short_run(other, turn) == "complete"
        while b'"type":"done"' not in received:
            received += raw.recv(1)
        assert b'"kind":"gradients"' in received


def test_a_tab_closed_in_the_middle_of_a_run_gives_its_place_to_the_next(server: Server) -> None:
    for run_id in range(1, 6):
        with connect(address(server), max_size=None) as ws:
            reader = reader_of(ws)
            reader.text()
            message = {"type": "run", "id": run_id, "experiment": LONG, "view": VIEW}
            ws.send(json.dumps(message))
            assert isinstance(reader.message(), bytes)
    with connect(address(server)) as ws:
        ws.recv(timeout=20)
        assert short_run(ws, 1) == "complete"


def test_sigterm_with_fifty_sockets_ends_cleanly_and_tells_everyone(server: Server) -> None:
    with ExitStack() as held:
        sockets = [held.enter_context(connect(address(server))) for _ in range(50)]
        for number, ws in enumerate(sockets):
            ws.recv(timeout=20)
            if number % 10 == 0:
                message = {"type": "run", "id": 1, "experiment": LONG, "view": VIEW}
                ws.send(json.dumps(message))
                ws.recv(timeout=20)
        codes: list[int | None] = []

        def until_closed(ws: ClientConnection) -> None:
            try:
                while True:
                    ws.recv(timeout=20)
            except ConnectionClosed as closed:
                codes.append(closed.rcvd.code if closed.rcvd else None)

        readers = [threading.Thread(target=until_closed, args=(ws,)) for ws in sockets]
        for reader in readers:
            reader.start()
        assert server.stop() == 0
        for reader in readers:
            reader.join()
        assert codes == [1012] * 50
        assert "Traceback" not in server.output


def test_a_killed_server_leaves_its_port_to_the_next(server: Server) -> None:
    server.start()  # the test before has stopped it
    with connect(address(server)) as ws:
        ws.recv(timeout=20)
        server.kill()
        with pytest.raises(ConnectionClosed):
            ws.recv(timeout=20)
    server.start()
    with connect(address(server)) as ws:
        ws.recv(timeout=20)
        assert short_run(ws, 1) == "complete"
