"""A map over threads that keeps the order and holds few results."""

import threading

import pytest

from nasion.predict.parallel import AHEAD, cores, map_in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_results_are_in_the_order_of_the_items(threads, count):
    assert list(map_in_order(lambda k: k * k, range(count), threads)) == [k * k for k in range(count)]


def test_items_are_worked_on_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)
    assert len(list(map_in_order(lambda _: meeting.wait(), range(3), 3))) == 3


def test_few_items_are_taken_ahead():
    taken = []

    def items():
        for k in range(100):
            taken.append(k)
            yield k

    results = map_in_order(abs, items(), 2)
    for k in range(10):
        assert next(results) == k
        assert len(taken) <= k + 1 + 2 * AHEAD
    results.close()
    assert len(taken) < 20


def test_exception_ends_the_iteration():
    results = map_in_order(lambda k: 1 // (3 - k), range(1000), 2)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_there_is_at_least_one_core():
    assert cores() >= 1
