import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import (
    Cancelled,
    ElmanCell,
    GatedSweep,
    GRUCell,
    LinearLoss,
    MeanSquaredLoss,
    StackedRollout,
    StackedSweep,
    input_sequence,
    loss_direction,
    native,
)
from tests.core.builders import finished, make_cell, swept
from tests.core.stack_builders import (
    STACK_KINDS,
    linear_cells,
    rescaled_log10_norms,
    stacked,
    stacked_autograd,
    stacked_cells,
    stacked_module,
    stacked_norms,
)
from tests.core.stack_builders import cells_of as cells_of_module

NAMES = ("log10_grad_h", "log10_grad_W_hh", "log10_grad_W_xh")


def draw(*shape, seed=9):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whole(run):
    (chunk,) = run.states(bounds=[(0, run.steps)])
    return chunk


# V18: parity with PyTorch and with autograd


@pytest.mark.parametrize("kind", STACK_KINDS)
@pytest.mark.parametrize("L", [2, 3])
@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_states_are_those_of_pytorch(kind, L, B, dtype, tolerance):
    layer = stacked_module(kind, L, 12, 2, dtype)
    x, h_0, c_0 = draw(B, 600, 2).to(dtype), draw(B, L, 12).to(dtype), draw(B, L, 12).to(dtype)
    run = stacked(cells_of_module(layer), x, h_0, c_0=c_0 if kind == "lstm" else None)
    first = [each.transpose(0, 1).contiguous() for each in (h_0, c_0)]
    with torch.no_grad():
        output, last = layer(x, tuple(first) if kind == "lstm" else first[0])
    h_n = last[0] if kind == "lstm" else last
    found = whole(run)
    torch.testing.assert_close(found.h, output, rtol=0, atol=tolerance)
    torch.testing.assert_close(run.h_n, h_n, rtol=0, atol=tolerance)
    torch.testing.assert_close(found.y, run.readout.output(found.h), rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("kind", STACK_KINDS)
@pytest.mark.parametrize("loss_kind", ["linear", "mse"])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("batch", [(), (1,), (3,)])
def test_gradients_of_every_layer_are_autograds(kind, loss_kind, at, batch):
    cells = stacked_cells(kind, 3)
    x, h_0, c_0 = draw(*batch, 50, 2), draw(*batch, 3, 12, seed=1), draw(*batch, 3, 12, seed=2)
    run = stacked(cells, x, h_0, c_0=c_0 if kind == "lstm" else None)
    loss = LinearLoss(loss_direction(12), at)
    if loss_kind == "mse":
        loss = MeanSquaredLoss(torch.ones(3, dtype=torch.float64), run.readout, at)
    expected = stacked_autograd(cells, x, h_0, c_0, loss)
    for layer, reference in zip(stacked_norms(run, loss).layers, expected, strict=True):
        for name in NAMES:
            of_autograd = getattr(reference, name.removeprefix("log10_"))
            torch.testing.assert_close(10 ** getattr(layer, name), of_autograd, rtol=1e-9, atol=0)


@pytest.mark.parametrize("kind", STACK_KINDS)
@pytest.mark.parametrize("at", ["last", "every"])
def test_float32_follows_float64(kind, at):
    x, loss = draw(3, 80, 2), LinearLoss(loss_direction(12), at)
    double = stacked_cells(kind)
    single = [_cast(cell, torch.float32) for cell in double]
    single, double = (stacked_norms(stacked(cells, x), loss) for cells in (single, double))
    for one, other in zip(single.layers, double.layers, strict=True):
        for name in NAMES:
            close = {"rtol": 0, "atol": 1e-4}
            torch.testing.assert_close(getattr(one, name), getattr(other, name), **close)


def test_a_stack_of_one_layer_is_a_rollout():
    cell, x = make_cell(H=12), draw(3, 700, 2)
    plain = finished(cell, x, torch.zeros(12))
    run = stacked([cell], x)
    assert torch.equal(whole(run).h, whole(plain).h)
    loss = LinearLoss(loss_direction(12), "every")
    for name in NAMES:
        assert torch.equal(
            getattr(stacked_norms(run, loss), name), getattr(swept(plain, loss), name)
        )


# Gradients of any size between layers


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gain", [2.0**-90, 0.125, 8.0, 2.0**90])
@pytest.mark.parametrize("W_xh", [2.0**-100, 1.0, 2.0**100])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("is_native", [True, False])
def test_gradients_of_a_linear_stack_past_450_decades(
    monkeypatch, dtype, gain, W_xh, at, is_native
):
    """δ_t = g_t + gain · δ_{t+1}, of which W_xh δ_t is the g_t of the bottom."""
    if not is_native:
        monkeypatch.setattr(native, "loops", lambda dtype: None)
    cells = linear_cells((1.0, gain), (W_xh, gain), dtype=dtype)
    found = stacked_norms(stacked(cells, torch.zeros(500, 1)), LinearLoss(torch.ones(1), at))
    top, bottom, of_top, of_bottom = [], [], Fraction(0), Fraction(0)  # these know no end
    for t in reversed(range(500)):
        of_top = (at == "every" or t == 499) + Fraction(gain) * of_top
        of_bottom = Fraction(W_xh) * of_top + Fraction(gain) * of_bottom
        top.insert(0, math.log10(of_top.numerator) - math.log10(of_top.denominator))
        bottom.insert(0, math.log10(of_bottom.numerator) - math.log10(of_bottom.denominator))
    assert (at == "every" and gain < 1) or abs(top[0]) > 450
    close = {"rtol": 1e-12, "atol": 1e-12 if dtype == torch.float64 else 1e-5}
    torch.testing.assert_close(
        found.top.log10_grad_h, torch.tensor(top, dtype=torch.float64), **close
    )
    torch.testing.assert_close(
        found.layers[0].log10_grad_h, torch.tensor(bottom, dtype=torch.float64), **close
    )


@pytest.mark.parametrize("kind", STACK_KINDS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-8), (torch.float32, 1e-3)])
@pytest.mark.parametrize("scale, steps", [(0.05, {"elman": 320}), (100.0, {"elman": 320})])
def test_gradients_between_layers_beyond_float64(kind, dtype, tolerance, scale, steps):
    """Where all rests at 0 nothing saturates, so gradients of any size come about."""
    cells = [_at_rest(cell, scale, dtype) for cell in stacked_cells(kind, 2, 6)]
    steps = steps.get(kind, 1400 if scale < 1 else 340)
    c = loss_direction(6)
    run = stacked(cells, torch.zeros(steps, 2, dtype=dtype))
    found = stacked_norms(run, LinearLoss(c))
    rest = [torch.zeros(steps + 1, 6, dtype=torch.float64)] * 2
    wide = [_cast(cell, torch.float64) for cell in cells]
    x = torch.zeros(steps, 2, dtype=torch.float64)
    expected = rescaled_log10_norms(wide, rest, rest if kind == "lstm" else [], x, c)
    sizes = [torch.tensor(each, dtype=torch.float64) for each in expected]
    assert min(each.abs().max() for each in sizes) > 390
    for layer, size in zip(found.layers, sizes, strict=True):
        torch.testing.assert_close(layer.log10_grad_h, size, rtol=0, atol=tolerance)


def _cast(cell, dtype):
    weights = {name: W.to(dtype) for name, W in vars(cell).items() if isinstance(W, torch.Tensor)}
    return replace(cell, **weights)


def _at_rest(cell, scale, dtype):
    """Without bias, so that 0 stays 0."""
    weights = {"W_hh": scale * cell.W_hh, "b_h": 0 * cell.b_h}
    if isinstance(cell, GRUCell):
        weights["b_hn"] = 0 * cell.b_hn
    return _cast(replace(cell, **weights), dtype)


@pytest.mark.parametrize("kind", STACK_KINDS)
@pytest.mark.parametrize("factor", [1e-250, 1e250])
def test_gradients_scale_with_the_loss(kind, factor):
    run, c = stacked(stacked_cells(kind), draw(90, 2)), loss_direction(12)
    plain, scaled = (stacked_norms(run, LinearLoss(s * c, "every")) for s in (1.0, factor))
    for one, other in zip(plain.layers, scaled.layers, strict=True):
        shift = other.log10_grad_h - one.log10_grad_h
        torch.testing.assert_close(
            shift, torch.full_like(shift, math.log10(factor)), rtol=0, atol=1e-10
        )


def test_a_layer_that_hands_nothing_down_leaves_exact_zeros():
    cells = stacked_cells("elman")
    cells[1] = ElmanCell(torch.zeros_like(cells[1].W_xh), cells[1].W_hh, cells[1].b_h)
    for at in ("last", "every"):
        found = stacked_norms(stacked(cells, draw(40, 2)), LinearLoss(loss_direction(12), at))
        assert torch.isneginf(found.layers[0].log10_grad_h).all()
        assert torch.isfinite(found.top.log10_grad_h).all()


# Chunks


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 900),
    st.lists(st.integers(0, 900), max_size=5),
    st.sampled_from(STACK_KINDS),
    st.sampled_from([None, 3]),
    st.sampled_from(["last", "every"]),
)
def test_chunks_don_t_change_a_bit(steps, cuts, kind, batch, at):
    cells = stacked_cells(kind, 2, 5, dtype=torch.float32)
    x = input_sequence("noise", steps, 2, batch_size=batch)
    edges = sorted({0, steps, *(cut for cut in cuts if cut <= steps)})
    bounds = list(pairwise(edges))
    expected, run = stacked(cells, x), stacked(cells, x, has_outputs=False)
    other = StackedRollout(cells, x, torch.zeros(2, 5), expected.readout)
    states = list(other.states(bounds=bounds))
    assert torch.equal(torch.cat([each.h for each in states], dim=-2), whole(expected).h)
    assert torch.equal(torch.cat([each.y for each in states], dim=-2), whole(expected).y)
    assert torch.equal(run.h_n, other.h_n)

    loss = LinearLoss(loss_direction(5), at)
    norms = stacked_norms(expected, loss)
    chunks = list(StackedSweep(other, loss).chunks(bounds=bounds[::-1]))[::-1]
    for i in range(2):
        for name in NAMES:
            joined = torch.cat([getattr(chunk.layers[i], name) for chunk in chunks], dim=-1)
            assert torch.equal(joined, getattr(norms.layers[i], name)), (i, name)


@pytest.mark.parametrize("kind", STACK_KINDS)
def test_a_cancelled_run_goes_on_where_it_ended(kind):
    """The question that is answered yes comes between two layers of one block."""
    cells, x = stacked_cells(kind, 3), draw(1200, 2)
    expected = stacked(cells, x)
    run = StackedRollout(cells, x, torch.zeros(3, 12), expected.readout)
    asked = []

    def should_stop():
        asked.append(True)
        return len(asked) == 5

    with pytest.raises(Cancelled):
        for _ in run.states(should_stop):
            pass
    assert len(asked) == 5 and not run.is_complete
    assert torch.equal(whole(run).h, whole(expected).h)
    with pytest.raises(Cancelled):
        for _ in StackedSweep(run, LinearLoss(loss_direction(12))).chunks(should_stop=lambda: True):
            pass


def test_first_chunk_comes_before_the_rest():
    cells = stacked_cells("gru", 2)
    run = StackedRollout(
        cells, draw(3000, 2), torch.zeros(2, 12), stacked(cells, draw(1, 2)).readout
    )
    chunk = next(run.states())
    assert (chunk.t0, chunk.t1) == (0, 32)
    assert run.layer_chunk(0, 0, 32).h.shape == (32, 12)
    with pytest.raises(ValueError, match=r"t1 is out of reach: got 3000; expected \d+ or less"):
        run.layer_chunk(0, 0, 3000)
    with pytest.raises(ValueError, match=r"rollout is not complete: got \d+ of 3000 steps"):
        _ = run.layers
    for _ in run.states():
        pass
    sweep = StackedSweep(run, LinearLoss(loss_direction(12)))
    chunk = next(sweep.chunks())
    assert (chunk.t0, chunk.t1) == (2968, 3000)
    with pytest.raises(ValueError, match=r"t0 is out of reach: got 0; expected 2968 or more"):
        sweep.chunk(0, 3000)


# The small print


@pytest.mark.parametrize("dtype, t", [(torch.float32, 128), (torch.float64, 1024)])
def test_a_layer_beyond_the_dtype_goes_on(dtype, t):
    """h_t of the second layer is 2^t; the third sums these up to 2^(t+1) - 2."""
    cells = linear_cells((0.0, 0.0), (0.0, 2.0), (1.0, 1.0), dtype=dtype)
    h_0 = torch.tensor([[0.0], [1.0], [0.0]])
    run = stacked(cells, torch.zeros(2000, 1), h_0)
    assert run.first_nonfinite_step == t - 2  # 2^t - 2 of the third rounds to 2^t
    times = torch.arange(1, 2001, dtype=torch.float64)
    assert torch.allclose(run.log10_norm_h[60:], (times[60:] + 1) * math.log10(2), rtol=1e-7)
    h = next(run.states(bounds=[(0, 2000)])).h[:, 0]
    assert torch.isposinf(h[t - 2 :]).all() and torch.isfinite(h[: t - 2]).all()


@pytest.mark.parametrize("activation, gain", [("linear", 3.5), ("relu", 5.0)])
@pytest.mark.parametrize("is_native", [True, False])
def test_states_between_layers_beyond_the_dtype_are_those_of_a_wider_one(
    activation, gain, is_native, monkeypatch
):
    """float32 leaves at 10³⁸, float64 does not: the logarithms agree, whatever the loops."""
    if not is_native:
        monkeypatch.setattr(native, "loops", lambda dtype: None)
    drawn = stacked_cells("elman", 3, dtype=torch.float32)
    narrow = [ElmanCell(c.W_xh, gain * c.W_hh, c.b_h, activation) for c in drawn]
    wide = [ElmanCell(c.W_xh.double(), c.W_hh.double(), c.b_h.double(), activation) for c in narrow]
    x = draw(2, 300, 2).float()
    runs = [stacked(cells, x) for cells in (wide, narrow)]
    top = runs[0].log10_norm_h
    assert 60 < float(top.max()) < 300 and runs[0].first_nonfinite_step is None
    assert runs[1].first_nonfinite_step is not None
    torch.testing.assert_close(runs[1].log10_norm_h, top, rtol=0, atol=2e-4)
    found = [stacked_norms(run).layers for run in runs]
    for of_wide, of_narrow in zip(*found, strict=True):
        for each in NAMES:
            pair = getattr(of_narrow, each), getattr(of_wide, each)
            torch.testing.assert_close(*pair, rtol=0, atol=2e-3, msg=each)


def test_one_sequence_beyond_the_dtype_changes_no_bit_of_another():
    cells = linear_cells((1.0, 1.9), (1.0, 1.9), dtype=torch.float32)
    x = torch.zeros(2, 400, 1)
    x[0, 0] = 1.0
    x[1, 300:] = 0.37
    both, alone = stacked(cells, x), stacked(cells, x[1])
    assert both.first_nonfinite_step < 300
    assert torch.equal(whole(both).h[1], whole(alone).h)
    chunks = [chunk.h for chunk in stacked(cells, x).states(bounds=[(0, 7), (7, 250), (250, 400)])]
    assert torch.equal(torch.cat(chunks, dim=1), whole(both).h)


def test_a_product_that_overflows_is_refused_by_its_layer():
    cells = linear_cells((1.0, 0.0), (1e300, 0.0))
    with pytest.raises(ValueError, match=r"W_xh x \+ b_h of layer 2 is too large for float64"):
        stacked(cells, torch.full((5, 1), 1e20, dtype=torch.float64))


def test_states_of_the_start_come_together_or_one_by_one():
    cells, x = stacked_cells("lstm", 2), draw(40, 2)
    h_0, c_0 = draw(3, 2, 12, seed=1), draw(2, 12, seed=2)
    run = stacked(cells, x, h_0, c_0=c_0)
    other = stacked(cells, x, [h_0[:, 0], h_0[:, 1]], c_0=list(c_0))
    assert whole(run).h.shape == (3, 40, 12) and run.h_n.shape == (2, 3, 12)
    assert torch.equal(run.h_n, other.h_n)


def test_what_the_top_tells_is_told_of_the_stack():
    run = stacked(stacked_cells("elman"), draw(40, 2))
    top = run.layers[1]
    assert run.is_complete and run.has_outputs and run.steps == 40
    assert run.cell is run.cells[1] is top.cell and run.trajectory is top.trajectory
    assert torch.equal(run.log10_norm_h, top.log10_norm_h)
    assert run.first_nonfinite_step is None and run.first_zero_step is None
    assert not run.layers[0].has_outputs


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda cells: [], "cells is empty"),
        (
            lambda cells: [cells[0], stacked_cells("gru")[1]],
            "layer 2 is of another kind than layer 1",
        ),
        (
            lambda cells: [cells[0], stacked_cells("elman", H=5)[1]],
            r"W_hh of layer 2 has the wrong",
        ),
        (lambda cells: [cells[0], cells[0]], r"W_xh of layer 2 has the wrong shape: got \(12, 2\)"),
        (
            lambda cells: [cells[0], stacked_cells("elman", dtype=torch.float32)[1]],
            "layer 2 does not match layer 1: got torch.float32",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(change, message):
    cells = stacked_cells("elman")
    readout = stacked(cells, draw(1, 2)).readout
    with pytest.raises(ValueError, match=message):
        StackedRollout(change(cells), draw(5, 2), torch.zeros(2, 12), readout)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"h_0": torch.zeros(3, 12)}, r"h_0 has the wrong shape: got \(3, 12\)"),
        ({"h_0": [torch.zeros(12)]}, "h_0 does not match the layers: got 1 states; expected 2"),
        ({"h_0": [torch.zeros(12), torch.zeros(5)]}, "h_0 of layer 2 has the wrong shape"),
        ({"h_0": torch.zeros(4, 2, 12)}, r"h_0 of layer 1 has other batch axes than x"),
        ({"c_0": torch.zeros(2, 12)}, "c_0 belongs to an LSTM"),
    ],
)
def test_states_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        stacked(stacked_cells("elman"), draw(3, 5, 2), **wrong)


def test_input_gradients_are_kept_on_demand_alone():
    run = stacked(stacked_cells("gru"), draw(5, 2)).layers[0]
    with pytest.raises(ValueError, match="input_gradients are not kept"):
        GatedSweep(run, LinearLoss(loss_direction(12))).input_gradients(0, 5)
