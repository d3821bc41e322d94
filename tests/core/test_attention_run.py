"""How attention runs: in chunks and blocks, stopped, on what fits; rows beside one another."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import (
    AttentionCell,
    AttentionRollout,
    AttentionSweep,
    Cancelled,
    LinearLoss,
    Readout,
    loss_direction,
)
from tests.core.attention_builders import (
    NAMES,
    attended,
    attention_cell,
    draw,
    norms_of,
    reference,
    whole,
)
from tests.core.builders import make_readout


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 300),
    st.lists(st.integers(0, 300), max_size=5),
    st.sampled_from([(), (3,)]),
    st.sampled_from(["last", "every"]),
    st.sampled_from([1, 2000, 2**17]),
)
def test_chunks_don_t_change_a_bit(steps, cuts, batch, at, entries):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnncore.attention.trajectory._LARGEST_MATRIX", entries)
        cell, x = attention_cell(5, dtype=torch.float32), draw(*batch, steps, 2)
        edges = sorted({0, steps, *(cut for cut in cuts if cut <= steps)})
        bounds = list(pairwise(edges))
        expected = attended(cell, x)
        other = AttentionRollout(cell, x, expected.readout)
        states = list(other.states(bounds=bounds))
        for name, dim in (("h", -2), ("y", -2), ("log10_norm_h", -1)):
            joined = torch.cat([getattr(each, name) for each in states], dim=dim)
            assert torch.equal(joined, getattr(whole(expected), name))
        loss = LinearLoss(loss_direction(5), at)
        norms = norms_of(expected, loss)
        chunks = list(AttentionSweep(other, loss).chunks(bounds=bounds[::-1]))[::-1]
        for name in NAMES:
            joined = torch.cat([getattr(chunk, name) for chunk in chunks], dim=-1)
            assert torch.equal(joined, getattr(norms, name)), name


@pytest.mark.parametrize("at", ["last", "every"])
def test_a_row_does_not_feel_its_neighbours_by_a_single_bit(at):
    cell, loss = attention_cell(), LinearLoss(loss_direction(12), at)
    x = draw(3, 100, 2)
    calm = norms_of(attended(cell, x), loss).log10_grad_h[0]
    x[1] *= 1e100
    assert torch.equal(norms_of(attended(cell, x), loss).log10_grad_h[0], calm)


@pytest.mark.parametrize("at", ["last", "every"])
def test_cancelling_ends_at_the_next_block(monkeypatch, at):
    monkeypatch.setattr("rnncore.attention.trajectory._LARGEST_MATRIX", 2000)
    cell, asked = attention_cell(), []
    run = AttentionRollout(cell, draw(2000, 2), make_readout(cell))

    def should_stop():
        asked.append(True)
        return len(asked) == 3

    with pytest.raises(Cancelled):
        for _ in run.states(should_stop):
            pass
    assert len(asked) == 3 and not run.is_complete
    for _ in run.states():
        pass
    asked.clear()
    sweep = AttentionSweep(run, LinearLoss(loss_direction(12), at))
    with pytest.raises(Cancelled):
        for _ in sweep.chunks(should_stop=should_stop):
            pass
    assert len(asked) == 3


@pytest.mark.parametrize("at", ["last", "every"])
def test_a_block_of_a_long_sequence_is_small(at):
    """32 queries see 4096 keys: a megabyte a matrix."""
    run = AttentionRollout(attention_cell(), draw(4096, 2), make_readout(attention_cell()))
    assert run.trajectory.block == 32


# The small print


@pytest.mark.parametrize("at", ["last", "every"])
def test_one_position_hears_itself(at):
    cell, x = attention_cell(), draw(1, 2)
    run = attended(cell, x)
    assert run.attention_weights(0).tolist() == [1.0]
    loss = LinearLoss(loss_direction(12), at)
    _, *expected = reference(cell, x, loss)
    for name, norm in zip(NAMES, expected, strict=True):
        torch.testing.assert_close(
            10 ** getattr(norms_of(run, loss), name), norm, rtol=1e-12, atol=0
        )


def test_weights_of_one_position_are_a_softmax():
    cell, x = attention_cell(), draw(2, 30, 2)
    run = AttentionRollout(cell, x, make_readout(cell))
    q, k, _ = ((x @ cell.W_xh.mT + cell.b_h) @ cell.W_qkv.mT).chunk(3, dim=-1)
    expected = torch.softmax((q[:, 17:18] @ k[:, :18].mT / math.sqrt(12))[:, 0], dim=-1)
    torch.testing.assert_close(run.attention_weights(17)[:, :18], expected, rtol=1e-12, atol=0)
    for t in (-1, 30):
        with pytest.raises(ValueError, match=rf"t is out of range: got {t}; expected 0 to 29"):
            run.attention_weights(t)


def test_outputs_are_asked_for():
    cell, x = attention_cell(), draw(30, 2)
    run = attended(cell, x, has_outputs=False)
    assert not run.has_outputs and whole(run).y.shape == (30, 0)
    assert run.first_nonfinite_step is None and run.first_zero_step is None
    assert run.trajectory.u[0].abs().max() == 0 and not run.trajectory.exponents.any()


def test_what_does_not_fit_is_refused():
    cell, readout = attention_cell(), make_readout(attention_cell())
    run = AttentionRollout(cell, draw(1000, 2), readout)
    with pytest.raises(ValueError, match="rollout is not complete: got 0 of 1000 steps"):
        AttentionSweep(run, LinearLoss(loss_direction(12)))
    with pytest.raises(ValueError, match=r"x has the wrong shape: got \(5, 3\); expected"):
        AttentionRollout(cell, draw(5, 3), readout)
    with pytest.raises(ValueError, match="x is an empty batch"):
        AttentionRollout(cell, torch.zeros(0, 5, 2), readout)
    with pytest.raises(ValueError, match=r"W_qkv has the wrong shape: got \(24, 12\); expected"):
        AttentionCell(cell.W_xh, cell.W_qkv[:24], cell.b_h)
    with pytest.raises(ValueError, match="W_hy does not match the cell"):
        AttentionRollout(cell, draw(5, 2), Readout(readout.W_hy.float(), readout.b_y.float()))
