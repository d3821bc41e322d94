"""Which Experiments an offline file holds: one at many ρ, and at the values of a second field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from app.edits import RescaleToRadius
from app.errors import Refusal, refusal
from app.experiment import Experiment
from app.link import SHORT_NAMES, differing, nested, value_of
from app.protocol import read_experiment

LARGEST_RADIUS = 2.0
# Steps of ρ: far from 1, and from FINE[0] to FINE[1], where everything turns; the finest first.
STEPS = ((0.05, 0.01), (0.1, 0.02), (0.2, 0.05), (0.5, 0.1))
FINE = (0.8, 1.2)
MOST_VALUES = 401
RADIUS = "recurrent.spectral_radius"
WORDS = {
    "rho_values": ("the values of ρ", "cannot be read"),
    "over": ("the second parameter", "cannot be read"),
}


@dataclass(frozen=True)
class Over:
    """A second parameter: a field, and the values it takes."""

    path: str
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        """What a link calls it, or its path."""
        return next((short for short, path in SHORT_NAMES.items() if path == self.path), self.path)


def grid(coarse: float, fine: float) -> tuple[float, ...]:
    """ρ from 0 to 2, in steps of `coarse`, around 1 in steps of `fine`.

    >>> grid(0.5, 0.1)
    (0.0, 0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0)
    """
    far = [k * coarse for k in range(round(LARGEST_RADIUS / coarse) + 1)]
    near = [FINE[0] + k * fine for k in range(round((FINE[1] - FINE[0]) / fine) + 1)]
    outside = [rho for rho in far if not FINE[0] < rho < FINE[1] or rho == 1]
    return tuple(sorted({round(rho, 4) for rho in [*outside, *near]}))


GRIDS = tuple(grid(coarse, fine) for coarse, fine in STEPS)


def radii_from(text: str) -> tuple[float, ...]:
    """ρ as they are listed, `0.5,0.9,1`, or `start:end:step`. Raises a `Refusal`."""
    expected = "numbers from 0 up with commas between them, or start:end:step"
    try:
        if ":" in text:
            start, end, step = (float(part) for part in text.split(":"))
            count = round((end - start) / step) + 1
            if not 0 < count <= MOST_VALUES:
                raise _bad("rho_values", count, f"1 to {MOST_VALUES} values")
            found = [start + k * step for k in range(count)]
        else:
            found = [float(part) for part in text.split(",") if part.strip()]
    except (ValueError, ZeroDivisionError, OverflowError):
        raise _bad("rho_values", text, expected) from None
    values = sorted({round(rho, 6) for rho in found})
    if not values or not all(0 <= rho <= 1e6 for rho in values):
        raise _bad("rho_values", text, expected)
    if len(values) > MOST_VALUES:
        raise _bad("rho_values", len(values), f"at most {MOST_VALUES} values")
    return tuple(values)


def over_from(text: str) -> Over:
    """A second parameter as it is typed, `phi=tanh,relu`. Raises a `Refusal`."""
    name, sign, listed = text.partition("=")
    path = SHORT_NAMES.get(name.strip(), name.strip())
    values = [value_of(part.strip()) for part in listed.split(",") if part.strip()]
    if not sign or not values or len(values) > MOST_VALUES:
        raise _bad("over", text, f"FIELD=value,value,… with at most {MOST_VALUES} values")
    if path in (RADIUS, "recurrent.gain"):
        raise _bad("over", name, "another field than ρ, which has a grid of its own")
    # The document {} has every field that one may differ in, or one of its kinds has.
    if path not in SHORT_NAMES.values() and not path.endswith((".seed", ".scale")):
        expected = f"one of {', '.join(n for n in SHORT_NAMES if n not in ('rho', 'gain'))}"
        raise _bad("over", name, expected)
    return Over(path, tuple(dict.fromkeys(values)))


def with_own(over: Over, experiment: Experiment) -> Over:
    """The second parameter with the Experiment's own value among the others, as it must be."""
    own: Any = experiment.model_dump(mode="json")
    for key in over.path.split("."):
        own = own.get(key) if isinstance(own, dict) else None
    return over if own is None or own in over.values else Over(over.path, (own, *over.values))


def at_radius(experiment: Experiment, rho: float) -> Experiment:
    """The Experiment as the page's slider leaves it at ρ: a draw is scaled to it, what was made by
    hand or loaded is rescaled as it is."""
    recurrent = experiment.recurrent
    if recurrent.edits or experiment.weights.file is not None:
        before = recurrent.edits
        if before and before[-1].op == "radius":
            before = before[:-1]
        edits = [*before, RescaleToRadius(op="radius", spectral_radius=rho)]
        changed = recurrent.model_copy(update={"edits": edits})
    else:
        changed = recurrent.model_copy(update={"spectral_radius": rho, "gain": None})
    return experiment.model_copy(update={"recurrent": changed})


def at_value(experiment: Experiment, over: Over, value: Any) -> Experiment:
    """The Experiment with another value in the second parameter. Raises a `Refusal`."""
    fields = dict(differing(experiment))
    fields[over.path] = value
    group, _, last = over.path.partition(".")
    if last == "kind":
        known = _fields_of(group, value)
        fields = {
            path: each
            for path, each in fields.items()
            if path == over.path
            or not path.startswith(f"{group}.")
            or path[len(group) + 1 :] in known
        }
    try:
        return read_experiment(json.dumps(nested(fields)).encode())
    except Refusal as refused:
        error = refused.error
        message = f"the second parameter {over.name}: {error.message}"
        raise Refusal(error.model_copy(update={"message": message})) from None


def _fields_of(group: str, kind: Any) -> set[str]:
    """The fields that a group has beside its kind, where that kind is chosen."""
    annotation = Experiment.model_fields[group].annotation
    members = [get_args(each)[0] for each in get_args(annotation)]
    for member in members:
        if kind in get_args(member.model_fields["kind"].annotation):
            return set(member.model_fields)
    model: Any = annotation
    return set(getattr(model, "model_fields", {}))


def changes_of(base: Experiment, changed: Experiment) -> Mapping[str, Any]:
    """Dotted path → value of each field in which two Experiments differ; null is the default."""
    before, after = dict(differing(base)), dict(differing(changed))
    paths: Sequence[str] = [*before, *(path for path in after if path not in before)]
    return {path: after.get(path) for path in paths if before.get(path) != after.get(path)}


def _bad(field: str, got: object, expected: str) -> Refusal:
    argument, problem = WORDS[field]
    return refusal("invalid_field", argument, problem, got=got, expected=expected, field=field)
