"""One training step, one validation, the optimizer and its schedule, each against its formula."""

from math import cos, pi
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nasion.errors import ConfigError
from nasion.train.config import parse
from nasion.train.data.batches import EpochPlan
from nasion.train.loop import module as module_under_test
from nasion.train.loop.module import CALIBRATION_FACES, NO_FACE, SCORES, KeypointModule, learning_rate_at
from nasion.train.network.network import mean_loss, spread_loss
from nasion.train.network.spread import normalized_residual
from nasion.uncertainty import ERROR_SHAPE
from train.loop.tiny_runs import CNN, DATA, UNET, module_of, plain


def on_device(module, rank=0, world=1, epoch=0, total=lambda sums: sums):
    """Let a module believe that it is trained by device `rank` of `world`; `total` adds up the devices' sums."""
    module._trainer = SimpleNamespace(
        global_rank=rank,
        world_size=world,
        current_epoch=epoch,
        strategy=SimpleNamespace(reduce=lambda sums, reduce_op: total(sums) if reduce_op == "sum" else None),
    )
    return module


def schedule(**values):
    return plain(schedule=values).schedule


# Learning rate


def test_a_constant_rate_is_the_peak_at_every_step():
    assert [learning_rate_at(step, 7, schedule()) for step in range(7)] == [1.0] * 7


def test_the_warmup_rises_in_equal_steps_to_the_peak():
    constant = schedule(warmup=0.3)
    assert [learning_rate_at(step, 10, constant) for step in range(5)] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1])


def test_a_cosine_falls_from_the_peak_to_zero():
    rates = [learning_rate_at(step, 8, schedule(shape="cosine")) for step in (0, 2, 4, 6, 8)]
    assert rates == pytest.approx([1, (1 + cos(pi / 4)) / 2, 0.5, (1 - cos(pi / 4)) / 2, 0])


def test_a_cosine_begins_after_the_warmup():
    both = schedule(shape="cosine", warmup=0.2)
    rates = [learning_rate_at(step, 10, both) for step in range(11)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert rates[6] == pytest.approx(0.5)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert learning_rate_at(99, 10, both) == 0.0  # it does not rise again


def test_a_cosine_of_a_single_step_is_the_peak():
    assert learning_rate_at(0, 1, schedule(shape="cosine")) == 1.0


# Optimizer


def optimizer_of(module):
    found = module.configure_optimizers()
    assert found["lr_scheduler"]["interval"] == "step"
    return found["optimizer"], found["lr_scheduler"]["scheduler"]


def test_head_and_backbone_have_their_rates_and_only_matrices_decay():
    config = plain(init={"backbone_lr_factor": 0.1}, optimizer={"lr": 0.02, "weight_decay": 0.5, "name": "adamw"})
    module = module_of(config)
    optimizer, _ = optimizer_of(module)
    assert isinstance(optimizer, torch.optim.AdamW)
    names = {id(weight): name for name, weight in module.network.named_parameters()}
    seen = []
    for group in optimizer.param_groups:
        for weight in group["params"]:
            name = names[id(weight)]
            seen.append(name)
            is_head = name.startswith(("model.head.", "spread."))
            assert group["initial_lr"] == pytest.approx(0.02 if is_head else 0.002), name
            assert group["weight_decay"] == (0.5 if weight.ndim > 1 else 0.0), name
    assert sorted(seen) == sorted(names.values())  # each weight exactly once


def test_a_network_without_a_spread_head_has_the_same_groups():
    module = module_of(plain(CNN))
    assert module.network.spread is None
    optimizer, _ = optimizer_of(module)
    assert type(optimizer) is torch.optim.Adam
    assert {len(group["params"]) for group in optimizer.param_groups} >= {1}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(module.network.parameters()))


def test_the_backbone_does_not_learn_in_frozen_epochs():
    config = plain(
        init={"freeze_share": 0.25, "backbone_lr_factor": 0.5, "model": "default"},
        optimizer={"lr": 0.1},
        schedule={"epochs": 4, "batch": 4, "shape": "cosine", "warmup": 0.25},
    )
    module = module_of(config)
    optimizer, rates = optimizer_of(module)
    assert module.steps_per_epoch() == 2
    for step in range(8):
        peak = learning_rate_at(step, 8, config.schedule)
        head, head_biases, backbone, backbone_biases = (group["lr"] for group in optimizer.param_groups)
        assert head == head_biases == pytest.approx(0.1 * peak)
        assert backbone == backbone_biases == pytest.approx(0.0 if step < 2 else 0.05 * peak)
        optimizer.step()
        rates.step()


def test_the_gradients_of_keypoints_and_spread_are_clipped_separately():
    module = module_of(plain())
    spread = list(module.network.spread.parameters())
    keypoints = list(module.network.model.parameters())
    for weight in module.network.parameters():
        weight.grad = torch.full_like(weight, 3.0)
    for weight in spread:
        weight.grad = torch.full_like(weight, 1e-4)  # below the limit
    module.configure_gradient_clipping(None, 0.5, "norm")

    def norm(weights):
        return float(torch.cat([weight.grad.flatten() for weight in weights]).norm())

    assert norm(keypoints) == pytest.approx(0.5, rel=1e-3)
    assert all(torch.equal(weight.grad, torch.full_like(weight, 1e-4)) for weight in spread)
    for weight in spread:
        weight.grad = torch.full_like(weight, 3.0)
    before = [weight.grad.clone() for weight in keypoints]
    module.configure_gradient_clipping(None, 0.7, "norm")
    assert norm(spread) == pytest.approx(0.7, rel=1e-3)
    assert all(torch.equal(weight.grad, old) for weight, old in zip(keypoints, before, strict=True))


@pytest.mark.parametrize("network", [UNET, CNN])
def test_no_limit_clips_nothing(network):
    module = module_of(plain(network))
    for weight in module.network.parameters():
        weight.grad = torch.full_like(weight, 3.0)
    for limit in (None, 0.0):
        module.configure_gradient_clipping(None, limit)
    assert {float(weight.grad.max()) for weight in module.network.parameters()} == {3.0}
    module.configure_gradient_clipping(None, 1.0)
    assert float(next(module.network.model.parameters()).grad.max()) < 0.1


# Moving average


def test_the_moving_average_follows_its_formula():
    module = module_of(plain(schedule={"epochs": 1, "ema_decay": 0.25}))
    name, count = "model.stem.0.weight", "model.stem.1.num_batches_tracked"
    mean = "model.stem.1.running_mean"
    averages, latest = module.ema.module.state_dict(), module.network.state_dict()
    expected = dict.fromkeys((name, mean))
    decays = []
    for update in range(6):
        with torch.no_grad():
            for key in (name, mean):
                latest[key].fill_(float(update**2 + 1))
            latest[count].fill_(7 * update)
        module.on_train_batch_end(None, None, update)
        decay = min(0.25, (1 + update) / (10 + update))  # of the updates before this one
        decays.append(decay)
        for key in expected:
            # The first update copies the weights.
            old = expected[key]
            new = update**2 + 1.0
            expected[key] = new if old is None else decay * old + (1 - decay) * new
            assert averages[key].numpy() == pytest.approx(expected[key]), (key, update)
        assert int(averages[count]) == 7 * update
    assert decays[1] < 0.25 == decays[-1]


def test_the_moving_average_is_validated_and_needs_no_gradient():
    module = module_of(plain(schedule={"epochs": 1, "ema_decay": 0.9}))
    assert module.best_network is module.ema.module
    assert module.best_network is not module.network
    assert not any(weight.requires_grad for weight in module.best_network.parameters())
    assert all(weight.requires_grad for weight in module.network.parameters())


def test_without_a_moving_average_the_network_itself_is_kept():
    module = module_of(plain())
    assert module.best_network is module.network
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.on_train_batch_end(None, None, 0)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


# Batches


def test_every_training_face_is_in_one_batch_of_one_device():
    module = module_of(plain(schedule={"epochs": 3, "batch": 4}))
    assert module.steps_per_epoch() == 2
    alone = module.batch_plan(1)
    parts = [on_device(module, rank, 2).batch_plan(1) for rank in range(2)]
    for step, (indices, share) in enumerate(alone):
        assert share == 1.0
        assert sorted(np.concatenate([parts[0][step][0], parts[1][step][0]])) == sorted(indices)
    assert sorted(np.concatenate([indices for indices, _ in alone])) == list(range(6))
    assert module.steps_per_epoch() == 2


def test_training_batches_are_those_of_the_epoch():
    module = module_of(plain(schedule={"epochs": 6, "batch": 4, "low_res_px": 16, "low_res_share": 0.5}))
    for epoch, size in ((2, (16, 16)), (3, (32, 32))):
        batches = on_device(module, epoch=epoch).train_dataloader()
        assert batches.source is module.train_source
        assert batches.plan == EpochPlan(epoch, size, module.config.augment)
        for (indices, share), (expected, expected_share) in zip(batches.steps, module.batch_plan(epoch), strict=True):
            assert np.array_equal(indices, expected)
            assert share == expected_share


def test_validation_faces_are_dealt_to_the_devices(monkeypatch):
    monkeypatch.setattr(module_under_test, "VALIDATION_BATCH", 2)
    module = module_of(plain())
    expected = {(0, 1): [[0, 1], [2, 3], [4, 5]], (0, 4): [[0, 4]], (1, 4): [[1, 5]], (3, 4): [[3]], (2, 3): [[2, 5]]}
    for (rank, world), batches in expected.items():
        loader = on_device(module, rank, world).val_dataloader()
        assert [list(indices) for indices, _ in loader.steps] == batches
        assert {share for _, share in loader.steps} == {1.0}
        assert loader.plan == module.validation_source.plain


def test_a_device_without_validation_faces_has_a_batch_without_weight():
    loader = on_device(module_of(plain()), 7, 9).val_dataloader()
    ((indices, share),) = loader.steps
    assert list(indices) == [0]
    assert share == NO_FACE[1] == 0.0


def test_without_validation_faces_there_is_no_validation_batch():
    module = module_of(plain())
    assert KeypointModule(module.config, module.network, module.train_source, None).val_dataloader() == []


# Training step


def batch_of(module, indices=(0, 3, 4), share=1.0):
    return module.train_source.batch(list(indices), EpochPlan(0, (32, 32)), share)


def test_a_step_returns_the_losses_of_keypoints_and_spread_weighted_by_the_share():
    module = module_of(plain())
    module.network.eval()
    loss = module.training_step(batch_of(module, share=1.5), 0)
    batch = batch_of(module)
    decoded = module.network.decode(batch.crops)
    keypoints = float(mean_loss(module.loss, decoded, batch.target).detach())
    uncertainty = float(spread_loss(decoded, batch.target, (32, 32)).detach())
    assert module.step_loss == pytest.approx(keypoints)
    assert abs(uncertainty) > 0.01
    assert float(loss.detach()) == pytest.approx(1.5 * (keypoints + uncertainty))


def test_a_step_without_a_spread_head_returns_the_loss_of_the_keypoints():
    module = module_of(plain(CNN))
    loss = module.training_step(batch_of(module, share=0.5), 0)
    assert float(loss.detach()) == pytest.approx(0.5 * module.step_loss)


def test_errors_along_the_lines_of_the_skeleton_cost_less():
    module = module_of(plain(CNN))
    weighted = KeypointModule(
        module.config.model_copy(update={"along_lines": 0.25}), module.network, module.train_source, None
    )
    batch = batch_of(module)
    decoded = module.network.decode(batch.crops)
    nearer = decoded._replace(keypoints=weighted.contours(decoded.keypoints, batch.target))
    weighted.training_step(batch, 0)
    assert weighted.step_loss == pytest.approx(float(mean_loss(module.loss, nearer, batch.target).detach()))
    module.training_step(batch, 0)
    assert weighted.step_loss < 0.95 * module.step_loss


TWO_SOURCES = {**DATA, "sources": ["synthetic:18", "synthetic:18"], "source_offsets": True}


def test_labels_of_another_source_are_compared_without_their_offsets():
    module, alone = module_of(plain(CNN, data=TWO_SOURCES)), module_of(plain(CNN))
    assert module.offsets.offset.shape == (1, 58, 2)
    batch = batch_of(module, range(len(module.train_source)))
    first, second = (batch.source == number for number in (0, 1))
    assert (int(first.sum()), bool(second.any())) == (len(alone.train_source), True)
    module.offsets.offset.data += 0.1
    moved = module._corrected(module.network.decode(batch.crops), batch)
    assert torch.equal(moved[first], batch.target[first])
    assert ((moved[second] - batch.target[second]).abs().sum(-1) > 0.01).all()


def test_offsets_of_sources_are_learned_from_the_other_sources_alone():
    module = module_of(plain(CNN, data=TWO_SOURCES))
    sources = [face.annotation.source for face in module.train_source.faces]
    for number in (0, 1):
        module.offsets.zero_grad()
        module.training_step(batch_of(module, [sources.index(number)]), 0).backward()
        assert bool(module.offsets.offset.grad.any()) == (number == 1)
    optimizer, _ = optimizer_of(module)
    assert any(weight is module.offsets.offset for group in optimizer.param_groups for weight in group["params"])


def test_a_single_source_has_no_offsets():
    assert module_of(plain(CNN, data={**DATA, "source_offsets": True})).offsets is None
    assert module_of(plain(CNN, data={**TWO_SOURCES, "source_offsets": False})).offsets is None


def test_with_kept_keypoints_only_the_uncertainty_learns():
    module = module_of(plain(init={"keep_keypoints": True, "model": "default"}, optimizer={"lr": 0.1}))
    module.train()
    on_device(module).on_train_epoch_start()
    assert not any(
        layer.training for layer in module.network.model.modules() if isinstance(layer, torch.nn.BatchNorm2d)
    )
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    optimizer, _ = optimizer_of(module)
    module.training_step(batch_of(module), 0).backward()
    optimizer.step()
    changed = {name for name, value in module.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("spread.") for name in changed)


def test_a_loss_that_is_not_finite_is_one_line():
    module = on_device(module_of(plain(CNN)), epoch=4)
    with torch.no_grad():
        next(module.network.model.head.parameters()).fill_(float("nan"))
    with pytest.raises(ConfigError, match=r"the loss became nan in epoch 5; try a smaller optimizer\.lr"):
        module.training_step(batch_of(module), 0)


def test_each_epoch_has_its_random_numbers():
    module = module_of(plain())

    def draw(epoch, rank=0, module=module):
        on_device(module, rank, 3, epoch).on_train_epoch_start()
        return float(torch.rand(()))

    first = draw(2)
    torch.rand(5)
    assert draw(2) == first
    others = [draw(3), draw(2, rank=1), draw(2, module=module_of(plain(seed=1)))]
    assert len({first, *others}) == 4


def test_frozen_layers_keep_their_statistics_while_the_head_trains():
    config = plain(init={"freeze_share": 0.5, "model": "default"}, schedule={"epochs": 4, "batch": 4})
    module = module_of(config)
    module.train()

    def statistics_after(epoch):
        on_device(module, epoch=epoch).on_train_epoch_start()
        module.training_step(batch_of(module), 0)
        return {n: v.clone() for n, v in module.network.named_buffers() if "running" in n or "tracked" in n}

    before = {n: v.clone() for n, v in module.network.named_buffers()}
    for epoch in (0, 1):
        frozen = statistics_after(epoch)
        assert frozen
        assert all(torch.equal(value, before[name]) for name, value in frozen.items())
        assert {n for n, layer in module.network.model.named_children() if layer.training} == {"head"}
    thawed = statistics_after(2)
    assert not any(torch.equal(value, before[name]) for name, value in thawed.items())
    assert all(layer.training for _, layer in module.network.model.named_children())


# Validation


def logged_by(module, batches):
    """Return the scores of validation batches, each a list of batches of one device."""
    logged, sums = {}, []
    module.log = lambda name, value, logger: logged.update({name: float(value)}) if logger else None
    module.network.eval()
    for own in batches:
        module.on_validation_epoch_start()
        for batch in own:
            with torch.inference_mode():
                module.validation_step(batch, 0)
        sums.append(module._sums.clone())
    on_device(module, total=lambda _own: sum(sums))
    module.on_validation_epoch_end()
    return logged


def reference_scores(module, batch):
    """Return the scores of single faces, computed in image px with NumPy."""
    module.network.eval()
    found = []
    for k in range(len(batch.crops)):
        with torch.inference_mode():
            keypoints = module.network(batch.crops[k : k + 1])[0][0].double().numpy()
        target = (batch.target[k].double().numpy() + 1) * 16 - 0.5
        errors = np.linalg.norm(keypoints - target, axis=-1) * float(batch.image_px[k])
        # The L1 loss is the mean of |x| and |y|, normalized.
        loss = np.nanmean(np.abs(keypoints - target) / 16)
        found.append((loss, np.nanmean(errors), np.nanmean(errors) / float(batch.length[k])))
    return np.array(found)


def validation_batch(module, indices, share=1.0):
    source = module.validation_source
    return source.batch(list(indices), source.plain, share)


def test_validation_scores_are_means_over_the_faces_of_one_device():
    module = module_of(plain())
    batches = [validation_batch(module, (0, 1, 2, 3)), validation_batch(module, (4, 5))]
    expected = reference_scores(module, validation_batch(module, range(6)))
    logged = logged_by(module, [batches])
    assert [logged[f"val/{name}"] for name in SCORES] == pytest.approx(expected.mean(0), rel=1e-4)
    assert expected[:, 1].std() > 0.1  # the faces differ


def test_validation_scores_are_means_over_the_faces_of_three_devices():
    module = module_of(plain())
    expected = reference_scores(module, validation_batch(module, range(6)))
    devices = [[validation_batch(module, part)] for part in ((0, 2, 3, 4), (1, 5))]
    devices.append([validation_batch(module, *NO_FACE)])
    logged = logged_by(module, devices)
    assert [logged[f"val/{name}"] for name in SCORES] == pytest.approx(expected.mean(0), rel=1e-4)


def test_missing_points_and_lengths_are_left_out():
    module = module_of(plain())
    batch = validation_batch(module, range(4))
    batch.target[1, :50] = float("nan")
    batch.target[2] = float("nan")  # a face without points has no error
    batch.length[3] = float("nan")
    kept = [0, 1, 3]
    known = batch._replace(**{name: getattr(batch, name)[kept] for name in ("crops", "target", "image_px", "length")})
    expected = reference_scores(module, known)
    logged = logged_by(module, [[batch]])
    assert logged["val/error_px"] == pytest.approx(expected[:, 1].mean(), 1e-4)
    assert logged["val/nme"] == pytest.approx(expected[:2, 2].mean(), 1e-4)


def test_each_validation_starts_with_empty_sums():
    module = module_of(plain())
    batch = validation_batch(module, range(5))
    first = logged_by(module, [[batch]])
    assert logged_by(module, [[batch]]) == pytest.approx(first)


def test_validation_calibrates_the_spread():
    module = module_of(plain())
    batch = validation_batch(module, range(6))

    def residual():
        with torch.inference_mode():
            return float(normalized_residual(module.network.decode(batch.crops), batch.target, (32, 32)).mean())

    module.network.eval()
    before = residual()
    assert abs(before - 1) > 0.01
    logged_by(module, [[batch]])
    assert float(module.network.spread.scale) == pytest.approx(before ** (1 / ERROR_SHAPE), rel=1e-4)
    assert residual() == pytest.approx(1.0, abs=1e-3)
    scale = float(module.network.spread.scale)
    logged_by(module, [[batch]])  # the factor is relative to the present scale
    assert float(module.network.spread.scale) == pytest.approx(scale, rel=1e-3)


def test_few_validation_faces_leave_the_spread_near_that_of_the_initial_network():
    """With 6 faces, the initial network counts 20 of 26, in logarithms."""
    alone, both = (module_of(plain()) for _ in range(2))
    for module in (alone, both):
        batch = validation_batch(module, range(6))
    logged_by(alone, [[batch]])
    both.network.eval()
    with torch.inference_mode():
        start = float(both.network.decode(batch.crops).spread.log().mean())
    both.initial_log_spread = start + 1.5
    logged_by(both, [[batch]])
    expected = (6 * float(alone.network.spread.scale.log()) + CALIBRATION_FACES * 1.5) / (6 + CALIBRATION_FACES)
    assert float(both.network.spread.scale.log()) == pytest.approx(expected, rel=1e-3)


def test_only_a_trained_initial_network_counts_for_the_spread():
    module = on_device(module_of(plain()))
    module.on_train_start()
    assert module.initial_log_spread is None  # its head has learned nothing
    torch.nn.init.normal_(module.best_network.spread.scale_head.weight, std=0.1)
    module.on_train_start()
    source = module.validation_source
    batch = source.batch(range(len(source)), source.plain)
    module.eval()
    with torch.inference_mode():
        expected = float(module.best_network.decode(batch.crops).spread.log().mean())
    assert module.initial_log_spread == pytest.approx(expected, rel=1e-4)
    checkpoint = {}
    module.on_save_checkpoint(checkpoint)
    other = module_of(plain())
    other.on_load_checkpoint(checkpoint)
    assert other.initial_log_spread == module.initial_log_spread
    other.on_load_checkpoint({})
    assert other.initial_log_spread is None


def test_a_spread_without_a_residual_keeps_its_scale():
    module = module_of(plain())
    batch = validation_batch(module, range(2))
    batch.target[:] = float("nan")
    logged_by(module, [[batch]])
    assert float(module.network.spread.scale) == 1.0


def test_a_network_without_a_spread_head_is_validated():
    module = module_of(plain(CNN))
    logged = logged_by(module, [[validation_batch(module, range(6))]])
    assert logged["val/error_px"] > 0


def test_validation_is_of_the_moving_average_in_float32():
    module = module_of(plain(schedule={"epochs": 1, "ema_decay": 0.5}))
    with torch.no_grad():
        module.network.model.head.bias.fill_(float("nan"))
    module.best_network.eval()
    with torch.autocast("cpu", torch.bfloat16):
        logged = logged_by(module, [[validation_batch(module, range(6))]])
    assert np.isfinite(list(logged.values())).all()
    single = module_of(plain())
    assert logged == pytest.approx(logged_by(single, [[validation_batch(single, range(6))]]), rel=1e-6)


def test_the_configuration_of_a_module_is_the_runs():
    config = parse(plain().model_dump())
    module = module_of(config)
    assert module.config == config
    assert np.isnan(module.step_loss)
