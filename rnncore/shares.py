"""Each step's share of the gradients of the shared matrices."""

import numpy as np
import torch
from torch import Tensor

from rnncore.extended_range import Norms, safe_norms, times_power_of_two

# Entries of the (N, N) products that are held at a time.
_LARGEST_PRODUCT = 2**22


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
