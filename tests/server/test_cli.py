"""The command: flags, variables, ports, starting and stopping as a person does."""

import inspect
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import app
from app import browser, cli, ports
from app.link import read_link
from app.protocol import Limits
from app.settings import Settings, flag, variable
from tests.serving import Server

README = (Path(app.__file__).parent / "README.md").read_text()
FIELDS = list(Settings.model_fields)


def invoke(*arguments: str, **environment: str) -> tuple[int, str]:
    runner = CliRunner(env=dict.fromkeys(map(variable, FIELDS)) | environment)
    result = runner.invoke(cli.cli, list(arguments))
    return result.exit_code, result.output


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_is_a_flag_a_variable_and_in_the_documentation(field: str) -> None:
    assert field in inspect.signature(cli.serve).parameters
    _, text = invoke("serve", "--help")
    assert flag(field) in text
    assert variable(field) in "".join(text.split())
    info = Settings.model_fields[field]
    [row] = [line for line in README.splitlines() if f"`{variable(field)}`" in line]
    assert flag(field) in row
    assert info.description
    assert info.description in row
    default = "" if info.default in (None, ()) or info.default_factory else str(info.default)
    assert f"| {default} |" in row or info.default_factory


def test_every_limit_that_hello_names_is_a_setting() -> None:
    assert set(Limits.model_fields) <= set(FIELDS)


def test_a_flag_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Settings] = []
    monkeypatch.setattr(cli, "_serve", lambda settings: seen.append(settings) or 0)
    assert invoke()[0] == 0
    assert invoke("--max-hidden", "5", RHOSCOPE_MAX_HIDDEN="7", RHOSCOPE_MAX_STEPS="9")[0] == 0
    assert (
        invoke("serve", "--no-open", "--allow-origin", "null", "--allow-origin", "http://a")[0] == 0
    )
    assert invoke(RHOSCOPE_ALLOW_ORIGIN="null, http://a", RHOSCOPE_OPEN="false")[0] == 0
    assert seen[0] == Settings()
    assert (seen[1].max_hidden, seen[1].max_steps) == (5, 9)
    assert seen[2] == seen[3]
    assert (seen[2].open, seen[2].allow_origin) == (False, ("null", "http://a"))


@pytest.mark.parametrize(
    ("arguments", "environment", "text"),
    [
        (["--max-hidden", "0"], {}, "--max-hidden"),
        (["--device", "tpu"], {}, "--device"),
        ([], {"RHOSCOPE_PORT": "many"}, "RHOSCOPE_PORT"),
        (["--port", "70000"], {}, "--port"),
        (["--host", "203.0.113.1", "--port", "0"], {}, "--host"),
        (["nonsense"], {}, "nonsense"),
        (["--colour"], {}, "--colour"),
    ],
)
def test_wrong_settings_are_refused_and_say_what_to_mend(
    arguments: list[str], environment: dict[str, str], text: str
) -> None:
    code, output = invoke(*arguments, **environment)
    assert code == 2
    assert text in output


def test_only_commands_that_work_exist() -> None:
    commands = [command.callback.__name__ for command in cli.cli.registered_commands]
    assert commands == ["serve", "open_file", "export", "lessons", "doctor"]
    assert invoke("--help")[1] == invoke("serve", "--help")[1]
    assert "rhoscope doctor" in invoke("--help")[1]
    assert invoke("--version")[1].startswith("rhoscope ")


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, output = invoke("--device", "cuda", "--port", "0")
    assert code == 2
    assert "device is not available: got 'cuda'" in output
    assert "--device cpu" in output


def test_a_taken_port_says_who_holds_it_and_what_to_do() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        for code, output in (
            invoke("--port", str(port)),
            invoke(RHOSCOPE_PORT=str(port)),
        ):
            assert code == 3
            assert f"got {port}" in output
            assert "--port 0" in output
            if sys.platform == "linux":
                assert re.search(r"held by \S+ \(process \d+\)", output)


def test_without_a_port_the_next_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        monkeypatch.setattr(ports, "FIRST_PORT", holder.getsockname()[1])
        with ports.listening_socket("127.0.0.1", None) as listener:
            assert listener.getsockname()[1] > holder.getsockname()[1]
        monkeypatch.setattr(ports, "PORTS_TRIED", 1)
        with pytest.raises(ports.PortTaken, match="--port 0"):
            ports.listening_socket("127.0.0.1", None)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
    ],
)
def test_the_address_holds_the_true_port(host: str, url: str) -> None:
    with ports.listening_socket("127.0.0.1", 0) as listener:
        assert ports.url_of(listener, host) == f"{url}{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "environment", [{"CI": "true"}, {"SSH_CONNECTION": "x"}, {"container": "podman"}]
)
def test_no_browser_opens_where_nobody_sits(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "CONTAINER_FILES", ())
    here = {"DISPLAY": ":0"}
    assert browser.has_person(here, is_terminal=True)
    assert not browser.has_person(here, is_terminal=False)
    assert not browser.has_person(here | environment, is_terminal=True)


def test_no_browser_opens_in_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "CONTAINER_FILES", (tmp_path,))
    assert not browser.has_person({"DISPLAY": ":0"}, is_terminal=True)


def test_a_browser_opens_when_it_is_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = threading.Event()
    urls: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: (urls.append(url), opened.set()))
    browser.open_browser("http://x", False)
    browser.open_browser("http://y", None)  # a test has no terminal
    browser.open_browser("http://z", True)
    assert opened.wait(10)
    assert urls == ["http://z"]


def test_sigterm_ends_the_command_cleanly_with_sockets_open() -> None:
    with Server() as server:
        assert server.output.count("http://") == 1
        assert f"http://127.0.0.1:{server.port}" in server.output
        long = {"steps": 1_000_000, "cell": {"hidden_size": 8}}
        view = {"t0": 0, "t1": 1_000_000, "columns": 100}
        address = f"ws://127.0.0.1:{server.port}/api/stream"
        with connect(address) as idle, connect(address) as busy:
            idle.recv(timeout=20)
            busy.recv(timeout=20)
            busy.send(json.dumps({"type": "run", "id": 1, "experiment": long, "view": view}))
            busy.recv(timeout=20)
            assert server.stop() == 0
            for ws in (idle, busy):
                with pytest.raises(ConnectionClosed) as closed:
                    drain(ws)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012


def drain(ws: object) -> None:
    while True:
        ws.recv(timeout=20)  # type: ignore[attr-defined]


def test_listening_to_every_network_warns_and_ctrl_c_ends_cleanly() -> None:
    command = [sys.executable, "-m", "app", "--host", "0.0.0.0", "--port", "0", "--no-open"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(app.__file__).parent.parent,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while "Warning" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "the output ended"
        assert re.search(r"http://127\.0\.0\.1:\d+", lines[0])
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stdout.read()


def test_open_keeps_the_file_and_starts_with_its_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[Settings, str]] = []
    monkeypatch.setattr(cli, "_serve", lambda *started: seen.append(started) or 0)
    file = tmp_path / "net.json"
    file.write_text('{"W_hh": [[0.5, 0], [0, 0.25]]}')
    folder = str(tmp_path / "kept")
    assert invoke("open", str(file), "--upload-folder", folder, "--port", "0")[0] == 0
    ((settings, link),) = seen
    assert settings.port == 0
    experiment = read_link(link)
    assert experiment.cell.hidden_size == 2
    kept = [entry.stem for entry in Path(folder).iterdir()]
    assert kept == [experiment.weights.file]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x80\x04.", "may hold code"),
        (b'{"W_hh": [[1]]}' + b" " * 100, "the file is too large: got 115 bytes"),
        (None, "the file cannot be read"),
    ],
)
def test_open_refuses_in_a_sentence(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    code, output = invoke("open", str(file), RHOSCOPE_MAX_UPLOAD_BYTES="100")
    assert code == 2
    assert message in output
