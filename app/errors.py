"""The one shape that every error has, on HTTP and on the socket."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ErrorCode = Literal[
    "invalid_json",
    "invalid_field",
    "over_limit",
    "not_text",
    "invalid_file",
    "unknown_file",
    "no_storage",
    "forbidden_origin",
    "forbidden_host",
    "forbidden_client",
    "not_found",
    "method_not_allowed",
    "busy",
    "internal",
]

HTTP_STATUS: dict[ErrorCode, int] = {
    "invalid_json": 422,
    "invalid_field": 422,
    "over_limit": 422,
    "not_text": 422,
    "invalid_file": 422,
    "unknown_file": 404,
    "no_storage": 507,
    "forbidden_origin": 403,
    "forbidden_host": 403,
    "forbidden_client": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "busy": 503,
    "internal": 500,
}

Scalar = str | int | float | bool | None

LONGEST_ECHO = 120  # characters of a wrong value that an answer repeats
LARGEST_EXACT_INTEGER = 2**53 - 1  # beyond it JavaScript reads another number


class Error(BaseModel):
    """Why a message or a run was refused. All seven keys are always there."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_serialization_defaults_required=True
    )

    type: Literal["error"] = "error"
    id: int | None = Field(None, description="The run this ends; null on HTTP, and where none is.")
    code: ErrorCode = Field(description="One of a closed list, for programs.")
    message: str = Field(description="One sentence for people: what, got, expected, what to do.")
    field: str | None = Field(None, description="Dotted path of the field, e.g. cell.hidden_size.")
    got: Scalar = Field(None, description="The refused value, shortened where it is long.")
    expected: str | None = Field(None, description="What would have been accepted.")


class Refusal(Exception):
    """Raised wherever something is refused; carries the `Error` to be sent."""

    def __init__(self, error: Error, *, status: int | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status or HTTP_STATUS[error.code]

    def for_run(self, run_id: int | None) -> Error:
        """The error as the end of run `run_id`."""
        return self.error.model_copy(update={"id": run_id})


def refusal(
    code: ErrorCode,
    argument: str,
    problem: str,
    *,
    got: object = None,
    expected: str,
    advice: str = "",
    field: str | None = None,
    status: int | None = None,
) -> Refusal:
    """A `Refusal` whose message reads `argument problem: got …; expected …. advice`."""
    echo = shortened(got)
    message = f"{argument} {problem}: got {worded(echo)}; expected {expected}."
    if advice:
        message += f" {advice}"
    error = Error(code=code, message=message, field=field, got=echo, expected=expected)
    return Refusal(error, status=status)


def shortened(value: object) -> Scalar:
    """`value` as a JSON scalar of bounded length; other things become text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) <= LARGEST_EXACT_INTEGER:
            return value
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)  # nan and inf become text
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        keys = [_cut(str(key)) for key, _ in zip(value, range(4), strict=False)]
        more = ", …" if len(value) > len(keys) else ""
        return _cut(f"an object with {', '.join(keys)}{more}" if keys else "an empty object")
    return type(value).__name__


def worded(echo: Scalar) -> str:
    """`echo` as it is written inside a sentence."""
    if echo is None:
        return "nothing"
    if isinstance(echo, bool):
        return "true" if echo else "false"
    return f"'{echo}'" if isinstance(echo, str) else f"{echo:.6g}" if is_long(echo) else str(echo)


def is_long(number: float) -> bool:
    """Whether a number has more digits than a sentence wants."""
    return isinstance(number, float) and len(str(number)) > 12


def _cut(text: str) -> str:
    # Lone surrogates cannot be sent as UTF-8.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= LONGEST_ECHO else clean[: LONGEST_ECHO - 1] + "…"
