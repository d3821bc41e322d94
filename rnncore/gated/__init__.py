"""Runs and gradients of GRU and LSTM, file by file what the folder above has for Elman's cell."""

from rnncore.gated.bptt import GatedGradientChunk, GatedSweep
from rnncore.gated.rollout import GatedRollout

__all__ = ["GatedGradientChunk", "GatedRollout", "GatedSweep"]
