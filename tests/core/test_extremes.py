"""Where floating point ends, the log-norms go on, and nothing is ever NaN."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncore import (
    ElmanCell,
    LinearLoss,
    MeanSquaredLoss,
    Readout,
    gaussian_weights,
    initial_state,
    input_sequence,
    loss_direction,
    rollout,
)
from tests.core.builders import cell_from, finished, make_cell, silent, swept
from tests.core.slow import exact_log10_norms, log_domain_norms

DTYPES = [torch.float32, torch.float64]


def log10_norms(run):
    return run.log10_norm_h.tolist()


# Against integer arithmetic, which has neither rounding nor range


@pytest.mark.parametrize("activation", ["relu", "linear"])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("rho", [0.2, 1.0, 8.0])
def test_driven_network_is_exact_far_beyond_the_dtype(activation, dtype, tolerance, rho):
    """Bias, input and initial state included; relative to the exponent's own size."""
    cell = make_cell(H=3, activation=activation, rho=rho, seed=2, dtype=dtype)
    x, h_0 = input_sequence("noise", 500, 2).to(dtype), initial_state("random", 3).to(dtype)
    expected = exact_log10_norms(cell, x, h_0)
    assert max(expected) < 2 or expected[-1] > 320  # lives by its drive, or leaves float64
    assert log10_norms(finished(cell, x, h_0)) == pytest.approx(
        expected, rel=tolerance, abs=tolerance
    )


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_relu_at_twice_the_radius_overflows_and_its_norm_goes_on(dtype, tolerance):
    W = torch.tensor([[1.2, 0.9, -0.3], [0.7, 1.1, 0.4], [-0.2, 0.5, 0.8]], dtype=torch.float64)
    W = 2 * W / torch.linalg.eigvals(W).abs().max()
    cell = cell_from(W, activation="relu", dtype=dtype)
    x = input_sequence("impulse", 2000, 1).to(dtype)
    run = finished(cell, x, torch.zeros(3))
    expected = exact_log10_norms(cell, x, torch.zeros(3))
    assert log10_norms(run) == pytest.approx(expected, rel=tolerance)
    log10_max = math.log10(torch.finfo(dtype).max)
    first = run.first_nonfinite_step
    assert next(t for t, e in enumerate(expected) if e > log10_max) <= first
    (chunk,) = run.states(bounds=[(0, 2000)])
    assert torch.isinf(chunk.h[-1]).any() and not chunk.h.isnan().any()
    assert chunk.h.isfinite().all(dim=-1)[:first].all() and torch.isinf(chunk.h[first]).any()


@pytest.mark.parametrize("activation", ["relu", "linear"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_return_from_the_depths_when_driven_again(activation, dtype):
    cell = cell_from([[0.25, 0.0], [0.125, 0.5]], activation=activation, dtype=dtype)
    x = torch.zeros(4000, 1, dtype=dtype)
    x[0], x[3000], x[3900] = 1.0, 2.0**-60, 3.0
    run = finished(cell, x, torch.zeros(2))
    assert log10_norms(run) == pytest.approx(
        exact_log10_norms(cell, x, torch.zeros(2)), rel=1e-6, abs=1e-6
    )
    assert min(log10_norms(run)) < -900


# tanh


def test_tanh_dies_past_the_end_of_float32_alike_in_both_dtypes():
    """ρ = .5, impulse, H = 64: ‖h_200‖ ≈ 2e-60, far below float32's last number 1e-45."""
    ends = []
    for dtype in DTYPES:
        cell = make_cell(H=64, D=1, rho=0.5, bias=0.0, dtype=dtype)
        ends.append(finished(cell, input_sequence("impulse", 200, 1), torch.zeros(64)).log10_norm_h)
    assert -61 < ends[1][-1] < -59
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_wakes_up_again(dtype):
    """Asleep at 1e-1000 it is stepped without its tanh; a growing state must get it back."""
    cell = cell_from([[0.1]], activation="tanh", dtype=dtype)
    growing = cell_from([[30.0]], activation="tanh", dtype=dtype)
    asleep = silent(cell, torch.tensor([1.0]), 1000)
    assert asleep.log10_norm_h[-1].item() == pytest.approx(-1000, abs=0.3)
    tiny = 2.0 ** (-149 if dtype == torch.float32 else -1074)
    awake = silent(growing, torch.tensor([tiny], dtype=torch.float64), 1000)
    expected, h = [], tiny
    for _ in range(1000):
        h = math.tanh(30.0 * h)
        expected.append(math.log10(h))
    # The first factors of 30 are exact in no dtype of subnormal numbers but in ours.
    assert log10_norms(awake)[-1] == pytest.approx(expected[-1], abs=1e-12)
    assert log10_norms(awake)[0] == pytest.approx(math.log10(tiny) + math.log10(30), abs=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_takes_an_enormous_initial_state(dtype):
    """W_hh h_0 is +∞ - ∞ in the dtype and yet has a sign."""
    huge = float(torch.finfo(dtype).max)
    cell = cell_from([[2.0, -2.0], [4.0, -4.0]], activation="tanh", dtype=dtype)
    run = silent(cell, torch.tensor([huge, huge / 2], dtype=torch.float64), 3)
    (chunk,) = run.states(bounds=[(0, 3)])
    assert chunk.h[0].tolist() == [1, 1]
    assert swept(run).log10_saturation.isfinite().all()


# Saturation


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("amplitude", [30.0, 373.0, 1e4, 1e30])
def test_gradients_through_a_saturated_network(dtype, amplitude):
    """ln d itself is carried: sech²(373) underflows even in float64."""
    cell = cell_from([[0.5, 0.25], [0.125, 0.5]], activation="tanh", dtype=dtype)
    run = finished(cell, input_sequence("constant", 20, 1, amplitude=amplitude), torch.zeros(2))
    loss = LinearLoss(torch.tensor([0.6, 0.8]))
    found = swept(run, loss)
    ln_d = math.log(4) - 2 * (run.trajectory.a[:, 0].double().abs())
    top, delta, expected = 0.0, torch.tensor([0.6, 0.8], dtype=torch.float64), []
    for t in range(19, -1, -1):
        expected.append((top + math.log(delta.norm())) / math.log(10))
        top += ln_d[t].max().item()
        delta = cell.W_hh.double().T @ ((ln_d[t] - ln_d[t].max()).exp() * delta)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert found.log10_grad_h.tolist()[::-1] == pytest.approx(expected, rel=tolerance, abs=1e-6)
    assert found.log10_linear_gain.abs().max() < 1


def test_one_unit_alive_among_saturated_ones():
    """The gradient sits on a unit whose slope is e^-800 of its neighbour's."""
    cell = ElmanCell(torch.tensor([[400.0], [0.0]]), torch.eye(2), torch.zeros(2), "tanh")
    run = finished(cell, input_sequence("impulse", 3, 1), torch.zeros(2))
    found = swept(run, LinearLoss(torch.tensor([1.0, 0.0])))
    through = run.trajectory.a[:, 0, 0].double()
    expected = (math.log(4) - 2 * through - 2 * torch.log1p(torch.exp(-2 * through))) / math.log(10)
    torch.testing.assert_close(found.log10_saturation, expected, rtol=1e-6, atol=1e-6)
    assert found.log10_saturation[0] < -340


# Exact zeros


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_comes_of_nothing(activation, dtype):
    cell = make_cell(H=4, activation=activation, rho=0.0, bias=0.0, dtype=dtype)
    run = finished(cell, torch.zeros(300, 2), torch.zeros(4))
    assert torch.isneginf(run.log10_norm_h).all()
    assert run.first_zero_step == 0 and run.first_nonfinite_step is None
    found = swept(run)
    assert found.log10_grad_h[-1].item() == pytest.approx(0, abs=1e-7)
    assert torch.isneginf(found.log10_grad_h[:-1]).all()
    assert (
        torch.isneginf(found.log10_grad_W_hh).all() and torch.isneginf(found.log10_grad_W_xh).all()
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_underflow_is_no_zero(dtype):
    """h falls from 1e-20 to 1e-70 in one step, past the end of float32; then W = 0 for good."""
    tiny = 1e-30 if dtype == torch.float32 else 1e-200
    run = silent(cell_from([[tiny]], dtype=dtype), torch.tensor([tiny], dtype=torch.float64), 5)
    assert log10_norms(run) == pytest.approx(
        [(k + 2) * math.log10(tiny) for k in range(5)], rel=1e-6
    )
    assert run.first_zero_step is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_beyond_the_dtype(dtype):
    """y follows W_hy u: ±∞ by its sign, the bias where nothing comes, never NaN."""
    cell = cell_from([[8.0, 0.0], [0.0, 8.0]], dtype=dtype)
    W_hy = torch.tensor([[1.0, 1.0], [-1.0, 0.0], [1.0, -1.0], [0.0, 0.0]], dtype=dtype)
    readout = Readout(W_hy, torch.full((4,), 0.5, dtype=dtype))
    found = rollout(cell, torch.zeros(2000, 1), torch.ones(2), readout)
    assert found.y[-1].tolist() == [math.inf, -math.inf, 0.5, 0.5]
    assert found.h[-1].tolist() == [math.inf, math.inf]


# Anything goes

magnitudes = st.sampled_from([0.0, 1e-300, 1e-38, 1e-20, 0.5, 1.0, 2.0, 1e3, 1e18, 1e30, 1e250])


@settings(max_examples=150, deadline=None)
@given(
    activation=st.sampled_from(["tanh", "relu", "linear"]),
    dtype=st.sampled_from(DTYPES),
    gain=magnitudes,
    drive=magnitudes,
    start=magnitudes,
    out=magnitudes,
    kind=st.sampled_from(["impulse", "noise", "silence"]),
    H=st.sampled_from([1, 3]),
    batch=st.sampled_from([None, 2]),
    at=st.sampled_from(["last", "every"]),
    squared=st.booleans(),
)
def test_nothing_is_ever_nan(
    activation, dtype, gain, drive, start, out, kind, H, batch, at, squared
):
    def draw(rows, columns, scale, seed):
        # Beyond float32 a number would be refused; here it is brought to its end.
        largest = float(torch.finfo(dtype).max) / 1e3
        return gaussian_weights(rows, columns, scale=min(scale, largest / 5), seed=seed).to(dtype)

    cell = ElmanCell(
        draw(H, 1, 1.0, 1), draw(H, H, gain, 2), torch.zeros(H, dtype=dtype), activation
    )
    readout = Readout(draw(1, H, out, 3), torch.zeros(1, dtype=dtype))
    x = min(drive, 1e30) * input_sequence(kind, 25, 1, batch_size=batch)
    h_0 = min(start, 1e30) * initial_state("random", H, batch_size=batch)
    run = finished(cell, x, h_0, readout)
    (chunk,) = run.states(bounds=[(0, 25)])
    loss = (
        MeanSquaredLoss(torch.ones(1), readout, at)
        if squared
        else LinearLoss(loss_direction(H), at)
    )
    for found in (chunk, swept(run, loss)):
        for name, value in vars(found).items():
            if isinstance(value, torch.Tensor):
                assert not value.isnan().any(), name
                assert not name.startswith("log10") or not torch.isposinf(value).any(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("at", ["last", "every"])
def test_one_saturated_step_swallows_no_other(dtype, at):
    """φ(1e3) = φ(1e30) = 1: all later states are the same, and so are all gradients down to h_1."""
    cell = make_cell(H=8, D=1, bias=0.0, dtype=dtype)
    loss = LinearLoss(loss_direction(8), at)
    found = [
        swept(finished(cell, input_sequence("impulse", 60, 1, amplitude=a), torch.zeros(8)), loss)
        for a in (1e5, 1e30)
    ]
    assert torch.equal(found[0].log10_grad_h, found[1].log10_grad_h)
    assert found[1].log10_saturation[0] < -1e28
    assert -3 < found[1].log10_linear_gain[0] < 3


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_drive_is_not_lost_beside_an_enormous_state_that_goes_nowhere(activation, dtype):
    huge, tiny = (1e30, 1e-31) if dtype == torch.float32 else (1e250, 1e-250)
    cell = cell_from([[0.0]], activation=activation, dtype=dtype)
    x = torch.full((3, 1), tiny, dtype=torch.float64)
    run = finished(cell, x, torch.tensor([huge], dtype=torch.float64))
    assert log10_norms(run) == pytest.approx([math.log10(tiny)] * 3, rel=1e-7)


@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(DTYPES),
    at=st.sampled_from(["last", "every"]),
    H=st.sampled_from([1, 2, 3]),
    rho=st.sampled_from([1e-9, 0.5, 3.0, 1e6]),
    amplitude=st.sampled_from([0.0, 1.0, 30.0, 1e3, 1e30]),
    silence=st.sampled_from([0.0, 0.5, 0.9]),
    one_sided=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_backward_sweep_in_logarithms(dtype, at, H, rho, amplitude, silence, one_sided, seed):
    """Against numbers kept as logarithms: saturated, awake and asleep steps in any order."""
    generator = torch.Generator().manual_seed(seed)
    cell = make_cell(H=H, D=1, rho=rho, seed=seed, bias=0.0, dtype=dtype)
    x = torch.randn(40, 1, generator=generator, dtype=torch.float64) * amplitude
    x[torch.rand(40, 1, generator=generator) < silence] = 0.0
    run = finished(cell, x, initial_state("random", H, seed=seed))
    # On one unit alone the gradient may meet a slope far below its neighbours'.
    loss = LinearLoss(torch.eye(H)[0] if one_sided else loss_direction(H), at)
    found, expected = swept(run, loss), log_domain_norms(cell, run.trajectory.a[:, 0], loss)
    # Sums may cancel, and float32 leaves few digits then.
    tolerance = 2e-3 if dtype == torch.float32 else 1e-9
    for name, values in vars(expected).items():
        close = pytest.approx(values, rel=tolerance, abs=tolerance)
        assert getattr(found, f"log10_{name}").tolist() == close, name


def test_tanh_is_back_before_it_is_missed():
    """Growing from below float64's band: where a² is no longer nothing, the step is a tanh."""
    h_0 = torch.tensor([2.0**-470], dtype=torch.float64)
    run = silent(cell_from([[1.5]], activation="tanh"), h_0, 1000)
    h, expected = 2.0**-470, []
    for _ in range(1000):
        h = math.tanh(1.5 * h)
        expected.append(math.log10(h))
    assert log10_norms(run) == pytest.approx(expected, rel=1e-12, abs=1e-12)
