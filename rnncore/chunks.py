"""How a run is cut into pieces that can be shown before the rest exists."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from rnncore.checks import ArgumentError, checked_count

FIRST_CHUNK: Final = 32
LARGEST_CHUNK: Final = 16384
LARGEST_BLOCK: Final = 512
SMALLEST_BLOCK: Final = 16
# Products of one block: a few milliseconds on one core.
_BLOCK_PRODUCTS: Final = 12_500_000

Bounds = tuple[int, int]
ShouldStop = Callable[[], bool]


class Blocks(Protocol):
    """T steps that are computed in blocks; none goes across the step from which a run is fed its
    own output, where the weights change."""

    steps: int
    block: int
    fed: int


class Cancelled(Exception):
    """A computation ended early because its `should_stop` said so."""


def chunk_bounds(steps: int) -> Iterator[Bounds]:
    """The default chunks [t0, t1) of T steps: 32, then four times more each, up to 16384.

    >>> list(chunk_bounds(1000))
    [(0, 32), (32, 160), (160, 672), (672, 1000)]
    """
    checked_count("steps", steps)
    start, size = 0, FIRST_CHUNK
    while start < steps:
        end = min(start + size, steps)
        yield start, end
        start, size = end, min(4 * size, LARGEST_CHUNK)


def backward_bounds(steps: int) -> Iterator[Bounds]:
    """The same chunks counted from T down, in backward order.

    >>> list(backward_bounds(200))
    [(168, 200), (40, 168), (0, 40)]
    """
    return ((steps - t1, steps - t0) for t0, t1 in chunk_bounds(steps))


def uniform_bounds(steps: int, size: int) -> Iterator[Bounds]:
    """Chunks of `size` steps, the last one shorter.

    >>> list(uniform_bounds(10, 4))
    [(0, 4), (4, 8), (8, 10)]
    """
    checked_count("chunk_steps", size)
    return ((start, min(start + size, steps)) for start in range(0, steps, size))


def block_steps(hidden_size: int, rows: int) -> int:
    """Steps between two looks at `should_stop`, which are also those of one vectorised check.

    Blocks are counted from the end where a sweep starts and depend on sizes alone, so results
    don't depend on how they are asked for.

    >>> block_steps(64, 1), block_steps(1024, 8)
    (512, 16)
    """
    steps = _BLOCK_PRODUCTS // (rows * hidden_size**2)
    return min(max(steps, SMALLEST_BLOCK), LARGEST_BLOCK)


def block_end(t: int, run: Blocks) -> int:
    """Where the block ends that starts at t."""
    return min(t + run.block, run.fed if t < run.fed else run.steps)


def block_start(t: int, run: Blocks) -> int:
    """Where the block starts that ends at t."""
    return max(t - run.block, run.fed if t > run.fed else 0)


def checked_bounds(bounds: Iterable[Bounds], steps: int, *, backward: bool) -> Iterator[Bounds]:
    """`bounds` as they come, refused where one is empty, outside [0, T] or out of order."""
    reached = steps if backward else 0
    for t0, t1 in bounds:
        in_order = t1 <= reached if backward else t0 >= reached
        if not (0 <= t0 < t1 <= steps and in_order):
            order = f"below {reached}" if backward else f"from {reached} on"
            raise ArgumentError(
                "bounds",
                "has a chunk out of place",
                got=(t0, t1),
                expected=f"0 <= t0 < t1 <= {steps}, {order}",
            )
        reached = t0 if backward else t1
        yield t0, t1


def stop_if_asked(should_stop: ShouldStop | None) -> None:
    """Raises `Cancelled` where `should_stop` is given and true."""
    if should_stop is not None and should_stop():
        raise Cancelled
