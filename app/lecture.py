"""An offline file, from what it is to show to its bytes; its size is known before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from app import __version__
from app.device import Device
from app.errors import refusal
from app.experiment import Experiment
from app.export import link_of
from app.house import capabilities
from app.lessons import Lesson, shelf_of
from app.link import OPENING_HASH, read_link, view_parts
from app.offline_page import Shell, Told, offline_page
from app.protocol import Analysis, Hello, Limits, read_experiment
from app.recorder import Compute, Progress, Recorder
from app.recording import Recording, Scene, Wish
from app.security import LOOPBACK
from app.settings import LECTURE_BYTES, Settings

ROOM_OF_INDEX = 30_000  # of the list of what is recorded
# What the page calls them, and what is asked for them.
NAMED_VIEWS: Mapping[str, Analysis] = {
    "influence": "influence",
    "atlas": "atlas",
    "powers": "matrix_powers",
    "state_space": "state_space",
    "race": "race",
    "lyapunov": "lyapunov",
    "jacobian": "jacobian",
}
PARTS = {
    "conditions": "condition numbers of the eigenvalues",
    "matrix_powers": "powers of W_hh",
    "influence": "influence maps",
    "state_space": "state space",
    "race": "memory of the start",
    "lyapunov": "Lyapunov exponents",
    "jacobian": "J_t at the cursor",
    "atlas": "atlas of ρ",
}


@dataclass(frozen=True)
class Source:
    """What a file is of: an Experiment, or a lesson's steps; its title, and how it opens."""

    scenes: tuple[Scene, ...]
    title: str
    hash: str
    live: str | None = None
    lesson: Lesson | None = None

    def named(self, title: str | None, live: str | None) -> Source:
        """The same under another title, with another live page, where these are given."""
        return replace(self, title=title or self.title, live=live or self.live)


@dataclass(frozen=True)
class Lecture:
    """A whole file, and what is to be said of it."""

    content: bytes
    contains: tuple[str, ...]  # one line each: what, and how many bytes of the file it takes

    @property
    def size(self) -> str:
        """Its size, for people."""
        return megabytes(len(self.content))


def megabytes(count: float) -> str:
    """Bytes, for people: 7.2 MB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} kB"


def source_of(text: str) -> Source:
    """What `rhoscope export` is given: a link or its hash, a JSON file with an Experiment, or a
    lesson: its name, or its folder.

    Raises:
        Refusal: it is none of these, or is damaged.
    """
    file = Path(text)
    if file.suffix == ".json" or (text and _is_file(file)):
        return _from_file(file)
    if not text or text.startswith(("#", "http://", "https://", "v1.")) or "=" in text:
        return source_of_link(text)
    is_folder = file.is_dir()
    shelf = shelf_of([file] if is_folder else [])
    name = file.resolve().name if is_folder else text
    lesson = shelf.find(name)
    if lesson is not None:
        return source_of_lesson(lesson)
    if is_folder and shelf.problems:
        raise refusal(
            "invalid_file",
            "the lesson",
            "cannot be read",
            got=str(shelf.problems[0]),
            expected="a lesson",
        )
    raise refusal(
        "invalid_field",
        "the experiment",
        "is not known",
        got=text,
        expected="a link such as #rho=1.2&phi=tanh, a JSON file with an Experiment, or a lesson, "
        f"such as {', '.join(entry.name for entry in shelf.entries)}",
        advice="Copy the link from the page.",
    )


def source_of_lesson(lesson: Lesson) -> Source:
    """Every step of a lesson; what two of them share is recorded once."""
    scenes: dict[str, Scene] = {}
    for step in lesson.steps:
        scenes.setdefault(step.hash, Scene(read_link(step.hash), view_parts(step.hash)))
    return Source(tuple(scenes.values()), lesson.title, f"#lesson={lesson.name}", lesson=lesson)


def source_of_link(link: str) -> Source:
    """The Experiment and the view of a link; where it has a host that others reach, its page."""
    experiment, view = read_link(link), view_parts(link)
    page, _, hash_ = link.partition("#")
    if "://" not in page:
        page, hash_ = "", link.removeprefix("#")
    host = urlsplit(page).hostname
    live = page if host and host not in LOOPBACK else None
    opened = f"#{hash_}" if hash_ else OPENING_HASH
    return Source((Scene(experiment, view),), in_short(experiment), opened, live)


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # a long link is no name of a file
        return False


def _from_file(file: Path) -> Source:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise refusal(
            "invalid_file",
            "the file",
            "cannot be read",
            got=f"{file} ({error.strerror})",
            expected="a JSON file with an Experiment",
        ) from None
    experiment = read_experiment(content)
    return Source((Scene(experiment),), in_short(experiment), link_of(experiment))


def in_short(experiment: Experiment) -> str:
    """An Experiment in a few words, as a title."""
    cell, recurrent = experiment.cell, experiment.recurrent
    name = cell.activation if cell.kind == "elman" else cell.kind.upper()
    size = f"ρ = {recurrent.spectral_radius or 1.0:g}"
    if recurrent.gain is not None:
        size = f"g = {recurrent.gain:g}"
    return f"{size}, {name}, H = {cell.hidden_size}, T = {experiment.steps}"


def wants_of(names: str) -> tuple[Analysis, ...]:
    """Views as they are typed, `influence,powers`, as what is computed for them."""
    asked = [name.strip() for name in names.split(",") if name.strip()]
    for name in asked:
        if name not in NAMED_VIEWS:
            expected = f"some of {', '.join(NAMED_VIEWS)}"
            raise refusal("invalid_field", "views", "is not valid", got=name, expected=expected)
    return tuple(NAMED_VIEWS[name] for name in asked)


def lecture(
    source: Source,
    wish: Wish,
    compute: Compute,
    settings: Settings,
    device: Device,
    shell: Shell,
    *,
    max_bytes: int = LECTURE_BYTES,
    on_progress: Progress = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Lecture:
    """The file, with as many values of ρ as fit where none are asked for.

    Raises:
        Refusal: it would be larger than `max_bytes`; the message says what to leave out.
        Cancelled: it was told to stop.
    """
    own = len(shell.html.encode())
    room = max_bytes - own - ROOM_OF_INDEX
    recorder = Recorder(wish, compute, settings, on_progress=on_progress, should_stop=should_stop)
    recording = recorder.recorded(room)
    told = Told(source.title, source.hash, source.live, source.lesson)
    hello = _hello(settings, device)
    content = b"".join(offline_page(shell, recording, wish, told, hello))
    return Lecture(content, tuple(_contains(recording, wish, own)))


def _contains(recording: Recording, wish: Wish, own: int) -> list[str]:
    radii = recording.radii
    along = f"ρ from {radii[0]:g} to {radii[-1]:g} in {len(radii)} values"
    if wish.over is not None:
        along += f", each at {wish.over.name} = {', '.join(map(str, wish.over.values))}"
    digits = "states to 4 digits" if recording.has_few_digits else "every number as computed"
    runs = recording.parts.get("runs", 0)
    lines = [f"{megabytes(runs):>8}  {len(recording.runs)} runs: {along}; {digits}"]
    rest = {name: size for name, size in recording.parts.items() if name != "runs"}
    lines += [f"{megabytes(size):>8}  {PARTS.get(name, name)}" for name, size in rest.items()]
    return [*lines, f"{megabytes(own):>8}  the page, with Plotly"]


def _hello(settings: Settings, device: Device) -> Hello:
    """What the server would have said first."""
    limits = Limits(**{name: getattr(settings, name) for name in Limits.model_fields})
    return Hello(version=__version__, device=device, limits=limits, capabilities=capabilities())
