"""What an offline file records: Experiments, seen in some way, along axes; and what was kept."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.compared import compared_kinds
from app.experiment import Experiment
from app.grid import Over
from app.protocol import Analysis

# As the page's links have them: how many starts, and which two units, from 1.
STARTS = re.compile(r"([1-8])(near)?")
PLANE = re.compile(r"(\d{1,6}),(\d{1,6})")
MOST_BARS = 512  # classes whose distribution the page shows
# Which part of a link opens a view that asks for an analysis.
VIEWS: Mapping[Analysis, tuple[tuple[str, str], ...]] = {
    "influence": (("top", "influence"),),
    "atlas": (("top", "atlas"), ("bottom", "atlas")),
    "matrix_powers": (("bottom", "powers"),),
    "state_space": (("side", "state_space"),),
    "race": (("bottom", "race"),),
    "lyapunov": (("side", "lyapunov"),),
    "jacobian": (("jacobian", "1"),),
}


@dataclass(frozen=True)
class Scene:
    """An Experiment, and how it is looked at: the parts of a link that say so."""

    experiment: Experiment
    view: Mapping[str, str] = field(default_factory=dict)

    @property
    def layer(self) -> str:
        """What of every step is shown."""
        return self.view.get("layer", "h")

    def options(self, want: Analysis) -> dict[str, Any]:
        """What else of the view decides an analysis, as the page asks for it."""
        if want == "jacobian":
            return {"t": min(int(self.view.get("t", "1")), self.experiment.steps)}
        if want not in ("state_space", "race"):
            return {}
        found = STARTS.fullmatch(self.view.get("starts", "1"))
        least = 2 if self.view.get("bottom") == "race" else 1
        starts = max(int(found[1]) if found else 1, least)
        distance = "near" if found and found[2] and starts > 1 else "far"
        asked: dict[str, Any] = {"starts": starts, "start_distance": distance}
        if want == "state_space":
            asked["plane"] = self._plane
        return asked

    @property
    def _plane(self) -> tuple[int, int] | None:
        """Two units, from 0, if the network has them; of two units the plane is theirs anyway."""
        found = PLANE.fullmatch(self.view.get("plane", ""))
        if found is None:
            return None
        units, H = (int(found[1]) - 1, int(found[2]) - 1), self.experiment.cell.hidden_size
        fits = H > 2 and units[0] != units[1] and all(0 <= unit < H for unit in units)
        return units if fits else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the network is held against."""
        return compared_kinds(self.view.get("compare", ""), self.experiment.cell)

    @property
    def wants(self) -> tuple[Analysis, ...]:
        """What the views that are open ask for."""
        view = self.view
        opened = [want for want, parts in VIEWS.items() if any(view.get(k) == v for k, v in parts)]
        # What a state of the unrolled network depends on is lit by its influences.
        if view.get("top") == "unrolled" and "cone" in view:
            opened.append("influence")
        return tuple(opened)


@dataclass(frozen=True)
class Wish:
    """What is to be recorded: an Experiment, or the steps of a lesson, and along which axes."""

    scenes: tuple[Scene, ...]
    radii: tuple[float, ...] | None = None  # None: as many as there is room for
    over: Over | None = None
    more: tuple[Analysis, ...] = ()  # analyses that are recorded although no view is open

    @property
    def base(self) -> Experiment:
        """The Experiment that all others are told by their difference from."""
        return self.scenes[0].experiment

    @property
    def layers(self) -> frozenset[str]:
        """What of every step is recorded: the states, what is shown, and what is small."""
        found = {"h", *(scene.layer for scene in self.scenes)}
        for scene in self.scenes:
            cell, output = scene.experiment.cell, scene.experiment.output
            if 8 * cell.output_size <= cell.hidden_size:
                found.add("y")
            if scene.view.get("top") == "unrolled" and cell.kind == "lstm":
                found.add("c")
            if output.kind == "classes" and cell.output_size <= MOST_BARS:
                found.add("p")
        return frozenset(found)

    @property
    def all_wants(self) -> tuple[Analysis, ...]:
        """Every analysis that some scene has, or that was asked for."""
        opened = [want for scene in self.scenes for want in scene.wants]
        return tuple(dict.fromkeys([*opened, *self.more]))


@dataclass(frozen=True)
class Entry:
    """An Experiment that is recorded, and where it stands on the axes."""

    experiment: Experiment
    scene: int
    rho: float | None = None
    over: int | None = None
    is_compared: bool = False


@dataclass
class Recording:
    """Blobs, each a few frames or an analysis, and the list of what they are."""

    blobs: list[bytes] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    analyses: list[dict[str, Any]] = field(default_factory=list)
    radii: tuple[float, ...] = ()
    has_few_digits: bool = False
    columns: int = 0
    layers: tuple[str, ...] = ()
    parts: dict[str, int] = field(default_factory=dict)  # what takes how many bytes of the file
    _places: dict[bytes, int] = field(default_factory=dict)

    def keep(self, blob: bytes, part: str) -> int:
        """The blob's number; one that is here already is kept once."""
        digest = hashlib.blake2b(blob, digest_size=16).digest()
        if digest not in self._places:
            self._places[digest] = len(self.blobs)
            self.blobs.append(blob)
            self.parts[part] = self.parts.get(part, 0) + in_file(blob)
        return self._places[digest]

    @property
    def nbytes(self) -> int:
        """Bytes that the blobs take in the file."""
        return sum(self.parts.values())


def in_file(blob: bytes) -> int:
    """Bytes of a blob in the file: base64, and the element around it."""
    return 4 * math.ceil(len(blob) / 3) + 48
