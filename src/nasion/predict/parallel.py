"""A map over threads that keeps the order and holds few results."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["cores", "map_in_order"]

AHEAD = 2
"""Items per thread that are worked on or wait to be yielded."""

In = TypeVar("In")
Out = TypeVar("Out")


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(function: Callable[[In], Out], items: Iterable[In], threads: int) -> Iterator[Out]:
    """Yield `function` of each item, in the order of the items, computed by up to `threads` threads.

    The first exception ends the iteration; items that no thread has started are then left out. NumPy, OpenCV, Pillow
    and ONNX Runtime release Python's lock, so threads keep all cores busy.

    >>> list(map_in_order(abs, [-3, 2, -1], threads=2))
    [3, 2, 1]
    """
    if threads < 2:
        yield from map(function, items)
        return
    waiting: deque[Future[Out]] = deque()
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        try:
            waiting.extend(pool.submit(function, item) for item in islice(rest, AHEAD * threads))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()
