from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import Cancelled, GatedRollout, GRUCell, LSTMCell, Readout, chunk_bounds
from tests.core.builders import cell_from
from tests.core.gated_builders import KINDS, gated_cell, gated_run, whole, with_bias
from tests.core.slow import exact_log10_norms

DTYPES = (torch.float32, torch.float64)
READOUT = Readout(torch.ones(1, 12, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))


def linear_part(cell):
    """What a tiny state is multiplied by, where no gate is driven: [h], or [h, c] of an LSTM."""
    W, H = cell.W_hh.double(), cell.hidden_size
    identity = torch.eye(H, dtype=torch.float64)
    if isinstance(cell, GRUCell):
        return W[2 * H :] / 4 + identity / 2
    W_g = W[2 * H : 3 * H]
    return torch.cat((torch.cat((W_g / 4, identity / 4), 1), torch.cat((W_g / 2, identity / 2), 1)))


# What decays below the dtype


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_silent_state_decays_below_the_dtype_as_its_linear_part(kind, dtype):
    H, T, start = 4, 3000, 1e-15
    cell = gated_cell(kind, H=H, bias=0.0, dtype=dtype, scale=0.8)
    h_0 = torch.linspace(0.5, 1, H, dtype=dtype) * start
    run = gated_run(cell, torch.zeros(T, 2), h_0, h_0.flip(0) if kind == "lstm" else None)
    M = linear_part(cell)
    state = torch.cat((h_0, h_0.flip(0))).double() if kind == "lstm" else h_0.double()
    both = torch.tensor(
        exact_log10_norms(cell_from(M), torch.zeros(T, 1), state), dtype=torch.float64
    )
    mine = run.log10_norm_h
    if kind == "lstm":
        squares = [10 ** (2 * (each - both)) for each in (run.log10_norm_h, run.log10_norm_c)]
        mine = both + sum(squares).log10() / 2
    assert mine[-1] < -330
    # Half a rounding a step at most, all one way.
    bound = 3 * torch.finfo(dtype).eps * T / 2.3
    torch.testing.assert_close(mine, both, rtol=0, atol=bound)
    assert run.first_zero_step is None and run.first_nonfinite_step is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_input_finds_a_tiny_state_and_the_state_an_ordinary_one(kind, dtype):
    """Down below float64's end, up again by an input, down again: what comes after is the same."""
    cell = gated_cell(kind, bias=0.0, dtype=dtype)
    H = cell.hidden_size
    x = torch.zeros(3000, 2, dtype=dtype)
    x[2003] = 1.0
    run = gated_run(cell, x, torch.ones(H))
    logs = run.log10_norm_h
    assert torch.isfinite(logs).all() and logs[2002] < -350 and logs[2003] > -3
    fresh = gated_run(cell, x[2003:]).log10_norm_h
    atol = {torch.float32: 1e-3, torch.float64: 1e-10}[dtype]
    torch.testing.assert_close(logs[2003:], fresh, rtol=0, atol=atol)
    assert (logs[1:2003] < logs[:2002] + 0.3).all(), "no step before the input stands out"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [30.0, 3000.0])
def test_a_tiny_state_may_grow_again(kind, dtype, scale):
    """By so much a step that it would bend at once where it was brought to."""
    cell = gated_cell(kind, bias=0.0, dtype=dtype, scale=scale)
    growth = torch.linalg.eigvals(linear_part(cell)).abs().max()
    assert growth > scale / 15
    run = gated_run(cell, torch.zeros(300, 2), torch.full((12,), 1e-35, dtype=dtype))
    logs, steps = run.log10_norm_h, int(20 / growth.log10())
    rate = (logs[steps] - logs[steps // 2]) / (steps - steps // 2)
    assert float(rate) == pytest.approx(float(growth.log10()), rel=0.2)
    assert logs[-1] > -1, "it ends where tanh bends"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("b_z", [-60.0, -200.0])
def test_a_state_may_fall_by_decades_a_step(dtype, b_z):
    """z = e^b and no candidate: exactly b a step."""
    H, T = 3, 200
    none = torch.zeros(3 * H, H, dtype=dtype)
    cell = with_bias(GRUCell(none[:, :1], none, none[:, 0], none[:H, 0]), 1, b_z)
    run = gated_run(cell, torch.zeros(T, 1), torch.ones(H))
    expected = torch.arange(1, T + 1, dtype=torch.float64) * b_z / torch.tensor(10.0).double().log()
    expected += torch.tensor(3.0).double().log10() / 2
    torch.testing.assert_close(run.log10_norm_h, expected, rtol=1e-6, atol=0)


def test_what_a_shut_output_gate_lets_through_is_told_past_float32():
    cell = with_bias(gated_cell("lstm", dtype=torch.float32, scale=0.1), 3, -150.0)
    run = gated_run(cell, torch.randn(50, 2))
    gap = run.log10_norm_h - run.log10_norm_c
    torch.testing.assert_close(gap, torch.full_like(gap, -150 / 2.302585), rtol=0, atol=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_stay_exact_zeros(kind):
    run = gated_run(gated_cell(kind, bias=0.0), torch.zeros(100, 2))
    assert run.first_zero_step == 0
    assert torch.isneginf(run.log10_norm_h).all() and not whole(run).h.any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_that_overflows_shuts_gates_and_makes_no_nan(dtype):
    large = torch.finfo(dtype).max / 2
    cell = gated_cell("gru", dtype=dtype, scale=50.0)
    run = gated_run(cell, torch.randn(40, 2), torch.full((12,), large, dtype=dtype))
    assert torch.isfinite(whole(run).h).all()
    gates = run.gates(0, 1)
    signs = cell.W_hh.double().sum(dim=1).sign()
    assert torch.equal(gates["r"][0].double(), (signs[:12] + 1) / 2)
    assert torch.equal(gates["z"][0].double(), (signs[12:24] + 1) / 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_whose_parts_overflow_is_still_their_sum(dtype):
    H, large = 16, 2.0 ** {torch.float32: 126, torch.float64: 1022}[dtype]
    row = torch.ones(H, dtype=dtype)
    row[H // 2 :] = -1
    none = torch.zeros(3 * H, dtype=dtype)
    cell = GRUCell(none[:, None], row.expand(3 * H, H).contiguous(), none, none[:H])
    gates = gated_run(cell, torch.zeros(1, 1), torch.full((H,), large, dtype=dtype)).gates(0, 1)
    assert gates["r"].tolist() == gates["z"].tolist() == [[0.5] * H]
    assert gates["n"].tolist() == [[0.0] * H]


def test_a_large_c_is_an_ordinary_number():
    H = 3
    none = torch.zeros(4 * H, H)
    cell = with_bias(LSTMCell(none[:, :1], none, torch.full((4 * H,), 40.0)), 3, 0.0)
    run = gated_run(cell, torch.zeros(5000, 1))
    torch.testing.assert_close(run.gates(4999, 5000)["c"], torch.full((1, H), 5000.0))
    torch.testing.assert_close(whole(run).h[-1], torch.full((H,), 0.5))


# Chunks and neighbours


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 700),
    st.lists(st.integers(0, 700), max_size=6),
    st.sampled_from(KINDS),
    st.sampled_from(["noise", "impulse"]),
    st.sampled_from([0.2, 1.0, 20.0]),
    st.sampled_from([(), (3,)]),
    st.sampled_from(DTYPES),
)
def test_chunks_don_t_change_a_bit(steps, cuts, kind, drive, scale, batch, dtype):
    cell = gated_cell(kind, H=5, bias=0.0, scale=scale, dtype=dtype)
    x = torch.randn(*batch, steps, 2, generator=torch.Generator().manual_seed(0))
    if drive == "impulse":
        x[..., 1:, :] = 0
    expected = gated_run(cell, x)
    edges = sorted({0, steps, *(cut for cut in cuts if cut <= steps)})
    run = GatedRollout(cell, x, torch.zeros(5), expected.readout)
    parts = []
    for chunk in run.states(bounds=pairwise(edges)):
        parts.append((chunk.h, chunk.y, chunk.log10_norm_h, run.gates(chunk.t0, chunk.t1)))
    one = whole(expected)
    for k, values in enumerate((one.h, one.y)):
        assert torch.equal(torch.cat([part[k] for part in parts], dim=-2), values)
    assert torch.equal(torch.cat([part[2] for part in parts], dim=-1), one.log10_norm_h)
    for name, gate in expected.gates(0, steps).items():
        assert torch.equal(torch.cat([part[3][name] for part in parts], dim=-2), gate), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_does_not_feel_its_neighbours_by_a_single_bit(kind, dtype):
    cell = gated_cell(kind, bias=0.0, dtype=dtype, scale=0.5)
    x = torch.randn(3, 1500, 2)
    x[0, 1:] = 0
    calm = gated_run(cell, x)
    x[1] *= 1e30
    x[2, 100:] = 0
    disturbed = gated_run(cell, x)
    assert calm.log10_norm_h[0, -1] < -200
    assert torch.equal(calm.log10_norm_h[0], disturbed.log10_norm_h[0])
    assert torch.equal(whole(calm).h[0], whole(disturbed).h[0])
    for name, gate in calm.gates(0, 1500).items():
        assert torch.equal(gate[0], disturbed.gates(0, 1500)[name][0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_one_is_a_single_sequence(kind):
    cell, x = gated_cell(kind), torch.randn(60, 2)
    single, batch = gated_run(cell, x), gated_run(cell, x.unsqueeze(0))
    assert whole(batch).h.shape == (1, 60, 12) and whole(batch).y.shape == (1, 60, 3)
    assert torch.equal(whole(batch).h[0], whole(single).h)
    assert torch.equal(
        batch.gates(3, 7)["z" if kind == "gru" else "f"][0],
        single.gates(3, 7)["z" if kind == "gru" else "f"],
    )


def test_states_of_the_start_broadcast_against_the_inputs():
    cell, x = gated_cell("lstm"), torch.randn(60, 2, dtype=torch.float64)
    h_0, c_0 = torch.randn(3, 1, 12).double(), torch.randn(2, 12).double()
    run = gated_run(cell, x, h_0, c_0)
    assert whole(run).h.shape == (3, 2, 60, 12)
    one = gated_run(cell, x, h_0[2, 0], c_0[1])
    torch.testing.assert_close(whole(run).h[2, 1], whole(one).h, rtol=1e-12, atol=1e-13)


# The small print


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_follow_the_states(kind):
    run = gated_run(gated_cell(kind), torch.randn(4, 30, 2))
    chunk = whole(run)
    torch.testing.assert_close(chunk.y, run.readout.output(chunk.h))
    torch.testing.assert_close(chunk.log10_norm_h, chunk.h.norm(dim=-1).log10())
    silent = gated_run(gated_cell(kind), torch.randn(30, 2), has_outputs=False)
    assert run.has_outputs and not silent.has_outputs and whole(silent).y.shape == (30, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_of_one_unit(kind):
    cell = gated_cell(kind, H=1, D=1)
    run = gated_run(cell, torch.ones(1, 1))
    assert whole(run).h.shape == (1, 1) and run.log10_norm_h.shape == (1,)


@pytest.mark.parametrize("kind", KINDS)
def test_first_chunk_comes_before_the_rest(kind):
    cell = gated_cell(kind)
    run = GatedRollout(cell, torch.zeros(5000, 2), torch.ones(12), READOUT)
    chunk = next(run.states())
    assert (chunk.t0, chunk.t1) == (0, 32) and not run.is_complete
    with pytest.raises(ValueError, match=r"t1 is out of reach: got 5000; expected 512 or less"):
        run.gates(0, 5000)
    with pytest.raises(ValueError, match=r"rollout is not complete: got 512 of 5000 steps"):
        _ = run.log10_norm_h
    assert [(each.t0, each.t1) for each in run.states()] == list(chunk_bounds(5000))
    assert run.is_complete


def test_cancelling_ends_at_the_next_block():
    cell, asked = gated_cell("gru"), []
    run = GatedRollout(cell, torch.zeros(5000, 2), torch.ones(12), READOUT)

    def should_stop():
        asked.append(True)
        return len(asked) == 3

    with pytest.raises(Cancelled):
        for _ in run.states(should_stop):
            pass
    assert len(asked) == 3


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"x": torch.zeros(5, 3)}, r"x has the wrong shape: got \(5, 3\); expected \(…, T, 2\)"),
        ({"x": torch.full((5, 2), torch.nan)}, r"x is not finite: got nan"),
        ({"x": torch.zeros(0, 5, 2)}, r"x is an empty batch"),
        ({"x": torch.zeros(0, 2)}, r"T is out of range: got 0"),
        (
            {"x": torch.full((5, 2), 1e300, dtype=torch.float64)},
            r"x is too large for float32: got 1e\+300",
        ),
        ({"x": torch.full((5, 2), 3e38)}, r"W_xh x \+ b_h is too large for float32"),
        ({"h_0": torch.zeros(4)}, r"h_0 has the wrong shape: got \(4,\); expected \(…, 12\)"),
        ({"h_0": torch.full((12,), torch.inf)}, r"h_0 is not finite: got inf"),
        (
            {"x": torch.zeros(3, 5, 2), "c_0": torch.zeros(2, 12)},
            r"c_0 has other batch axes",
        ),
        ({"c_0": torch.full((12,), torch.nan)}, r"c_0 is not finite: got nan"),
        (
            {"cell": gated_cell("gru", dtype=torch.float32), "c_0": torch.zeros(12)},
            r"c_0 belongs to an LSTM: got a GRUCell; expected an LSTMCell",
        ),
        (
            {"readout": READOUT},
            r"W_hy does not match the cell: got torch.float64",
        ),
    ],
)
def test_wrong_arguments_are_refused_by_name(wrong, message):
    good = {
        "cell": gated_cell("lstm", dtype=torch.float32, scale=10.0),
        "x": torch.zeros(5, 2),
        "h_0": torch.zeros(12),
        "readout": Readout(torch.ones(1, 12), torch.zeros(1)),
    }
    with pytest.raises(ValueError, match=message):
        GatedRollout(**(good | wrong))


def test_a_gru_has_no_c():
    with pytest.raises(ValueError, match=r"log10_norm_c belongs to an LSTM: got a GRUCell"):
        _ = gated_run(gated_cell("gru"), torch.zeros(3, 2)).log10_norm_c
