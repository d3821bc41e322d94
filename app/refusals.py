"""From pydantic's validation errors to the one error shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.errors import Refusal, refusal

MOST_DETAILS = 1000  # listing a million wrong fields takes seconds and helps nobody

# Where pydantic puts the chosen member's name into the path, which no reader of JSON knows.
UNIONS = {("input",), ("initial_state",), ("loss",), ("loss", "target")}
MESSAGE_TYPES = {"run", "analyse", "measure", "cancel"}

PROBLEMS: dict[str, tuple[str, str]] = {
    "missing": ("is missing", "a value"),
    "extra_forbidden": ("is not a field of this document", "no such field"),
    "int_type": ("has the wrong type", "an integer"),
    "int_from_float": ("has the wrong type", "an integer"),
    "int_parsing_size": ("is out of range", "a smaller integer"),
    "float_type": ("has the wrong type", "a number"),
    "finite_number": ("is not finite", "a finite number"),
    "string_type": ("has the wrong type", "a text"),
    "bool_type": ("has the wrong type", "true or false"),
    "list_type": ("has the wrong type", "a list"),
    "model_type": ("has the wrong type", "an object"),
    "model_attributes_type": ("has the wrong type", "an object"),
    "dict_type": ("has the wrong type", "an object"),
}


def from_validation(error: ValidationError) -> Refusal:
    """The `Refusal` for the first of the errors in `error`."""
    if error.error_count() > MOST_DETAILS:
        count = error.error_count()
        return refusal(
            "invalid_field", "the message", "has too many wrong fields", got=count, expected="none"
        )
    detail = error.errors(include_url=False)[0]
    if detail["type"] == "json_invalid":
        return not_json(str(detail.get("ctx", {}).get("error", detail["msg"])))
    context: dict[str, Any] = detail.get("ctx", {})
    if detail["type"] == "does_not_fit":
        return refusal(
            "invalid_field",
            context["field"],
            context["problem"],
            got=context["got"],
            expected=context["expected"],
            advice=context["advice"],
            field=context["field"],
        )
    field = field_path(detail["loc"])
    problem, expected, got = _wording(detail, context)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found") and isinstance(
        detail["input"], dict
    ):
        field = f"{field}.{_tag_name(detail)}".lstrip(".")
    return refusal(
        "invalid_field",
        field or "the document",
        problem,
        got=got,
        expected=expected,
        advice=_advice(detail),
        field=field or None,
    )


def not_json(problem: str) -> Refusal:
    """The `Refusal` of a text that is not JSON, or nests too deep to be read."""
    return refusal(
        "invalid_json",
        "the message",
        "is not JSON that can be read",
        got=problem,
        expected="one JSON object",
    )


def field_path(loc: Sequence[int | str]) -> str:
    """Dotted path as a reader of the JSON would write it: ('loss', 'mse', 'at') is loss.at."""
    parts = list(loc)
    if parts and parts[0] in MESSAGE_TYPES:
        parts = parts[1:]
    if len(parts) > 1 and parts[0] == "experiment":
        parts = parts[1:]
    kept: list[str] = []
    skip = False
    for part in parts:
        if skip:
            skip = False
            continue
        kept.append(str(part).encode("utf-8", "replace").decode()[:100])
        skip = tuple(kept) in UNIONS or (len(kept) == 3 and kept[1] == "edits")
    return ".".join(kept)


def _wording(detail: ErrorDetails, context: dict[str, Any]) -> tuple[str, str, object]:
    """(problem, expected, got) of one pydantic error."""
    kind, got = detail["type"], detail["input"]
    if kind in PROBLEMS:
        problem, expected = PROBLEMS[kind]
        return problem, expected, None if kind == "missing" else got
    if kind == "literal_error":
        return "is not available here", str(context["expected"]), got
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        if not isinstance(got, dict):
            return "has the wrong type", "an object", got
        tag = got.get(_tag_name(detail))
        expected = context.get("expected_tags", "'run', 'analyse', 'measure' or 'cancel'")
        return "is not available here", f"one of {expected}", tag
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        words = {
            "greater_than_equal": ("ge", "{} or more"),
            "greater_than": ("gt", "more than {}"),
            "less_than_equal": ("le", "{} or less"),
            "less_than": ("lt", "less than {}"),
        }
        key, text = words[kind]
        return "is out of range", text.format(f"{context[key]:g}"), got
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return "is not valid", message, got


def _tag_name(detail: ErrorDetails) -> str:
    """The field that chooses among a union's members."""
    if not detail["loc"]:
        return "type"
    return "op" if "edits" in detail["loc"] else "kind"


def _advice(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return "Check the spelling; /api/schema lists every field."
    if detail["type"] in ("int_type", "float_type") and isinstance(detail["input"], str):
        return "Numbers are written without quotes."
    return ""
