"""The growth of powers, against literature and against plain singular values."""

import pytest
import torch

from rnncore import Cancelled, LargestPower, change_normality, largest_power, recurrent_matrix


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


def test_it_can_be_stopped_and_refuses_what_is_no_matrix():
    with pytest.raises(Cancelled):
        largest_power(torch.eye(2), 5, should_stop=lambda: True)
    with pytest.raises(ValueError, match="W is not square"):
        largest_power(torch.zeros(2, 3), 5)
    with pytest.raises(ValueError, match="W is not finite"):
        largest_power(torch.full((2, 2), float("nan")), 5)
