"""The compiled loops against NumPy's, and what is said where they are missing."""

import importlib.util
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rnncore import LinearLoss, input_sequence, loss_direction, native
from rnncore.extended_range import band
from rnncore.native import runs
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
@pytest.mark.parametrize("H, batch", [(1, None), (7, 6), (64, None), (75, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_loops_equal_numpys(numpy_alone, activation, rho, at, H, batch, dtype):
    cell = make_cell(activation=activation, rho=rho, H=H, dtype=dtype)
    x = input_sequence("impulse", 300, 2, batch_size=batch)
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
    torch.testing.assert_close(states[..., :steps], numpy_states[..., :steps], **close)
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


class Storage:
    """What `runs.forward` and `runs.backward` need of a run of T steps, N rows, H units."""

    def __init__(self, T, N, H, dtype, *, is_in_place=False):
        self.u = torch.zeros(T + 1, N, H, dtype=dtype)
        self.a = self.u[1:] if is_in_place else torch.zeros(T, N, H, dtype=dtype)
        self.norm, self.factors = np.zeros((T + 1, N)), None
        self.path, self.delta, self.v = (torch.zeros_like(self.u[k:]) for k in (0, 1, 1))
        self.exponents = np.zeros((T + 1, N))


def test_tanh_and_its_slope_are_right_to_a_few_units_in_the_last_place(compiled):
    tiny = -(10.0 ** np.arange(-37, 0, 0.01))
    numbers = np.concatenate([np.linspace(-90, 90, 20_001), tiny, -tiny, [0.0, -0.0, 1e30]])
    for dtype, loops in compiled.items():
        a = torch.tensor(numbers, dtype=dtype)
        exact = a.numpy().astype(np.longdouble)
        storage = Storage(1, len(a), 1, dtype)
        storage.a[0, :, 0] = a
        everything = replace(band(dtype), low=0.0, high=math.inf)
        run = runs.forward(torch.zeros(1, 1, dtype=dtype), "tanh", storage, everything)
        assert run.run(0, len(a), 0, 1).tolist() == [1] * len(a)
        steps = storage.u[1, :, 0].numpy()
        epsilon = torch.finfo(dtype).eps
        assert np.abs(steps - np.tanh(exact)).max() <= 4 * epsilon
        relative = steps[exact != 0] / np.tanh(exact[exact != 0]) - 1
        assert np.abs(relative).max() <= 4 * epsilon
        reference = slope("tanh", a.double())
        normal = reference > torch.finfo(dtype).tiny
        relative = loops.slopes(a).double()[normal] / reference[normal] - 1
        # The argument's own rounding counts |2a| times in an exponential.
        assert float(relative.abs().max()) <= 6 * epsilon
        assert loops.slopes(a)[~normal].max() <= torch.finfo(dtype).tiny * 1.01


def test_every_row_goes_until_a_step_does_not_stand(compiled):
    """Doubling leaves the band for good where it meets a drive, and is rescaled where not."""
    for dtype in compiled:
        limits = replace(band(dtype), low=0.1, high=30.0, middle=0)
        storage = Storage(10, 3, 2, dtype, is_in_place=True)
        storage.u[0, 0] = 1.0
        storage.u[0, 1] = 1000.0  # leaves by more than the slack at once
        run = runs.forward(2 * torch.eye(2, dtype=dtype), "linear", storage, limits)
        assert run.run(0, 3, 0, 10).tolist() == [10, 0, 10]
        lengths = storage.norm * 2.0**storage.exponents
        np.testing.assert_allclose(lengths[1:, 0], math.sqrt(2) * 2.0 ** np.arange(1, 11))
        assert storage.exponents[:, 0].tolist() == [0] * 5 + [6] * 6, "past 30, a new exponent"
        assert not lengths[1:, 2].any(), "a zero from a zero stands"
        assert not storage.u[1, 1].any(), "the drive is as it was"


def test_a_sweep_goes_on_from_where_it_is_told(compiled):
    for dtype in compiled:
        limits = replace(band(dtype), low=0.1, high=1e9, middle=0)
        storage = Storage(10, 1, 3, dtype)
        storage.exponents = np.zeros(1)
        sweep = runs.backward(2 * torch.eye(3, dtype=dtype), storage, limits)
        d = torch.full((10, 1, 3), 0.25, dtype=dtype)
        d[4] = 1e-9
        sweep.take(d, np.zeros((10, 1)), None, np.full((10, 1), -np.inf))
        storage.path[10] = 1.0
        assert sweep.run(0, 1, 10).tolist() == [5]
        halves = math.sqrt(3) / 2.0 ** np.arange(4, -1, -1)
        lengths = sweep.norms[:, 5:, 0] * 2.0 ** sweep.above[5:, 0]
        np.testing.assert_allclose(lengths, (halves, halves / 4, halves / 2))
        storage.path[4] = 1.0
        assert sweep.run(0, 1, 4).tolist() == [0]


def test_rows_that_go_together_get_the_bits_of_a_row_alone(compiled):
    """Products are taken four rows at a time, and the last ones singly."""
    for dtype in compiled:
        cell, x = make_cell(H=33, dtype=dtype), input_sequence("noise", 40, 2)
        scales = torch.linspace(0.1, 1.9, 11)
        many = finished(cell, x, torch.zeros(33), scales=scales)
        for k in (0, 3, 10):
            one = finished(cell, x, torch.zeros(33), scales=scales[k : k + 1])
            assert torch.equal(one.log10_norm_h[0], many.log10_norm_h[k])
            assert torch.equal(swept(one).log10_grad_h[0], swept(many).log10_grad_h[k])


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
