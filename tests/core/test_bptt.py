import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import (
    Cancelled,
    ElmanCell,
    GradientSweep,
    LinearLoss,
    MeanSquaredLoss,
    Rollout,
    backward_bounds,
    gradient_norms,
    initial_state,
    input_sequence,
    loss_direction,
    recurrent_matrix,
    spectrum,
    step_shares,
)
from tests.core.builders import cell_from, finished, make_cell, make_readout, silent, swept
from tests.core.slow import autograd_norms

NAMES = (
    "log10_grad_h",
    "log10_grad_W_hh",
    "log10_grad_W_xh",
    "log10_saturation",
    "log10_linear_gain",
)


def make_loss(kind, at, H, readout, batch=()):
    if kind == "linear":
        return LinearLoss(loss_direction(H), at)
    generator = torch.Generator().manual_seed(7)
    target = torch.randn(*batch, 120, 3, generator=generator, dtype=torch.float64)
    return MeanSquaredLoss(target, readout, at)


# V18: parity with autograd


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("kind", ["linear", "mse"])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_gradient_norms_are_autograds(activation, kind, at, batch):
    cell = make_cell(activation=activation, rho=1.1)
    size = math.prod(batch) if batch else None
    x = input_sequence("noise", 120, 2, batch_size=size).reshape(*batch, 120, 2)
    h_0 = initial_state("random", 16, batch_size=size).reshape(*batch, 16)
    loss = make_loss(kind, at, 16, make_readout(cell), batch)
    expected = autograd_norms(cell, x, h_0, loss)
    found = swept(finished(cell, x, h_0), loss)
    close = {"rtol": 1e-9, "atol": 0}
    torch.testing.assert_close(10**found.log10_grad_h, expected.grad_h, **close)
    torch.testing.assert_close(10**found.log10_grad_W_hh, expected.grad_W_hh, **close)
    torch.testing.assert_close(10**found.log10_grad_W_xh, expected.grad_W_xh, **close)


@pytest.mark.parametrize("rho", [0.1, 0.5, 8.0])
def test_parity_to_the_end_of_float64(rho):
    """Wherever autograd can still represent the norm."""
    cell = make_cell(activation="linear", rho=rho)
    x, h_0 = input_sequence("noise", 330, 2), torch.zeros(16, dtype=torch.float64)
    loss = LinearLoss(loss_direction(16))
    expected = autograd_norms(cell, x, h_0, loss).grad_h.log10()
    found = swept(finished(cell, x, h_0), loss).log10_grad_h
    representable = expected.abs() < 290
    assert representable.sum() > 150
    torch.testing.assert_close(found[representable], expected[representable], rtol=0, atol=1e-9)


def test_float32_follows_float64():
    x, loss = input_sequence("noise", 200, 2), LinearLoss(loss_direction(16), "every")
    found = [
        swept(finished(make_cell(rho=0.9, dtype=dtype), x, torch.zeros(16)), loss)
        for dtype in (torch.float32, torch.float64)
    ]
    for name in NAMES:
        torch.testing.assert_close(
            getattr(found[0], name), getattr(found[1], name), rtol=0, atol=1e-4
        )


# Theory


@pytest.mark.parametrize("c", [0.5, 2.0])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_gradient_through_a_scaled_isometry(c, dtype, tolerance):
    """V2 for gradients: 4999 steps of log10 c, a thousand decades beyond float64."""
    cell = cell_from(c * recurrent_matrix("orthogonal", 64).W, dtype=dtype)
    found = swept(silent(cell, initial_state("random", 64), 5000))
    change = found.log10_grad_h[0] - found.log10_grad_h[-1]
    assert change.item() == pytest.approx(
        math.copysign(1505.1499783199, c - 1) * 4999 / 5000, abs=tolerance
    )


@pytest.mark.parametrize("rho", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("seed", range(3))
def test_slope_of_the_log_gradient_is_log_rho(rho, seed):
    """Linear network: far from the end the gradient falls by ρ a step, whatever the matrix."""
    cell = make_cell(H=24, activation="linear", rho=rho, seed=seed)
    log10_grad = swept(silent(cell, torch.zeros(24), 4000)).log10_grad_h
    # A complex pair makes the norm swing, within bounds: over 3000 steps its slope stands out.
    slope = (log10_grad[3500] - log10_grad[500]) / 3000
    assert slope.item() == pytest.approx(-math.log10(rho), abs=1e-3)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_no_step_stretches_by_more_than_sigma_max(activation):
    cell = make_cell(activation=activation, rho=1.4)
    found = swept(finished(cell, input_sequence("noise", 150, 2), torch.zeros(16)))
    sigma_max = spectrum(cell.W_hh).largest_singular_value
    assert found.log10_linear_gain.max() <= math.log10(sigma_max) + 1e-12
    assert found.log10_saturation.max() <= 1e-12


@pytest.mark.parametrize("w, J", [(1.5, 0.394313), (2.0, 0.166372), (3.0, 0.030513)])
def test_gradient_shrinks_at_a_fixed_point_whose_radius_is_above_one(w, J):
    """V9: ρ = w > 1, and yet a factor J = w·sech²(w h*) < 1 a step."""
    found = swept(silent(cell_from([[w]], activation="tanh"), torch.tensor([0.5]), 300))
    factor = found.log10_saturation[200] + found.log10_linear_gain[200]
    assert 10 ** factor.item() == pytest.approx(J, abs=5e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_of_a_delay_line_is_exactly_zero_after_H_steps(dtype):
    cell = cell_from(recurrent_matrix("delay_line", 7).W, dtype=dtype)
    found = swept(silent(cell, torch.ones(7), 30)).log10_grad_h.flip(0)
    assert torch.isfinite(found[:7]).all() and torch.isneginf(found[7:]).all()


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("batch", [None, 3])
def test_saturation_and_linear_gain_add_up_to_the_step(activation, batch):
    cell = make_cell(activation=activation, rho=1.2)
    x = input_sequence("noise", 200, 2, batch_size=batch)
    found = swept(finished(cell, x, torch.zeros(16)))
    step = found.log10_grad_h[..., :-1] - found.log10_grad_h[..., 1:]
    torch.testing.assert_close(
        (found.log10_saturation + found.log10_linear_gain)[..., 1:], step, rtol=0, atol=1e-12
    )


def test_share_of_a_step_is_a_product_of_two_norms():
    """Rank one: ‖d ⊙ δ‖ ‖h_{t-1}‖; the first step's h_0 = 0 pays nothing."""
    cell = make_cell()
    x = input_sequence("noise", 50, 2)
    run = finished(cell, x, torch.zeros(16))
    found = swept(run)
    through = found.log10_grad_h + found.log10_saturation
    torch.testing.assert_close(found.log10_grad_W_xh, through + x.norm(dim=-1).log10())
    torch.testing.assert_close(found.log10_grad_W_hh[1:], through[1:] + run.log10_norm_h[:-1])
    assert found.log10_grad_W_hh[0] == -math.inf


# Symmetries


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_renaming_units_changes_no_norm(activation):
    cell, order = make_cell(H=12, activation=activation), torch.randperm(12)
    renamed = ElmanCell(
        cell.W_xh[order], cell.W_hh[order][:, order], cell.b_h[order], cell.activation
    )
    x, c = input_sequence("noise", 90, 2), loss_direction(12)
    plain = swept(finished(cell, x, torch.zeros(12)), LinearLoss(c))
    other = swept(finished(renamed, x, torch.zeros(12)), LinearLoss(c[order]))
    for name in NAMES:
        torch.testing.assert_close(getattr(other, name), getattr(plain, name), rtol=0, atol=1e-9)


@pytest.mark.parametrize("factor", [1e-30, 3.0, 1e30])
def test_gradients_scale_with_the_loss(factor):
    run = finished(make_cell(dtype=torch.float32), input_sequence("noise", 90, 2), torch.zeros(16))
    plain, scaled = (swept(run, LinearLoss(s * loss_direction(16), "every")) for s in (1.0, factor))
    shift = scaled.log10_grad_h - plain.log10_grad_h
    torch.testing.assert_close(shift, torch.full_like(shift, math.log10(factor)), rtol=0, atol=1e-5)
    torch.testing.assert_close(scaled.log10_saturation, plain.log10_saturation, rtol=0, atol=1e-5)


# Chunks


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 400),
    st.lists(st.integers(0, 400), max_size=6),
    st.sampled_from(["tanh", "relu", "linear"]),
    st.sampled_from([0.05, 1.0, 20.0]),
    st.sampled_from([None, 3]),
    st.sampled_from(["last", "every"]),
)
def test_chunks_don_t_change_a_bit(steps, cuts, activation, rho, batch, at):
    cell = make_cell(H=6, activation=activation, rho=rho, dtype=torch.float32)
    run = finished(cell, input_sequence("noise", steps, 2, batch_size=batch), torch.zeros(6))
    loss = LinearLoss(loss_direction(6), at)
    expected = swept(run, loss)
    edges = sorted({0, steps, *(cut for cut in cuts if cut <= steps)})
    bounds = list(pairwise(edges))[::-1]
    chunks = list(gradient_norms(run, loss, bounds=bounds))
    assert [(chunk.t0, chunk.t1) for chunk in chunks] == bounds
    for name in NAMES:
        joined = torch.cat([getattr(chunk, name) for chunk in chunks[::-1]], dim=-1)
        assert torch.equal(joined, getattr(expected, name)), name


def test_default_chunks_count_from_the_end():
    assert list(backward_bounds(1000)) == [(968, 1000), (840, 968), (328, 840), (0, 328)]


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("at", ["last", "every"])
def test_a_row_does_not_feel_its_neighbours_by_a_single_bit(activation, at):
    cell = make_cell(activation=activation, rho=0.4, dtype=torch.float32)
    x, loss = input_sequence("noise", 300, 2, batch_size=3), LinearLoss(loss_direction(16), at)
    calm = swept(finished(cell, x, torch.zeros(16)), loss)
    x[1] *= 1e30  # saturates tanh
    disturbed = swept(finished(cell, x, torch.zeros(16)), loss)
    for name in ("log10_grad_h", "log10_saturation", "log10_linear_gain"):
        assert torch.equal(getattr(calm, name)[0], getattr(disturbed, name)[0])


def test_a_batch_of_one_is_a_single_sequence():
    cell = make_cell()
    x = input_sequence("noise", 60, 2)
    single = swept(finished(cell, x, torch.zeros(16)))
    batch = swept(finished(cell, x.unsqueeze(0), torch.zeros(16)))
    assert batch.log10_grad_h.shape == (1, 60) and batch.log10_grad_W_hh.shape == (60,)
    for name in NAMES:
        assert torch.equal(getattr(batch, name).flatten(), getattr(single, name))


def test_sequences_may_cancel_in_a_shared_matrix():
    """Two opposite sequences of an odd network: each has a gradient, their linear sum has none."""
    cell = make_cell(bias=0.0, activation="tanh")
    x = input_sequence("noise", 40, 2)
    both = finished(cell, torch.stack((x, -x)), torch.zeros(16))
    found = swept(both)
    assert torch.isfinite(found.log10_grad_h).all()
    assert (found.log10_grad_W_xh < found.log10_grad_h.mean(dim=0) - 6).all()


# The small print


def test_first_chunk_comes_before_the_first_step_is_reached():
    run = silent(make_cell(), torch.ones(16), 5000)
    sweep = GradientSweep(run, LinearLoss(loss_direction(16)))
    chunk = next(sweep.chunks())
    assert (chunk.t0, chunk.t1) == (4968, 5000)
    with pytest.raises(ValueError, match=r"t0 is out of reach: got 0; expected 4488 or more"):
        sweep.chunk(0, 5000)


def test_cancelling_ends_at_the_next_block():
    run, asked = silent(make_cell(), torch.ones(16), 5000), []

    def should_stop():
        asked.append(True)
        return len(asked) == 3

    with pytest.raises(Cancelled):
        for _ in gradient_norms(run, LinearLoss(loss_direction(16)), should_stop=should_stop):
            pass
    assert len(asked) == 3


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_one_step_of_one_unit(activation):
    cell = make_cell(H=1, D=1, activation=activation)
    found = swept(finished(cell, torch.ones(1, 1), torch.ones(1)), LinearLoss(torch.ones(1)))
    assert found.log10_grad_h.tolist() == [0.0]


def test_incomplete_rollout_is_refused():
    cell = make_cell()
    run = Rollout(cell, torch.zeros(1000, 2), torch.zeros(16), make_readout(cell))
    next(run.states())
    with pytest.raises(
        ValueError, match=r"rollout is not complete: got 512 of 1000 steps; .* Exhaust"
    ):
        gradient_norms(run, LinearLoss(loss_direction(16)))


@pytest.mark.parametrize("bounds", [[(3, 3)], [(0, 31)], [(10, 20), (15, 18)]])
def test_chunks_out_of_place_are_refused(bounds):
    run = silent(make_cell(), torch.ones(16), 30)
    with pytest.raises(ValueError, match=r"bounds has a chunk out of place: got"):
        list(gradient_norms(run, LinearLoss(loss_direction(16)), bounds=bounds))


def test_what_all_steps_together_make_of_a_shared_matrix():
    """Norms of terms: their sum bounds the norm of the sum, which autograd knows."""
    for rho in (0.7, 1.0, 1.3):
        cell = make_cell(rho=rho)
        x, h_0 = input_sequence("noise", 60, 2), initial_state("random", 16)
        loss = LinearLoss(loss_direction(16))
        logs = swept(finished(cell, x, h_0), loss).log10_grad_W_hh
        found = step_shares(logs)
        norms = 10**logs
        assert 10**found.log10_sum == pytest.approx(float(norms.sum()))
        assert found.largest_step == int(norms.argmax())
        assert found.log10_largest == pytest.approx(float(logs.max()))
        ordered = norms.sort(descending=True).values
        n = found.steps_of_half
        assert ordered[:n].sum() >= norms.sum() / 2 > ordered[: n - 1].sum()
        W = cell.W_hh.clone().requires_grad_()
        h = h_0
        for x_t in x:
            h = torch.tanh(cell.W_xh @ x_t + W @ h + cell.b_h)
        (grad,) = torch.autograd.grad(loss_direction(16).to(h.dtype) @ h, W)
        assert 0 < grad.norm() < 10**found.log10_sum


def test_shares_past_every_float_and_none_at_all():
    assert step_shares(torch.tensor([-4000.0, -4001.0])).log10_sum == pytest.approx(-3999.9586073)
    even = step_shares(torch.full((8,), 5000.0))
    assert (even.largest_step, even.steps_of_half) == (7, 4)
    none = step_shares(torch.full((3,), -math.inf))
    assert (none.log10_sum, none.largest_step, none.steps_of_half) == (-math.inf, None, 0)
    for wrong in (torch.zeros(0), torch.zeros(2, 2)):
        with pytest.raises(ValueError, match="log10_shares"):
            step_shares(wrong)
