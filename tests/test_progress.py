"""Progress is reported in order, and the silent reporter accepts every call."""

from contextlib import contextmanager

import pytest

from nasion.progress import SILENT, track


class Recorder:
    """A reporter and a task in one that records what happens to it."""

    def __init__(self):
        self.events = []

    @contextmanager
    def task(self, title, total, unit=""):
        self.events.append(("start", title, total, unit))
        try:
            yield self
        finally:
            self.events.append(("end",))

    def advance(self, steps=1):
        self.events.append(("advance", steps))


def test_every_item_is_yielded_before_it_counts_as_done():
    recorder = Recorder()
    for item in track("abc", "reading", recorder):
        recorder.events.append(("item", item))
    assert recorder.events == [
        ("start", "reading", 3, ""),
        *(event for item in "abc" for event in (("item", item), ("advance", 1))),
        ("end",),
    ]


def test_nothing_is_reported_before_the_first_item_is_requested():
    recorder = Recorder()
    items = track([4, 5], "reading", recorder)
    assert recorder.events == []
    assert next(items) == 4
    assert recorder.events == [("start", "reading", 2, "")]


def test_the_task_ends_when_the_consumer_stops_early():
    recorder = Recorder()
    items = track([4, 5, 6], "reading", recorder)
    next(items)
    items.close()
    assert recorder.events == [("start", "reading", 3, ""), ("end",)]


def test_the_task_ends_when_the_consumer_fails():
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError):
        recorder.events.extend(1 / item for item in track([0, 1], "dividing", recorder))
    assert recorder.events[0] == ("start", "dividing", 2, "")
    assert ("advance", 1) not in recorder.events


def test_no_items_are_a_task_of_length_zero():
    recorder = Recorder()
    assert list(track([], "reading", recorder)) == []
    assert recorder.events == [("start", "reading", 0, ""), ("end",)]


def test_the_silent_reporter_accepts_everything_and_prints_nothing(capfd):
    SILENT.line("a")
    SILENT.warn("b")
    SILENT.table("title", ["x", "y"], [["1", "2"]], best=0)
    with SILENT.task("copying", 100.0, "bytes") as task:
        task.advance()
        task.advance(2.5)
        task.update(7, total=9, text="c")
        task.log("d")
    assert capfd.readouterr() == ("", "")


def test_the_silent_task_lets_errors_pass():
    with pytest.raises(KeyError), SILENT.task("copying", None):
        raise KeyError
