"""One computing thread: faster than two for the small matrices of a recurrent network."""

from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


def single_threaded() -> AbstractContextManager[object]:
    """A context in which NumPy's and SciPy's matrix products run on one thread.

    In most builds of BLAS the number of threads belongs to the process, not to the calling
    thread: of contexts that overlap in several threads the first one decides, and its end is the
    end of the limit. A program whose threads all compute enters it once, at its start. PyTorch's
    own threads are set by `torch.set_num_threads`.

    >>> with single_threaded():
    ...     pass
    """
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # Finding the loaded libraries takes milliseconds; setting their threads, microseconds.
    return ThreadpoolController()
