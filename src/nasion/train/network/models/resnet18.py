"""torchvision's ResNet18 with its classifier replaced by one layer for the points.

Source: He et al., "Deep Residual Learning for Image Recognition", 2016. The ImageNet weights come from torchvision's
weights interface or from a local torchvision `.pth`.
"""

import torch
from pydantic import Field
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

from nasion.errors import DownloadError
from nasion.settings import Settings
from nasion.train.network.interfaces import HALF_RANGE, MID_GRAY, InputSpec, Model
from nasion.train.network.pretrained import State, install_weights

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of RGB, 0 to 1, with which torchvision's weights were trained."""


class Options(Settings):
    """The initial weights."""

    weights: str = Field("imagenet", description='"imagenet", "none", or the path of a torchvision .pth')


class ResNet18(Model):
    """(B, C, H, W) → residual stages → mean over the crop → (B, outputs)."""

    output_kind = "vector"

    def __init__(self, options: Options, spec: InputSpec, outputs: int) -> None:
        super().__init__()
        self.weights = options.weights
        self.gain: Tensor
        self.offset: Tensor
        resnet = resnet18(weights=None)
        features = resnet.fc.in_features
        if spec.channels == 1:
            resnet.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        resnet.fc = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        self.backbone = resnet
        self.head = nn.Linear(features, outputs)
        self.feature_channels = features
        mean = torch.tensor(IMAGENET_MEAN) * 255 if spec.channels == 3 else torch.tensor([MID_GRAY])
        deviation = torch.tensor(IMAGENET_DEVIATION) * 255 if spec.channels == 3 else torch.tensor([HALF_RANGE])
        self.register_buffer("gain", (HALF_RANGE / deviation)[:, None, None], persistent=False)
        self.register_buffer("offset", ((MID_GRAY - mean) / deviation)[:, None, None], persistent=False)

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the features (B, 512), no unit, of crops (B, C, H, W)."""
        return self.backbone(x * self.gain + self.offset)

    def load_pretrained(self) -> None:
        """Load the weights that the options name.

        Raises:
            DownloadError: the ImageNet weights cannot be downloaded.
            ModelError: the file does not hold a ResNet18's weights.
        """
        install_weights(self.weights, "a torchvision ResNet18", _imagenet, self._install)

    def _install(self, state: State) -> None:
        state = {name: value for name, value in state.items() if not name.startswith("fc.")}
        if self.backbone.conv1.in_channels == 1:
            state["conv1.weight"] = state["conv1.weight"].sum(1, keepdim=True)
        self.backbone.load_state_dict(state)


def _imagenet() -> State:
    chosen = ResNet18_Weights.IMAGENET1K_V1
    try:
        return dict(chosen.get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:  # no connection, a proxy's page, or an incomplete file
        raise DownloadError(
            f"cannot download the ImageNet weights from {chosen.url} ({error}); give the file with "
            "--set model.weights=PATH, start from a trained network with --init RUN, or from random weights with "
            "--set model.weights=none"
        ) from None


def build(options: Options, spec: InputSpec, outputs: int) -> ResNet18:
    """Return the network with random weights; `load_pretrained` downloads them when a training starts."""
    return ResNet18(options, spec, outputs)
