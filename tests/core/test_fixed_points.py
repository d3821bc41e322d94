"""Fixed points: the cases of the literature, SciPy's roots, and searches that find nothing."""

import numpy as np
import pytest
import scipy.optimize
import torch

from rnncore import (
    Cancelled,
    ElmanCell,
    LSTMCell,
    LSTMState,
    fixed_points,
    search_starts,
)
from tests.core.builders import cell_from, make_cell
from tests.core.gated_builders import gated_cell


@pytest.fixture(autouse=True)
def _one_thread():
    """Small systems want one, all the more where other programs compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def biased(cell, b_h):
    b_h = torch.as_tensor(b_h, dtype=cell.dtype).expand(cell.hidden_size).clone()
    return ElmanCell(cell.W_xh, cell.W_hh, b_h, cell.activation)


def cloud(count, size, *, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, size, generator=generator, dtype=torch.float64)


def kinds(search):
    return [point.stability.kind for point in search.found]


def real(point):
    return point.stability.eigenvalues.real.tolist()


@pytest.mark.parametrize(
    "w, h, J", [(1.5, 0.858560, 0.394313), (2.0, 0.957504, 0.166372), (3.0, 0.994902, 0.030513)]
)
def test_one_unit(w, h, J):
    """V9: h = tanh(wh)."""
    search = fixed_points(cell_from([[w]], activation="tanh"), torch.linspace(-1, 1, 9)[:, None])
    assert kinds(search) == ["stable", "stable", "repeller"]
    assert sorted(search.points.flatten().tolist()) == pytest.approx([-h, 0, h], abs=6e-7)
    assert [real(point)[0] for point in search.found] == pytest.approx([J, J, w], abs=6e-7)
    assert sum(point.starts for point in search.found) == search.starts == 9
    assert (search.slow, search.lost, search.lost_q, search.unfinished) == ((), 0, None, 0)


def test_three_units_that_do_not_know_of_each_other():
    """V10: W = 2I has 3ⁿ fixed points, 2ⁿ of them stable; the index counts the zeros."""
    search = fixed_points(cell_from(2 * torch.eye(3), activation="tanh"), cloud(1500, 3))
    assert len(search.found) == 27
    assert kinds(search) == ["stable"] * 8 + ["saddle"] * 18 + ["repeller"]
    for point in search.found:
        zeros = int((point.point.abs() < 1e-9).sum())
        assert point.stability.index == zeros
        assert point.q < 1e-24
        assert real(point) == pytest.approx([2.0] * zeros + [0.166372] * (3 - zeros), abs=1e-6)


def test_two_memories_under_a_constant_input():
    """x tilts the two wells of h = tanh(1.5h + x): both there for small x, one for large."""
    cell, starts = cell_from([[1.5]], activation="tanh"), torch.linspace(-1, 1, 12)[:, None]
    both = fixed_points(cell, starts, x=torch.tensor([0.1]))
    assert kinds(both) == ["stable", "stable", "repeller"]
    h = both.points.flatten()
    torch.testing.assert_close(torch.tanh(1.5 * h + torch.tensor(0.1).double()), h)
    one = fixed_points(cell, starts, x=torch.tensor([0.5]))
    assert kinds(one) == ["stable"]
    # The other well is gone, but where it was the map is slow, and that is where some starts end.
    assert one.lost + sum(point.starts for point in one.slow) > 0
    assert one.lost + sum(point.starts for point in one.slow + one.found) == 12


def test_an_orbit_of_period_two():
    cell, starts = cell_from([[-2.0]], activation="tanh"), torch.linspace(-1, 1, 11)[:, None]
    assert kinds(fixed_points(cell, starts)) == ["repeller"]
    orbit, origin = fixed_points(cell, starts, period=2).found
    assert (orbit.period, origin.period) == (2, 1)
    assert sorted(orbit.orbit.flatten().tolist()) == pytest.approx([-0.957504, 0.957504], abs=1e-6)
    # Of the orbit the product of both slopes, of the fixed point its own slope.
    assert (real(orbit), real(origin)) == ([pytest.approx(0.166372**2, rel=1e-5)], [-2.0])
    assert orbit.stability.kind == "stable" and orbit.starts + origin.starts == 11
    assert "orbit of period 2, stable" in orbit.sentence


def test_a_quarter_turn_has_orbits_of_period_four():
    """h ← tanh(R h), R twice a quarter turn: every unit visits ±0.9575, each in its time."""
    cell = cell_from([[0.0, -2.0], [2.0, 0.0]], activation="tanh")
    search = fixed_points(cell, torch.cat((cloud(60, 2), torch.zeros(1, 2))), period=4)
    stable = [point for point in search.found if point.stability.kind == "stable"]
    assert [point.period for point in stable] == [4]
    torch.testing.assert_close(
        stable[0].orbit.abs(), torch.full((4, 2), 0.957504).double(), atol=1e-6, rtol=0
    )
    (origin,) = (point for point in search.found if point.period == 1)
    assert origin.stability.kind == "repeller" and origin.stability.is_spiral
    assert origin.stability.leading == pytest.approx(2j)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_a_linear_net_has_one(activation):
    cell = biased(make_cell(10, rho=0.7, activation="linear"), 1e6)
    expected = torch.linalg.solve(torch.eye(10).double() - cell.W_hh, cell.b_h)
    (point,) = fixed_points(cell, cloud(5, 10)).found
    torch.testing.assert_close(point.point, expected, rtol=1e-12, atol=0)
    assert point.starts == 5 and point.stability.kind == "stable"
    expected = torch.linalg.eigvals(cell.W_hh).abs().sort(descending=True).values
    torch.testing.assert_close(point.stability.eigenvalues.abs(), expected)


@pytest.mark.parametrize("kind, period", [("gru", 1), ("gru", 2), ("lstm", 1), ("lstm", 2)])
def test_gated_cells_against_scipy(kind, period):
    """Wherever SciPy gets from the same starts, the search has been; and its points are roots."""
    cell, x = gated_cell(kind, 3, scale=5.0, seed=2), torch.tensor([0.3, -0.2]).double()
    size = 6 if kind == "lstm" else 3

    def excess(state):
        moved = torch.from_numpy(state)
        for _ in range(period):
            if isinstance(cell, LSTMCell):
                moved = torch.cat(cell.step(x, LSTMState(*moved.chunk(2))))
            else:
                moved = cell.step(x, moved)
        return moved.numpy() - state

    starts = cloud(120, size, scale=0.6)
    search = fixed_points(cell, starts, x=x, period=period)
    orbits = torch.cat([point.orbit for point in search.found]).numpy()
    roots = [scipy.optimize.root(excess, start, tol=1e-13) for start in starts[:40].numpy()]
    roots = [root.x for root in roots if root.success and np.abs(excess(root.x)).max() < 1e-12]
    roots = [root for root in roots if np.abs(root[:3]).max() <= 1.0]
    assert len(roots) > 5
    for root in roots:
        assert np.abs(orbits - root).max(axis=1).min() < 1e-9
    for state in orbits:
        polished = scipy.optimize.root(excess, state + 1e-4, tol=1e-13)
        assert polished.x == pytest.approx(state, abs=1e-9)


def test_the_eigenvalues_are_those_of_autograd():
    cell, silence = gated_cell("lstm", 4, scale=2.0), torch.zeros(2, dtype=torch.float64)

    def image(state):
        return torch.cat(cell.step(silence, LSTMState(*state.chunk(2))))

    search = fixed_points(cell, cloud(8, 8), period=2)
    assert search.found
    for point in search.found:
        J = torch.autograd.functional.jacobian(image, point.point)
        expected = torch.linalg.eigvals(torch.linalg.matrix_power(J, point.period)).abs()
        torch.testing.assert_close(
            point.stability.eigenvalues.abs(), expected.sort(descending=True).values
        )


def test_a_search_that_cannot_converge():
    """h ← h + b has no fixed point: q is ½‖b‖² wherever one looks, and that is what it says."""
    search = fixed_points(biased(cell_from(torch.eye(3)), 2.0), cloud(7, 3))
    assert (search.found, search.slow, search.lost, search.unfinished) == ((), (), 7, 0)
    assert search.lost_q == 6.0 and search.points.numel() == 0
    assert search.sentence == (
        "7 starts led to no fixed points or orbits. 7 led to neither; the best of them has q = 6."
    )


def test_a_map_without_a_fixed_point_in_one_direction_alone():
    cell = biased(cell_from(torch.diag(torch.tensor([1.0, 0.5]))), 1e-4)
    search = fixed_points(cell, cloud(4, 2))
    assert search.found == () and search.lost == 0
    for point in search.slow:
        assert point.is_slow and point.q == pytest.approx(0.5e-8)
        assert float(point.point[1]) == pytest.approx(2e-4, abs=1e-7)
    assert "no fixed one: it moves by 0.0001 (q = 5e-09)" in search.slow[0].sentence


def test_the_ghost_of_a_saddle_node_is_a_slow_point():
    """Just past the fold of h = tanh(2h + x) two fixed points have met and left a minimum of q."""
    fold = 2**-0.5
    x = np.arctanh(fold) - 2 * fold  # there the curve touches the diagonal from above for less
    cell, starts = cell_from([[2.0]], activation="tanh"), torch.linspace(0.2, 1, 9)[:, None]
    before = fixed_points(cell, starts, x=torch.tensor([x + 1e-3]).double())
    assert kinds(before)[0] == "stable" and len(before.found) >= 2 and not before.slow
    after = fixed_points(cell, starts, x=torch.tensor([x - 1e-3]).double())
    (ghost,) = after.slow
    assert float(ghost.point) == pytest.approx(fold, abs=0.01)
    assert ghost.q == pytest.approx(0.5 * (0.5 * 1e-3) ** 2, rel=0.01)


def test_iterations_that_run_out():
    search = fixed_points(make_cell(16, rho=1.5), cloud(5, 16), iterations=1)
    assert search.found == () and search.unfinished == 5
    assert search.lost_q is not None and search.lost_q > 1e-6
    assert "were still on their way when the iterations ran out" in search.sentence


def test_at_the_edge_the_linear_map_does_not_decide():
    (point,) = fixed_points(cell_from([[1.0]], activation="tanh"), cloud(20, 1)).found
    assert point.stability.kind == "marginal" and point.starts == 20
    assert "does not decide" in point.sentence
    everywhere = fixed_points(cell_from(torch.eye(2)), cloud(6, 2))
    assert kinds(everywhere) == ["marginal"] * 6


def test_the_corner_of_a_rectifier_is_no_stable_point():
    """h ← max(2h, 0) leaves 0 upwards: the slope 0 that φ'(0) is said to be would be a lie."""
    (point,) = fixed_points(cell_from([[2.0]], activation="relu"), torch.tensor([[1.0]])).found
    assert float(point.point) == 0.0 and point.stability.kind == "kink"
    assert "no derivative" in point.sentence
    off = biased(cell_from([[2.0]], activation="relu"), -1.0)
    assert sorted(kinds(fixed_points(off, torch.tensor([[-1.0], [3.0]])))) == ["repeller", "stable"]


def test_a_spiral():
    turn = 0.9 * torch.tensor([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    (point,) = fixed_points(cell_from(turn, activation="tanh"), cloud(4, 2)).found
    assert point.stability.is_spiral and point.stability.kind == "stable"
    assert np.angle(point.stability.leading) == pytest.approx(0.3)
    assert "×0.9 a round, turning" in point.sentence
    (node,) = fixed_points(cell_from(0.9 * torch.eye(2), activation="tanh"), cloud(4, 2)).found
    assert not node.stability.is_spiral


def test_permuted_units_and_a_repeated_search():
    cell, starts = make_cell(12, rho=2.0, bias=0.0), cloud(40, 12)
    first, again = fixed_points(cell, starts), fixed_points(cell, starts)
    assert torch.equal(first.points, again.points)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    permuted = ElmanCell(cell.W_xh[order], cell.W_hh[order][:, order], cell.b_h[order])
    other = fixed_points(permuted, starts[:, order])
    assert len(other.found) == len(first.found) >= 2
    for point in first.found:
        distance = (other.points - point.point[order]).norm(dim=-1)
        assert float(distance.min()) < 1e-9


def test_float32_weights_are_searched_in_float64():
    cell = make_cell(8, rho=1.3, dtype=torch.float32)
    assert all(point.q < 1e-24 for point in fixed_points(cell, cloud(10, 8)).found)


def test_starts_from_a_trajectory():
    states = torch.arange(10.0)[:, None].repeat(1, 3)
    plain = search_starts(states, 5, noise=0.0)
    assert plain.dtype == torch.float64 and plain[:, 0].tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    noisy = search_starts(states, 8, noise=0.1, seed=3)
    assert noisy[:4, 0].tolist() == [1.0, 4.0, 6.0, 9.0]
    assert 0.0 < float((noisy[4:] - noisy[:4]).abs().max()) < 0.5
    assert torch.equal(noisy, search_starts(states, 8, noise=0.1, seed=3))
    assert not torch.equal(noisy, search_starts(states, 8, noise=0.1, seed=4))
    states[5:] = torch.inf
    assert search_starts(states, 40, noise=0.0).max() == 4.0
    pair = LSTMState(torch.zeros(4, 2), torch.ones(4, 2))
    assert search_starts(pair, 1).tolist() == [[0.0, 0.0, 1.0, 1.0]]


def test_what_is_refused():
    cell = make_cell()
    for options, sentence in (
        ({"starts": torch.zeros(3, 15)}, "starts has the wrong shape"),
        ({"starts": torch.zeros(0, 16)}, "starts has the wrong shape"),
        ({"starts": torch.zeros(16)}, "starts has the wrong shape"),
        ({"starts": torch.full((1, 16), torch.nan)}, "starts is not finite"),
        ({"x": torch.zeros(3)}, "x has the wrong shape"),
        ({"x": torch.tensor([torch.inf, 0.0])}, "x is not finite"),
        ({"period": 0}, "period is out of range"),
        ({"iterations": 0}, "iterations is out of range"),
        ({"slow_q": -1.0}, "slow_q is out of range"),
    ):
        arguments = {"starts": torch.zeros(3, 16), **options}
        with pytest.raises(ValueError, match=sentence):
            fixed_points(cell, **arguments)
    for arguments, sentence in (
        ((torch.zeros(3), 4), "states has the wrong shape"),
        ((torch.full((2, 3), torch.inf), 4), "states holds no finite state"),
        ((torch.zeros(2, 3), 0), "count is out of range"),
    ):
        with pytest.raises(ValueError, match=sentence):
            search_starts(*arguments)


def test_it_can_be_stopped_between_iterations():
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        fixed_points(make_cell(rho=1.5), cloud(5, 16), should_stop=lambda: next(asked))
    assert next(asked, None) is None
