"""The long short-term memory, c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t, as PyTorch has it."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from rnncore.activations import slope
from rnncore.cells.elman import check_sums, check_weights
from rnncore.checks import checked_shape


class LSTMState(NamedTuple):
    """What an LSTM hands on; also the cotangents of that."""

    h: Tensor  # (…, H)
    c: Tensor  # (…, H)


class LSTMCotangents(NamedTuple):
    """What one step hands back when it is differentiated."""

    h: Tensor  # (…, H), ∂L/∂h_{t-1}
    c: Tensor  # (…, H), ∂L/∂c_{t-1}
    x: Tensor  # (…, D), ∂L/∂x_t
    a: Tensor  # (…, 4H), ∂L/∂a of i, f, g, o; its outer products are the weights' gradients


@final
@dataclass(frozen=True, eq=False)
class LSTMCell:
    """The weights of an LSTM and its step: the readable reference of the fast rollout.

        i_t, f_t, o_t = σ(a_i), σ(a_f), σ(a_o)      g_t = tanh(a_g)
        a = W_xh x_t + W_hh h_{t-1} + b_h
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t             h_t = o_t ⊙ tanh(c_t)

    The rows of the matrices are those of i, f, g and o, one after another; b_h is the sum of
    PyTorch's two biases. All methods take leading batch axes and can be differentiated by
    autograd.

    Args:
        W_xh: input weights, (4H, D).
        W_hh: recurrent weights, (4H, H).
        b_h: bias, (4H,).

    Raises:
        ValueError: shapes, dtypes or devices disagree, a weight is not finite, or the sum of a
            row or column of |W_hh| overflows the dtype.

    Reference: Hochreiter and Schmidhuber (1997), "Long short-term memory"; with the forget gate
    of Gers, Schmidhuber, Cummins (2000).

    >>> cell = LSTMCell(torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4))
    >>> cell.step(torch.tensor([1.0]), LSTMState(torch.zeros(1), torch.tensor([4.0]))).c
    tensor([2.])
    """

    W_xh: Tensor
    W_hh: Tensor
    b_h: Tensor

    def __post_init__(self) -> None:
        check_weights({"W_hh": self.W_hh, "W_xh": self.W_xh, "b_h": self.b_h})
        checked_shape("W_hh", self.W_hh, ("4H", "H"))
        H = self.W_hh.shape[-1]
        checked_shape("W_hh", self.W_hh, (4 * H, H))
        checked_shape("b_h", self.b_h, (4 * H,))
        checked_shape("W_xh", self.W_xh, (4 * H, "D"))
        check_sums("W_hh", self.W_hh)

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.W_hh.shape[1]

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
        """a_t = W_xh x_t + W_hh h_{t-1} + b_h of i, f, g, o: (…, D), (…, H) → (…, 4H)."""
        return x_t @ self.W_xh.mT + h @ self.W_hh.mT + self.b_h

    def step(self, x_t: Tensor, state: LSTMState) -> LSTMState:
        """h_t and c_t: (…, D) and twice (…, H) → twice (…, H)."""
        a_i, a_f, a_g, a_o = self.preactivation(x_t, state.h).chunk(4, dim=-1)
        c = torch.sigmoid(a_f) * state.c + torch.sigmoid(a_i) * torch.tanh(a_g)
        return LSTMState(h=torch.sigmoid(a_o) * torch.tanh(c), c=c)

    def gates(self, x_t: Tensor, state: LSTMState) -> dict[str, Tensor]:
        """i_t, f_t, g_t, o_t and the new c_t of the step by name, each (…, H)."""
        a_i, a_f, a_g, a_o = self.preactivation(x_t, state.h).chunk(4, dim=-1)
        i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
        return {"i": i, "f": f, "g": g, "o": o, "c": f * state.c + i * g}

    def vjp(self, x_t: Tensor, state: LSTMState, cotangent: LSTMState) -> LSTMCotangents:
        """The adjoint of the step: ∂L/∂h_t, ∂L/∂c_t → the gradients of what came in.

            γ = ∂L/∂c_t + o (1 - tanh² c_t) ∂L/∂h_t, all that reaches c_t
            ∂L/∂a_i = i (1 - i) g γ               ∂L/∂a_f = f (1 - f) c_{t-1} γ
            ∂L/∂a_g = (1 - g²) i γ                ∂L/∂a_o = o (1 - o) tanh(c_t) ∂L/∂h_t
            ∂L/∂c_{t-1} = f γ                     ∂L/∂h_{t-1} = W_hhᵀ ∂L/∂a, by units

        Args:
            x_t, state: what the step was taken from.
            cotangent: ∂L/∂h_t, and ∂L/∂c_t as far as it comes from later steps, each (…, H).
        """
        a_i, a_f, a_g, a_o = self.preactivation(x_t, state.h).chunk(4, dim=-1)
        i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
        c = f * state.c + i * g
        gamma = cotangent.c + o * slope("tanh", c) * cotangent.h
        grad_a = torch.cat(
            (
                i * torch.sigmoid(-a_i) * g * gamma,
                f * torch.sigmoid(-a_f) * state.c * gamma,
                slope("tanh", a_g) * i * gamma,
                o * torch.sigmoid(-a_o) * torch.tanh(c) * cotangent.h,
            ),
            dim=-1,
        )
        return LSTMCotangents(h=grad_a @ self.W_hh, c=f * gamma, x=grad_a @ self.W_xh, a=grad_a)

    def state_jacobian(self, x_t: Tensor, state: LSTMState) -> Tensor:
        """J_t = ∂[h_t, c_t]/∂[h_{t-1}, c_{t-1}]: (…, D) and twice (…, H) → (…, 2H, 2H)."""
        a_i, a_f, a_g, a_o = self.preactivation(x_t, state.h).chunk(4, dim=-1)
        i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
        c = f * state.c + i * g
        W_hi, W_hf, W_hg, W_ho = self.W_hh.chunk(4)
        c_from_h = (
            (i * torch.sigmoid(-a_i) * g).unsqueeze(-1) * W_hi
            + (f * torch.sigmoid(-a_f) * state.c).unsqueeze(-1) * W_hf
            + (slope("tanh", a_g) * i).unsqueeze(-1) * W_hg
        )
        q = (o * slope("tanh", c)).unsqueeze(-1)
        h_from_h = (o * torch.sigmoid(-a_o) * torch.tanh(c)).unsqueeze(-1) * W_ho + q * c_from_h
        f = torch.diag_embed(f)
        return torch.cat(
            (torch.cat((h_from_h, q * f), dim=-1), torch.cat((c_from_h, f), dim=-1)), dim=-2
        )
