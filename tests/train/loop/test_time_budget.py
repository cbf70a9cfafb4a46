"""The pace of a training is measured on a copy, and decides how many epochs fit into a time."""

from copy import deepcopy
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasion.train.loop import callbacks, time_budget
from nasion.train.loop import fit as fit_module
from nasion.train.loop.time_budget import (
    Pace,
    align_validation,
    epochs_within,
    format_duration,
    measure_pace,
    replanned,
)
from nasion.train.network.network import KeypointNetwork
from nasion.train.runs.run_folder import open_run
from train.loop.tiny_runs import CNN, plain, sources, tiny


def scheduled(**schedule):
    return plain(schedule={"batch": 4, **schedule})


def measure(config, precisions=("float32",), world=1, validation=True):
    train, val = sources(config)
    return measure_pace(config, KeypointNetwork(config, 58), train, val if validation else None, precisions, world)


def test_an_epoch_takes_its_steps_and_its_share_of_a_validation():
    assert Pace(0.5, 6.0, 7).epoch(scheduled(epochs=10)) == pytest.approx(7 * 0.5 + 6.0)
    assert Pace(0.5, 6.0, 7).epoch(scheduled(epochs=10, validate_every=4)) == pytest.approx(3.5 + 1.5)


def test_low_res_epochs_are_cheaper_in_proportion_to_their_pixels():
    # 4 of 10 epochs have crops of 16 instead of 32 px, a quarter of the pixels.
    config = scheduled(epochs=10, low_res_px=16, low_res_share=0.4)
    assert Pace(2.0, 3.0, 5).epoch(config) == pytest.approx(5 * 2.0 * (6 + 4 / 4) / 10 + 3.0)
    # The number of epochs matters: 40 % of 3 epochs is one epoch.
    config = scheduled(epochs=3, low_res_px=16, low_res_share=0.4)
    assert Pace(2.0, 3.0, 5).epoch(config) == pytest.approx(5 * 2.0 * (2 + 1 / 4) / 3 + 3.0)


def test_the_planned_share_of_the_minutes_is_filled_with_epochs():
    # 2 minutes are 120 s, of which 114 s are planned; an epoch takes 4 * 2 + 3 = 11 s.
    assert epochs_within(scheduled(epochs=99), Pace(2.0, 3.0, 4), 2).schedule.epochs == 10
    assert epochs_within(scheduled(epochs=99), Pace(2.0, 3.0, 4), 0.01).schedule.epochs == 1


@pytest.mark.parametrize(("every", "epochs"), [(1, 11), (3, 9), (4, 8), (11, 11), (12, 11), (50, 11)])
def test_the_epochs_are_a_multiple_of_the_validation_interval(every, epochs):
    config = epochs_within(scheduled(epochs=99, validate_every=every), Pace(2.5, 0.0, 4), 2)  # 114 s / 10 s
    assert config.schedule.epochs == epochs
    assert config.schedule.validate_every == every


@given(every=st.integers(1, 30), epochs=st.integers(1, 60))
def test_the_last_epoch_is_validated_and_no_interval_grows(every, epochs):
    aligned = align_validation(CONFIG.with_schedule(epochs=epochs, validate_every=every)).schedule
    assert aligned.epochs == epochs
    assert epochs % aligned.validate_every == 0
    assert 1 <= aligned.validate_every <= every
    assert not [k for k in range(aligned.validate_every + 1, min(every, epochs) + 1) if epochs % k == 0]


CONFIG = plain()


@pytest.mark.parametrize(("every", "aligned"), [(5, 5), (4, 3), (7, 5), (15, 15), (99, 15)])
def test_the_interval_is_the_largest_divisor_that_is_not_longer(every, aligned):
    assert align_validation(scheduled(epochs=15, validate_every=every)).schedule.validate_every == aligned


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [((2.0, 1.0), "bfloat16"), ((1.0, 2.0), "float32"), ((1.0, 0.95), "float32"), ((1.3, 1.0), "bfloat16")],
)
def test_another_precision_is_chosen_only_if_it_is_clearly_faster(monkeypatch, seconds, chosen):
    measured = iter([*seconds, 0.5])
    monkeypatch.setattr(time_budget, "_mean_seconds", lambda *_args: next(measured))
    precision, pace = measure(plain(), ("float32", "bfloat16"))
    assert precision == chosen
    assert pace == Pace(seconds[chosen == "bfloat16"], 0.5, 2)


def test_a_single_precision_is_the_answer_however_slow(monkeypatch):
    monkeypatch.setattr(time_budget, "CALIBRATION_SECONDS", 3.0)
    monkeypatch.setattr(time_budget, "_mean_seconds", lambda _actions, limit: {3.0: 8.0, 0: 0.25}[limit])
    assert measure(plain(), ("bfloat16",)) == ("bfloat16", Pace(8.0, 0.25, 2))


class Observed(KeypointNetwork):
    """A network that records the crops it decodes, whether it trains, and the autocast type."""

    def __init__(self, config, count):
        super().__init__(config, count)
        self.seen = []

    def __deepcopy__(self, memo):
        copied = KeypointNetwork.__new__(Observed)
        torch.nn.Module.__init__(copied)
        copied.__dict__.update({k: deepcopy(v, memo) for k, v in self.__dict__.items() if k != "seen"})
        copied.seen = self.seen
        return copied

    def decode(self, crops):
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        self.seen.append((len(crops), tuple(crops.shape[2:]), self.training, dtype, torch.is_grad_enabled()))
        return super().decode(crops)


def observe(config, precisions, world, monkeypatch, validation=True):
    """Return what a network saw while its pace was measured, with every measured action executed once."""
    monkeypatch.setattr(time_budget, "_mean_seconds", lambda actions, _limit: actions[0]() or 1.0)
    network = Observed(config, 58)
    train, val = sources(config)
    measure_pace(config, network, train, val if validation else None, precisions, world)
    return network.seen


def test_steps_train_in_each_precision_and_validation_decodes_face_by_face(monkeypatch):
    seen = observe(plain(), ("float32", "bfloat16"), 1, monkeypatch)
    size = (32, 32)
    # 6 faces in batches of at most 4 are two batches of 3. The first step of each precision prepares the network.
    assert seen[:2] == [(3, size, True, torch.float32, True)] * 2
    assert seen[2:4] == [(3, size, True, torch.bfloat16, True)] * 2
    assert seen[4:] == [(1, size, False, torch.float32, False)] * 6


def test_a_step_of_one_of_several_processes_has_its_part_of_the_faces(monkeypatch):
    assert [each[0] for each in observe(plain(), ("float32",), 2, monkeypatch)[:2]] == [2, 2]
    assert [each[0] for each in observe(plain(), ("float32",), 3, monkeypatch)[:2]] == [1, 1]


def test_the_pace_is_that_of_full_resolution_crops(monkeypatch):
    config = plain(schedule={"epochs": 4, "batch": 4, "low_res_px": 16})
    assert {each[1] for each in observe(config, ("float32",), 1, monkeypatch)} == {(32, 32)}


def test_measuring_changes_neither_the_network_nor_the_random_numbers():
    config = tiny()  # its dropout draws random numbers, its batch normalizations have statistics
    network = KeypointNetwork(config, 58).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    precision, pace = measure_pace(config, network, *sources(config), ("float32",), 1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
    assert all(weight.grad is None for weight in network.parameters())
    assert precision == "float32"
    assert pace.step > 0
    assert pace.validation > 0
    assert pace.steps == 2


def test_a_training_of_the_uncertainty_alone_is_measured_as_such(monkeypatch):
    learned = []
    monkeypatch.setattr(time_budget, "mean_loss", None)
    spread_loss = time_budget.spread_loss
    monkeypatch.setattr(time_budget, "spread_loss", lambda *given: learned.append(spread_loss(*given)) or learned[-1])
    measure(plain(init={"model": "default", "keep_keypoints": True}))
    assert learned
    assert all(loss.requires_grad for loss in learned)


def test_nothing_is_decoded_without_validation_faces(monkeypatch):
    assert [each[0] for each in observe(plain(CNN), ("float32",), 1, monkeypatch, validation=False)] == [3, 3]


class Clock:
    """A clock that advances by a second per action."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(time_budget.time, "perf_counter", lambda: self.now)

    def work(self, done, seconds=1.0):
        done.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (2.5, 3), (99, 7)])
def test_as_many_actions_as_fit_into_the_limit_are_timed(monkeypatch, limit, count):
    clock, done = Clock(monkeypatch), []
    assert time_budget._mean_seconds([partial(clock.work, done)] * 7, limit) == pytest.approx(1.0)
    assert len(done) == count


def test_the_mean_is_over_the_actions_done(monkeypatch):
    clock, done = Clock(monkeypatch), []
    actions = [partial(clock.work, done, seconds) for seconds in (1.0, 2.0, 6.0, 50.0)]
    assert time_budget._mean_seconds(actions, 4.0) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7379, "2 h 2 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_durations_are_in_words(seconds, text):
    assert format_duration(seconds) == text


# Planning again


def planned(**schedule):
    return plain(schedule={"epochs": 40, "validate_every": 1, **schedule})


@pytest.mark.parametrize(
    ("done", "elapsed_s", "epochs"),
    [(10, 95.0, 60), (10, 190.0, 30), (10, 570.0, 10), (10, 5000.0, 10), (1, 9.5, 60)],
    ids=["as planned", "twice as slow", "time is up", "long past", "after one epoch"],
)
def test_the_remaining_epochs_follow_the_pace(done, elapsed_s, epochs):
    assert replanned(planned(), done, elapsed_s, minutes=10).schedule.epochs == epochs  # 9.5 of 10 minutes are planned


@pytest.mark.parametrize(("elapsed_s", "epochs"), [(95.0, 60), (100.0, 55), (5000.0, 15)])
def test_the_last_epoch_stays_a_validated_one(elapsed_s, epochs):
    assert replanned(planned(validate_every=5), 11 if elapsed_s > 1000 else 10, elapsed_s, 10).schedule.epochs == epochs


def test_low_resolution_epochs_stay_as_many():
    config = planned(low_res_px=16, low_res_share=0.5)  # 20 epochs at a quarter of the cost
    assert config.crop.size == (32, 32)
    again = replanned(config, 10, 25.0, minutes=1)  # 2.5 s per low epoch, 10 s per full one; 57 s are planned
    assert (again.schedule.low_res_epochs, again.schedule.epochs) == (19, 20)
    more = replanned(config, 10, 25.0, minutes=3)  # 171 s: 50 s for low epochs, 12 full ones
    assert (more.schedule.low_res_epochs, more.schedule.epochs) == (20, 32)


def test_a_slow_training_ends_in_time(tmp_path, monkeypatch):
    """Every reading of the clock takes 10 s, although an epoch was expected to take 1 s."""
    monkeypatch.setattr(fit_module, "measure_pace", lambda *_arguments: ("float32", Pace(0.5, 0.0, 2)))
    seconds = iter(range(0, 100_000, 10))
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(seconds))
    run, _ = fit_module.fit(plain(), tmp_path / "run", "x", minutes=1)
    assert run.config.schedule.epochs == open_run(tmp_path / "run").config.schedule.epochs < 12
    assert len(callbacks.read_rows(tmp_path / "run" / "epochs.csv")) == run.config.schedule.epochs
