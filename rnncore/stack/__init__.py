"""Layers on layers: every layer but the first takes the states of the one below as its input."""

from rnncore.stack.bptt import StackedGradientChunk, StackedSweep
from rnncore.stack.rollout import StackedRollout

__all__ = ["StackedGradientChunk", "StackedRollout", "StackedSweep"]
