import pytest
import torch

from rnncore import GRUCell
from tests.core.gated_builders import cell_of, gated_cell, gated_run, module, whole, with_bias


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_rollout_equals_torch_gru_over_whole_sequences(dtype, tolerance, batch):
    reference = module("gru", 20, 3, dtype)
    x, h_0 = torch.randn(*batch, 100, 3, dtype=dtype), torch.randn(*batch, 20, dtype=dtype)
    with torch.no_grad():
        expected, _ = reference(x.view(-1, 100, 3), h_0.view(1, -1, 20))
    found = whole(gated_run(cell_of(reference), x, h_0)).h
    torch.testing.assert_close(found.view_as(expected), expected, rtol=tolerance, atol=tolerance)


def test_stepping_is_the_rollout_and_so_are_the_gates():
    cell = gated_cell("gru", scale=3.0)
    x, h = torch.randn(60, 2, dtype=torch.float64), torch.randn(12, dtype=torch.float64)
    run = gated_run(cell, x, h)
    states, gates = whole(run), run.gates(0, 60)
    assert list(gates) == ["r", "z", "n"]
    for t in range(60):
        for name, gate in cell.gates(x[t], h).items():
            torch.testing.assert_close(gates[name][t], gate, rtol=1e-12, atol=1e-13)
        h = cell.step(x[t], h)
        torch.testing.assert_close(states.h[t], h, rtol=1e-12, atol=1e-13)


def test_a_step_is_made_of_its_gates():
    """(1 - z) n + z h, not the other way round; r inside the product's bracket."""
    cell = gated_cell("gru", scale=2.0)
    x_t, h = torch.randn(4, 2, dtype=torch.float64), torch.randn(4, 12, dtype=torch.float64)
    gates = cell.gates(x_t, h)
    r, z, n = gates["r"], gates["z"], gates["n"]
    torch.testing.assert_close(cell.step(x_t, h), (1 - z) * n + z * h)
    inner = h @ cell.W_hh[24:].T + cell.b_hn
    torch.testing.assert_close(n, torch.tanh(x_t @ cell.W_xh[24:].T + cell.b_h[24:] + r * inner))


def test_adjoint_of_a_step_is_autograds():
    cell = gated_cell("gru", H=5, scale=2.0)
    weights = [
        each.clone().requires_grad_() for each in (cell.W_xh, cell.W_hh, cell.b_h, cell.b_hn)
    ]
    x_t = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(4, 5, dtype=torch.float64)
    expected = torch.autograd.grad(GRUCell(*weights).step(x_t, h), (h, x_t, *weights), cotangent)
    found = cell.vjp(x_t.detach(), h.detach(), cotangent)
    torch.testing.assert_close(found.h, expected[0])
    torch.testing.assert_close(found.x, expected[1])
    torch.testing.assert_close(found.a.T @ x_t.detach(), expected[2])
    torch.testing.assert_close(found.p.T @ h.detach(), expected[3])
    torch.testing.assert_close(found.a.sum(dim=0), expected[4])
    torch.testing.assert_close(found.p[:, 10:].sum(dim=0), expected[5])


def test_step_passes_gradcheck():
    cell = gated_cell("gru", H=4)
    x_t, h = (torch.randn(2, n, dtype=torch.float64, requires_grad=True) for n in (2, 4))
    assert torch.autograd.gradcheck(cell.step, (x_t, h))


def test_state_jacobian_is_autograds():
    cell = gated_cell("gru", H=6, scale=2.0)
    x_t, h = torch.randn(2, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda state: cell.step(x_t, state), h)
    torch.testing.assert_close(cell.state_jacobian(x_t, h), expected)


def test_leading_batch_axes_of_every_method():
    cell = gated_cell("gru", H=4)
    x_t, h = torch.randn(3, 5, 2, dtype=torch.float64), torch.randn(3, 5, 4, dtype=torch.float64)
    assert cell.state_jacobian(x_t, h).shape == (3, 5, 4, 4)
    assert cell.vjp(x_t, h, h).a.shape == (3, 5, 12)
    torch.testing.assert_close(cell.step(x_t[1, 2], h[1, 2]), cell.step(x_t, h)[1, 2])
    torch.testing.assert_close(
        cell.state_jacobian(x_t[1, 2], h[1, 2]), cell.state_jacobian(x_t, h)[1, 2]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_open_update_gate_keeps_h(dtype):
    """V19: z → 1 keeps. In float32 1 - z would be 0 already at a bias of 17."""
    cell = with_bias(gated_cell("gru", scale=0.1, dtype=dtype), 1, 30.0)
    h_0 = torch.linspace(0.1, 1, 12, dtype=dtype)
    x = torch.randn(1000, 2, dtype=dtype)
    kept = whole(gated_run(cell, x, h_0)).h[-1]
    torch.testing.assert_close(kept, h_0, rtol=1e-6, atol=0)
    # From nothing, 1 - z = e^-30 of the candidate gets in at a time.
    first = whole(gated_run(cell, x)).h[0].double()
    n = cell.gates(x[0], torch.zeros(12, dtype=dtype))["n"].double()
    torch.testing.assert_close(
        first, n * torch.sigmoid(torch.tensor(-30.0).double()), rtol=1e-1, atol=0
    )


GOOD = {
    "W_xh": torch.ones(6, 1),
    "W_hh": torch.ones(6, 2),
    "b_h": torch.zeros(6),
    "b_hn": torch.zeros(2),
}


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"W_hh": torch.ones(8, 2)}, r"W_hh has the wrong shape: got \(8, 2\); expected \(…, 6, 2"),
        ({"W_xh": torch.ones(2, 1)}, r"W_xh has the wrong shape: got \(2, 1\); expected \(…, 6, D"),
        ({"b_h": torch.zeros(2)}, r"b_h has the wrong shape: got \(2,\); expected \(…, 6\)"),
        ({"b_hn": torch.zeros(6)}, r"b_h has the wrong shape: got \(6,\); expected \(…, 18\)"),
        ({"b_hn": torch.full((2,), torch.nan)}, r"b_hn is not finite: got nan"),
        ({"b_hn": torch.zeros(2).double()}, r"b_hn does not match W_hh: got torch.float64"),
        ({"W_hh": torch.full((6, 2), 2e37)}, r"the sum of \|W_hh\| over a row or column is too"),
    ],
)
def test_wrong_weights_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        GRUCell(**(GOOD | wrong))
