import json
import math

import pytest
import torch

from rnncore import (
    LinearLoss,
    diagnose,
    initial_state,
    input_sequence,
    loss_direction,
    quantity_fate,
    recurrent_matrix,
    spectrum,
)
from tests.core.builders import cell_from, finished, make_cell, silent, swept


def verdict(run, at="last"):
    found = swept(run, LinearLoss(loss_direction(run.cell.hidden_size), at))
    return diagnose(
        log10_norm_h=run.log10_norm_h,
        log10_grad_h=found.log10_grad_h,
        log10_saturation=found.log10_saturation,
        log10_linear_gain=found.log10_linear_gain,
        loss_at=at,
        activation=run.cell.activation,
        largest_singular_value=spectrum(run.cell.W_hh).largest_singular_value,
        dtype=run.cell.dtype,
    )


@pytest.mark.parametrize("rho, fate", [(0.9, "vanish"), (1.0, "live"), (1.1, "explode")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_isometry_tells_its_factor(rho, fate, dtype):
    cell = cell_from(rho * recurrent_matrix("orthogonal", 20).W, dtype=dtype)
    found = verdict(silent(cell, initial_state("random", 20), 3000))
    for quantity in (found.states, found.gradients):
        assert quantity.fate == fate
        assert quantity.log10_factor == pytest.approx(math.log10(rho), abs=1e-7)
        assert quantity.log10_change == pytest.approx(2999 * math.log10(rho), abs=1e-4)
        assert quantity.zero_after is None


def test_steps_to_the_threshold():
    vanishing = verdict(silent(cell_from([[0.1]]), torch.ones(1), 20)).gradients
    assert (vanishing.threshold_log10, vanishing.steps_to_threshold) in [(-6, 6), (-6, 7)]
    exploding = verdict(silent(cell_from([[10.5]]), torch.ones(1), 20)).gradients
    assert (exploding.threshold_log10, exploding.steps_to_threshold) == (6, 6)
    living = verdict(silent(cell_from([[1.0]]), torch.ones(1), 20)).gradients
    assert (living.threshold_log10, living.steps_to_threshold) == (-6, None)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_saturation_and_linear_gain_add_up_to_what_was_measured(activation):
    cell = make_cell(activation=activation, rho=1.2)
    run = finished(cell, input_sequence("noise", 300, 2), torch.zeros(16))
    found = verdict(run).gradients
    measured = swept(run, LinearLoss(loss_direction(16), "last")).log10_grad_h
    assert found.log10_saturation + found.log10_linear_gain == pytest.approx(
        float(measured[0] - measured[-1]) / 299
    )
    assert found.log10_saturation <= 1e-12


@pytest.mark.parametrize("rho", [0.5, 1.0, 1.03, 1.1])
def test_a_loss_at_every_step_is_judged_by_the_gradient_that_is_shown(rho):
    """Earlier, the shrinkage of each newcomer was taken for propagation, and a rise for a fall."""
    cell = make_cell(rho=rho, activation="linear", H=64)
    run = finished(cell, input_sequence("impulse", 200, 2), torch.zeros(64))
    found = verdict(run, "every").gradients
    measured = swept(run, LinearLoss(loss_direction(64), "every")).log10_grad_h
    change = float(measured[0] - measured[-1])
    assert found.log10_change == pytest.approx(change)
    assert found.log10_factor == pytest.approx(change / 199)
    assert found.fate == ("explode" if change >= 1 else "live")
    assert found.log10_saturation is None and found.log10_linear_gain is None


@pytest.mark.parametrize("seed", range(20))
def test_a_driven_state_has_no_trend_in_two_of_its_samples(seed):
    cell = make_cell(rho=0.5, activation="linear", H=64)
    run = finished(cell, input_sequence("noise", 200, 2, seed=seed), torch.zeros(64))
    assert verdict(run).states.fate == "live"


def test_tanh_grows_into_its_bound_and_does_not_explode():
    cell = make_cell(rho=1.5, H=64)
    run = finished(cell, input_sequence("impulse", 200, 2, amplitude=1e-6), torch.zeros(64))
    assert verdict(run).states.fate == "live"


def test_tanh_network_above_radius_one_disagrees_with_its_radius():
    """ρ decides neither: activations that can't explode, gradients that vanish at ρ = 1.2."""
    cell = make_cell(H=64, D=1, rho=1.2, bias=0.0)
    found = verdict(finished(cell, input_sequence("noise", 200, 1), torch.zeros(64)))
    assert found.states.fate == "live" and found.gradients.fate == "vanish"
    assert 0.7 < 10**found.gradients.log10_factor < 0.85
    assert found.certificate.can_explode and not found.certificate.must_vanish


def test_certificate():
    """σ_max γ < 1 is a promise that the measurement keeps."""
    W = 0.45 * recurrent_matrix("gaussian", 32, gain=1.0).W
    found = verdict(finished(cell_from(W, activation="tanh"), torch.ones(200, 1), torch.zeros(32)))
    assert found.certificate.gamma == 1
    assert found.certificate.sigma_max < 1
    assert found.certificate.must_vanish and not found.certificate.can_explode
    assert found.gradients.fate == "vanish"


def test_delay_line_ends_at_zero():
    found = verdict(silent(cell_from(recurrent_matrix("delay_line", 5).W), torch.eye(5)[0], 30))
    assert (found.gradients.fate, found.gradients.zero_after) == ("zero", 5)
    assert (found.states.fate, found.states.zero_after) == ("zero", 4)
    assert found.gradients.log10_factor is None and found.gradients.log10_saturation is None
    assert found.gradients.steps_to_threshold == 5


@pytest.mark.parametrize(
    "logs, expected",
    [
        ([1.0], None),
        ([-math.inf] * 4, None),
        ([-math.inf, -math.inf, 0.5], None),
        ([-math.inf, 0.0, -1.0], "vanish"),  # a sine begins with 0
        ([0.0, 0.99], "live"),
        ([0.0, -5.0, 1.0], "explode"),
        ([0.0, -math.inf, 0.1], "live"),
        ([0.0, -1.0, -math.inf], "zero"),
    ],
)
def test_fates(logs, expected):
    assert quantity_fate(torch.tensor(logs), toward="end").fate == expected
    assert quantity_fate(torch.tensor(logs).flip(0), toward="start").fate == expected


def test_start_is_the_first_step_that_is_not_zero():
    found = quantity_fate(torch.tensor([-math.inf, 0.0, -1.0, -2.0]), toward="end")
    assert found.log10_factor == -1.0 and found.log10_change == -2.0


def test_a_loss_that_starts_at_zero_is_judged_from_the_first_gradient():
    """y_t = 0 over a dead tail: a squared loss sends nothing back from there."""
    grad_h = torch.tensor([0.5, 0.25, 0.0, -math.inf, -math.inf], dtype=torch.float64)
    found = diagnose(
        log10_norm_h=torch.zeros(5),
        log10_grad_h=grad_h,
        log10_saturation=torch.zeros(5),
        log10_linear_gain=torch.full((5,), -math.inf),
        loss_at="every",
        activation="linear",
        largest_singular_value=1.0,
        dtype=torch.float64,
    ).gradients
    assert (found.fate, found.start_after, found.log10_start) == ("live", 2, 0.0)
    assert found.log10_factor == pytest.approx(0.25)


def test_a_batch_is_judged_by_its_mean_logarithm():
    logs = torch.tensor([[0.0, -2.0], [0.0, -4.0], [0.0, -math.inf]])
    assert quantity_fate(logs, toward="end").log10_change == -3.0
    assert quantity_fate(logs[2:], toward="end").fate == "zero"


@pytest.mark.parametrize(
    "dtype, end, tiny", [(torch.float32, 38.5318, -44.8535), (torch.float64, 308.2547, -323.3062)]
)
def test_where_the_dtype_ends(dtype, end, tiny):
    found = verdict(silent(cell_from([[1.0]], dtype=dtype), torch.ones(1), 3)).float_end
    assert found.dtype == str(dtype).removeprefix("torch.")
    assert found.log10_max == pytest.approx(end, abs=1e-4)
    assert found.log10_tiny == pytest.approx(tiny, abs=1e-4)


@pytest.mark.parametrize("T", [1, 2, 50])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("W", [[[0.0]], [[0.5]], [[1e30]]])
def test_a_diagnosis_is_json(T, at, W):
    found = verdict(silent(cell_from(W), torch.ones(1), T), at)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["gradients"].keys() == {
        "log10_factor",
        "log10_change",
        "fate",
        "zero_after",
        "log10_start",
        "start_after",
        "log10_saturation",
        "log10_linear_gain",
        "threshold_log10",
        "steps_to_threshold",
    }


def test_refusals():
    with pytest.raises(ValueError, match=r"toward is unknown: got 'left'"):
        quantity_fate(torch.zeros(3), toward="left")
    with pytest.raises(ValueError, match=r"log10_norms has the wrong shape: got \(\)"):
        quantity_fate(torch.tensor(1.0), toward="end")
