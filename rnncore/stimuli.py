"""What drives the network: input sequences x and initial states h_0."""

from math import pi
from typing import Final, Literal

import torch
from torch import Tensor

from rnncore.checks import (
    ArgumentError,
    checked_choice,
    checked_count,
    checked_finite,
    checked_number,
)
from rnncore.ensembles import checked_seed, seeded_generator

InputKind = Literal["impulse", "constant", "sine", "noise", "silence", "values"]
INPUTS: Final[tuple[InputKind, ...]] = (
    "impulse",
    "constant",
    "sine",
    "noise",
    "silence",
    "values",
)
InitialStateKind = Literal["zeros", "random", "values"]
INITIAL_STATES: Final[tuple[InitialStateKind, ...]] = ("zeros", "random", "values")


def input_sequence(
    kind: InputKind,
    steps: int,
    input_size: int,
    *,
    amplitude: float = 1.0,
    seed: int = 2,
    period: float = 20.0,
    values: object = None,
    batch_size: int | None = None,
) -> Tensor:
    """An input sequence x, (T, D) float64, or (B, T, D) for a batch.

    With A the amplitude and k = 0 … T-1: impulse is A at k = 0; constant is A; sine is
    A sin(2πk/period); noise is N(0, A²); silence is 0; values are given. All but noise and
    values drive every component alike and every item of a batch alike.

    Args:
        kind: one of the above.
        steps: T.
        input_size: D.
        amplitude: A, any finite number; not used by silence and values.
        seed: of the noise. Item 0 of a batch is the noise drawn without a batch.
        period: of the sine, in steps, above 0.
        values: (T, D) numbers, or (B, T, D) for a batch, when `kind` is "values".
        batch_size: B; None for no batch axis.

    Raises:
        ValueError: an unknown kind, a size below 1, a number out of range, or values that are
            missing, of the wrong shape or not finite.

    >>> input_sequence("impulse", 3, 1, amplitude=2.0).flatten().tolist()
    [2.0, 0.0, 0.0]
    """
    checked_choice("kind", kind, INPUTS)
    checked_count("steps", steps)
    checked_count("input_size", input_size)
    checked_number("amplitude", amplitude)
    checked_number("period", period, above=0.0)
    generator = seeded_generator(checked_seed("seed", seed))
    shape = (steps, input_size)
    if kind == "values":
        return _given(values, shape, batch_size)
    if kind == "noise":
        return amplitude * _draws(shape, batch_size, generator)
    x = torch.zeros(shape, dtype=torch.float64)
    if kind == "impulse":
        x[0] = amplitude
    elif kind == "constant":
        x[:] = amplitude
    elif kind == "sine":
        # The phase is reduced to one period first, so step 10⁶ is as accurate as step 1.
        phase = torch.remainder(torch.arange(steps, dtype=torch.float64), period) / period
        x[:] = (amplitude * torch.sin(2 * pi * phase)).unsqueeze(-1)
    return _repeated(x, batch_size)


def initial_state(
    kind: InitialStateKind,
    hidden_size: int,
    *,
    seed: int = 5,
    scale: float = 1.0,
    values: object = None,
    batch_size: int | None = None,
) -> Tensor:
    """An initial state h_0, (H,) float64, or (B, H) for a batch.

    Args:
        kind: "zeros", "random" for scale · N(0, 1), or "values".
        hidden_size: H.
        seed: of the draw. Item 0 of a batch is the state drawn without a batch.
        scale: of the draw, 0 or more.
        values: (H,) numbers, or (B, H) for a batch, when `kind` is "values".
        batch_size: B; None for no batch axis.

    Raises:
        ValueError: an unknown kind, a size below 1, a number out of range, or values that are
            missing, of the wrong shape or not finite.
    """
    checked_choice("kind", kind, INITIAL_STATES)
    checked_count("hidden_size", hidden_size)
    checked_number("scale", scale, least=0.0)
    generator = seeded_generator(checked_seed("seed", seed))
    if kind == "values":
        return _given(values, (hidden_size,), batch_size)
    if kind == "random":
        return scale * _draws((hidden_size,), batch_size, generator)
    return _repeated(torch.zeros(hidden_size, dtype=torch.float64), batch_size)


def _draws(shape: tuple[int, ...], batch_size: int | None, generator: torch.Generator) -> Tensor:
    if batch_size is None:
        return torch.randn(shape, generator=generator, dtype=torch.float64)
    checked_count("batch_size", batch_size)
    # One draw an item: a single large draw is laid out differently and would not begin with
    # the bits of the unbatched one.
    items = [
        torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(batch_size)
    ]
    return torch.stack(items)


def _repeated(item: Tensor, batch_size: int | None) -> Tensor:
    if batch_size is None:
        return item
    checked_count("batch_size", batch_size)
    return item.expand(batch_size, *item.shape).clone()


def _given(values: object, shape: tuple[int, ...], batch_size: int | None) -> Tensor:
    if values is None:
        raise ArgumentError("values", "is missing", got="nothing", expected=f"shape {shape}")
    try:
        given = torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            "values", "is not an array of numbers", got=error, expected=f"shape {shape}"
        ) from error
    checked_finite("values", given)
    if given.shape == shape:
        return _repeated(given.clone(), batch_size)
    if batch_size is not None and given.shape == (batch_size, *shape):
        return given.clone()
    expected = f"shape {shape}"
    if batch_size is not None:
        expected += f" or {(batch_size, *shape)}"
    raise ArgumentError("values", "has the wrong shape", got=tuple(given.shape), expected=expected)
