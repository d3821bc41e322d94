"""The Experiment in a web address: the page's own links (`frontend/js/state/link.js`), for scripts.

Two forms, both a difference from `{}`: `#rho=1.2&H=64&T=200&phi=tanh` where every difference has
a short name and there is not much text, else `#v1.<base64url(deflate-raw(JSON))>`. Either may go
on with parts of the view.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel

from app.errors import LARGEST_EXACT_INTEGER, ErrorCode, Refusal, refusal
from app.experiment import Experiment
from app.protocol import read_experiment

OPENING_HASH = "#rho=1.03&phi=linear"

# The names and their order are those of the page's table, fields.js; tests/golden/links.json holds
# both sides to it. What may stand in a field is the model's own word.
SHORT_NAMES: Mapping[str, str] = {
    "cell": "cell.kind",
    "phi": "cell.activation",
    "D": "cell.input_size",
    "H": "cell.hidden_size",
    "O": "cell.output_size",
    "layers": "cell.layers",
    "ensemble": "recurrent.ensemble",
    "seed": "recurrent.seed",
    "rho": "recurrent.spectral_radius",
    "gain": "recurrent.gain",
    "Wxh": "input_weights.scale",
    "bias": "bias.scale",
    "forget": "bias.forget",
    "y": "output.kind",
    "temperature": "output.temperature",
    "generate": "generation.after",
    "sample": "generation.seed",
    "input": "input.kind",
    "amplitude": "input.amplitude",
    "period": "input.period",
    "text": "input.text",
    "tokens": "input.tokens",
    "embedding": "input.embedding",
    "h0": "initial_state.kind",
    "h0scale": "initial_state.scale",
    "at": "loss.at",
    "loss": "loss.kind",
    "T": "steps",
    "B": "batch_size",
    "dtype": "dtype",
}
VIEW_NAMES = (
    "t",
    "top",
    "bottom",
    "side",
    "second",
    "layer",
    "sequence",
    "compare",
    "unroll",
    "cone",
    "jacobian",
    "starts",
    "plane",
    "lesson",
    "step",
)  # what the page shows of the experiment, and no part of it

# The page's bounds: a link is foreign text, and a small one may inflate to hundreds of megabytes.
MAX_HASH_CHARS = 200_000
MAX_INFLATED_BYTES = 2_000_000
MAX_PARTS = 64
# Of the readable form: beyond it a long text is packed, which takes a third of the room.
MAX_READABLE_CHARS = 1000
# Whose text may look like a number and is none.
TEXTS = frozenset({"input.text"})

UNESCAPED = "!'()*"  # by encodeURIComponent, beside what quote leaves alone
_ADDRESS = re.compile(r"https?://[^#]*", re.IGNORECASE)
_VERSION = re.compile(r"v([0-9]+)\.")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_link(link: str) -> Experiment:
    """The Experiment of a link: a whole address, or its hash with or without "#".

    No hash is the opening view; what the link says of the view (the cursor, the panels) is left
    aside. The page takes what it can of a broken link: this takes all of it or raises a `Refusal`.
    """
    address = _ADDRESS.match(link)
    text = link[address.end() if address else 0 :].removeprefix("#") or OPENING_HASH[1:]
    if len(text) > MAX_HASH_CHARS:
        raise _refused("is too long", len(text), f"at most {MAX_HASH_CHARS}", code="over_limit")
    if not text.isascii():  # a browser escapes all else
        raise _damaged(text)
    version = _VERSION.match(text)
    if version is None:
        return _of_lesson(text) or _read_short(text)
    if version[1] != "1":
        advice = "Read it with the Rhoscope that wrote it, or a newer one."
        raise _refused("is of another version", version[1], "1", advice)
    packed, _, view = text[version.end() :].partition("&")
    for name, _ in _pairs(view):
        if name not in VIEW_NAMES:
            raise _unknown(name, VIEW_NAMES)
    document = _unpacked(packed)
    try:
        return read_experiment(document)
    except Refusal as refused:
        if refused.error.code == "invalid_json":
            raise _damaged(refused.error.got) from None
        raise


def view_parts(link: str) -> dict[str, str]:
    """What a link says of the view, by name: the cursor, the panels, what is compared."""
    _, _, text = link.partition("#") if "#" in link or _ADDRESS.match(link) else ("", "", link)
    return {name: raw for name, raw in _pairs(text) if name in VIEW_NAMES}


def parts_of(text: str) -> list[tuple[str, str]]:
    """The parts of a readable link, or of a change such as rho=1.2&T=50: names and texts."""
    return list(_pairs(text))


def write_link(experiment: Experiment) -> str:
    """The hash, with its "#", that is `experiment` to the page and to `read_link`.

    Raises a `Refusal` where it would be longer than they read.
    """
    found = dict(differing(experiment))
    if found.keys() <= set(SHORT_NAMES.values()):
        short = [(name, found[path]) for name, path in SHORT_NAMES.items() if path in found]
        pairs = [f"{name}={quote(_text(value), safe=UNESCAPED)}" for name, value in short]
        # `{}` itself still needs a word: an empty hash is the opening view.
        readable = "&".join(pairs) or "rho=1"
        if len(readable) <= MAX_READABLE_CHARS:
            return f"#{readable}"
    document = json.dumps(nested(found), ensure_ascii=False, separators=(",", ":")).encode()
    packed = base64.urlsafe_b64encode(zlib.compress(document, 9, wbits=-15)).decode().rstrip("=")
    text = f"v1.{packed}"
    if len(text) > MAX_HASH_CHARS or len(document) > MAX_INFLATED_BYTES:
        raise refusal(
            "over_limit",
            "the experiment",
            "is too long for a link",
            got=f"{len(document)} bytes of JSON, packed to {len(text)} characters",
            expected=f"at most {MAX_INFLATED_BYTES} and {MAX_HASH_CHARS}",
            advice="Keep it as JSON.",
        )
    return f"#{text}"


def _of_lesson(text: str) -> Experiment | None:
    """The Experiment of a link that names a lesson's step and nothing else of an Experiment."""
    parts = dict(_pairs(text))
    if "lesson" not in parts or parts.keys() & SHORT_NAMES.keys():
        return None
    from app.lessons import shelf_of  # which reads links itself

    name, shelf = parts["lesson"], shelf_of()
    lesson = shelf.find(name)
    if lesson is None:
        known = ", ".join(entry.name for entry in shelf.entries)
        advice = "Of another lesson, copy the link with the page's share."
        raise _refused("names a lesson that doesn't come along", name, f"one of {known}", advice)
    step = parts.get("step", "1")
    number = min(int(step), len(lesson.steps)) if step.isdigit() else 1
    return read_link(lesson.steps[max(number, 1) - 1].hash)


def _read_short(text: str) -> Experiment:
    changes: dict[str, object] = {}
    for name, raw in _pairs(text):
        if name in VIEW_NAMES:
            continue
        if name not in SHORT_NAMES:
            raise _unknown(name, SHORT_NAMES)
        path = SHORT_NAMES[name]
        if path in changes:
            raise _refused(f"gives {name} twice", raw, "one value")
        changes[path] = raw if path in TEXTS else value_of(raw)
    return read_experiment(json.dumps(nested(changes)).encode())


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    parts = [part for part in text.split("&") if part]
    if len(parts) > MAX_PARTS:
        raise _refused("has too many parts", len(parts), f"at most {MAX_PARTS}", code="over_limit")
    for part in parts:
        try:
            name, _, raw = (unquote(piece, errors="strict") for piece in part.partition("="))
        except UnicodeDecodeError:
            raise _damaged(part) from None
        yield name, raw


def value_of(raw: str) -> str | float:
    """A number where `raw` looks like one, as no choice does; the model judges if it fits.

    Whole numbers become int, in any spelling (1e3), which the strict model takes as float too.
    """
    if not _NUMBER.fullmatch(raw):
        return raw
    number = float(raw)
    is_whole = number.is_integer() and abs(number) <= LARGEST_EXACT_INTEGER
    return int(number) if is_whole else number


def _unpacked(packed: str) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        deflated = base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True)
        document = inflater.decompress(deflated, MAX_INFLATED_BYTES + 1)
    except (ValueError, zlib.error):
        raise _damaged(packed) from None
    if len(document) > MAX_INFLATED_BYTES:
        got, expected = f"more than {MAX_INFLATED_BYTES} bytes", f"at most {MAX_INFLATED_BYTES}"
        raise _refused("inflates too far", got, expected, code="over_limit")
    if not inflater.eof or inflater.unused_data:
        raise _damaged(packed)
    return document


def differing(experiment: Experiment) -> Iterator[tuple[str, Any]]:
    """(dotted path, value as JSON) of every field that isn't at its default."""
    return _differing(experiment, experiment.model_dump(mode="json"))


def _differing(part: BaseModel, written: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            for path, inner in _differing(value, written[name]):
                yield f"{name}.{path}", inner
        elif value != field.get_default(call_default_factory=True):
            # also where there is no default: nothing equals pydantic's word for that
            yield name, written[name]


def nested(fields: Mapping[str, object]) -> dict[str, Any]:
    """The document in which dotted paths hold these values."""
    document: dict[str, Any] = {}
    for path, value in fields.items():
        *groups, last = path.split(".")
        node = document
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = value
    return document


def _text(value: str | float) -> str:
    """`value` as JavaScript's String() writes it; both write a number's fewest exact digits."""
    if not isinstance(value, float):
        return str(value)
    if value == 0:
        return "0"  # -0 as well
    if 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent):+d}"


def _refused(
    problem: str, got: object, expected: str, advice: str = "", code: ErrorCode = "invalid_field"
) -> Refusal:
    return refusal(code, "the link", problem, got=got, expected=expected, advice=advice)


def _unknown(name: str, known: Iterable[str]) -> Refusal:
    expected = f"one of {', '.join(known)}"
    return _refused("has a part that is unknown here", name, expected, "Check the spelling.")


def _damaged(got: object) -> Refusal:
    advice = "Copy the whole link again."
    return _refused("is damaged", got, "a link as the page writes it", advice, "invalid_json")
