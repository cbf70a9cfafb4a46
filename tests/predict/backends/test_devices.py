"""The choice of a device."""

import onnxruntime
import pytest

from nasion.errors import ConfigError
from nasion.predict.backends.devices import AUTO, CPU, DEVICES, choose_device


@pytest.fixture
def providers(monkeypatch):
    """Return a function that sets the execution providers of ONNX Runtime."""

    def choose(*devices):
        names = [DEVICES[device].name for device in devices]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["AzureExecutionProvider", *names])

    return choose


def test_auto_is_the_best_available_device(providers):
    providers(CPU, "openvino", "cuda")
    assert choose_device(AUTO, quantized=False) == "cuda"
    providers(CPU)
    assert choose_device(AUTO, quantized=False) == CPU


def test_auto_runs_quantized_networks_on_the_cpu(providers):
    providers(CPU, "cuda")
    assert choose_device(AUTO, quantized=True) == CPU
    assert choose_device("cuda", quantized=True) == "cuda"


@pytest.mark.parametrize("device", [device for device in DEVICES if device != CPU])
def test_missing_device_names_its_package(providers, device):
    providers(CPU)
    with pytest.raises(ConfigError, match=f'the installed ONNX Runtime does not support device "{device}"; ') as error:
        choose_device(device, quantized=False)
    assert DEVICES[device].remedy in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_device_is_rejected():
    with pytest.raises(ConfigError, match='unknown device "gpu"; '):
        choose_device("gpu", quantized=False)


def test_cpu_is_always_available():
    assert choose_device(CPU, quantized=False) == CPU
