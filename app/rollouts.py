"""The run of a cell, whichever it is: forward, backward, and what only gated cells have."""

from __future__ import annotations

from torch import Tensor

from app.stages import Setting
from rnncore import (
    ElmanCell,
    GatedGradientChunk,
    GatedRollout,
    GatedSweep,
    GradientChunk,
    GradientSweep,
    Loss,
    LSTMCell,
    Rollout,
)

AnyRollout = Rollout | GatedRollout
AnySweep = GradientSweep | GatedSweep
AnyGradients = GradientChunk | GatedGradientChunk


def rollout_of(start: Setting, *, has_outputs: bool) -> AnyRollout:
    """The run forward, computed as it is asked for."""
    cell = start.cell
    if isinstance(cell, ElmanCell):
        return Rollout(cell, start.x, start.h_0, start.readout, has_outputs=has_outputs)
    return GatedRollout(cell, start.x, start.h_0, start.readout, has_outputs=has_outputs)


def sweep_of(rollout: AnyRollout, loss: Loss) -> AnySweep:
    """The run backward."""
    return (
        GradientSweep(rollout, loss) if isinstance(rollout, Rollout) else GatedSweep(rollout, loss)
    )


def norms_of(rollout: AnyRollout, t0: int, t1: int) -> dict[str, Tensor]:
    """Norms that only some cells have, by their names on the wire."""
    if isinstance(rollout, Rollout) or not isinstance(rollout.cell, LSTMCell):
        return {}
    return {"log10_norm_c": rollout.log10_norm_c[..., t0:t1]}


def gradients_of(chunk: AnyGradients) -> dict[str, Tensor]:
    """A chunk's norms by their names on the wire."""
    names = ["log10_grad_h", "log10_grad_W_hh", "log10_grad_W_xh"]
    if isinstance(chunk, GatedGradientChunk):
        names += ["log10_grad_c", "log10_direct_path"]
    found = {name: getattr(chunk, name) for name in names}
    return {name: logs for name, logs in found.items() if logs is not None}
