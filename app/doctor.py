"""What `rhoscope doctor` says: versions, device, libraries, and a second of real work."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from app import __version__
from app.assets import MissingAsset, Plotly, frontend_folder
from app.device import Device, chosen_device
from app.engine import RunEngine
from app.experiment import Experiment
from app.frames import Frame
from app.plan import Plan
from app.settings import MEBIBYTE, Settings
from app.versions import PACKAGES
from rnncore import ElmanCell, native

SELF_TEST_S = 1.0
TOLERANCE = 1e-9  # relative, of float64 norms against autograd

Line = tuple[str, str]  # what it is about, and what was found


class Unwell(RuntimeError):
    """Something is missing or computes wrong numbers; the message says what to do."""


def report(settings: Settings) -> Iterator[Line]:
    """The lines, each as soon as it is known.

    Raises:
        Unwell: the device or a file is missing, or the self test found a wrong number.
    """
    yield "Rhoscope", __version__
    yield "Python", f"{platform.python_version()} on {platform.platform()}"
    yield "packages", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    try:
        yield "page", f"{frontend_folder()}, plotly.js {Plotly().version}"
        device = chosen_device(settings.device)
    except (MissingAsset, ValueError) as error:
        raise Unwell(str(error)) from None
    yield "device", _device_name(device)
    yield "BLAS", _blas()
    yield "loops", native.status()
    yield "threads", f"one a run, {settings.max_jobs} runs at once, {settings.workers} worker(s)"
    yield "memory", _budget(settings)
    with threadpool_limits(limits=1):
        yield "self test", _checked_numbers(device)
        yield "speed", _speed(device, settings)


def _device_name(device: Device) -> str:
    if device == "cpu":
        return f"cpu ({torch.backends.cpu.get_cpu_capability()}); torch sees no CUDA GPU"
    gpu = torch.cuda.get_device_properties(0)
    return f"cuda ({gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda})"


def _blas() -> str:
    found = [
        f"{library['internal_api']} {library['version']}"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    with_torch = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    return f"{', '.join(found) or 'none found'}; torch with {with_torch}"


def _budget(settings: Settings) -> str:
    kept = {
        "all runs together": settings.max_memory_bytes,
        "one answer": settings.max_result_bytes,
        "what is asked for again": settings.cache_bytes,
    }
    return ", ".join(f"{nbytes // MEBIBYTE} MiB for {what}" for what, nbytes in kept.items())


def _checked_numbers(device: Device) -> str:
    """Runs a small network in float64 and holds its gradients against autograd's."""
    document = {"cell": {"hidden_size": 16}, "steps": 50, "dtype": "float64"}
    experiment = Experiment.model_validate_json(json.dumps(document))
    tensors = _run(RunEngine(device, 0), experiment)
    log10_grad_h = _autograd(tensors)
    wrong = float(np.abs(10 ** (tensors["log10_grad_h"] - log10_grad_h) - 1).max())
    if not wrong <= TOLERANCE:
        raise Unwell(
            f"the self test failed: got gradients that differ from autograd's by {wrong:.1e}; "
            f"expected at most {TOLERANCE:.0e}. Install Rhoscope again, or set "
            f"{native.SWITCH}=0 to do without compiled loops."
        )
    return f"gradients of 50 steps equal autograd's to {wrong:.0e}"


def _autograd(tensors: dict[str, np.ndarray]) -> np.ndarray:
    """log10 ‖∂L/∂h_t‖ of the same run by PyTorch's own differentiation."""
    names = ("W_xh", "W_hh", "b_h", "x", "h_0", "cotangent")
    W_xh, W_hh, b_h, x, h, c = (torch.from_numpy(tensors[name].copy()) for name in names)
    cell = ElmanCell(W_xh, W_hh.requires_grad_(), b_h)
    states = []
    for x_t in x:
        h = cell.step(x_t, h)
        h.retain_grad()
        states.append(h)
    (c @ h).backward()
    return np.log10([float(torch.linalg.vector_norm(each.grad)) for each in states])


def _speed(device: Device, settings: Settings) -> str:
    """How fast the opening picture is computed, over a second."""
    engine = RunEngine(device, settings.cache_bytes)
    spent_ms: list[float] = []
    end = time.perf_counter() + SELF_TEST_S
    while time.perf_counter() < end:
        # Each ρ is a new one: a picture that is kept already would cost nothing.
        radius = 0.9 + 1e-6 * len(spent_ms)
        document = json.dumps({"recurrent": {"spectral_radius": radius}})
        begin = time.perf_counter()
        _run(engine, Experiment.model_validate_json(document))
        spent_ms.append(1e3 * (time.perf_counter() - begin))
    return (
        f"{len(spent_ms)} runs of H = 64, T = 200 with all gradients in {SELF_TEST_S:g} s; "
        f"median {statistics.median(spent_ms):.2f} ms, best {min(spent_ms):.2f} ms"
    )


def _run(engine: RunEngine, experiment: Experiment) -> dict[str, np.ndarray]:
    """All tensors of a run, whole."""
    tensors: dict[str, np.ndarray] = {}
    for item in engine.run(experiment, Plan.whole(experiment.steps), lambda: False):
        if isinstance(item, Frame):
            tensors.update(item.tensors)
    return tensors
