import math

import pytest
import torch

from rnncore import LinearLoss, MeanSquaredLoss, Readout, loss_direction
from tests.core.builders import cell_from, make_cell, make_readout, silent, swept


def test_direction_is_a_unit_vector_that_the_size_alone_decides():
    c = loss_direction(64)
    assert c.norm().item() == pytest.approx(1) and c.dtype == torch.float64
    first = loss_direction(64)
    c[:] = 0
    assert torch.equal(first, loss_direction(64))
    assert not torch.equal(loss_direction(63), loss_direction(64)[:63])


def test_linear_loss_at_the_end_begins_at_one():
    found = swept(silent(make_cell(), torch.ones(16), 40))
    assert found.log10_grad_h[-1].item() == pytest.approx(0, abs=1e-15)


def test_loss_at_every_step_adds_one_gradient_a_step():
    """Identity: δ_t = (T - t + 1) c."""
    run = silent(cell_from(torch.eye(3)), torch.zeros(3), 100)
    found = swept(run, LinearLoss(loss_direction(3), "every"))
    expected = torch.arange(100, 0, -1, dtype=torch.float64).log10()
    torch.testing.assert_close(found.log10_grad_h, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(3,), (40, 3), (5, 40, 3)])
def test_targets_broadcast(shape):
    cell = make_cell()
    readout = make_readout(cell)
    run = silent(cell, torch.ones(5, 16), 40)
    one = torch.full(shape, 0.25)
    whole = torch.full((5, 40, 3), 0.25)
    found, expected = (swept(run, MeanSquaredLoss(t, readout, "every")) for t in (one, whole))
    assert torch.equal(found.log10_grad_h, expected.log10_grad_h)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_squared_loss_where_the_state_has_left_the_dtype(dtype, factor):
    """h_T = c^T: beside it the target is nothing, or it is everything."""
    cell = cell_from([[factor]], dtype=dtype)
    readout = Readout(torch.full((1, 1), 3.0, dtype=dtype), torch.zeros(1, dtype=dtype))
    run = silent(cell, torch.ones(1), 1000)
    missed = 3 * factor**1000 - 7 if factor < 1 else None
    found = swept(run, MeanSquaredLoss(torch.tensor([7.0]), readout)).log10_grad_h[-1].item()
    expected = (
        math.log10(3 * abs(missed)) if missed else 2 * math.log10(3) + 1000 * math.log10(factor)
    )
    assert found == pytest.approx(expected, rel=1e-6)


def test_hit_target_has_no_gradient():
    cell = cell_from(torch.eye(2))
    readout = Readout(torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    run = silent(cell, torch.tensor([1.0, 2.0]), 10)
    found = swept(run, MeanSquaredLoss(torch.tensor([1.0, 2.0]), readout, "every"))
    for name in ("log10_grad_h", "log10_grad_W_hh", "log10_saturation", "log10_linear_gain"):
        assert torch.isneginf(getattr(found, name)).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda cell: LinearLoss(torch.ones(16), "first"),
            r"at is unknown: got 'first'; expected one of 'last', 'every'",
        ),
        (lambda cell: LinearLoss(torch.full((16,), torch.nan)), r"c is not finite"),
        (
            lambda cell: swept(silent(cell, torch.ones(16), 3), LinearLoss(torch.ones(5))),
            r"c has the wrong shape: got \(5,\)",
        ),
        (
            lambda cell: MeanSquaredLoss(torch.ones(2), make_readout(cell)),
            r"target has the wrong shape: got \(2,\); expected \(…, 3\)",
        ),
        (
            lambda cell: swept(
                silent(cell, torch.ones(16), 4),
                MeanSquaredLoss(torch.ones(5, 3), make_readout(cell)),
            ),
            r"target has the wrong shape: got \(5, 3\); expected \(…, 4, 3\)",
        ),
        (lambda cell: loss_direction(0), r"hidden_size is out of range: got 0"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make(make_cell())
