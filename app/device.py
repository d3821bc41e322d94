"""Where the networks run."""

from __future__ import annotations

from typing import Literal

import torch

Device = Literal["cpu", "cuda"]


def chosen_device(wish: Literal["auto", "cpu", "cuda"]) -> Device:
    """The device that is meant. Raises ValueError where it is not there."""
    if wish == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if wish == "auto":
        return "cpu"
    raise ValueError(
        f"device is not available: got 'cuda'; expected a CUDA GPU that torch {torch.__version__} "
        "can use, and it sees none. Start with --device cpu, or install torch's CUDA build."
    )
