"""Edits at the ends of float64, and edits that are none: a sentence each, and never a NaN."""

import warnings

import numpy as np
import pytest
import torch

from rnncore import (
    ArgumentError,
    Eigensystem,
    apply_edits,
    change_normality,
    move_eigenvalue,
    recurrent_matrix,
    rescale_to_radius,
    set_weight,
    spectrum,
)
from rnncore.eigenvalues import KEEPS

F64 = torch.float64
SCALES = [1e200, 1e160, 1e-160, 1e-200, 1e-300]


@pytest.fixture(autouse=True)
def _warnings_are_faults():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def gaussian(H=8, seed=1):
    return recurrent_matrix("gaussian", H, seed=seed).W


def pair_of(W):
    return next(z for z in spectrum(W).eigenvalues.tolist() if z.imag > 0)


@pytest.mark.parametrize("scale", SCALES)
def test_eigenvalues_and_condition_numbers_scale(scale):
    W = gaussian()
    plain, scaled = Eigensystem.of(W), Eigensystem.of(scale * W)
    for k, value in enumerate(plain.eigenvalues):
        n = scaled.nearest(value * scale)
        assert scaled.eigenvalues[n] / scale == pytest.approx(value, abs=1e-13)
        assert scaled.condition(n) == pytest.approx(plain.condition(k), rel=1e-9)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("scale", SCALES)
def test_a_move_scales(scale, keep):
    W = gaussian()
    pair = pair_of(W)
    at, to = (pair.real, pair.imag), (0.3, 0.4)
    moved = move_eigenvalue(W, at, to, keep=keep)
    scaled_at, scaled_to = (tuple(scale * part for part in point) for point in (at, to))
    scaled = move_eigenvalue(scale * W, scaled_at, scaled_to, keep=keep)
    assert torch.allclose(scaled / scale, moved, rtol=0, atol=1e-13)
    other = Eigensystem.of(W).eigenvalues[np.argmin(Eigensystem.of(W).eigenvalues.real)]
    with pytest.raises(ArgumentError, match="is where another eigenvalue is"):
        move_eigenvalue(
            scale * W, scaled_at, (scale * other.real, scale * abs(other.imag)), keep=keep
        )
    with pytest.raises(ArgumentError, match="at is where no eigenvalue is"):
        move_eigenvalue(scale * W, (7.0 * scale, 0.0), scaled_to, keep=keep)
    if scale > 1.0:
        with pytest.raises(ArgumentError, match="would blow the weights up"):
            move_eigenvalue(scale * W, scaled_at, (1e6 * scale, 1e6 * scale), keep=keep)


@pytest.mark.parametrize("scale", SCALES)
def test_normality_and_the_radius_scale(scale):
    W = gaussian()
    changed = change_normality(scale * W, 2.0) / scale
    assert torch.allclose(changed, change_normality(W, 2.0), rtol=0, atol=1e-13)
    rescaled = rescale_to_radius(scale * W, 1.0)
    assert torch.allclose(rescaled, rescale_to_radius(W, 1.0), rtol=0, atol=1e-13)


def test_a_radius_from_and_to_the_end_of_a_dtype():
    for dtype, tiny in ((F64, 1e-310), (torch.float32, 1e-40)):
        W = torch.tensor([[tiny, 0.0], [0.0, 0.0]], dtype=dtype)
        assert rescale_to_radius(W, 1.0).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    huge = rescale_to_radius(torch.tensor([[1e-310]], dtype=F64), 1e308)
    assert huge.item() == pytest.approx(1e308, rel=1e-12)
    W = torch.tensor([[0.5, 100.0], [0.0, 0.25]], dtype=F64)
    message = r"^edits\[0\]\.spectral_radius would make a weight too large for float64: got"
    with pytest.raises(ArgumentError, match=message):
        apply_edits(W, [{"op": "radius", "spectral_radius": 1e308}])
    with pytest.raises(ArgumentError, match=r"^spectral_radius would .* for float32: got 1e\+39"):
        rescale_to_radius(torch.eye(2), 1e39)


def test_an_edit_that_overflows_is_laid_to_its_argument():
    large = torch.tensor([[0.0, 1e308], [0.0, 1.0]], dtype=F64)
    with pytest.raises(ArgumentError, match=r"^alpha would make a weight too large for float64"):
        change_normality(large, 2.0)
    W = torch.diag(torch.tensor([1e38, 2e38]))
    with pytest.raises(ArgumentError, match=r"edits\[0\]\.to would make a weight too large for f"):
        apply_edits(W, [{"op": "eigenvalue", "at": (2e38, 0.0), "to": (5e38, 0.0)}])
    with pytest.raises(ArgumentError, match=r"value is too large for float32: got 1e\+39"):
        set_weight(torch.eye(2), 0, 0, 1e39)


@pytest.mark.parametrize("point", [(1.5e308, 1.5e308), (-1.7e308, 0.0), (1.7e308, 1e-300)])
def test_a_point_beyond_all_measure(point):
    W = gaussian()
    pair = pair_of(W)
    for scaled in (W, 1e-300 * W):
        with pytest.raises(ArgumentError, match="at is where no eigenvalue is"):
            move_eigenvalue(scaled, point, (0.1, 0.2))
    with pytest.raises(ArgumentError, match="to would blow the weights up"):
        move_eigenvalue(W, (pair.real, pair.imag), point)
    with pytest.raises(ArgumentError, match="half_gap would blow the weights up"):
        move_eigenvalue(W, (pair.real, pair.imag), (0.3, 0.0), half_gap=abs(point[0]))


def test_the_limit_is_the_one_that_the_sentence_says():
    small, large = 0.01 * torch.eye(2, dtype=F64), 3.0 * torch.eye(2, dtype=F64)
    move_eigenvalue(small, (0.01, 0.0), (9.9, 0.0))
    with pytest.raises(ArgumentError, match=r"at most 10, ten times the matrix's own or 10, which"):
        move_eigenvalue(small, (0.01, 0.0), (10.1, 0.0))
    with pytest.raises(
        ArgumentError, match=r"expected at most 42\.4, ten times the matrix's own\."
    ):
        move_eigenvalue(large, (3.0, 0.0), (46.0, 0.0))


def test_advice_is_given_where_it_helps():
    close = torch.tensor([[0.5, 3e4], [0.0, 0.25]])
    with pytest.raises(ArgumentError) as sensitive:
        move_eigenvalue(close, (0.25, 0.0), (-0.5, 0.0))
    assert sensitive.value.advice == "Keep the Schur vectors instead."
    move_eigenvalue(close, (0.25, 0.0), (-0.5, 0.0), keep="schur_vectors")
    skewed = torch.tensor([[0.5, 200.0], [0.0, 0.25]])
    with pytest.raises(ArgumentError) as blown:
        move_eigenvalue(skewed, (0.25, 0.0), (-5.0, 0.0))
    assert blown.value.advice == "Move it less far, or keep the Schur vectors."
    move_eigenvalue(torch.eye(2), (1.0, 0.0), (14.0, 0.0), keep="schur_vectors")
    with pytest.raises(ArgumentError) as far:
        move_eigenvalue(torch.eye(2), (1.0, 0.0), (200.0, 0.0), keep="schur_vectors")
    assert far.value.advice == "Move it less far."


def test_a_way_that_does_not_lead_out_is_not_advised():
    """Both ways change the one block that there is, and neither is short enough."""
    steep = torch.tensor([[0.0, 1e3], [-1e-6, 0.0]], dtype=F64)
    omega = 1e-3**0.5
    with pytest.raises(ArgumentError, match="too sensitive to be moved") as sensitive:
        move_eigenvalue(steep, (0.0, omega), (0.0, 12 * omega))
    assert sensitive.value.advice == ""


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({}, r"op is unknown: got None; expected one of 'set'"),
        ({"op": ["set"]}, r"op is unknown: got \['set'\]"),
        ({"op": "eigenvalue"}, r"at is no point of the plane: got None; expected two finite"),
        ({"op": "eigenvalue", "at": (1.0, 0)}, r"to is no point of the plane: got None"),
        ({"op": "eigenvalue", "at": 1.0, "to": (2, 0)}, r"at is no point of the plane: got 1\.0"),
        ({"op": "eigenvalue", "at": (1, 0, 0), "to": (2, 0)}, r"at is no point of the plane"),
        ({"op": "eigenvalue", "at": "10", "to": (2, 0)}, r"at is no point of the plane: got 10"),
        ({"op": "eigenvalue", "at": ("a", 0), "to": (2, 0)}, r"at is not a number: got a"),
        ({"op": "eigenvalue", "at": (float("nan"), 0), "to": (2, 0)}, r"at is not finite: got nan"),
        ({"op": "eigenvalue", "at": (1, 0), "to": (2, float("inf"))}, r"to is not finite: got inf"),
        ({"op": "eigenvalue", "at": (1, 0), "to": (2, 0), "keep": None}, r"keep is unknown"),
        ({"op": "normality"}, r"alpha is not a number: got None"),
        ({"op": "radius"}, r"spectral_radius is not a number: got None"),
        ({"op": "zero", "rows": (1,)}, r"rows is no interval of the matrix: got \(1,\)"),
        ({"op": "zero", "rows": (0.0, 1.0)}, r"rows is no interval .*expected two whole numbers"),
        ({"op": "zero", "rows": (False, True)}, r"rows is no interval"),
        ({"op": "zero", "columns": 1}, r"columns is no interval of the matrix: got 1;"),
        ({"op": "zero", "rows": (0, 10**5000)}, r"rows is no interval of the matrix: got a number"),
        ({"op": "zero", "rows": "ab"}, r"rows is no interval"),
        ({"op": "set", "i": 0, "j": 0, "value": 1e39}, r"value is too large for float32: got 1e"),
        (
            {"op": "set", "i": 0, "j": 0, "value": 10**400},
            r"value is too large: got a whole number",
        ),
        ({"op": "set", "i": 0, "j": 0, "value": 10**5000}, r"value is too large: got a whole numb"),
        ({"op": "set", "i": 10**5000, "j": 0, "value": 1.0}, r"i is out of range: got a whole num"),
    ],
)
def test_what_is_no_edit_is_refused_by_name(edit, message):
    W = torch.eye(2)
    with pytest.raises(ArgumentError, match=r"^edits\[0\]\." + message):
        apply_edits(W, [edit])
    assert torch.equal(W, torch.eye(2))


@pytest.mark.parametrize("shape", [(2, 3), (0, 0), (4,)])
def test_what_is_not_square_has_no_spectrum(shape):
    W = torch.ones(shape)
    for edit in (
        lambda: move_eigenvalue(W, (1.0, 0.0), (2.0, 0.0)),
        lambda: change_normality(W, 0.5),
        lambda: rescale_to_radius(W, 0.5),
        lambda: Eigensystem.of(W),
    ):
        with pytest.raises(ArgumentError, match=r"^W is not square"):
            edit()
    with pytest.raises(ArgumentError, match=r"^W is no matrix of weights"):
        apply_edits(torch.ones(1, 2, 2), [{"op": "zero"}])
    with pytest.raises(ArgumentError, match=r"^W is no matrix of weights"):
        apply_edits(torch.ones(2, 2, dtype=torch.int64), [{"op": "zero"}])


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_an_edit_keeps_the_dtype(dtype):
    W = gaussian().to(dtype)
    pair = pair_of(W)
    edits = [
        {"op": "eigenvalue", "at": (pair.real, pair.imag), "to": (0.3, 0.4)},
        {"op": "normality", "alpha": 0.5},
        {"op": "radius", "spectral_radius": 0.9},
        {"op": "set", "i": 0, "j": 0, "value": 0.5},
    ]
    for k in range(len(edits)):
        assert apply_edits(W, edits[: k + 1]).dtype == dtype
