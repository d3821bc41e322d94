"""The run of a network, whatever its cell: forward, backward, and what only some cells have."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from app.stages import Setting
from rnncore import (
    AttentionCell,
    AttentionGradientChunk,
    AttentionRollout,
    AttentionSweep,
    ElmanCell,
    GatedGradientChunk,
    GatedRollout,
    GatedSweep,
    GradientChunk,
    GradientSweep,
    Loss,
    LSTMCell,
    Rollout,
    StackedGradientChunk,
    StackedRollout,
    StackedSweep,
    StateChunk,
)

OneLayer = Rollout | GatedRollout
AnyRollout = OneLayer | StackedRollout | AttentionRollout
AnySweep = GradientSweep | GatedSweep | StackedSweep | AttentionSweep
LayerGradients = GradientChunk | GatedGradientChunk | AttentionGradientChunk
AnyGradients = LayerGradients | StackedGradientChunk


def rollout_of(start: Setting, *, has_outputs: bool) -> AnyRollout:
    """The run forward, computed as it is asked for."""
    cell, x, readout = start.cell, start.x, start.readout
    if isinstance(cell, AttentionCell):
        return AttentionRollout(cell, x, readout, has_outputs=has_outputs)
    if start.above:
        cells = (cell, *start.above)
        return StackedRollout(cells, x, start.starts, readout, has_outputs=has_outputs)
    after = start.feeds_back_after
    if isinstance(cell, ElmanCell):
        return Rollout(
            *(cell, x, start.h_0, readout), has_outputs=has_outputs, feeds_back_after=after
        )
    return GatedRollout(
        *(cell, x, start.h_0, readout), has_outputs=has_outputs, feeds_back_after=after
    )


def sweep_of(rollout: AnyRollout, loss: Loss) -> AnySweep:
    """The run backward."""
    if isinstance(rollout, Rollout):
        return GradientSweep(rollout, loss)
    if isinstance(rollout, StackedRollout):
        return StackedSweep(rollout, loss)
    if isinstance(rollout, AttentionRollout):
        return AttentionSweep(rollout, loss)
    return GatedSweep(rollout, loss)


def top_of(rollout: AnyRollout) -> OneLayer | AttentionRollout:
    """The run of the layer whose states are the network's own."""
    return rollout.top if isinstance(rollout, StackedRollout) else rollout


def norms_of(rollout: AnyRollout, t0: int, t1: int) -> dict[str, Tensor]:
    """Norms of states that only some networks have, by their names on the wire."""
    found = {}
    top = top_of(rollout)
    if isinstance(top, GatedRollout) and isinstance(top.cell, LSTMCell):
        logs = torch.from_numpy(top.trajectory.log10_norm_c(t0 + 1, t1 + 1))
        found["log10_norm_c"] = top.trajectory.sequences(logs)
    for number, chunk in _chunks_below(rollout, t0, t1):
        found[f"log10_norm_h_l{number}"] = chunk.log10_norm_h
    return found


def states_below(rollout: AnyRollout, t0: int, t1: int) -> dict[str, Tensor]:
    """The states of the layers under the top one, by their names on the wire."""
    return {f"h_l{number}": chunk.h for number, chunk in _chunks_below(rollout, t0, t1)}


def _chunks_below(rollout: AnyRollout, t0: int, t1: int) -> Iterator[tuple[int, StateChunk]]:
    """The layers under the top one, by PyTorch's number."""
    if isinstance(rollout, StackedRollout):
        for number in range(len(rollout.cells) - 1):
            yield number, rollout.layer_chunk(number, t0, t1)


def gradients_of(chunk: AnyGradients) -> dict[str, Tensor]:
    """A chunk's norms by their names on the wire; of a stack those of its top layer, and how the
    gradient reaches the states of the layers under it."""
    if isinstance(chunk, StackedGradientChunk):
        below = enumerate(chunk.layers[:-1])
        norms = {f"log10_grad_h_l{number}": layer.log10_grad_h for number, layer in below}
        return gradients_of(chunk.top) | norms
    names = ["log10_grad_h", "log10_grad_W_hh", "log10_grad_W_xh"]
    if isinstance(chunk, GatedGradientChunk):
        names += ["log10_grad_c", "log10_direct_path"]
    found = {name: getattr(chunk, name) for name in names}
    return {name: logs for name, logs in found.items() if logs is not None}
