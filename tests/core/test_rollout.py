import gc
import math
import weakref
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import (
    Cancelled,
    ElmanCell,
    Readout,
    Rollout,
    chunk_bounds,
    initial_state,
    input_sequence,
    recurrent_matrix,
    rollout,
)
from tests.core.builders import cell_from, finished, make_cell, make_readout, silent, swept


def whole(run):
    (chunk,) = run.states(bounds=[(0, run.steps)])
    return chunk


# Literature and theory


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 3e-5)])
def test_orthogonal_network_keeps_its_norm_for_ten_thousand_steps(dtype, tolerance):
    """V1."""
    cell = cell_from(recurrent_matrix("orthogonal", 64).W, dtype=dtype)
    run = silent(cell, initial_state("random", 64), 10_000)
    h_0 = run.trajectory.u[0].double().norm()
    assert abs(whole(run).h[-1].double().norm() / h_0 - 1) <= tolerance


@pytest.mark.parametrize("c", [0.5, 2.0])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_gain_of_a_scaled_isometry_far_beyond_the_dtype(c, dtype, tolerance):
    """V2. In float32 the entries of Q are off by 6e-8, and so is every one of 5000 factors."""
    cell = cell_from(c * recurrent_matrix("orthogonal", 64).W, dtype=dtype)
    run = silent(cell, initial_state("random", 64), 5000)
    gain = run.log10_norm_h[-1] - run.trajectory.h(0, 1).double().norm().log10()
    assert gain.item() == pytest.approx(math.copysign(1505.1499783199, c - 1), abs=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_doubling_is_exact(dtype):
    """A power of two costs no rounding, inside the dtype or beyond it."""
    run = silent(cell_from(2 * torch.eye(2), dtype=dtype), torch.tensor([3.0, 4.0]), 20_000)
    expected = torch.arange(1, 20_001, dtype=torch.float64) * math.log10(2) + math.log10(5)
    torch.testing.assert_close(run.log10_norm_h, expected, rtol=1e-15, atol=1e-15)


def test_nonnormal_matrix_grows_before_it_decays():
    """V12: ρ = .9, and yet ‖Wᵗ‖ rises to 3.9126 at t = 9 and falls below 1 only at t = 35."""
    cell = cell_from([[0.9, 1.0], [0.0, 0.9]])
    run = finished(cell, torch.zeros(2, 60, 1), torch.eye(2))  # a basis: the rows are columns of Wᵗ
    norms = torch.linalg.matrix_norm(whole(run).h.permute(1, 2, 0), ord=2)
    assert norms.argmax() + 1 == 9 and norms.max().item() == pytest.approx(3.9126, abs=5e-5)
    assert int((norms < 1).nonzero()[0]) + 1 == 35


@pytest.mark.parametrize("w, fixed_point", [(1.5, 0.858560), (2.0, 0.957504), (3.0, 0.994902)])
def test_fixed_point_of_one_unit(w, fixed_point):
    """V9."""
    run = silent(cell_from([[w]], activation="tanh"), torch.tensor([0.1]), 200)
    assert whole(run).h[-1].item() == pytest.approx(fixed_point, abs=5e-7)


def test_delay_line_hands_an_impulse_down_and_forgets_it():
    run = silent(cell_from(recurrent_matrix("delay_line", 5).W), torch.eye(5)[0], 8)
    assert whole(run).h[:4].tolist() == torch.eye(5)[1:].tolist()
    assert run.log10_norm_h.tolist() == [0.0] * 4 + [-math.inf] * 4
    assert run.first_zero_step == 4


# Symmetries


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_renaming_units_renames_states_and_changes_nothing_else(activation):
    cell, order = make_cell(H=12, activation=activation), torch.randperm(12)
    renamed = ElmanCell(
        cell.W_xh[order], cell.W_hh[order][:, order], cell.b_h[order], cell.activation
    )
    x, h_0, readout = (
        input_sequence("noise", 80, 2),
        initial_state("random", 12),
        make_readout(cell),
    )
    plain = rollout(cell, x, h_0, readout)
    other = rollout(renamed, x, h_0[order], Readout(readout.W_hy[:, order], readout.b_y))
    torch.testing.assert_close(other.h, plain.h[:, order], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(other.y, plain.y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "linear"])
@pytest.mark.parametrize("exponent", [-900, -40, 900])
def test_states_scale_with_what_drives_them(activation, exponent):
    """φ(c·a) = c·φ(a) for c > 0, to the last bit where c is a power of two."""
    cell = make_cell(H=8, activation=activation, bias=0.0, rho=1.1)
    x, h_0 = input_sequence("noise", 300, 2), initial_state("random", 8)
    plain = finished(cell, x, h_0).log10_norm_h
    scaled = finished(cell, x * 2.0**exponent, h_0 * 2.0**exponent).log10_norm_h
    torch.testing.assert_close(scaled, plain + exponent * math.log10(2))


# Chunks


def test_default_chunks_are_a_function_of_the_length_alone():
    assert list(chunk_bounds(1000)) == [(0, 32), (32, 160), (160, 672), (672, 1000)]
    assert list(chunk_bounds(1)) == [(0, 1)]
    long = list(chunk_bounds(100_000))
    assert long[0][0] == 0 and long[-1][1] == 100_000
    assert all(before[1] == after[0] for before, after in pairwise(long))
    assert max(t1 - t0 for t0, t1 in long) == 16384


@st.composite
def runs_and_cuts(draw):
    steps = draw(st.integers(1, 400))
    cuts = sorted({0, steps, *draw(st.lists(st.integers(0, steps), max_size=6))})
    return steps, list(pairwise(cuts))


@settings(max_examples=40, deadline=None)
@given(
    runs_and_cuts(),
    st.sampled_from(["tanh", "relu", "linear"]),
    st.sampled_from([0.2, 1.0, 4.0]),
    st.sampled_from([None, 3]),
)
def test_chunks_don_t_change_a_bit(run_and_cuts, activation, rho, batch):
    steps, bounds = run_and_cuts
    cell = make_cell(H=6, activation=activation, rho=rho, dtype=torch.float32)
    x, readout = input_sequence("impulse", steps, 2, batch_size=batch), make_readout(cell)
    h_0 = initial_state("random", 6, batch_size=batch)
    expected = rollout(cell, x, h_0, readout)
    chunks = list(Rollout(cell, x, h_0, readout).states(bounds=bounds))
    assert [(chunk.t0, chunk.t1) for chunk in chunks] == bounds
    for name, time_axis in (("h", -2), ("y", -2), ("log10_norm_h", -1)):
        joined = torch.cat([getattr(chunk, name) for chunk in chunks], dim=time_axis)
        assert torch.equal(joined, getattr(expected, name)), name


def test_first_chunk_comes_before_the_last_step_is_computed():
    cell = make_cell()
    run = Rollout(cell, torch.zeros(5000, 2), torch.zeros(16), make_readout(cell))
    first = next(run.states())
    assert (first.t0, first.t1) == (0, 32) and not run.is_complete


def test_chunks_of_a_chosen_length():
    cell = make_cell()
    run = Rollout(cell, torch.zeros(10, 2), torch.zeros(16), make_readout(cell), chunk_steps=4)
    assert [(chunk.t0, chunk.t1) for chunk in run.states()] == [(0, 4), (4, 8), (8, 10)]


def test_steps_that_no_chunk_covers_are_computed_all_the_same():
    cell = make_cell()
    x, readout = input_sequence("noise", 300, 2), make_readout(cell)
    run = Rollout(cell, x, torch.zeros(16), readout)
    (chunk,) = run.states(bounds=[(40, 50)])
    assert run.is_complete
    assert torch.equal(chunk.h, rollout(cell, x, torch.zeros(16), readout).h[40:50])


def test_cancelling_ends_at_the_next_block():
    cell, asked = make_cell(), []

    def should_stop():
        asked.append(True)
        return len(asked) == 3

    run = Rollout(cell, torch.zeros(100_000, 2), torch.zeros(16), make_readout(cell))
    with pytest.raises(Cancelled):
        for _ in run.states(should_stop):
            pass
    assert len(asked) == 3 and not run.is_complete


# Batches


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_a_row_of_a_batch_is_the_single_run(activation):
    """Within rounding: BLAS sums a matrix product in another order than a matrix-vector one."""
    cell = make_cell(activation=activation)
    x, h_0 = (
        input_sequence("noise", 100, 2, batch_size=6),
        initial_state("random", 16, batch_size=6),
    )
    readout = make_readout(cell)
    batch = rollout(cell, x.reshape(2, 3, 100, 2), h_0.reshape(2, 3, 16), readout)
    assert batch.h.shape == (2, 3, 100, 16) and batch.log10_norm_h.shape == (2, 3, 100)
    assert batch.y.shape == (2, 3, 100, 3)
    single = rollout(cell, x[4], h_0[4], readout)
    for name in ("h", "y", "log10_norm_h"):
        torch.testing.assert_close(
            getattr(batch, name)[1, 1], getattr(single, name), rtol=1e-9, atol=1e-11
        )


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_does_not_feel_its_neighbours_by_a_single_bit(activation, dtype):
    cell = make_cell(activation=activation, rho=0.4, bias=0.0, dtype=dtype)
    x = input_sequence("noise", 300, 2, batch_size=3)
    h_0, readout = initial_state("random", 16, batch_size=3), make_readout(cell)
    calm = rollout(cell, x, h_0, readout)
    x[1] = 0  # dies away, deep into the log domain
    h_0[2] *= 1e37
    x[2, 100:] *= 1e-37
    disturbed = rollout(cell, x, h_0, readout)
    for name in ("h", "y", "log10_norm_h"):
        assert torch.equal(getattr(calm, name)[0], getattr(disturbed, name)[0])
    assert not torch.equal(calm.h[1], disturbed.h[1])


def test_one_initial_state_serves_a_batch():
    cell = make_cell()
    x, h_0 = input_sequence("noise", 20, 2, batch_size=3), initial_state("random", 16)
    shared = rollout(cell, x, h_0, make_readout(cell))
    given = rollout(cell, x, h_0.expand(3, 16), make_readout(cell))
    assert torch.equal(shared.h, given.h)


# The small print


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("H, T", [(1, 1), (1, 50), (50, 1)])
def test_smallest_sizes(activation, H, T):
    cell = make_cell(H=H, D=1, activation=activation)
    found = rollout(cell, torch.ones(T, 1), torch.ones(H), make_readout(cell, O=1))
    assert found.h.shape == (T, H) and found.y.shape == (T, 1) and found.log10_norm_h.shape == (T,)
    expected = cell.step(torch.ones(1, dtype=torch.float64), torch.ones(H, dtype=torch.float64))
    torch.testing.assert_close(found.h[0], expected)


def test_outputs_follow_the_states():
    cell = make_cell()
    readout = make_readout(cell)
    found = rollout(cell, input_sequence("noise", 200, 2), torch.zeros(16), readout)
    torch.testing.assert_close(found.y, readout.output(found.h), rtol=1e-12, atol=1e-14)


def test_log_norms_are_those_of_the_states():
    found = rollout(
        make_cell(), input_sequence("noise", 200, 2), torch.zeros(16), make_readout(make_cell())
    )
    torch.testing.assert_close(found.log10_norm_h, found.h.norm(dim=-1).log10())


def test_weights_that_require_a_gradient_are_welcome():
    cell = make_cell()
    learning = ElmanCell(*(W.clone().requires_grad_() for W in (cell.W_xh, cell.W_hh, cell.b_h)))
    x = input_sequence("noise", 20, 2).requires_grad_()
    found = rollout(learning, x, torch.zeros(16), make_readout(cell))
    assert torch.equal(found.h, rollout(cell, x, torch.zeros(16), make_readout(cell)).h)


X, H_0 = torch.zeros(5, 2), torch.zeros(16)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"x": torch.zeros(5, 3)}, r"x has the wrong shape: got \(5, 3\); expected \(…, T, 2\)"),
        ({"x": torch.zeros(0, 2)}, r"T is out of range: got 0"),
        ({"x": torch.zeros(0, 5, 2)}, r"x is an empty batch"),
        ({"h_0": torch.zeros(15)}, r"h_0 has the wrong shape: got \(15,\); expected \(…, 16\)"),
        (
            {"x": torch.zeros(2, 5, 2), "h_0": torch.zeros(3, 16)},
            r"h_0 has other batch axes than x: got \(3,\)",
        ),
        ({"x": torch.full((5, 2), torch.nan)}, r"x is not finite: got nan"),
        (
            {"x": torch.full((5, 2), 1e39, dtype=torch.float64)},
            r"x is too large for float32: got 1e\+39",
        ),
        ({"x": torch.full((5, 2), 3e38)}, r"W_xh x \+ b_h is too large for float32"),
        ({"h_0": torch.full((16,), -torch.inf)}, r"h_0 is not finite: got -inf"),
        (
            {"readout": Readout(torch.ones(1, 16).double(), torch.zeros(1).double())},
            r"W_hy does not match the cell",
        ),
        (
            {"readout": Readout(torch.ones(1, 15), torch.zeros(1))},
            r"W_hy has the wrong shape: got \(1, 15\)",
        ),
        ({"chunk_steps": 0}, r"chunk_steps is out of range: got 0"),
    ],
)
def test_refusals(arguments, message):
    cell = make_cell(dtype=torch.float32)
    good = {"x": X, "h_0": H_0, "readout": make_readout(cell)}
    with pytest.raises(ValueError, match=message):
        Rollout(cell, **(good | arguments))


@pytest.mark.parametrize("bounds", [[(3, 3)], [(-1, 3)], [(0, 6)], [(0, 3), (2, 5)]])
def test_chunks_out_of_place_are_refused(bounds):
    cell = make_cell()
    with pytest.raises(ValueError, match=r"bounds has a chunk out of place: got"):
        list(Rollout(cell, X, H_0, make_readout(cell)).states(bounds=bounds))


def test_whole_run_questions_need_the_whole_run():
    cell = make_cell()
    run = Rollout(cell, X, H_0, make_readout(cell))
    with pytest.raises(ValueError, match=r"rollout is not complete: got 0 of 5 steps"):
        _ = run.first_nonfinite_step


@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_storage_is_given_back_with_the_last_reference(activation):
    """No reference cycles: a server's memory must not wait for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        run = finished(make_cell(activation=activation), X, H_0)
        swept(run)
        alive = weakref.ref(run.trajectory)
        del run
        assert alive() is None
    finally:
        gc.enable()
