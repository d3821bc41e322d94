import math

import pytest
import torch

from rnncore import LinearLoss, LSTMCell, LSTMState, loss_direction
from tests.core.gated_builders import (
    cell_of,
    gated_cell,
    gated_norms,
    gated_run,
    module,
    whole,
    with_bias,
)


def state_of(*shape, requires_grad=False):
    return LSTMState(
        *(torch.randn(*shape, dtype=torch.float64, requires_grad=requires_grad) for _ in range(2))
    )


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_rollout_equals_torch_lstm_over_whole_sequences(dtype, tolerance, batch):
    reference = module("lstm", 20, 3, dtype)
    x = torch.randn(*batch, 100, 3, dtype=dtype)
    h_0, c_0 = torch.randn(2, *batch, 20, dtype=dtype)
    with torch.no_grad():
        expected, (_, c_T) = reference(
            x.view(-1, 100, 3), (h_0.view(1, -1, 20), c_0.view(1, -1, 20))
        )
    run = gated_run(cell_of(reference), x, h_0, c_0)
    found, c = whole(run).h, run.gates(0, 100)["c"][..., -1, :]
    torch.testing.assert_close(found.view_as(expected), expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(c.view_as(c_T), c_T, rtol=tolerance, atol=tolerance)


def test_stepping_is_the_rollout_and_so_are_the_gates():
    cell, state = gated_cell("lstm", scale=3.0), state_of(12)
    x = torch.randn(60, 2, dtype=torch.float64)
    run = gated_run(cell, x, *state)
    states, gates = whole(run), run.gates(0, 60)
    assert list(gates) == ["i", "f", "g", "o", "c"]
    for t in range(60):
        for name, gate in cell.gates(x[t], state).items():
            torch.testing.assert_close(gates[name][t], gate, rtol=1e-12, atol=1e-13)
        state = cell.step(x[t], state)
        torch.testing.assert_close(states.h[t], state.h, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(run.log10_norm_c[t], state.c.norm().log10())


def test_a_step_is_made_of_its_gates():
    cell, state, x_t = gated_cell("lstm"), state_of(4, 12), torch.randn(4, 2, dtype=torch.float64)
    gates, new = cell.gates(x_t, state), cell.step(x_t, state)
    torch.testing.assert_close(new.c, gates["f"] * state.c + gates["i"] * gates["g"])
    torch.testing.assert_close(new.h, gates["o"] * torch.tanh(new.c))
    assert torch.equal(new.c, gates["c"])


def test_adjoint_of_a_step_is_autograds():
    cell, state = gated_cell("lstm", H=5, scale=2.0), state_of(4, 5, requires_grad=True)
    weights = [each.clone().requires_grad_() for each in (cell.W_xh, cell.W_hh, cell.b_h)]
    x_t = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    cotangent = state_of(4, 5)
    new = LSTMCell(*weights).step(x_t, state)
    expected = torch.autograd.grad(new, (*state, x_t, *weights), cotangent)
    bare = LSTMState(*(each.detach() for each in state))
    found = cell.vjp(x_t.detach(), bare, cotangent)
    for mine, autograds in zip(found[:3], expected[:3], strict=True):
        torch.testing.assert_close(mine, autograds)
    torch.testing.assert_close(found.a.T @ x_t.detach(), expected[3])
    torch.testing.assert_close(found.a.T @ bare.h, expected[4])
    torch.testing.assert_close(found.a.sum(dim=0), expected[5])


def test_step_passes_gradcheck():
    cell, state = gated_cell("lstm", H=4), state_of(2, 4, requires_grad=True)
    x_t = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, h, c: cell.step(x, LSTMState(h, c)), (x_t, *state))


def test_state_jacobian_is_autograds():
    cell, state = gated_cell("lstm", H=6, scale=2.0), state_of(6)
    x_t = torch.randn(2, dtype=torch.float64)

    def step(both):
        return torch.cat(cell.step(x_t, LSTMState(both[:6], both[6:])))

    expected = torch.autograd.functional.jacobian(step, torch.cat(state))
    torch.testing.assert_close(cell.state_jacobian(x_t, state), expected)


def test_leading_batch_axes_of_every_method():
    cell, state = gated_cell("lstm", H=4), state_of(3, 5, 4)
    x_t, one = torch.randn(3, 5, 2, dtype=torch.float64), LSTMState(*(each[1, 2] for each in state))
    assert cell.state_jacobian(x_t, state).shape == (3, 5, 8, 8)
    assert cell.vjp(x_t, state, state).a.shape == (3, 5, 16)
    torch.testing.assert_close(cell.step(x_t[1, 2], one).h, cell.step(x_t, state).h[1, 2])


# V19: what the forget gate lets through


def alone(b_f: float, H: int = 8) -> LSTMCell:
    """An LSTM whose gates hear neither h nor x: ∂c_t/∂c_{t-1} is f alone."""
    W = torch.zeros(4 * H, H, dtype=torch.float64)
    return with_bias(LSTMCell(W[:, :1], W, torch.zeros(4 * H, dtype=torch.float64)), 1, b_f)


@pytest.mark.parametrize(
    "b_f, f", [(0.0, 0.5), (1.0, 0.7310585786300049), (math.log(199), 1 - 1 / 200)]
)
def test_the_gradient_through_c_is_the_product_of_f(b_f, f):
    """V19; b_f = ln(T - 1) gives f = 1 - 1/T."""
    T = 200
    run = gated_run(alone(b_f), torch.zeros(T, 1), c_0=torch.linspace(-1, 1, 8))
    torch.testing.assert_close(
        run.gates(0, T)["f"], torch.full((T, 8), f, dtype=torch.float64), rtol=1e-14, atol=0
    )
    found = gated_norms(run)
    decades = torch.arange(T - 1, -1, -1, dtype=torch.float64) * math.log10(f)
    c_T = run.gates(T - 1, T)["c"][0]
    at_T = (0.5 * (1 - torch.tanh(c_T) ** 2) * loss_direction(8)).norm().log10()
    torch.testing.assert_close(found.log10_direct_path, at_T + decades, rtol=1e-13, atol=1e-12)
    torch.testing.assert_close(found.log10_grad_c, at_T + decades, rtol=1e-13, atol=1e-12)


def test_half_life_of_a_forget_bias_of_one():
    """V19: 2.2 steps."""
    found = gated_norms(gated_run(alone(1.0), torch.zeros(100, 1), c_0=torch.ones(8)))
    per_step = (found.log10_direct_path[1:] - found.log10_direct_path[:-1]).mean()
    assert math.log10(2) / float(per_step) == pytest.approx(2.2, abs=0.02)


def test_direct_path_is_the_product_of_the_recorded_gates():
    cell = gated_cell("lstm", scale=3.0)
    run = gated_run(cell, torch.randn(2, 50, 2, dtype=torch.float64))
    f, found = run.gates(0, 50)["f"], gated_norms(run, LinearLoss(loss_direction(12)))
    c_T, o_T = run.gates(49, 50)["c"][:, 0], run.gates(49, 50)["o"][:, 0]
    path = o_T * (1 - torch.tanh(c_T) ** 2) * loss_direction(12)
    for t in reversed(range(50)):
        torch.testing.assert_close(found.log10_direct_path[:, t], path.norm(dim=-1).log10())
        path = path * f[:, t]
    torch.testing.assert_close(found.log10_grad_c[:, -1], found.log10_direct_path[:, -1])


GOOD = {"W_xh": torch.ones(8, 1), "W_hh": torch.ones(8, 2), "b_h": torch.zeros(8)}


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"W_hh": torch.ones(6, 2)}, r"W_hh has the wrong shape: got \(6, 2\); expected \(…, 8, 2"),
        ({"W_hh": torch.ones(8)}, r"W_hh has the wrong shape: got \(8,\); expected \(…, 4H, H\)"),
        ({"W_xh": torch.ones(2, 1)}, r"W_xh has the wrong shape: got \(2, 1\); expected \(…, 8, D"),
        ({"b_h": torch.zeros(2)}, r"b_h has the wrong shape: got \(2,\); expected \(…, 8\)"),
        ({"b_h": torch.full((8,), torch.inf)}, r"b_h is not finite: got inf"),
        ({"b_h": torch.zeros(8).double()}, r"b_h does not match W_hh: got torch.float64"),
        ({"W_hh": torch.full((8, 2), 2e37)}, r"the sum of \|W_hh\| over a row or column is too"),
    ],
)
def test_wrong_weights_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        LSTMCell(**(GOOD | wrong))
