import numpy as np
import pytest
import torch

from rnncore import (
    INPUTS,
    gaussian_bias,
    gaussian_weights,
    initial_state,
    input_sequence,
)


def test_weights_are_scaled_by_their_fan_in():
    W = gaussian_weights(200, 100, scale=2.0, seed=1)
    assert W.dtype == torch.float64 and W.shape == (200, 100)
    assert (W.square().mean() * 100).item() == pytest.approx(4, rel=0.03)
    assert torch.equal(W, 2 * gaussian_weights(200, 100, scale=1.0, seed=1))


def test_bias():
    b = gaussian_bias(10_000, scale=0.5, seed=3)
    assert b.square().mean().item() == pytest.approx(0.25, rel=0.05)
    assert not gaussian_bias(4, scale=0.0, seed=3).any()


def test_impulse_constant_sine_and_silence_drive_all_components():
    impulse, constant, sine, silence = (
        input_sequence(kind, 50, 3, amplitude=2.0)
        for kind in ("impulse", "constant", "sine", "silence")
    )
    assert impulse[0].tolist() == [2, 2, 2] and not impulse[1:].any()
    assert (constant == 2).all() and not silence.any()
    expected = 2 * np.sin(2 * np.pi * np.arange(50) / 20)
    np.testing.assert_allclose(sine, np.stack([expected] * 3, axis=1), atol=1e-14)


def test_sine_of_another_period_stays_exact_after_a_million_steps():
    sine = input_sequence("sine", 1_000_001, 1, period=8.0)
    assert sine[1_000_000].item() == 0.0 and sine[999_994].item() == 1.0


def test_noise_has_the_amplitude_as_its_deviation():
    noise = input_sequence("noise", 20_000, 2, amplitude=3.0, seed=9)
    assert noise.std().item() == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize("steps, size", [(1, 1), (7, 3), (100, 2)])
def test_first_item_of_a_batch_of_noise_is_the_unbatched_draw(steps, size):
    batch = input_sequence("noise", steps, size, batch_size=4)
    assert torch.equal(batch[0], input_sequence("noise", steps, size))
    assert len({item.sum().item() for item in batch}) == 4
    states = initial_state("random", steps, batch_size=3)
    assert torch.equal(states[0], initial_state("random", steps))


@pytest.mark.parametrize("kind", INPUTS)
def test_shapes(kind):
    values = [[0.0, 1.0]] * 5 if kind == "values" else None
    assert input_sequence(kind, 5, 2, values=values).shape == (5, 2)
    assert input_sequence(kind, 5, 2, values=values, batch_size=3).shape == (3, 5, 2)
    assert input_sequence(kind, 5, 2, values=values).dtype == torch.float64


def test_given_values_are_copied():
    values = torch.ones(3, 1, dtype=torch.float64)
    x = input_sequence("values", 3, 1, values=values)
    values[:] = 5
    assert x.sum() == 3


def test_initial_states():
    assert not initial_state("zeros", 4).any()
    assert initial_state("values", 2, values=[1.0, -2.0]).tolist() == [1, -2]
    drawn = initial_state("random", 10_000, scale=0.1)
    assert drawn.std().item() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kind": "square"}, r"kind is unknown: got 'square'"),
        ({"steps": 0}, r"steps is out of range: got 0"),
        ({"amplitude": float("inf")}, r"amplitude is not finite"),
        (
            {"kind": "sine", "period": 0.0},
            r"period is out of range: got 0\.0; expected a finite number above 0",
        ),
        ({"kind": "values"}, r"values is missing"),
        (
            {"kind": "values", "values": [[1.0]]},
            r"values has the wrong shape: got \(1, 1\); expected shape \(2, 1\)",
        ),
        ({"kind": "values", "values": [["a"]]}, r"values is not an array of numbers"),
        ({"kind": "values", "values": [[1.0], [float("nan")]]}, r"values is not finite: got nan"),
        ({"batch_size": 0}, r"batch_size is out of range: got 0"),
    ],
)
def test_wrong_inputs_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        input_sequence(**({"kind": "noise", "steps": 2, "input_size": 1} | arguments))
