"""The queue runs one job at a time, is bounded, and always gives its places back.

The tests wait for events, never for a time: a gate keeps the worker busy until the test opens it.
"""

import asyncio
import threading

import pytest

from nasion.errors import ImageError
from nasion.studio.server.job_queue import JobQueue, JobTimeoutError, QueueFullError

NEVER_S = 60
AT_ONCE_S = 0.01


class Gate:
    """A job that runs until it is released."""

    def __init__(self):
        self.begun, self.released, self.runs = threading.Event(), threading.Event(), 0

    def __call__(self):
        self.runs += 1
        self.begun.set()
        assert self.released.wait(NEVER_S)
        return "gate"


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def run(story, **settings):
    """Run a coroutine function with a queue, and close the queue."""

    async def main():
        queue = JobQueue(**{"max_waiting": 2, "timeout_s": NEVER_S} | settings)
        try:
            await asyncio.wait_for(story(queue), NEVER_S)
        finally:
            queue.close()

    asyncio.run(main())


async def busy(queue):
    """Start a job that blocks the worker; return its gate and its task."""
    gate = Gate()
    task = asyncio.ensure_future(queue.run(gate))
    await until(gate.begun.is_set)
    return gate, task


def test_a_job_returns_its_result():
    async def story(queue):
        assert await queue.run(lambda: 4) == 4

    run(story)


def test_a_job_runs_in_the_worker_thread():
    async def story(queue):
        names = {await queue.run(lambda: threading.current_thread().name) for _ in range(3)}
        assert names == {"job-queue_0"}

    run(story)


def test_the_error_of_a_job_is_raised_and_its_place_is_free_again():
    async def story(queue):
        with pytest.raises(ImageError, match="not an image"):
            await queue.run(broken)
        await until(lambda: queue.unfinished == 0)
        assert await queue.run(lambda: 4) == 4

    def broken():
        raise ImageError("not an image")

    run(story)


def test_jobs_run_one_after_the_other_in_their_order():
    async def story(queue):
        order, active = [], []

        def job(number):
            active.append(number)
            assert len(active) == 1
            order.append(number)
            active.remove(number)

        gate, first = await busy(queue)
        others = [asyncio.ensure_future(queue.run(lambda k=k: job(k))) for k in range(2)]
        await until(lambda: queue.unfinished == 3)
        gate.released.set()
        await asyncio.gather(first, *others)
        assert order == [0, 1]

    run(story)


@pytest.mark.parametrize("max_waiting", [0, 1, 3])
def test_one_job_may_run_and_a_fixed_number_may_wait(max_waiting):
    async def story(queue):
        gate, first = await busy(queue)
        waiting = [asyncio.ensure_future(queue.run(lambda k=k: k)) for k in range(max_waiting)]
        await until(lambda: queue.unfinished == 1 + max_waiting)
        with pytest.raises(QueueFullError):
            await queue.run(lambda: "one too many")
        assert queue.unfinished == 1 + max_waiting
        gate.released.set()
        assert await first == "gate"
        assert await asyncio.gather(*waiting) == list(range(max_waiting))
        await until(lambda: queue.unfinished == 0)

    run(story, max_waiting=max_waiting)


def test_a_waiting_job_that_times_out_never_runs():
    async def story(queue):
        gate, blocker = await busy(queue)
        queue.timeout_s, ran = AT_ONCE_S, []
        with pytest.raises(JobTimeoutError):
            await queue.run(lambda: ran.append("late"))
        await until(lambda: queue.unfinished == 1)
        gate.released.set()
        assert await blocker == "gate"
        assert await queue.run(lambda: 4) == 4
        assert ran == []

    run(story)


def test_a_running_job_that_times_out_keeps_its_place_until_it_ends():
    async def story(queue):
        gate = Gate()
        queue.timeout_s = AT_ONCE_S
        with pytest.raises(JobTimeoutError):
            await queue.run(gate)
        await until(gate.begun.is_set)
        assert queue.unfinished == 1
        with pytest.raises(QueueFullError):
            await queue.run(lambda: 4)
        gate.released.set()
        await until(lambda: queue.unfinished == 0)
        queue.timeout_s = NEVER_S
        assert await queue.run(lambda: 4) == 4

    run(story, max_waiting=0)


def test_a_waiting_job_whose_client_has_gone_never_runs():
    async def story(queue):
        gate, blocker = await busy(queue)
        ran = []
        waiting = asyncio.ensure_future(queue.run(lambda: ran.append("nobody waits")))
        await until(lambda: queue.unfinished == 2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: queue.unfinished == 1)
        gate.released.set()
        await blocker
        await queue.run(lambda: 4)
        assert ran == []

    run(story)


def test_reservations_count_while_they_last():
    async def story(queue):
        assert queue.reserved == 0
        async with queue.reserve():
            assert queue.reserved == 1
            async with queue.reserve():
                assert (queue.reserved, queue.unfinished) == (2, 0)
            assert queue.reserved == 1
        assert queue.reserved == 0

    run(story)


def test_a_reservation_ends_with_an_error_in_its_block():
    async def story(queue):
        with pytest.raises(ImageError):
            async with queue.reserve():
                raise ImageError("not an image")
        assert queue.reserved == 0

    run(story)


@pytest.mark.parametrize("max_waiting", [0, 1, 3])
def test_reservations_are_limited_like_jobs(max_waiting):
    async def story(queue):
        held = [queue.reserve() for _ in range(max_waiting + 1)]
        for reservation in held:
            await reservation.__aenter__()
        with pytest.raises(QueueFullError):
            await queue.reserve().__aenter__()
        assert queue.reserved == max_waiting + 1
        await held.pop().__aexit__(None, None, None)
        async with queue.reserve():
            pass
        for reservation in held:
            await reservation.__aexit__(None, None, None)
        assert queue.reserved == 0

    run(story, max_waiting=max_waiting)


def test_jobs_and_reservations_fill_the_same_queue():
    async def story(queue):
        gate, blocker = await busy(queue)
        async with queue.reserve():
            with pytest.raises(QueueFullError):
                await queue.reserve().__aenter__()
            # whoever holds a reservation can still run a job
            waiting = asyncio.ensure_future(queue.run(lambda: 4))
            await until(lambda: queue.unfinished == 2)
        gate.released.set()
        assert (await blocker, await waiting) == ("gate", 4)

    run(story, max_waiting=1)


def test_a_reservation_times_out_and_is_given_back():
    async def story(queue):
        queue.timeout_s = AT_ONCE_S
        with pytest.raises(JobTimeoutError):
            async with queue.reserve():
                await asyncio.sleep(NEVER_S)
        assert queue.reserved == 0

    run(story)


def test_closing_waits_for_the_running_job_and_drops_the_others():
    async def story(queue):
        gate, blocker = await busy(queue)
        ran = []
        waiting = asyncio.ensure_future(queue.run(lambda: ran.append("too late")))
        await until(lambda: queue.unfinished == 2)
        closing = threading.Thread(target=queue.close)
        closing.start()
        await until(lambda: queue.unfinished == 1)
        assert closing.is_alive()
        gate.released.set()
        closing.join(NEVER_S)
        assert not closing.is_alive()
        assert await blocker == "gate"
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (ran, queue.unfinished) == ([], 0)
        with pytest.raises(RuntimeError):
            await queue.run(lambda: 4)
        assert queue.unfinished == 0

    run(story)
