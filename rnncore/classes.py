"""The outputs as scores of classes: what a network says next, with what probability."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import ArgumentError, checked_number
from rnncore.outputs import below_largest
from rnncore.readout import Readout
from rnncore.run import StoredStates

Scores = NDArray[np.float64]
Classes = NDArray[np.int64]


class ReadRun(Protocol):
    """A run whose outputs are scores of classes."""

    @property
    def readout(self) -> Readout: ...
    @property
    def trajectory(self) -> StoredStates: ...


def class_probabilities(y: Tensor, temperature: float = 1.0) -> Tensor:
    """p = softmax(y / τ) along the last axis, (…, O) float64.

    Args:
        y: outputs, (…, O) with O of 1 or more; entries may be infinite. Beside +inf all finite
            entries have probability 0, and several +inf share it; where all are -inf they are
            equal.
        temperature: τ, 0 or more. 0 is the limit: 1 for the largest output, the first of those
            that are equal. From there a rising τ levels the probabilities.

    Raises:
        ValueError: the temperature is negative or not finite, y is a single number, has no classes
            or holds NaN.

    >>> class_probabilities(torch.tensor([0.0, 0.0, 3.0]), 0.0).tolist()
    [0.0, 0.0, 1.0]
    """
    checked_number("temperature", temperature, least=0.0)
    if y.ndim == 0 or y.shape[-1] == 0:
        raise ArgumentError(
            "y", "has no classes", got=tuple(y.shape), expected="(…, O), O 1 or more"
        )
    if bool(y.isnan().any()):
        raise ArgumentError("y", "is not a number", got="NaN", expected="numbers, also infinite")
    scores = y.detach().double()
    top = scores.amax(dim=-1, keepdim=True)
    # An infinity less itself would be NaN.
    gaps = torch.where(scores == top, 0.0, scores - top).cpu().numpy()
    return torch.from_numpy(probabilities(gaps, temperature)).to(y.device)


def output_probabilities(rollout: ReadRun, t0: int, t1: int, temperature: float = 1.0) -> Tensor:
    """softmax(y_t / τ) of the steps [t0, t1) of a run, (…, t1 - t0, O) float64.

    Right also where y_t has left the dtype, where `class_probabilities` sees only infinities: from
    the outputs that draws and losses are made of.

    Raises:
        ValueError: the temperature is negative or not finite.
    """
    checked_number("temperature", temperature, least=0.0)
    trajectory = rollout.trajectory
    gaps = below_largest(rollout.readout, trajectory, t0, t1)
    p = torch.from_numpy(probabilities(gaps.cpu().numpy(), temperature))
    return trajectory.sequences(p.to(gaps.device))


def probabilities(gaps: Scores, temperature: float) -> Scores:
    """softmax(y / τ) from y less its largest entry, (…, O): 0 there, or below down to -inf."""
    if temperature == 0.0:
        result = np.zeros_like(gaps)
        np.put_along_axis(result, gaps.argmax(axis=-1)[..., None], 1.0, axis=-1)
        return result
    with np.errstate(over="ignore", under="ignore"):
        result = np.exp(gaps / temperature)
    result /= result.sum(axis=-1, keepdims=True)
    return result


def drawn(p: Scores, uniform: Scores) -> Classes:
    """The class at which the distribution function passes a number from [0, 1).

    Args:
        p: probabilities, (N, O).
        uniform: (N,).

    Returns:
        classes, (N,), none with probability 0.
    """
    passed = np.cumsum(p, axis=-1)
    # A sum that rounding leaves below 1 must not let the largest numbers fall beyond the end.
    below = (passed <= (uniform * passed[:, -1])[:, None]).sum(axis=-1)
    last = p.shape[-1] - 1 - (p[:, ::-1] > 0).argmax(axis=-1)
    classes: Classes = np.minimum(below, last)
    return classes
