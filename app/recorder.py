"""Records runs for an offline file: the server's own frames, within a number of bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from app.compared import compared_experiment
from app.errors import Refusal, refusal
from app.experiment import Experiment
from app.faults import refusal_of
from app.frames import Frame
from app.grid import GRIDS, at_radius, at_value, changes_of
from app.limits import Cost, cost_of
from app.packing import packed, with_few_digits
from app.plan import AnalysisPlan, AnyPlan, Plan, plan_of
from app.protocol import GATE_TENSORS, Analyse, Analysis, Done, Omissible, Run, View
from app.recording import Entry, Recording, Scene, Wish
from app.settings import Settings
from rnncore import Cancelled

Compute = Callable[[Experiment, AnyPlan, Cost], Iterator[Frame | Done]]
Progress = Callable[[int, int, int], None]  # runs that are recorded, of so many, bytes so far

MOST_COLUMNS = 1000  # a longer run is recorded in so many bins of time
ATLAS_COLUMNS = 600  # as the page asks
MAP_COLUMNS = 256
MOST_SHARED_BYTES = 2**20  # of weights or inputs that the page can do without
SAMPLES = 5
# Of a run, what is shown in colour and, under the pointer, to four digits.
SHOWN = frozenset({"h", "y", "p", *GATE_TENSORS})
SHARED = ("weights", "matrix", "inputs", "tokens", "closed_loop")
# What the file has of every network, where there is room: it costs a hundredth.
CHEAP: tuple[Analysis, ...] = ("atlas", "conditions")


class Recorder:
    """Records one wish. Everything is computed as the server would compute it for the page."""

    def __init__(
        self,
        wish: Wish,
        compute: Compute,
        settings: Settings,
        *,
        on_progress: Progress = lambda *_: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._wish = wish
        self._compute = compute
        self._settings = settings
        self._on_progress = on_progress
        self._should_stop = should_stop
        # Steps of a lesson may show one Experiment in several ways.
        self._scenes_of: dict[str, list[int]] = {}

    def recorded(self, room: int) -> Recording:
        """The finest recording that fits into `room` bytes.

        Raises:
            Refusal: nothing fits, or an Experiment is over the limits.
            Cancelled: it was told to stop.
        """
        grids = GRIDS if self._wish.radii is None else (self._wish.radii,)
        least = math.inf
        for radii in grids:
            entries = self._entries(radii)
            self._check(entries)
            for has_few_digits in (False, True):
                if self._estimate(entries, has_few_digits) > 1.05 * room:
                    continue
                found = self._record(entries, radii, has_few_digits, room)
                if found.nbytes <= room:
                    return self._with_cheap(found, radii, room)
                least = min(least, found.nbytes)
        raise self._over(grids[-1], room, least)

    # What is recorded

    def _entries(self, radii: Sequence[float]) -> list[Entry]:
        """Every Experiment, those without a ρ of the grid first; none twice."""
        found: dict[str, Entry] = {}
        self._scenes_of.clear()
        for number, scene in enumerate(self._wish.scenes):
            for place, row in self._rows(scene.experiment):
                own = _own_radius(row)
                others = (rho for rho in radii if rho != own)
                grid = (Entry(at_radius(row, rho), number, rho, place) for rho in others)
                for entry in (Entry(row, number, own, place), *grid):
                    key = entry.experiment.model_dump_json()
                    if key not in found or found[key].is_compared:
                        found[key] = entry
                    self._scenes_of.setdefault(key, []).append(number)
                    for kind in scene.kinds:
                        if kind != entry.experiment.cell.kind:
                            other = compared_experiment(entry.experiment, kind)
                            compared = Entry(other, number, is_compared=True)
                            found.setdefault(other.model_dump_json(), compared)
        return list(found.values())

    def _rows(self, experiment: Experiment) -> list[tuple[int | None, Experiment]]:
        """The Experiment at each value of the second field; as it is, where none is its own."""
        over = self._wish.over
        if over is None:
            return [(None, experiment)]
        rows = [(k, at_value(experiment, over, value)) for k, value in enumerate(over.values)]
        is_there = any(row == experiment for _, row in rows)
        return [*([] if is_there else [(None, experiment)]), *rows]

    def _check(self, entries: Sequence[Entry]) -> None:
        """Refuses what is over the server's limits before anything is computed.

        What is only compared may be refused: then that is what the page would be told.
        """
        for entry in entries:
            if not entry.is_compared:
                cost_of(self._run(entry), self._settings)

    def _run(self, entry: Entry) -> Run:
        experiment = entry.experiment
        T = experiment.steps
        view = None if T <= MOST_COLUMNS else View(t0=0, t1=T, columns=MOST_COLUMNS)
        return Run(
            type="run",
            id=0,
            experiment=experiment,
            view=view,
            split_weights=True,
            omit=list(self._omitted(entry)),
        )

    def _omitted(self, entry: Entry) -> Iterator[Omissible]:
        experiment, is_compared = entry.experiment, entry.is_compared
        cell = experiment.cell
        D, H, O = cell.input_size, cell.hidden_size, cell.output_size  # noqa: E741
        yield from ("log10_grad_W_xh", "cotangent")
        if is_compared:
            yield from ("W_hh", "eigenvalues", "singular_values", "token_index")
        item = 4 * (1 + (experiment.dtype == "float64"))
        shared = {
            "W_xh": H * D,
            "b_h": H,
            "W_hy": H * O,
            "b_y": O,
            "x": experiment.batch_size * min(experiment.steps, MOST_COLUMNS) * D,
            "h_0": experiment.batch_size * H,
        }
        for name, numbers in shared.items():
            if is_compared or item * numbers > MOST_SHARED_BYTES:
                yield name  # type: ignore[misc]
        left = (name for name in ("y", "p", *sorted(GATE_TENSORS)) if name not in self._wish.layers)
        yield from left  # type: ignore[misc]

    # Recording

    def _record(
        self, entries: Sequence[Entry], radii: tuple[float, ...], has_few_digits: bool, room: int
    ) -> Recording:
        found = Recording(radii=radii, has_few_digits=has_few_digits)
        found.columns = min(MOST_COLUMNS, max(entry.experiment.steps for entry in entries))
        found.layers = tuple(sorted(self._wish.layers))
        for number, entry in enumerate(entries):
            self._record_run(found, entry, has_few_digits)
            self._record_analyses(found, entry, has_few_digits)
            self._on_progress(number + 1, len(entries), found.nbytes)
            if found.nbytes > room and len(found.runs) < len(entries):
                break  # it can only grow
        return found

    def _record_run(self, found: Recording, entry: Entry, has_few_digits: bool) -> None:
        listed: dict[str, Any] = {
            "changes": dict(changes_of(self._wish.base, entry.experiment)),
            "blobs": [],
        }
        found.runs.append(listed)
        try:
            frames, done = self._frames(entry, has_few_digits)
        except Refusal as refused:
            if not entry.is_compared:
                raise
            listed["error"] = refused.error.model_dump()
            return
        own = [frame for frame in frames if frame.kind not in SHARED]
        told = done.model_dump(mode="json")
        rho = entry.rho if entry.rho is not None else done.spectral_radius
        listed["blobs"] = [
            *(found.keep(packed([f]), "weights and inputs") for f in frames if f.kind in SHARED),
            found.keep(packed(own, {"done": told}), "runs"),
        ]
        if not entry.is_compared:
            listed |= {"rho": rho, "row": [entry.scene, entry.over]}

    def _frames(self, entry: Entry, has_few_digits: bool) -> tuple[list[Frame], Done]:
        message = self._run(entry)
        cost, plan = cost_of(message, self._settings), plan_of(message)
        assert isinstance(plan, Plan)
        T = entry.experiment.steps
        whole = replace(plan, forward=((0, T),), backward=((0, T),))
        frames, done = self._results(entry.experiment, whole, cost)
        if has_few_digits:
            frames = [with_few_digits(frame, self._shown(frame)) for frame in frames]
        return frames, done

    @staticmethod
    def _shown(frame: Frame) -> frozenset[str]:
        """What of a frame is large and seen: the states and outputs of all layers."""
        below = {name for name in frame.tensors if name.startswith("h_l")}
        return SHOWN | below if frame.kind == "states" else frozenset()

    def _results(
        self, experiment: Experiment, plan: AnyPlan, cost: Cost
    ) -> tuple[list[Frame], Done]:
        if self._should_stop():
            raise Cancelled
        frames: list[Frame] = []
        try:
            for item in self._compute(experiment, plan, cost):
                if isinstance(item, Done):
                    return frames, item
                frames.append(item)
        except Cancelled:
            raise
        except Exception as fault:
            raise refusal_of(fault) from None
        raise AssertionError("every run ends with Done")

    # What is computed behind the panels

    def _record_analyses(self, found: Recording, entry: Entry, has_few_digits: bool) -> None:
        """What the views that are open in the entry's scenes ask for, and what all have."""
        for number in self._scenes_of.get(entry.experiment.model_dump_json(), ()):
            scene = self._wish.scenes[number]
            for want in dict.fromkeys([*scene.wants, *self._wish.more]):
                self._record_analysis(found, entry.experiment, scene, want, has_few_digits)

    def _record_analysis(
        self,
        found: Recording,
        experiment: Experiment,
        scene: Scene,
        want: Analysis,
        has_few_digits: bool,
    ) -> None:
        T = experiment.steps
        is_map = want == "influence"
        columns = min(T, MAP_COLUMNS if is_map else ATLAS_COLUMNS)
        if want == "atlas":
            experiment = _at_every_radius(experiment)
        options = scene.options(want)
        message = Analyse(
            type="analyse",
            id=0,
            experiment=experiment,
            wants=[want],
            view=View(t0=0, t1=T, columns=columns),
            radii=101,
            **options,
        )
        changes = dict(changes_of(self._wish.base, experiment))
        listed = {"want": want, "changes": changes, "options": options}
        if any(all(each[k] == listed[k] for k in listed) for each in found.analyses):
            return
        cost, plan = cost_of(message, self._settings), plan_of(message)
        assert isinstance(plan, AnalysisPlan)
        frames, done = self._results(experiment, plan, cost)
        if has_few_digits and is_map:
            frames = [_in_float32(frame) for frame in frames]
        blob = packed(frames, {"done": done.model_dump(mode="json")})
        found.analyses.append(listed | {"blob": found.keep(blob, want)})

    def _with_cheap(self, found: Recording, radii: tuple[float, ...], room: int) -> Recording:
        """Adds what costs next to nothing, as far as there is room."""
        for want in CHEAP:
            if want in self._wish.all_wants:
                continue
            wider = deepcopy(found)
            for entry in self._entries(radii):
                if not entry.is_compared:
                    scene = self._wish.scenes[entry.scene]
                    self._record_analysis(wider, entry.experiment, scene, want, False)
            if wider.nbytes <= room:
                found = wider
        return found

    # How much it will be

    def _estimate(self, entries: Sequence[Entry], has_few_digits: bool) -> float:
        """Bytes of all of it, from a few runs."""
        if len(entries) <= SAMPLES:
            return 0.0
        stride = len(entries) // SAMPLES
        sample = entries[:: max(stride, 1)]
        part = Recording()
        for entry in sample:
            self._record_run(part, entry, has_few_digits)
            self._record_analyses(part, entry, has_few_digits)
        once = part.parts.pop("weights and inputs", 0) + part.parts.pop("atlas", 0)
        return once + part.nbytes * len(entries) / len(sample)

    def _over(self, radii: tuple[float, ...], room: int, least: float) -> Refusal:
        entries = self._entries(radii)
        size = least if math.isfinite(least) else self._estimate(entries, has_few_digits=True)
        each = size / len(entries)
        count = max(int(room // each), 0)
        drop = [f"{len(entries)} runs of {each / 1e6:.2g} MB: {count} of them would fit"]
        if self._wish.over is not None:
            drop.append(f"fewer values of {self._wish.over.name}")
        if self._wish.radii is not None:
            drop.append("fewer values of ρ")
        drop += [f"the view “{want}”" for want in self._wish.all_wants]
        kinds = dict.fromkeys(kind for scene in self._wish.scenes for kind in scene.kinds)
        if kinds:
            drop.append(f"what is compared ({', '.join(kinds)})")
        return refusal(
            "over_limit",
            "the file",
            "is too large",
            got=f"{size / 1e6:.1f} MB of recorded runs",
            expected=f"at most {max(room, 0) / 1e6:.1f} MB beside the page",
            advice=f"Leave out {', or '.join(drop)}; or raise max_bytes.",
            field="max_bytes",
        )


def _in_float32(frame: Frame) -> Frame:
    """Logarithms that only a colour and two digits come from."""
    tensors = {name: tensor.astype(np.float32) for name, tensor in frame.tensors.items()}
    return replace(frame, tensors=tensors)


def _own_radius(experiment: Experiment) -> float | None:
    """The ρ that a draw is scaled to; None where it is measured, once it has run."""
    recurrent = experiment.recurrent
    is_measured = recurrent.edits or experiment.weights.file is not None
    if is_measured or recurrent.gain is not None:
        return None
    return 1.0 if recurrent.spectral_radius is None else recurrent.spectral_radius


def _at_every_radius(experiment: Experiment) -> Experiment:
    """Without the ρ in force: an atlas shows every one."""
    recurrent = experiment.recurrent
    edits = recurrent.edits
    if edits and edits[-1].op == "radius":
        edits = edits[:-1]
    scale = {} if edits else {"spectral_radius": None, "gain": None}
    changed = recurrent.model_copy(update={"edits": edits, **scale})
    return experiment.model_copy(update={"recurrent": changed})
