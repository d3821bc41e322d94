"""Distances between runs, against runs in decimal arithmetic with 400 digits."""

from decimal import Decimal, localcontext
from math import expm1, log

import pytest
import torch

from rnncore import Cancelled, ElmanCell, GRUCell, LSTMCell, LSTMState, race
from tests.core.builders import cell_from, make_cell
from tests.core.gated_builders import gated_cell


class Digits:
    """A cell in decimal arithmetic, on lists of numbers."""

    def __init__(self, cell):
        self.cell = cell
        self.weights = {
            name: [
                [Decimal(w) for w in row] for row in torch.atleast_2d(getattr(cell, name)).tolist()
            ]
            for name in ("W_xh", "W_hh", "b_h", "b_hn")
            if hasattr(cell, name)
        }

    def step(self, x_t, state):
        H, w = self.cell.hidden_size, self.weights
        drive = [a + b for a, b in zip(product(w["W_xh"], x_t), w["b_h"][0], strict=True)]
        through = product(w["W_hh"], state[:H])
        if isinstance(self.cell, GRUCell):
            r, z = (
                [sigmoid(drive[i] + through[i]) for i in range(gate * H, gate * H + H)]
                for gate in (0, 1)
            )
            m = [through[2 * H + i] + w["b_hn"][0][i] for i in range(H)]
            n = [tanh(drive[2 * H + i] + r[i] * m[i]) for i in range(H)]
            return [(1 - z[i]) * n[i] + z[i] * state[i] for i in range(H)]
        a = [d + t for d, t in zip(drive, through, strict=True)]
        if isinstance(self.cell, ElmanCell):
            phi = {"tanh": tanh, "relu": lambda a: max(a, Decimal(0)), "linear": lambda a: a}
            return [phi[self.cell.activation](value) for value in a]
        c = [
            sigmoid(a[H + i]) * state[H + i] + sigmoid(a[i]) * tanh(a[2 * H + i]) for i in range(H)
        ]
        return [sigmoid(a[3 * H + i]) * tanh(c[i]) for i in range(H)] + c


def product(W, v):
    return [sum(w * x for w, x in zip(row, v, strict=True)) for row in W]


def sigmoid(a):
    return 1 / (1 + (-a).exp())


def tanh(a):
    return 1 - 2 / (1 + (2 * a).exp())


def ln_norm(difference):
    return float(sum((d * d for d in difference), Decimal(0)).sqrt().ln())


def distances_of_digits(cell, x, h_0, start, size):
    with localcontext() as context:
        context.prec = 400
        digits = Digits(cell)
        states = [[Decimal(v) for v in state.tolist()] for state in (h_0, start)]
        result = []
        for x_t in [None, *x.tolist()]:
            if x_t is not None:
                states = [digits.step([Decimal(v) for v in x_t], state) for state in states]
            difference = [a - b for a, b in zip(*states, strict=True)]
            result.append([ln_norm(difference[:size]), ln_norm(difference[size:] or [Decimal(1)])])
        return torch.tensor(result, dtype=torch.float64).T


def fast_forgetting(kind):
    """Cells of two units whose distances shrink at about 1e-5 a step."""
    if kind in ("gru", "lstm"):
        cell = gated_cell(kind, 2, 1, scale=1.5)
        gate = 1
        b_h = cell.b_h.clone()
        b_h[gate * 2 : gate * 2 + 2] -= 12.5
        W_hh = 1e-4 * cell.W_hh
        if isinstance(cell, GRUCell):
            return GRUCell(cell.W_xh, W_hh, b_h, cell.b_hn)
        return LSTMCell(cell.W_xh, W_hh, b_h)
    cell = cell_from([[1e-5, 2e-5], [-5e-6, 1.5e-5]], activation=kind)
    return ElmanCell(cell.W_xh, cell.W_hh, torch.tensor([0.3, 0.4]).double(), kind)


def states_of(cell, *shape, scale=1.0, seed=0):
    size = cell.hidden_size * (2 if isinstance(cell, LSTMCell) else 1)
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, size, generator=generator, dtype=torch.float64)


def noise(T, D=1, seed=1):
    return torch.randn(T, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["tanh", "relu", "linear", "gru", "lstm"])
def test_down_to_1e_300_the_distance_is_that_of_400_digits(kind):
    cell = fast_forgetting(kind)
    x = noise(66) * (0.05 if kind == "relu" else 1.0)
    h_0, starts = states_of(cell), states_of(cell, 2, seed=3)
    found = race(cell, x, h_0, starts)
    assert found.ln_distance.shape == (2, 67)
    expected = distances_of_digits(cell, x, h_0, starts[1], cell.hidden_size)
    assert expected[0, -1] < log(1e-300)
    torch.testing.assert_close(found.ln_distance[1], expected[0], rtol=0, atol=1e-11)
    if kind == "lstm":
        torch.testing.assert_close(found.ln_distance_c[1], expected[1], rtol=0, atol=1e-11)
    else:
        assert found.ln_distance_c is None


@pytest.mark.parametrize("kind", ["tanh", "relu", "gru", "lstm"])
def test_where_distances_are_large_they_are_those_of_two_runs(kind):
    if kind in ("gru", "lstm"):
        cell = gated_cell(kind, scale=3.0)
    else:
        cell = make_cell(12, activation=kind, rho=1.3)
    x, h_0, start = noise(25, 2), states_of(cell), states_of(cell, 1, seed=2)
    found = race(cell, x, h_0, start)
    H = cell.hidden_size
    a, b = h_0, start[0]
    for t in range(25):
        torch.testing.assert_close(found.ln_distance[0, t], (a - b)[:H].norm().log())
        if isinstance(cell, LSTMCell):
            a, b = (torch.cat(cell.step(x[t], LSTMState(*s.chunk(2)))) for s in (a, b))
        else:
            a, b = (cell.step(x[t], s) for s in (a, b))


def test_a_linear_net_halves_or_doubles_for_ever():
    for factor in (0.5, 2.0):
        cell = cell_from(factor * torch.eye(3))
        found = race(cell, noise(4000), torch.ones(3), torch.tensor([[1.0, 1.0, 1.0 + 2**-20]]))
        steps = torch.arange(4001, dtype=torch.float64)
        expected = (steps * (1 if factor == 2 else -1) - 20) * log(2.0)
        torch.testing.assert_close(found.ln_distance[0], expected, rtol=1e-14, atol=0)


def test_rectified_runs_that_leave_float64_stay_apart_in_logarithms():
    found = race(
        cell_from(2 * torch.eye(2), activation="relu"),
        torch.zeros(1500, 1),
        torch.tensor([1.0, 1.0]),
        torch.tensor([[1.0, 1.5], [-1.0, 1.0]]),
    )
    steps = torch.arange(1501, dtype=torch.float64)
    torch.testing.assert_close(found.ln_distance[0], steps * log(2.0) - log(2.0))
    assert found.ln_distance[1, 0] == pytest.approx(log(2.0))  # cut at 0: two apart, then one
    torch.testing.assert_close(found.ln_distance[1, 1:], steps[1:] * log(2.0))


def test_the_corner_of_a_rectifier_is_felt_by_differences_of_any_size():
    """At a = 0 a difference passes upwards and is lost downwards, also at 1e-200."""
    cell = cell_from([[0.0, 1e-200], [0.0, 0.0]], activation="relu")
    x = torch.tensor([[0.0], [0.0]])
    found = race(cell, x, torch.zeros(2), torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
    assert found.ln_distance[0].tolist() == [0.0, pytest.approx(-200 * log(10)), -torch.inf]
    assert found.ln_distance[1].tolist() == [0.0, -torch.inf, -torch.inf]


def test_saturated_units_forget_in_logarithms():
    """ln tanh' is ln 4 - 2|a| where float64 has long come to its end."""
    cell = cell_from([[1.0]], activation="tanh")
    x = torch.tensor([[1000.0]] * 3)
    found = race(cell, x, torch.zeros(1), torch.tensor([[1e-3]]))
    steps = found.ln_distance[0].diff()
    assert steps[0] == pytest.approx(log(4) - 2000 + log(-expm1(-2e-3) / 2e-3), rel=1e-12)
    assert steps[1:].tolist() == [pytest.approx(log(4) - 2002.0)] * 2
    beyond = race(cell, torch.tensor([[1e20]]), torch.zeros(1), torch.tensor([[1.0]]))
    assert float(beyond.ln_distance[0, 1]) == pytest.approx(-2e20)


def test_equal_starts_are_never_apart():
    cell = make_cell()
    found = race(cell, noise(5, 2), torch.ones(16), torch.ones(1, 16))
    assert torch.isneginf(found.ln_distance).all()


def test_a_batch_of_starts_and_an_lstm_state_as_a_pair():
    cell = gated_cell("lstm")
    h_0, starts = states_of(cell), states_of(cell, 3, seed=4)
    whole = race(cell, noise(9, 2), h_0, starts)
    pairs = race(
        cell,
        noise(9, 2),
        LSTMState(*h_0.chunk(2)),
        LSTMState(*starts.chunk(2, dim=-1)),
    )
    assert torch.equal(whole.ln_distance, pairs.ln_distance)
    assert torch.equal(whole.ln_distance_c, pairs.ln_distance_c)


def test_what_it_refuses_and_that_it_can_be_stopped():
    cell = make_cell()
    good = (noise(100, 2), torch.ones(16), torch.ones(1, 16))
    for position, bad, sentence in (
        (0, noise(10, 3), "x has the wrong shape"),
        (0, noise(10, 2)[None], "x has the wrong shape"),
        (1, torch.ones(1, 16), "h_0 has the wrong shape"),
        (2, torch.ones(16), "starts has the wrong shape"),
        (2, torch.ones(1, 15), "starts has the wrong shape"),
        (2, torch.full((1, 16), torch.nan), "starts is not finite"),
    ):
        arguments = list(good)
        arguments[position] = bad
        with pytest.raises(ValueError, match=sentence):
            race(cell, *arguments)
    with pytest.raises(Cancelled):
        race(cell, *good, should_stop=lambda: True)
    with pytest.raises(ValueError, match="is too large"):
        race(
            gated_cell("gru", scale=20.0),
            noise(3, 2),
            torch.full((12,), 1.7e308, dtype=torch.float64),
            torch.zeros(1, 12),
        )
