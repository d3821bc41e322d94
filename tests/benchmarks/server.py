"""The server as its clients feel it: runs a second, bytes, and memory for each socket."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.benchmarks.interleaved import Line
from tests.serving import Server

SIZES = ((64, 200), (256, 1000))
SOCKETS = (1, 8, 64)
IDLE_SOCKETS = 200


class Client:
    """One socket that asks for a run with another ρ as soon as it has the last."""

    def __init__(self, socket: ClientConnection, number: int, H: int, T: int) -> None:
        self._socket = socket
        self._rho = 0.5 + number / 1000
        self._document = {"cell": {"hidden_size": H}, "steps": T}
        self._id = 0
        self.spent_s: list[float] = []
        self.received_bytes: list[int] = []

    async def run(self) -> None:
        """One run, from its message to its last."""
        self._id += 1
        self._rho += 1e-7
        experiment = {**self._document, "recurrent": {"spectral_radius": self._rho}}
        message = {"type": "run", "id": self._id, "experiment": experiment, "split_weights": True}
        begin = time.perf_counter()
        await self._socket.send(json.dumps(message))
        size = 0
        while True:
            frame = await self._socket.recv()
            size += len(frame)
            if isinstance(frame, str) and json.loads(frame)["type"] in ("done", "error"):
                break
        self.spent_s.append(time.perf_counter() - begin)
        self.received_bytes.append(size)

    async def run_until(self, end: float) -> None:
        while time.perf_counter() < end:
            await self.run()


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each number of sockets."""
    with Server("--max-sessions", "1000") as server:
        for H, T in SIZES:
            section = f"Server, H = {H}, T = {T}, every run with a new ρ"
            for count in SOCKETS:
                clients, wall_s, core_s = asyncio.run(_drive(server, count, H, T, seconds))
                runs = [spent for client in clients for spent in client.spent_s]
                what = f"{count} socket{'s' if count > 1 else ''}"
                yield Line(section, f"{what}, runs a second", len(runs) / wall_s, "")
                yield Line(section, f"{what}, one run", 1e3 * statistics.median(runs), "ms")
                # Whoever else is busy on the machine takes wall-clock time, not this.
                yield Line(section, f"{what}, runs a core second", len(runs) / core_s, "")
            sizes = [size for client in clients for size in client.received_bytes[1:]]
            yield Line(section, "bytes of a run", statistics.median(sizes) / 1000, "kB")
    with Server("--max-sessions", "1000") as server:
        section = "Server, memory"
        before, idle, after = asyncio.run(_memory(server))
        yield Line(section, "the process, before any socket", before / 1e6, "MB")
        yield Line(section, "each open socket", (idle - before) / IDLE_SOCKETS / 1e3, "kB")
        after_runs = (after - before) / IDLE_SOCKETS / 1e3
        yield Line(section, "each after a run of H = 64, T = 200", after_runs, "kB")


async def _open(server: Server) -> ClientConnection:
    socket = await connect(
        f"ws://127.0.0.1:{server.port}/api/stream", max_size=None, compression=None
    )
    await socket.recv()  # hello
    return socket


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[ClientConnection]:
    """A socket that has been greeted."""
    socket = await _open(server)
    try:
        yield socket
    finally:
        await socket.close()


async def _drive(
    server: Server, count: int, H: int, T: int, seconds: float
) -> tuple[list[Client], float, float]:
    """The clients, and what their runs took: seconds by the clock, and of the server's cores."""
    sockets = await asyncio.gather(*(_open(server) for _ in range(count)))
    clients = [Client(socket, number, H, T) for number, socket in enumerate(sockets)]
    await asyncio.gather(*(client.run() for client in clients))
    for client in clients:
        client.spent_s.clear()
    begin, used_s = time.perf_counter(), _core_seconds(server.pid)
    await asyncio.gather(*(client.run_until(begin + seconds) for client in clients))
    wall_s, core_s = time.perf_counter() - begin, _core_seconds(server.pid) - used_s
    await asyncio.gather(*(socket.close() for socket in sockets))
    # A tick is the least that the system counts.
    return clients, wall_s, max(core_s, 1 / os.sysconf("SC_CLK_TCK"))


async def _memory(server: Server) -> tuple[int, int, int]:
    """Resident bytes of the server: alone, with idle sockets, and after each has had a run."""
    probe = await _open(server)
    await Client(probe, 0, 64, 200).run()
    before = _resident(server.pid)
    sockets = await asyncio.gather(*(_open(server) for _ in range(IDLE_SOCKETS)))
    idle = _resident(server.pid)
    for number, socket in enumerate(sockets):
        await Client(socket, number, 64, 200).run()
    after = _resident(server.pid)
    await asyncio.gather(*(socket.close() for socket in [probe, *sockets]))
    return before, idle, after


def _core_seconds(pid: int) -> float:
    """What a process has used of all cores together so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("the system does not tell the memory of a process")
