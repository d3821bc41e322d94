"""The two readable kernels agree: NumPy's on the CPU, PyTorch's elsewhere. Both run here."""

import pytest
import torch
from threadpoolctl import threadpool_info

from rnncore import LinearLoss, input_sequence, loss_direction, native, single_threaded
from rnncore.kernels import TORCH
from tests.core.builders import finished, make_cell, swept


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("rho", [0.1, 1.1, 30.0])
@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("at", ["last", "every"])
def test_torch_kernel_equals_numpy_kernel(monkeypatch, activation, rho, batch, at):
    cell = make_cell(activation=activation, rho=rho)
    x = input_sequence("impulse", 300, 2, batch_size=batch)
    loss = LinearLoss(loss_direction(16), at)

    def norms():
        run = finished(cell, x, torch.ones(16))
        return run.log10_norm_h, swept(run, loss)

    monkeypatch.setattr(native, "loops", lambda dtype: None)
    states, gradients = norms()
    for module in ("stepping", "sweeping"):
        monkeypatch.setattr(f"rnncore.{module}.operations", lambda device: TORCH)
    torch_states, torch_gradients = norms()
    # Above ρ = 1 tanh is chaotic: the two round differently and part. Its first steps agree.
    steps = 300 if activation != "tanh" or rho < 1 else 5
    close = {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(torch_states[..., :steps], states[..., :steps], **close)
    if steps == 300:
        for name in ("log10_grad_h", "log10_grad_W_hh", "log10_linear_gain"):
            torch.testing.assert_close(
                getattr(torch_gradients, name), getattr(gradients, name), **close
            )


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_single_threaded_ends_with_its_block():
    before = blas_threads()
    with single_threaded(), single_threaded():
        assert blas_threads() == {1}
    assert blas_threads() == before
