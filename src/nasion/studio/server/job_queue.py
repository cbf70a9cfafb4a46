"""A queue with one worker: the network uses all cores for one image, so two at once would be no faster."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Lock
from typing import TypeVar

__all__ = ["JobQueue", "JobTimeoutError", "QueueFullError"]

T = TypeVar("T")


class QueueFullError(Exception):
    """The queue is full; the client should try again later."""


class JobTimeoutError(Exception):
    """A job, or the upload that it needs, did not finish in time."""


class JobQueue:
    """Runs one job at a time in a worker thread.

    Args:
        max_waiting: how many jobs may wait while one is running.
        timeout_s: time limit for a job including its wait, and for a reservation, s.

    Attributes:
        unfinished: number of jobs that are waiting or running.
        reserved: number of reservations.
    """

    def __init__(self, max_waiting: int, timeout_s: float) -> None:
        self.max_waiting, self.timeout_s = max_waiting, timeout_s
        self.unfinished = self.reserved = 0
        self._lock = Lock()  # jobs are added in the event loop, and end in the worker thread
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job-queue")

    @asynccontextmanager
    async def reserve(self) -> AsyncIterator[None]:
        """Reserve a place in the queue while a request body is being received.

        Raises:
            QueueFullError: jobs and reservations fill the queue.
            JobTimeoutError: the block did not finish in time.
        """
        if self.unfinished + self.reserved > self.max_waiting:
            raise QueueFullError
        self.reserved += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                yield
        except TimeoutError:
            raise JobTimeoutError from None
        finally:
            self.reserved -= 1

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job and return its result.

        Raises:
            QueueFullError: too many jobs are waiting.
            JobTimeoutError: the job did not finish in time. A waiting job is dropped; a running one ends unobserved.
        """
        if self.unfinished > self.max_waiting:
            raise QueueFullError
        future = self._pool.submit(job)
        self._count(1)
        future.add_done_callback(self._count_down)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.timeout_s)
        except TimeoutError:
            raise JobTimeoutError from None

    def close(self) -> None:
        """Wait for the running job and drop the waiting ones; later jobs raise `RuntimeError`."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _count(self, change: int) -> None:
        with self._lock:
            self.unfinished += change

    def _count_down(self, _done: "Future[T]") -> None:
        self._count(-1)
