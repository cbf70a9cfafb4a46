"""The session: what is missing is named, the user's settings are kept, and Ray prints nothing."""

import os
import sys
from types import SimpleNamespace

import pytest

from nasion.bulk.cluster import session
from nasion.bulk.cluster.session import WORKER_CPUS, WRITER_CPUS, check_ray, load_ray, ray_session
from nasion.errors import ConfigError

NICENESS = "RAY_worker_niceness"


@pytest.fixture
def ray(monkeypatch):
    """Return a Ray that notes how it is started."""
    fake = SimpleNamespace(starts=[], error=None, shutdown=lambda: None, cluster_resources=lambda: {"CPU": 6.0})

    def init(**options):
        fake.starts.append(options)
        os.write(2, b"[I 1 1] logging.cc: Set ray log level\n")
        if fake.error:
            raise fake.error

    fake.init = init
    monkeypatch.setattr(session, "load_ray", lambda: fake)
    monkeypatch.setitem(sys.modules, "ray._private.worker", SimpleNamespace(print_to_stdstream=print))
    return fake


def test_without_ray_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'nasion\[bulk\]'"):
        load_ray()


@pytest.mark.parametrize("cpus", range(1, 129))
def test_a_writer_fits_beside_the_workers_of_any_machine(cpus):
    rest = float(cpus)
    for _ in range(cpus):
        rest -= WORKER_CPUS  # as Ray Data computes it
    assert rest >= WRITER_CPUS


def test_a_local_ray_has_the_priority_of_the_command_and_prints_nothing(ray, monkeypatch, capfd):
    monkeypatch.delenv(NICENESS, raising=False)
    with ray_session(None, 3) as (_, count):
        assert count == 3
        assert os.environ[NICENESS] == "0"
        print("seen", file=sys.stderr)
    assert capfd.readouterr().err == "seen\n"
    (options,) = ray.starts
    assert (options["address"], options["num_cpus"], options["include_dashboard"]) == ("local", 3, False)


def test_messages_about_lost_nodes_do_not_appear_among_results(ray, capfd):
    worker = sys.modules["ray._private.worker"]
    with ray_session(None, 1):
        worker.print_to_stdstream({"lines": ["Raylet is terminated."]}, ignore_prefix=False)
    worker.print_to_stdstream("after")
    assert capfd.readouterr().out == "after\n"


def test_ray_still_prints_with_the_function_that_is_replaced():
    worker = pytest.importorskip("ray._private.worker")
    assert callable(getattr(worker, session.PRINTER))


def test_a_setting_of_the_user_is_kept(ray, monkeypatch):
    monkeypatch.setenv(NICENESS, "19")
    with ray_session(None, 1):
        assert os.environ[NICENESS] == "19"


def test_a_cluster_is_not_changed_and_gives_its_cores(ray):
    with ray_session("auto", None) as (_, count):
        assert count == 6
    (options,) = ray.starts
    assert set(options) == {"address", "log_to_driver", "logging_level"}


def test_a_cluster_that_is_missing_is_one_line(ray):
    ray.error = ConnectionError("Could not find\nany running Ray instance.")
    with pytest.raises(ConfigError, match=r"^--address auto: no Ray \(Could not find any running Ray instance\."):
        ray_session("auto", None).__enter__()


def test_an_address_of_ray_client_is_refused_with_the_remedy(ray):
    with pytest.raises(ConfigError, match=r"^--address ray://head:10001: .* with --address auto, or"):
        check_ray("ray://head:10001")
    for address in (None, "auto", "head:6379"):
        check_ray(address)
    assert ray.starts == []
