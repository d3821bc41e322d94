"""A run as a cell of PyTorch code: it rebuilds the network, runs it, asserts the same states."""

from __future__ import annotations

import base64
import textwrap
import zlib

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from app import __version__
from app.code_forms import Form, body_of
from app.errors import refusal
from app.experiment import Cell
from app.export import WholeRun
from app.frames import Array
from rnncore import ModuleNames

MOST_BYTES = 4 * 2**20  # of the packed numbers: more than that nobody pastes
MOST_COMPARED = 64  # steps whose states travel with the cell
# Two right implementations differ by rounding, which a chaotic network multiplies at every step.
# States are compared as long as the same network in the other precision is this near.
NEAR = 1e-4
TOLERANCES = {"float32": 1e-3, "float64": 1e-9}

HEAD = '''# {title}
# Made by Rhoscope {version}{link}
import base64
import zlib

import torch
from safetensors.torch import load

tensors = load(zlib.decompress(base64.b64decode("""
{packed}
""")))
x, h_0 = tensors["x"], tensors["h_0"]  # {shapes}

'''
OUTPUTS = """y = h @ tensors["readout.weight"].T + tensors["readout.bias"]
"""
CHECK = """
# {compared}
expected = tensors["h"]
difference = (h[..., tensors["steps"], :] - expected).abs().amax(-1)
difference /= expected.abs().amax(-1).clamp_min(torch.finfo(x.dtype).tiny)
assert (difference <= {tolerance:g}).all(), difference.max()
print(f"{{h.shape[-2]}} steps; states as in Rhoscope, relative difference {{difference.max():.1e}}")
"""
NO_CHECK = """
# No state is compared: rounding, or the range of the numbers, decides from t = 1 on.
print(f"{h.shape[-2]} steps")
"""


def pytorch_cell(run: WholeRun, other: Array | None, form: Form) -> str:
    """The text of the cell.

    Args:
        run: the run.
        other: h of the same experiment in the other precision, which tells how far the states
            are known; None compares nothing.
        form: how the network is written.

    Raises:
        Refusal: it would be too long to be pasted.
    """
    experiment, link = run.experiment, run.origin["link"]
    cell = experiment.cell
    steps = _compared(run.arrays["h"], other)
    # A bare module's names, whatever the file calls them: the code makes one.
    tensors = run.tensors(ModuleNames())
    tensors |= {"x": torch.from_numpy(run.arrays["x"].copy()), "h_0": run.h_0}
    tensors |= {
        "h": torch.from_numpy(run.arrays["h"][..., steps, :]),
        "steps": torch.from_numpy(steps),
    }
    shapes = f"{tuple(tensors['x'].shape)} and {tuple(tensors['h_0'].shape)}"
    head = HEAD.format(
        title=f"{_named(cell)}: H = {cell.hidden_size}, D = {cell.input_size}, "
        f"T = {experiment.steps}, B = {experiment.batch_size}, {experiment.dtype}",
        version=__version__,
        link=f"; in its page: {link}" if link else "",
        packed=_packed(tensors),
        shapes=shapes,
    )
    body = body_of(experiment, form)
    if len(steps) == 0:
        return head + body + OUTPUTS + NO_CHECK
    compared = _said(steps, experiment.steps)
    check = CHECK.format(compared=compared, tolerance=TOLERANCES[experiment.dtype])
    return head + body + OUTPUTS + check


def _named(cell: Cell) -> str:
    if cell.kind == "attention":
        return "causal self-attention"
    name = f"{cell.activation} network" if cell.kind == "elman" else cell.kind.upper()
    return name if cell.layers == 1 else f"{name} of {cell.layers} layers"


def _compared(h: Array, other: Array | None) -> np.ndarray:
    """The steps, from 0, whose states are compared, out of those that rounding leaves alone."""
    if other is None:
        return np.zeros(0, np.int64)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(h.astype(np.float64), axis=-1)
        far = np.linalg.norm(h.astype(np.float64) - other, axis=-1)
        is_near = (far <= NEAR * size) & np.isfinite(size)
    by_step = is_near if is_near.ndim == 1 else is_near.all(axis=0)
    known = len(by_step) if by_step.all() else int(np.argmin(by_step))
    count = min(known, MOST_COMPARED)
    return np.unique(np.linspace(0, max(known - 1, 0), count).round().astype(np.int64))


def _said(steps: np.ndarray, T: int) -> str:
    last = int(steps[-1]) + 1
    words = f"{len(steps)} of {T} states are compared, up to t = {last}"
    return words + ("." if last == T else "; from there on rounding decides.")


def _packed(tensors: dict[str, Tensor]) -> str:
    content = safetensors.torch.save({name: t.contiguous() for name, t in tensors.items()})
    packed = base64.b64encode(zlib.compress(content, 9))
    if len(packed) > MOST_BYTES:
        raise refusal(
            "over_limit",
            "the code cell",
            "is too long to be pasted",
            got=f"{len(packed)} bytes of numbers",
            expected=f"at most {MOST_BYTES}",
            advice="Save the network as safetensors, or run fewer steps.",
        )
    return "\n".join(textwrap.wrap(packed.decode(), 98))
