"""Each step's share of the gradients of the shared matrices."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import ArgumentError
from rnncore.extended_range import Norms, safe_norms, times_power_of_two

# Entries of the (N, N) products that are held at a time.
_LARGEST_PRODUCT = 2**22


@final
@dataclass(frozen=True)
class StepShares:
    """How the steps of a run share in the gradient of the one matrix that all of them use.

    ∂L/∂W is the sum of the steps' contributions G_t. What is told of them is ‖G_t‖: norms of terms
    add up to more than the norm of the sum where the terms differ in direction.
    """

    log10_sum: float  # log10 Σ_t ‖G_t‖, which ‖∂L/∂W‖ can't exceed; -inf where all are zero
    log10_largest: float  # log10 max_t ‖G_t‖
    largest_step: int | None  # the last step that has it, from 0; None where all are zero
    steps_of_half: int  # the fewest steps whose norms together are half of the sum; 0 likewise


def step_shares(log10_shares: Tensor) -> StepShares:
    """The largest of the steps' shares, their sum, and how few of them make half of it.

    Args:
        log10_shares: (T,), log10 ‖G_t‖ as in `GradientChunk.log10_grad_W_hh`; -inf for zero.

    Raises:
        ValueError: no steps, or more axes than one.

    >>> shares = step_shares(torch.tensor([-1.0, -1.0, 0.0]))  # norms 0.1, 0.1 and 1
    >>> round(10**shares.log10_sum, 6), shares.largest_step, shares.steps_of_half
    (1.2, 2, 1)
    """
    if log10_shares.ndim != 1 or not len(log10_shares):
        shape = tuple(log10_shares.shape)
        raise ArgumentError("log10_shares", "has the wrong shape", got=shape, expected="(T,)")
    logs: Norms = log10_shares.detach().to(device="cpu", dtype=torch.float64).numpy()
    largest = float(logs.max())
    if np.isneginf(largest):
        return StepShares(largest, largest, None, 0)
    with np.errstate(under="ignore"):
        descending = np.cumsum(np.sort(10.0 ** (logs - largest))[::-1])
    return StepShares(
        log10_sum=largest + float(np.log10(descending[-1])),
        log10_largest=largest,
        largest_step=len(logs) - 1 - int(np.argmax(logs[::-1])),
        steps_of_half=1 + int(np.searchsorted(descending, descending[-1] / 2)),
    )


def weight_share(p: Tensor, log10_p: Norms, q: Tensor, log10_q: Norms) -> Norms:
    """log10 ‖Σ_b p_b q_bᵀ‖_F of every step, (n,) float64; -inf where it is exactly zero.

    Args:
        p: (n, N, H), of which the directions alone count.
        log10_p: (n, N), log10 of the norms.
        q: (n, N, K), likewise.
        log10_q: (n, N).

    For one sequence the product has rank one and its norm is ‖p‖ ‖q‖. For a batch
    ‖Σ_b p_b q_bᵀ‖² = Σ_{b,c} (p_b · p_c)(q_b · q_c).
    """
    logs: Norms = log10_p + log10_q
    if p.shape[1] == 1:
        return logs[:, 0]
    at_once = max(1, _LARGEST_PRODUCT // p.shape[1] ** 2)
    parts = [
        _gram_share(p[i : i + at_once], q[i : i + at_once], logs[i : i + at_once])
        for i in range(0, len(logs), at_once)
    ]
    return np.concatenate(parts)


def _gram_share(p: Tensor, q: Tensor, logs: Norms) -> Norms:
    top = logs.max(axis=1, keepdims=True)
    top = np.where(np.isneginf(top), 0.0, top)
    weight = torch.from_numpy(10.0 ** (logs - top)).to(p.device)
    p, q = _directions(p), _directions(q)
    products = (p @ p.mT) * (q @ q.mT)
    squared = torch.einsum("nb,nbc,nc->n", weight, products, weight).cpu().numpy()
    with np.errstate(divide="ignore"):
        # Sequences may cancel each other; rounding then leaves either sign.
        share: Norms = top[:, 0] + 0.5 * np.log10(np.maximum(squared, 0.0))
    return share


def _directions(vectors: Tensor) -> Tensor:
    """Unit vectors in float64; a zero vector stays zero."""
    mantissa, shift = safe_norms(vectors)
    divisor = torch.from_numpy(np.where(mantissa == 0.0, 1.0, mantissa)).to(vectors.device)
    return times_power_of_two(vectors.double(), -shift) / divisor.unsqueeze(-1)
