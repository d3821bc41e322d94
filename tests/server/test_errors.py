"""One error shape, walked over everything that can produce an error."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from app.errors import HTTP_STATUS, Error, ErrorCode, refusal, shortened

from .scripted import FailingEngine, ScriptedEngine, reader_of, run_message

KEYS = ["type", "id", "code", "message", "field", "got", "expected"]
STREAM = "ws://127.0.0.1/api/stream"

HTTP: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nothing", {}, 404, "not_found"),
    ("GET", "/js/nothing.js", {}, 404, "not_found"),
    ("GET", "/api/run", {}, 405, "method_not_allowed"),
    ("DELETE", "/", {}, 405, "method_not_allowed"),
    ("POST", "/healthz", {}, 405, "method_not_allowed"),
    ("GET", "/", {"headers": {"Host": "evil.example"}}, 403, "forbidden_host"),
    ("POST", "/api/run", {"headers": {"Origin": "null"}}, 403, "forbidden_origin"),
    ("POST", "/api/run", {"content": ""}, 422, "invalid_json"),
    ("POST", "/api/run", {"content": "[" * 1_000}, 422, "invalid_json"),
    ("POST", "/api/run", {"content": b"\xff\xfe"}, 422, "invalid_json"),
    ("POST", "/api/run", {"content": '{"steps": "200"}'}, 422, "invalid_field"),
    ("POST", "/api/run", {"content": '{"steps": 101}'}, 422, "over_limit"),
    ("POST", "/api/run", {"content": "[" * 5000}, 422, "over_limit"),
    ("POST", "/api/run", {"content": " " * 20_000}, 413, "over_limit"),
    ("POST", "/api/files", {"content": b""}, 422, "invalid_file"),
    ("POST", "/api/files", {"content": b" " * 20_000}, 413, "over_limit"),
    ("GET", f"/api/files/{'0' * 64}", {}, 404, "unknown_file"),
    ("GET", "/api/files/..%2f..%2fetc", {}, 404, "not_found"),
    ("POST", "/api/export/run.exe", {"content": "{}"}, 404, "not_found"),
    ("POST", "/api/stream", {"content": "hello"}, 422, "invalid_json"),
    ("POST", "/api/stream", {"content": '{"type": "cancel", "id": 1}'}, 422, "invalid_field"),
    ("POST", "/api/stream", {"headers": {"Origin": "null"}}, 403, "forbidden_origin"),
    ("POST", "/api/hello", {"headers": {"Origin": "null"}}, 403, "forbidden_origin"),
    ("GET", "/api/stream", {}, 405, "method_not_allowed"),
    ("GET", "/metrics", {}, 403, "forbidden_client"),
    ("POST", "/api/run", {"content": iter([b" " * 6_000, b" " * 6_000])}, 413, "over_limit"),
]

SOCKET: list[tuple[str | bytes, str]] = [
    ("hello", "invalid_json"),
    ("{}", "invalid_field"),
    (b"\0", "not_text"),
    (run_message(1, steps=0), "invalid_field"),
    (run_message(1, batch_size=10_000), "over_limit"),
]


def checked(error: dict[str, Any]) -> dict[str, Any]:
    assert list(error) == KEYS
    Error.model_validate(error)
    assert error["message"].endswith(".")
    assert ": got " in error["message"]
    assert "; expected " in error["message"]
    return error


@pytest.mark.parametrize(
    ("method", "path", "request_parts", "status", "code"),
    HTTP,
    ids=[f"{case[0]} {case[1]} {case[3]} {k}" for k, case in enumerate(HTTP)],
)
def test_http_errors_have_one_shape(
    client_of: Callable[..., TestClient],
    method: str,
    path: str,
    request_parts: dict[str, Any],
    status: int,
    code: str,
) -> None:
    client = client_of(
        engine=ScriptedEngine(),
        max_message_bytes=10_001,
        max_upload_bytes=10_001,
        max_steps=100,
        max_edits=100,
    )
    answer = client.request(method, path, **request_parts)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    error = checked(answer.json())
    assert (error["code"], error["id"]) == (code, None)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(("message", "code"), SOCKET)
def test_socket_errors_have_the_same_shape(
    client_of: Callable[..., TestClient], message: str | bytes, code: str
) -> None:
    client = client_of(engine=ScriptedEngine())
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        if isinstance(message, bytes):
            ws.send_bytes(message)
        else:
            ws.send_text(message)
        assert checked(reader.text())["code"] == code


def test_a_busy_server_says_so_in_the_same_shape(client_of: Callable[..., TestClient]) -> None:
    client = client_of(engine=ScriptedEngine(), max_sessions=1)
    with client.websocket_connect(STREAM) as first:
        reader_of(first).text()
        answer = client.post("/api/run", content="{}")
        assert answer.status_code == 503
        assert checked(answer.json())["code"] == "busy"


def test_a_fault_of_the_server_says_so_in_the_same_shape(
    client_of: Callable[..., TestClient],
) -> None:
    client = client_of(engine=FailingEngine(RuntimeError("secret")))
    answer = client.post("/api/run", content="{}")
    assert answer.status_code == 500
    assert checked(answer.json())["code"] == "internal"
    assert "secret" not in answer.text


def test_a_fault_in_a_route_says_so_too(
    client_of: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of()
    monkeypatch.setattr("app.page_files.PageFiles.html", lambda *_, **__: 1 / 0)
    answer = client.get("/")
    assert answer.status_code == 500
    assert checked(answer.json())["code"] == "internal"
    assert answer.headers["content-security-policy"]


def test_a_denied_socket_says_so_in_the_same_shape(client_of: Callable[..., TestClient]) -> None:
    client = client_of()
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        client.websocket_connect(STREAM, headers={"Origin": "null"}),
    ):
        pass
    assert checked(denied.value.json())["code"] == "forbidden_origin"


def test_every_code_of_the_closed_list_is_produced_above() -> None:
    produced = (
        {case[4] for case in HTTP}
        | {case[1] for case in SOCKET}
        | {"busy", "internal", "no_storage"}
    )
    assert produced == set(get_args(ErrorCode)) == set(HTTP_STATUS)


@pytest.mark.parametrize(
    ("value", "echo"),
    [
        (None, None),
        (True, True),
        (5000, 5000),
        (2**60, "an integer of 61 bits"),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("x" * 1000, "x" * 119 + "…"),
        ("\ud800", "?"),
        ([1, 2], "a list of 2"),
        ({}, "an empty object"),
        ({"a": 1, "b": 2}, "an object with a, b"),
    ],
)
def test_a_refused_value_is_echoed_briefly(value: object, echo: object) -> None:
    assert shortened(value) == echo


def test_a_message_reads_as_a_sentence() -> None:
    refused = refusal(
        "over_limit",
        "hidden_size",
        "is out of range",
        got=5000,
        expected="1 to 4096",
        advice="Start the server with --max-hidden to raise the limit.",
    )
    assert str(refused) == (
        "hidden_size is out of range: got 5000; expected 1 to 4096. "
        "Start the server with --max-hidden to raise the limit."
    )
