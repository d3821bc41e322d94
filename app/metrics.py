"""What the server counts, in the form that Prometheus reads.

No label has more values than are listed here. With several workers each counts into files of its
own in PROMETHEUS_MULTIPROC_DIR (`workers` sets it), and whichever is asked adds them all up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app import __version__
from app.errors import Refusal
from app.protocol import Timings

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

Kind = Literal["run", "analyse", "measure", "file"]
End = Literal["complete", "superseded", "cancelled", "refused", "failed", "left"]
Channel = Literal["socket", "http"]
Reason = Literal["origin", "host", "busy"]
PHASES = ("build", "spectrum", "forward", "backward", "total")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counts of one server process. Safe to use from any thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        if not is_shared():  # they know one process alone
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
        self._runs = Counter(
            "rhoscope_runs",
            "Runs by what asked for them (run, analyse, measure: a message; file: POST /api/run "
            "and exports) and how they ended; left: the client went away.",
            ["kind", "end"],
            registry=registry,
        )
        self._seconds = Histogram(
            "rhoscope_run_seconds",
            "Computing time of complete runs by phase; total holds waiting for the reader too.",
            ["phase"],
            buckets=SECONDS,
            registry=registry,
        )
        self._sent = Counter(
            "rhoscope_sent_bytes", "Bytes of answers and messages.", ["channel"], registry=registry
        )
        self._turned_away = Counter(
            "rhoscope_turned_away",
            "Requests and sockets refused for their Origin, their Host, or for want of a seat.",
            ["reason"],
            registry=registry,
        )
        self._uploads = Counter("rhoscope_uploads", "Files that were kept.", registry=registry)
        self._upload_bytes = Counter(
            "rhoscope_upload_bytes", "Bytes of files that were kept.", registry=registry
        )
        self.sessions = self._gauge("rhoscope_sessions", "Sockets and requests with a seat now.")
        self.jobs = self._gauge("rhoscope_jobs", "Runs that compute at this moment.")
        self.memory = self._gauge(
            "rhoscope_run_memory_bytes", "Working memory lent to runs now, by their own reckoning."
        )
        version = self._gauge("rhoscope_info", "1 for each worker of this version.", ["version"])
        version.labels(__version__).set(1)
        # A series that is there from the start has a rate from the start.
        for end in get_args(End):
            self._runs.labels("run", end)
        for reason in get_args(Reason):
            self._turned_away.labels(reason)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] | list[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry, multiprocess_mode="livesum")

    def ended(self, kind: Kind, end: End, timings: Timings | None = None) -> None:
        """A run has come to its end."""
        self._runs.labels(kind, end).inc()
        if timings is not None:
            for phase in PHASES:
                self._seconds.labels(phase).observe(getattr(timings, f"{phase}_ms") / 1e3)

    @contextmanager
    def refusals(self, kind: Kind) -> Iterator[None]:
        """Counts a run that is refused inside, or fails."""
        try:
            yield
        except Refusal as refused:
            self.ended(kind, "failed" if refused.error.code == "internal" else "refused")
            raise

    def sent(self, channel: Channel, nbytes: int) -> None:
        """Bytes were handed to the network."""
        self._sent.labels(channel).inc(nbytes)

    def turned_away(self, reason: Reason) -> None:
        """Somebody was refused before anything else was looked at."""
        self._turned_away.labels(reason).inc()

    def uploaded(self, nbytes: int) -> None:
        """A file was kept."""
        self._uploads.inc()
        self._upload_bytes.inc(nbytes)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format; of all workers where there are several."""
        if not is_shared():
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


def is_shared() -> bool:
    """Whether several workers count together."""
    return FOLDER_VARIABLE in os.environ
