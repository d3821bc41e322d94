"""Classes and their probabilities, and networks that draw their next input."""

import math

import pytest
import torch

from rnncore import (
    Cancelled,
    ElmanCell,
    GatedRollout,
    Readout,
    Rollout,
    class_probabilities,
    gaussian_weights,
    output_probabilities,
    sampled_inputs,
)
from tests.core.builders import make_cell
from tests.core.gated_builders import gated_cell

T, H, D = 120, 12, 3
CELLS = {
    "elman": lambda dtype: make_cell(H, D, rho=1.5, dtype=dtype),
    "linear": lambda dtype: make_cell(H, D, activation="linear", rho=0.9, dtype=dtype),
    "gru": lambda dtype: gated_cell("gru", H, D, dtype=dtype),
    "lstm": lambda dtype: gated_cell("lstm", H, D, dtype=dtype),
}
X, H_0 = torch.eye(D)[torch.arange(4 * T).view(4, T) % D], torch.zeros(H)
inf = math.inf


def readout_of(cell, scale=1.0):
    W_hy = gaussian_weights(D, H, scale=scale, seed=4).to(cell.dtype)
    return Readout(W_hy, torch.zeros(D, dtype=cell.dtype))


def ordinary(cell, x, readout):
    run = (Rollout if isinstance(cell, ElmanCell) else GatedRollout)(cell, x, H_0, readout)
    (chunk,) = run.states(bounds=[(0, run.steps)])
    return run, chunk


# Probabilities


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
def test_probabilities_are_a_softmax(temperature):
    y = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.softmax(y.double() / temperature, dim=-1)
    torch.testing.assert_close(class_probabilities(y, temperature), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "y, temperature, expected",
    [
        ([1.0, 3.0, 2.0], 0, [0, 1, 0]),
        ([1.0, 3.0, 3.0], 0, [0, 1, 0]),
        ([1.0, 3.0, 3.0], 1e-320, [0, 0.5, 0.5]),
        ([1.0, 3.0, -1e6], 1e300, [1 / 3] * 3),
        ([1.0, inf, 3.0], 1.0, [0, 1, 0]),
        ([1.0, inf, inf], 1e300, [0, 0.5, 0.5]),
        ([1.0, inf, inf], 0, [0, 1, 0]),
        ([1.0, -inf, 1.0], 1e300, [0.5, 0, 0.5]),
        ([-inf, -inf], 1.0, [0.5, 0.5]),
        ([-inf, -inf], 0, [1, 0]),
        ([1e308, -1e308], 1.0, [1, 0]),
        ([5.0], 1.0, [1]),
    ],
)
def test_limits_of_temperature_and_of_outputs(y, temperature, expected):
    found = class_probabilities(torch.tensor(y, dtype=torch.float64), temperature)
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "y, temperature, message",
    [
        (torch.ones(2), -1.0, "temperature is out of range: got -1.0"),
        (torch.ones(2), inf, "temperature is not finite"),
        (torch.tensor([1.0, math.nan]), 1.0, "y is not a number: got NaN"),
        (torch.ones(3, 0), 1.0, r"y has no classes: got \(3, 0\)"),
        (torch.tensor(1.0), 1.0, r"y has no classes: got \(\)"),
    ],
)
def test_refused_probabilities(y, temperature, message):
    with pytest.raises(ValueError, match=message):
        class_probabilities(y, temperature)


# Draws


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ordinary_run_on_what_was_drawn_gives_every_draw_its_probability(kind, dtype):
    """Given the run, the draws at τ are independent: their log-likelihood is a sum with a known
    mean and variance."""
    cell = CELLS[kind](dtype)
    readout = readout_of(cell)
    x = sampled_inputs(cell, X, H_0, readout, after=13, seed=3)
    assert x.dtype == dtype and torch.equal(x[:, :13], X[:, :13].to(dtype))
    assert ((x == 0) | (x == 1)).all() and (x.sum(-1) == 1).all()
    _, states = ordinary(cell, x, readout)
    p = class_probabilities(states.y[:, 12:-1])
    ln = p.clamp(min=1e-300).log()
    mean = (p * ln).sum(-1)
    variance = (p * ln**2).sum(-1) - mean**2
    drawn = (ln * x[:, 13:]).sum(-1)
    assert (p * x[:, 13:]).sum(-1).min() > 1e-6
    assert abs((drawn - mean).sum()) < 4 * variance.sum().sqrt() + 1e-9


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_coldest_draw_is_the_most_likely_class_of_the_ordinary_run(kind, dtype):
    cell = CELLS[kind](dtype)
    readout = readout_of(cell)
    x = sampled_inputs(cell, X, H_0, readout, after=13, temperature=0.0)
    _, states = ordinary(cell, x, readout)
    assert torch.equal(states.y[:, 12:-1].argmax(-1), x[:, 13:].argmax(-1))


@pytest.mark.parametrize("kind", CELLS)
def test_hottest_draws_are_uniform(kind):
    cell, steps = CELLS[kind](torch.float32), 3000
    x = sampled_inputs(
        cell, torch.zeros(steps, D), H_0, readout_of(cell, 1e-3), after=1, temperature=1e9
    )
    deviation = math.sqrt(steps * (1 / D) * (1 - 1 / D))
    assert (x[1:].sum(0) - steps / D).abs().max() < 4 * deviation


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_are_the_probabilities(temperature):
    """A network whose output is its bias draws independently of all that was."""
    steps, cell = 8000, make_cell(H, D)
    readout = Readout(torch.zeros(D, H).double(), torch.tensor([0.0, 1.0, -1.0]).double())
    x = sampled_inputs(
        cell, torch.zeros(steps, D), H_0, readout, after=1, temperature=temperature, seed=11
    )
    p = class_probabilities(readout.b_y, temperature)
    deviation = (steps * p * (1 - p)).sqrt()
    assert ((x[1:].sum(0) - (steps - 1) * p).abs() < 4 * deviation).all()
    # And in time: how often a class comes twice running.
    twice = (x[1:-1] * x[2:]).sum(0)
    assert ((twice - steps * p**2).abs() < 6 * (steps * p**2).sqrt()).all()


@pytest.mark.parametrize("kind", CELLS)
def test_same_seed_same_bits_whatever_comes_after_in_the_batch(kind):
    cell = CELLS[kind](torch.float32)
    readout = readout_of(cell)
    one, again, other, first, some = (
        sampled_inputs(cell, x, H_0, readout, after=13, seed=seed)
        for x, seed in ((X, 3), (X, 3), (X, 4), (X[0], 3), (X[:2], 3))
    )
    assert torch.equal(one, again) and torch.equal(one[0], first) and torch.equal(one[:2], some)
    assert not torch.equal(one, other) and not torch.equal(one[0, 13:], one[3, 13:])


def test_no_class_without_probability_is_ever_drawn():
    cell = make_cell(H, D)
    b_y = torch.tensor([-1e4, 0.0, -1e4]).double()
    readout = Readout(torch.zeros(D, H).double(), b_y)
    x = sampled_inputs(cell, torch.zeros(2000, D), H_0, readout, after=1)
    assert (x[1:].argmax(-1) == 1).all()


@pytest.mark.parametrize("size", [1.0, 1e30])
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_silent_classes_and_huge_states_are_stepped_as_the_ordinary_run_steps_them(kind, size):
    """Class 0 drives nothing, so single steps may not be taken for plain."""
    cell = gated_cell(kind, H, D, dtype=torch.float32, bias=0.0)
    cell.W_xh[:, 0] = 0.0
    readout = readout_of(cell)
    h_0 = torch.full((H,), size)
    x = sampled_inputs(cell, X, h_0, readout, after=2, temperature=0.0)
    run = GatedRollout(cell, x, h_0, readout)
    (states,) = run.states(bounds=[(0, T)])
    assert torch.equal(states.y[:, 1:-1].argmax(-1), x[:, 2:].argmax(-1))


def test_states_that_leave_the_dtype_still_say_the_likeliest_class():
    """h_t = 4^t (1, 2): both outputs are infinite, and the second is larger."""
    cell = ElmanCell(torch.zeros(2, 2), 4 * torch.eye(2), torch.zeros(2), "linear")
    readout = Readout(torch.eye(2), torch.zeros(2))
    x = sampled_inputs(cell, torch.zeros(200, 2), torch.tensor([1.0, 2.0]), readout, after=1)
    assert (x[1:].argmax(-1) == 1).all()


def test_it_stops_when_asked():
    cell, asked = make_cell(H, D), []

    def should_stop():
        asked.append(None)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        sampled_inputs(
            cell, torch.zeros(3000, D), H_0, readout_of(cell), after=1, should_stop=should_stop
        )
    assert len(asked) == 4


@pytest.mark.parametrize(
    "options, message",
    [
        ({"after": 0}, "feeds_back_after is out of range: got 0"),
        ({"after": T + 1}, "feeds_back_after is out of range: got 121; expected 1 to T = 120"),
        ({"after": 1, "temperature": -1.0}, "temperature is out of range"),
        ({"after": 1, "seed": -1}, "seed is out of range"),
        ({"after": 1, "c_0": H_0}, "c_0 belongs to an LSTM: got an ElmanCell"),
        (
            {"after": 1, "readout": Readout(torch.ones(2, H).double(), torch.zeros(2).double())},
            "W_hy cannot feed its outputs back as inputs: got O = 2 outputs for D = 3 inputs",
        ),
        ({"after": 1, "x": torch.zeros(3)}, r"x has the wrong shape: got \(3,\)"),
    ],
)
def test_refusals(options, message):
    cell = make_cell(H, D)
    with pytest.raises(ValueError, match=message):
        sampled_inputs(
            **({"cell": cell, "x": X, "h_0": H_0, "readout": readout_of(cell)} | options)
        )


@pytest.mark.parametrize("batch", [(), (3,)])
def test_probabilities_of_a_run_are_those_of_its_outputs(batch: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    cell = ElmanCell(draw(6, 4), draw(6, 6), draw(6), "tanh")
    run = Rollout(cell, draw(*batch, 20, 4), draw(6), Readout(draw(4, 6), draw(4)))
    (chunk,) = run.states(bounds=[(0, 20)])
    for temperature in (0.0, 0.3, 1.0, 1e9):
        found = output_probabilities(run, 5, 15, temperature)
        expected = class_probabilities(chunk.y[..., 5:15, :], temperature)
        assert found.shape == (*batch, 10, 4)
        assert (found - expected).abs().max() <= 1e-14
    with pytest.raises(ValueError, match="temperature"):
        output_probabilities(run, 0, 1, -1.0)


def test_probabilities_go_on_beyond_the_dtype() -> None:
    cell = ElmanCell(torch.ones(1, 1), torch.tensor([[4.0]]), torch.zeros(1), "linear")
    readout = Readout(torch.tensor([[1.0], [1.5], [-1.0]]), torch.zeros(3))
    run = Rollout(cell, torch.ones(100, 1), torch.zeros(1), readout)
    (chunk,) = run.states(bounds=[(0, 100)])
    assert chunk.y[-1, :2].isinf().all()
    assert output_probabilities(run, 99, 100).tolist() == [[0.0, 1.0, 0.0]]
