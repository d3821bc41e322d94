"""Networks that are fed their own output."""

import math

import pytest
import torch

from rnncore import (
    ElmanCell,
    GatedRollout,
    GatedSweep,
    GradientSweep,
    GRUCell,
    LinearLoss,
    MeanSquaredLoss,
    Readout,
    Rollout,
    closed_loop,
    gaussian_weights,
    input_sequence,
    loss_direction,
    native,
    spectrum,
)
from tests.core.builders import cell_from, make_cell, make_readout
from tests.core.gated_builders import gated_cell
from tests.core.slow_loop import autograd_loop

T, H, D = 40, 12, 2
CELLS = {
    "tanh": lambda dtype=torch.float64: make_cell(H, D, dtype=dtype),
    "relu": lambda dtype=torch.float64: make_cell(H, D, activation="relu", dtype=dtype),
    "linear": lambda dtype=torch.float64: make_cell(H, D, activation="linear", dtype=dtype),
    "gru": lambda dtype=torch.float64: gated_cell("gru", H, D, dtype=dtype),
    "lstm": lambda dtype=torch.float64: gated_cell("lstm", H, D, dtype=dtype),
}
X, H_0 = input_sequence("noise", T, D, batch_size=3), torch.linspace(-1, 1, H).double()


def generated(cell, x, h_0, readout, *, after, bounds=None, **options):
    run_of = Rollout if isinstance(cell, ElmanCell) else GatedRollout
    run = run_of(cell, x, h_0, readout, feeds_back_after=after, **options)
    for _ in run.states(bounds=bounds):
        pass
    return run


def whole(run):
    (chunk,) = run.states(bounds=[(0, run.steps)])
    return chunk


def gradients(run, loss, bounds=None):
    sweep = (GradientSweep if isinstance(run, Rollout) else GatedSweep)(run, loss)
    for _ in sweep.chunks(bounds=bounds):
        pass
    return sweep.chunk(0, run.steps)


def loop_readout(cell, *, scale=0.5):
    return make_readout(cell, cell.input_size, scale=scale)


# Against a literal loop


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("after", [1, 13, 24, T])
@pytest.mark.parametrize("batch", [None, 1, 3])
@pytest.mark.parametrize("at, squared", [("last", False), ("every", False), ("every", True)])
def test_a_literal_loop_finds_the_same(kind, after, batch, at, squared):
    cell = CELLS[kind]()
    readout, x = loop_readout(cell), X[0] if batch is None else X[:batch]
    h_0 = H_0.expand(*x.shape[:-2], H)
    loss = LinearLoss(loss_direction(H), at)
    if squared:
        loss = MeanSquaredLoss(torch.tensor([0.5, -0.5]).double(), readout, at)
    run = generated(cell, x, h_0, readout, after=after)
    states, norms = whole(run), gradients(run, loss)
    expected = autograd_loop(cell, x, h_0, readout, loss, after=after)
    close = {"rtol": 1e-9, "atol": 1e-11}
    torch.testing.assert_close(states.h, expected.h, **close)
    torch.testing.assert_close(run.inputs(0, T), expected.x, **close)
    torch.testing.assert_close(norms.log10_grad_h, expected.grad_h, **close)
    torch.testing.assert_close(norms.log10_grad_W_hh, expected.grad_W_hh, **close)
    torch.testing.assert_close(norms.log10_grad_W_xh, expected.grad_W_xh, **close)


@pytest.mark.parametrize("kind", CELLS)
def test_numpys_loops_find_the_same(kind, monkeypatch):
    cell = CELLS[kind]()
    readout, loss = loop_readout(cell), LinearLoss(loss_direction(H), "every")
    monkeypatch.setattr(native, "loops", lambda dtype: None)
    run = generated(cell, X, H_0.expand(3, H), readout, after=13)
    expected = autograd_loop(cell, X, H_0.expand(3, H), readout, loss, after=13)
    norms = gradients(run, loss)
    torch.testing.assert_close(whole(run).h, expected.h, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(norms.log10_grad_h, expected.grad_h, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(norms.log10_grad_W_xh, expected.grad_W_xh, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", CELLS)
def test_the_inputs_are_the_outputs_before_and_the_steps_are_the_cells(kind):
    """The ordinary run on the realised inputs goes through the same states, to rounding."""
    cell = CELLS[kind](torch.float32)
    readout, x = loop_readout(cell), X.float()
    run = generated(cell, x, H_0, readout, after=13)
    inputs, states = run.inputs(0, T), whole(run)
    assert torch.equal(inputs[:, :13], x[:, :13])
    assert torch.equal(inputs[:, 13:], states.y[:, 12:-1])
    given = generated(cell, inputs, H_0, readout, after=T)
    torch.testing.assert_close(whole(given).h, states.h, rtol=1e-3, atol=1e-4)
    silent = generated(cell, x, H_0, readout, after=13, has_outputs=False)
    assert whole(silent).y.shape == (3, T, 0) and not silent.has_outputs
    assert torch.equal(silent.inputs(0, T), inputs)


@pytest.mark.parametrize("kind", CELLS)
def test_nothing_fed_back_is_the_ordinary_run_to_the_bit(kind):
    cell = CELLS[kind](torch.float32)
    readout, loss = loop_readout(cell), LinearLoss(loss_direction(H))
    one, other = (generated(cell, X, H_0, readout, after=after) for after in (T, None))
    assert torch.equal(whole(one).h, whole(other).h)
    assert torch.equal(gradients(one, loss).log10_grad_W_xh, gradients(other, loss).log10_grad_W_xh)


@pytest.mark.parametrize("kind", CELLS)
def test_what_x_holds_after_the_given_steps_is_not_read(kind):
    cell = CELLS[kind]()
    readout, other = loop_readout(cell), X.clone()
    other[:, 13:] = torch.nan
    one, two = (generated(cell, x, H_0, readout, after=13) for x in (X, other))
    assert torch.equal(whole(one).h, whole(two).h) and torch.equal(
        one.inputs(0, T), two.inputs(0, T)
    )


# Chunks and neighbours


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neither_chunks_nor_neighbours_change_a_bit(kind, dtype):
    """Also where states and gradients leave the dtype; 13 is no multiple of any window."""
    cell, steps = CELLS[kind](dtype), 300
    x, loss = (
        input_sequence("noise", steps, D, batch_size=3),
        LinearLoss(loss_direction(H), "every"),
    )
    readout = loop_readout(cell, scale=3.0 if isinstance(cell, ElmanCell) else 0.1)
    run = generated(cell, x, H_0, readout, after=13)
    norms = gradients(run, loss)
    pieces = [(t, t + 1) for t in range(0, steps, 7)]
    cut = generated(cell, x, H_0, readout, after=13, bounds=pieces)
    cut_norms = gradients(cut, loss, bounds=pieces[::-1])
    x[0] *= 1e30
    x[2, 5:] = 0
    disturbed = generated(cell, x, H_0, readout, after=13)
    disturbed_norms = gradients(disturbed, loss)
    assert torch.equal(cut.log10_norm_h, run.log10_norm_h)
    assert torch.equal(cut.inputs(0, steps), run.inputs(0, steps))
    assert torch.equal(cut_norms.log10_grad_h, norms.log10_grad_h)
    assert torch.equal(cut_norms.log10_grad_W_xh, norms.log10_grad_W_xh)
    assert not torch.equal(disturbed.log10_norm_h[2], run.log10_norm_h[2])
    assert torch.equal(disturbed.log10_norm_h[1], run.log10_norm_h[1])
    assert torch.equal(disturbed.inputs(0, steps)[1], run.inputs(0, steps)[1])
    assert torch.equal(disturbed_norms.log10_grad_h[1], norms.log10_grad_h[1])


def test_inputs_are_known_one_step_ahead_of_the_states():
    cell = CELLS["tanh"]()
    run = Rollout(cell, torch.zeros(2000, D), H_0, loop_readout(cell), feeds_back_after=13)
    assert run.inputs(0, 13).shape == (13, D)
    with pytest.raises(ValueError, match="t1 is out of reach: got 14; expected 13 or less"):
        run.inputs(0, 14)
    next(run.states(bounds=[(0, 5)]))
    assert run.inputs(13, 14).shape == (1, D)


# Theory


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@pytest.mark.parametrize("steps", [400, 5000])
def test_stable_when_fed_and_divergent_when_it_generates(dtype, tolerance, steps):
    """The growth of each phase is the spectral radius of its own matrix, far beyond the dtype."""
    cell = make_cell(H, 1, activation="linear", rho=0.9, bias=0.0, dtype=dtype)
    readout = Readout(
        gaussian_weights(1, H, scale=4.0, seed=4).to(dtype), torch.zeros(1, dtype=dtype)
    )
    closed = closed_loop(cell, readout).W_hh
    rho, rho_closed = (spectrum(W.double()).eigenvalues.abs().max() for W in (cell.W_hh, closed))
    assert rho < 0.901 and rho_closed > 1.1
    after = steps // 2
    run = generated(cell, torch.zeros(steps, 1), H_0, readout, after=after)
    logs, span = run.log10_norm_h, steps // 8
    # A complex pair turns, so its norm swings around the line.
    swing = 2.0 / span
    fed = (logs[after - 1] - logs[after - 1 - span]) / span
    generating = (logs[-1] - logs[-1 - span]) / span
    assert fed.item() == pytest.approx(rho.log10().item(), abs=swing)
    assert generating.item() == pytest.approx(rho_closed.log10().item(), abs=swing)
    # And to the last digits: the states are powers of the matrix on the state at `after`.
    start = run.trajectory.u[after, 0].double()
    vector, size = start, 0.0
    for _ in range(steps - after):
        vector = closed.double() @ vector
        size += vector.norm().log10().item()
        vector = vector / vector.norm()
    expected = size + run.trajectory.exponents[after, 0] * math.log10(2)
    assert logs[-1].item() == pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shares_of_inputs_beyond_the_dtype(factor, dtype):
    """One linear unit, h_t = factor · h_{t-1} by feedback alone: all is known in closed form."""
    steps = 3000
    cell = cell_from([[0.0]], dtype=dtype)
    readout = Readout(torch.full((1, 1), factor, dtype=dtype), torch.zeros(1, dtype=dtype))
    x = torch.zeros(steps, 1)
    x[0] = 1.0
    run = generated(cell, x, torch.zeros(1), readout, after=1)
    norms = gradients(run, LinearLoss(torch.ones(1)))
    t = torch.arange(steps).double() * math.log10(factor)
    torch.testing.assert_close(run.log10_norm_h, t, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norms.log10_grad_h, t.flip(0), rtol=1e-12, atol=1e-12)
    # ‖δ_t‖ ‖y_{t-1}‖ = factor^(T - 1 - t) factor^t at every step.
    expected = torch.full((steps,), (steps - 1) * math.log10(factor), dtype=torch.float64)
    torch.testing.assert_close(norms.log10_grad_W_xh, expected, rtol=1e-12, atol=1e-12)
    inputs = run.inputs(0, steps)
    assert not inputs.isnan().any()
    assert inputs[-1].item() == (math.inf if factor > 1 else 0.0)


def test_a_bias_is_added_at_its_own_scale():
    """h_t = 2 h_{t-1} - 2: 1 → 0 → -2 → -6, and y = h - 1 where both count."""
    one = torch.ones(1, 1).double()
    cell = ElmanCell(2 * one, 0 * one, torch.zeros(1).double(), "linear")
    run = generated(cell, one.expand(4, 1) / 2, torch.zeros(1), Readout(one, -one[0]), after=1)
    assert whole(run).h.flatten().tolist() == [1.0, 0.0, -2.0, -6.0]
    assert run.inputs(0, 4).flatten().tolist() == [0.5, 0.0, -1.0, -3.0]


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gated_states_and_gradients_decay_far_below_the_dtype(kind, dtype):
    """Without biases the closed loop is linear near 0: its rate is an eigenvalue at h = 0."""
    steps, small = 4000, gated_cell(kind, H, D, dtype=dtype, scale=0.3, bias=0.0)
    readout = Readout(
        gaussian_weights(D, H, scale=0.5, seed=4).to(dtype), torch.zeros(D, dtype=dtype)
    )
    run = generated(small, torch.zeros(steps, D), 1e-3 * H_0, readout, after=13)
    norms = gradients(run, LinearLoss(loss_direction(H)))
    W_xh, W_hh, W_hy = (each.double() for each in (small.W_xh, small.W_hh, readout.W_hy))
    if kind == "gru":
        # h ← (1 - z) n + z h with r = z = 1/2 and n = W_in W_hy h + W_hn h / 2.
        J = 0.5 * torch.eye(H) + 0.5 * (W_xh[2 * H :] @ W_hy + 0.5 * W_hh[2 * H :])
        rate = spectrum(J.double()).eigenvalues.abs().max().log10()
    else:
        # c ← c/2 + g/2 with h = c/2.
        M = (W_hh + W_xh @ W_hy)[2 * H : 3 * H]
        J = 0.5 * torch.eye(H) + 0.25 * M
        rate = spectrum(J.double()).eigenvalues.abs().max().log10()
    assert steps * rate < -400
    for logs in (run.log10_norm_h, norms.log10_grad_h.flip(0)):
        found = (logs[3900] - logs[1900]) / 2000
        assert found.item() == pytest.approx(rate.item(), abs=2e-3)
    # ‖x_t‖ = ‖W_hy h_{t-1}‖ has the state's fate, so the shares of W_xh have one size.
    shares = norms.log10_grad_W_xh[1900:3000]
    assert shares.isfinite().all() and shares.max() - shares.min() < 2


# Where numbers end


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("size", [1e18, 1e30])
def test_huge_feedback_saturates_gates_and_is_never_nan(kind, size):
    cell = gated_cell(kind, H, D, dtype=torch.float32)
    readout = Readout(torch.full((D, H), size), torch.ones(D))
    run = generated(cell, X.float(), torch.full((H,), 1e5), readout, after=13)
    states, loss = whole(run), LinearLoss(loss_direction(H), "every")
    for found in (states.h, states.y, run.inputs(0, T), *run.gates(0, T).values()):
        assert not found.isnan().any()
    norms = gradients(run, loss)
    for found in (norms.log10_grad_h, norms.log10_grad_W_xh, norms.log10_grad_W_hh):
        assert not found.isnan().any()


def test_huge_state_of_a_gru_feeds_back_more_than_the_dtype_holds():
    """z = 1 keeps h_0, and y = W_hy h_0 is infinite."""
    cell = gated_cell("gru", H, D, dtype=torch.float32)
    for weights in (cell.W_xh, cell.W_hh):
        weights[H : 2 * H] = 0.0
    cell.b_h[H : 2 * H] = 1e30
    readout = Readout(torch.full((D, H), 1e10), torch.zeros(D))
    run = generated(cell, X.float(), torch.full((H,), 1e33), readout, after=13)
    assert torch.isposinf(run.inputs(13, T)).all()
    assert (whole(run).h == torch.tensor(1e33)).all()
    norms = gradients(run, LinearLoss(loss_direction(H)))
    assert not norms.log10_grad_W_xh.isnan().any()


# The folded cell


def test_folded_cell_steps_as_the_cell_that_is_fed_back():
    for kind in ("tanh", "linear", "lstm"):
        cell = CELLS[kind]()
        readout = loop_readout(cell)
        closed = closed_loop(cell, readout)
        assert type(closed) is type(cell) and not closed.W_xh.any()
        if isinstance(cell, ElmanCell):
            assert closed.activation == cell.activation
        found = closed.preactivation(torch.ones(D).double(), H_0)
        expected = cell.preactivation(readout.output(H_0), H_0)
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", CELLS)
def test_more_outputs_than_inputs_cannot_be_fed_back(kind):
    cell = CELLS[kind]()
    with pytest.raises(ValueError, match="W_hy cannot feed its outputs back as inputs") as error:
        generated(cell, X, H_0, make_readout(cell, 3), after=13)
    assert "got O = 3 outputs for D = 2 inputs; expected as many outputs as inputs" in str(
        error.value
    )


def test_a_gru_does_not_fold():
    cell = CELLS["gru"]()
    assert isinstance(cell, GRUCell)
    with pytest.raises(ValueError, match="cell does not fold: got a GRUCell"):
        closed_loop(cell, loop_readout(cell))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"after": 0}, "feeds_back_after is out of range: got 0; expected 1 or more"),
        ({"after": 2.0}, "feeds_back_after is not a whole number"),
        ({"after": T + 1}, "feeds_back_after is out of range: got 41; expected 1 to T = 40"),
        ({"after": 3, "scales": torch.ones(3)}, "feeds_back_after is not for a fan: got 3"),
    ],
)
def test_refusals(options, message):
    cell = CELLS["tanh"]()
    with pytest.raises(ValueError, match=message):
        generated(cell, X, H_0, loop_readout(cell), **options)


@pytest.mark.parametrize("kind", CELLS)
def test_a_loop_whose_weights_overflow_is_refused_by_name(kind):
    cell = CELLS[kind](torch.float32)
    cell.W_xh[:] = 1e30
    readout = Readout(torch.full((D, H), 1e30), torch.zeros(D))
    with pytest.raises(ValueError, match=r"W_hh \+ W_xh W_hy is too large for float32"):
        generated(cell, torch.zeros(T, D), H_0, readout, after=1)
