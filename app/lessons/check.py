"""Whether lessons speak the truth: every number that they name, against the run that they show."""

from __future__ import annotations

from collections.abc import Iterator

from app.engine import RunEngine
from app.errors import Refusal
from app.faults import refusal_of
from app.lessons.folder import Expectation, Read
from app.lessons.problems import Problem
from app.lessons.readings import Measured, is_as_said, reading
from app.limits import check_limits
from app.settings import Settings


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
