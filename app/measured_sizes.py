"""Which networks are timed, one Experiment each: chosen and checked before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from app.errors import Refusal, refusal
from app.experiment import Experiment, Generation, Noise, WeightsFile, Zeros
from app.gates import GATES, INPUT_BLOCKS
from app.limits import Cost, check_limits, largest_attention_length, run_cost
from app.plan import MeasurePlan
from app.protocol import Measure, View
from app.settings import Settings, flag

Series = Literal["over_hidden_size", "over_steps", "attention_over_steps"]

NOTHING_SENT = View(t0=0, t1=1, columns=1)  # of a run but its times
# One run of the largest size: about a second forward on one core, and as much again backward.
MOST_PRODUCTS = 2**31
MOST_BYTES = 2**28  # of working memory, where the server chooses
# What smaller sizes take is overhead alone.
LEAST_HIDDEN = 8
LEAST_LENGTH = 64
# From here on a run is longer than the caches, and its time that of memory.
MOST_LENGTH = 2**15


def measured_sizes(message: Measure, settings: Settings) -> tuple[MeasurePlan, Cost]:
    """What a message has timed, and the cost of the largest of it.

    Raises:
        Refusal: (over_limit) the Experiment, or a size that was asked for, is over a limit;
            (invalid_field) other H are asked for of weights from a file.
    """
    experiment = message.experiment
    check_limits(experiment, NOTHING_SENT, settings)
    hidden = _hidden_sizes(message, settings)
    lengths = _lengths(message, settings)
    looking = _attention_lengths(experiment, lengths, settings)
    plan = MeasurePlan(hidden, lengths, looking, message.rounds)
    costs = [run_cost(timed(experiment, *point), NOTHING_SENT) for point in points_of(plan)]
    memory = max((cost.memory_bytes for cost in costs), default=0)
    return plan, Cost(0, memory)


def points_of(plan: MeasurePlan) -> list[tuple[Series, int]]:
    """Every size of every series."""
    sizes: dict[Series, Sequence[int]] = {
        "over_hidden_size": plan.hidden_sizes,
        "over_steps": plan.lengths,
        "attention_over_steps": plan.attention_lengths,
    }
    return [(series, size) for series, found in sizes.items() for size in found]


def timed(experiment: Experiment, series: Series, size: int) -> Experiment:
    """The network of one size of a series.

    Its inputs are given, and what fits one length or one H alone is left out: how long a step
    takes does not depend on the numbers in it.
    """
    changes: dict[str, object] = {"generation": Generation()}
    if experiment.input.kind in ("values", "file", "text"):
        changes["input"] = Noise(kind="noise")
    if isinstance(getattr(experiment.loss, "target", None), list):
        changes["loss"] = experiment.loss.model_copy(update={"target": None})
    cell = experiment.cell
    if series == "over_hidden_size":
        changes["cell"] = cell.model_copy(update={"hidden_size": size})
        if experiment.initial_state.kind == "values":
            changes["initial_state"] = Zeros()
    else:
        changes["steps"] = size
    if series == "attention_over_steps":
        changes["cell"] = cell.model_copy(update={"kind": "attention", "layers": 1})
        changes["weights"] = WeightsFile()
    return experiment.model_copy(update=changes)


def products_of(experiment: Experiment) -> int:
    """Multiply-adds of a forward run, all sequences."""
    cell, T = experiment.cell, experiment.steps
    D, H, O = cell.input_size, cell.hidden_size, cell.output_size  # noqa: E741
    gates, inputs = len(GATES[cell.kind]), INPUT_BLOCKS[cell.kind]
    step = inputs * H * D + gates * H * H + (cell.layers - 1) * gates * 2 * H * H + O * H
    looks = T * (T + 1) * H if cell.kind == "attention" else 0
    return experiment.batch_size * (T * step + looks)


def _hidden_sizes(message: Measure, settings: Settings) -> tuple[int, ...]:
    experiment = message.experiment
    if experiment.weights.file is not None:
        if message.hidden_sizes:
            raise refusal(
                "invalid_field",
                "hidden_sizes",
                "cannot be given together with weights.file",
                got=len(message.hidden_sizes),
                expected="null or none: loaded weights have their H",
                field="hidden_sizes",
            )
        return ()

    def of_size(size: int) -> Experiment:
        return timed(experiment, "over_hidden_size", size)

    if message.hidden_sizes is not None:
        _check_sizes("hidden_sizes", message.hidden_sizes, "max_hidden", of_size, settings)
        return tuple(sorted(set(message.hidden_sizes)))
    return _chosen(LEAST_HIDDEN, settings.max_hidden, experiment.cell.hidden_size, of_size)


def _lengths(message: Measure, settings: Settings) -> tuple[int, ...]:
    experiment = message.experiment

    def of_length(size: int) -> Experiment:
        return timed(experiment, "over_steps", size)

    is_attention = experiment.cell.kind == "attention"
    if message.lengths is not None:
        limit = "max_attention_steps" if is_attention else "max_steps"
        _check_sizes("lengths", message.lengths, limit, of_length, settings)
        return tuple(sorted(set(message.lengths)))
    largest = min(settings.max_steps, MOST_LENGTH)
    if is_attention:
        largest = min(largest, largest_attention_length(experiment.batch_size, settings))
    return _chosen(LEAST_LENGTH, largest, experiment.steps, of_length)


def _attention_lengths(
    experiment: Experiment, lengths: Iterable[int], settings: Settings
) -> tuple[int, ...]:
    """Attention beside another cell, at its lengths, as far as it gets."""
    if experiment.cell.kind == "attention":
        return ()
    largest = largest_attention_length(experiment.batch_size, settings)
    fitting = (size for size in lengths if size <= largest)
    return tuple(s for s in fitting if _is_short(timed(experiment, "attention_over_steps", s)))


def _chosen(
    least: int, largest: int, present: int, of_size: Callable[[int], Experiment]
) -> tuple[int, ...]:
    """2ᵏ, 3 · 2ᵏ and the present size, as far as one run of them is short."""
    powers = [2**k for k in range(largest.bit_length())]
    grid = (size for power in powers for size in (power, 3 * power))
    sizes = sorted({present, *(size for size in grid if least <= size <= largest)})
    return tuple(size for size in sizes if _is_short(of_size(size)))


def _is_short(experiment: Experiment) -> bool:
    is_small = run_cost(experiment, NOTHING_SENT).memory_bytes <= MOST_BYTES
    return is_small and products_of(experiment) <= MOST_PRODUCTS


def _check_sizes(
    name: str,
    sizes: Sequence[int],
    limit: str,
    of_size: Callable[[int], Experiment],
    settings: Settings,
) -> None:
    """Refuses a size that was asked for by the first limit it is over."""
    for k, size in enumerate(sizes):
        largest: int = getattr(settings, limit)
        if size > largest:
            raise refusal(
                "over_limit",
                f"{name}.{k}",
                "is out of range",
                got=size,
                expected=f"1 to {largest}",
                advice=f"Start the server with {flag(limit)} to raise the limit.",
                field=f"{name}.{k}",
            )
        experiment = of_size(size)
        products = products_of(experiment)
        if products > MOST_PRODUCTS:
            raise refusal(
                "over_limit",
                f"{name}.{k}",
                "makes one run too long to be repeated",
                got=f"{products} multiply-adds",
                expected=f"at most {MOST_PRODUCTS}",
                advice="Measure smaller sizes: the exponent goes on.",
                field=f"{name}.{k}",
            )
        try:
            check_limits(experiment, NOTHING_SENT, settings)
        except Refusal as refused:
            error = refused.error.model_copy(update={"field": f"{name}.{k}"})
            raise Refusal(error) from None
