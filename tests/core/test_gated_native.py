"""The compiled loops of gated cells against NumPy's."""

import numpy as np
import pytest
import torch

from rnncore import LinearLoss, input_sequence, loss_direction, native
from rnncore.gated import adjoints, kernels
from rnncore.gated.coefficients import fill_coefficients
from rnncore.gated.kernels import forward_kernel
from rnncore.kernels import TORCH
from tests.core.gated_builders import KINDS, gated_cell, gated_norms, gated_run

needs_loops = pytest.mark.skipif(native.loops(torch.float32) is None, reason=native.status())
DTYPES = (torch.float32, torch.float64)


@pytest.fixture
def numpy_alone(monkeypatch):
    """Call it to go on without compiled loops."""
    return lambda: monkeypatch.setattr(native, "loops", lambda dtype: None)


@needs_loops
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drive", ["impulse", "noise"])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("H, batch", [(1, None), (7, 6), (64, None), (75, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_loops_equal_numpys(numpy_alone, kind, drive, at, H, batch, dtype):
    cell = gated_cell(kind, H=H, D=1, dtype=dtype, bias=0.0 if drive == "impulse" else 1.0)
    x = input_sequence(drive, 400, 1, batch_size=batch)
    loss = LinearLoss(loss_direction(H), at)

    def found():
        run = gated_run(cell, x)
        norms = gated_norms(run, loss)
        return [
            run.log10_norm_h,
            *(each for each in vars(norms).values() if hasattr(each, "shape")),
        ]

    compiled = found()
    numpy_alone()
    decades = {torch.float32: 1e-3, torch.float64: 1e-9}[dtype]
    for mine, numpys in zip(compiled, found(), strict=True):
        torch.testing.assert_close(mine, numpys, rtol=decades / 100, atol=decades)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [None, 3])
def test_pytorchs_functions_do_what_numpys_do(numpy_alone, monkeypatch, kind, batch):
    """Those that run on other devices."""
    cell, x = gated_cell(kind), input_sequence("noise", 60, 2, batch_size=batch)
    loss = LinearLoss(loss_direction(12), "every")
    numpy_alone()
    numpys = gated_norms(gated_run(cell, x), loss)
    for module in (kernels, adjoints):
        monkeypatch.setattr(module, "operations", lambda device: TORCH)
    pytorchs = gated_norms(gated_run(cell, x), loss)
    torch.testing.assert_close(pytorchs.log10_grad_h, numpys.log10_grad_h, rtol=0, atol=1e-12)
    torch.testing.assert_close(pytorchs.log10_grad_W_hh, numpys.log10_grad_W_hh, rtol=0, atol=1e-12)


@needs_loops
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gates_are_right_to_a_few_units_in_the_last_place(numpy_alone, kind, dtype):
    """Coefficients over all magnitudes of preactivations, candidates and cells, scaled or not."""
    H = 200
    cell = gated_cell(kind, H=H, D=1, dtype=dtype)
    run = gated_run(cell, torch.zeros(9, 1))
    trajectory = run.trajectory
    generator = torch.Generator().manual_seed(0)
    for storage in (trajectory.a, trajectory.n, trajectory.c, trajectory.u):
        if storage is not None:
            sizes = 10 ** (4 * torch.rand(storage.shape, generator=generator) - 2)
            storage.copy_(sizes * torch.randn(storage.shape, generator=generator).sign())
    trajectory.exponents[3:6], trajectory.candidate_exponents[3:5] = -40.0, -40.0
    slots = 5 if kind == "gru" else 6
    mine, numpys = torch.empty(2, 9, 1, slots, H, dtype=torch.float64)
    fill_coefficients(mine, trajectory, 0, 9)
    numpy_alone()
    fill_coefficients(numpys, trajectory, 0, 9)
    # Below e^-700 the compiled loops say 0, and logarithms go on.
    counts = numpys.abs() > 1e-290
    assert counts.double().mean() > 0.5 and torch.isfinite(mine).all()
    torch.testing.assert_close(mine[counts], numpys[counts], rtol=1e-13, atol=0)
    assert (mine[~counts].abs() < 1e-289).all()


@needs_loops
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_that_go_together_get_the_bits_of_a_row_alone(kind, dtype):
    """Products are taken four rows at a time, and the last ones singly."""
    cell, x = gated_cell(kind, H=33, dtype=dtype), torch.randn(11, 40, 2)
    many = gated_run(cell, x)
    for k in (0, 3, 10):
        one = gated_run(cell, x[k])
        assert torch.equal(one.log10_norm_h, many.log10_norm_h[k])
        assert torch.equal(gated_norms(one).log10_grad_h, gated_norms(many).log10_grad_h[k])


@needs_loops
def test_shut_gates_of_float32_are_zero_and_none_is_nan():
    cell = gated_cell("lstm", H=4, D=1, dtype=torch.float32)
    run = gated_run(cell, torch.zeros(1, 1))
    a = torch.tensor([-1e30, -90.0, 90.0, 1e30])
    run.trajectory.a[0, 0] = a.repeat(4)
    run.trajectory.c[0, 0] = 1e30
    kernel = forward_kernel(torch.zeros(16, 4), run.trajectory)
    with np.errstate(all="raise"):
        kernel.run(0, 1, torch.zeros(1, 4), run.trajectory.c[0])
    torch.testing.assert_close(run.trajectory.c[1, 0], torch.tensor([0.0, 0.0, 1e30, 1e30]))
    torch.testing.assert_close(run.trajectory.u[1, 0], torch.tensor([0.0, 0.0, 1.0, 1.0]))
