import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import (
    Cancelled,
    GatedRollout,
    GatedSweep,
    GRUCell,
    LinearLoss,
    LSTMCell,
    MeanSquaredLoss,
    backward_bounds,
    loss_direction,
)
from tests.core.gated_builders import KINDS, gated_cell, gated_norms, gated_run, with_bias
from tests.core.slow_gated import gated_autograd, gru_in_logarithms, lstm_in_logarithms

NAMES = ("log10_grad_h", "log10_grad_c", "log10_grad_W_hh", "log10_grad_W_xh", "log10_direct_path")
SIX_DIGITS = {"rtol": 0, "atol": 1e-6 / math.log(10)}


def values(chunk):
    return {name: each for name in NAMES if (each := getattr(chunk, name)) is not None}


# Against autograd


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("loss", ["linear", "mse"])
@pytest.mark.parametrize("scale", [0.3, 4.0])
def test_gradient_norms_are_autograds(kind, batch, at, loss, scale):
    """V18, with each step's share of both matrices."""
    cell = gated_cell(kind, scale=scale)
    x, h_0 = torch.randn(*batch, 120, 2).double(), torch.randn(*batch, 12).double()
    c_0 = torch.randn(*batch, 12).double() if kind == "lstm" else None
    run = gated_run(cell, x, h_0, c_0)
    if loss == "linear":
        charged = LinearLoss(loss_direction(12), at)
    else:
        charged = MeanSquaredLoss(torch.ones(3).double(), run.readout, at)
    found, expected = gated_norms(run, charged), gated_autograd(cell, x, h_0, c_0, charged)
    torch.testing.assert_close(found.log10_grad_h, expected.grad_h, **SIX_DIGITS)
    torch.testing.assert_close(found.log10_grad_W_hh, expected.grad_W_hh, **SIX_DIGITS)
    torch.testing.assert_close(found.log10_grad_W_xh, expected.grad_W_xh, **SIX_DIGITS)
    if kind == "lstm":
        torch.testing.assert_close(found.log10_grad_c, expected.grad_c, **SIX_DIGITS)
    else:
        assert found.log10_grad_c is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_float32_run_has_the_gradients_of_a_float64_one(kind):
    x = torch.randn(2, 150, 2)
    cell = gated_cell(kind, scale=2.0, dtype=torch.float32)
    single = gated_norms(gated_run(cell, x))
    weights = [each.double() for each in vars(cell).values()]
    double = gated_norms(gated_run(type(cell)(*weights), x))
    for name, each in values(single).items():
        torch.testing.assert_close(each, getattr(double, name), rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_scale_with_the_loss_and_the_number_of_steps(kind):
    """A factor on the loss is a factor on all gradients, and T = 1 sees the loss alone."""
    run = gated_run(gated_cell(kind), torch.randn(90, 2))
    for factor in (1e-30, 1e30):
        plain, scaled = (
            values(gated_norms(run, LinearLoss(s * loss_direction(12)))) for s in (1.0, factor)
        )
        for name in plain:
            shift = (scaled[name] - plain[name])[1:]  # h_0 is 0, and so is its share

            torch.testing.assert_close(
                shift, torch.full_like(shift, math.log10(factor)), rtol=0, atol=1e-10
            )
    single = gated_run(gated_cell(kind, H=1, D=1), torch.ones(1, 1))
    one = gated_norms(single, LinearLoss(torch.ones(1)))
    assert one.log10_grad_h.tolist() == [0.0]


# Far beyond float64


def logarithms(cell, run, g):
    states = run.trajectory.h(0, run.steps + 1)[:, 0].double()
    if isinstance(cell, GRUCell):
        return gru_in_logarithms(cell, run.trajectory.x[:, 0], states, g)
    c = run.trajectory.c[:, 0].double()
    return lstm_in_logarithms(cell, run.trajectory.x[:, 0], states, c, g)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amplitude", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saturated_gates_are_swept_as_in_logarithms(kind, amplitude, dtype):
    cell = gated_cell(kind, H=4, scale=2.0, dtype=dtype)
    x = amplitude * torch.randn(120, 2, generator=torch.Generator().manual_seed(1))
    run = gated_run(cell, x)
    g = loss_direction(4).to(dtype).double()
    found, weights = gated_norms(run), [each.double() for each in vars(cell).values()]
    wide = type(cell)(*weights)
    run.trajectory.x = run.trajectory.x.double()
    expected = logarithms(wide, run, g)
    # A float32 preactivation of 10³ is known to 10⁻⁴, and so is the logarithm of its slope.
    close = {
        "rtol": 2e-6 if dtype == torch.float32 else 1e-12,
        "atol": 1e-4 if dtype == torch.float32 else 1e-9,
    }
    torch.testing.assert_close(found.log10_grad_h.tolist(), expected.grad_h, **close)
    if kind == "lstm":
        torch.testing.assert_close(found.log10_grad_c.tolist(), expected.grad_c, **close)
    log10_h = run.trajectory.log10_norm(0, 120)[:, 0]
    heard = np.isfinite(log10_h)  # beside it stand shares
    assert heard.sum() > 100
    shares = found.log10_grad_W_hh.numpy()[heard] - log10_h[heard]
    # Where tanh(a_n) is ±1 to rounding, nobody knows the h - n of a GRU.
    if kind == "lstm" or amplitude < 1e3:
        torch.testing.assert_close(shares, np.array(expected.shares)[heard], **close)
    if amplitude == 1e3:
        assert min(expected.grad_h) < -400


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_steps_at_any_rate(kind):
    for scale, value in ((0.1, -30.0), (1.0, 0.0), (40.0, 3.0)):
        cell = with_bias(gated_cell(kind, scale=scale), 1, value)
        x = torch.randn(10_000, 2)
        for at in ("last", "every"):
            found = gated_norms(gated_run(cell, x), LinearLoss(loss_direction(12), at))
            for name, each in values(found).items():
                parts = each[1:] if name == "log10_grad_W_hh" else each  # h_0 is 0
                assert torch.isfinite(parts).all(), (name, scale)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("T", [15, 800])
def test_what_a_saturated_c_lets_through_goes_on_in_logarithms(dtype, T):
    """f = i = g = 1: c_T = T, and at T only 4 o e^-2T of the gradient gets into c.

    Of 1 - tanh² float64 would have three digits at T = 15, and nothing from 19 on.
    """
    H = 3
    none = torch.zeros(4 * H, H, dtype=dtype)
    cell = with_bias(LSTMCell(none[:, :1], none, torch.full((4 * H,), 40.0, dtype=dtype)), 3, 0.0)
    found = gated_norms(gated_run(cell, torch.zeros(T, 1)))
    expected = math.log10(2) - 2 * T / math.log(10)  # o = 1/2
    for each in (found.log10_grad_c, found.log10_direct_path):
        torch.testing.assert_close(each, torch.full_like(each, expected), rtol=0, atol=1e-6)
    assert abs(found.log10_grad_h[-1]) < 1e-7
    assert torch.isneginf(found.log10_grad_h[:-1]).all()


def test_direct_path_of_a_gru_is_the_product_of_z():
    """V19, and with a shut gate far below float64."""
    cell = gated_cell("gru", scale=3.0)
    run = gated_run(cell, torch.randn(2, 50, 2).double())
    z, found, path = run.gates(0, 50)["z"], gated_norms(run), loss_direction(12).expand(2, 12)
    for t in reversed(range(50)):
        torch.testing.assert_close(found.log10_direct_path[:, t], path.norm(dim=-1).log10())
        path = path * z[:, t]
    cell = with_bias(gated_cell("gru", scale=0.0), 1, -50.0)
    shut = gated_norms(gated_run(cell, torch.zeros(100, 2)))
    expected = torch.arange(-99, 1).double() * 50 / math.log(10)
    torch.testing.assert_close(shut.log10_direct_path, expected)
    torch.testing.assert_close(shut.log10_grad_h, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_are_minus_infinity(kind):
    run = gated_run(gated_cell(kind), torch.randn(40, 2))
    for at in ("last", "every"):
        found = gated_norms(run, LinearLoss(torch.zeros(12), at))
        assert all(torch.isneginf(each).all() for each in values(found).values())
    silent = gated_norms(gated_run(gated_cell(kind, bias=0.0), torch.zeros(40, 2)))
    assert torch.isfinite(silent.log10_grad_h).all()
    assert (
        torch.isneginf(silent.log10_grad_W_xh).all()
        and torch.isneginf(silent.log10_grad_W_hh).all()
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_along_a_state_below_the_dtype(kind, dtype):
    """Where the state is gone, the gates are constants: the gradient shrinks as a matrix says."""
    cell = gated_cell(kind, bias=0.0, dtype=dtype)
    x = torch.zeros(2000, 2)
    x[0] = 1.0
    run = gated_run(cell, x)
    assert run.log10_norm_h[-1] < -330
    found, H = gated_norms(run), 12
    W = cell.W_hh.double()
    delta, gamma = loss_direction(H), torch.zeros(H).double()
    for t in reversed(range(1900, 2000)):
        if kind == "gru":
            now, delta = delta, delta / 2 + W[2 * H :].T @ delta / 4
        else:
            gamma, now = gamma + delta / 2, delta
            log10_gamma = gamma.norm().log10()
            torch.testing.assert_close(found.log10_grad_c[t], log10_gamma, rtol=0, atol=1e-6)
            delta, gamma = W[2 * H : 3 * H].T @ gamma / 2, gamma / 2
        torch.testing.assert_close(found.log10_grad_h[t], now.norm().log10(), rtol=0, atol=1e-6)
    # Every share of W_hh is as far down as the state beside it.
    shares = found.log10_grad_W_hh[2:] - run.log10_norm_h[1:-1] - found.log10_grad_h[2:]
    assert torch.isfinite(shares).all() and (shares < 1).all() and (shares > -3).all()


# Chunks and neighbours


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 700),
    st.lists(st.integers(0, 700), max_size=6),
    st.sampled_from(KINDS),
    st.sampled_from([0.05, 1.0, 30.0]),
    st.sampled_from([1.0, 1e3]),
    st.sampled_from([(), (3,)]),
    st.sampled_from(["last", "every"]),
)
def test_chunks_don_t_change_a_bit(steps, cuts, kind, scale, amplitude, batch, at):
    cell = gated_cell(kind, H=5, scale=scale, dtype=torch.float32)
    x = amplitude * torch.randn(*batch, steps, 2, generator=torch.Generator().manual_seed(0))
    run, loss = gated_run(cell, x), LinearLoss(loss_direction(5), at)
    expected = gated_norms(run, loss)
    edges = sorted({0, steps, *(cut for cut in cuts if cut <= steps)})
    bounds = list(pairwise(edges))[::-1]
    chunks = list(GatedSweep(run, loss).chunks(bounds=bounds))
    assert [(chunk.t0, chunk.t1) for chunk in chunks] == bounds
    for name, each in values(expected).items():
        joined = torch.cat([getattr(chunk, name) for chunk in chunks[::-1]], dim=-1)
        assert torch.equal(joined, each), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", ["last", "every"])
def test_a_row_does_not_feel_its_neighbours_by_a_single_bit(kind, at):
    cell, x = gated_cell(kind, dtype=torch.float32), torch.randn(3, 900, 2)
    loss = LinearLoss(loss_direction(12), at)
    calm = gated_norms(gated_run(cell, x), loss)
    x[1] *= 1e30
    x[2] *= 300
    disturbed = gated_norms(gated_run(cell, x), loss)
    for name in set(values(calm)) - {"log10_grad_W_hh", "log10_grad_W_xh"}:
        assert torch.equal(getattr(calm, name)[0], getattr(disturbed, name)[0]), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_one_is_a_single_sequence(kind):
    cell, x = gated_cell(kind), torch.randn(60, 2)
    single, batch = gated_norms(gated_run(cell, x)), gated_norms(gated_run(cell, x[None]))
    assert batch.log10_grad_h.shape == (1, 60) and batch.log10_grad_W_hh.shape == (60,)
    for name, each in values(batch).items():
        assert torch.equal(each.flatten(), getattr(single, name)), name


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_may_cancel_in_a_shared_matrix(kind):
    """Two opposite sequences of an odd network: each has a gradient, their sum has less."""
    cell, x = gated_cell(kind, bias=0.0), torch.randn(40, 2).double()
    x = torch.stack((x, -x))
    W = cell.W_hh.clone()
    # Only the candidate hears anything: h(-x) = -h(x), and the sums over the two cancel.
    heard = 2 * 12
    W[:heard], W[3 * 12 :] = 0, 0
    W_xh = cell.W_xh.clone()
    W_xh[:heard], W_xh[3 * 12 :] = 0, 0
    biases = (cell.b_h, cell.b_hn) if kind == "gru" else (cell.b_h,)
    found = gated_norms(gated_run(type(cell)(W_xh, W, *biases), x))
    # The gates hear nothing, but their gradients are even in x, and remain; in the candidate
    # alone all is odd. So the share is smaller than that of one sequence, and not 0.
    one = gated_norms(gated_run(type(cell)(W_xh, W, *biases), x[:1]))
    assert (found.log10_grad_W_xh < one.log10_grad_W_xh + math.log10(2) - 0.01).all()


# The small print


def test_default_chunks_count_from_the_end():
    run = gated_run(gated_cell("gru"), torch.zeros(1000, 2))
    sweep = GatedSweep(run, LinearLoss(loss_direction(12)))
    assert [(each.t0, each.t1) for each in sweep.chunks()] == list(backward_bounds(1000))


def test_first_chunk_comes_before_the_first_step_is_reached():
    run = gated_run(gated_cell("lstm"), torch.zeros(5000, 2))
    sweep = GatedSweep(run, LinearLoss(loss_direction(12)))
    chunk = next(sweep.chunks())
    assert (chunk.t0, chunk.t1) == (4968, 5000)
    with pytest.raises(ValueError, match=r"t0 is out of reach: got 0; expected 4488 or more"):
        sweep.chunk(0, 5000)


def test_cancelling_ends_at_the_next_block():
    run, asked = gated_run(gated_cell("lstm"), torch.zeros(5000, 2)), []

    def should_stop():
        asked.append(True)
        return len(asked) == 3

    with pytest.raises(Cancelled):
        for _ in GatedSweep(run, LinearLoss(loss_direction(12))).chunks(should_stop=should_stop):
            pass
    assert len(asked) == 3


def test_what_does_not_fit_is_refused():
    cell = gated_cell("gru")
    readout = gated_run(cell, torch.zeros(1, 2)).readout
    run = GatedRollout(cell, torch.zeros(1000, 2), torch.zeros(12), readout)
    next(run.states())
    with pytest.raises(ValueError, match=r"rollout is not complete: got 512 of 1000 steps"):
        GatedSweep(run, LinearLoss(loss_direction(12)))
    for _ in run.states():
        pass
    with pytest.raises(ValueError, match=r"c has the wrong shape: got \(5,\); expected \(…, 12\)"):
        GatedSweep(run, LinearLoss(loss_direction(5)))
