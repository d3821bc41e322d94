"""Sizes are checked here, before anything is allocated; each refusal names its limit and flag."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from app.consistency import edit_lists
from app.errors import Refusal, refusal
from app.experiment import Experiment
from app.gates import BIAS_BLOCKS, GATES, KEPT, MORE_NORMS
from app.influences import MOST_BINS
from app.plan import group_size
from app.portrait import MOST_POINTS
from app.protocol import MOST_STARTS, Analyse, Run, View
from app.settings import Settings, flag
from app.starts import followed_steps
from app.tokens import tokens_of

ITEM_BYTES = {"float32": 4, "float64": 8}
FEW_LISTS = 1000  # that any document may have, whatever its sizes
NORM_BYTES = 8  # norms are float64 always
TOKEN_BYTES = 4  # a token's place is a float32
BLOCK_STEPS = 512  # that a sweep takes at once, at most


@dataclass(frozen=True)
class Cost:
    """Bytes that a run takes: its answer, and its working memory (the answer included)."""

    result_bytes: int
    memory_bytes: int


def largest_attention_length(batch_size: int, settings: Settings) -> int:
    """Every step looks at all before it: time grows as B · T², whatever memory there is."""
    return isqrt(settings.max_attention_steps**2 // batch_size)


def check_limits(experiment: Experiment, view: View | None, settings: Settings) -> Cost:
    """The run's cost. Raises a `Refusal` (over_limit) that names the first limit it is over, or one
    of a text that has no tokens, or more than D has room for."""
    cell = experiment.cell
    for field, size, limit in (
        ("cell.hidden_size", cell.hidden_size, "max_hidden"),
        ("cell.input_size", cell.input_size, "max_input"),
        ("cell.output_size", cell.output_size, "max_output"),
        ("steps", experiment.steps, "max_steps"),
        ("batch_size", experiment.batch_size, "max_batch"),
        ("cell.layers", cell.layers, "max_layers"),
    ):
        largest: int = getattr(settings, limit)
        if size > largest:
            raise _over(field, "is out of range", size, f"1 to {largest}", limit)
    if cell.kind == "attention":
        _check_attention(experiment, settings)
    if experiment.input.kind == "text":
        check_text(experiment.input.text, settings)
        tokens_of(experiment)
    for path, edits in edit_lists(experiment).items():
        if len(edits) > settings.max_edits:
            expected = f"at most {settings.max_edits} edits"
            raise _over(path, "is too long", len(edits), expected, "max_edits")
    cost = run_cost(experiment, view)
    _check_cost(cost, settings)
    return cost


def check_text(text: str, settings: Settings) -> None:
    """Raises a `Refusal` (over_limit) where a text is too long to be taken apart."""
    if len(text) > settings.max_text:
        expected = f"at most {settings.max_text} characters"
        raise _over("input.text", "is too long", len(text), expected, "max_text")


def _check_attention(experiment: Experiment, settings: Settings) -> None:
    B = experiment.batch_size
    largest = largest_attention_length(B, settings)
    if experiment.steps > largest:
        expected = f"1 to {largest}" + (f" with {B} sequences" if B > 1 else "")
        raise _over("steps", "is out of range", experiment.steps, expected, "max_attention_steps")


def _check_cost(cost: Cost, settings: Settings) -> None:
    if cost.result_bytes > settings.max_result_bytes:
        expected = f"at most {settings.max_result_bytes} bytes"
        raise _over(
            "steps", "makes the answer too large", cost.result_bytes, expected, "max_result_bytes"
        )
    if cost.memory_bytes > settings.max_memory_bytes:
        expected = f"at most {settings.max_memory_bytes} bytes"
        raise _over(
            "steps",
            "makes the run need too much memory",
            cost.memory_bytes,
            expected,
            "max_memory_bytes",
        )


def cost_of(message: Run | Analyse, settings: Settings) -> Cost:
    """The cost of what a message asks for. Raises a `Refusal` as `check_limits`."""
    if isinstance(message, Run):
        return check_limits(message.experiment, message.view, settings)
    one = message.experiment.model_copy(update={"batch_size": 1})
    check_limits(message.experiment, None, settings)
    steps = one.steps if message.view is None else message.view.columns
    result = message.radii * (NORM_BYTES + 2 * 4 * min(steps, one.steps))
    cell_states = 2 * one.cell.hidden_size
    further = 0  # of the runs beside the one that is shown
    if "influence" in message.wants:
        result += NORM_BYTES * (1 + min(steps, MOST_BINS)) ** 2
        # What is pushed on from every input, in float64, twice.
        state = cell_states * one.cell.layers
        pushed = min(one.cell.input_size, state) * state
        result += NORM_BYTES * (2 * one.steps * pushed + 4 * state**2)
    if "state_space" in message.wants:
        points = 2 * (MOST_POINTS + 1)
        result += NORM_BYTES * (2 * points * (1 + message.starts) + 4 * 17**2)
        result += 2 * NORM_BYTES * one.steps * cell_states
        brief = one.model_copy(update={"steps": followed_steps(one, message.starts)})
        further = (message.starts - 1) * run_cost(brief, None).memory_bytes
    if "race" in message.wants:
        result += NORM_BYTES * MOST_STARTS * (2 + followed_steps(one, max(2, message.starts)))
    if "matrix_powers" in message.wants:
        result += NORM_BYTES * one.steps
    rays = min(group_size(one), message.radii) if "atlas" in message.wants else 1
    cost = Cost(result, result + further + rays * run_cost(one, None).memory_bytes)
    _check_cost(cost, settings)
    return cost


def check_lists(text: str | bytes, settings: Settings) -> None:
    """Refuses JSON of more lists and objects than any document within the limits has.

    Each costs far more memory and time than the three bytes it is written with, and reading
    cannot be interrupted.
    """
    if isinstance(text, str):
        count = text.count("[") + text.count("{")
    else:
        count = text.count(b"[") + text.count(b"{")
    # Input and target have a row a step; each edit is an object with two lists at most.
    most = 2 * settings.max_steps + 3 * settings.max_edits + FEW_LISTS
    if count > most:
        expected = f"at most {most}"
        raise _over(None, "has too many lists and objects", count, expected, "max_steps")


def run_cost(experiment: Experiment, view: View | None) -> Cost:
    """The bytes of a run, from its sizes alone."""
    cell, T, B = experiment.cell, experiment.steps, experiment.batch_size
    D, H, O = cell.input_size, cell.hidden_size, cell.output_size  # noqa: E741
    item = ITEM_BYTES[experiment.dtype]
    columns = T if view is None else min(view.columns, view.t1 - view.t0)
    values_per_norm = 1 if view is None else 2
    gates, kept = len(GATES[cell.kind]), KEPT[cell.kind]
    # Queries, keys and values of every step, once made and once scaled, and the way back: float64.
    attended = 12 * NORM_BYTES * B * T * H if cell.kind == "attention" else 0
    below = cell.layers - 1
    probabilities = O if experiment.output.kind == "classes" else 0
    # Eigenvalues of the loop that is closed; W_hh + W_xh W_hy, and the work space for them, beside.
    closed = 2 * NORM_BYTES * H if experiment.closes_loop else 0
    biases = BIAS_BLOCKS[cell.kind] * H
    weights = gates * H * (D + H) + O * H + biases + O + below * (2 * gates * H * H + biases)
    draw = NORM_BYTES * gates * H * H  # W_hh as it was drawn, for a client that scales it
    result = (
        item * (weights + B * H * cell.layers + H)
        + draw
        + NORM_BYTES * 3 * H
        + item * B * columns * (D + (1 + kept + below) * H + O + probabilities)
        + closed
        + (TOKEN_BYTES * B * T if experiment.input.kind == "text" else 0)
        + NORM_BYTES * values_per_norm * columns * ((2 + MORE_NORMS[cell.kind] + 2 * below) * B + 2)
    )
    # Softmaxes are float64: of a block of steps on the way back, and of all that is told.
    softmaxes = NORM_BYTES * B * T * probabilities
    if experiment.loss.kind == "cross_entropy":
        softmaxes += 4 * NORM_BYTES * B * min(T, BLOCK_STEPS) * O
    memory = (
        result
        + softmaxes
        + attended
        + (NORM_BYTES + item) * weights  # the draw in float64, and as it is used
        + NORM_BYTES * 8 * H * H  # spectrum: copies of W, and complex work space
        # The drive, a, the states, what a layer hands down; the outputs and what is made of them.
        + item * B * T * ((3 + 2 * kept) * H * cell.layers + below * H + 3 * O)
        + (NORM_BYTES + item) * B * T * D
        + NORM_BYTES * 8 * B * T * cell.layers  # norms, scales and their logarithms
    )
    return Cost(result, memory)


def _over(field: str | None, problem: str, got: int, expected: str, limit: str) -> Refusal:
    return refusal(
        "over_limit",
        field or "the message",
        problem,
        got=got,
        expected=expected,
        advice=f"Start the server with {flag(limit)} to raise the limit.",
        field=field,
    )
