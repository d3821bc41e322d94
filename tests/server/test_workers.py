"""Several server processes on one port."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import safetensors.numpy
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from tests.serving import Server


def children(pid: int) -> set[int]:
    """The server processes below a supervisor; the resource tracker of Python is none."""
    command = ["ps", "-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "args="]
    rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    fields = [row.split(maxsplit=2) for row in rows]
    return {int(own) for own, parent, args in fields if int(parent) == pid and "spawn_main" in args}


def computed(url: str) -> bytes:
    body = json.dumps({"steps": 5}).encode()
    request = urllib.request.Request(
        url + "/api/run", body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return safetensors.numpy.load(answer.read())["h"].tobytes()


def test_workers_share_a_port_survive_one_another_and_stop_together() -> None:
    with Server("--workers", "2") as server:
        assert server.output.count("http://") == 1
        workers = children(server.pid)
        assert len(workers) == 2
        states = {computed(server.url) for _ in range(8)}
        assert len(states) == 1, "any worker gives the same bits"
        os.kill(min(workers), signal.SIGKILL)
        # Whoever takes the connection answers: the other one, or its successor.
        assert {computed(server.url) for _ in range(8)} == states
        workers |= children(server.pid)
        assert server.stop() == 0
        for worker in workers:
            assert not os.path.exists(f"/proc/{worker}")


def test_workers_count_together_and_one_that_dies_leaves_its_count(tmp_path: Path) -> None:
    with Server("--workers", "2", environment={"TMPDIR": str(tmp_path)}) as server:
        for _ in range(6):
            computed(server.url)
        assert complete_runs(server.url) == 6
        os.kill(min(children(server.pid)), signal.SIGKILL)
        for _ in range(3):
            computed(server.url)
        assert {complete_runs(server.url) for _ in range(4)} == {9}, "whichever of them is asked"
        assert list(tmp_path.glob("rhoscope-metrics-*"))
        with connect(f"ws://127.0.0.1:{server.port}/api/stream") as ws:
            ws.recv(timeout=20)
            assert metric(server.url, "rhoscope_sessions", {}) == 1
            for worker in children(server.pid):
                os.kill(worker, signal.SIGKILL)
        # A new one may answer before both of the dead are buried; what they had under way is over.
        deadline = time.monotonic() + 20
        while metric(server.url, "rhoscope_sessions", {}) != 0:
            assert time.monotonic() < deadline, "a session of a dead worker is still counted"
    assert not list(tmp_path.glob("rhoscope-metrics-*"))


def complete_runs(url: str) -> float:
    return metric(url, "rhoscope_runs_total", {"kind": "file", "end": "complete"})


def metric(url: str, name: str, labels: dict[str, str]) -> float:
    with urllib.request.urlopen(url + "/metrics", timeout=60) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        [value] = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
    return value
