"""A perceptual term as the MOTSynth study had it: early maps of VGG16 under a Gaussian."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

# Convolutions up to relu1_2 and relu2_2, by their places in torchvision's VGG16
STAGES = ((0, 2), (5, 7))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which VGG16 was trained on
SMALLEST_PX = 2


class VggFeatures(nn.Module):
    """relu1_2 and relu2_2 of VGG16 (Simonyan and Zisserman 2015) for images in [0, 1]; frozen.

    `weights` are named as `lib.data.pretrained.read_lpips_weights("vgg")` gives them; what belongs
    to later layers is left. `normalise` shifts and scales images as those the network was trained
    on; the study had written this, but never called it.

    Raises `ValueError` for weights that are missing.
    """

    mean: Float[Tensor, "3 1 1"]
    std: Float[Tensor, "3 1 1"]

    def __init__(self, weights: Mapping[str, Tensor], *, normalise: bool = True) -> None:
        super().__init__()
        self.normalise = normalise
        for number, stage in enumerate(STAGES, 1):
            for place in stage:
                for part in ("weight", "bias"):
                    name = f"net.slice{number}.{place}.{part}"
                    if name not in weights:
                        raise ValueError(f"weights: {name} is missing; give those of VGG16")
                    self.register_buffer(f"{part}{place}", weights[name], persistent=False)
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(
        self, images: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n 64 h w"], Float[Tensor, "n 128 y x"]]:
        """Maps after the second and the fourth convolution, each after its ReLU."""
        maps = (images - self.mean) / self.std if self.normalise else images
        found = []
        for number, stage in enumerate(STAGES):
            if number:
                maps = F.max_pool2d(maps, 2)
            for place in stage:
                weight, bias = self.get_buffer(f"weight{place}"), self.get_buffer(f"bias{place}")
                maps = F.relu(F.conv2d(maps, weight, bias, padding=1))
            found.append(maps)
        return found[0], found[1]


def feature_nll(
    features: VggFeatures,
    images: Float[Tensor, "n 3 h w"],
    reference: Float[Tensor, "n 3 h w"],
    *,
    sigma: float = 0.1,
) -> Float[Tensor, " n"]:
    """Negative log-likelihood of the reference's maps, Gaussian around those of the images.

    In nats, summed over each map and averaged over both, without the constant that depends on
    `sigma` alone; gradients go to `images`.
    """
    with torch.no_grad():
        wanted = features(reference)
    got = features(images)
    layers = [
        (one - other).square().flatten(1).sum(1) / (2 * sigma**2)
        for one, other in zip(got, wanted, strict=True)
    ]
    return torch.stack(layers).mean(0)
