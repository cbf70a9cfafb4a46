"""The command: runs all kinds of inputs on several processors, and prints a table and the findings."""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz import boxes, documents, labels, media, models, packed, server
from fuzz.workers import Kind, Outcome, outcomes

KINDS = [*media.KINDS, *labels.KINDS, *documents.KINDS, *models.KINDS, *packed.KINDS, *boxes.KINDS, *server.KINDS]

CHUNK = 200
"""Largest number of inputs that one process takes at a time."""


def run_kinds(arguments: list[str]) -> int:
    """Run the inputs that the arguments ask for, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz", description="give nasion many damaged and hostile inputs")
    parser.add_argument("--count", type=int, default=10_000, help="number of inputs")
    parser.add_argument("--seed", type=int, default=1, help="other seeds give other inputs")
    parser.add_argument("--kind", action="append", help=f"only these kinds: {', '.join(kind.name for kind in KINDS)}")
    parser.add_argument("--keep", type=Path, help="folder for the files of findings; default: a temporary one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="number of processes")
    options = parser.parse_args(arguments)
    kinds = [kind for kind in KINDS if not options.kind or kind.name in options.kind]
    if not kinds:
        parser.error("no such kind")
    keep = (options.keep or Path(tempfile.mkdtemp(prefix="nasion-fuzz-"))) / f"seed-{options.seed}"
    start = time.monotonic()
    found = _run_all(_tasks(kinds, options.count, options.seed, keep), options.jobs)
    findings = _print_table(kinds, found)
    print(f"{time.monotonic() - start:.0f} s, seed {options.seed}" + (f"; findings in {keep}" if findings else ""))
    return int(findings > 0)


Task = tuple[int, int, range, Path]
"""A kind's number, the seed, the inputs, and the folder for files."""


def _tasks(kinds: list[Kind], count: int, seed: int, keep: Path) -> list[Task]:
    shares = sum(kind.share for kind in kinds)
    tasks: list[Task] = []
    for kind in kinds:
        inputs = max(1, round(count * kind.share / shares))
        for first in range(0, inputs, CHUNK):
            folder = keep / kind.name.replace(" ", "-").replace(",", "") / str(first)
            tasks.append((KINDS.index(kind), seed, range(first, min(first + CHUNK, inputs)), folder))
    return tasks


def _run_all(tasks: list[Task], jobs: int) -> list[tuple[str, Outcome]]:
    """Return the outcomes of all tasks with the names of their kinds."""
    found: list[tuple[str, Outcome]] = []
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        for number, part in pool.imap_unordered(_run_task, tasks):
            found += [(KINDS[number].name, outcome) for outcome in part]
    return found


def _run_task(task: Task) -> tuple[int, list[Outcome]]:
    number, seed, indices, folder = task
    folder.mkdir(parents=True, exist_ok=True)
    return number, list(outcomes(KINDS[number], seed, indices, folder))


def _print_table(kinds: list[Kind], found: list[tuple[str, Outcome]]) -> int:
    """Print the numbers of each kind and every finding, and return the number of findings."""
    results = Counter((name, outcome.result) for name, outcome in found)
    print(f"{'kind':<24}{'inputs':>8}{'accepted':>10}{'rejected':>10}{'findings':>10}")
    for name in [*(kind.name for kind in kinds), "all"]:
        counts = [
            sum(number for (each, result), number in results.items() if name in (each, "all") and result == wanted)
            for wanted in ("accepted", "rejected", "finding")
        ]
        print(f"{name:<24}{sum(counts):>8}{counts[0]:>10}{counts[1]:>10}{counts[2]:>10}")
    signatures = Counter((name, each.signature) for name, each in found if each.result == "finding")
    for (name, signature), number in signatures.most_common():
        example = next(each for kind, each in found if (kind, each.signature) == (name, signature))
        print(f"\n{number} x {name}: {signature} (input {example.index})\n{example.detail.rstrip()}")
    return sum(signatures.values())
