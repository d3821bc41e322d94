import pytest
import torch

from rnncore import ACTIVATIONS, ln_slope, phi, slope, steepest_slope

A = torch.linspace(-30, 30, 601, dtype=torch.float64)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_is_what_autograd_finds(activation):
    a = A[A != 0].clone().requires_grad_()  # ReLU has no slope at 0
    (expected,) = torch.autograd.grad(phi(activation, a).sum(), a)
    # autograd's 1 - tanh² is the less accurate of the two: absolute tolerance
    torch.testing.assert_close(slope(activation, a.detach()), expected, rtol=0, atol=4e-16)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logarithm_of_the_slope(activation):
    torch.testing.assert_close(
        ln_slope(activation, A), slope(activation, A).log(), rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slope_of_tanh_survives_where_one_minus_h_squared_is_zero(dtype):
    a = torch.tensor([25.0], dtype=dtype)
    assert 1 - torch.tanh(a) ** 2 == 0
    assert slope("tanh", a).item() == pytest.approx(7.7149994e-22, rel=1e-6)  # 4 e^-50


def test_logarithm_of_the_slope_goes_on_past_the_end_of_float64():
    a = torch.tensor([-373.0, 1e6, 1e300], dtype=torch.float64)
    assert slope("tanh", a).tolist() == [0, 0, 0] or slope("tanh", a)[0] < 1e-320
    expected = [1.3862943611198906 - 2 * abs(value) for value in a.tolist()]
    assert ln_slope("tanh", a).tolist() == pytest.approx(expected, rel=1e-15)


def test_relu_is_flat_at_zero_and_below():
    a = torch.tensor([-1.0, 0.0, 1.0])
    assert slope("relu", a).tolist() == [0, 0, 1]
    assert ln_slope("relu", a).tolist() == [-torch.inf, -torch.inf, 0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_steepest_slope_bounds_every_slope(activation):
    assert slope(activation, A).max() <= steepest_slope(activation)


@pytest.mark.parametrize("function", [phi, slope, ln_slope])
def test_unknown_activation(function):
    with pytest.raises(ValueError, match=r"activation is unknown: got 'gelu'; expected one of"):
        function("gelu", A)
