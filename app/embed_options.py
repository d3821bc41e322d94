"""The options of /embed: what stands in its query, judged by one model.

An embed is opened by people who did not write its address. So a wrong value never costs them the
picture: it falls back to the default, and the page says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.errors import Error, refusal

# Places, and the views that may stand in them: a view's name is its place, with that view in it.
# A test holds them to the page's own lists, in linked_view.js.
TopView = Literal["hidden_states", "unrolled", "influence", "dimensions", "atlas"]
BottomView = Literal["norms", "powers", "race", "cost"]
SideView = Literal["eigenvalues", "state_space", "lyapunov"]
Place = Literal["verdict", "equation", "top", "bottom", "side", "corner", "time", "readout"]
Panel = Literal[Place, TopView, BottomView, SideView, "weights"]

# The short names of links, as far as the page has a control for them, and what no link names.
Network = Literal["rho", "cell", "phi", "H", "ensemble", "seed", "forget"]
Stimulus = Literal["input", "text", "tokens", "embedding", "amplitude", "period", "h0", "h0scale"]
Form = Literal["T", "generate", "sample", "y", "temperature", "loss", "at"]
Sizes = Literal["B", "D", "O", "layers", "dtype"]
FieldControl = Literal[Network, Stimulus, Form, Sizes]
Unnamed = Literal["clock", "alpha", "compare", "form"]
Control = Literal["none", "min", "full", FieldControl, Unnamed]
Extra = Literal["title", "menus", "reset", "link"]
Hidden = Literal[Panel, FieldControl, Unnamed, Extra]
Locked = Literal["all", "weights", FieldControl, "gain", "Wxh", "bias"]

MOST_ITEMS = 64
_AUTOPLAY = {"": "always", "1": "always", "true": "always", "0": "never", "false": "never"}


def _listed(value: Any) -> Any:
    """A text with its items separated by commas, plus signs or spaces, as a list."""
    return re.split(r"[,+\s]+", value.strip()) if isinstance(value, str) else value


def _flag(value: Any) -> Any:
    return True if value == "" else value


Items = BeforeValidator(_listed)


class EmbedOptions(BaseModel):
    """What an embed shows, and what a hand may do there."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )

    view: Annotated[list[Panel], Items, Field(max_length=MOST_ITEMS)] = [
        "verdict",
        "top",
        "bottom",
        "time",
    ]
    """What is shown: places, or views, which bring their place along."""
    controls: Annotated[list[Control], Items, Field(max_length=MOST_ITEMS)] = ["min"]
    """What can be set: `none`, `min` (ρ and the clock), `full`, or controls by name."""
    hide: Annotated[list[Hidden], Items, Field(max_length=MOST_ITEMS)] = []
    """What of all this is left out again; also the title, the menus in the panels' titles, the
    way back (`reset`) and the way to the whole page (`link`)."""
    lock: Annotated[list[Locked], Items, Field(max_length=MOST_ITEMS)] = []
    """Fields that no hand can change, by their names in links; `weights` is every operation on
    them, `all` is everything. The cursor stays free."""
    theme: Literal["auto", "light", "dark", "projector"] = "auto"
    """Colours and sizes; `auto` is light or dark, as the reader's system is."""
    autoplay: Annotated[
        Literal["slide", "always", "never"],
        BeforeValidator(lambda value: _AUTOPLAY.get(value, value)),
    ] = "slide"
    """When it plays by itself: with its slide, with its first picture, or never. Never where the
    reader wants less motion."""
    loop: Annotated[bool, BeforeValidator(_flag)] = True
    """Whether it plays on from the start after the last step."""
    t: int | None = Field(None, ge=1, le=1_000_000)
    """Step at which it opens, if its link names none."""
    speed: float = Field(1, ge=0.05, le=100)
    """Speed of the clock, × 20 steps a second."""
    lesson: str | None = Field(None, pattern=r"^[A-Za-z0-9][\w.-]{0,79}$")
    """Name of the lesson that is opened, if its link names none."""
    step: int | None = Field(None, ge=1, le=1000)
    """Step of that lesson."""
    title: str = Field("", max_length=200)
    """A line above it all, and the document's title."""
    scale: float = Field(1, ge=0.5, le=3)
    """Size of all type and lines; 1.5 for the back rows."""


LISTS = {"view", "controls", "hide", "lock"}


def read_options(query: Iterable[tuple[str, str]]) -> tuple[EmbedOptions, list[Error]]:
    """The options in a query, and what was wrong with it: that stands at its default."""
    given: dict[str, Any] = {}
    problems: list[Error] = []
    for name, text in query:
        if name not in EmbedOptions.model_fields:
            expected = f"one of {', '.join(EmbedOptions.model_fields)}"
            problems.append(_problem(name[:40], "is no option of an embed", name, expected))
        elif name in LISTS:
            given.setdefault(name, []).extend(item for item in _listed(text) if item)
        else:
            given[name] = text
    for name in LISTS & given.keys():
        del given[name][MOST_ITEMS:]
        if not given[name]:
            del given[name]
    while True:
        try:
            return EmbedOptions.model_validate(given), problems
        except ValidationError as error:
            problems.append(_mended(given, error))


def _mended(given: dict[str, Any], error: ValidationError) -> Error:
    """Takes the first wrong value out of `given`; what was wrong with it."""
    detail = error.errors(include_url=False)[0]
    name, *place = detail["loc"]
    assert isinstance(name, str)
    expected = _allowed(name).replace("`", "")
    if not place:
        del given[name]
        advice = "The default was taken."
        return _problem(name, "can't be so", detail["input"], expected, advice)
    items = given[name]
    del items[int(place[0])]
    if not items:
        del given[name]
    return _problem(name, "has no such item", detail["input"], expected, "It was left out.")


def _problem(field: str, problem: str, got: object, expected: str, advice: str = "") -> Error:
    refused = refusal(
        "invalid_field", field, problem, got=got, expected=expected, advice=advice, field=field
    )
    return refused.error


def options_table() -> str:
    """The table of all options, as docs/embedding.md has it."""
    rows = ["| option | values | default | |", "|---|---|---|---|"]
    for name, field in EmbedOptions.model_fields.items():
        text = " ".join((field.description or "").split())
        rows.append(f"| `{name}` | {_allowed(name)} | {_default(field.default)} | {text} |")
    return "\n".join(rows)


def _allowed(name: str) -> str:
    """What an option may be, in words."""
    if name == "hide":
        own = [f"`{part}`" for part in get_args(Extra)]
        return f"any of `view` and `controls`, {', '.join(own)}"
    schema = EmbedOptions.model_json_schema()["properties"][name]
    parts = [schema, *schema.get("anyOf", [])]
    if choices := schema.get("enum") or schema.get("items", {}).get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    for part in parts:
        if "minimum" in part:
            kind = "a whole number" if part["type"] == "integer" else "a number"
            return f"{kind} from {part['minimum']} to {part['maximum']}"
        if "maxLength" in part:
            return f"a text of up to {part['maxLength']} characters"
        if "pattern" in part:
            return "a name of letters, digits, `-`, `_` and `.`"
    return "`1` or `0`"


def _default(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    if value is None or value == "":
        return ""
    return f"`{int(value) if isinstance(value, bool) else value}`"
