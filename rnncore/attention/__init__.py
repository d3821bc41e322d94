"""Causal self-attention, for contrast: no recurrence, every position one step from every other."""

from rnncore.attention.bptt import AttentionGradientChunk, AttentionSweep
from rnncore.attention.cell import AttentionCell
from rnncore.attention.rollout import AttentionRollout

__all__ = ["AttentionCell", "AttentionGradientChunk", "AttentionRollout", "AttentionSweep"]
