"""The gates of a cell: blocks of H rows in its weights, in PyTorch's order.

Self-attention has none; its queries, keys and values stand in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GATES: Final[Mapping[str, tuple[str, ...]]] = {
    "elman": ("h",),
    "gru": ("r", "z", "n"),
    "lstm": ("i", "f", "g", "o"),
    "attention": ("q", "k", "v"),
}
# Blocks of W_xh: attention has one, which all three of its own read.
INPUT_BLOCKS: Final[Mapping[str, int]] = {"elman": 1, "gru": 3, "lstm": 4, "attention": 1}
# GRU's b_hn comes after its three blocks.
BIAS_BLOCKS: Final[Mapping[str, int]] = {"elman": 1, "gru": 4, "lstm": 4, "attention": 1}
# The gate that makes the new value: its block's spectrum is shown and edited.
CANDIDATE: Final[Mapping[str, int]] = {"elman": 0, "gru": 2, "lstm": 2, "attention": 2}
# What is told of a step beside h and its norms: each gate, and c; the norms of c, of its gradient
# and of the direct path.
KEPT: Final[Mapping[str, int]] = {"elman": 0, "gru": 3, "lstm": 5, "attention": 0}
MORE_NORMS: Final[Mapping[str, int]] = {"elman": 0, "gru": 1, "lstm": 3, "attention": 0}
KEEPING: Final = 1  # the block of the gate that keeps, z or f


def block(number: int, hidden_size: int) -> slice:
    """The rows of a block."""
    return slice(number * hidden_size, (number + 1) * hidden_size)
