"""The JSON Schema of the Experiment and of every message, from which the page's types are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.embed_options import EmbedOptions
from app.errors import Error
from app.experiment import Experiment
from app.found import FoundFile
from app.lecture_wish import LectureWish
from app.lessons import Lesson, LessonEntry
from app.protocol import Analyse, Cancel, Done, Hello, Measure, Run, View
from app.token_count import TextToCount, TokenCount

Mode = Literal["validation", "serialization"]

FROM_CLIENT: tuple[type[BaseModel], ...] = (
    Experiment,
    Run,
    Analyse,
    Measure,
    Cancel,
    View,
    TextToCount,
    LectureWish,
)
FROM_SERVER: tuple[type[BaseModel], ...] = (
    Hello,
    Done,
    Error,
    FoundFile,
    Lesson,
    LessonEntry,
    TokenCount,
    EmbedOptions,
    Experiment,
)


def published_schema(ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """What /api/schema serves: the root describes an Experiment, `$defs` every message too.

    `Experiment` is what may be sent, where every field has a default; `CompleteExperiment` is
    what `done` sends back, where every field is there. Likewise for their parts.
    """
    modes: list[tuple[type[BaseModel], Mode]] = [
        *((model, "validation") for model in FROM_CLIENT),
        *((model, "serialization") for model in FROM_SERVER),
    ]
    _, schema = models_json_schema(modes, ref_template="{model}")
    definitions = {
        name: _with_references(definition, ref_template) | {"title": name}
        for name, definition in _publicly_named(schema["$defs"])
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rhoscope",
        "description": "The Experiment, and in $defs every message of the socket.",
        "$ref": ref_template.format(model="Experiment"),
        "$defs": dict(sorted(definitions.items())),
    }


def _publicly_named(definitions: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, definition in definitions.items():
        yield _public_name(name), definition


def _public_name(name: str) -> str:
    stem, _, mode = name.rpartition("-")
    return {"Input": stem, "Output": f"Complete{stem}"}.get(mode, name)


def _with_references(node: Any, template: str) -> Any:
    """A copy of `node` whose references follow the public names.

    Titles of properties are left out: they repeat the name, and generators of types make a type
    alias of each.
    """
    if isinstance(node, list):
        return [_with_references(item, template) for item in node]
    if not isinstance(node, dict):
        return node
    copy: dict[str, Any] = {}
    for key, value in node.items():
        if key == "$ref":
            copy[key] = template.format(model=_public_name(value))
        elif key == "properties":
            copy[key] = {
                name: _with_references(_untitled(field), template) for name, field in value.items()
            }
        else:
            copy[key] = _with_references(value, template)
    return copy


def _untitled(field: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "title"}
