"""One lesson, from its folder: read, made whole, and every mistake named with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.errors import Refusal
from app.lessons.lesson import Lesson, LessonStep, Question
from app.lessons.problems import Broken, Place, Problem
from app.lessons.prose import Claim, Prose, prose
from app.lessons.readings import KNOWN, is_reading
from app.lessons.states import State, changed, opening_state, state_of
from app.lessons.written import (
    LessonFile,
    QuestionFile,
    StepFile,
    line_of,
    read_lesson_file,
    text_of,
)

FILE = "lesson.toml"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}", re.ASCII)
TO_A_LESSON = re.compile(r"#lesson=([A-Za-z0-9][\w.-]{0,79})(&step=[1-9]\d{0,2})?", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True)
class Expectation:
    """What the run of a state is said to read, and where it is said."""

    step: int
    reading: str
    said: str
    state: State
    place: Place


@dataclass(frozen=True)
class Read:
    """A lesson that can be shown, what it says of its runs, and which lessons it leads to."""

    lesson: Lesson
    folder: Path
    order: float
    expectations: tuple[Expectation, ...]
    leads_to: tuple[tuple[str, Place], ...]


def read_lesson(folder: Path) -> Read:
    """The lesson in a folder. Raises `Broken` with all that is wrong with it."""
    file = folder / FILE
    if not NAME.fullmatch(folder.name):
        raise Broken(
            [
                Problem(
                    Place(file, 1),
                    f"the folder's name cannot stand in a link: got '{folder.name}'; "
                    "expected letters, digits, hyphens, points and underscores",
                )
            ]
        )
    written, text = read_lesson_file(file)
    return _Reader(folder, written, text).read()


class _Reader:
    """Goes through the steps in order: a change is of what the step before it shows."""

    def __init__(self, folder: Path, written: LessonFile, text: str) -> None:
        self._folder = folder
        self._file = folder / FILE
        self._written = written
        self._text = text
        self._problems: list[Problem] = []
        self._expectations: list[Expectation] = []
        self._leads_to: list[tuple[str, Place]] = []

    def read(self) -> Read:
        state = opening_state()
        steps: list[LessonStep] = []
        for number, step in enumerate(self._written.steps):
            state = self._state(number, step, state)
            steps.append(self._step(number, step, state))
        summary = self._line(self._written.summary, "summary")
        if self._problems:
            raise Broken(
                sorted(
                    self._problems,
                    key=lambda problem: (
                        problem.place.file != self._file,
                        str(problem.place.file),
                        problem.place.line,
                    ),
                )
            )
        written = self._written
        lesson = Lesson(
            name=self._folder.name,
            title=written.title,
            section=written.section,
            summary=summary,
            is_gallery=written.gallery,
            steps=steps,
        )
        return Read(
            lesson, self._folder, written.order, tuple(self._expectations), tuple(self._leads_to)
        )

    def _state(self, number: int, step: StepFile, before: State) -> State:
        if step.link is not None:
            link = step.link
            return self._tried(lambda: state_of(link), self._place(number, "link")) or before
        if step.change is not None:
            change = step.change
            return (
                self._tried(lambda: changed(before, change), self._place(number, "change"))
                or before
            )
        return before

    def _step(self, number: int, step: StepFile, state: State) -> LessonStep:
        named_at = self._place(number, "text")
        try:
            text = text_of(self._folder / step.text, named_at)
        except Broken as broken:
            self._problems += broken.problems
            text = ""
        found = prose(text, Place(self._folder / step.text, 1))
        self._take(number, found, state)
        for name, said in step.reads.items():
            self._expectations.append(
                Expectation(number + 1, name, said, state, self._place(number, "reads", name))
            )
        return LessonStep(
            title=step.title,
            summary=self._line(step.summary, "steps", number, "summary", state=state),
            text=found.html,
            hash=self._tried(lambda: state.hash, named_at) or "",
            look=step.look,
            question=step.question and self._question(number, step.question, state),
        )

    def _question(self, number: int, written: QuestionFile, state: State) -> Question:
        def line(text: str, name: str) -> str:
            return self._line(text, "steps", number, "question", name, state=state)

        return Question(
            ask=line(written.ask, "ask"),
            choices=[line(choice, "choices") for choice in written.choices],
            answer=written.answer,
            after=line(written.after, "after"),
            covers=written.covers,
        )

    def _line(self, html: str, *where: str | int, state: State | None = None) -> str:
        """HTML within a line of lesson.toml."""
        found = prose(html, self._place(*where), is_inline=True)
        number = next((part for part in where if isinstance(part, int)), 0)
        self._take(number, found, state or opening_state())
        return found.html

    def _take(self, number: int, found: Prose, state: State) -> None:
        self._problems += found.problems
        for word in found.words:
            other = TO_A_LESSON.fullmatch(word.href)
            if other:
                self._leads_to.append((other[1], word.place))
            else:
                self._tried(lambda: changed(state, word.href).hash, word.place)  # noqa: B023
        for claim in found.claims:
            self._claim(number, claim, state)

    def _claim(self, number: int, claim: Claim, state: State) -> None:
        if not is_reading(claim.reading):
            expected = f"expected one of {', '.join(KNOWN)}"
            self._problems.append(
                Problem(
                    claim.place,
                    f"<data> has an unknown value: got '{claim.reading[:40]}'; {expected}",
                )
            )
            return
        of = self._tried(lambda: changed(state, claim.at), claim.place) if claim.at else state
        if of is not None:
            self._expectations.append(
                Expectation(number + 1, claim.reading, claim.text.strip(), of, claim.place)
            )

    def _place(self, *where: str | int) -> Place:
        path = where if where and where[0] in ("steps", "summary") else ("steps", *where)
        return Place(self._file, line_of(self._text, path))

    def _tried(self, make: Callable[[], T], place: Place) -> T | None:
        try:
            return make()
        except Refusal as refused:
            self._problems.append(Problem(place, refused.error.message))
            return None
