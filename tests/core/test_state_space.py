"""The plane in which a trajectory is shown, and what is said where there is none."""

import numpy as np
import pytest
import torch

from rnncore import state_plane, unit_plane


def wandering(T=200, S=6, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    widths = torch.tensor([5.0, 2.0, 1.0, 0.5, 0.2, 0.1], dtype=torch.float64)[:S]
    mixing = torch.linalg.qr(torch.randn(S, S, generator=generator, dtype=torch.float64))[0]
    return torch.randn(T, S, generator=generator, dtype=torch.float64) * widths @ mixing + 3.0


def codes(plane):
    return [note.code for note in plane.notes]


@pytest.mark.parametrize("T", [200, 4])
def test_it_is_that_of_the_covariance(T):
    states = wandering(T)
    plane = state_plane(states)
    variances, vectors = np.linalg.eigh(np.cov(states.numpy().T))
    expected = torch.from_numpy(vectors[:, [-1, -2]].T.copy())
    torch.testing.assert_close(plane.axes.abs(), expected.abs(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        plane.shares, torch.from_numpy(variances[[-1, -2]] / variances.sum())
    )
    torch.testing.assert_close(plane.mean, states.mean(dim=0))
    assert plane.notes == () and plane.left_out == 0
    for axis in plane.axes:
        assert float(axis[axis.abs().argmax()]) > 0


def test_coordinates_and_back():
    states = wandering()
    plane = state_plane(states)
    seen = plane.coordinates(states)
    assert seen.shape == (200, 2)
    torch.testing.assert_close(seen, (states - states.mean(dim=0)) @ plane.axes.mT)
    torch.testing.assert_close(plane.coordinates(plane.states(seen)), seen)
    torch.testing.assert_close(plane.units([4, 0]), plane.axes.mT[[4, 0]])
    strange = plane.coordinates(torch.tensor([[1.0] * 6, [torch.inf] + [0.0] * 5]))
    assert strange[0].isfinite().all() and strange[1].isnan().all()


def test_the_sign_does_not_hang_on_the_algorithm():
    states = wandering()
    plane, mirrored = state_plane(states), state_plane(-states)
    torch.testing.assert_close(plane.axes, mirrored.axes)
    backwards = state_plane(states.flip(0))
    torch.testing.assert_close(plane.axes, backwards.axes)


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_near_the_ends_of_float64(scale):
    plane, expected = state_plane(wandering() * scale), state_plane(wandering())
    torch.testing.assert_close(plane.axes, expected.axes)
    torch.testing.assert_close(plane.shares, expected.shares)
    torch.testing.assert_close(plane.mean / scale, expected.mean)
    seen = plane.coordinates(wandering() * scale) / scale
    torch.testing.assert_close(seen, expected.coordinates(wandering()))


def test_states_past_the_dtype_are_left_out_and_it_says_so():
    states = wandering()
    with_others = torch.cat((states, torch.full((3, 6), torch.inf), torch.full((1, 6), torch.nan)))
    plane = state_plane(with_others)
    assert torch.equal(plane.axes, state_plane(states).axes)
    assert plane.left_out == 4
    assert plane.notes[0].message == "4 of 204 states have left the dtype and are left out."
    nothing = state_plane(torch.full((2, 3), torch.inf))
    assert (codes(nothing), nothing.left_out) == (["left_out"], 2)
    assert nothing.axes.tolist() == [[1, 0, 0], [0, 1, 0]] and nothing.shares.tolist() == [0, 0]


def test_several_trajectories_share_a_plane():
    states = wandering()
    assert torch.equal(state_plane(states.view(4, 50, 6)).axes, state_plane(states).axes)


def test_one_unit():
    plane = state_plane(torch.tensor([[1.0], [2.0], [4.0]]))
    assert (plane.axes.tolist(), plane.shares.tolist()) == ([[1.0], [0.0]], [1.0, 0.0])
    assert codes(plane) == ["one_unit"]
    torch.testing.assert_close(
        plane.coordinates(torch.tensor([1.0])), torch.tensor([-4 / 3, 0.0]).double()
    )


@pytest.mark.parametrize("T, sentence", [(1, "single state"), (5, "do not move")])
@pytest.mark.parametrize("S", [1, 2, 3])
def test_states_that_do_not_move(T, S, sentence):
    plane = state_plane(torch.full((T, S), 0.1).double() + torch.arange(S))
    assert codes(plane) == ["still"] and sentence in plane.notes[0].message
    assert plane.shares.tolist() == [0, 0]
    assert torch.equal(plane.axes, torch.eye(2, S).double())
    torch.testing.assert_close(plane.mean, 0.1 + torch.arange(S).double())
    assert torch.isfinite(plane.coordinates(torch.zeros(S))).all()


def test_a_straight_line():
    steps = torch.linspace(-1, 2, 50, dtype=torch.float64)[:, None]
    plane = state_plane(steps * torch.tensor([0.48, -0.6, 0.64]))
    assert codes(plane) == ["straight"] and plane.shares.tolist() == [1.0, 0.0]
    torch.testing.assert_close(plane.axes[0], torch.tensor([0.48, -0.6, 0.64]).double())
    torch.testing.assert_close(plane.axes @ plane.axes.mT, torch.eye(2).double())


def test_equally_wide_directions_are_said_to_be_arbitrary():
    turn = torch.arange(8, dtype=torch.float64) * torch.pi / 4
    circle = torch.stack((turn.cos(), turn.sin(), 0 * turn), dim=-1)
    assert codes(state_plane(circle)) == ["as_wide"]
    assert "Both axes" in state_plane(circle).notes[0].message
    corners = torch.cat((torch.eye(3), -torch.eye(3)))
    assert "third direction" in state_plane(corners).notes[0].message


def test_two_units():
    states = wandering()
    plane = unit_plane(states, 4, 1)
    assert torch.equal(plane.coordinates(states), states[:, [4, 1]])
    variances = states.var(dim=0)
    torch.testing.assert_close(plane.shares, variances[[4, 1]] / variances.sum())
    assert plane.units([1]).tolist() == [[0.0, 1.0]]
    assert codes(unit_plane(torch.ones(5, 2), 0, 1)) == ["still"]
    assert codes(unit_plane(torch.full((5, 2), torch.inf), 0, 1)) == ["left_out"]


def test_what_is_refused():
    states = wandering()
    for call, sentence in (
        (lambda: state_plane(torch.zeros(3)), "states has the wrong shape"),
        (lambda: state_plane(torch.zeros(0, 3)), "states is empty"),
        (lambda: unit_plane(states, 1, 1), "second is the first unit too"),
        (lambda: unit_plane(states, 6, 1), "first is no unit: got 6; expected 0 to 5"),
        (lambda: state_plane(states).units([0, 6]), "units is no unit"),
        (lambda: state_plane(states).coordinates(torch.zeros(5)), "states has the wrong shape"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()
