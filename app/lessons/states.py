"""What a step shows: an Experiment and a view, from a link, or from a change of what was shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args
from urllib.parse import quote

from app.embed_options import BottomView, SideView, TopView
from app.errors import Refusal, refusal
from app.experiment import Experiment
from app.link import (
    OPENING_HASH,
    SHORT_NAMES,
    TEXTS,
    VIEW_NAMES,
    differing,
    nested,
    parts_of,
    read_link,
    value_of,
    view_parts,
    write_link,
)
from app.protocol import read_experiment

# What one choice excludes, or has a meaning for alone.
INSTEAD = {
    "recurrent.spectral_radius": "recurrent.gain",
    "recurrent.gain": "recurrent.spectral_radius",
}
SHARED_BY_INPUTS = {"input.kind", "input.amplitude", "input.seed"}
OF_LESSONS = ("lesson", "step")
# The page leaves out of a link what it doesn't know; here its writer is told. The atlas stands in
# two places.
VIEWS: Mapping[str, tuple[str, ...]] = {
    "top": get_args(TopView),
    "bottom": (*get_args(BottomView), "atlas"),
    "side": get_args(SideView),
    "second": ("bottom", "side", "corner"),
}


@dataclass(frozen=True)
class State:
    """What is on the screen."""

    experiment: Experiment
    view: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The link to it, with its "#"."""
        parts = [f"{name}={quote(text, safe='+')}" for name, text in self.view.items()]
        return "&".join([write_link(self.experiment), *parts])

    @property
    def t(self) -> int:
        """The cursor, from 1."""
        text = self.view.get("t", "1")
        return min(int(text), self.experiment.steps) if text.isdigit() else 1


def state_of(link: str) -> State:
    """What a whole link shows. Raises a `Refusal`."""
    return _checked(State(read_link(link), _own(view_parts(link))))


def opening_state() -> State:
    """What the page opens with."""
    return state_of(OPENING_HASH)


def changed(state: State, change: str) -> State:
    """What `change`, such as rho=1.2&bottom=powers, makes of a state; a packed link replaces it.

    Raises a `Refusal`.
    """
    text = change.removeprefix("#")
    if text.startswith("v1."):
        return state_of(text)
    fields = dict(differing(state.experiment))
    view = dict(state.view)
    for name, raw in parts_of(text):
        if name in OF_LESSONS:
            raise refusal(
                "invalid_field",
                "the change",
                "is no change",
                got=text,
                expected="fields and panels alone, without lesson and step",
            )
        if name in VIEW_NAMES:
            view[name] = raw
            continue
        if name not in SHORT_NAMES:
            known = ", ".join(
                [*SHORT_NAMES, *(name for name in VIEW_NAMES if name not in OF_LESSONS)]
            )
            raise refusal(
                "invalid_field",
                "the change",
                "has a part that is unknown here",
                got=name,
                expected=f"one of {known}",
                advice="Check the spelling.",
            )
        path = SHORT_NAMES[name]
        if path == "input.kind":
            fields = {
                at: value
                for at, value in fields.items()
                if not at.startswith("input.") or at in SHARED_BY_INPUTS
            }
        if path in INSTEAD:
            fields.pop(INSTEAD[path], None)
        fields[path] = raw if path in TEXTS else value_of(raw)
    return _checked(State(read_experiment(json.dumps(nested(fields)).encode()), view))


def _checked(state: State) -> State:
    for place, known in VIEWS.items():
        shown = state.view.get(place, known[0])
        if shown not in known:
            expected = f"one of {', '.join(known)}"
            raise refusal("invalid_field", place, "has no such view", got=shown, expected=expected)
    t = state.view.get("t", "1")
    if not t.isdigit() or not 1 <= int(t) <= state.experiment.steps:
        expected = f"1 to {state.experiment.steps}, the steps of the run"
        raise refusal("invalid_field", "t", "is no step", got=t, expected=expected)
    return state


def _own(view: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in view.items() if name not in OF_LESSONS}


__all__ = ["Refusal", "State", "changed", "opening_state", "state_of"]
