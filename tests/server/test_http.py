"""POST on a real socket: clients that are slow, endless, or gone."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from .scripted import PATIENCE_S, ScriptedEngine, waits


def connected(port: int, *, receive_buffer: int | None = None) -> socket.socket:
    raw = socket.socket()
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(PATIENCE_S)
    raw.connect(("127.0.0.1", port))
    return raw


def begin_post(
    raw: socket.socket, *headers: str, body: bytes = b"", path: str = "/api/run"
) -> None:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    raw.sendall("\r\n".join(lines).encode() + body)


def read_to_end(raw: socket.socket) -> bytes:
    received = b""
    try:
        while piece := raw.recv(2**20):
            received += piece
    except ConnectionError:
        pass
    return received


def test_a_client_that_leaves_stops_its_computation(serve: Callable[..., Any]) -> None:
    engine = ScriptedEngine()
    running = serve(engine=engine)
    body = b'{"steps": 1}'
    with connected(running.port) as raw:
        begin_post(raw, f"Content-Length: {len(body)}", body=body)
        waits(engine.waiting)
    waits(engine.stopped)


def test_a_body_that_does_not_come_is_not_waited_for(serve: Callable[..., Any]) -> None:
    running = serve(send_timeout_s=0.2)
    with connected(running.port) as raw:
        begin_post(raw, "Content-Length: 100", "Connection: close", body=b"{")
        answer = read_to_end(raw)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"--send-timeout-s" in answer
    assert running.house.seats.taken == 0


@pytest.mark.parametrize("announced", [True, False])
def test_an_endless_body_is_refused_while_it_comes(
    serve: Callable[..., Any], announced: bool
) -> None:
    running = serve(max_message_bytes=100_000)
    with connected(running.port) as raw:
        if announced:
            begin_post(raw, "Content-Length: 1000000000000")
        else:
            begin_post(raw, "Transfer-Encoding: chunked")
            for _ in range(3):
                raw.sendall(b"C350\r\n" + b" " * 50_000 + b"\r\n")
        answer = raw.recv(4096)
        assert answer.startswith(b"HTTP/1.1 413")
        if b"over_limit" not in answer:
            answer += raw.recv(4096)
        assert b"over_limit" in answer


def test_a_reader_that_takes_nothing_is_dropped(serve: Callable[..., Any]) -> None:
    running = serve(send_timeout_s=0.3)
    body = b'{"steps": 20000, "cell": {"hidden_size": 128}}'
    with connected(running.port, receive_buffer=4096) as raw:
        begin_post(raw, f"Content-Length: {len(body)}", body=body)
        head = raw.recv(200)
        assert head.startswith(b"HTTP/1.1 200")
        running.stop()  # waits for requests under way: it would not end with one that is stuck
        assert len(read_to_end(raw)) < 20_000 * 128 * 4
    assert running.house.seats.taken == 0
