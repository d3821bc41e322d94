"""Whether lessons speak the truth: every number that they name, against the run that they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.device import chosen_device
from app.engine import RunEngine
from app.errors import Refusal
from app.faults import refusal_of
from app.lessons.folder import Expectation, Read
from app.lessons.problems import Problem
from app.lessons.readings import Measured, is_as_said, reading
from app.lessons.shelf import shelf_of
from app.limits import check_limits
from app.server import files_of
from app.settings import Settings


@dataclass(frozen=True)
class Line:
    """What is said of a lesson."""

    text: str
    is_problem: bool = False


def report(folders: Sequence[Path], settings: Settings) -> Iterator[Line]:
    """Line by line what is to be said of the lessons in `folders`, or of the shipped ones."""
    engine = RunEngine(chosen_device(settings.device), settings.cache_bytes, files_of(settings))
    shelf = shelf_of(folders)
    for problem in shelf.problems:
        yield Line(str(problem), is_problem=True)
    inside = [folder.resolve() for folder in folders]
    for read in shelf.reads:
        place = read.folder.resolve()
        if inside and not {place, place.parent} & set(inside):
            continue
        wrong = list(untrue(read, engine, settings))
        for problem in wrong:
            yield Line(str(problem), is_problem=True)
        if not wrong:
            steps, numbers = len(read.lesson.steps), len(read.expectations)
            yield Line(f"{read.lesson.name}: {steps} steps, {numbers} numbers as measured")


def untrue(read: Read, engine: RunEngine, settings: Settings) -> Iterator[Problem]:
    """What of a lesson its runs don't give, and steps that this server would refuse to run."""
    measured: dict[str, Measured] = {}
    for expectation in read.expectations:
        state = expectation.state
        key = state.hash
        try:
            check_limits(state.experiment, None, settings)
            if key not in measured:
                measured[key] = Measured(state.experiment, state.t, engine)
            yield from _judged(expectation, measured[key])
        except Refusal as refused:
            yield Problem(expectation.place, refused.error.message)


def _judged(expectation: Expectation, measured: Measured) -> Iterator[Problem]:
    name, said = expectation.reading, expectation.said
    try:
        found = reading(name, measured)
    except Exception as fault:
        raise refusal_of(fault) from None
    if not is_as_said(said, found):
        yield Problem(
            expectation.place,
            f"step {expectation.step} says that {name} is {said}: the run gives {found}",
        )
