"""Edits of weights: order, names of what is refused, replay."""

from types import SimpleNamespace

import pytest
import torch

from rnncore import Analysis, apply_edits, recurrent_matrix, rescale_to_radius, set_weight, spectrum


def test_edits_are_applied_in_order_on_a_copy():
    W = torch.zeros(3, 3)
    edits = [
        {"op": "set", "i": 0, "j": 1, "value": 0.5},
        SimpleNamespace(op="set", i=2, j=2, value=-1.0),
        {"op": "set", "i": 0, "j": 1, "value": 0.25},
    ]
    edited = apply_edits(W, edits)
    assert not W.any()
    assert edited[0, 1] == 0.25 and edited[2, 2] == -1.0 and edited.count_nonzero() == 2
    assert torch.equal(set_weight(W, 2, 2, -1.0), apply_edits(W, edits[1:2]))
    untouched = apply_edits(W, [])
    untouched[0, 0] = 1.0
    assert not W.any()


def test_zero_clears_rows_columns_blocks_and_all():
    W = torch.ones(3, 4)
    for given, left in (
        ({"rows": (1, 2)}, 8),
        ({"columns": (0, 2)}, 6),
        ({"rows": (0, 2), "columns": (1, 4)}, 6),
        ({}, 0),
    ):
        assert apply_edits(W, [{"op": "zero", **given}]).sum() == left
    vector = apply_edits(torch.ones(4), [{"op": "zero", "rows": (1, 3)}])
    assert vector.tolist() == [1, 0, 0, 1]
    assert apply_edits(torch.ones(2), [{"op": "set", "i": 1, "value": 5.0}]).tolist() == [1, 5]


def test_what_was_typed_stays_until_a_later_operation():
    W = recurrent_matrix("gaussian", 12, seed=3, spectral_radius=0.9).W
    typed = {"op": "set", "i": 4, "j": 7, "value": 2.5}
    rescaled = apply_edits(W, [typed, {"op": "radius", "spectral_radius": 0.5}])
    assert spectrum(rescaled).spectral_radius == pytest.approx(0.5, rel=1e-12)
    assert rescaled[4, 7] != 2.5
    back = apply_edits(W, [typed, {"op": "radius", "spectral_radius": 0.5}, typed])
    assert back[4, 7] == 2.5
    assert torch.equal(set_weight(rescaled, 4, 7, 2.5), back)


def test_a_list_replayed_from_any_prefix_gives_the_same_bits():
    W = recurrent_matrix("gaussian", 16, seed=1).W
    pair = next(z for z in spectrum(W).eigenvalues.tolist() if z.imag > 0.1)
    edits = [
        {"op": "set", "i": 1, "j": 2, "value": 0.75},
        {"op": "radius", "spectral_radius": 1.1},
        {"op": "normality", "alpha": 0.5},
        {"op": "zero", "rows": (3, 5), "columns": None},
        {"op": "set", "i": 0, "j": 0, "value": -0.125},
        {"op": "radius", "spectral_radius": 0.9},
    ]
    assert pair
    whole = apply_edits(W, edits)
    for k in range(len(edits) + 1):
        prefix = Analysis(apply_edits(W, edits[:k]))
        assert torch.equal(apply_edits(prefix, edits[k:], first=k), whole)


def test_a_nilpotent_matrix_cannot_be_rescaled():
    W = recurrent_matrix("delay_line", 4).W
    with pytest.raises(ValueError, match="spectral_radius cannot be reached, since all eigen"):
        rescale_to_radius(W, 1.0)
    assert torch.equal(rescale_to_radius(W, 0.0), W)


@pytest.mark.parametrize(
    "edit, message",
    [
        ({"op": "set", "i": 3, "j": 0, "value": 0.0}, r"i is out of range: got 3; expected 0 to 2"),
        ({"op": "set", "i": 0, "j": -1, "value": 0.0}, r"j is out of range: got -1; expected 0 to"),
        ({"op": "set", "i": 0, "j": 1.0, "value": 0.0}, r"j is out of range: got 1\.0"),
        ({"op": "set", "i": 0, "j": 1, "value": float("inf")}, r"value is not finite: got inf"),
        ({"op": "set", "i": 0, "j": 1}, r"value is not a number: got None"),
        ({"op": "scale"}, r"op is unknown: got 'scale'; expected one of 'set'"),
        ({"op": "zero", "rows": (2, 2)}, r"rows is no interval of the matrix: got \(2, 2\)"),
        (
            {"op": "zero", "columns": (0, 4)},
            r"columns is no interval .* expected two whole numbers",
        ),
        ({"op": "radius", "spectral_radius": -1.0}, r"spectral_radius is out of range: got -1"),
        ({"op": "normality", "alpha": 3.0}, r"alpha is out of range: got 3\.0; expected 0 to 2"),
    ],
)
def test_wrong_edits_are_refused_by_name(edit, message):
    first = {"op": "set", "i": 0, "j": 0, "value": 1.0}
    with pytest.raises(ValueError, match=r"edits\[1\]\." + message):
        apply_edits(torch.zeros(3, 3), [first, edit])


def test_only_a_square_matrix_has_a_spectrum_to_edit():
    with pytest.raises(ValueError, match=r"edits\[0\]\.op needs a square matrix: got radius"):
        apply_edits(torch.zeros(3, 2), [{"op": "radius", "spectral_radius": 1.0}])
