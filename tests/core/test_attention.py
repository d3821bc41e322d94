import math
from dataclasses import replace
from decimal import Context, Decimal, localcontext

import pytest
import torch

from rnncore import (
    AttentionCell,
    LinearLoss,
    MeanSquaredLoss,
    gaussian_weights,
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
from tests.core.builders import finished, make_cell, swept


@pytest.mark.parametrize("kind", ["linear", "mse"])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("batch", [(), (1,), (3,), (2, 2)])
@pytest.mark.parametrize("scale", [0.1, 4.0])
def test_values_and_gradients_are_pytorchs(kind, at, batch, scale):
    cell, x = attention_cell(scale=scale), draw(*batch, 60, 2)
    run = attended(cell, x)
    loss = LinearLoss(loss_direction(12), at)
    if kind == "mse":
        loss = MeanSquaredLoss(torch.ones(3, dtype=torch.float64), run.readout, at)
    o, *expected = reference(cell, x, loss)
    found = whole(run)
    torch.testing.assert_close(found.h, o, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.h, cell.outputs(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.y, run.readout.output(o), rtol=0, atol=1e-11)
    torch.testing.assert_close(10**run.log10_norm_h, o.norm(dim=-1), rtol=1e-10, atol=0)
    for name, norm in zip(NAMES, expected, strict=True):
        torch.testing.assert_close(
            10 ** getattr(norms_of(run, loss), name), norm, rtol=1e-9, atol=0
        )


@pytest.mark.parametrize("at", ["last", "every"])
def test_float32_follows_float64(at):
    x, loss = draw(3, 300, 2), LinearLoss(loss_direction(12), at)
    double = attention_cell()
    single = replace(double, **{name: W.float() for name, W in vars(double).items()})
    ours, theirs = attended(single, x), attended(double, x)
    torch.testing.assert_close(whole(ours).h.double(), whole(theirs).h, rtol=0, atol=1e-5)
    for name in NAMES:
        one, other = (getattr(norms_of(run, loss), name) for run in (ours, theirs))
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


@pytest.mark.parametrize("at", ["last", "every"])
def test_many_blocks_are_one(monkeypatch, at):
    """Blocks of 9 queries, and all 150 at once."""
    cell, x, loss = attention_cell(), draw(150, 2), LinearLoss(loss_direction(12), at)
    runs = []
    for entries in (2**17, 9 * 150):
        monkeypatch.setattr("rnncore.attention.trajectory._LARGEST_MATRIX", entries)
        runs.append(attended(cell, x))
    assert [run.trajectory.block for run in runs] == [150, 9]
    torch.testing.assert_close(whole(runs[1]).h, whole(runs[0]).h, rtol=0, atol=1e-13)
    for name in NAMES:
        one, other = (getattr(norms_of(run, loss), name) for run in runs)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


# Numbers past float64's end


def decimal_reference(cell, x, c, at):
    """log10 of ‖o_t‖, ‖∂L/∂e_t‖, and the shares of W_qkv, in fifty digits without an end."""
    H, T = cell.hidden_size, len(x)
    exact = lambda W: [[Decimal(w) for w in row] for row in W.tolist()]  # noqa: E731
    dot = lambda u, v: sum((a * b for a, b in zip(u, v, strict=True)), Decimal(0))  # noqa: E731
    total = lambda ws, vs: [dot(ws, column) for column in zip(*vs, strict=True)]  # noqa: E731
    W_xh, W_qkv, c = exact(cell.W_xh), exact(cell.W_qkv), exact(c[None])[0]
    b_h = exact(cell.b_h[None])[0]
    e = [[dot(W, x_t) + b for W, b in zip(W_xh, b_h, strict=True)] for x_t in exact(x)]
    q, k, v = ([[dot(W, e_t) for W in W_qkv[i : i + H]] for e_t in e] for i in (0, H, 2 * H))
    root = Decimal(H).sqrt()
    zero = [[Decimal(0)] * H for _ in range(T)]
    grad_q, grad_k, grad_v, o = [*map(list, zero)], [*map(list, zero)], [*map(list, zero)], []
    for t in range(T):
        raw = [(dot(q[t], k[s]) / root).exp() for s in range(t + 1)]
        a = [each / sum(raw) for each in raw]
        o.append(total(a, v[: t + 1]))
        if at == "last" and t < T - 1:
            continue
        products = [dot(c, v_s) for v_s in v[: t + 1]]
        # Written with differences, as fifty digits are few beside 10^-400.
        score = [
            a[s] * sum(a[r] * (products[s] - products[r]) for r in range(t + 1)) / root
            for s in range(t + 1)
        ]
        grad_q[t] = total(score, k[: t + 1])
        for s in range(t + 1):
            grad_v[s] = [old + a[s] * each for old, each in zip(grad_v[s], c, strict=True)]
            grad_k[s] = [old + score[s] * each for old, each in zip(grad_k[s], q[t], strict=True)]
    p = [[*three[0], *three[1], *three[2]] for three in zip(grad_q, grad_k, grad_v, strict=True)]
    norm = lambda u: float(dot(u, u).log10()) / 2 if any(u) else -math.inf  # noqa: E731
    grad_e = [norm(total(p_t, W_qkv)) for p_t in p]
    shares = [norm(p_t) + norm(e_t) for p_t, e_t in zip(p, e, strict=True)]
    return [norm(o_t) for o_t in o], grad_e, shares


@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("sharpness", [1.0, 30.0, 300.0, 3e4])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("repeats", [False, True])
def test_weights_of_any_smallness(at, sharpness, dtype, tolerance, repeats):
    """Scores thousands apart, to 10^-100000 in the weights, and gradients that are that small."""
    cell = attention_cell(3, 2)
    W_qkv = cell.W_qkv.clone()
    W_qkv[:3] *= sharpness
    cell = AttentionCell(cell.W_xh.to(dtype), W_qkv.to(dtype), cell.b_h.to(dtype))
    x = draw(7, 2).to(dtype)
    if repeats:  # the same thing said again
        x = x[[0, 1, 1, 2, 1, 0, 2]]
    with localcontext(Context(prec=50, Emin=-(10**9), Emax=10**9)):
        o, grad_e, shares = decimal_reference(cell, x, loss_direction(3).to(dtype), at)
    run = attended(cell, x)
    found = norms_of(run, LinearLoss(loss_direction(3), at))
    close = {"rtol": tolerance, "atol": tolerance}
    for ours, exact in (
        (run.log10_norm_h, o),
        (found.log10_grad_h, grad_e),
        (found.log10_grad_W_hh, shares),
    ):
        torch.testing.assert_close(ours, torch.tensor(exact, dtype=torch.float64), **close)
    if sharpness > 1e4:
        assert min(shares) < -300


def test_a_whisper_is_heard_where_no_one_else_speaks():
    """At t = 3 all attention but e^-1200 is on a position with nothing to say."""
    W_q, W_v = torch.diag(torch.tensor([0.0, 1.0])), torch.diag(torch.tensor([1.0, 0.0]))
    W_qkv = torch.cat((W_q, -1200 * math.sqrt(2) * W_q, W_v))
    cell = AttentionCell(torch.eye(2), W_qkv, torch.zeros(2))
    run = attended(cell, torch.tensor([[3.0, 1.0], [0.0, 0.0], [0.0, 1.0]]))
    assert run.attention_weights(2).tolist() == [0.0, 1.0, 0.0]
    expected = math.log10(3) - 1200 / math.log(10)
    assert run.log10_norm_h[2].item() == pytest.approx(expected, rel=1e-6)
    assert whole(run).h[2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("H", [5, 12, 16])
@pytest.mark.parametrize("B", [9, 33])
def test_alike_values_are_no_reason_to_attend_otherwise(H, B):
    """All attention but e^-1000 is on positions that say the same: rounding must not tell their
    values apart, or the others' gradients would be some 10^-17 instead of 10^-430.
    """
    W_q, W_k = torch.zeros(2, H, H, dtype=torch.float64)
    W_q[0, 1], W_k[0, 0] = 1.0, -1.0
    W_v = gaussian_weights(H, H, scale=1.0, seed=2)
    cell = AttentionCell(
        torch.eye(H, dtype=torch.float64), torch.cat((W_q, W_k, W_v)), torch.zeros_like(W_v[0])
    )
    x = draw(1, H).expand(2 * B, H).clone()
    x[1::2] = draw(B, H, seed=3)
    x[:, 0], x[1::2, 0] = 1e-3, 1000 * math.sqrt(H)  # the odd ones are heard by no one
    x[:, 1] = 1.0
    found = norms_of(attended(cell, x), LinearLoss(loss_direction(H), "every"))
    assert torch.isfinite(found.log10_grad_h).all()
    assert (found.log10_grad_h[::2] > -3).all()
    assert (found.log10_grad_h[1::2] < -420).all()


@pytest.mark.parametrize("factor", [1e-250, 1e250])
def test_gradients_scale_with_the_loss(factor):
    run, c = attended(attention_cell(), draw(90, 2)), loss_direction(12)
    plain, scaled = (norms_of(run, LinearLoss(s * c, "every")) for s in (1.0, factor))
    shift = scaled.log10_grad_h - plain.log10_grad_h
    torch.testing.assert_close(
        shift, torch.full_like(shift, math.log10(factor)), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("dtype, size", [(torch.float32, 1e18), (torch.float64, 1e140)])
@pytest.mark.parametrize("at", ["last", "every"])
def test_huge_scores_make_no_nan(dtype, size, at):
    cell = attention_cell(dtype=dtype)
    run = attended(cell, (size * draw(3, 80, 2)).to(dtype))
    found = norms_of(run, LinearLoss(loss_direction(12), at))
    assert torch.isfinite(whole(run).h).all()
    for name in NAMES:
        assert not getattr(found, name).isnan().any()
        assert (getattr(found, name) < 1000).all()
    weights = run.attention_weights(79)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, dtype=dtype))


def test_scores_beyond_float64_are_refused():
    with pytest.raises(ValueError, match=r"the scores q · k / √H are too large for float64: got"):
        attended(attention_cell(), 1e160 * draw(80, 2))
    cell = attention_cell(dtype=torch.float32, scale=1e20)
    with pytest.raises(ValueError, match=r"W_qkv e is too large for float32: got .* use float64"):
        attended(cell, torch.full((4, 2), 1e25))


def test_tiny_inputs_have_tiny_outputs():
    """Where scores are 0 to rounding, o is linear in x: below float32 too."""
    cell = attention_cell(bias=0.0, dtype=torch.float32)
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
    one, other = (attended(cell, size * x).log10_norm_h for size in (1e-10, 1e-30))
    torch.testing.assert_close(one - other, torch.full_like(one, 20.0), rtol=0, atol=1e-5)


# Theory


def test_silence_is_heard_alike_everywhere():
    run = attended(attention_cell(bias=0.0), torch.zeros(2, 50, 2))
    for t in (0, 1, 9, 49):
        weights = run.attention_weights(t)
        assert weights.shape == (2, 50)
        heard = weights[:, : t + 1]
        torch.testing.assert_close(heard, torch.full_like(heard, 1 / (t + 1)))
        assert not weights[:, t + 1 :].any()
    assert torch.isneginf(run.log10_norm_h).all() and run.first_zero_step == 0
    for at in ("last", "every"):
        found = norms_of(run, LinearLoss(loss_direction(12), at))
        # 1/T of W_vᵀ c each, and Σ_{t≥s} 1/t of it.
        parts = torch.full((50,), 1 / 50, dtype=torch.float64)
        if at == "every":
            parts = (1 / torch.arange(1, 51, dtype=torch.float64)).flip(0).cumsum(0).flip(0)
        expected = (parts * (loss_direction(12) @ run.cell.W_qkv[24:]).norm()).log10()
        torch.testing.assert_close(found.log10_grad_h[0], expected, rtol=0, atol=1e-12)
        assert torch.isneginf(found.log10_grad_W_hh).all()


def test_distance_does_not_make_a_gradient_vanish():
    """An Elman network of ρ = 0.9 forgets 1000 steps; here they are one step away."""
    x, loss = draw(1001, 2), LinearLoss(loss_direction(16))
    recurrent = swept(finished(make_cell(rho=0.9), x, torch.zeros(16)), loss).log10_grad_h
    attention = norms_of(attended(attention_cell(16), x), loss).log10_grad_h
    assert recurrent[0] < -40
    assert attention[0] > -6
    # No trend: what a position gets depends on what stands there.
    assert abs(attention[:300].mean() - attention[700:1000].mean()) < 0.2


def test_no_position_hears_a_later_one():
    cell, x = attention_cell(), draw(60, 2)
    other = x.clone()
    other[40:] = draw(20, 2, seed=1)
    one, two = whole(attended(cell, x)), whole(attended(cell, other))
    torch.testing.assert_close(one.h[:40], two.h[:40], rtol=0, atol=1e-14)
    assert (one.h[40:] != two.h[40:]).any(dim=-1).all()


def test_earlier_positions_may_change_places():
    """There are no positions: what is heard does not depend on the order of what was said."""
    cell, x = attention_cell(), draw(60, 2)
    order = [*torch.arange(59).flip(0).roll(20).tolist(), 59]
    one, two = norms_of(attended(cell, x)), norms_of(attended(cell, x[order]))
    torch.testing.assert_close(one.log10_grad_h[order], two.log10_grad_h, rtol=0, atol=1e-10)


# Chunks
