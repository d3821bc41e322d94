"""An offline file as it is asked for: by the command, and from the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app import cli
from app.device import chosen_device
from app.engine import RunEngine
from app.experiment import Experiment
from app.grid import radii_from
from app.lecture import lecture, source_of, wants_of
from app.limits import Cost
from app.plan import AnyPlan
from app.recording import Wish
from app.server import create_app
from rnncore import Cancelled
from tests.server.lectures import SETTINGS, SHELL, SMALL, index_of

# The command


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.cli, ["export", *arguments])
    return result.exit_code, result.output


def test_the_command_says_the_size_and_writes_the_file(tmp_path: Path) -> None:
    output = tmp_path / "lecture.html"
    code, text = invoke(SMALL, "-o", str(output), "--rho-values", "0.5,1", "--title", "A <b> & c")
    assert code == 0, text
    size = output.stat().st_size
    assert f"{size / 1e6:.1f} MB" in text and "3 runs" in text
    assert "<title>A &lt;b&gt; &amp; c · Rhoscope, offline</title>" in output.read_text("utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["lecture.html"]
    code, text = invoke(SMALL, "-o", str(output))
    assert code == 2 and "--force" in text


def test_the_command_takes_a_document_as_a_file(tmp_path: Path) -> None:
    document = tmp_path / "mine.json"
    document.write_text('{"steps": 5, "cell": {"hidden_size": 2}}')
    output = tmp_path / "out.html"
    code, text = invoke(str(document), "-o", str(output), "--rho-values", "1")
    assert code == 0, text
    index = index_of(output.read_bytes())
    assert index["base"] == {"steps": 5, "cell": {"hidden_size": 2}}
    assert index["hash"] == "#H=2&T=5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "expected a link"),
        (["#rho=a"], "spectral_radius"),
        (["gone.json"], "cannot be read"),
        (["", "--views", "nonsense"], "influence"),
        (["", "--over", "phi"], "FIELD=value"),
        (["", "-o", "no/such/folder/x.html"], "a file in a folder"),
    ],
)
def test_the_command_refuses_in_words(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = invoke(*arguments)
    assert code == 2 and words in " ".join(text.split())
    assert not list(tmp_path.glob("*.html"))


def test_a_link_with_a_host_that_others_reach_names_the_live_page() -> None:
    assert source_of("https://rho.example/x/#rho=1").live == "https://rho.example/x/"
    assert source_of("http://127.0.0.1:8000/#rho=1").live is None
    assert source_of("http://127.0.0.1:8000/").hash == source_of("").hash
    assert wants_of("powers, influence") == ("matrix_powers", "influence")


# From the page


@pytest.fixture
def real_client() -> Iterator[TestClient]:
    """A client of a server that has the real page."""
    with TestClient(create_app(SETTINGS), base_url="http://127.0.0.1:8000") as client:
        yield client


def asked(client: TestClient, **wish: Any) -> tuple[list[dict[str, Any]], bytes]:
    """What POST /api/lecture tells, line by line, and the bytes after the last line."""
    answer = client.post("/api/lecture", json=wish)
    assert answer.status_code == 200, answer.text
    lines, rest = [], answer.content
    while rest:
        line, _, rest = rest.partition(b"\n")
        lines.append(json.loads(line))
        if "size" in lines[-1]:
            break
    return lines, rest


def test_the_page_is_told_how_far_it_is_then_the_size_then_gets_the_file(
    real_client: TestClient,
) -> None:
    document = {"cell": {"hidden_size": 8}, "steps": 20}
    wish = {"experiment": document, "hash": "#H=8&T=20&bottom=powers", "rho_values": "0.5,1"}
    lines, file = asked(real_client, **wish, title="mine")
    assert [line["done"] for line in lines[:-1]] == [1, 2]
    assert {line["of"] for line in lines[:-1]} == {2}
    assert lines[-1]["size"] == len(file)
    index = index_of(file)
    assert (index["title"], index["hash"]) == ("mine", wish["hash"])
    assert {each["want"] for each in index["analyses"]} == {"matrix_powers", "atlas", "conditions"}


def test_a_file_that_does_not_fit_ends_in_an_error_of_the_house(real_client: TestClient) -> None:
    document = {"cell": {"hidden_size": 256}, "steps": 1000, "input": {"kind": "noise"}}
    wish = {"experiment": document, "rho_values": "0.5,1", "max_bytes": 3_000_000}
    lines, file = asked(real_client, **wish)
    assert not file
    assert set(lines[-1]) == {"type", "id", "code", "message", "field", "got", "expected"}
    assert (lines[-1]["code"], lines[-1]["field"]) == ("over_limit", "max_bytes")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "experiment"),
        ({"experiment": {"steps": 0}}, "steps"),
        ({"experiment": {"steps": 10**7}}, "steps"),
        ({"experiment": {}, "rho_values": "x"}, "rho_values"),
        ({"experiment": {}, "over": "x=1"}, "over"),
        ({"experiment": {}, "max_bytes": 10**9}, "max_bytes"),
        ({"experiment": {}, "more": 1}, "more"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_made(
    real_client: TestClient, wish: dict[str, Any], field: str
) -> None:
    answer = real_client.post("/api/lecture", json=wish)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_whoever_leaves_stops_the_work() -> None:
    """The recorder looks before every run whether it is still wanted."""
    runs: list[Experiment] = []
    engine = RunEngine(chosen_device("cpu"), 0)

    def compute(experiment: Experiment, plan: AnyPlan, cost: Cost) -> Any:
        runs.append(experiment)
        return engine.run(experiment, plan, lambda: False)

    source = source_of(SMALL)
    wish = Wish(source.scenes, radii_from("0:1:0.1"))
    with pytest.raises(Cancelled):
        lecture(
            *(source, wish, compute, SETTINGS, chosen_device("cpu"), SHELL),
            should_stop=lambda: len(runs) == 3,
        )
    assert len(runs) == 3
