"""The growth of powers, against literature and against plain singular values."""

import math

import pytest
import torch

from rnncore import (
    Cancelled,
    LargestPower,
    change_normality,
    largest_power,
    matrix_powers,
    recurrent_matrix,
)


def test_below_one_and_yet_it_grows():
    """V12: ρ = .9 and yet max ‖Wᵗ‖ = 3.9126 at t = 9."""
    found = largest_power(torch.tensor([[0.9, 1.0], [0.0, 0.9]]), 200)
    assert found.step == 9
    assert 10**found.log10_norm == pytest.approx(3.9126, abs=5e-5)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.0])
def test_it_is_the_largest_of_all_singular_values(alpha):
    W = change_normality(recurrent_matrix("gaussian", 24, seed=3, spectral_radius=0.95).W, alpha)
    norms = [
        float(torch.linalg.matrix_norm(torch.linalg.matrix_power(W, t), 2)) for t in range(1, 80)
    ]
    found = largest_power(W, 79)
    assert 10**found.log10_norm == pytest.approx(max(norms), rel=1e-12)
    assert norms[found.step - 1] == pytest.approx(max(norms), rel=1e-12)


def test_powers_far_past_the_end_of_float64():
    found = largest_power(10.0 * torch.eye(3), 1000)
    assert found.step == 1000 and found.log10_norm == pytest.approx(1000, abs=1e-9)


@pytest.mark.parametrize("exponent", [155, 300, -155, -170, -320])
def test_squares_past_the_end_of_float64(exponent):
    found = largest_power(10.0**exponent * torch.eye(3, dtype=torch.float64), 3)
    assert found.step == (3 if exponent > 0 else 1)
    assert found.log10_norm == pytest.approx(
        found.step * exponent, abs=1e-3 if exponent < -300 else 1e-9
    )


def test_entries_far_apart():
    """[[0, a], [b, 0]]² = ab I: the odd powers count in a and b, the even ones in their product."""
    W = torch.tensor([[0.0, 1e-170], [1e170, 0.0]], dtype=torch.float64)
    assert largest_power(W, 9) == LargestPower(pytest.approx(170, abs=1e-9), 1)
    W = torch.tensor([[0.0, 1e-150], [1e170, 0.0]], dtype=torch.float64)
    assert largest_power(W, 9) == LargestPower(pytest.approx(170 + 4 * 20, abs=1e-9), 9)


def test_a_nilpotent_matrix_ends_in_nothing():
    found = largest_power(recurrent_matrix("delay_line", 4).W, 100)
    assert (found.log10_norm, found.step) == (pytest.approx(0, abs=1e-12), 1)
    assert largest_power(torch.zeros(2, 2), 5) == LargestPower(float("-inf"), 1)


# All of them


def test_powers_above_one_below_the_radius():
    """V12: the largest 3.9126 at t = 9, and below 1 from t = 35 on."""
    found = matrix_powers(torch.tensor([[0.9, 1.0], [0.0, 0.9]], dtype=torch.float64), 200)
    norms = 10**found.log10_norm
    assert norms.max().item() == pytest.approx(3.9126, abs=5e-5) and norms.argmax().item() == 8
    assert (norms[:34] > 1).all() and (norms[34:] < 1).all()
    # Wᵗ = .9ᵗ [[1, t/.9], [0, 1]], whose norm is known.
    t = torch.arange(1, 201, dtype=torch.float64)
    b = t / 0.9
    expected = t * math.log10(0.9) + torch.log10((b + (b * b + 4).sqrt()) / 2)
    torch.testing.assert_close(found.log10_norm, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.log10_rho, t * math.log10(0.9), rtol=1e-12, atol=0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.0])
def test_they_lie_between_their_lines_and_on_one_if_normal(alpha):
    W = change_normality(recurrent_matrix("gaussian", 24, seed=3, spectral_radius=0.95).W, alpha)
    found = matrix_powers(W, 80)
    assert (found.log10_norm >= found.log10_rho - 1e-11).all()
    assert (found.log10_norm <= found.log10_sigma_max + 1e-11).all()
    if alpha == 0:
        torch.testing.assert_close(found.log10_norm, found.log10_rho, rtol=0, atol=1e-11)
    norms = [
        float(torch.linalg.matrix_norm(torch.linalg.matrix_power(W.double(), t), 2))
        for t in range(1, 81)
    ]
    torch.testing.assert_close(
        10**found.log10_norm, torch.tensor(norms).double(), rtol=1e-6, atol=0
    )
    largest = largest_power(W, 80)
    assert largest.log10_norm == found.log10_norm[largest.step - 1].item()


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_scaled_isometries_never_end(factor):
    """V2: ±1505.1499783199 decades after 5000 steps."""
    Q = recurrent_matrix("orthogonal", 4).W.double()
    found = matrix_powers(factor * Q, 5000)
    decades = 5000 * math.log10(factor)
    for line in (found.log10_norm, found.log10_rho, found.log10_sigma_max):
        assert line.shape == (5000,) and line[-1].item() == pytest.approx(decades, abs=1e-9)


def test_powers_that_end_in_nothing():
    found = matrix_powers(recurrent_matrix("delay_line", 4).W, 6)
    assert found.log10_norm[:3].tolist() == pytest.approx([0.0] * 3, abs=1e-12)
    assert torch.isneginf(found.log10_norm[3:]).all() and torch.isneginf(found.log10_rho).all()
    assert torch.isneginf(
        torch.stack(list(vars(matrix_powers(torch.zeros(2, 2), 3)).values()))
    ).all()


@pytest.mark.parametrize("powers", [largest_power, matrix_powers])
def test_they_can_be_stopped_and_refuse_what_is_no_matrix(powers):
    with pytest.raises(Cancelled):
        powers(torch.eye(2), 5, should_stop=lambda: True)
    with pytest.raises(ValueError, match="W is not square"):
        powers(torch.zeros(2, 3), 5)
    with pytest.raises(ValueError, match="W is not finite"):
        powers(torch.full((2, 2), float("nan")), 5)
    with pytest.raises(ValueError, match="steps is out of range"):
        powers(torch.eye(2), 0)
