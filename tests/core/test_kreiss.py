"""The Kreiss constant, against closed forms and its theorem."""

import math

import pytest
import torch

from rnncore import Cancelled, change_normality, kreiss_constant, largest_power, recurrent_matrix


def matrix(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_below_one_and_yet_it_grows():
    """V12: ρ = .9 and K = 2.6000."""
    assert kreiss_constant(matrix([0.9, 1.0], [0.0, 0.9])) == pytest.approx(2.6, abs=1e-9)


def two_by_two(lam, b):
    """sup (r - 1) ‖(rI - W)⁻¹‖ of [[λ, b], [0, λ]] along the real axis, by a fine scan."""
    r = 1 + torch.logspace(-5, 2, 200_001, dtype=torch.float64)
    s, t = 1 / (r - lam), b / (r - lam) ** 2
    norm = (t + (t * t + 4 * s * s).sqrt()) / 2
    return float(((r - 1) * norm).max())


@pytest.mark.parametrize("lam, b", [(0.0, 5.0), (0.5, 1.0), (0.99, 0.3), (0.999, 2.0), (0.0, 1e6)])
def test_jordan_blocks(lam, b):
    """[[λ, b], [0, λ]] is largest in modulus and non-normal along the real axis."""
    W = matrix([lam, b], [0.0, lam])
    assert kreiss_constant(W) == pytest.approx(max(1.0, two_by_two(lam, b)), rel=1e-8)


def test_a_rotated_peak_is_found():
    """The block V12 turned by angles: the peak leaves the real axis and keeps its height."""
    c, s = math.cos(1.234), math.sin(1.234)
    turned = torch.kron(matrix([0.9, 1.0], [0.0, 0.9]), matrix([c, -s], [s, c]))
    assert kreiss_constant(turned) == pytest.approx(2.6, abs=1e-8)


@pytest.mark.parametrize("ensemble", ["orthogonal", "identity", "symmetric", "ring", "delay_line"])
def test_what_never_grows_has_one(ensemble):
    W = recurrent_matrix(ensemble, 9, seed=1).W
    if ensemble != "delay_line":
        W = recurrent_matrix(ensemble, 9, seed=1, spectral_radius=1.0).W
    assert kreiss_constant(W) == pytest.approx(1.0, abs=1e-6)


def test_an_eigenvalue_on_the_circle():
    """There K is its condition number, √2; and ∞ where it is defective."""
    assert kreiss_constant(matrix([1.0, 0.5], [0.0, 0.5])) == pytest.approx(math.sqrt(2), rel=1e-6)
    assert kreiss_constant(matrix([1.0, 1.0], [0.0, 1.0])) == math.inf
    assert kreiss_constant(matrix([-1.0, 1.0], [0.0, -1.0])) == math.inf


def test_beyond_the_circle_it_is_infinite():
    assert kreiss_constant(matrix([1.001])) == math.inf
    assert kreiss_constant(recurrent_matrix("gaussian", 8, spectral_radius=1.2).W) == math.inf


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.0])
def test_the_theorem(alpha):
    """K ≤ sup ‖Wᵗ‖ ≤ e H K."""
    H = 16
    W = change_normality(recurrent_matrix("gaussian", H, seed=2, spectral_radius=0.97).W, alpha)
    K, largest = kreiss_constant(W), max(1.0, 10 ** largest_power(W, 400).log10_norm)
    assert 1 <= K <= largest * (1 + 1e-12) and largest <= math.e * H * K


def test_it_is_no_lower_than_on_a_fine_grid():
    W = change_normality(recurrent_matrix("gaussian", 8, seed=5, spectral_radius=0.97).W, 2.0)
    r = 1 + torch.logspace(-4, 1, 60, dtype=torch.float64)
    z = torch.polar(r[:, None].expand(-1, 120), torch.linspace(0, math.pi, 120).double())
    singular = torch.linalg.svdvals(z[..., None, None] * torch.eye(8) - W.double())
    on_grid = float(((r[:, None] - 1) / singular[..., -1]).max())
    assert on_grid <= kreiss_constant(W) * (1 + 1e-9)
    assert kreiss_constant(W) == pytest.approx(on_grid, rel=0.02)


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e100, 1e200])
def test_matrices_of_any_size(scale):
    found = kreiss_constant(scale * matrix([0.0, 1.0], [0.0, 0.0]))
    # sup (r - 1) b / r² = b / 4 for large b.
    assert found == pytest.approx(max(1.0, scale / 4), rel=1e-9)


def test_it_can_be_stopped_and_refuses_what_is_no_matrix():
    with pytest.raises(Cancelled):
        kreiss_constant(0.5 * torch.eye(2), should_stop=lambda: True)
    with pytest.raises(ValueError, match="W is not square"):
        kreiss_constant(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="W is not finite"):
        kreiss_constant(torch.full((2, 2), float("nan")))
