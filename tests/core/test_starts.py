"""Further starts, and the races and runs that begin there."""

import math

import pytest
import torch

from rnncore import DISTANCES, Readout, further_starts, lyapunov_spectrum, race
from tests.core.builders import cell_from, finished, make_cell, make_readout


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_starts_come_in_opposite_pairs_and_more_begin_with_the_fewer(distance, count):
    origin = torch.linspace(-3.0, 5.0, 6)
    found = further_starts(origin, count, distance=distance, seed=4)
    assert found.shape == (count, 6)
    assert found.dtype == torch.float64
    assert torch.equal(found, further_starts(origin, 8, distance=distance, seed=4)[:count])
    centre = torch.zeros(6) if distance == "far" else origin
    for k in range(0, count - 1, 2):
        torch.testing.assert_close(found[k] - centre, centre - found[k + 1], rtol=1e-9, atol=1e-15)
    assert not torch.equal(found, further_starts(origin, count, distance=distance, seed=5))


def test_near_starts_are_a_millionth_away():
    for origin, size in ((torch.zeros(9), 1.0), (torch.full((9,), 1e3), 3e3)):
        apart = (further_starts(origin, 4, distance="near") - origin).norm(dim=-1)
        assert apart.tolist() == pytest.approx([1e-6 * size] * 4, rel=1e-6)


def test_far_starts_fill_the_cube_of_the_states():
    for origin, largest in ((torch.zeros(4000), 1.0), (torch.linspace(-50.0, 3.0, 4000), 50.0)):
        for start in further_starts(origin, 2):
            assert float(start.abs().max()) == pytest.approx(largest, rel=0.01)
            assert float(start.abs().max()) <= largest
            assert float(start.std()) == pytest.approx(largest / math.sqrt(3), rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"origin": torch.zeros(2, 3)}, "origin"),
        ({"origin": torch.zeros(0)}, "origin"),
        ({"count": 0}, "count"),
        ({"distance": "middling"}, "distance"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_starts_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        further_starts(**{"origin": torch.zeros(3), "count": 1} | arguments)


def test_a_race_of_near_starts_goes_at_the_first_lyapunov_exponent():
    """The same slope twice: of a distance below 10⁻⁶, and of a tangent vector."""
    cell = make_cell(100, 1, rho=2.0, bias=0.0)
    x, h_0 = torch.zeros(220, 1), torch.randn(100, generator=torch.Generator().manual_seed(3))
    near = further_starts(h_0, 1, distance="near")
    found = race(cell, x, h_0, h_0 + 1e-6 * (near - h_0)).ln_distance[0]
    exponent = lyapunov_spectrum(finished(cell, x, h_0), 1, transient=40).exponents.item()
    assert exponent > 0.05  # chaos
    small = int((found > math.log(1e-3)).nonzero()[0])
    assert small > 100
    assert float(found[small] - found[40]) / (small - 40) == pytest.approx(exponent, rel=0.25)


# A loop that is closed


def test_the_race_of_a_closed_loop_is_that_of_its_runs():
    cell = make_cell(8, 2, rho=0.9)
    readout = make_readout(cell, 2)
    x, h_0 = torch.randn(30, 2, generator=torch.Generator().manual_seed(1)).double(), torch.zeros(8)
    starts = further_starts(h_0, 3)
    found = race(cell, x, h_0, starts, readout=readout, feeds_back_after=12)
    runs = finished(cell, x, torch.cat((h_0[None].double(), starts)), readout, feeds_back_after=12)
    h = runs.trajectory.sequences(runs.trajectory.h(0, 31))
    expected = (h[1:] - h[:1]).norm(dim=-1).log()
    torch.testing.assert_close(found.ln_distance, expected, rtol=0, atol=1e-9)
    given = race(cell, x, h_0, starts)
    torch.testing.assert_close(found.ln_distance[:, :13], given.ln_distance[:, :13])
    assert not torch.allclose(found.ln_distance[:, 13], given.ln_distance[:, 13])


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_the_race_of_a_homogeneous_closed_loop_has_its_eigenvalue(activation):
    cell = cell_from(torch.diag(torch.tensor([0.5, 0.25])), activation=activation)
    readout = Readout(torch.tensor([[1.0, 0.0]]).double(), torch.zeros(1).double())
    x, h_0 = torch.ones(40, 1), torch.ones(2)
    found = race(cell, x, h_0, 2 * h_0[None], readout=readout, feeds_back_after=10).ln_distance[0]
    # W_hh + W_xh W_hy = [[1.5, 0], [1, 0.25]]
    assert float(found[40] - found[39]) == pytest.approx(math.log(1.5), abs=1e-6)
    assert float(found[10] - found[9]) == pytest.approx(math.log(0.5), abs=1e-3)


def test_a_loop_that_cannot_be_closed_is_refused():
    cell = make_cell(4, 2)
    with pytest.raises(ValueError, match="readout is missing"):
        race(cell, torch.zeros(5, 2), torch.zeros(4), torch.ones(1, 4), feeds_back_after=2)
    with pytest.raises(ValueError, match="O = 3 outputs for D = 2"):
        race(
            *(cell, torch.zeros(5, 2), torch.zeros(4), torch.ones(1, 4)),
            readout=make_readout(cell, 3),
            feeds_back_after=2,
        )
