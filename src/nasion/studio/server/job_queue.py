"""One worker, a short queue: the network takes all cores for a picture, so two at once would be no faster."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

__all__ = ["JobQueue", "JobTimeoutError", "QueueFullError"]

T = TypeVar("T")


class QueueFullError(Exception):
    """The queue is full: ask again later."""


class JobTimeoutError(Exception):
    """The work was not done in time."""


class JobQueue:
    """Does one job after the other.

    Args:
        queue: jobs that may wait.
        timeout_s: seconds that one who asks waits at most, in the queue and at work.
    """

    def __init__(self, queue: int, timeout_s: float) -> None:
        self.queue, self.timeout_s = queue, timeout_s
        self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")
        self.open = self.coming = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place in the queue while a picture is still on its way, for as long as a job may take.

        Raises:
            QueueFullError: too many wait or are on their way already.
            JobTimeoutError: it did not come in time.
        """
        if self.open + self.coming > self.queue:
            raise QueueFullError
        self.coming += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                yield
        except TimeoutError:
            raise JobTimeoutError from None
        finally:
            self.coming -= 1

    async def do(self, job: Callable[[], T]) -> T:
        """Return what `job` returns.

        Raises:
            QueueFullError: too many wait already.
            JobTimeoutError: it took too long; a job that has begun is finished, but nobody waits for it.
        """
        if self.open > self.queue:
            raise QueueFullError
        self.open += 1
        future = self.pool.submit(job)
        future.add_done_callback(lambda _done: self._closed())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.timeout_s)
        except TimeoutError:
            future.cancel()
            raise JobTimeoutError from None

    def _closed(self) -> None:
        self.open -= 1

    def close(self) -> None:
        """Finish what has begun and take no more."""
        self.pool.shutdown(wait=True, cancel_futures=True)
