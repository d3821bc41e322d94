"""Log lines: one shape, a session's name in each, and nothing of anybody in them."""

import json
import logging
import re
import sys
import urllib.request

import pytest
from websockets.sync.client import connect

from app.logs import SESSION, Impersonal, JsonLines, TextLines, log_config, session
from app.settings import Settings
from tests.serving import Server

SECRET = "0.123454321"  # a weight somebody typed
FAULT = f"""
import app.engine

def fail(*_, **__):
    raise ValueError("got {SECRET}")

app.engine.RunEngine.run = fail
from app.cli import main
main()
"""


def record(message: str = "it happened", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.WARNING, "file.py", 1, message, (), None)
    vars(made).update(extra)
    return made


def failed() -> logging.LogRecord:
    made = record("a run failed")
    try:
        raise ValueError(f"got {SECRET}")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


@pytest.fixture(params=["json", "text"])
def lines(request: pytest.FixtureRequest) -> logging.Formatter:
    return {"json": JsonLines, "text": TextLines}[request.param](tells_all=False)


def test_a_json_line_is_one_object_with_its_session() -> None:
    with session() as name:
        line = JsonLines(tells_all=False).format(record(seconds=0.5, route="/api/run"))
    found = json.loads(line)
    assert list(found)[:4] == ["time", "level", "event", "session"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
    assert (found["level"], found["event"], found["session"]) == ("warning", "it happened", name)
    assert (found["seconds"], found["route"]) == (0.5, "/api/run")
    assert re.fullmatch("[0-9a-f]{8}", name)
    assert SESSION.get() == ""
    assert json.loads(JsonLines(tells_all=False).format(record()))["session"] is None


def test_a_text_line_says_the_same() -> None:
    with session() as name:
        line = TextLines(tells_all=False).format(record(seconds=0.5))
    assert line.endswith(f"Z warning  [{name}] it happened  seconds=0.5")


def test_nothing_breaks_out_of_a_line(lines: logging.Formatter) -> None:
    assert "\n" not in lines.format(record("one\ntwo", got="a\r\nb\x1b[31m"))
    assert "\x1b" not in lines.format(record("x", got="\x1b[31m"))


def test_a_fault_is_told_without_what_it_quotes(lines: logging.Formatter) -> None:
    line = lines.format(failed())
    assert SECRET not in line
    assert "ValueError" in line
    assert "test_logs.py:" in line
    assert "failed" in line
    assert SECRET in type(lines)(tells_all=True).format(failed())


def test_lines_of_the_server_below_hold_no_address() -> None:
    impersonal = Impersonal()
    for message in ('%s - "WebSocket %s" [accepted]', "%s:%d - HTTP connection made"):
        made = record(message)
        made.name = "uvicorn.error"
        assert not impersonal.filter(made)
    made = record("Invalid HTTP request received.")
    made.name = "uvicorn.error"
    assert impersonal.filter(made)


def test_every_logger_of_the_server_writes_the_same_lines() -> None:
    config = log_config(Settings(log_format="json", log_level="info"))
    assert config["formatters"]["lines"]["()"] is JsonLines
    assert {"app", "asyncio", "uvicorn", "uvicorn.error"} <= set(config["loggers"])
    assert config["loggers"]["uvicorn.access"]["handlers"] == []


def test_a_real_server_logs_json_with_sessions_and_no_person() -> None:
    flags = ("--log-format", "json", "--log-level", "info")
    with Server(*flags) as server:
        body = json.dumps({"steps": 3, "bias": {"scale": float(SECRET)}}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/api/run", body), timeout=60)
        urllib.request.urlopen(f"{server.url}/?title={SECRET}", timeout=60)
        with connect(f"ws://127.0.0.1:{server.port}/api/stream") as ws:
            ws.recv(timeout=20)
            message = {"type": "run", "id": 1, "experiment": {"bias": {"scale": float(SECRET)}}}
            ws.send(json.dumps(message))
            while isinstance(ws.recv(timeout=20), bytes):
                pass
        server.stop()
        output = server.output
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    told = [line for line in output.splitlines() if not line.startswith("{")]
    assert [line.split(" at ")[0] for line in told] == ["Rhoscope is running"]
    events = [line["event"] for line in found]
    assert {"request", "socket opens", "socket closed"} <= set(events)
    requests = [line for line in found if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/api/run", 200),
        ("GET", "/", 200),
    ]
    opened, closed = (line for line in found if line["event"].startswith("socket"))
    assert opened["session"] == closed["session"]
    assert closed["bytes"] > 1000
    names = {line["session"] for line in [*requests, opened]}
    assert len(names) == 3
    assert None not in names
    text = "\n".join(json.dumps(line) for line in found)
    assert SECRET not in text
    assert "127.0.0.1" not in text


def test_a_fault_names_its_session_to_the_client_and_keeps_its_numbers() -> None:
    command = (sys.executable, "-c", FAULT)
    with Server("--log-format", "json", command=command) as server:
        request = urllib.request.Request(
            f"{server.url}/api/stream", b'{"type":"run","id":1,"experiment":{}}'
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            error = json.loads(answer.read()[16:])
        server.stop()
        output = server.output
    assert error["code"] == "internal"
    [line] = [json.loads(text) for text in output.splitlines() if '"fault"' in text]
    assert line["fault"] == "ValueError"
    assert line["where"][-1].endswith(" fail")
    assert line["session"] in error["message"]
    assert SECRET not in output
