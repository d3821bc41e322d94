"""Edits of matrices whose eigenvalues coincide, or nearly, where two algorithms round apart."""

import numpy as np
import pytest
import torch

from rnncore import (
    Analysis,
    ArgumentError,
    Eigensystem,
    apply_edits,
    change_normality,
    move_eigenvalue,
    recurrent_matrix,
    rescale_to_radius,
    spectrum,
)
from rnncore.eigenvalues import KEEPS
from rnncore.nilpotency import is_nilpotent
from rnncore.schur import RealSchur

from .test_eigenvalues import distance, sensitivity

F64 = torch.float64


def eigenvalues(W):
    return np.linalg.eigvals(W.numpy())


def reals(W):
    """Its real eigenvalues, in the order of its Schur form."""
    form = RealSchur.of(W.numpy())
    return [form.from_unit(block.value).real for block in form.blocks if block.rows == 1]


def rotation(angle):
    cos, sin = np.cos(angle), np.sin(angle)
    return torch.tensor([[cos, -sin], [sin, cos]])


def jordan(value, angle):
    """A 2×2 Jordan block in another orthonormal basis."""
    R = rotation(angle)
    return R @ torch.tensor([[value, 1.0], [0.0, value]], dtype=F64) @ R.mT


def reflection(H, seed):
    v = np.random.default_rng(seed).normal(size=H)
    return torch.tensor(np.eye(H) - 2 * np.outer(v, v) / (v @ v))


def rotated(T, seed=0):
    Q = recurrent_matrix("orthogonal", len(T), seed=seed).W
    return Q @ torch.as_tensor(T, dtype=F64) @ Q.mT


def multiple(H, seed):
    rng = np.random.default_rng(seed)
    V = rng.normal(size=(H, H))
    return torch.tensor(V @ np.diag(rng.choice([1.0, -1.0, 0.5], size=H)) @ np.linalg.inv(V))


def low_rank(H, seed):
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(size=(H, 2)) @ rng.normal(size=(2, H)) / H)


def test_the_eigenvalue_of_a_reflection_that_eig_calls_a_pair():
    W = reflection(4, 9)
    for at in [(z.real, z.imag) for z in Eigensystem.of(W).eigenvalues if z.real > 0]:
        for keep in KEEPS:
            moved = move_eigenvalue(W, at, (0.3, 0.4), keep=keep)
            assert distance(eigenvalues(moved), [-1, 1, 0.3 + 0.4j, 0.3 - 0.4j]) < 1e-12
    for keep in KEEPS:
        moved = move_eigenvalue(W, (1.0, 0.0), (0.5, 0.0), keep=keep)
        assert distance(eigenvalues(moved), [-1, 1, 1, 0.5]) < 1e-12


def test_two_equal_reals_are_a_pair_to_whom_sees_one():
    """Where a hand crosses the axis, the page sends the pair as it was drawn, at 1 ± 7e-17i."""
    moved = move_eigenvalue(reflection(4, 9), (1.0, 6.6e-17), (0.5, 0.0), half_gap=0.1)
    assert distance(eigenvalues(moved), [-1, 1, 0.6, 0.4]) < 1e-12


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("angle", np.linspace(0.1, 3.1, 31))
def test_a_jordan_block_in_any_basis_leaves_the_axis(angle, keep):
    moved = move_eigenvalue(jordan(0.9, angle), (0.9, 0.0), (0.9, 0.5), keep=keep)
    assert distance(eigenvalues(moved), [0.9 + 0.5j, 0.9 - 0.5j]) < 1e-12


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("made", [multiple, low_rank, reflection])
def test_the_others_of_a_multiple_eigenvalue_stay(made, keep):
    refused = 0
    for seed in range(40):
        H = 4 + seed % 12
        W = made(H, seed)
        for target in (0.31 + 0j, 0.37 + 0.41j):
            held = reals(W)[0]
            try:
                moved = move_eigenvalue(W, (held, 0.0), (target.real, target.imag), keep=keep)
            except ArgumentError:
                refused += 1
                continue
            goals = {target, target.conjugate()}
            left = sorted(eigenvalues(W), key=lambda z, held=held: abs(z - held))[len(goals) :]
            kappa = max(sensitivity(W), sensitivity(moved))
            bound = 200 * H * 2.0**-52 * kappa * (1 + float(moved.norm()))
            assert distance(eigenvalues(moved), [*left, *goals]) <= bound
    assert refused <= 8  # weights that would blow up


@pytest.mark.parametrize("keep", KEEPS)
def test_the_identity_move_is_the_identity_however_sensitive(keep):
    nilpotent = rotated(np.triu(np.random.default_rng(0).normal(size=(6, 6)), 1))
    for W in (torch.eye(4, dtype=F64), reflection(5, 1), nilpotent, multiple(8, 2)):
        form = RealSchur.of(W.numpy())
        for block in form.blocks:
            value = form.from_unit(block.value)
            # As a page has it, which knows the eigenvalue by another algorithm, or by nine digits.
            for re in (value.real, value.real + 1e-9):
                at = (re, value.imag)
                assert torch.equal(move_eigenvalue(W, at, at, keep=keep), W)


def test_blocks_too_close_to_swap_are_a_sentence(monkeypatch):
    monkeypatch.setattr("rnncore.schur.dtrexc", lambda T, Q, *_: (T, Q, 1))
    with pytest.raises(ArgumentError, match="at is too near to another eigenvalue"):
        move_eigenvalue(torch.diag(torch.tensor([0.5, 0.25])), (0.25, 0.0), (0.1, 0.0))


@pytest.mark.parametrize("angle", np.linspace(0.1, 3.1, 31))
@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
def test_normality_of_a_double_eigenvalue_does_not_blow_up(angle, alpha):
    W = jordan(0.9, angle)
    changed = change_normality(W, alpha)
    assert changed.norm() == pytest.approx(float((2 * 0.81 + alpha**2) ** 0.5), rel=1e-6)
    assert distance(eigenvalues(changed), [0.9, 0.9]) < 1e-7
    assert torch.allclose(change_normality(W, 1.0), W, rtol=0, atol=1e-15)


def test_normality_again_and_again_is_refused_before_the_spectrum_is_lost():
    W = recurrent_matrix("gaussian", 64, seed=0).W
    before = spectrum(W).eigenvalues.numpy()
    with pytest.raises(ArgumentError, match=r"edits\[\d\]\.alpha would blow the weights up: .*own"):
        apply_edits(W, [{"op": "normality", "alpha": 2.0}] * 4)
    twice = apply_edits(W, [{"op": "normality", "alpha": 2.0}] * 2)
    assert distance(spectrum(twice).eigenvalues.numpy(), before) < 1e-3


@pytest.mark.parametrize("H", [2, 4, 16, 64])
def test_a_radius_that_is_rounding_is_no_radius(H):
    upper = np.triu(np.random.default_rng(H).normal(size=(H, H)), 1)
    for W in (rotated(upper), rotated(np.eye(H, k=-1)), 1e-200 * rotated(upper)):
        assert Analysis(W).is_nilpotent
        if spectrum(W).spectral_radius > 0.0:
            with pytest.raises(ArgumentError, match="eigenvalues are 0 but for rounding, which"):
                rescale_to_radius(W, 1.0)


def test_what_is_far_from_normal_is_not_nilpotent():
    closed = torch.eye(64, dtype=F64).roll(1, 0)
    closed[0, -1] = 1e-12  # ρ = 10^(-12/64), exactly
    halves = 10.0 ** np.tile([4.0, -4.0], 8)
    scaled = halves[:, None] * recurrent_matrix("gaussian", 16, seed=1).W.numpy() / halves
    for W in (closed, torch.tensor(scaled), jordan(0.9, 0.5), torch.ones(3, 3, dtype=F64)):
        assert not Analysis(W).is_nilpotent
        rescaled = rescale_to_radius(W, 0.5)
        assert spectrum(rescaled).spectral_radius == pytest.approx(0.5, rel=1e-6)
    assert is_nilpotent(np.zeros((3, 3)), np.zeros(3, dtype=complex))


def test_a_normal_plane_close_to_the_axis_stays_a_pair():
    """Only what rounding alone keeps off the axis counts as two reals."""
    turn = rotation(1e-9)
    (block,) = RealSchur.of(turn.numpy()).blocks
    assert block.rows == 2 and 2 * block.value.imag == pytest.approx(1e-9, rel=1e-6)
    assert RealSchur.of(jordan(0.9, 0.5).numpy()).blocks[1].rows == 1
