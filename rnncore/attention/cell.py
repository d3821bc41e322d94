"""One head of causal self-attention, o_t = Σ_{s≤t} a_ts v_s."""

from dataclasses import dataclass
from math import sqrt
from typing import final

import torch
from torch import Tensor

from rnncore.cells.elman import check_sums, check_weights
from rnncore.checks import checked_shape


@final
@dataclass(frozen=True, eq=False)
class AttentionCell:
    """The weights of one head of causal self-attention without positions.

        e_t = W_xh x_t + b_h        [q_t, k_t, v_t] = W_qkv e_t
        a_ts = softmax over s ≤ t of q_t · k_s / √H        o_t = Σ_{s≤t} a_ts v_s

    No recurrent cell: it has no state that goes from step to step, and so no W_hh. What it takes
    and gives has the sizes of a cell of H units.

    Args:
        W_xh: input weights, (H, D).
        W_qkv: the rows of W_q, W_k and W_v, one after another, (3H, H).
        b_h: bias of e, (H,).

    Raises:
        ValueError: shapes, dtypes or devices disagree, a weight is not finite, or the sum of a
            row or column of |W_qkv| overflows the dtype.

    Reference: Vaswani et al. (2017), "Attention is all you need", equation 1, masked.

    >>> W_qkv = torch.tensor([[0.0], [0.0], [1.0]])  # no key matters, so all weights are equal
    >>> cell = AttentionCell(torch.ones(1, 1), W_qkv, torch.zeros(1))
    >>> cell.outputs(torch.tensor([[6.0], [0.0], [0.0]])).flatten()
    tensor([6., 3., 2.])
    """

    W_xh: Tensor
    W_qkv: Tensor
    b_h: Tensor

    def __post_init__(self) -> None:
        check_weights({"W_qkv": self.W_qkv, "W_xh": self.W_xh, "b_h": self.b_h})
        checked_shape("b_h", self.b_h, ("H",))
        H = self.b_h.shape[-1]
        checked_shape("W_qkv", self.W_qkv, (3 * H, H))
        checked_shape("W_xh", self.W_xh, (H, "D"))
        check_sums("W_qkv", self.W_qkv)

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.W_qkv.shape[1]

    @property
    def input_size(self) -> int:
        """D."""
        return self.W_xh.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the run: that of the weights."""
        return self.W_qkv.dtype

    @property
    def device(self) -> torch.device:
        """Where the run is computed: where the weights are."""
        return self.W_qkv.device

    def outputs(self, x: Tensor) -> Tensor:
        """o of all steps at once, (…, T, D) → (…, T, H): the readable reference of the run.

        Can be differentiated by autograd. Holds T² numbers.
        """
        q, k, v = ((x @ self.W_xh.mT + self.b_h) @ self.W_qkv.mT).chunk(3, dim=-1)
        scores = q @ k.mT / sqrt(self.hidden_size)
        is_later = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return torch.softmax(scores.masked_fill(is_later, -torch.inf), dim=-1) @ v
