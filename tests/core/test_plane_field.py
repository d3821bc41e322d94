"""The plane of two units: displacements, nullclines, and the fixed points where they meet."""

import numpy as np
import pytest
import torch

from rnncore import Cancelled, ElmanCell, GRUCell, plane_field
from rnncore.contours import zero_lines
from tests.core.builders import cell_from, make_cell
from tests.core.gated_builders import gated_cell

CURLED = [[1.6, -0.8], [0.7, 1.4]]


@pytest.fixture(autouse=True)
def _one_thread():
    """Small systems want one, all the more where other programs compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def gru(scale=4.0):
    cell = gated_cell("gru", 2, 1, scale=scale, seed=1)
    assert isinstance(cell, GRUCell)
    return cell


def grid(*values):
    return np.linspace(*values)


def lines_of(function, n=31, half=1.5):
    axis = grid(-half, half, n)
    points = np.stack(np.meshgrid(axis, axis), axis=-1)
    return zero_lines(function, axis, axis, function(points.reshape(-1, 2)).reshape(n, n))


def test_displacements_are_steps():
    cell, x = make_cell(2, 3, rho=1.4), torch.tensor([0.3, -1.0, 0.2]).double()
    field = plane_field(cell, x=x, across=(-2, 1), upwards=(0, 3), columns=7, rows=5)
    torch.testing.assert_close(field.across, torch.linspace(-2, 1, 7).double())
    assert field.displacement.shape == (5, 7, 2)
    for row, h_2 in enumerate(field.upwards.tolist()):
        for column, h_1 in enumerate(field.across.tolist()):
            h = torch.tensor([h_1, h_2], dtype=torch.float64)
            torch.testing.assert_close(field.displacement[row, column], cell.step(x, h) - h)


@pytest.mark.parametrize("cell", [cell_from(CURLED, activation="tanh"), gru()], ids=["tanh", "gru"])
def test_on_a_nullcline_its_unit_stands_still(cell):
    field, silence = plane_field(cell), torch.zeros(1, dtype=torch.float64)
    for unit, lines in enumerate(field.nullclines):
        assert sum(len(line) for line in lines) > 50
        for line in lines:
            moved = cell.step(silence, line)[:, unit] - line[:, unit]
            assert float(moved.abs().max()) < 1e-13
            # One square of the fine grid is 1/40 wide, and no line leaps over one.
            assert float((line[1:] - line[:-1]).norm(dim=-1).max()) < 0.04
            inside = (line.abs() <= 1.25).all()
            assert inside


def test_nine_fixed_points_of_two_units_that_do_not_know_of_each_other():
    """V10 with n = 2: h_1 and h_2 in {0, ±.957504}; three straight nullclines each."""
    field = plane_field(cell_from(2 * torch.eye(2), activation="tanh"))
    kinds = [point.stability.kind for point in field.fixed_points]
    assert kinds == ["stable"] * 4 + ["saddle"] * 4 + ["repeller"]
    for unit, lines in enumerate(field.nullclines):
        assert len(lines) == 3
        at = sorted(float(line[:, unit].mean()) for line in lines)
        assert at == pytest.approx([-0.957504, 0.0, 0.957504], abs=1e-6)
        for line in lines:
            across = line[:, 1 - unit]
            assert sorted((float(across[0]), float(across[-1]))) == [-1.25, 1.25]


def test_fixed_points_are_those_in_the_rectangle():
    cell = cell_from(2 * torch.eye(2), activation="tanh")
    corner = plane_field(cell, across=(0.5, 1.5), upwards=(0.5, 1.5))
    assert [point.stability.kind for point in corner.fixed_points] == ["stable"]
    assert plane_field(cell, across=(2, 3)).fixed_points == ()
    shifted = ElmanCell(cell.W_xh, 0.5 * torch.eye(2).double(), torch.ones(2).double(), "linear")
    (far,) = plane_field(shifted, across=(0, 2), upwards=(0, 2)).fixed_points
    assert far.point.tolist() == [2.0, 2.0]  # on the corner


def test_where_nullclines_meet_there_is_a_fixed_point():
    field = plane_field(gru(), columns=15, rows=15)
    assert field.fixed_points
    for point in field.fixed_points:
        for lines in field.nullclines:
            distance = min(float((line - point.point).norm(dim=-1).min()) for line in lines)
            assert distance < 0.05


def test_a_map_that_leaves_everything_where_it_is():
    field = plane_field(cell_from(torch.eye(2)), columns=3, rows=3)
    assert field.nullclines == ((), ())
    assert [note.code for note in field.notes] == ["region"] * 2
    assert "Unit 2 stays as it is wherever it is" in field.notes[1].message
    assert not field.displacement.any()
    half = plane_field(cell_from(torch.eye(2), activation="relu"), columns=3, rows=3)
    assert "Unit 1 stays as it is in a whole region" in half.notes[0].message


def test_slow_points_are_kept_apart():
    cell = cell_from(torch.eye(2))
    drifting = ElmanCell(cell.W_xh, cell.W_hh, torch.full((2,), 1e-3).double(), "linear")
    field = plane_field(drifting)
    assert field.fixed_points == () and field.slow_points
    assert field.slow_points[0].q == pytest.approx(1e-6)


def test_a_circle_is_one_closed_line():
    (circle,) = lines_of(lambda p: np.square(p).sum(axis=1) - 1.0)
    assert np.array_equal(circle[0], circle[-1])
    np.testing.assert_allclose(np.linalg.norm(circle, axis=1), 1.0, rtol=1e-14)
    length = np.linalg.norm(np.diff(circle, axis=0), axis=1).sum()
    assert length == pytest.approx(2 * np.pi, rel=1e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("offset", [0.01, -0.01])
def test_where_two_branches_pass_the_centre_says_which_go_together(sign, offset):
    """xy = ±.01 has two branches, and near 0 all four edges of the middle square are crossed."""
    lines = lines_of(lambda p: sign * (p[:, 0] * p[:, 1] - offset), n=10)
    assert len(lines) == 2
    for line in lines:
        assert len({bool(x > 0) for x in line[:, 0]}) == 1
        np.testing.assert_allclose(line[:, 0] * line[:, 1], offset, rtol=1e-12)


def test_a_line_through_grid_points_is_not_torn():
    (line,) = lines_of(lambda p: p[:, 0] - p[:, 1])
    assert len(line) == 31 and np.array_equal(line[:, 0], line[:, 1])


def test_what_is_refused_and_that_it_can_be_stopped():
    cell = make_cell(2, 1)
    for options, sentence in (
        ({"across": (1.0, 1.0)}, "across is no interval"),
        ({"upwards": (2.0, 1.0)}, "upwards is no interval"),
        ({"across": (0.0, torch.inf)}, r"across\[1\] is not finite"),
        ({"across": (-1e308, 1e308)}, "across is no interval"),
        ({"rows": 1}, "rows is out of range"),
        ({"x": torch.zeros(2)}, "x has the wrong shape"),
    ):
        with pytest.raises(ValueError, match=sentence):
            plane_field(cell, **options)
    with pytest.raises(ValueError, match="is too wide"):
        plane_field(cell_from(1e10 * torch.eye(2)), across=(1e299, 2e299))
    with pytest.raises(ValueError, match="hidden_size is no plane: got 3; expected 2"):
        plane_field(make_cell(3))
    with pytest.raises(ValueError, match="cell has no plane of states: got LSTMCell"):
        plane_field(gated_cell("lstm", 2))
    with pytest.raises(Cancelled):
        plane_field(cell, should_stop=lambda: True)
