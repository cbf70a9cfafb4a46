"""Ray: started on this machine for one job, or connected to a cluster."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from nasion.errors import ConfigError, one_line
from nasion.predict.parallel import cores

__all__ = ["ONE_AT_A_TIME", "WORKER_CPUS", "WRITER_CPUS", "check_ray", "load_ray", "ray_session"]

WORKER_CPUS, WRITER_CPUS = 0.875, 0.125
"""Logical CPUs of a worker and of a task that writes tables, so that one of these fits beside each worker.

Ray Data subtracts them as binary floating-point numbers: 1 - 0.9 is less than 0.1, and on a machine with one CPU, a
writer of 0.1 would wait until all workers have ended. Eighths are exact.
"""

ONE_AT_A_TIME = {"max_concurrent_calls_per_actor": 1, "max_tasks_in_flight_per_actor": 2}
"""A worker predicts in one thread, and its next batch waits with it: Ray Data finds idle workers every 0.1 s."""

STORE_BYTES = 200_000_000
"""Object store of a local Ray: it holds paths and tables, never pixels."""

SPARE_PROCESSES = 8
"""Idle processes of a local Ray that are kept for the next task that writes a table, besides the workers."""

SETTINGS = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # other messages of Ray's C++ part, which also appear on standard error
    "RAY_worker_niceness": "0",  # the workers of a local Ray have the priority of the command, not the lowest one
}
"""Environment variables that are read when Ray starts; those that the user has set are kept."""

PRINTER = "print_to_stdstream"
"""The function with which Ray prints messages of the cluster."""

CLIENT = "ray://"
"""Start of the addresses of Ray Client, through which Ray Data does not run."""


def check_ray(address: str | None) -> None:
    """Check that Ray Data is installed, and that it can use a cluster at this address.

    Raises:
        ConfigError: it is not, or cannot.
    """
    load_ray()
    if address is not None and address.startswith(CLIENT):
        raise ConfigError(
            f"--address {address}: Ray Data does not run through Ray Client; run the command on a machine of the "
            "cluster with --address auto, or send it there with ray job submit"
        )


def load_ray() -> Any:
    """Return the module ray.

    Raises:
        ConfigError: Ray Data is not installed, or too old to commit tables in two phases.
    """
    try:
        ray = import_module("ray")
        import_module("ray.data.checkpoint.checkpoint_writer").PendingCheckpoint  # noqa: B018
    except ImportError as error:
        raise ConfigError(f"this needs Ray Data ({error}); pip install 'nasion[bulk]'") from None
    except AttributeError:
        raise ConfigError("this Ray is too old; pip install --upgrade 'nasion[bulk]'") from None
    return ray


@contextmanager
def ray_session(address: str | None, workers: int | None) -> Iterator[tuple[Any, int]]:
    """Connect to a cluster, or start Ray on this machine; yield the module ray and the number of workers.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    ray = load_ray()
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    count = workers or cores()
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address is None:
        options |= {"num_cpus": count, "include_dashboard": False, "object_store_memory": STORE_BYTES}
        options["_system_config"] = {"num_workers_soft_limit": count + SPARE_PROCESSES}
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        with _standard_error_off():  # Ray prints there that it uses one of these settings
            ray.init(address=address or "local", **options)
        if address is not None:
            count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise ConfigError(f"--address {address or 'local'}: no Ray ({one_line(error)[:200]}); start it first") from None
    try:
        with _messages_off():
            yield ray, count
    finally:
        ray.shutdown()


@contextmanager
def _standard_error_off() -> Iterator[None]:
    """Discard what all code of this process, also that in C++, writes to standard error in the block."""
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextmanager
def _messages_off() -> Iterator[None]:
    """Discard in the block what Ray prints on standard output when workers or nodes die; it has no setting for this."""
    worker = import_module("ray._private.worker")
    before = getattr(worker, PRINTER, None)
    setattr(worker, PRINTER, lambda *_arguments, **_options: None)
    try:
        yield
    finally:
        setattr(worker, PRINTER, before)
