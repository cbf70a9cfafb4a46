"""The devices on which ONNX Runtime runs a network, by name.

Each device is an execution provider, and each provider comes with a package of ONNX Runtime.
"""

from typing import NamedTuple

from nasion.errors import ConfigError, suggest

__all__ = ["AUTO", "CPU", "DEVICES", "choose_device"]

AUTO, CPU = "auto", "cpu"


class Provider(NamedTuple):
    """An execution provider, and how to get it."""

    name: str
    remedy: str


DEVICES = {
    "cuda": Provider("CUDAExecutionProvider", "pip uninstall onnxruntime && pip install onnxruntime-gpu"),
    "coreml": Provider("CoreMLExecutionProvider", "it is available on macOS only"),
    "directml": Provider(
        "DmlExecutionProvider", "on Windows, pip uninstall onnxruntime && pip install onnxruntime-directml"
    ),
    "openvino": Provider("OpenVINOExecutionProvider", "pip uninstall onnxruntime && pip install onnxruntime-openvino"),
    CPU: Provider("CPUExecutionProvider", "pip install onnxruntime"),
}
"""The providers by device, best first."""


def choose_device(device: str, quantized: bool) -> str:
    """Return the device that runs a network.

    Args:
        device: a name in `DEVICES`, or "auto" for the best device that this ONNX Runtime supports.
        quantized: whether the network computes in 8-bit integers. "auto" runs such a network on the CPU, because the
            other devices gain nothing from it; `nasion export` writes files in half and single precision for them.

    Raises:
        ConfigError: the name is unknown, or this ONNX Runtime does not support the device.

    >>> choose_device("auto", quantized=True)
    'cpu'
    """
    import onnxruntime  # imported here because the command line lists the devices without it

    available = set(onnxruntime.get_available_providers())
    if device == AUTO:
        return CPU if quantized else next(name for name, each in DEVICES.items() if each.name in available)
    if device not in DEVICES:
        raise ConfigError(f'unknown device "{device}"; {suggest(device, [AUTO, *DEVICES])}')
    provider = DEVICES[device]
    if provider.name not in available:
        raise ConfigError(f'the installed ONNX Runtime does not support device "{device}"; {provider.remedy}')
    return device
