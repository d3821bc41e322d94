"""The gated recurrent unit, h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}, as PyTorch has it."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from rnncore.activations import slope
from rnncore.cells.elman import check_sums, check_weights
from rnncore.checks import checked_shape


class GRUCotangents(NamedTuple):
    """What one step hands back when it is differentiated."""

    h: Tensor  # (…, H), ∂L/∂h_{t-1}
    x: Tensor  # (…, D), ∂L/∂x_t
    a: Tensor  # (…, 3H), ∂L/∂a of r, z, n; its outer product with x_t is the gradient of W_xh
    p: Tensor  # (…, 3H), the same with r ⊙ that of n; with h_{t-1} it gives that of W_hh


class _Preactivations(NamedTuple):
    r: Tensor
    z: Tensor
    n: Tensor
    m: Tensor  # W_hn h_{t-1} + b_hn, which r multiplies


@final
@dataclass(frozen=True, eq=False)
class GRUCell:
    """The weights of a GRU and its step: the readable reference of the fast rollout.

        r_t = σ(W_xr x_t + W_hr h_{t-1} + b_r)        z_t = σ(W_xz x_t + W_hz h_{t-1} + b_z)
        n_t = tanh(W_xn x_t + b_n + r_t ⊙ (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    The rows of the matrices are those of r, z and n, one after another. With PyTorch's two
    biases, b_h is b_ih + b_hh for r and z and b_in for n, and b_hn stays apart, since r
    multiplies it. All methods take leading batch axes and can be differentiated by autograd.

    Args:
        W_xh: input weights, (3H, D).
        W_hh: recurrent weights, (3H, H).
        b_h: bias, (3H,).
        b_hn: bias of the candidate inside r ⊙ (…), (H,).

    Raises:
        ValueError: shapes, dtypes or devices disagree, a weight is not finite, or the sum of a
            row or column of |W_hh| overflows the dtype.

    Reference: Cho et al. (2014), "Learning phrase representations using RNN encoder–decoder";
    r applied after the product as in torch.nn.GRU.

    >>> cell = GRUCell(torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(3), torch.zeros(1))
    >>> cell.step(torch.tensor([1.0]), torch.tensor([4.0]))  # z = 1/2 keeps a half
    tensor([2.])
    """

    W_xh: Tensor
    W_hh: Tensor
    b_h: Tensor
    b_hn: Tensor

    def __post_init__(self) -> None:
        check_weights({name: getattr(self, name) for name in ("W_hh", "W_xh", "b_h", "b_hn")})
        checked_shape("b_hn", self.b_hn, ("H",))
        H = self.b_hn.shape[-1]
        checked_shape("b_h", self.b_h, (3 * H,))
        checked_shape("W_hh", self.W_hh, (3 * H, H))
        checked_shape("W_xh", self.W_xh, (3 * H, "D"))
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

    def step(self, x_t: Tensor, h: Tensor) -> Tensor:
        """h_t: (…, D), (…, H) → (…, H)."""
        a = self._preactivations(x_t, h)
        # σ(-a) is 1 - z without what would cancel there.
        return torch.sigmoid(-a.z) * torch.tanh(a.n) + torch.sigmoid(a.z) * h

    def gates(self, x_t: Tensor, h: Tensor) -> dict[str, Tensor]:
        """r_t, z_t and n_t of the step by name, each (…, H)."""
        a = self._preactivations(x_t, h)
        return {"r": torch.sigmoid(a.r), "z": torch.sigmoid(a.z), "n": torch.tanh(a.n)}

    def vjp(self, x_t: Tensor, h: Tensor, cotangent: Tensor) -> GRUCotangents:
        """The adjoint of the step: δ = ∂L/∂h_t → the gradients of what came in.

            ∂L/∂a_n = (1 - n²) (1 - z) δ        ∂L/∂a_r = r (1 - r) (W_hn h + b_hn) ∂L/∂a_n
            ∂L/∂a_z = z (1 - z) (h - n) δ       p = [∂L/∂a_r, ∂L/∂a_z, r ∂L/∂a_n]
            ∂L/∂h_{t-1} = z δ + W_hhᵀ p         ∂L/∂x_t = W_xhᵀ ∂L/∂a, all products by units

        Args:
            x_t, h: what the step was taken from, (…, D) and (…, H).
            cotangent: δ, (…, H).
        """
        a = self._preactivations(x_t, h)
        r, z, n = torch.sigmoid(a.r), torch.sigmoid(a.z), torch.tanh(a.n)
        grad_n = slope("tanh", a.n) * torch.sigmoid(-a.z) * cotangent
        grad_r = r * torch.sigmoid(-a.r) * a.m * grad_n
        grad_z = z * torch.sigmoid(-a.z) * (h - n) * cotangent
        grad_a = torch.cat((grad_r, grad_z, grad_n), dim=-1)
        p = torch.cat((grad_r, grad_z, r * grad_n), dim=-1)
        return GRUCotangents(h=z * cotangent + p @ self.W_hh, x=grad_a @ self.W_xh, a=grad_a, p=p)

    def state_jacobian(self, x_t: Tensor, h: Tensor) -> Tensor:
        """J_t = ∂h_t/∂h_{t-1} at one step: (…, D), (…, H) → (…, H, H)."""
        a = self._preactivations(x_t, h)
        r, z = torch.sigmoid(a.r), torch.sigmoid(a.z)
        through_n = slope("tanh", a.n) * torch.sigmoid(-a.z)
        through_r = through_n * a.m * r * torch.sigmoid(-a.r)
        through_z = z * torch.sigmoid(-a.z) * (h - torch.tanh(a.n))
        W_hr, W_hz, W_hn = self.W_hh.chunk(3)
        by_row = ((through_r, W_hr), (through_z, W_hz), (through_n * r, W_hn))
        J = torch.diag_embed(z)
        for factor, W in by_row:
            J = J + factor.unsqueeze(-1) * W
        return J

    def _preactivations(self, x_t: Tensor, h: Tensor) -> _Preactivations:
        drive_r, drive_z, drive_n = (x_t @ self.W_xh.mT + self.b_h).chunk(3, dim=-1)
        product_r, product_z, m = (h @ self.W_hh.mT).chunk(3, dim=-1)
        a_r = drive_r + product_r
        m = m + self.b_hn
        return _Preactivations(a_r, drive_z + product_z, drive_n + torch.sigmoid(a_r) * m, m)
