"""The influence map, against autograd, closed forms, and sums of logarithms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnncore import (
    Cancelled,
    ElmanCell,
    GatedRollout,
    LSTMState,
    Readout,
    Rollout,
    influence_map,
    input_sequence,
    jacobian_eigenvalues,
    recurrent_matrix,
    state_jacobian,
)
from rnncore.activations import ln_slope
from rnncore.gated.coefficients import ln_sigmoid
from tests.core.builders import cell_from, finished, make_cell
from tests.core.gated_builders import KINDS, gated_cell, gated_run, with_bias
from tests.core.stack_builders import stacked, stacked_cells

LN_10 = math.log(10)


def zeros(*shape):
    return torch.zeros(*shape, dtype=torch.float64)


def noise_run(kind, *, H=6, D=2, T=25, dtype=torch.float64, **options):
    x = input_sequence("noise", T, D).to(dtype)
    if kind in KINDS:
        cell = gated_cell(kind, H, D, scale=2.0)
        return gated_run(type(cell)(*(W.to(dtype) for W in vars(cell).values())), x), x
    return finished(make_cell(H, D, activation=kind, dtype=dtype), x, zeros(H), **options), x


def autograd_map(cell, x):
    """log10 ‖∂h_t/∂x_k‖_F by autograd, one row of every h_t after another."""
    T, H = x.shape[0], cell.hidden_size
    x = x.clone().requires_grad_()
    is_lstm = cell.W_hh.shape[0] == 4 * H
    state = LSTMState(zeros(H), zeros(H)) if is_lstm else zeros(H)
    squares = zeros(T, T)
    for t in range(T):
        state = cell.step(x[t], state)
        for unit in state.h if is_lstm else state:
            (of_x,) = torch.autograd.grad(unit, x, retain_graph=True)
            squares[t] += of_x.square().sum(dim=1)
    return squares.log10() / 2


def without_recurrence(cell):
    return replace(cell, W_hh=torch.zeros_like(cell.W_hh))


def toeplitz(values):
    """[t, k] → values[t - k], -inf above the diagonal."""
    T = len(values)
    t, k = np.ogrid[:T, :T]
    return torch.from_numpy(np.where(t >= k, np.asarray(values)[np.maximum(t - k, 0)], -np.inf))


def assert_same(found, expected, tolerance):
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


# Against autograd


@pytest.mark.parametrize("kind", ["tanh", "relu", "linear", "gru", "lstm"])
@pytest.mark.parametrize("D", [1, 2, 15])  # also more inputs than the state has numbers
def test_it_is_autograds(kind, D):
    run, x = noise_run(kind, D=D)
    found = influence_map(run)
    assert found.edges.tolist() == list(range(26))
    assert_same(found.log10_norm, autograd_map(run.cell, x), 1e-11)


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_a_run_in_float32(kind):
    run, _ = noise_run(kind, dtype=torch.float32)
    assert_same(influence_map(run).log10_norm, influence_map(noise_run(kind)[0]).log10_norm, 1e-3)


# Closed forms


@pytest.mark.parametrize("rho", [0.5, 1.0, 2.0])
def test_toeplitz_for_a_linear_network(rho):
    """‖Wˢ W_xh‖ at the distance s, whatever the input; 10^±1204 is a value like any other."""
    T = 4000 if rho != 1.0 else 60
    cell = make_cell(4, 1, activation="linear", ensemble="orthogonal", rho=rho, dtype=torch.float64)
    run = finished(cell, input_sequence("noise", T, 1), zeros(4))
    found = influence_map(run, T - 60, T).log10_norm
    start = math.log10(cell.W_xh.norm())
    assert_same(found, toeplitz([start + s * math.log10(rho) for s in range(60)]), 1e-12)
    binned = influence_map(run, columns=2).log10_norm
    # The largest of the lower left bin: T - 1 steps in a growing net, 1 in a dying one.
    longest = T - 1 if rho > 1 else 1
    assert binned[1, 0].item() == pytest.approx(start + longest * math.log10(rho), abs=1e-9)


def test_ten_to_the_minus_six_hundred():
    cell = cell_from(0.1 * torch.eye(2, dtype=torch.float64), D=3)
    run = finished(cell, torch.zeros(600, 3), torch.zeros(2))
    found = influence_map(run, columns=600).log10_norm
    assert found[599, 0].item() == pytest.approx(-599 + math.log10(6) / 2, abs=1e-10)
    assert influence_map(run).log10_norm.shape == (512, 512)


def test_a_nilpotent_network_forgets_exactly():
    run = finished(cell_from(recurrent_matrix("delay_line", 3).W), torch.ones(8, 1), torch.zeros(3))
    expected = [math.log10(3) / 2, math.log10(2) / 2, 0.0] + [-math.inf] * 5
    assert_same(influence_map(run).log10_norm, toeplitz(expected), 1e-14)


@pytest.mark.parametrize("amplitude", [1.0, 30.0, 400.0, 1e5])
def test_one_unit_is_a_sum_of_logarithms(amplitude):
    """tanh: ln d_k + Σ (ln w + ln d), with slopes down to e^-200000."""
    run = finished(
        cell_from([[-3.0]], activation="tanh"),
        amplitude * input_sequence("noise", 40, 1),
        zeros(1),
    )
    ln_d = ln_slope("tanh", run.trajectory.a[:, 0, 0])
    sums = (ln_d + math.log(3)).cumsum(0)
    t, k = torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")
    expected = torch.where(t >= k, sums[t] - sums[k] + ln_d[k], -math.inf) / LN_10
    assert_same(influence_map(run).log10_norm, expected, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [-900.0, -5.0, 5.0])
def test_the_gate_that_keeps(kind, bias):
    """With W_hh = 0 and one unit, z or f alone carries on, also where each step is e^-900."""
    cell = with_bias(gated_cell(kind, 1, 1), 1, bias)
    run = gated_run(without_recurrence(cell), input_sequence("noise", 9, 1).double())
    found = influence_map(run).log10_norm
    ln_kept = ln_sigmoid(run.trajectory.a[:, 0, 1])
    if kind == "lstm":
        ln_out = ln_sigmoid(run.trajectory.a[:, 0, 3])
        ln_out += ln_slope("tanh", run.gates(0, 9)["c"][:, 0])
        ln_kept[1:] += ln_out.diff()
    for k in range(9):
        # To h_k an LSTM's input has another way, by its o.
        for t in range(k + (2 if kind == "lstm" else 1), 9):
            step = found[t, k] - found[t - 1, k]
            assert step.item() == pytest.approx(ln_kept[t].item() / LN_10, rel=1e-11)


@pytest.mark.parametrize("b_o", [-2000.0, -300.0, 0.0])
def test_behind_a_shut_output_gate(b_o):
    """∂h_t/∂x_k = o_t sech² c_t f_t … f_{k+1} ∂c_k/∂x_k, though o = e^-2000."""
    cell = with_bias(gated_cell("lstm", 1, 1), 3, b_o)
    run = gated_run(without_recurrence(cell), input_sequence("noise", 10, 1).double())
    found = influence_map(run).log10_norm
    _, a_f, _, a_o = run.trajectory.a[:, 0].unbind(dim=-1)
    gates = {name: gate[:, 0] for name, gate in run.gates(0, 10).items()}
    ln_out = ln_sigmoid(a_o) + ln_slope("tanh", gates["c"])
    ln_f = ln_sigmoid(a_f).cumsum(0)
    before = torch.cat((zeros(1), gates["c"][:-1]))
    W_i, W_f, W_g, _ = cell.W_xh[:, 0]
    i, f, g = gates["i"], gates["f"], gates["g"]
    of_c = i * (1 - i) * g * W_i + f * (1 - f) * before * W_f + i * (1 - g * g) * W_g
    for k in range(9):
        for t in range(k + 1, 10):
            expected = ln_out[t] + ln_f[t] - ln_f[k] + of_c[k].abs().log()
            assert found[t, k].item() == pytest.approx(expected.item() / LN_10, rel=1e-12)
    assert torch.isfinite(found.diagonal()).all() and (found.diagonal() < b_o / LN_10 + 2).all()


# Windows, bins, sizes


@pytest.mark.parametrize("kind", ["tanh", "lstm"])
def test_a_window_is_a_part_of_the_whole(kind):
    run, _ = noise_run(kind)
    whole, window = influence_map(run), influence_map(run, 5, 17)
    assert window.edges.tolist() == list(range(5, 18))
    assert_same(window.log10_norm, whole.log10_norm[5:17, 5:17], 1e-12)


@pytest.mark.parametrize("columns", [1, 4, 7, 24])
def test_bins_hold_the_largest_of_theirs(columns):
    run, _ = noise_run("gru")
    whole, binned = influence_map(run).log10_norm, influence_map(run, columns=columns)
    edges = binned.edges
    assert len(edges) == columns + 1 and binned.log10_norm.shape == (columns, columns)
    for i in range(columns):
        for j in range(columns):
            largest = whole[edges[i] : edges[i + 1], edges[j] : edges[j + 1]].max()
            assert binned.log10_norm[i, j] == largest


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_one_step_of_one_unit(kind):
    run, x = noise_run(kind, H=1, D=1, T=1)
    assert_same(influence_map(run).log10_norm, autograd_map(run.cell, x), 1e-12)


@pytest.mark.parametrize("exponent", [-300, -160, 160, 300])
def test_enormous_and_tiny_weights(exponent):
    W = torch.tensor([[0.3, -0.4], [0.5, 0.1]], dtype=torch.float64)
    W_xh = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    plain = ElmanCell(W_xh, W, zeros(2), "linear")
    scaled = ElmanCell(10.0**-exponent * W_xh, 10.0**exponent * W, zeros(2), "linear")
    found, expected = (
        influence_map(finished(cell, zeros(9, 1), zeros(2))).log10_norm for cell in (scaled, plain)
    )
    distance = [exponent * (s - 1.0) for s in range(9)]
    lower = expected > -math.inf
    assert_same(found[lower], (expected + toeplitz(distance))[lower], 1e-12)


def test_nothing_comes_of_a_dead_network():
    cell = ElmanCell(torch.ones(2, 1), torch.ones(2, 2), -torch.ones(2), "relu")
    run = finished(cell, torch.zeros(5, 1), torch.zeros(2))
    assert torch.isneginf(influence_map(run).log10_norm).all()


def test_one_sequence_of_a_batch():
    cell = make_cell(5, 1)
    x = input_sequence("noise", 12, 1, batch_size=3)
    together, alone = finished(cell, x, zeros(5)), finished(cell, x[1], zeros(5))
    found = influence_map(together, sequence=1).log10_norm
    assert_same(found, influence_map(alone).log10_norm, 1e-12)


def test_it_can_be_stopped_and_refuses_what_is_not_there():
    run, _ = noise_run("tanh")
    asked = []
    with pytest.raises(Cancelled):
        influence_map(run, should_stop=lambda: len(asked) > 3 or asked.append(0) is not None)
    assert len(asked) == 4
    with pytest.raises(ValueError, match="t1 is out of range: got 26; expected at most T = 25"):
        influence_map(run, 0, 26)
    with pytest.raises(ValueError, match="t1 is out of range: got 5; expected more than t0 = 5"):
        influence_map(run, 5, 5)
    with pytest.raises(ValueError, match="columns is out of range"):
        influence_map(run, columns=0)


# Layers on layers, and a loop that is closed


def network_map(step, x, sizes):
    """log10 ‖∂h_t/∂x_k‖_F by autograd of `step(x_t, states) -> states`, h of the last alone."""
    T = len(x)
    x = x.clone().requires_grad_()
    states, squares = [zeros(size) for size in sizes], zeros(T, T)
    for t in range(T):
        states = step(t, x[t], states)
        for unit in states[-1]:
            (of_x,) = torch.autograd.grad(unit, x, retain_graph=True, allow_unused=True)
            squares[t] += of_x.square().sum(dim=1)
    return squares.log10() / 2


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("D", [1, 2])
def test_a_stack_is_autograds(kind, D):
    cells = stacked_cells(kind, 3, H=4, D=D)
    x = input_sequence("noise", 15, D)
    run = stacked(cells, x)

    def step(t, x_t, states):
        cs, hs, below = states[:3], [], x_t
        after_c = []
        for cell, c, h in zip(cells, cs, states[3:], strict=True):
            if kind == "lstm":
                below, c = cell.step(below, LSTMState(h, c))
            else:
                below = cell.step(below, h)
            hs.append(below)
            after_c.append(c)
        return [*after_c, *hs]

    expected = network_map(step, x, [4] * 6)
    assert_same(influence_map(run).log10_norm, expected, 1e-10)


def test_a_saturated_layer_passes_on_very_little():
    """e^-800 of what comes from below."""
    one = torch.ones(1, 1, dtype=torch.float64)
    cells = [
        ElmanCell(one, zeros(1, 1), zeros(1)),
        ElmanCell(one, zeros(1, 1), 400 + zeros(1)),
    ]
    run = stacked(cells, zeros(3, 1))
    slope = float(ln_slope("tanh", torch.tensor(400.0, dtype=torch.float64))) / LN_10
    found = influence_map(run).log10_norm
    assert_same(found.diagonal(), torch.full((3,), slope, dtype=torch.float64), 1e-12)


@pytest.mark.parametrize("kind", ["tanh", "linear", "gru", "lstm"])
@pytest.mark.parametrize("after", [1, 7])
def test_a_closed_loop_is_autograds(kind, after):
    """∂h_t/∂x_k goes on through what is fed back; from then on x_k is what was fed."""
    H, D, T = 5, 2, 16
    is_gated = kind in KINDS
    cell = gated_cell(kind, H, D, scale=2.0) if is_gated else make_cell(H, D, activation=kind)
    if not is_gated:
        cell = replace(cell, **{k: v.double() for k, v in vars(cell).items() if k != "activation"})
    readout = Readout(torch.linspace(-1, 1, D * H).double().view(D, H), torch.ones(D).double())
    x = input_sequence("noise", T, D)
    kind_of_run = GatedRollout if is_gated else Rollout
    run = kind_of_run(cell, x, zeros(H), readout, feeds_back_after=after)
    for _ in run.states():
        pass

    changes = zeros(T, D)

    def step(t, change, states):
        c, h = states
        x_t = (x[t] if t < after else readout.output(h)) + change
        if kind == "lstm":
            h, c = cell.step(x_t, LSTMState(h, c))
        else:
            h = cell.step(x_t, h)
        return [c, h]

    expected = network_map(step, changes, [H, H])
    assert_same(influence_map(run).log10_norm, expected, 1e-10)
    for t in (after - 1, after, T - 1):
        assert spectral(jacobian_eigenvalues(run, t)) == pytest.approx(
            spectral(torch.linalg.eigvals(state_jacobian(run, t))), rel=1e-9
        )


def spectral(eigenvalues):
    return float(eigenvalues.abs().max())
