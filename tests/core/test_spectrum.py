import pytest
import torch

from rnncore import recurrent_matrix, set_weight, spectrum


def matched(eigenvalues):
    """Eigenvalues in an order that rounding doesn't change."""
    return sorted(eigenvalues.tolist(), key=lambda z: (round(z.real, 8), round(z.imag, 8)))


def test_scaling_scales_and_never_decomposes(monkeypatch):
    W = recurrent_matrix("gaussian", 24, seed=2, gain=1.0).W
    measured, decomposed = spectrum(W).scaled(-1.7), spectrum(-1.7 * W)
    assert matched(measured.eigenvalues) == pytest.approx(
        matched(decomposed.eigenvalues), abs=1e-12
    )
    torch.testing.assert_close(measured.singular_values, decomposed.singular_values)
    monkeypatch.setattr("numpy.linalg.eigvals", None)
    assert measured.scaled(2.0).spectral_radius == pytest.approx(2 * measured.spectral_radius)


def test_other_scale_of_the_same_draw_decomposes_nothing(monkeypatch):
    recurrent_matrix("gaussian", 24, seed=77)
    monkeypatch.setattr("numpy.linalg.eigvals", None)
    assert recurrent_matrix(
        "gaussian", 24, seed=77, spectral_radius=0.4
    ).spectrum.spectral_radius == (pytest.approx(0.4))


def test_order():
    found = spectrum(recurrent_matrix("gaussian", 30, seed=1).W)
    magnitudes = found.eigenvalues.abs()
    assert (magnitudes.diff() <= 1e-15).all() and (found.singular_values.diff() <= 0).all()
    pairs = found.eigenvalues[found.eigenvalues.imag != 0]
    assert torch.equal(pairs[0::2], pairs[1::2].conj())


@pytest.mark.parametrize("seed", range(3))
def test_orthogonal_similarity_keeps_everything(seed):
    W = recurrent_matrix("gaussian", 20, seed=seed).W
    Q = recurrent_matrix("orthogonal", 20, seed=seed + 50).W
    before, after = spectrum(W), spectrum(Q @ W @ Q.T)
    assert matched(after.eigenvalues) == pytest.approx(matched(before.eigenvalues), abs=1e-11)
    torch.testing.assert_close(after.singular_values, before.singular_values)
    assert after.henrici_departure == pytest.approx(before.henrici_departure)


def test_henrici_departure_of_a_triangle_is_what_lies_above_the_diagonal():
    W = torch.tensor([[0.5, 3.0, 4.0], [0.0, 0.2, 0.0], [0.0, 0.0, -0.9]], dtype=torch.float64)
    assert spectrum(W).henrici_departure == pytest.approx(5.0)


@pytest.mark.parametrize("ensemble", ["orthogonal", "identity", "rotation"])
def test_normal_matrices_have_no_departure(ensemble):
    assert recurrent_matrix(ensemble, 31).spectrum.henrici_departure < 1e-6


@pytest.mark.parametrize("factor", [0.0, 1e-300, 1e300])
def test_extreme_matrices(factor):
    found = spectrum(factor * torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64))
    assert found.spectral_radius == 0
    assert found.largest_singular_value == pytest.approx(factor)
    assert found.henrici_departure == pytest.approx(factor)


def test_an_edit_changes_the_spectrum():
    W = set_weight(recurrent_matrix("delay_line", 3).W, 0, 2, 8.0)  # a ring: λ³ = 8
    assert spectrum(W).spectral_radius == pytest.approx(2.0)


@pytest.mark.parametrize(
    "W, message",
    [
        (torch.ones(2, 3), r"W is not square: got \(2, 3\); expected \(H, H\)"),
        (torch.full((2, 2), torch.inf), r"W is not finite: got inf"),
    ],
)
def test_refusals(W, message):
    with pytest.raises(ValueError, match=message):
        spectrum(W)
