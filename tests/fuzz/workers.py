"""Runs inputs in forked processes that are limited in time and memory, and describes what happened to each.

A worker reports over a pipe which input it starts and how the input ended. If it dies or takes too long, the parent
notes this for the input it was at, and a new worker continues with the next one.
"""

import io
import os
import pickle
import resource
import select
import shutil
import signal
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

from nasion.errors import NasionError

CPU_S, WALL_S = 10.0, 300.0
"""Longest time of an input: of the processor, and on the clock of a busy machine, s."""

MAX_BYTES = 2_500_000_000
"""Memory that a worker may have more than at its start."""

MAX_GROWTH_KB = 1_500_000
"""Growth of a worker's largest memory that is a finding, kB."""

MAX_LINE = 2100
"""Largest number of characters of a message."""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        name: shown in the table.
        share: of all inputs, relative to the other kinds.
        prepare: makes valid files in a folder and returns what `run` needs.
        run: makes an input from a random generator in an empty folder, and gives it to nasion.
        allowed: pieces of text that libraries print themselves and that are no finding.
    """

    name: str
    share: float
    prepare: Callable[[Path], object]
    run: Callable[[object, Random, Path], None]
    allowed: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What happened to an input: "accepted", "rejected" or "finding"; a finding has a signature and a detail."""

    index: int
    result: str
    signature: str = ""
    detail: str = ""


def outcomes(kind: Kind, seed: int, indices: range, folder: Path) -> Iterator[Outcome]:
    """Yield the outcome of each input; the files of findings are kept in `folder`."""
    prepared = kind.prepare(_emptied(folder / "valid"))
    following = indices.start
    while following < indices.stop:
        for outcome in _from_worker(kind, prepared, seed, range(following, indices.stop), folder):
            following = outcome.index + 1
            if outcome.result != "finding":
                shutil.rmtree(folder / str(outcome.index), ignore_errors=True)
            yield outcome


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _from_worker(kind: Kind, prepared: object, seed: int, indices: range, folder: Path) -> Iterator[Outcome]:
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(reading)
        status = 1
        try:
            _work(kind, prepared, seed, indices, folder, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    ended = False
    try:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            for index in indices:
                outcome = _receive(pipe, process, index)
                yield outcome
                if outcome.result == "finding" and outcome.signature.startswith(("hang", "died")):
                    return
            ended = True
    finally:
        if not ended:
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _receive(pipe: io.FileIO, process: int, index: int) -> Outcome:
    """Return the outcome of an input, or what it means that there is none."""
    start, cpu = time.monotonic(), _cpu_s(process)
    while not select.select([pipe], [], [], 0.5)[0]:
        if _cpu_s(process) - cpu > CPU_S or time.monotonic() - start > WALL_S:
            return Outcome(index, "finding", "hang", f"more than {CPU_S:g} s")
    head = pipe.read(4)
    if len(head or b"") < 4:
        return Outcome(index, "finding", "died", "the process died, perhaps of a signal")
    size, content = struct.unpack("I", head)[0], b""
    while len(content) < size:
        content += pipe.read(size - len(content))
    return pickle.loads(content)


def _cpu_s(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _work(kind: Kind, prepared: object, seed: int, indices: range, folder: Path, writing: int) -> None:
    limit = _memory_bytes() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("always", append=True)
    printed = os.open(folder / "printed", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(printed, stream)
    for index in indices:
        place = _emptied(folder / str(index))
        outcome = _run_one(kind, prepared, Random(f"{seed} {kind.name} {index}"), index, place, printed)
        content = pickle.dumps(outcome)
        os.write(writing, struct.pack("I", len(content)) + content)


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _run_one(kind: Kind, prepared: object, random: Random, index: int, place: Path, printed: int) -> Outcome:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.ftruncate(printed, 0)
    os.lseek(printed, 0, os.SEEK_SET)
    outcome = Outcome(index, "accepted")
    try:
        kind.run(prepared, random, place)
    except NasionError as error:
        line = str(error)
        outcome = Outcome(index, "rejected", "", line)
        if not line.isprintable() or not line or len(line) > MAX_LINE:
            outcome = Outcome(index, "finding", f"message {_place(error)}", repr(line)[:300])
    except BaseException as error:
        detail = "".join(traceback.format_exception(error))[-3000:]
        outcome = Outcome(index, "finding", f"{type(error).__name__} {_place(error)}", detail)
    text = _printed(kind, printed)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if text and outcome.result != "finding":
        outcome = Outcome(index, "finding", f"printed {text.splitlines()[0][:100]}", f"{text[:500]} … {text[-2000:]}")
    if growth > MAX_GROWTH_KB and outcome.result != "finding":
        outcome = Outcome(index, "finding", "memory", f"{growth // 1000} MB")
    return outcome


def _printed(kind: Kind, printed: int) -> str:
    """Return what was printed on standard output or standard error, without the lines that are allowed."""
    sys.stdout.flush()
    sys.stderr.flush()
    content = os.pread(printed, 100_000, 0).decode("utf-8", "replace")
    lines = [line for line in content.splitlines() if not any(each in line for each in kind.allowed)]
    return "\n".join(lines).strip()


def _place(error: BaseException) -> str:
    """Return the deepest line of nasion in an error's traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/nasion/" in frame.filename]
    frame = (own or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
