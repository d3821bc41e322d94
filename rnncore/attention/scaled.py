"""Vectors u · 2ᵏ whose exponents are tensors, and sums of very many of them.

Attention weights are exponentials: they leave float64 as soon as scores are 745 apart. So they are
kept as log₂ a, and a sum Σ a_i u_i · 2^(k_i) is taken at the scale of its largest term.
"""

from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from rnncore.extended_range import Exponents, normalised


class Scaled(NamedTuple):
    """Vectors u · 2ᵏ with ‖u‖ in [1/2, 1); k is -inf where u is 0."""

    u: Tensor  # (…, H) float64
    k: Tensor  # (…) float64, whole numbers

    def part(self, t0: int, t1: int) -> "Scaled":
        """Those of the positions [t0, t1) of (N, T, H)."""
        return Scaled(self.u[:, t0:t1], self.k[:, t0:t1])

    def times(self, k: Tensor | float) -> Tensor:
        """u · 2^(own k + k), ordinary numbers, where that is what they are."""
        return self.u * torch.exp2(self.k + k).unsqueeze(-1)


def scaled(vectors: Tensor, k: Exponents) -> Scaled:
    """Finite vectors · 2ᵏ, (…, H) and (…)."""
    u, k = normalised(vectors.double(), k)
    k = np.where(u.any(dim=-1).cpu().numpy(), k, -np.inf)
    return Scaled(u, torch.from_numpy(k).to(u.device))


def largest(logs: Tensor, dim: int) -> Tensor:
    """The whole number below the largest of `logs` along `dim`, which stays; 0 where all are -inf.

    At this scale no term is above 2.
    """
    top = logs.amax(dim=dim, keepdim=True).floor_()
    return top.masked_fill_(torch.isneginf(top), 0.0)


@final
class Sums:
    """Σ_t ±2^(l_ts) u_t for every s, to which terms are added until it is asked for.

    The sum is u[s] · 2^k[s], u (N, T, H) at the scale of the largest term so far.
    """

    def __init__(self, rows: int, steps: int, like: Tensor) -> None:
        self.u = like.new_zeros(rows, steps, like.shape[-1])
        self.k = like.new_full((rows, steps), -torch.inf)

    def add(self, logs: Tensor, signs: Tensor | None, vectors: Tensor) -> None:
        """Adds the terms of n times t to the first S sums.

        Args:
            logs: l, (N, n, S), which is overwritten.
            signs: (N, n, S); None for +.
            vectors: u, (N, n, H).
        """
        S = logs.shape[-1]
        u, k = self.u[:, :S], self.k[:, :S]
        top = torch.maximum(k, logs.amax(dim=1).floor_())
        scale = top.masked_fill(torch.isneginf(top), 0.0)
        u.mul_(torch.exp2(k - scale).unsqueeze(-1))
        terms = logs.sub_(scale.unsqueeze(1)).exp2_()
        if signs is not None:
            terms.mul_(signs)
        u += terms.mT @ vectors
        k.copy_(top)
