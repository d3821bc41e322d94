"""A run, or its network, as files that others read: safetensors, npz, CSV, a PyTorch cell."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from app.array_words import words_of
from app.errors import Refusal, refusal
from app.experiment import Experiment, Generation, LinearLoss, Readout, Silence, Zeros
from app.frames import Array
from app.link import write_link
from app.tokens import tokens_of
from app.versions import versions
from rnncore import ModuleNames, RecurrentLayer, state_dict_of

LONGEST_METADATA = 8192
MOST_CSV_NUMBERS = 20_000_000
ROWS_AT_ONCE = 1000
# A table's columns: those of every run, then what else there is of each step.
FIRST_NORMS = ("log10_norm_h", "log10_grad_h", "log10_grad_W_hh", "log10_grad_W_xh")
FIRST_VALUES = ("x", "h", "y")
MORE_VALUES = re.compile(r"(?:[cifgorznp]|h_l\d+)$")
Arrays = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class WholeRun:
    """Every tensor of a run, the document it is a run of, and how its network is named outside."""

    experiment: Experiment
    arrays: Arrays
    layer: RecurrentLayer | None = None  # where the weights were brought along

    @property
    def names(self) -> ModuleNames:
        """How the network is named outside."""
        return ModuleNames() if self.layer is None else self.layer.names

    @property
    def has_readout(self) -> bool:
        """Whether the readout is the maker's own: brought along, edited or asked for."""
        experiment = self.experiment
        # Where outputs come back, W_hy is a part of the dynamics.
        is_asked = (
            experiment.generates
            or experiment.readout != Readout()
            or bool(experiment.output_bias.edits)
        )
        return is_asked or (self.layer is not None and "W_hy" in self.layer.weights)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The weights in force, in the run's dtype."""
        recurrent = "W_qkv" if self.experiment.cell.kind == "attention" else "W_hh"
        symbols = ("W_xh", recurrent, "b_h", "W_hy", "b_y")
        return {name: torch.from_numpy(self.arrays[name].copy()) for name in symbols}

    @property
    def h_0(self) -> Tensor:
        """The initial state (…, H), of several layers (L, …, H) as PyTorch has it."""
        below = [f"h_0_l{layer}" for layer in range(1, self.experiment.cell.layers)]
        starts = [torch.from_numpy(self.arrays[name].copy()) for name in ("h_0", *below)]
        return torch.stack(starts) if below else starts[0]

    def tensors(self, names: ModuleNames, *, has_readout: bool = True) -> dict[str, Tensor]:
        """The weights under a module's names; those of attention, which PyTorch has no module for,
        under the chapter's. `names` are those of the first layer."""
        weights = self.weights
        readout = {name: weights.pop(name) for name in ("W_hy", "b_y")}
        if not has_readout:
            readout = {}
        if self.experiment.cell.kind == "attention":
            named = {"readout.weight": "W_hy", "readout.bias": "b_y"}
            return weights | {name: readout[symbol] for name, symbol in named.items() if readout}
        found = state_dict_of(weights | readout, names)
        for layer in range(1, self.experiment.cell.layers):
            above = {
                name: torch.from_numpy(self.arrays[f"{name}_l{layer}"].copy())
                for name in ("W_xh", "W_hh", "b_h")
            }
            found |= state_dict_of(above, replace(names, suffix=_suffix(names.suffix, layer)))
        return found

    @property
    def origin(self) -> dict[str, str]:
        """The document, its link, the versions that made the numbers and the names of tokens, as
        text."""
        found = {
            "experiment": self.experiment.model_dump_json(),
            "link": link_of(self.experiment),
            "versions": json.dumps(versions()),
        }
        if self.experiment.input.kind == "text":
            labels = tokens_of(self.experiment).labels
            found["token_labels"] = json.dumps(labels, ensure_ascii=False)
        return found

    @property
    def token_column(self) -> list[str]:
        """The token of every step of every sequence, (B·T,), "" where there is none; nothing where
        the input is no text."""
        if self.experiment.input.kind != "text":
            return []
        T, B = self.experiment.steps, self.experiment.batch_size
        labels = [*tokens_of(self.experiment).labels, ""]
        index = np.full((B, T), -1, np.int64)
        known = self.arrays["token_index"]
        index[..., : known.shape[-1]] = known
        return [labels[k] for k in index.reshape(-1).tolist()]


def _suffix(first: str, above: int) -> str:
    """The suffix of a layer further up: _l0 becomes _l1."""
    return f"_l{int(first.removeprefix('_l') or 0) + above}"


def link_of(experiment: Experiment) -> str:
    """The experiment's link; nothing where it would be longer than a link may be."""
    try:
        return write_link(experiment)
    except Refusal:
        return ""


def without_run(experiment: Experiment) -> Experiment:
    """The same network in a run of one silent step: all that its weights need."""
    changes = {
        "input": Silence(kind="silence"),
        "initial_state": Zeros(),
        "loss": LinearLoss(),
        "generation": Generation(),
        "steps": 1,
        "batch_size": 1,
    }
    return experiment.model_copy(update=changes)


def network_file(run: WholeRun) -> bytes:
    """The network as safetensors under nn.RNN's names.

    The readout is written where it was loaded, edited or asked for: a bare nn.RNN, whose state
    dict has no more than the recurrent layer, then loads what is left.
    """
    experiment = run.experiment
    tensors = run.tensors(run.names, has_readout=run.has_readout)
    # A header has an end, which a document of many edits would be past.
    metadata = {k: text for k, text in run.origin.items() if len(text) <= LONGEST_METADATA}
    if experiment.cell.kind == "elman":
        metadata["nonlinearity"] = experiment.cell.activation
    return safetensors.torch.save(tensors, metadata)


def npz_file(run: WholeRun) -> bytes:
    """All arrays as npz, and beside them, as text, the document as JSON, its link, the versions,
    what every array is (`about`, JSON) and, of a text, the tokens' names."""
    stream = io.BytesIO()
    about = json.dumps(words_of(run.arrays), ensure_ascii=False)
    texts = {name: np.array(text) for name, text in {**run.origin, "about": about}.items()}
    np.savez(stream, allow_pickle=False, **run.arrays, **texts)
    return stream.getvalue()


def csv_file(run: WholeRun) -> bytes:
    """What belongs to steps, one line a step: t from 1, norms, x, h, y; a batch is led by b, and
    the token of a text stands last.

    Raises a `Refusal` where that would be a file of gigabytes.
    """
    columns = dict(_columns(run))
    numbers = sum(column.size for column in columns.values())
    if numbers > MOST_CSV_NUMBERS:
        raise refusal(
            "over_limit",
            "the table",
            "is too large for CSV",
            got=numbers,
            expected=f"at most {MOST_CSV_NUMBERS} numbers",
            advice="Save the arrays as npz instead.",
        )
    tokens = run.token_column
    stream = io.StringIO()
    stream.write(",".join([*columns, *(["token"] if tokens else [])]) + "\n")
    digits = 9 if run.experiment.dtype == "float32" else 17
    is_log = [name.startswith("log10_") or name in "bt" for name in columns]
    formats = ["%.17g" if exact else f"%.{digits}g" for exact in is_log]
    rows = len(columns["t"])
    for start in range(0, rows, ROWS_AT_ONCE):
        part = [column[start : start + ROWS_AT_ONCE] for column in columns.values()]
        lines = io.StringIO()
        np.savetxt(lines, np.column_stack(part), fmt=formats, delimiter=",")
        if tokens:
            pairs = zip(
                lines.getvalue().splitlines(), tokens[start : start + ROWS_AT_ONCE], strict=True
            )
            stream.writelines(f"{line},{_quoted(token)}\n" for line, token in pairs)
        else:
            stream.write(lines.getvalue())
    return stream.getvalue().encode()


def _quoted(text: str) -> str:
    """A text as CSV holds it, whatever signs it has."""
    return '"' + text.replace('"', '""') + '"'


def _columns(run: WholeRun) -> Iterator[tuple[str, np.ndarray]]:
    """The table's columns, each (B·T,)."""
    T, B = run.experiment.steps, run.experiment.batch_size
    if B > 1:
        yield "b", np.repeat(np.arange(1.0, B + 1), T)
    yield "t", np.tile(np.arange(1.0, T + 1), B)
    for name in (*FIRST_NORMS, *_others(run.arrays, lambda each: each.startswith("log10_"))):
        values = run.arrays[name]
        yield name, (np.tile(values, B) if values.ndim == 1 else values).reshape(-1)
    for name in (*FIRST_VALUES, *_others(run.arrays, lambda each: bool(MORE_VALUES.match(each)))):
        values = run.arrays[name].reshape(B * T, -1)
        yield from ((f"{name}_{k + 1}", values[:, k]) for k in range(values.shape[1]))


def _others(arrays: Arrays, is_wanted: Callable[[str], bool]) -> list[str]:
    """Further arrays of steps, as a run has them."""
    first = {*FIRST_NORMS, *FIRST_VALUES}
    return [name for name in arrays if name not in first and is_wanted(name)]
