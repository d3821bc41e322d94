"""A lesson as the page gets it: every step whole, its prose clean, its link complete."""

from __future__ import annotations

from typing import Literal

from app.protocol import ServerMessage

# The words of links for where panels stand; `weights` is what stands below the side.
Panel = Literal["verdict", "top", "bottom", "side", "weights", "time", "readout"]


class Question(ServerMessage):
    """What the class predicts before it looks."""

    ask: str
    """The question, as HTML."""
    choices: list[str]
    """What may be predicted, as HTML; two to nine."""
    answer: int
    """Which of them is right, counted from 1."""
    after: str
    """What is said once the class has looked, as HTML; may be empty."""
    covers: list[Panel]
    """What is covered until then."""


class LessonStep(ServerMessage):
    """One step: what is said, and what is looked at."""

    title: str
    """A few words; may be empty."""
    summary: str
    """One line of HTML; in a gallery what one should see. May be empty."""
    text: str
    """The prose, as HTML. A link in it, such as #rho=1.2, is a change of what is shown."""
    hash: str
    """Link to the step's own Experiment and panels, whole, with its "#"."""
    look: list[Panel]
    """The panels to look at; the others step back. None: all are as they are."""
    question: Question | None


class Case(ServerMessage):
    """One step of a gallery, as the list of lessons tells it."""

    title: str
    summary: str


class LessonEntry(ServerMessage):
    """A lesson in the list of lessons."""

    type: Literal["lesson_entry"] = "lesson_entry"
    name: str
    """The folder's name, as links have it: #lesson=NAME&step=1."""
    title: str
    section: str
    """Of which section of a chapter it is; lessons of one section stand together."""
    summary: str
    """One line of HTML."""
    steps: int
    """How many steps it has."""
    cases: list[Case] | None
    """Of a gallery: its steps, which are presets that can be opened one by one."""


class Lesson(ServerMessage):
    """A whole lesson."""

    type: Literal["lesson"] = "lesson"
    name: str
    title: str
    section: str
    summary: str
    is_gallery: bool
    steps: list[LessonStep]

    @property
    def entry(self) -> LessonEntry:
        """The lesson in the list of lessons."""
        cases = [Case(title=step.title, summary=step.summary) for step in self.steps]
        return LessonEntry(
            name=self.name,
            title=self.title,
            section=self.section,
            summary=self.summary,
            steps=len(self.steps),
            cases=cases if self.is_gallery else None,
        )
