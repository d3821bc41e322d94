"""The Elman cell, h_t = φ(W_xh x_t + W_hh h_{t-1} + b_h)."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from rnncore.activations import ACTIVATIONS, Activation, phi, slope
from rnncore.checks import (
    ArgumentError,
    checked_choice,
    checked_finite,
    checked_shape,
)


class ElmanCotangents(NamedTuple):
    """What one step hands back when it is differentiated."""

    h: Tensor  # (…, H), ∂L/∂h_{t-1}
    x: Tensor  # (…, D), ∂L/∂x_t
    a: Tensor  # (…, H), ∂L/∂a_t; the weight gradients are its outer products with h_{t-1}, x_t


@final
@dataclass(frozen=True, eq=False)
class ElmanCell:
    """The weights of an Elman cell and its step: the readable reference of the fast rollout.

    All methods take leading batch axes and can be differentiated by autograd.

    Args:
        W_xh: input weights, (H, D).
        W_hh: recurrent weights, (H, H).
        b_h: bias, (H,).
        activation: "tanh", "relu" or "linear".

    Raises:
        ValueError: shapes, dtypes or devices disagree, a weight is not finite, the activation
            is unknown, or the sum of a row or column of |W_hh| overflows the dtype.

    Reference: Elman (1990), "Finding structure in time".

    >>> cell = ElmanCell(torch.ones(1, 1), torch.full((1, 1), 0.5), torch.zeros(1), "linear")
    >>> cell.step(torch.tensor([1.0]), torch.tensor([4.0]))
    tensor([3.])
    """

    W_xh: Tensor
    W_hh: Tensor
    b_h: Tensor
    activation: Activation = "tanh"

    def __post_init__(self) -> None:
        checked_choice("activation", self.activation, ACTIVATIONS)
        check_weights({"W_hh": self.W_hh, "W_xh": self.W_xh, "b_h": self.b_h})
        checked_shape("b_h", self.b_h, ("H",))
        H = self.b_h.shape[-1]
        checked_shape("W_hh", self.W_hh, (H, H))
        checked_shape("W_xh", self.W_xh, (H, "D"))
        check_sums("W_hh", self.W_hh)

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.W_xh.shape[0]

    @property
    def input_size(self) -> int:
        """D."""
        return self.W_xh.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the run: that of the weights."""
        return self.W_hh.dtype

    @property
    def device(self) -> torch.device:
        """Where the run is computed: where the weights are."""
        return self.W_hh.device

    def preactivation(self, x_t: Tensor, h: Tensor) -> Tensor:
        """a_t = W_xh x_t + W_hh h_{t-1} + b_h: (…, D), (…, H) → (…, H)."""
        return x_t @ self.W_xh.mT + h @ self.W_hh.mT + self.b_h

    def step(self, x_t: Tensor, h: Tensor) -> Tensor:
        """h_t = φ(a_t): (…, D), (…, H) → (…, H)."""
        return phi(self.activation, self.preactivation(x_t, h))

    def vjp(self, a: Tensor, cotangent: Tensor) -> ElmanCotangents:
        """The adjoint of the step: ∂L/∂h_t → ∂L/∂h_{t-1}, ∂L/∂x_t, ∂L/∂a_t.

        ∂L/∂a_t = φ'(a_t) ⊙ ∂L/∂h_t, ∂L/∂h_{t-1} = W_hhᵀ ∂L/∂a_t, ∂L/∂x_t = W_xhᵀ ∂L/∂a_t.

        Args:
            a: the preactivation a_t, (…, H).
            cotangent: ∂L/∂h_t, (…, H).
        """
        grad_a = slope(self.activation, a) * cotangent
        return ElmanCotangents(h=grad_a @ self.W_hh, x=grad_a @ self.W_xh, a=grad_a)

    def state_jacobian(self, a: Tensor) -> Tensor:
        """J_t = ∂h_t/∂h_{t-1} = diag(φ'(a_t)) W_hh: (…, H) → (…, H, H)."""
        return slope(self.activation, a).unsqueeze(-1) * self.W_hh


def check_weights(weights: dict[str, Tensor]) -> None:
    """Refuses weights that are not finite, or not of one floating dtype on one device."""
    first_name, first = next(iter(weights.items()))
    for name, weight in weights.items():
        if weight.dtype not in (torch.float32, torch.float64):
            raise ArgumentError(
                name, "has the wrong dtype", got=weight.dtype, expected="float32 or float64"
            )
        if (weight.dtype, weight.device) != (first.dtype, first.device):
            raise ArgumentError(
                name,
                f"does not match {first_name}",
                got=f"{weight.dtype} on {weight.device}",
                expected=f"{first.dtype} on {first.device}",
            )
        checked_finite(name, weight)


def check_sums(name: str, W: Tensor) -> float:
    """The largest sum of |W| over a row or a column: what W can make of a unit vector at most.

    Refused where it overflows the dtype, with a factor of 4 to spare for its own rounding and
    for the drive that is added to the product.
    """
    magnitudes = W.detach().to(torch.float64).abs()
    largest = max(float(magnitudes.sum(dim=axis).amax()) for axis in (-1, -2)) if W.numel() else 0.0
    limit = torch.finfo(W.dtype).max / 4
    if not largest < limit:
        dtype = str(W.dtype).removeprefix("torch.")
        raise ArgumentError(
            f"the sum of |{name}| over a row or column",
            "is too large",
            got=f"{largest:.6g}",
            expected=f"less than {limit:.2g}, a quarter of what {dtype} holds",
            advice="Make the weights smaller"
            + (", or use float64." if dtype == "float32" else "."),
        )
    return largest
