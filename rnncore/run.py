"""What outputs and losses ask of a run, whatever its cell."""

from typing import Protocol

import torch
from torch import Tensor

from rnncore.extended_range import Exponents, Norms


class StoredStates(Protocol):
    """The states h_t = u[t] · 2^exponents[t] of T steps of N sequences."""

    steps: int
    rows: int
    batch_shape: torch.Size
    u: Tensor  # (T + 1, N, H)
    norm: Norms  # (T + 1, N), ‖u‖
    exponents: Exponents  # (T + 1, N)

    def sequences(self, time_major: Tensor) -> Tensor: ...


class FedRun(StoredStates, Protocol):
    """Those of a run that may be fed its own outputs, with its inputs x[t] · 2^input_exponents[t].

    The inputs of the first `fed` steps are given, those of the others are the outputs before.
    """

    fed: int
    x: Tensor  # (T, N, D)
    input_exponents: Exponents  # (T, N)


class RunCell(Protocol):
    """The sizes of a cell, and where it is computed."""

    @property
    def hidden_size(self) -> int: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def device(self) -> torch.device: ...


class Run(Protocol):
    """A run as far as it has been computed: `Rollout` or `GatedRollout`."""

    @property
    def cell(self) -> RunCell: ...
    @property
    def trajectory(self) -> StoredStates: ...
