"""Bulk prediction under kills, bad storage and broken images, and its rate against two processes with --shard.

make bench-bulk                                  # 100,000 images, 20 kills
make bench-bulk BULK="--images 5000 --kills 6"

One in a hundred images is broken. The kills hit drivers, workers and nodes of a local cluster of two nodes; every time
as many images are committed as a random number says; they use the model tiny. The rates of the model default are
measured on the same files without kills.
"""

import argparse
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bulk_storage import WRONG_KEY, environment, storage
from rich.console import Console
from rich.table import Table

from nasion.bulk import BulkPredictor
from nasion.bulk.output import Output
from nasion.bulk.progress import read_progress
from nasion.datasets.drawn import render_face
from nasion.images import write
from nasion.outputs.reports import BulkProgress

FACES, BROKEN_EVERY = 24, 100
"""Different faces among the images, and one in how many images is broken."""

SIZE = 160, 120
"""(width, height) of the images, px."""

COST_SIZES, COST_ROUNDS = ((160, 120), (640, 480), (4000, 3000)), 20
"""(width, height) of the images whose cost is measured, px, and how often."""

KINDS = ("driver", "worker", "node")
"""What is killed."""

WORKER_TITLE = "ray::MapWorker("
"""Start of the title of the processes that predict."""

MARK = "NASION_BENCH"
"""Environment variable by which processes of this benchmark are known: nothing else may be killed."""

NASION = [sys.executable, "-m", "nasion"]


def main() -> None:
    """Print one table of what was measured, with targets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="images under kills")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate-images", type=int, default=10_000, help="images of each measurement of the rate")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of the rate")
    parser.add_argument("--s3-images", type=int, default=300, help="images in the bucket")
    parser.add_argument("--outage-s", type=float, default=60.0, help="how long the bucket disappears, seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("cost", "kills", "rate", "s3"))
    parser.add_argument("--folder", type=Path, help="default: a temporary folder, which is deleted")
    options = parser.parse_args()
    os.environ[MARK] = str(os.getpid())
    table = Table("what", "measured", "target")
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        parts = {"cost": measure_cost, "kills": measure_kills, "rate": measure_rate, "s3": measure_storage}
        for name, measure in parts.items():
            if options.only in (None, name):
                for row in measure(folder / name, options):
                    table.add_row(*row)
    Console().print(table)


def make_images(folder: Path, count: int) -> int:
    """Write `count` small images of which every hundredth is broken; return the number of broken ones."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = (render_face(5, number, 0, "ibug-68").image for number in range(FACES))
    small = [cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA) for image in drawn]
    encoded = [cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes() for image in small]
    broken = 0
    for number in range(count):
        is_broken = number % BROKEN_EVERY == BROKEN_EVERY // 2
        broken += is_broken
        content = encoded[number % FACES]
        (folder / f"{number:06d}.jpg").write_bytes(content[: len(content) // 2] if is_broken else content)
    return broken


# Cost


def measure_cost(folder: Path, _options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Yield the processor time of one image with one face, by size, what a million of them take, and the memory."""
    folder.mkdir(parents=True, exist_ok=True)
    predict, drawn = BulkPredictor(), render_face(5, 0, 0, "ibug-68").image
    for size in COST_SIZES:
        path = str(folder / f"{size[0]}.jpg")
        write(path, np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_CUBIC), np.uint8))
        predict.row("", path)
        times = []
        for _ in range(COST_ROUNDS):
            started = time.process_time()
            predict.row("", path)
            times.append(time.process_time() - started)
        seconds = statistics.median(times)
        title = f"processor time, image of {size[0]} x {size[1]} px"
        yield title, f"{1000 * seconds:.0f} ms; {1e6 * seconds / 3600:.1f} core hours per million", ""
        yield "memory so far, at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB", ""


# Kills


def measure_kills(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table about kills."""
    images, out = folder / "images", folder / "out"
    broken = make_images(images, options.images)
    chance = random.Random(options.seed)
    kinds = [KINDS[number % len(KINDS)] for number in range(options.kills)]
    chance.shuffle(kinds)
    shares = sorted(chance.uniform(0.02, 0.95) for _ in kinds)
    with subprocess.Popen([sys.executable, __file__, "cluster"], stdin=-1, stdout=-1, text=True) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        address = cluster.stdout.readline().strip()
        kept, starts = run_with_kills(images, out, address, list(zip(shares, kinds, strict=True)), cluster, chance)
        cluster.stdin.close()
    lost, twice, errors = verify(out, images)
    now = commit_times(Output(str(out)))
    rewritten = sum(now.get(name) != time_s for name, time_s in kept.items())
    yield f"images, kills of {', '.join(KINDS)}", f"{options.images:,}, {options.kills}", ""
    yield "rows lost, rows twice", f"{lost}, {twice}", "0, 0"
    yield "rows with an error, broken images", f"{errors}, {broken}", "equal"
    yield "tables committed before a kill that were computed again", f"{rewritten} of {len(kept)}", "0"
    yield "starts of the driver", str(starts), ""


def run_with_kills(
    images: Path, out: Path, address: str, kills: list[tuple[float, str]], cluster: Any, chance: random.Random
) -> tuple[dict[str, float], int]:
    """Run the job to its end despite kills; return the commits before each kill, and the starts of the driver."""
    kept: dict[str, float] = {}
    starts = 0
    command = [*NASION, "bulk", str(images), "--out", str(out), "--address", address, "--resume", "--model", "tiny"]
    driver: subprocess.Popen[str] | None = None
    while True:
        if driver is None:
            starts += 1
            driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        if driver.poll() is not None:
            assert driver.stderr is not None
            if driver.returncode == 0 and not kills:
                return kept, starts
            print(f"driver ended with {driver.returncode}: {driver.stderr.read()[-500:]}", file=sys.stderr)
            driver = None
            continue
        progress = current_progress(out)
        if kills and progress is not None and progress.images >= kills[0][0] * progress.total:
            _, kind = kills.pop(0)
            kept |= commit_times(Output(str(out)))
            print(f"{progress.images:,} of {progress.total:,}: kill a {kind}", file=sys.stderr)
            driver = kill(kind, driver, cluster, chance)


def current_progress(out: Path) -> BulkProgress | None:
    """Return the progress of a job that may not have started."""
    return read_progress(Output(str(out))) if out.is_dir() else None


def kill(kind: str, driver: Any, cluster: Any, chance: random.Random) -> Any:
    """Kill something with SIGKILL; return the driver, or None if it was killed."""
    if kind == "driver":
        driver.kill()
        driver.wait()
        return None
    if kind == "worker":
        workers = processes(WORKER_TITLE)
        if workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
    else:
        cluster.stdin.write("kill\n")
        cluster.stdin.flush()
        cluster.stdout.readline()
    return driver


def processes(title: str) -> list[int]:
    """Return the processes of this benchmark whose command line starts with `title`."""
    mark = f"{MARK}={os.environ[MARK]}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                is_own = mark in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_own and command.startswith(title.encode()):
                found.append(int(entry.name))
    return found


def run_cluster() -> None:
    """Run a head without workers and two nodes; kill and replace a node at each line of standard input."""
    memory = 200_000_000
    os.environ.setdefault("RAY_worker_niceness", "0")
    cluster = import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": memory}
    )
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=memory) for _ in range(2)]
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        victim = nodes.pop(0)
        cluster.remove_node(victim, allow_graceful=False)  # kills its processes with SIGKILL
        nodes.append(cluster.add_node(num_cpus=1, object_store_memory=memory))
        print("replaced", flush=True)
    cluster.shutdown()


def commit_times(output: Output) -> dict[str, float]:
    """Return when each table was committed, seconds since 1970, by the file with its ids."""
    return {name: Path(output.path(file)).stat().st_mtime for name, file in output.commits().items()}


def verify(out: Path, images: Path) -> tuple[int, int, int]:
    """Return the numbers of rows that are missing, of rows too many, and of rows with an error."""
    from pyarrow import dataset

    table = dataset.dataset(str(out), format="parquet").to_table(columns=["id", "error"])
    names = table.column("id").to_pylist()
    wanted = {str(path.resolve()) for path in images.iterdir()}
    return len(wanted - set(names)), len(names) - len(set(names)), table.num_rows - table.column("error").null_count


# Rate and memory


def measure_rate(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table about rate, start-up and memory."""
    images = folder / "images"
    make_images(images, options.rate_images)
    shards, bulks, startups, memories = [], [], [], []
    for number in range(options.rounds):
        shards.append(options.rate_images / time_shards(images, folder / f"shards{number}"))
        progress, memory = run_local(images, folder / f"out{number}")
        assert progress.images_per_s is not None
        assert progress.startup_s is not None
        bulks.append(progress.images_per_s)
        startups.append(progress.startup_s)
        memories.append(memory)
        print(f"round {number + 1}: {shards[-1]:.1f} and {bulks[-1]:.1f} images/s", file=sys.stderr)
    share = statistics.median(b / a for a, b in zip(shards, bulks, strict=True))
    yield "rate, two processes with --shard", f"{statistics.median(shards):.1f} images/s", ""
    yield "rate, nasion bulk with two workers", f"{statistics.median(bulks):.1f} images/s ({share:.2f})", ">= 0.85"
    yield "start-up of nasion bulk", f"{statistics.median(startups):.0f} s", ""
    largest = max(max(memory) for memory in memories)
    growth = max(
        statistics.mean(each[-len(each) // 4 :]) - statistics.mean(each[: len(each) // 4]) for each in memories
    )
    yield "memory of a worker (RSS), largest", f"{largest / 1e6:.0f} MB", "<= 350"
    yield "its growth from the first to the last quarter", f"{growth / 1e6:+.0f} MB", "flat"


def time_shards(images: Path, out: Path) -> float:
    """Return how long two processes take, each with one core and half of the images, seconds."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [
                *NASION,
                "predict",
                str(images),
                "--shard",
                f"{number + 1}/2",
                "--format",
                "parquet",
                "--out",
                str(out),
                "-q",
            ],
            preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
            stderr=subprocess.DEVNULL,
        )
        for number, core in enumerate(cores)
    ]
    assert [process.wait() for process in running] == [0] * len(running)
    return time.perf_counter() - started


def run_local(images: Path, out: Path) -> tuple[BulkProgress, list[float]]:
    """Run a job with two workers; return its summary, and the memory of the largest worker over time, bytes."""
    command = [*NASION, "bulk", str(images), "--out", str(out), "--workers", "2", "-q"]
    driver, sizes = subprocess.Popen(command), list[float]()
    while driver.poll() is None:
        time.sleep(1)
        progress = current_progress(out)
        if progress is not None and progress.images:
            sizes += [max(map(resident, workers))] if (workers := processes(WORKER_TITLE)) else []
    assert driver.returncode == 0
    return BulkProgress.model_validate(Output(str(out)).read_json("summary.json")), sizes


def resident(process: int) -> float:
    """Return the memory of a process that is resident, bytes; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        return 0.0


# Storage


def measure_storage(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table about a bucket."""
    images = folder / "images"
    broken = make_images(images, options.s3_images)
    with storage(5060) as (address, faults):
        for name, value in (variables := environment(address)).items():
            os.environ[name] = value
        bucket = upload(images)
        for title, changes in {
            "as it is": {},
            "0.2 s slower": {"delay_s": 0.2},
            "one of seven requests fails": {"fail_every": 7},
            f"gone for {options.outage_s:g} s": {"gone": True},
            "as it is, two workers killed": {"kills": 2},
        }.items():
            out = f"s3://{bucket}/out-{abs(hash(title))}"
            result = run_on_bucket(f"s3://{bucket}/images", out, faults, changes, options.outage_s)
            lost, twice, errors = verify_bucket(out, options.s3_images)
            row = f"{lost}, {twice}, {errors}; exit code {result}"
            yield f"bucket {title}: rows lost, twice, with an error", row, f"0, 0, {broken}; exit code 0"
        wrong = {**os.environ, **variables, **environment(address, WRONG_KEY)}
        yield "wrong credentials", refused(f"s3://{bucket}/images", f"s3://{bucket}/refused", wrong), "one line, code 2"


def upload(images: Path) -> str:
    """Copy the images into a new bucket, and return its name."""
    files = import_module("s3fs").S3FileSystem()
    files.mkdir("photos")
    files.put(f"{images}/", "photos/images/", recursive=True)
    return "photos"


def run_on_bucket(source: str, out: str, faults: Any, changes: Mapping[str, Any], outage_s: float) -> int:
    """Run a job, with faults or kills from its first commit on; an outage ends after a while. Return the exit code."""
    driver = subprocess.Popen([*NASION, "bulk", source, "--out", out, "--workers", "2", "--model", "tiny", "-q"])
    output = Output(out)
    while driver.poll() is None and output.read_json("ready-0001.json") is None:
        time.sleep(1)
    for _ in range(changes.get("kills", 0)):
        workers = []
        while driver.poll() is None and not workers:
            time.sleep(1)
            workers = processes(WORKER_TITLE)
        for process in workers[:1]:
            os.kill(process, signal.SIGKILL)
        time.sleep(1)
    for name in changes.keys() - {"kills"}:
        setattr(faults, name, changes[name])
    if faults.gone:
        time.sleep(outage_s)
        faults.gone = False
    code = driver.wait()
    faults.delay_s, faults.fail_every = 0.0, 0
    return code


def verify_bucket(out: str, count: int) -> tuple[int, int, int]:
    """Return the numbers of rows that are missing, of rows too many, and of rows with an error."""
    output = Output(out)
    rows = [row for name in output.tables() for row in output.read_table(name, ["id", "error"]).to_pylist()]
    names = {row["id"] for row in rows}
    return count - len(names), len(rows) - len(names), sum(row["error"] is not None for row in rows)


def refused(source: str, out: str, variables: Mapping[str, str]) -> str:
    """Return how a job with wrong credentials ends."""
    run = subprocess.run(
        [*NASION, "bulk", source, "--out", out, "-q"], env=variables, capture_output=True, text=True, check=False
    )
    lines = run.stderr.strip().splitlines()
    return f"{len(lines)} line, code {run.returncode}: {lines[-1][:120]}"


if __name__ == "__main__":
    run_cluster() if sys.argv[1:] == ["cluster"] else main()
