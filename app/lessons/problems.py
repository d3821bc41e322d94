"""What is wrong with a lesson, and where it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def below(self, lines: int) -> Place:
        """So many lines further down."""
        return Place(self.file, self.line + lines)


@dataclass(frozen=True)
class Problem:
    """One thing to mend, said like an editor's or a compiler's line: `file:line: message`."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Broken(Exception):
    """A lesson that cannot be shown; it carries everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
