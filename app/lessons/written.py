"""`lesson.toml` as a lecturer writes it: one model, and where in the file each part stands."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.lessons.lesson import Panel
from app.lessons.problems import Broken, Place, Problem
from app.lessons.readings import KNOWN, is_reading

MOST_STEPS = 100
MAX_FILE_BYTES = 200_000
FILE_NAME = re.compile(r"[\w][\w. -]{0,79}\.html")

Line = Annotated[str, Field(max_length=1000)]


def _number_text(value: Any) -> Any:
    """A number as it is written: its digits say how exact it is meant."""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return str(value) if is_number else value


Expected = Annotated[str, BeforeValidator(_number_text), Field(min_length=1, max_length=40)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class QuestionFile(_Written):
    """[steps.question]: predict, then look."""

    ask: Annotated[Line, Field(min_length=1)]
    """The question."""
    choices: list[Line] = Field(min_length=2, max_length=9)
    """What may be predicted; the keys 1 to 9 choose."""
    answer: int = Field(ge=1)
    """Which of the choices is right, counted from 1."""
    after: Line = ""
    """What is said once the class has looked."""
    covers: list[Panel] = ["verdict", "bottom", "time", "readout"]
    """What is covered until then."""

    @model_validator(mode="after")
    def _answer_is_a_choice(self) -> Self:
        if self.answer > len(self.choices):
            raise ValueError(
                f"answer is no choice: got {self.answer}; expected 1 to {len(self.choices)}"
            )
        return self


class StepFile(_Written):
    """[[steps]]: one step."""

    text: str
    """The file with the prose, in the lesson's folder."""
    title: Annotated[str, Field(max_length=120)] = ""
    """A few words over the prose."""
    summary: Line = ""
    """One line; in a gallery what one should see."""
    link: str | None = None
    """A link as the page copies it: what is shown, whole."""
    change: str | None = None
    """What differs from the step before, such as rho=1.2&bottom=powers."""
    look: list[Panel] = []
    """The panels to look at; the others step back."""
    question: QuestionFile | None = None
    reads: dict[str, Expected] = {}
    """What the run of this step is expected to give, by names of readings."""

    @model_validator(mode="after")
    def _is_one_step(self) -> Self:
        if self.link is not None and self.change is not None:
            raise ValueError("a step has either link or change: got both; leave one out")
        if not FILE_NAME.fullmatch(self.text):
            raise ValueError(
                f"text is no file of this folder: got '{self.text[:80]}'; expected a "
                "name such as 01-start.html"
            )
        for name in self.reads:
            if not is_reading(name):
                raise ValueError(
                    f"reads has an unknown name: got '{name[:40]}'; expected one of "
                    f"{', '.join(KNOWN)}"
                )
        return self


class LessonFile(_Written):
    """The whole file."""

    title: str = Field(min_length=1, max_length=120)
    section: str = Field("", max_length=120)
    """Of which section of a chapter it is."""
    summary: Line = ""
    """One line for the list of lessons: its surprise."""
    order: float = 1000
    """Its place in the list; the smallest is first."""
    gallery: bool = False
    """Whether its steps are presets that are also opened one by one, from the list."""
    steps: list[StepFile] = Field(min_length=1, max_length=MOST_STEPS)


def read_lesson_file(file: Path) -> tuple[LessonFile, str]:
    """The model of a lesson.toml, and its text. Raises `Broken`."""
    text = text_of(file, Place(file, 1))
    try:
        # Numbers keep the digits that they are written with.
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else 1 + text.count("\n")
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise Broken([Problem(Place(file, line), f"this is no TOML: {message}")]) from None
    try:
        return LessonFile.model_validate(document), text
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        raise Broken([_problem(file, text, detail) for detail in details]) from None


def text_of(file: Path, named_at: Place) -> str:
    """A file's text. Raises `Broken`, which names where the file was asked for."""
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise Broken(
                [
                    Problem(
                        named_at,
                        f"{file.name} is too large: got {size} bytes; "
                        f"expected at most {MAX_FILE_BYTES}",
                    )
                ]
            )
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise Broken(
            [Problem(Place(file, line), "this is no UTF-8 text: save the file as UTF-8")]
        ) from None
    except OSError as error:
        raise Broken([Problem(named_at, f"{file.name} cannot be read: {error.strerror}")]) from None


def _problem(file: Path, text: str, detail: Any) -> Problem:
    """A pydantic error as a line of the file."""
    where = tuple(detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in where)
    if detail["type"] == "missing":
        message = f"{name} is missing"
        where = where[:-1]
    elif detail["type"] == "extra_forbidden":
        message = f"{name} is unknown here: check the spelling"
    elif detail["type"] != "value_error":
        message = f"{name}: {message[0].lower()}{message[1:]}; got {str(detail['input'])[:80]!r}"
    return Problem(Place(file, line_of(text, where)), message)


_HEADER = re.compile(r"\s*\[\[?\s*([\w.]+)\s*\]\]?")


def line_of(text: str, where: tuple[str | int, ...]) -> int:
    """The line, from 1, of a part of the file; of what contains it where it isn't found.

    >>> line_of('title = "x"\\n[[steps]]\\ntext = "a"\\n[[steps]]\\n[steps.question]\\nask = 1',
    ...         ("steps", 1, "question", "ask"))
    6
    """
    table: tuple[str, ...] = ()
    best, step = 1, -1
    keys = tuple(part for part in where if isinstance(part, str))
    wanted_step = next((part for part in where if isinstance(part, int)), None)
    if keys[:1] != ("steps",):
        wanted_step = None
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = tuple(header[1].split("."))
            step += table == ("steps",)
        in_step = not table or wanted_step is None or step == wanted_step
        if (wanted_step is not None and not table) or not in_step:
            continue
        if header and table == keys[: len(table)]:
            best = number
        key = re.match(r"\s*\"?([\w-]+)\"?\s*=", line)
        if key and (*table, key[1]) == keys[: len(table) + 1]:
            best = number
    return best
