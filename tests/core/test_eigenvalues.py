"""Moving eigenvalues and changing normality, over random matrices."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnncore import (
    Eigensystem,
    apply_edits,
    change_normality,
    move_eigenvalue,
    recurrent_matrix,
    spectrum,
)
from rnncore.eigenvalues import KEEPS

EPS = 2.0**-52
SEEDS = st.integers(0, 500)
SIZES = st.integers(2, 24)


def drawn(H, seed):
    return recurrent_matrix("gaussian", H, seed=seed).W


def distance(found, wanted):
    """The largest distance in the best matching of two sets of eigenvalues, greedily."""
    left = list(found)
    worst = 0.0
    for value in wanted:
        nearest = min(left, key=lambda other: abs(other - value))
        worst = max(worst, abs(nearest - value))
        left.remove(nearest)
    return worst


def with_pair(H, seed, pair):
    """A matrix that has this pair, and its other eigenvalues, of radius 1 at most."""
    T = drawn(H, seed).triu(1)
    T[:2, :2] = torch.tensor([[pair.real, pair.imag], [-pair.imag, pair.real]])
    others = []
    if H > 2:
        rest = recurrent_matrix("gaussian", H - 2, seed=seed, spectral_radius=1.0)
        T[2:, 2:] = rest.W
        others = rest.spectrum.eigenvalues.tolist()
    Q = recurrent_matrix("orthogonal", H, seed=seed).W
    return Q @ T @ Q.mT, others


def sensitivity(W):
    """The largest condition number, with which rounding reaches an eigenvalue."""
    system = Eigensystem.of(W)
    return max(system.condition(k) for k in range(len(W)))


def moved_or_assume(W, at, to, **options):
    try:
        return move_eigenvalue(W, at, to, **options)
    except ValueError as refused:
        assume("got" not in str(refused))
        raise


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS, st.sampled_from(KEEPS), st.floats(-1.5, 1.5), st.floats(0.05, 1.5))
def test_a_pair_goes_to_its_target_and_no_other_moves(H, seed, keep, re, im):
    W = drawn(H, seed)
    eigenvalues = spectrum(W).eigenvalues.numpy()
    pairs = eigenvalues[eigenvalues.imag > 1e-2]
    assume(len(pairs))
    pair = pairs[0]
    others = eigenvalues[np.abs(eigenvalues - pair) > 1e-9]
    others = others[np.abs(others - pair.conj()) > 1e-9]
    moved = moved_or_assume(W, (pair.real, pair.imag), (re, im), keep=keep)
    assert moved.dtype == torch.float64 and not torch.is_complex(moved)
    found = spectrum(moved).eigenvalues.numpy()
    wanted = [*others, complex(re, im), complex(re, -im)]
    kappa = max(sensitivity(W), sensitivity(moved))
    assert distance(found, wanted) <= 50 * H * EPS * kappa * (1 + float(moved.norm()))


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS, st.sampled_from(KEEPS), st.floats(-2, 2))
def test_a_real_one_moves_alone_and_comes_back(H, seed, keep, re):
    W = drawn(H, seed)
    eigenvalues = spectrum(W).eigenvalues.numpy()
    reals = eigenvalues[eigenvalues.imag == 0]
    assume(len(reals))
    at = (float(reals[0].real), 0.0)
    moved = moved_or_assume(W, at, (re, 0.0), keep=keep)
    others = eigenvalues[eigenvalues != reals[0]]
    kappa = max(sensitivity(W), sensitivity(moved))
    bound = 50 * H * EPS * kappa * (1 + float(moved.norm()))
    assert distance(spectrum(moved).eigenvalues.numpy(), [*others, re]) <= bound
    back = moved_or_assume(moved, (re, 0.0), at, keep=keep)
    if keep == "eigenvectors":
        assert (back - W).abs().max() <= 50 * kappa * bound
    else:
        assert distance(spectrum(back).eigenvalues.numpy(), eigenvalues) <= 50 * bound


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS, st.sampled_from(KEEPS), st.floats(2, 3), st.floats(0.05, 0.5))
def test_a_pair_becomes_two_reals_and_a_pair_again(H, seed, keep, re, half_gap):
    pair = 0.3 + 0.8j
    W, others = with_pair(H, seed, pair)
    split = moved_or_assume(W, (pair.real, pair.imag), (re, 0.0), half_gap=half_gap, keep=keep)
    kappa = max(sensitivity(W), sensitivity(split))
    bound = 100 * H * EPS * kappa * (1 + float(split.norm()))
    found = spectrum(split).eigenvalues.numpy()
    assert distance(found, [*others, re + half_gap, re - half_gap]) <= bound
    # Back off the axis: the other of the two is the nearest real one.
    joined = moved_or_assume(split, (re + half_gap, 0.0), (pair.real, pair.imag), keep=keep)
    kappa = max(kappa, sensitivity(joined))
    bound = 200 * H * EPS * kappa * (1 + float(joined.norm()))
    back = [*others, pair, pair.conjugate()]
    assert distance(spectrum(joined).eigenvalues.numpy(), back) <= bound


@settings(max_examples=40, deadline=None)
@given(SIZES, SEEDS, st.sampled_from(KEEPS))
def test_moved_to_where_it_is_nothing_changes(H, seed, keep):
    W = drawn(H, seed)
    for value in Eigensystem.of(W).eigenvalues[:4]:
        at = (float(value.real), float(value.imag))
        try:
            moved = move_eigenvalue(W, at, at, keep=keep)
        except ValueError:
            continue
        assert (moved - W).abs().max() <= 1e-14


def test_either_of_a_pair_may_be_held():
    W = drawn(8, 1)
    pair = next(z for z in spectrum(W).eigenvalues.tolist() if z.imag > 0)
    upper = move_eigenvalue(W, (pair.real, pair.imag), (0.3, 0.4))
    lower = move_eigenvalue(W, (pair.real, -pair.imag), (0.3, -0.4))
    assert torch.allclose(upper, lower, atol=1e-13)


def test_the_change_is_bounded_by_the_condition_number():
    W = drawn(32, 5)
    system = Eigensystem.of(W)
    k = int(np.argmax(system.eigenvalues.imag))
    value = system.eigenvalues[k]
    moved = move_eigenvalue(system, (value.real, value.imag), (value.real, value.imag + 0.1))
    assert float((moved - W).norm()) <= 2 * 0.1 * system.condition(k) * (1 + 1e-12)
    kept = move_eigenvalue(
        system, (value.real, value.imag), (value.real + 0.1, value.imag), keep="schur_vectors"
    )
    assert float((kept - W).norm()) == pytest.approx(0.1 * 2**0.5, rel=1e-9)
    # The imaginary part costs what the block in the Schur form is from a normal one.
    block = torch.tensor([[0.3, 8.0], [-0.5, 0.3]], dtype=torch.float64)
    kept = move_eigenvalue(block, (0.3, 2.0), (0.3, 2.1), keep="schur_vectors")
    assert float((kept - block).norm()) == pytest.approx(0.1 * (8**2 + 0.5**2) ** 0.5 / 2)


JORDAN = torch.tensor([[0.9, 1.0], [0.0, 0.9]])


def test_an_eigenvalue_of_a_defective_matrix_does_not_move_alone():
    with pytest.raises(ValueError, match=r"too sensitive to be moved .* condition number"):
        move_eigenvalue(JORDAN, (0.9, 0.0), (0.5, 0.0))


def test_but_the_two_leave_the_axis_together():
    moved = move_eigenvalue(JORDAN, (0.9, 0.0), (0.9, 0.3))
    assert distance(spectrum(moved).eigenvalues.numpy(), [0.9 + 0.3j, 0.9 - 0.3j]) < 1e-12


@pytest.mark.parametrize("keep", KEEPS)
def test_onto_another_eigenvalue_is_refused(keep):
    W = drawn(16, 2)
    first, second = [z for z in spectrum(W).eigenvalues.tolist() if z.imag > 0.05][:2]
    with pytest.raises(ValueError, match="is where another eigenvalue is, and the two could not"):
        move_eigenvalue(W, (first.real, first.imag), (second.real, second.imag), keep=keep)


@pytest.mark.parametrize("keep", KEEPS)
def test_onto_the_axis_without_a_gap_is_the_least_gap(keep):
    W = drawn(16, 2)
    pair = next(z for z in spectrum(W).eigenvalues.tolist() if z.imag > 0.05)
    at = (pair.real, pair.imag)
    found = spectrum(move_eigenvalue(W, at, (0.123, 0.0), keep=keep)).eigenvalues
    reals = found[(found - 0.123).abs() < 1e-3]
    assert len(reals) == 2 and not reals.imag.any()
    assert float(reals.real.diff().abs()) == pytest.approx(2e-6 * float(W.norm()), rel=1e-3)
    with pytest.raises(
        ValueError, match=r"half_gap is so small that .*expected at least 4e-06, or"
    ):
        move_eigenvalue(W, at, (0.123, 0.0), half_gap=1e-9, keep=keep)
    with pytest.raises(ValueError, match=r"to is so near to the real axis .* Im = 0, or at least"):
        move_eigenvalue(W, at, (0.123, 1e-9), keep=keep)


def test_a_place_without_an_eigenvalue_is_named_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"at is where no eigenvalue is: got 7; .* nearest is 0\.5"
    ):
        move_eigenvalue(torch.diag(torch.tensor([0.5, 0.25])), (7.0, 0.0), (1.0, 0.0))


def test_a_real_one_needs_a_partner_to_leave_the_axis():
    with pytest.raises(ValueError, match="needs a second real eigenvalue"):
        move_eigenvalue(torch.tensor([[0.5]]), (0.5, 0.0), (0.5, 0.1))


def test_a_move_that_would_blow_the_weights_up_is_refused():
    W = torch.tensor([[0.5, 200.0], [0.0, 0.25]])
    with pytest.raises(ValueError, match=r"would blow the weights up: .* got .*; expected at most"):
        move_eigenvalue(W, (0.25, 0.0), (-5.0, 0.0))
    with pytest.raises(ValueError, match="to is not finite"):
        move_eigenvalue(W, (0.25, 0.0), (float("nan"), 0.0))


def test_from_an_edit_it_is_named_by_its_place_in_the_list():
    edit = {"op": "eigenvalue", "at": (7.0, 0.0), "to": (1.0, 0.0)}
    with pytest.raises(ValueError, match=r"^edits\[0\]\.at is where no eigenvalue is"):
        apply_edits(torch.eye(3), [edit])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 48), SEEDS, st.floats(0, 2))
def test_normality_keeps_the_spectrum(H, seed, alpha):
    W = drawn(H, seed)
    changed = change_normality(W, alpha)
    kappa = max(sensitivity(W), sensitivity(changed))
    drift = distance(spectrum(changed).eigenvalues.numpy(), spectrum(W).eigenvalues.numpy())
    assert drift <= 1e-14 * H * kappa


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 48), SEEDS)
def test_normality_one_is_the_identity_and_zero_is_normal(H, seed):
    W = drawn(H, seed)
    assert (change_normality(W, 1.0) - W).abs().max() <= 1e-14
    normal = change_normality(W, 0.0)
    assert (normal @ normal.mT - normal.mT @ normal).abs().max() <= 1e-12
    assert spectrum(normal).henrici_departure <= 1e-6


def test_same_spectrum_other_fates():
    """V16: H = 64, ρ = .95: σ_max, Henrici and max ‖Wᵗ‖ grow while the spectrum stands still."""
    W = recurrent_matrix("gaussian", 64, seed=0, spectral_radius=0.95).W
    growth, departure, sigma = [], [], []
    for alpha in (0.0, 0.5, 1.0, 1.5, 2.0):
        changed = change_normality(W, alpha)
        found = spectrum(changed)
        assert found.spectral_radius == pytest.approx(0.95, abs=1e-10)
        departure.append(found.henrici_departure)
        sigma.append(found.largest_singular_value)
        powers = [torch.linalg.matrix_power(changed, t) for t in range(1, 60)]
        growth.append(max(float(torch.linalg.matrix_norm(P, 2)) for P in powers))
    for fate in (growth, departure, sigma):
        assert fate == sorted(fate)
    assert growth[0] == pytest.approx(0.95, abs=1e-9)
    assert growth[-1] > 8 * growth[0]
