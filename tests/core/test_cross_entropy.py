"""Cross-entropy of classes, against PyTorch's own and in logarithms."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from rnncore import CrossEntropyLoss, GatedSweep, LSTMState, Readout, input_sequence
from tests.core.builders import cell_from, finished, make_cell, make_readout, silent, swept
from tests.core.gated_builders import KINDS, gated_cell, gated_run

T, H, O = 30, 16, 4  # noqa: E741
X = input_sequence("noise", T, 2, batch_size=3)
CLASSES = torch.arange(3 * T).view(3, T) % O


def charged(hs, loss, targets):
    """log10 ‖∂L/∂h_t‖ by autograd over the states of a literal loop."""
    times = [T - 1] if loss.at == "last" else range(T)
    total = sum(
        cross_entropy(loss.readout.output(hs[t]), targets[:, t], reduction="sum") for t in times
    )
    total.backward()
    return torch.stack([h.grad.norm(dim=-1) for h in hs], dim=-1).log10()


@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("target", [3, CLASSES[0], CLASSES, CLASSES[:1].to(torch.int32)])
def test_gradient_is_that_of_pytorchs_cross_entropy(at, target):
    cell = make_cell(H)
    readout = make_readout(cell, O)
    loss = CrossEntropyLoss(target, readout, at)
    found = swept(finished(cell, X, torch.zeros(H), readout), loss).log10_grad_h
    h, hs = torch.zeros(3, H).double().requires_grad_(), []
    for t in range(T):
        h = cell.step(X[:, t], h)
        h.retain_grad()
        hs.append(h)
    targets = torch.as_tensor(target).long().expand(3, T)
    torch.testing.assert_close(found, charged(hs, loss, targets), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", ["last", "every"])
def test_gated_cells_are_charged_alike(kind, at):
    cell = gated_cell(kind, H)
    run = gated_run(cell, X)
    loss = CrossEntropyLoss(CLASSES % 3, run.readout, at)
    sweep = GatedSweep(run, loss)
    for _ in sweep.chunks():
        pass
    h, c, hs = *torch.zeros(2, 3, H).double().requires_grad_(), []
    for t in range(T):
        if kind == "lstm":
            h, c = cell.step(X[:, t], LSTMState(h, c))
        else:
            h = cell.step(X[:, t], h)
        h.retain_grad()
        hs.append(h)
    expected = charged(hs, loss, CLASSES % 3)
    torch.testing.assert_close(sweep.chunk(0, T).log10_grad_h, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gap", [1.0, 40.0, 1e4])
def test_what_is_left_of_a_certain_class_is_a_logarithm(dtype, gap):
    """y = (gap, 0), target 0: the gradient is σ(-gap) W_hyᵀ(-1, 1), however little that is."""
    cell = cell_from([[1.0]], dtype=dtype)
    readout = Readout(torch.tensor([[gap], [0.0]], dtype=dtype), torch.zeros(2, dtype=dtype))
    found = swept(silent(cell, torch.ones(1), 3), CrossEntropyLoss(0, readout)).log10_grad_h[-1]
    expected = math.log10(gap) - (gap + math.log1p(math.exp(-gap))) / math.log(10)
    assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_where_the_state_has_left_the_dtype_one_class_is_all(dtype, sign):
    """h = ±4^1000, W_hy = (3, 1): for the largest output the loss is flat, else it is W_hyᵀ(…)."""
    cell = cell_from([[4.0]], dtype=dtype)
    readout = Readout(torch.tensor([[3.0], [1.0]], dtype=dtype), torch.zeros(2, dtype=dtype))
    run = silent(cell, sign * torch.ones(1), 1000)
    likely = 0 if sign > 0 else 1
    hit, missed = (
        swept(run, CrossEntropyLoss(target, readout)).log10_grad_h[-1].item()
        for target in (likely, 1 - likely)
    )
    assert hit == -math.inf and missed == pytest.approx(math.log10(2))


def test_where_the_state_is_below_the_dtype_the_bias_decides():
    cell = cell_from([[0.25]], dtype=torch.float32)
    readout = Readout(torch.tensor([[3.0], [1.0]]), torch.tensor([0.0, math.log(3)]))
    found = swept(silent(cell, torch.ones(1), 1000), CrossEntropyLoss(1, readout)).log10_grad_h[-1]
    assert found.item() == pytest.approx(math.log10(0.25 * 2))  # p = (1/4, 3/4)


def test_one_class_is_certain():
    cell = make_cell(H)
    found = swept(silent(cell, torch.ones(H), 5), CrossEntropyLoss(0, make_readout(cell, 1)))
    assert torch.isneginf(found.log10_grad_h).all()


@pytest.mark.parametrize(
    "target, message",
    [
        (-1, r"target is out of range: got -1"),
        (4, r"target is out of range: got 4; expected whole numbers from 0 to 3, the last class"),
        (10**30, r"target is out of range"),
        (1.0, r"target is not a whole number"),
        (torch.ones(T), r"target is not of classes: got torch.float32"),
        (torch.tensor([0, 1, 7]), r"target is out of range: got 7"),
        (torch.zeros(T + 1).long(), r"target has the wrong shape: got \(31,\); expected \(…, 30\)"),
    ],
)
def test_refusals(target, message):
    cell = make_cell(H)
    with pytest.raises(ValueError, match=message):
        swept(silent(cell, torch.ones(H), T), CrossEntropyLoss(target, make_readout(cell, O)))
