"""In which pieces a run is computed and sent."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.protocol import View
from rnncore.bins import bin_edges
from rnncore.chunks import FIRST_CHUNK, LARGEST_CHUNK, backward_bounds, chunk_bounds

Bounds = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """The chunks of a run in both directions.

    Without a view they grow, and each is sent as it is. With one they end on the edges of bins,
    so that each holds whole bins; what lies outside the view is computed, since the verdict is
    about all T steps, and not sent.
    """

    steps: int
    view: View | None
    edges: tuple[int, ...]  # of the bins; empty without a view

    @classmethod
    def of(cls, steps: int, view: View | None) -> Plan:
        """The plan for T = `steps` and what the page can show."""
        edges = () if view is None else tuple(bin_edges(view.t0, view.t1, view.columns).tolist())
        return cls(steps, view, edges)

    def forward(self) -> Iterator[Bounds]:
        """Chunks of states, from 0 up."""
        if self.view is None:
            yield from chunk_bounds(self.steps)
            return
        yield from _even(0, self.view.t0)
        yield from _growing(self.edges)
        yield from _even(self.view.t1, self.steps)

    def backward(self) -> Iterator[Bounds]:
        """Chunks of gradients, from T down."""
        if self.view is None:
            yield from backward_bounds(self.steps)
            return
        # The same rules, looked at from the other end of time.
        yield from _mirrored(_even(-self.steps, -self.view.t1))
        yield from _mirrored(_growing([-edge for edge in reversed(self.edges)]))
        yield from _mirrored(_even(-self.view.t0, 0))

    def edges_within(self, t0: int, t1: int) -> list[int] | None:
        """Edges of the bins in a chunk, counted from its start; None if it is not to be sent."""
        if self.view is None or not self.view.t0 <= t0 < self.view.t1:
            return None
        first, last = bisect_left(self.edges, t0), bisect_right(self.edges, t1)
        return [edge - t0 for edge in self.edges[first:last]]


def _even(start: int, end: int) -> Iterator[Bounds]:
    for t0 in range(start, end, LARGEST_CHUNK):
        yield t0, min(t0 + LARGEST_CHUNK, end)


def _growing(edges: Sequence[int]) -> Iterator[Bounds]:
    """Whole bins, about 32 steps first, then four times more each."""
    position, size = 0, FIRST_CHUNK
    while position < len(edges) - 1:
        wanted = bisect_right(edges, edges[position] + size) - 1
        last = max(position + 1, wanted)
        yield edges[position], edges[last]
        position, size = last, min(4 * size, LARGEST_CHUNK)


def _mirrored(bounds: Iterator[Bounds]) -> Iterator[Bounds]:
    return ((-t1, -t0) for t0, t1 in bounds)
