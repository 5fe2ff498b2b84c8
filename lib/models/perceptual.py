"""LPIPS, a perceptual distance (Zhang et al. 2018, arXiv 1801.03924), and two ways to get it wrong.

`Lpips` wraps the authors' own implementation, the package `lpips`, and takes the weights it is to
use: nothing is downloaded and nothing is guessed. Two faults of the studied code can be had on
request, by name: `input_range="[0, 1]"` and `SilentlyMissingLpips`.
"""

import math
import warnings
from collections.abc import Mapping
from typing import Literal, get_args

import lpips
import torch
from jaxtyping import Float
from torch import Tensor, nn

Net = Literal["alex", "vgg"]
InputRange = Literal["[-1, 1]", "[0, 1]"]

# Rows and columns below which a pooling layer of the network has nothing left to pool.
SMALLEST_PX: dict[Net, int] = {"alex": 31, "vgg": 16}
ROUNDING = 0.01  # of values in half precision and of resampling; 8-bit steps are 0.004


class Lpips(nn.Module):
    """LPIPS 0.1 between images in [0, 1]; 0 for equal images, about 0.7 for a heavy distortion.

    `weights` are the convolutions and the five linear heads under the names of the state of
    `lpips.LPIPS` (`lib.data.pretrained.read_lpips_weights` reads them); a missing, surplus or
    misshapen one raises `ValueError`. The module is frozen: no parameter wants a gradient and
    `.train()` leaves it in evaluation mode; gradients flow to the images. It computes in the
    precision of its weights, under autocast, too.

    `input_range` says what the network is handed. The published weights belong to images in
    "[-1, 1]", and images are mapped there. With "[0, 1]" they are handed over as they are: the
    studied code did so, and measured images of half the contrast, all of them too bright.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        *,
        net: Net = "alex",
        input_range: InputRange = "[-1, 1]",
    ) -> None:
        super().__init__()
        for name, got, known in (("net", net, Net), ("input_range", input_range, InputRange)):
            if got not in get_args(known):
                choices = ", ".join(map(repr, get_args(known)))
                raise ValueError(f"{name} is {got!r}; choose among {choices}")
        self.net_name, self.input_range = net, input_range
        self.distance = _without_weights(net)
        _load(self.distance, weights, net)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Lpips":
        """Stay in evaluation mode: in training mode the heads would drop half their features."""
        return super().train(False)

    def forward(
        self, image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, " b"]:
        """Distance of each image to its reference; both in [0, 1], at least `SMALLEST_PX` large.

        Raises `ValueError` for images out of range or too small. Values that are not finite pass
        and give a distance that is not: stopping there is for the loop to do.
        """
        if image.shape != reference.shape:
            raise ValueError(
                f"image has shape {tuple(image.shape)} but reference {tuple(reference.shape)}; "
                "give one reference for each image, of the same size"
            )
        _check_size(image, self.net_name)
        dtype = next(self.parameters()).dtype
        with torch.autocast(image.device.type, enabled=False):
            image, reference = image.to(dtype), reference.to(dtype)
            for name, pixels in (("image", image), ("reference", reference)):
                _check_range(name, pixels)
            if self.input_range == "[-1, 1]":
                image, reference = 2 * image - 1, 2 * reference - 1
            distance: Tensor = self.distance(image, reference)
        return distance.flatten()


class SilentlyMissingLpips(nn.Module):
    """What the studied code computed where the package `lpips` was not installed: nothing.

    It printed a line and went on with a perceptual term of 0, logged as such from the first step
    to the last; no gradient asked for sharper images. Kept to show the symptom: `Lpips` cannot end
    up here, for it is not built without its weights.
    """

    def forward(
        self, image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, " b"]:
        """Zero for every image, whatever it is, without a gradient."""
        return torch.zeros(len(image), dtype=image.dtype, device=image.device)


def _without_weights(net: Net) -> nn.Module:
    """The authors' module on the meta device: shapes without values.

    So the millions of random numbers that would be thrown away at once are never drawn, and the
    random state stays as it was. Nothing is downloaded for `pretrained=False, pnet_rand=True`.
    """
    with torch.device("meta"), warnings.catch_warnings():
        # lpips calls torchvision with the argument `pretrained`, deprecated but understood.
        for message in ("The parameter 'pretrained' is", "Arguments other than a weight enum"):
            warnings.filterwarnings("ignore", message=message)
        module: nn.Module = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    return module


def _load(module: nn.Module, weights: Mapping[str, Tensor], net: Net) -> None:
    """Load `weights` into `module` strictly: no name or shape may differ."""
    # Known from the start are the constants of the scaling layer; and each head has two names.
    wanted = {
        name: value.shape
        for name, value in module.state_dict().items()
        if not name.startswith(("scaling_layer.", "lins."))
    }
    faults = [f"{name} is missing" for name in wanted.keys() - weights.keys()]
    faults += [f"{name} is unknown" for name in weights.keys() - wanted.keys()]
    faults += [
        f"{name} has shape {tuple(weights[name].shape)}, wanted {tuple(wanted[name])}"
        for name in wanted.keys() & weights.keys()
        if weights[name].shape != wanted[name]
    ]
    if faults:
        raise ValueError(
            f"weights do not fit net={net!r}: {'; '.join(sorted(faults)[:3])} "
            f"({len(faults)} in all). Give read_lpips_weights({net!r})"
        )
    heads = {f"lins.{name[3:]}": value for name, value in weights.items() if name[:3] == "lin"}
    constants = {
        name: value
        for name, value in module.state_dict().items()
        if name.startswith("scaling_layer.")
    }
    module.load_state_dict({**constants, **weights, **heads}, strict=True, assign=True)


def _check_size(image: Float[Tensor, "b c h w"], net: Net) -> None:
    rows, columns = image.shape[-2:]
    if min(rows, columns) < SMALLEST_PX[net]:
        raise ValueError(
            f"image is {rows}x{columns} pixels, but net={net!r} needs at least {SMALLEST_PX[net]} "
            "rows and columns; give larger images or enlarge them"
        )


def _check_range(name: str, pixels: Float[Tensor, "b c h w"]) -> None:
    if not pixels.numel():
        return
    low, high = (value.item() for value in torch.aminmax(pixels.detach()))
    if not (math.isfinite(low) and math.isfinite(high)):
        return
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ValueError(
            f"{name} has values from {low:.3g} to {high:.3g}, wanted [0, 1]; "
            "divide 8-bit pixels by 255, map [-1, 1] by (x + 1) / 2, clamp what overshoots"
        )
