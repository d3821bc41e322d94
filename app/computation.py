"""One run, from its Experiment to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from app.cache import Cache
from app.experiment import Experiment
from app.frames import Array, Frame
from app.plan import Plan
from app.protocol import Done, Note, Timings, View
from app.stages import Matrix, Setting, array, matrix, measured_spectrum, setting
from app.verdict import Diagnosis
from rnncore.bins import largest_magnitude, min_max
from rnncore.bptt import GradientChunk, gradient_norms
from rnncore.diagnosis import diagnose
from rnncore.losses import LinearLoss, MeanSquaredLoss, loss_direction
from rnncore.rollout import Rollout, StateChunk
from rnncore.spectrum import Spectrum

ShouldStop = Callable[[], bool]


@dataclass
class Clock:
    """Milliseconds of computing by what they were spent on; time between yields is not counted."""

    start: float = field(default_factory=time.perf_counter)
    spent_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def counting(self, what: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            lasted = 1e3 * (time.perf_counter() - begin)
            self.spent_ms[what] = self.spent_ms.get(what, 0.0) + lasted

    def timings(self) -> Timings:
        parts = {f"{what}_ms": self.spent_ms.get(what, 0.0) for what in PARTS}
        return Timings(**parts, total_ms=1e3 * (time.perf_counter() - self.start))


PARTS = ("build", "spectrum", "forward", "backward")
