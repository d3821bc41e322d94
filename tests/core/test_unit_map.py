"""The curve of a cobweb: h_t against h_{t-1} of one unit."""

import math

import numpy as np
import pytest
import torch

from rnncore import GRUCell, fixed_points, unit_map
from tests.core.builders import cell_from, silent
from tests.core.gated_builders import gated_cell


@pytest.mark.parametrize(("w", "expected"), [(1.5, 0.858560), (2.0, 0.957504), (3.0, 0.994902)])
def test_the_curve_crosses_the_diagonal_at_the_fixed_points(w, expected):
    """V9: h = tanh(w h)."""
    cell = cell_from([[w]], activation="tanh")
    found = unit_map(cell, columns=2501)
    above = np.sign((found.image - found.across).numpy())
    crossings = found.across.numpy()[np.flatnonzero(np.diff(above)) + 1]
    assert np.abs(np.abs(crossings) - expected).min() <= 1e-3
    assert len([each for each in crossings if abs(each) > 0.1]) == 2
    points = fixed_points(cell, torch.tensor([[1.0]])).found
    assert float(points[0].point) == pytest.approx(expected, abs=1e-6)


def test_a_silent_run_moves_along_the_curve():
    cell = cell_from([[-1.7]], activation="tanh")
    h = silent(cell, torch.tensor([0.3]), 20).trajectory.h(0, 21).flatten()
    for before, after in zip(h[:-1].tolist(), h[1:].tolist(), strict=True):
        found = unit_map(cell, across=(before, before + 1.0), columns=2)
        assert found.image[0].item() == pytest.approx(after, abs=1e-12)


def test_the_input_moves_the_curve_and_a_gated_unit_has_one():
    cell = gated_cell("gru", 1, 1)
    assert isinstance(cell, GRUCell)
    x = torch.tensor([2.0])
    found = unit_map(cell, x=x, columns=3)
    h = torch.tensor([[-1.25], [0.0], [1.25]]).to(cell.dtype)
    expected = cell.step(x.to(cell.dtype).expand(3, 1), h).flatten().double()
    torch.testing.assert_close(found.image, expected)
    assert not torch.allclose(found.image, unit_map(cell, columns=3).image)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"across": (1.0, 1.0)}, "across"),
        ({"across": (-math.inf, 1.0)}, "across"),
        ({"columns": 1}, "columns"),
        ({"x": torch.zeros(3)}, "x"),
    ],
)
def test_what_is_no_line_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        unit_map(cell_from([[1.0]]), **options)


def test_other_cells_are_refused():
    with pytest.raises(ValueError, match="hidden_size is no line"):
        unit_map(cell_from(torch.eye(2)))
    with pytest.raises(ValueError, match="no map of one unit"):
        unit_map(gated_cell("lstm", 1, 1))
