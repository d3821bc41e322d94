"""The activation functions φ, their slopes φ', and the logarithm of the slope.

Slopes are computed from the preactivation `a`, never from `h = φ(a)`: `1 - tanh(a)²` is
exactly 0 from |a| ≈ 9 in float32 (19 in float64), where the true slope is 6e-8.
"""

from typing import Literal

import torch
from torch import Tensor

from rnncore.checks import checked_choice

Activation = Literal["tanh", "relu", "linear"]
ACTIVATIONS: tuple[Activation, ...] = ("tanh", "relu", "linear")

_LN_4 = 1.3862943611198906


def phi(activation: Activation, a: Tensor) -> Tensor:
    """h = φ(a), elementwise, same shape and dtype.

    >>> phi("relu", torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    match checked_choice("activation", activation, ACTIVATIONS):
        case "tanh":
            return torch.tanh(a)
        case "relu":
            return torch.relu(a)
        case _:
            return a


def slope(activation: Activation, a: Tensor) -> Tensor:
    """d = φ'(a), elementwise, same shape and dtype; φ'(0) = 0 for ReLU, as in PyTorch.

    sech²(a) = 4 e^{-2|a|} / (1 + e^{-2|a|})² neither cancels nor overflows.
    """
    match checked_choice("activation", activation, ACTIVATIONS):
        case "tanh":
            decay = torch.exp(-2 * a.abs())
            return 4 * decay / torch.square(1 + decay)
        case "relu":
            return (a > 0).to(a.dtype)
        case _:
            return torch.ones_like(a)


def ln_slope(activation: Activation, a: Tensor) -> Tensor:
    """ln φ'(a), elementwise, float64; -inf where the slope is exactly 0.

    For tanh it stays finite past |a| ≈ 372, where sech²(a) underflows even in float64.
    """
    magnitude = a.to(torch.float64).abs()
    match checked_choice("activation", activation, ACTIVATIONS):
        case "tanh":
            return _LN_4 - 2 * magnitude - 2 * torch.log1p(torch.exp(-2 * magnitude))
        case "relu":
            return torch.where(a > 0, 0.0, -torch.inf).to(torch.float64)
        case _:
            return torch.zeros_like(magnitude)


def steepest_slope(activation: Activation) -> float:
    """γ = max |φ'|, the Lipschitz constant of φ: 1 for all three.

    Reference: Pascanu, Mikolov, Bengio (2013), section 2.1, where γ bounds ‖diag φ'‖.
    """
    checked_choice("activation", activation, ACTIVATIONS)
    return 1.0
