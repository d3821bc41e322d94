"""What the last step's gradient leaves at every step by the gate that keeps, alone.

(Π_{s>t} f_s) ⊙ ∂L/∂c_T in an LSTM and (Π_{s>t} z_s) ⊙ ∂L/∂h_T in a GRU, all products by units:
sums of logarithms, so nothing ends and nothing cancels.
"""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import ln_slope
from rnncore.extended_range import LN_2, Exponents, Norms
from rnncore.gated.coefficients import cut, ln_sigmoid
from rnncore.gated.trajectory import GatedTrajectory


@final
class DirectPath:
    """The logarithms of the path, unit by unit, from the last step down.

    Args:
        trajectory: of a complete run.
        g: ∂ℓ_T/∂h_T / 2^m, (N, H) float64.
        m: (N,).
    """

    def __init__(self, trajectory: GatedTrajectory, g: Tensor, m: Exponents) -> None:
        self._trajectory = trajectory
        T = trajectory.steps
        self._ln = np.log(np.abs(_array(g))) + (m * LN_2)[:, None]
        if trajectory.c is not None:
            c_T = trajectory.gates(T - 1, T)["c"][0]
            a_o = trajectory.a[T - 1].chunk(4, dim=-1)[3]
            self._ln += _array(ln_sigmoid(a_o) + ln_slope("tanh", cut(c_T)))

    def log10_norms(self, t0: int, t1: int) -> Norms:
        """Of the steps [t0, t1), right below those asked for before, (t1 - t0, N)."""
        trajectory = self._trajectory
        gate = 1  # f of i f g o, and z of r z n
        H = trajectory.u.shape[-1]
        a = _array(cut(trajectory.a[t0:t1, :, gate * H : (gate + 1) * H]))
        # ln σ(a) as in `ln_sigmoid`; NumPy's are twice as fast.
        ln_kept = np.exp(-np.abs(a))
        np.log1p(ln_kept, out=ln_kept)
        np.subtract(np.minimum(a, 0.0), ln_kept, out=ln_kept)
        # Entry j: the logarithms of what the steps after t1 - 1 - j have left.
        left = torch.from_numpy(np.concatenate((self._ln[None], ln_kept[::-1]))).cumsum(0).numpy()
        self._ln, left = left[-1].copy(), left[:-1]
        top = left.max(axis=-1, keepdims=True)
        top[np.isneginf(top)] = 0.0
        left -= top
        np.exp(left, out=left)
        squares = np.einsum("tnh,tnh->tn", left, left)
        logs: Norms = (top[..., 0] + np.log(squares) / 2)[::-1] / np.log(10.0)
        return logs


def _array(values: Tensor) -> NDArray[np.float64]:
    return values.double().cpu().numpy()
