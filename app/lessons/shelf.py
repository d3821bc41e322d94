"""All lessons of a server: read once, when it starts, and found by name from then on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.assets import MissingAsset
from app.lessons.folder import FILE, Read, read_lesson
from app.lessons.lesson import Lesson, LessonEntry
from app.lessons.problems import Broken, Place, Problem

MOST_LESSONS = 500


def shipped_folder() -> Path:
    """Where the lessons that come along are: in an installed package, else in a checkout."""
    here = Path(__file__).parent.parent
    for folder in (here / "_lessons", here.parent / "lessons"):
        if folder.is_dir():
            return folder
    raise MissingAsset(
        f"the lessons are missing: got none in {here / '_lessons'} or {here.parent / 'lessons'}; "
        "expected them there. Install Rhoscope again."
    )


@dataclass(frozen=True)
class Shelf:
    """The lessons that can be shown, in their order, and what is wrong with the others."""

    reads: tuple[Read, ...]
    problems: tuple[Problem, ...]

    @property
    def entries(self) -> list[LessonEntry]:
        """The list of lessons."""
        return [read.lesson.entry for read in self.reads]

    def find(self, name: str) -> Lesson | None:
        """The lesson of that name."""
        return next((read.lesson for read in self.reads if read.lesson.name == name), None)


def shelf_of(more: Iterable[Path] = (), shipped: Path | None = None) -> Shelf:
    """The shipped lessons, and those of further folders: each holds lessons, or is one.

    Of two lessons with one name the later folder's stands: so a shipped lesson can be rewritten.
    """
    groups = [_shipped(shipped or shipped_folder()), *map(_read, more)]
    found = {read.lesson.name: read for reads, _ in groups for read in reads}
    problems = [problem for _, those in groups for problem in those] + _dead_ends(found)
    reads = sorted(found.values(), key=lambda read: (read.order, read.lesson.name))
    return Shelf(tuple(reads), tuple(problems))


def _read(place: Path) -> tuple[list[Read], list[Problem]]:
    reads: list[Read] = []
    problems: list[Problem] = []
    for folder in _folders(place, problems):
        try:
            reads.append(read_lesson(folder))
        except Broken as broken:
            problems += broken.problems
    return reads, problems


_shipped = cache(_read)  # they are the same for every server of a process


def _folders(place: Path, problems: list[Problem]) -> list[Path]:
    if (place / FILE).is_file():
        return [place]
    if not place.is_dir():
        problems.append(Problem(Place(place, 1), "this is no folder: expected one with lessons"))
        return []
    folders = sorted(file.parent for file in place.glob(f"*/{FILE}"))
    if not folders:
        problems.append(
            Problem(Place(place, 1), f"there is no lesson here: expected a folder with a {FILE}")
        )
    if len(folders) > MOST_LESSONS:
        problems.append(
            Problem(
                Place(place, 1),
                f"too many lessons: got {len(folders)}; expected at most {MOST_LESSONS}",
            )
        )
    return folders[:MOST_LESSONS]


def _dead_ends(found: dict[str, Read]) -> list[Problem]:
    return [
        Problem(place, f"there is no such lesson: got '{name}'; expected one of {', '.join(found)}")
        for read in found.values()
        for name, place in read.leads_to
        if name not in found
    ]
