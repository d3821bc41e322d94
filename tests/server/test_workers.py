"""Several server processes on one port."""

import json
import os
import signal
import subprocess
import urllib.request

import safetensors.numpy

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
