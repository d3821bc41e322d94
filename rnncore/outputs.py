"""The outputs y_t = W_hy h_t + b_y of a trajectory, also where h_t has left the dtype."""

from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.extended_range import Exponents, normalised, summed, times_power_of_two
from rnncore.readout import Readout
from rnncore.run import StoredStates


@final
class Outputs:
    """Storage of y, (T, N, O), filled as the states appear."""

    def __init__(self, readout: Readout, trajectory: StoredStates) -> None:
        self.readout = readout
        self._trajectory = trajectory
        self._W_hyT, self._b_y = readout.W_hy.detach().mT, readout.b_y.detach()
        self.y = trajectory.u.new_empty(trajectory.steps, trajectory.rows, readout.output_size)
        # Up to this ‖h‖ no sum in the product can overflow.
        self._safe_norm = torch.finfo(self.y.dtype).max / 4 / max(1.0, readout.largest_sum)

    def fill(self, t0: int, t1: int) -> None:
        """y of the steps [t0, t1), from h_{t0+1} … h_{t1}."""
        trajectory = self._trajectory
        norm = trajectory.norm[t0 + 1 : t1 + 1]
        if trajectory.exponents[t0 + 1 : t1 + 1].any() or not (norm <= self._safe_norm).all():
            z, k = directed_output(self.readout, trajectory, t0, t1)
            self.y[t0:t1] = times_power_of_two(z, k) + self._b_y
            return
        # The product first, then the bias, as above: a row gets the same bits either way.
        h, y = trajectory.u[t0 + 1 : t1 + 1].flatten(0, 1), self.y[t0:t1].flatten(0, 1)
        torch.mm(h, self._W_hyT, out=y).add_(self._b_y)

    def shown(self, t0: int, t1: int, shows: bool) -> Tensor:
        """y of the steps [t0, t1), (t1 - t0, N, O), or no columns of it."""
        return self.y[t0:t1] if shows else self.y[t0:t1, :, :0]


def directed_output(
    readout: Readout, trajectory: StoredStates, t0: int, t1: int
) -> tuple[Tensor, Exponents]:
    """W_hy h of the steps [t0, t1) as z · 2ᵏ: (t1 - t0, N, O) and k (t1 - t0, N)."""
    # The direction has a norm below 1, so no product in it overflows.
    u, k = normalised(trajectory.u[t0 + 1 : t1 + 1], trajectory.exponents[t0 + 1 : t1 + 1])
    return u @ readout.W_hy.detach().mT, k


def extended_output(
    readout: Readout, trajectory: StoredStates, t0: int, t1: int
) -> tuple[Tensor, Exponents]:
    """y of the steps [t0, t1) as z · 2ᵏ, normalised; shapes as of `directed_output`."""
    z, k = normalised(*directed_output(readout, trajectory, t0, t1))
    return summed([(z, k), normalised(readout.b_y.detach().expand_as(z), np.zeros_like(k))])


def below_largest(
    readout: Readout, trajectory: StoredStates, t0: int, t1: int
) -> Tensor:  # (t1 - t0, N, O) float64
    """y less its largest entry, for the steps [t0, t1): 0 there, and -inf beyond float64."""
    z, k = extended_output(readout, trajectory, t0, t1)
    z = z.double()
    return times_power_of_two(z - z.amax(dim=-1, keepdim=True), k)
