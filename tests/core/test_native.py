"""The compiled loops against NumPy's, and what is said where they are missing."""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rnncore import LinearLoss, input_sequence, loss_direction, native
from rnncore.slopes import slope
from tests.core.builders import finished, make_cell, swept

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def numpy_alone(monkeypatch):
    """Call it to go on without compiled loops."""
    return lambda: monkeypatch.setattr(native, "loops", lambda dtype: None)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("rho", [0.05, 0.9, 30.0])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("H", [1, 7, 64, 75])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_loops_equal_numpys(numpy_alone, activation, rho, at, H, dtype):
    cell = make_cell(activation=activation, rho=rho, H=H, dtype=dtype)
    x = input_sequence("impulse", 300, 2)
    loss = LinearLoss(loss_direction(H), at)

    def norms():
        run = finished(cell, x, torch.ones(H))
        return run.log10_norm_h, swept(run, loss)

    states, gradients = norms()
    numpy_alone()
    numpy_states, numpy_gradients = norms()
    # Above ρ = 1 what bends is chaotic: the two round differently and part. First steps agree.
    is_chaotic = activation != "linear" and rho > 1
    steps = 3 if is_chaotic else 300
    # Roundings of 300 steps, in decades; where directions cancel they count more.
    decades = {torch.float32: 2e-3, torch.float64: 1e-10}[dtype]
    close = {"rtol": decades / 100, "atol": decades}
    torch.testing.assert_close(states[:steps], numpy_states[:steps], **close)
    if not is_chaotic:
        for name in ("log10_grad_h", "log10_grad_W_hh", "log10_linear_gain", "log10_saturation"):
            torch.testing.assert_close(
                getattr(gradients, name), getattr(numpy_gradients, name), **close
            )


@pytest.fixture
def compiled():
    """The loops of both types; where they could not be built, what says so."""
    found = {dtype: native.loops(dtype) for dtype in (torch.float32, torch.float64)}
    if found[torch.float32] is None:
        assert native.status().startswith("NumPy loops: ")
    return {dtype: each for dtype, each in found.items() if each is not None}


def test_tanh_and_its_slope_are_right_to_a_few_units_in_the_last_place(compiled):
    tiny = -(10.0 ** np.arange(-37, 0, 0.01))
    numbers = np.concatenate([np.linspace(-90, 90, 20_001), tiny, -tiny, [0.0, -0.0, 1e30]])
    for dtype, loops in compiled.items():
        a = torch.tensor(numbers, dtype=dtype)
        exact = a.numpy().astype(np.longdouble)
        h = torch.zeros(2, 1, dtype=dtype)
        weights = torch.zeros(1, 1, dtype=dtype)
        limits = {"is_linear": False, "low": 0.0, "high": math.inf}
        steps = []
        for number in a:
            drive = number.reshape(1, 1).clone()
            loops.forward(weights, h, drive, "tanh", **limits)
            steps.append(float(h[1, 0]))
        epsilon = torch.finfo(dtype).eps
        assert np.abs(np.array(steps) - np.tanh(exact)).max() <= 4 * epsilon
        relative = np.array(steps)[exact != 0] / np.tanh(exact[exact != 0]) - 1
        assert np.abs(relative).max() <= 4 * epsilon
        reference = slope("tanh", a.double())
        normal = reference > torch.finfo(dtype).tiny
        relative = loops.slopes(a).double()[normal] / reference[normal] - 1
        # The argument's own rounding counts |2a| times in an exponential.
        assert float(relative.abs().max()) <= 6 * epsilon
        assert loops.slopes(a)[~normal].max() <= torch.finfo(dtype).tiny * 1.01


def test_a_run_ends_after_the_step_that_left_its_limits(compiled):
    for dtype, loops in compiled.items():
        double = 2 * torch.eye(3, dtype=dtype)
        u, a = torch.ones(11, 3, dtype=dtype), torch.zeros(10, 3, dtype=dtype)
        u[1:] = 0
        norm = loops.forward(double, u, u[1:], "linear", is_linear=False, low=0.1, high=30.0)
        np.testing.assert_allclose(norm, math.sqrt(3) * 2.0 ** np.arange(1, 6))
        assert not u[6:].any()
        d, path = torch.full((10, 3), 0.25, dtype=dtype), torch.zeros(11, 3, dtype=dtype)
        path[-1] = 1
        reached, swept_norms = loops.backward(
            double, path, a, a.clone(), d, None, None, low=0.1, high=1e9
        )
        # ‖v‖ = √3 / 4, √3 / 8, √3 / 16 stay above 0.1; √3 / 32 does not.
        assert reached == 6
        halves = math.sqrt(3) / 2.0 ** np.arange(3, -1, -1)
        np.testing.assert_allclose(swept_norms, (halves, halves / 4, halves / 2))


def test_zeros_go_on(compiled):
    for dtype, loops in compiled.items():
        u = torch.zeros(11, 3, dtype=dtype)
        weights = torch.eye(3, dtype=dtype)
        norm = loops.forward(weights, u, u[1:], "relu", is_linear=False, low=0.1, high=30.0)
        assert norm.tolist() == [0.0] * 10


def test_the_switch_turns_them_off():
    code = (
        "from rnncore import native; import torch;"
        "print(native.status(), native.loops(torch.float32))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, native.SWITCH: "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"NumPy loops: {native.SWITCH} is 0 None"


@pytest.fixture
def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("compiler", "problem"),
    [("/nowhere/cc", "there is no C compiler"), ("false", "false failed")],
)
def test_without_a_working_compiler_nothing_is_left_behind(
    hook, monkeypatch, tmp_path, compiler, problem
):
    (tmp_path / "steps_base.so").write_bytes(b"of yesterday")
    monkeypatch.delenv(native.SWITCH, raising=False)
    monkeypatch.setenv("CC", compiler)
    if compiler.startswith("/"):
        monkeypatch.setenv("PATH", str(tmp_path))
    assert hook.compiled(tmp_path).startswith(problem)
    assert list(tmp_path.iterdir()) == []
