"""/metrics: what is counted, for whom, and that no label grows."""

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.metrics import PHASES, Channel, End, Kind, Reason

from .conftest import HERE
from .scripted import FailingEngine, ScriptedEngine, reader_of, run_message, waits

STREAM = "ws://127.0.0.1/api/stream"
BOUNDED = {
    "kind": set(get_args(Kind)),
    "end": set(get_args(End)),
    "phase": set(PHASES),
    "channel": set(get_args(Channel)),
    "reason": set(get_args(Reason)),
}


def samples(client: TestClient) -> dict[str, float]:
    """Every number of the server by its name and labels, as Prometheus' own parser reads them."""
    text = client.app.state.house.metrics.text().decode()
    return {
        " ".join([sample.name, *(value for _, value in sorted(sample.labels.items())[::-1])]): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def local(client_of: Callable[..., TestClient], **settings: Any) -> TestClient:
    client = client_of(**settings)
    client._transport.client = ("127.0.0.1", 50000)  # type: ignore[attr-defined]
    return client


def test_it_is_text_that_prometheus_reads(client_of: Callable[..., TestClient]) -> None:
    client = local(client_of)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"rhoscope_runs", "rhoscope_run_seconds", "rhoscope_sessions"} <= names
    assert "process_resident_memory_bytes" in names


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"], ids=str.lower
)
def test_by_default_it_is_for_this_machine_alone(
    client_of: Callable[..., TestClient], header: str
) -> None:
    assert client_of().get("/metrics").json()["code"] == "forbidden_client"
    client = local(client_of)
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    assert client_of(metrics="all").get("/metrics").status_code == 200
    assert local(client_of, metrics="off").get("/metrics").status_code == 404


def test_runs_are_counted_by_their_end(client_of: Callable[..., TestClient]) -> None:
    engine = ScriptedEngine()
    client = client_of(engine=engine)
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(run_message(1, steps=2))
        reader.until_end(1)
        ws.send_text(run_message(2, steps=1))
        waits(engine.waiting)
        assert samples(client)["rhoscope_sessions"] == 1
        ws.send_text(run_message(3, steps=1))
        assert reader.until_end(2)[1]["status"] == "superseded"
        waits(engine.waiting)
        ws.send_text(json.dumps({"type": "cancel", "id": 3}))
        assert reader.until_end(3)[1]["status"] == "cancelled"
        ws.send_text(run_message(4, steps=0))
        assert reader.until_end(4)[1]["code"] == "invalid_field"
        ws.send_text(run_message(5, batch_size=10_000))
        assert reader.until_end(5)[1]["code"] == "over_limit"
        ws.send_text(run_message(6, steps=1))
        waits(engine.waiting)
    waits(engine.stopped)
    found = samples(client)
    ends = {end: found.get(f"rhoscope_runs_total run {end}") for end in BOUNDED["end"]}
    assert ends == {
        "complete": 1,
        "superseded": 1,
        "cancelled": 1,
        "refused": 2,
        "failed": 0,
        "left": 1,
    }


def test_faults_are_counted_apart(client_of: Callable[..., TestClient]) -> None:
    client = client_of(engine=FailingEngine(RuntimeError()))
    client.post("/api/run", content="{}")
    client.post("/api/run", content="nonsense")
    client.post("/api/stream", content=run_message(1))
    client.post("/api/stream", content=run_message(1, steps=0))
    found = samples(client)
    assert found["rhoscope_runs_total file failed"] == 1
    assert found["rhoscope_runs_total file refused"] == 1
    assert found["rhoscope_runs_total run failed"] == 1
    assert found["rhoscope_runs_total run refused"] == 1


def test_seconds_bytes_uploads_and_refusals(client_of: Callable[..., TestClient]) -> None:
    client = client_of(max_sessions=1)
    size = len(client.post("/api/run", content='{"steps": 5}').content)
    found = samples(client)
    assert found["rhoscope_runs_total file complete"] == 1
    for phase in PHASES:
        assert found[f"rhoscope_run_seconds_count {phase}"] == 1
    assert 0 < found["rhoscope_run_seconds_sum total"] < 60
    assert found["rhoscope_sent_bytes_total http"] == size
    file = b'{"W_hh": [[0.5, 0], [0, 0.25]]}'
    assert client.post("/api/files", content=file).status_code == 200
    client.post("/api/run", headers={"Origin": "http://evil.example"})
    client.get("/", headers={"Host": "evil.example"})
    with client.websocket_connect(STREAM) as ws:
        hello = ws.receive_text()
        assert client.post("/api/run", content="{}").json()["code"] == "busy"
    found = samples(client)
    assert found["rhoscope_uploads_total"] == 1
    assert found["rhoscope_upload_bytes_total"] == len(file)
    assert [found[f"rhoscope_turned_away_total {r}"] for r in ("origin", "host", "busy")] == [1] * 3
    assert found["rhoscope_sent_bytes_total socket"] == len(hello)
    for gauge in ("rhoscope_sessions", "rhoscope_jobs", "rhoscope_run_memory_bytes"):
        assert found[gauge] == 0, "what is given back is not counted any more"


def test_no_label_has_a_value_that_somebody_sent(client_of: Callable[..., TestClient]) -> None:
    client = client_of()
    for word in ("alpha", "beta"):
        client.get(f"/{word}", headers={"Origin": f"http://{word}.example", "Host": HERE[7:]})
        client.post("/api/run", headers={"Origin": f"http://{word}.example"})
        client.post("/api/stream", content=f'{{"type": "{word}", "id": 1}}')
    text = client.app.state.house.metrics.text().decode()
    for family in text_string_to_metric_families(text):
        if family.name.startswith("rhoscope") and family.name != "rhoscope_info":
            for sample in family.samples:
                for label, value in sample.labels.items():
                    assert label == "le" or value in BOUNDED[label]
