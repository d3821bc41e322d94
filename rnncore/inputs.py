"""The inputs of a run as its steps have them: those given, then the outputs fed back."""

from typing import final

import torch
from torch import Tensor

from rnncore.outputs import Outputs, extended_output
from rnncore.run import FedRun


@final
class Inputs:
    """Fills in x_{t+1} = y_t as the outputs appear.

    In the storage they are x[t] · 2^input_exponents[t]: the shares of W_xh ask for directions and
    norms, also where y has left the dtype.
    """

    def __init__(self, trajectory: FedRun, outputs: Outputs) -> None:
        self._trajectory = trajectory
        self._outputs = outputs

    def feed_back(self, t0: int, t1: int) -> None:
        """Takes the outputs of steps [t0, t1) for the inputs of the steps right after them."""
        trajectory = self._trajectory
        start, end = max(t0 + 1, trajectory.fed), min(t1 + 1, trajectory.steps)
        if start >= end:
            return
        y, k = extended_output(self._outputs.readout, trajectory, start - 1, end - 1)
        trajectory.x[start:end], trajectory.input_exponents[start:end] = y, k

    def realised(self, t0: int, t1: int) -> Tensor:
        """x of steps [t0, t1), (t1 - t0, N, D), ±inf where it is beyond the dtype."""
        trajectory = self._trajectory
        fed = min(max(trajectory.fed, t0), t1)
        if fed == t1:
            return trajectory.x[t0:t1]
        return torch.cat((trajectory.x[t0:fed], self._outputs.y[fed - 1 : t1 - 1]))
