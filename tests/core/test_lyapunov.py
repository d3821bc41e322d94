"""Lyapunov exponents, against eigenvalues, mean-field theory, and closed forms."""

import math

import numpy as np
import pytest
import torch

from rnncore import (
    Cancelled,
    ElmanCell,
    LSTMCell,
    LSTMState,
    LyapunovSpectrum,
    Readout,
    StackedRollout,
    closed_loop,
    gaussian_weights,
    initial_state,
    input_sequence,
    lyapunov_spectrum,
    recurrent_matrix,
    spectrum,
    state_jacobian,
)
from tests.core.builders import cell_from, finished, make_cell, make_readout, silent
from tests.core.gated_builders import gated_cell, gated_run, with_bias
from tests.core.stack_builders import STACK_KINDS, stacked_cells


def chaotic(g, *, H=400, T=1500, seed=1, amplitude=0.0):
    """h' = tanh(g W h + amplitude · noise) from a random state, g not a spectral radius."""
    cell = ElmanCell(
        gaussian_weights(H, 1, scale=1.0, seed=7),
        gaussian_weights(H, H, scale=g, seed=seed),
        torch.zeros(H, dtype=torch.float64),
        "tanh",
    )
    x = amplitude * input_sequence("noise", T, 1)
    return finished(cell, x, initial_state("random", H, seed=3))


def always_on(W):
    """A ReLU network whose units never rest: J_t = W, found by a sweep."""
    H = len(W)
    cell = ElmanCell(torch.zeros(H, 1).double(), W, torch.full((H,), 1e3).double(), "relu")
    run = finished(cell, torch.zeros(900, 1), torch.full((H,), 1e3).double())
    assert (run.trajectory.u > 0).all()
    return run


# Against eigenvalues


@pytest.mark.parametrize("ensemble", ["gaussian", "symmetric"])
def test_a_constant_jacobian_has_the_moduli_of_its_eigenvalues(ensemble):
    """V7, the top to 1e-12; of a pair only the sum converges faster than 1/T."""
    W = 0.1 * recurrent_matrix(ensemble, 12, seed=4).W.double()
    W += torch.diag(torch.linspace(0.2, 0.5, 12).double())
    expected = spectrum(W).eigenvalues.abs().log()
    assert spectrum(W).eigenvalues[0].imag == 0
    found = lyapunov_spectrum(always_on(W), transient=800)
    assert found.exponents[0].item() == pytest.approx(expected[0].item(), abs=1e-12)
    torch.testing.assert_close(found.exponents, expected, rtol=0, atol=0.05)
    assert found.exponents.sum().item() == pytest.approx(
        torch.linalg.slogdet(W).logabsdet.item(), abs=1e-11
    )


def test_a_leading_pair_shares_its_sum():
    angle = torch.tensor(1.0, dtype=torch.float64)
    W = torch.zeros(3, 3, dtype=torch.float64)
    W[:2, :2] = 0.9 * torch.stack(
        (torch.stack((angle.cos(), -angle.sin())), torch.stack((angle.sin(), angle.cos())))
    )
    W[2, 2] = 0.3
    S = torch.tensor([[1.0, 0.4, 0.2], [0.0, 0.5, 0.1], [0.0, 0.0, 2.0]]).double()
    run = silent(
        cell_from(S @ W @ torch.linalg.inv(S), activation="tanh"), 1e-30 * torch.ones(3), 600
    )
    found = lyapunov_spectrum(run).exponents
    assert found[:2].sum().item() / 2 == pytest.approx(math.log(0.9), abs=1e-12)
    assert found.tolist() == pytest.approx([math.log(0.9)] * 2 + [math.log(0.3)], abs=2e-3)


@pytest.mark.parametrize("rho", [0.5, 1.3])
def test_a_linear_network_has_them_exactly(rho):
    cell = make_cell(20, 1, activation="linear", rho=rho)
    found = lyapunov_spectrum(finished(cell, torch.ones(50, 1), torch.zeros(20)), 6)
    expected = torch.linalg.eigvals(cell.W_hh).abs().sort(descending=True).values.log()
    torch.testing.assert_close(found.exponents, expected[:6], rtol=0, atol=1e-12)
    assert found.exponents[0].item() == pytest.approx(math.log(rho), abs=1e-12)
    assert not found.standard_errors.any()


def test_an_enormous_linear_network_and_one_of_a_fan():
    cell = make_cell(4, 1, activation="linear", ensemble="orthogonal")
    factors = torch.tensor([1.0, 1e-200, 1e200], dtype=torch.float64)
    run = finished(cell, torch.zeros(9, 1), torch.ones(4), scales=factors)
    for row, factor in enumerate(factors.tolist()):
        found = lyapunov_spectrum(run, sequence=row)
        assert found.exponents.tolist() == pytest.approx([math.log(factor)] * 4, abs=1e-9)


# Against mean-field theory: Λ_1 = ½ ln(g² E[sech⁴(√Δ z)])


@pytest.mark.parametrize("g, expected", [(2.0, 0.15472), (3.0, 0.31025), (5.0, 0.53243)])
def test_chaos_of_random_networks(g, expected):
    """V4. Sompolinsky, Crisanti, Sommers (1988)."""
    found = lyapunov_spectrum(chaotic(g), 1)
    assert found.exponents.item() == pytest.approx(expected, abs=0.012)
    assert 5e-4 < found.standard_errors.item() < 4e-3


def test_chaos_begins_between():
    assert lyapunov_spectrum(chaotic(0.9, T=600), 1).exponents.item() < -0.02
    assert lyapunov_spectrum(chaotic(1.5), 1).exponents.item() > 0.04


def test_noise_quenches_chaos():
    """The conditional spectrum along a driven run: at this amplitude the input alone decides."""
    alone, driven = (
        lyapunov_spectrum(chaotic(1.5, H=200, T=600, amplitude=a), 3) for a in (0.0, 3.0)
    )
    assert alone.exponents[0] > 0.02 > -0.1 > driven.exponents[0]
    assert alone.entropy_rate is None or alone.entropy_rate > 0
    assert (driven.entropy_rate, driven.kaplan_yorke_dimension) == (0.0, 0.0)


def test_the_whole_spectrum_begins_with_its_leading_part():
    """And its sum is the mean ln |det J|."""
    run = chaotic(3.0, H=60, T=300)
    whole, part = lyapunov_spectrum(run), lyapunov_spectrum(run, 5)
    assert whole.exponents.shape == (60,) and whole.state_size == 60
    torch.testing.assert_close(part.exponents, whole.exponents[:5], rtol=0, atol=0.02)
    d = 1 / torch.cosh(run.trajectory.a[60:, 0]) ** 2
    ln_det = d.log().sum(dim=1).mean() + torch.linalg.slogdet(run.cell.W_hh).logabsdet
    assert whole.exponents.sum().item() == pytest.approx(ln_det.item(), abs=1e-9)
    assert 1 < whole.kaplan_yorke_dimension < 60
    positive = whole.exponents[whole.exponents > 0]
    assert whole.entropy_rate == pytest.approx(positive.sum().item())


# Gated cells


def test_the_gate_that_keeps_is_an_exponent():
    """W_hh = 0: an LSTM's c lives by ln f, and h remembers nothing; a GRU's h lives by ln z."""
    cell = with_bias(gated_cell("lstm", 3, 1, scale=0.0), 1, 2.0)
    found = lyapunov_spectrum(gated_run(cell, torch.zeros(60, 1).double()))
    ln_kept = -math.log1p(math.exp(-2.0))
    assert found.exponents.tolist() == pytest.approx([ln_kept] * 3 + [-math.inf] * 3, abs=1e-12)
    assert found.standard_errors[:3].tolist() == pytest.approx([0.0] * 3, abs=1e-12)
    assert torch.isinf(found.standard_errors[3:]).all()

    cell = with_bias(gated_cell("gru", 3, 1, scale=0.0), 1, 2.0)
    found = lyapunov_spectrum(gated_run(cell, torch.zeros(60, 1).double()))
    assert found.exponents.tolist() == pytest.approx([ln_kept] * 3, abs=1e-12)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_the_sum_of_a_gated_spectrum_is_its_volume(kind):
    run = gated_run(gated_cell(kind, 5, 1, scale=3.0), input_sequence("noise", 100, 1).double())
    ln_det = [torch.linalg.slogdet(state_jacobian(run, t)).logabsdet for t in range(20, 100)]
    found = lyapunov_spectrum(run)
    assert found.exponents.sum().item() == pytest.approx(float(np.mean(ln_det)), rel=1e-9)


# The ends of numbers


def test_saturation_beyond_float64():
    """Each step is sech²(800) ≈ e^-1599."""
    run = finished(
        cell_from([[2.0]], activation="tanh"), torch.full((20, 1), 800.0), torch.zeros(1)
    )
    (expected,) = {
        round(-2 * abs(a) + math.log(8), 6) for a in run.trajectory.a[4:].flatten().tolist()
    }
    assert lyapunov_spectrum(run).exponents.item() == pytest.approx(expected, abs=1e-6)


def test_directions_that_are_lost():
    cell = ElmanCell(
        *(
            torch.tensor(each).double()
            for each in ([[1.0], [-1.0]], [[0.5, 0], [0, 0.5]], [0.0, 0.0])
        ),
        "relu",
    )
    found = lyapunov_spectrum(finished(cell, torch.ones(40, 1), torch.zeros(2)))
    assert found.exponents.tolist() == [pytest.approx(math.log(0.5), abs=1e-12), -math.inf]
    assert found.kaplan_yorke_dimension == 0.0
    dead = finished(cell, torch.zeros(3, 1), torch.zeros(2))
    assert torch.isneginf(lyapunov_spectrum(dead).exponents).all()


def test_a_single_step_has_no_error_bar():
    run = finished(make_cell(3, 1), torch.ones(1, 1), torch.zeros(3))
    found = lyapunov_spectrum(run)
    assert found.exponents.isfinite().all() and torch.isinf(found.standard_errors).all()


# What follows from a spectrum


@pytest.mark.parametrize(
    "exponents, size, dimension, entropy",
    [
        ([0.9056, 0.0, -14.5723], 3, 2.0621, 0.9056),  # Lorenz's attractor
        ([-0.1, -0.2], 2, 0.0, 0.0),
        ([0.2, 0.1], 2, 2.0, 0.3),
        ([0.2, 0.1], 5, None, None),
        ([0.2, -0.1], 5, None, 0.2),
        ([0.2, -math.inf], 5, 1.0, 0.2),
        ([1e-16, -3e-16], 2, 2.0, 1e-16),  # an isometry, but for rounding
    ],
)
def test_dimension_and_entropy(exponents, size, dimension, entropy):
    values = torch.tensor(exponents, dtype=torch.float64)
    found = LyapunovSpectrum(values, torch.zeros_like(values), size)
    assert found.kaplan_yorke_dimension == pytest.approx(dimension, abs=1e-4)
    assert found.entropy_rate == pytest.approx(entropy)


# Asking


def test_the_same_seed_gives_the_same_bits():
    run = chaotic(3.0, H=24, T=200)
    first, again, other = (lyapunov_spectrum(run, 2, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.exponents, again.exponents)
    assert torch.equal(first.standard_errors, again.standard_errors)
    assert not torch.equal(first.standard_errors, other.standard_errors)


def test_it_can_be_stopped_and_refuses_what_is_not_there():
    run = chaotic(3.0, H=5, T=50)
    with pytest.raises(Cancelled):
        lyapunov_spectrum(run, should_stop=lambda: True)
    with pytest.raises(ValueError, match="count is out of range: got 6; expected at most 5"):
        lyapunov_spectrum(run, 6)
    with pytest.raises(ValueError, match="transient is out of range: got 50; expected less than"):
        lyapunov_spectrum(run, transient=50)
    with pytest.raises(ValueError, match="seed is out of range"):
        lyapunov_spectrum(run, seed=-1)


# A stack, and a loop that is closed


@pytest.mark.parametrize("kind", STACK_KINDS)
def test_a_stack_has_the_exponents_of_its_layers(kind):
    """Against one QR of the whole, whose Jacobian autograd gives."""
    cells = stacked_cells(kind, L=2, H=3, D=1)
    x = input_sequence("noise", 300, 1).double()
    readout = Readout(torch.zeros(1, 3).double(), torch.zeros(1).double())
    run = StackedRollout(cells, x, torch.zeros(2, 3), readout)
    for _ in run.states():
        pass
    found = lyapunov_spectrum(run, transient=60)
    assert found.state_size == len(found.exponents) == (12 if kind == "lstm" else 6)
    assert found.exponents.tolist() == pytest.approx(exponents_of_the_whole(cells, x, 60), abs=0.03)
    three = lyapunov_spectrum(run, 3, transient=60)
    torch.testing.assert_close(three.exponents, found.exponents[:3], rtol=0, atol=1e-9)
    with pytest.raises(ValueError, match="count is out of range"):
        lyapunov_spectrum(run, 13)


def exponents_of_the_whole(cells, x, transient):
    """By QR at every step of the Jacobian of (h, c) of all layers at once."""
    is_lstm = isinstance(cells[0], LSTMCell)
    size = 6 if is_lstm else 3

    def step(state, x_t):
        after = []
        for cell, part in zip(cells, state.split(size), strict=True):
            if is_lstm:
                new = cell.step(x_t, LSTMState(*part.chunk(2)))
                x_t, part = new.h, torch.cat(new)
            else:
                x_t = part = cell.step(x_t, part)
            after.append(part)
        return torch.cat(after)

    state = torch.zeros(2 * size, dtype=torch.float64)
    Q, total = torch.eye(2 * size, dtype=torch.float64), 0.0
    for t, x_t in enumerate(x):
        J = torch.autograd.functional.jacobian(lambda s, x_t=x_t: step(s, x_t), state)
        state = step(state, x_t)
        Q, R = torch.linalg.qr(J @ Q)
        total = total + (R.diagonal().abs().log() if t >= transient else 0.0)
    return (total / (len(x) - transient)).sort(descending=True).values.tolist()


@pytest.mark.parametrize("activation", ["linear", "tanh", "relu"])
def test_a_run_that_generates_has_those_of_the_closed_loop(activation):
    cell = make_cell(9, 2, rho=0.8, activation=activation)
    readout = make_readout(cell, 2, scale=0.5)
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(2)).double()
    run = finished(cell, x, torch.zeros(9), readout, feeds_back_after=100)
    found = lyapunov_spectrum(run, 4)
    closed = closed_loop(cell, readout)
    h = run.trajectory.sequences(run.trajectory.h(100, 101))[0]
    alone = finished(closed, torch.zeros(200, 2), h, readout)
    torch.testing.assert_close(found.exponents, lyapunov_spectrum(alone, 4).exponents)
    fed = finished(cell, x, torch.zeros(9), readout)
    assert (lyapunov_spectrum(fed, 4).exponents - found.exponents).abs().max() > 1e-3
    if activation == "linear":
        expected = spectrum(closed.W_hh).eigenvalues.abs().log()[:4]
        torch.testing.assert_close(found.exponents, expected)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_gated_run_that_generates_goes_on_from_its_state(kind):
    """Against autograd, of steps that are fed their outputs."""
    cell = gated_cell(kind, 4, 2)
    readout = Readout(torch.randn(2, 4).double(), torch.zeros(2).double())
    x = input_sequence("noise", 60, 2).double()
    run = gated_run(cell, x, torch.zeros(4), readout=readout, feeds_back_after=20)
    found = lyapunov_spectrum(run, 2, transient=0)

    def step(state):
        x_t = state[:4] @ readout.W_hy.mT + readout.b_y
        if kind == "gru":
            return cell.step(x_t, state)
        return torch.cat(cell.step(x_t, LSTMState(*state.chunk(2))))

    state = run.trajectory.h(20, 21)[0, 0]
    if kind == "lstm":
        state = torch.cat((state, run.gates(0, 60)["c"][19]))
    tangent, total = torch.eye(len(state), dtype=torch.float64), 0.0
    for _ in range(40):
        tangent = torch.autograd.functional.jacobian(step, state) @ tangent
        state = step(state)
        total += float(tangent.norm().log())
        tangent = tangent / tangent.norm()
    assert found.exponents[0].item() == pytest.approx(total / 40, abs=0.05)
    fed = gated_run(cell, x, torch.zeros(4), readout=readout)
    assert abs(lyapunov_spectrum(fed, 1).exponents[0] - found.exponents[0]) > 1e-3


def test_a_loop_that_left_its_dtype_before_it_was_closed_goes_on():
    cell = make_cell(4, 1, rho=1e200, activation="relu", bias=1.0)
    readout = make_readout(cell, 1)
    run = finished(cell, torch.ones(9, 1), torch.ones(4), readout, feeds_back_after=5)
    assert run.first_nonfinite_step is not None
    assert lyapunov_spectrum(run, 1).exponents.item() == pytest.approx(200 * math.log(10), rel=0.05)
