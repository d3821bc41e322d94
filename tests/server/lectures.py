"""Offline files for the tests: made, taken apart, and what the server computes beside them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from app.assets import Plotly, frontend_folder
from app.device import chosen_device
from app.engine import RunEngine
from app.experiment import Experiment
from app.grid import over_from, radii_from, with_own
from app.lecture import Lecture, lecture, source_of
from app.limits import Cost
from app.offline_page import shell_of
from app.plan import AnyPlan, Plan
from app.protocol import Done
from app.recording import Wish
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Settings()
RACE = {"starts": 3, "start_distance": "near"}
ALONE = {"starts": 1, "start_distance": "far"}
SHELL = shell_of(frontend_folder(), Plotly().file)
SMALL = "#rho=0.9&H=8&T=20&input=noise"
ELEMENT = re.compile(r'<script type="text/plain" id="packed-([^"]+)">([^<]*)</script>')
DTYPES = {"F32": "<f4", "F64": "<f8"}


def made(link: str, *, radii: str | None = None, over: str = "", **options: Any) -> Lecture:
    source = source_of(link)
    second = with_own(over_from(over), source.scenes[0].experiment) if over else None
    wish = Wish(source.scenes, radii_from(radii) if radii else None, second)
    device = chosen_device("cpu")
    engine = RunEngine(device, 0)

    def compute(experiment: Experiment, plan: AnyPlan, cost: Cost) -> Any:
        return engine.run(experiment, plan, lambda: False)

    return lecture(source, wish, compute, SETTINGS, device, SHELL, **options)


def elements(content: bytes) -> dict[str, str]:
    """What the file has packed, by name."""
    return {found[1]: found[2] for found in ELEMENT.finditer(content.decode())}


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A blob's header, and all tensors of its frames."""
    raw = gzip.decompress(base64.b64decode(text))
    length = int.from_bytes(raw[:4], "little")
    header = json.loads(raw[4 : 4 + length])
    start, tensors = 4 + length, {}
    for frame in header["frames"]:
        for name, dtype, shape in frame["tensors"]:
            size = np.dtype(DTYPES[dtype]).itemsize
            count = int(np.prod(shape))
            planes = np.frombuffer(raw, np.uint8, count * size, start).reshape(size, count)
            tensors[name] = np.ascontiguousarray(planes.T).view(DTYPES[dtype]).reshape(shape)
            start += count * size
    assert start == len(raw)
    return header, tensors


def index_of(content: bytes) -> dict[str, Any]:
    text = elements(content)["recording"]
    index: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return index


def computed(experiment: Experiment) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    plan = Plan.whole(experiment.steps)
    for item in RunEngine(chosen_device("cpu"), 0).run(experiment, plan, lambda: False):
        if not isinstance(item, Done):
            tensors |= item.tensors
    return tensors
