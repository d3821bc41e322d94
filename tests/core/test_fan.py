"""A fan: one matrix at many spectral radii at once, against single runs."""

import re
from dataclasses import replace

import pytest
import torch

from rnncore import Cancelled, LinearLoss, fan, input_sequence, loss_direction
from tests.core.builders import cell_from, finished, make_cell, swept

# Up to where tanh is chaotic, and far past both ends of float32.
SCALES = torch.tensor([0.0, 1e-30, 0.05, 0.5, 0.999, 1.0, 1e25], dtype=torch.float64)
MILD = slice(2, 6)
NAMES = ("log10_grad_h", "log10_grad_W_hh", "log10_grad_W_xh", "log10_saturation")


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_ray_of_a_fan_is_the_single_run(activation, at, dtype):
    cell = make_cell(activation=activation, dtype=dtype)
    x, h_0 = input_sequence("impulse", 120, 2), torch.ones(16)
    loss = LinearLoss(loss_direction(16), at)
    fan = finished(cell, x, h_0, scales=SCALES)
    gradients = swept(fan, loss)
    assert fan.log10_norm_h.shape == gradients.log10_grad_W_hh.shape == (len(SCALES), 120)
    decades = {torch.float32: 2e-3, torch.float64: 1e-10}[dtype]
    for k, scale in enumerate(SCALES.tolist()):
        single = finished(replace(cell, W_hh=scale * cell.W_hh), x, h_0)
        if activation == "tanh" and scale > 1:
            assert fan.log10_norm_h[k].max() <= 1  # saturated: √16 units of at most 1
            continue
        torch.testing.assert_close(
            fan.log10_norm_h[k], single.log10_norm_h, rtol=decades / 100, atol=decades
        )
        expected = swept(single, loss)
        for name in NAMES:
            ray = getattr(gradients, name)[k]
            torch.testing.assert_close(
                ray, getattr(expected, name), rtol=decades / 100, atol=decades
            )


def test_linear_rays_are_straight_lines_of_slope_log10_scale():
    """‖h_t‖ = sᵗ for the identity, also where float32 has long ended."""
    scales = torch.tensor([1e-20, 0.5, 2.0, 1e20])
    fan = finished(
        cell_from(torch.eye(4), dtype=torch.float32),
        torch.zeros(300, 1),
        torch.tensor([1.0, 0, 0, 0]),
        scales=scales,
    )
    t = torch.arange(1, 301, dtype=torch.float64)
    lines = scales.double().log10().unsqueeze(-1) * t
    torch.testing.assert_close(fan.log10_norm_h, lines, rtol=1e-6, atol=1e-6)
    assert fan.first_nonfinite_step == 1  # 10⁴⁰
    c = LinearLoss(torch.tensor([1.0, 0, 0, 0]))
    torch.testing.assert_close(
        swept(fan, c).log10_grad_h, lines.flip(-1) - lines[:, :1], rtol=1e-6, atol=1e-6
    )


def test_a_scale_of_zero_forgets_at_once():
    fan = finished(
        cell_from(torch.eye(2)),
        torch.zeros(5, 1),
        torch.ones(2),
        scales=torch.tensor([0.0, 1.0]),
    )
    assert fan.log10_norm_h[0].isneginf().all()
    assert fan.log10_norm_h[1].tolist() == pytest.approx([0.5 * 0.30103] * 5, abs=1e-5)
    grad = swept(fan).log10_grad_h[0]
    assert grad[-1].item() == pytest.approx(0, abs=1e-12)
    assert grad[:-1].isneginf().all()


def test_batch_axes_and_rays_broadcast():
    cell = make_cell(H=5)
    x = torch.randn(3, 1, 20, 2)
    scales = torch.tensor([0.3, 0.9])
    fan = finished(cell, x, torch.zeros(5), scales=scales)
    assert fan.log10_norm_h.shape == (3, 2, 20)
    alone = finished(replace(cell, W_hh=0.9 * cell.W_hh), x[1, 0], torch.zeros(5))
    torch.testing.assert_close(fan.log10_norm_h[1, 1], alone.log10_norm_h, rtol=1e-7, atol=1e-7)


def test_the_whole_fan_in_one_call():
    cell, x, loss = make_cell(), input_sequence("impulse", 60, 2), LinearLoss(loss_direction(16))
    run = finished(cell, x, torch.ones(16), scales=SCALES)
    rays = fan(cell, SCALES, x, torch.ones(16), loss)
    assert torch.equal(rays.log10_norm_h, run.log10_norm_h)
    assert torch.equal(rays.log10_grad_h, swept(run, loss).log10_grad_h)
    with pytest.raises(Cancelled):
        fan(cell, SCALES, x, torch.ones(16), loss, should_stop=lambda: True)


def test_a_factor_beyond_the_dtype_is_refused():
    cell = replace(make_cell(dtype=torch.float32), W_hh=torch.zeros(16, 16))
    x, loss = input_sequence("impulse", 10, 2), LinearLoss(loss_direction(16))
    with pytest.raises(ValueError, match=r"^scales is too large for float32: got 1e\+39"):
        fan(cell, torch.tensor([1e39], dtype=torch.float64), x, torch.ones(16), loss)


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        (torch.ones(2), "scales has other batch axes than x: got (2,); expected (3,)"),
        (torch.tensor([1.0, float("nan"), 1.0]), "scales is not finite"),
        (torch.tensor([1.0, 1e38, 1.0]), "scales · W_hh"),
    ],
)
def test_refusals(scales, message):
    cell = make_cell(dtype=torch.float32)
    with pytest.raises(ValueError, match=re.escape(message)):
        finished(cell, torch.zeros(3, 10, 2), torch.zeros(16), scales=scales)
