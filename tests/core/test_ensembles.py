import math

import pytest
import torch

from rnncore import ENSEMBLES, recurrent_matrix, spectrum

KNOWN_RADIUS = ("orthogonal", "identity", "rotation", "ring")
RANDOM = ("gaussian", "orthogonal", "rotation", "antisymmetric", "symmetric", "sparse")


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_same_seed_same_bits_and_other_seed_other_draw(ensemble):
    first, again = (recurrent_matrix(ensemble, 12, seed=5).W for _ in range(2))
    assert torch.equal(first, again)
    if ensemble in RANDOM:
        assert not torch.equal(first, recurrent_matrix(ensemble, 12, seed=6).W)


@pytest.mark.parametrize("ensemble", [e for e in ENSEMBLES if e != "delay_line"])
@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0, 1.7])
@pytest.mark.parametrize("H", [1, 2, 7, 32])
def test_spectral_radius_is_what_was_asked_for(ensemble, rho, H):
    if ensemble == "antisymmetric" and H == 1:
        return  # W = -Wᵀ is 0: see below
    drawn = recurrent_matrix(ensemble, H, seed=3, spectral_radius=rho)
    assert spectrum(drawn.W).spectral_radius == pytest.approx(rho, rel=1e-12, abs=1e-300)
    assert drawn.spectrum.spectral_radius == pytest.approx(rho, rel=1e-12)
    assert drawn.notes == ()


def test_radius_is_one_unless_said_otherwise():
    assert recurrent_matrix("gaussian", 20).spectrum.spectral_radius == pytest.approx(1.0)


@pytest.mark.parametrize("ensemble", KNOWN_RADIUS)
def test_known_radius_is_never_measured(ensemble):
    drawn = recurrent_matrix(ensemble, 33, spectral_radius=0.7)
    assert drawn.scale == 0.7  # exactly: not 0.7 / 0.9999999999999998
    assert torch.equal(drawn.W, 0.7 * drawn.base)


def test_gain_multiplies_the_draw_itself():
    assert torch.equal(
        recurrent_matrix("gaussian", 9, gain=1.5).W,
        1.5 * recurrent_matrix("gaussian", 9, gain=1.0).W,
    )


def test_gaussian_entries_have_variance_one_over_H():
    W = recurrent_matrix("gaussian", 256, gain=1.0).W
    assert W.mean().item() == pytest.approx(0, abs=5 / 256**1.5)
    assert (W.square().mean() * 256).item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("ensemble", KNOWN_RADIUS)
@pytest.mark.parametrize("H", [1, 6, 7])
def test_isometries(ensemble, H):
    W = recurrent_matrix(ensemble, H).W
    torch.testing.assert_close(W @ W.T, torch.eye(H, dtype=torch.float64), rtol=0, atol=1e-14)


def test_orthogonal_draws_have_no_preferred_sign():
    # Without the sign fix of QR the trace of Q is biased: E[tr Q] = 0 for Haar, about -1.3 here.
    traces = torch.stack([recurrent_matrix("orthogonal", 4, seed=s).W.trace() for s in range(400)])
    assert abs(traces.mean()) < 4 / 20  # tr Q has variance 1


def test_rotation_is_planes_and_a_last_one():
    W = recurrent_matrix("rotation", 5).W
    assert W[4, 4] == 1
    blocks = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2), torch.ones(1, 1))
    assert not W[blocks == 0].any()
    assert W[0, 0] == W[1, 1] and W[0, 1] == -W[1, 0] != 0


def test_delay_line_is_nilpotent_and_says_that_it_runs_as_drawn():
    drawn = recurrent_matrix("delay_line", 6, spectral_radius=1.3)
    assert drawn.scale == 1.0
    assert [note.code for note in drawn.notes] == ["nilpotent"]
    assert (
        drawn.W @ torch.eye(6, dtype=torch.float64)[:, 0] @ torch.eye(6, dtype=torch.float64)[:, 1]
        == 1
    )
    assert torch.linalg.matrix_power(drawn.W, 5).any()
    assert not torch.linalg.matrix_power(drawn.W, 6).any()


def test_one_unit_cannot_be_antisymmetric_and_says_so():
    drawn = recurrent_matrix("antisymmetric", 1, spectral_radius=1.3)
    assert drawn.W.tolist() == [[0.0]]
    assert "this antisymmetric matrix" in drawn.notes[0].message


@pytest.mark.parametrize("H", [2, 7, 64])
def test_antisymmetric_eigenvalues_are_pairs_on_the_imaginary_axis(H):
    drawn = recurrent_matrix("antisymmetric", H, spectral_radius=0.8)
    assert torch.equal(drawn.W, -drawn.W.T)
    eigenvalues = drawn.spectrum.eigenvalues
    assert not eigenvalues.real.any()
    paired = eigenvalues[: 2 * (H // 2)].imag.reshape(-1, 2)
    assert torch.equal(paired[:, 0], -paired[:, 1])
    assert eigenvalues[2 * (H // 2) :].abs().sum() == 0
    # Normal: the singular values are the moduli, and e^{tW} turns without stretching.
    torch.testing.assert_close(drawn.spectrum.singular_values, eigenvalues.abs())
    turned = torch.linalg.matrix_exp(5 * drawn.W)
    torch.testing.assert_close(turned @ turned.T, torch.eye(H, dtype=torch.float64))


def test_symmetric_eigenvalues_are_real_and_fill_wigners_semicircle():
    drawn = recurrent_matrix("symmetric", 512, gain=1.0)
    assert torch.equal(drawn.W, drawn.W.T)
    eigenvalues = drawn.spectrum.eigenvalues
    assert not eigenvalues.imag.any()
    # Moments of the semicircle of radius 2: the Catalan numbers 1, 2, 5.
    moments = [eigenvalues.real.pow(k).mean().item() for k in (2, 4, 6)]
    assert moments == pytest.approx([1, 2, 5], rel=0.03)
    assert drawn.spectrum.spectral_radius == pytest.approx(2, abs=0.05)
    torch.testing.assert_close(drawn.spectrum.singular_values, eigenvalues.abs())


@pytest.mark.parametrize("H, heard", [(2, 2), (8, 3), (64, 7), (512, 52)])
def test_every_sparse_unit_hears_a_tenth_of_all(H, heard):
    W = recurrent_matrix("sparse", H, seed=2, gain=1.0).W
    assert (W != 0).sum(dim=1).tolist() == [heard] * H


def test_sparse_eigenvalues_fill_the_unit_disc():
    drawn = recurrent_matrix("sparse", 512, gain=1.0).spectrum
    assert drawn.spectral_radius == pytest.approx(1, abs=0.1)
    # Uniform on the disc: a quarter lies within half the radius.
    inner = (drawn.eigenvalues.abs() < 0.5).double().mean().item()
    assert inner == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("H", [1, 2, 5, 10])
def test_ring_eigenvalues_are_the_roots_of_unity(H):
    drawn = recurrent_matrix("ring", H, spectral_radius=0.9)
    powers = (drawn.spectrum.eigenvalues / 0.9).pow(H)
    torch.testing.assert_close(powers, torch.ones(H, dtype=torch.complex128), rtol=0, atol=1e-13)
    turns = (drawn.spectrum.eigenvalues.angle() * H / (2 * math.pi)).round().long() % H
    assert sorted(turns.tolist()) == list(range(H))
    once_round = torch.linalg.matrix_power(drawn.base, H)
    assert torch.equal(once_round, torch.eye(H, dtype=torch.float64))
    if H > 1:
        assert drawn.base[1, 0] == drawn.base[0, H - 1] == 1


def test_delay_line_takes_a_gain():
    drawn = recurrent_matrix("delay_line", 4, gain=0.5)
    assert drawn.W[1, 0] == 0.5 and drawn.notes == ()


@pytest.mark.parametrize(
    "H, draws, mean, deviation",
    [(16, 200, 1.063, 0.130), (64, 100, 1.057, 0.055), (128, 40, 1.048, 0.033)],
)
def test_radius_of_ginibre_matrices(H, draws, mean, deviation):
    """V3: at finite H a Gaussian matrix is larger than its circle. Five standard errors."""
    drawn = [recurrent_matrix("gaussian", H, seed=s, gain=1.0).spectrum for s in range(draws)]
    radii = torch.tensor([each.spectral_radius for each in drawn])
    assert radii.mean().item() == pytest.approx(mean, abs=5 * deviation / draws**0.5 + 0.002)
    assert radii.std().item() == pytest.approx(deviation, rel=0.35)


def test_norm_and_nonnormality_of_ginibre_matrices():
    """V3: σ_max → 2 and Henrici's departure → ‖W‖_F / √2."""
    drawn = [recurrent_matrix("gaussian", 256, seed=s, gain=1.0) for s in range(4)]
    sigma = sum(each.spectrum.largest_singular_value for each in drawn) / 4
    departure = sum(each.spectrum.henrici_departure / each.base.norm().item() for each in drawn)
    assert sigma == pytest.approx(2, abs=0.05)
    assert departure / 4 == pytest.approx(0.5**0.5, abs=0.02)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"ensemble": "knot"}, r"ensemble is unknown: got 'knot'; expected one of 'gaussian', "),
        ({"hidden_size": 0}, r"hidden_size is out of range: got 0; expected 1 or more\."),
        ({"hidden_size": 2.5}, r"hidden_size is not a whole number: got 2\.5"),
        ({"seed": -1}, r"seed is out of range: got -1; expected 0 or more"),
        ({"seed": 2**63}, r"seed is out of range"),
        ({"spectral_radius": -0.1}, r"spectral_radius is out of range: got -0\.1"),
        ({"spectral_radius": float("nan")}, r"spectral_radius is not finite: got nan"),
        ({"gain": "1"}, r"gain is not a number: got 1"),
        ({"gain": 1.0, "spectral_radius": 1.0}, r"spectral_radius and gain exclude each other"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        recurrent_matrix(**({"ensemble": "gaussian", "hidden_size": 4} | arguments))
