"""Single linear steps: against the cells' own formulas, autograd, and numbers from literature."""

import numpy as np
import pytest
import torch

from rnncore import (
    GRUCell,
    LSTMCell,
    LSTMState,
    input_jacobian,
    input_sequence,
    jacobian_eigenvalues,
    spectrum,
    state_jacobian,
    unit_slopes,
)
from rnncore.tangents import Linearisation
from tests.core.builders import cell_from, finished, make_cell, silent
from tests.core.gated_builders import gated_cell, gated_run, whole, with_bias

KINDS = ["tanh", "relu", "linear", "gru", "lstm"]


def make_run(kind, *, H=7, D=2, T=30, dtype=torch.float64, batch=None, scale=2.0):
    x = input_sequence("noise", T, D, batch_size=batch).to(dtype)
    h_0 = torch.linspace(-1, 1, H, dtype=dtype)
    if kind in ("gru", "lstm"):
        cell = gated_cell(kind, H, D, dtype=dtype, scale=scale)
        return gated_run(cell, x, h_0, torch.ones(H, dtype=dtype) if kind == "lstm" else None), x
    return finished(make_cell(H, D, activation=kind, rho=scale / 2, dtype=dtype), x, h_0), x


def autograd_jacobians(run, x_t, t):
    """∂ state_t / ∂ state_{t-1} and ∂ state_t / ∂x_t in float64, by autograd through the cell."""
    cell, H = run.cell, run.cell.hidden_size
    kept = [getattr(run.trajectory, name, None) for name in ("u", "c")]
    state = torch.cat([each[t, 0].double() for each in kept if each is not None])

    def step(x, state):
        if isinstance(cell, LSTMCell):
            return torch.cat(cell.step(x, LSTMState(*state.split(H))))
        return cell.step(x, state)

    of_x, of_state = torch.autograd.functional.jacobian(step, (x_t, state))
    return of_state, of_x


@pytest.mark.parametrize("kind", KINDS)
def test_jacobians_are_autograds(kind):
    run, x = make_run(kind)
    for t in (0, 13, 29):
        of_state, of_x = autograd_jacobians(run, x[t], t)
        torch.testing.assert_close(state_jacobian(run, t), of_state, rtol=1e-11, atol=1e-13)
        torch.testing.assert_close(input_jacobian(run, t), of_x, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_jacobians_are_the_cells_own_in_float32_too(kind):
    run, x = make_run(kind, dtype=torch.float32)
    h, cell = whole(run).h, run.cell
    if isinstance(cell, LSTMCell):
        expected = cell.state_jacobian(x[9], LSTMState(h[8], run.gates(8, 9)["c"][0]))
    elif isinstance(cell, GRUCell):
        expected = cell.state_jacobian(x[9], h[8])
    else:
        expected = cell.state_jacobian(cell.preactivation(x[9], h[8]))
    found = state_jacobian(run, 9)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_many_vectors_are_pushed_at_once(kind):
    run, _ = make_run(kind)
    linear = Linearisation(run)
    V = np.random.default_rng(0).standard_normal((5, linear.state_size))
    step = linear.step(11)
    pushed = step.pushed(V)
    expected = V @ state_jacobian(run, 11).numpy().T
    np.testing.assert_allclose(pushed * 2.0**step.exponent, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_one_sequence_of_a_batch(kind):
    together, x = make_run(kind, batch=3)
    cell, h_0 = together.cell, together.trajectory.u[0, 0]
    if kind == "tanh":
        alone = finished(cell, x[2], h_0)
    else:
        alone = gated_run(cell, x[2], h_0, torch.ones(7).double() if kind == "lstm" else None)
    found, expected = state_jacobian(together, 20, sequence=2), state_jacobian(alone, 20)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_a_fan_has_a_matrix_for_every_factor():
    cell = make_cell(5, 1, activation="linear")
    factors = torch.tensor([0.5, 2.0])
    run = finished(cell, torch.zeros(4, 1), torch.ones(5), scales=factors)
    torch.testing.assert_close(state_jacobian(run, 2, sequence=1), 2 * cell.W_hh)


def test_steps_can_be_taken_in_any_order():
    """Past a block of steps, and back again."""
    run, _ = make_run("gru", H=3, T=1200)
    linear = Linearisation(run)
    for t in (1100, 3, 700, 511, 512):
        expected = run.cell.state_jacobian(run.trajectory.x[t, 0], run.trajectory.u[t, 0])
        found = torch.from_numpy(linear.step(t).jacobian())
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-13)


# Eigenvalues


@pytest.mark.parametrize("w, J", [(1.5, 0.394313), (2.0, 0.166372), (3.0, 0.030513)])
def test_a_single_unit_at_its_fixed_point(w, J):
    """V9: ρ = 2, and yet changes shrink by .166 a step."""
    run = silent(cell_from([[w]], activation="tanh"), torch.ones(1), 200)
    assert jacobian_eigenvalues(run, 199).item() == pytest.approx(J, abs=5e-7)


def test_saturation_shrinks_the_spectrum():
    """ρ = 1.2 driven by noise: the spectrum of J_t lies inside that of W_hh."""
    cell = make_cell(64, 1, rho=1.2, bias=0.0)
    run = finished(cell, input_sequence("noise", 100, 1), torch.zeros(64))
    eigenvalues = jacobian_eigenvalues(run, 99)
    assert eigenvalues.dtype == torch.complex128 and eigenvalues.shape == (64,)
    assert (eigenvalues.abs().diff() <= 1e-12).all()
    assert eigenvalues[0].abs() < 1 < spectrum(cell.W_hh).spectral_radius
    J = unit_slopes(run, 99, 100)["d"].T * cell.W_hh
    torch.testing.assert_close(J, state_jacobian(run, 99))


def test_a_forget_gate_is_an_eigenvalue_of_its_own():
    """With W_hh = 0 what is left of an LSTM is f, and nothing of h."""
    cell = gated_cell("lstm", 4, 1, scale=0.0)
    run = gated_run(with_bias(cell, 1, 2.0), torch.zeros(5, 1, dtype=torch.float64))
    expected = torch.tensor([torch.sigmoid(torch.tensor(2.0, dtype=torch.float64))] * 4 + [0.0] * 4)
    found = jacobian_eigenvalues(run, 4)
    torch.testing.assert_close(found, expected.to(torch.complex128), rtol=0, atol=1e-15)


# What the units multiply by


def test_slopes_of_the_gated_cells_are_those_of_their_jacobians():
    run, _ = make_run("lstm")
    slopes, J = unit_slopes(run, 9, 10), state_jacobian(run, 9)
    torch.testing.assert_close(J[7:, 7:], torch.diag(slopes["f"][0]))
    torch.testing.assert_close(J[:7, 7:], torch.diag(slopes["d_c"][0] * slopes["f"][0]))
    gates = run.gates(9, 10)
    for name in ("i", "o"):
        torch.testing.assert_close(slopes[name], gates[name])
    torch.testing.assert_close(slopes["d_g"], gates["i"] * (1 - gates["g"] ** 2))

    run, _ = make_run("gru")
    slopes, gates = unit_slopes(run, 9, 12), run.gates(9, 12)
    for name in ("r", "z"):
        torch.testing.assert_close(slopes[name], gates[name])
    torch.testing.assert_close(slopes["d_n"], (1 - gates["z"]) * (1 - gates["n"] ** 2))


@pytest.mark.parametrize("kind", ["tanh", "relu", "linear", "gru", "lstm"])
def test_slopes_have_the_batch_in_front(kind):
    run, _ = make_run(kind, batch=3)
    for each in unit_slopes(run, 4, 10).values():
        assert each.shape == (3, 6, 7) and each.dtype == torch.float64
        assert ((each >= 0) & (each <= 1)).all()


# The ends of numbers


def test_saturated_steps_keep_their_exponent():
    """sech²(800) is no float64; its logarithm is."""
    cell = cell_from([[3.0]], activation="tanh")
    run = finished(cell, torch.full((2, 1), 800.0), torch.zeros(1))
    step = Linearisation(run).step(0)
    ln_J = np.log(step.pushed(np.ones((1, 1)))).item() + step.exponent * np.log(2)
    assert ln_J == pytest.approx(np.log(4) - 1600 + np.log(3), rel=1e-14)
    assert state_jacobian(run, 0).item() == 0


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("H", [1, 3])
def test_saturated_gates_are_the_cells_own(kind, H):
    """Relative to the largest entry of each J_t, which may be 1e-20, and of ∂h_t/∂x_t."""
    x = 60 * input_sequence("noise", 40, 1).double()
    run = gated_run(gated_cell(kind, H, 1, scale=2.0), x)
    cell, eye, smallest = run.cell, torch.eye(H, dtype=torch.float64), 1.0
    for t in range(40):
        if kind == "gru":
            state = run.trajectory.u[t, 0]
            of_x = cell.vjp(x[t], state, eye).x
        else:
            state = LSTMState(run.trajectory.u[t, 0], run.trajectory.c[t, 0])
            zero = torch.zeros(H, H, dtype=torch.float64)
            parts = LSTMState(eye, zero), LSTMState(zero, eye)
            of_x = torch.cat([cell.vjp(x[t], state, part).x for part in parts])
        of_state = cell.state_jacobian(x[t], state)
        for found, expected in ((state_jacobian(run, t), of_state), (input_jacobian(run, t), of_x)):
            size = float(expected.abs().max())
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * size)
            smallest = min(smallest, size)
    assert 0 < smallest < 1e-6


@pytest.mark.parametrize("kind", ["tanh", "relu", "linear", "gru", "lstm"])
@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("amplitude", [0.0, 1.0, 1e5])
def test_no_number_is_ever_nan(kind, scale, amplitude):
    H = 3
    x = amplitude * input_sequence("noise", 10, 1)
    if kind in ("gru", "lstm"):
        run = gated_run(gated_cell(kind, H, 1, scale=scale), x, torch.ones(H).double())
    else:
        run = finished(
            make_cell(H, 1, activation=kind, rho=scale, bias=0.0), x, torch.ones(H).double()
        )
    for t in (0, 9):
        assert not state_jacobian(run, t).isnan().any()
        assert not input_jacobian(run, t).isnan().any()


# Refusals


def test_refusals():
    run, _ = make_run("tanh")
    for t in (-1, 30):
        with pytest.raises(ValueError, match="t is out of range"):
            state_jacobian(run, t)
    with pytest.raises(ValueError, match="sequence is out of range: got 1; expected less than 1"):
        jacobian_eigenvalues(run, 0, sequence=1)
    with pytest.raises(ValueError, match="bounds has a chunk out of place"):
        unit_slopes(run, 3, 31)
    unfinished = type(run)(run.cell, run.trajectory.x[:, 0], torch.zeros(7), run.readout)
    for ask in (lambda: input_jacobian(unfinished, 0), lambda: unit_slopes(unfinished, 0, 1)):
        with pytest.raises(ValueError, match="rollout is not complete"):
            ask()
