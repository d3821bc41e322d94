"""The atlas of ρ: computed as one fan, streamed coarse to fine, and behind everybody's runs."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from websockets.asyncio.client import ClientConnection

from app.atlas import LARGEST_RADIUS
from app.engine import RunEngine
from app.frames import Frame
from app.plan import AnalysisPlan
from app.protocol import Analyse, Done
from rnncore import fan, single_threaded
from tests.benchmarks.core import Network
from tests.benchmarks.interleaved import Line, interleaved, ratio
from tests.benchmarks.server import Client, connected
from tests.serving import Server

COMPUTED = (64, 200)
STREAMED = (256, 1000)
RADII = 101
AUTOGRAD_RUNS = 5
COLUMNS = 600  # as many as the page asks for


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each comparison."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with single_threaded():
            yield from _computed(*COMPUTED, seconds)
    finally:
        torch.set_num_threads(threads)
    with Server() as server:
        yield from asyncio.run(_Streaming(server, *COMPUTED).lines(seconds))
        yield from asyncio.run(_Streaming(server, *STREAMED).lines(seconds))


def question(H: int, T: int, number: int) -> dict[str, Any]:
    """What the page asks for; each number another ρ, so that no answer is at hand."""
    return {
        "type": "analyse",
        "id": number,
        "experiment": {
            "cell": {"hidden_size": H},
            "steps": T,
            "recurrent": {"spectral_radius": 1 + 1e-7 * number},
        },
        "wants": ["atlas"],
        "view": {"t0": 0, "t1": T, "columns": min(T, COLUMNS)},
        "radii": RADII,
    }


def analysis(H: int, T: int) -> Callable[[], list[Frame | Done]]:
    """The server's AnalysisRun until it is complete; nothing is kept from the last, or sent."""
    message = Analyse.model_validate_json(json.dumps(question(H, T, 0)))
    engine, plan = RunEngine("cpu", 0), AnalysisPlan.of(message)
    return lambda: list(engine.run(message.experiment, plan, lambda: False))


def _computed(H: int, T: int, seconds: float) -> Iterator[Line]:
    section = f"Atlas of {RADII} radii, H = {H}, T = {T}, states and gradients, one thread"
    network, scales = Network(H, T, rho=1.0), torch.linspace(0, LARGEST_RADIUS, RADII)
    # From one end of the atlas to the other: what underflows may take longer.
    rhos = torch.linspace(0, LARGEST_RADIUS, AUTOGRAD_RUNS).tolist()
    few = [Network(H, T, rho=rho).autograd() for rho in rhos]
    other = f"{RADII} autograd runs, by {AUTOGRAD_RUNS} of them"
    spent = interleaved(
        {
            "fan": lambda: fan(network.cell, scales, network.x, network.h_0, network.loss),
            "analysis": analysis(H, T),
            other: lambda: [run() for run in few],
        },
        seconds=seconds,
    )
    spent[other] = [RADII / AUTOGRAD_RUNS * each for each in spent[other]]
    for ours, what in (("fan", "rnncore.fan"), ("analysis", "the server's AnalysisRun")):
        median = 1e3 * statistics.median(spent[ours])
        yield Line(section, what, median, "ms", other, ratio(spent, ours, other), "100 ms, 20×")


@dataclass
class _Streaming:
    """Atlases on one socket and runs of the same size on another, apart and together."""

    server: Server
    H: int
    T: int
    asked: int = 0
    first_s: list[float] = field(default_factory=list)
    whole_s: list[float] = field(default_factory=list)
    frames: int = 0

    async def lines(self, seconds: float) -> list[Line]:
        async with connected(self.server) as asking, connected(self.server) as running:
            client = Client(running, 0, self.H, self.T)
            await client.run()
            await self._atlas(asking)
            self.first_s.clear()
            self.whole_s.clear()
            behind: list[float] = []
            alone: list[float] = []
            end = time.perf_counter() + seconds
            while len(self.whole_s) < 3 or time.perf_counter() < end:
                await self._atlas(asking)
                behind += (found := await self._runs_during_an_atlas(asking, client))
                alone += [await _run_s(client) for _ in found]
        section = f"Atlas of {RADII} radii, H = {self.H}, T = {self.T}, through a socket"
        before_runs = 1e3 * statistics.median(behind)
        without = statistics.median(one / other for one, other in zip(alone, behind, strict=True))
        return [
            Line(section, "first, coarse frame", 1e3 * statistics.median(self.first_s), "ms"),
            Line(section, "whole", 1e3 * statistics.median(self.whole_s), "ms"),
            Line(section, "frames", self.frames, ""),
            Line(
                *(section, "a run on another socket meanwhile", before_runs, "ms"),
                *("one without an atlas", without),
            ),
            Line(section, "one without an atlas", 1e3 * statistics.median(alone), "ms"),
        ]

    async def _atlas(self, socket: ClientConnection, *, is_counted: bool = True) -> None:
        self.asked += 1
        begin = time.perf_counter()
        await socket.send(json.dumps(question(self.H, self.T, self.asked)))
        arrived: list[float] = []
        while not isinstance(message := await socket.recv(), str):
            arrived.append(time.perf_counter() - begin)
        if json.loads(message).get("status") != "complete":
            raise RuntimeError(message)
        self.frames = len(arrived)
        if is_counted:
            self.first_s.append(arrived[0])
            self.whole_s.append(time.perf_counter() - begin)

    async def _runs_during_an_atlas(self, socket: ClientConnection, client: Client) -> list[float]:
        atlas = asyncio.create_task(self._atlas(socket, is_counted=False))
        found: list[float] = []
        while not atlas.done():
            found.append(await _run_s(client))
        await atlas
        return found


async def _run_s(client: Client) -> float:
    await client.run()
    return client.spent_s[-1]
