import pytest
import torch

from rnncore import ACTIVATIONS, ElmanCell, input_sequence
from tests.core.builders import finished, make_cell


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_rollout_equals_torch_rnn_over_whole_sequences(activation, dtype, tolerance, batch):
    torch.manual_seed(0)
    reference = torch.nn.RNN(3, 20, nonlinearity=activation, batch_first=True, dtype=dtype)
    # PyTorch has two biases where the chapter has one: b_h is their sum.
    cell = ElmanCell(
        reference.weight_ih_l0.detach(),
        reference.weight_hh_l0.detach(),
        (reference.bias_ih_l0 + reference.bias_hh_l0).detach(),
        activation,
    )
    x = torch.randn(*batch, 100, 3, dtype=dtype)
    h_0 = torch.randn(*batch, 20, dtype=dtype)
    with torch.no_grad():
        expected, _ = reference(x, h_0.unsqueeze(0))
    run = finished(cell, x, h_0)
    (chunk,) = run.states(bounds=[(0, 100)])
    torch.testing.assert_close(chunk.h, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_stepping_is_the_rollout(activation):
    cell = make_cell(activation=activation)
    x = input_sequence("noise", 60, 2)
    h = torch.randn(16, dtype=torch.float64)
    run = finished(cell, x, h)
    (chunk,) = run.states(bounds=[(0, 60)])
    for t in range(60):
        h = cell.step(x[t], h)
        torch.testing.assert_close(chunk.h[t], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_adjoint_of_a_step_is_autograds(activation):
    cell = make_cell(H=5, activation=activation)
    x_t = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(4, 5, dtype=torch.float64)
    a = cell.preactivation(x_t, h)
    expected = torch.autograd.grad(cell.step(x_t, h), (h, x_t), cotangent)
    found = cell.vjp(a.detach(), cotangent)
    torch.testing.assert_close(found.h, expected[0])
    torch.testing.assert_close(found.x, expected[1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_step_passes_gradcheck(activation):
    cell = make_cell(H=4, activation=activation)
    x_t, h = (torch.randn(2, n, dtype=torch.float64, requires_grad=True) for n in (2, 4))
    assert torch.autograd.gradcheck(cell.step, (x_t, h))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_state_jacobian_is_autograds(activation):
    cell = make_cell(H=6, activation=activation)
    x_t, h = torch.randn(2, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda state: cell.step(x_t, state), h)
    torch.testing.assert_close(cell.state_jacobian(cell.preactivation(x_t, h)), expected)


def test_leading_batch_axes_of_every_method():
    cell = make_cell(H=4)
    x_t, h = torch.randn(3, 5, 2, dtype=torch.float64), torch.randn(3, 5, 4, dtype=torch.float64)
    a = cell.preactivation(x_t, h)
    assert cell.step(x_t, h).shape == a.shape == (3, 5, 4)
    assert cell.state_jacobian(a).shape == (3, 5, 4, 4)
    torch.testing.assert_close(cell.step(x_t[1, 2], h[1, 2]), cell.step(x_t, h)[1, 2])


GOOD = {"W_xh": torch.ones(2, 1), "W_hh": torch.ones(2, 2), "b_h": torch.zeros(2)}


@pytest.mark.parametrize(
    "wrong, message",
    [
        (
            {"W_hh": torch.ones(2, 3)},
            r"W_hh has the wrong shape: got \(2, 3\); expected \(…, 2, 2\)",
        ),
        ({"W_xh": torch.ones(3, 1)}, r"W_xh has the wrong shape: got \(3, 1\)"),
        ({"W_hh": torch.full((2, 2), torch.nan)}, r"W_hh is not finite: got nan"),
        ({"b_h": torch.tensor([0.0, torch.inf])}, r"b_h is not finite: got inf"),
        (
            {"b_h": torch.zeros(2, dtype=torch.float64)},
            r"b_h does not match W_hh: got torch.float64",
        ),
        ({"W_hh": torch.ones(2, 2, dtype=torch.int64)}, r"W_hh has the wrong dtype"),
        (
            {"W_hh": torch.full((2, 2), 2e38)},
            r"the sum of \|W_hh\| over a row or column is too large: got 4e\+38",
        ),
        (
            {
                "W_hh": torch.tensor([[6e37, 0.0, 0.0]] * 3),
                "W_xh": torch.ones(3, 1),
                "b_h": torch.zeros(3),
            },
            # By a column: W_hhᵀ is used as well.
            r"the sum of \|W_hh\| over a row or column is too large: got 1\.8e\+38; "
            r"expected less than 8\.5e\+37",
        ),
        ({"activation": "gelu"}, r"activation is unknown: got 'gelu'"),
    ],
)
def test_wrong_weights_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        ElmanCell(**(GOOD | wrong))
