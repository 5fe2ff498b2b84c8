"""The car classifier: the write-up's convolutional network, and smaller ones of the same make."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

KERNEL = 3
POOL = 2


@dataclass(frozen=True)
class ClassifierShape:
    """Layers of one classifier. The defaults are the write-up's 1,405,252 parameters.

    Each entry of `channels` is a 3 x 3 convolution without padding, ReLU, and 2 x 2 max pooling.
    Then the map is flattened, or averaged over rows and columns; then a hidden layer with ReLU,
    if any; then a logit per class.

    Images in [0, 1] are multiplied by `input_scale` first. The write-up's code hands its network
    pixels from 0 to 255, and has to: with an L1 of 0.025 and inputs up to 1, all kernels fall to
    zero within a hundred steps and stay there.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    hidden: int | None = 256
    classes: int = 4
    pool: Literal["flatten", "mean"] = "flatten"
    image_size: tuple[int, int] = (50, 100)  # rows, columns
    input_scale: float = 255.0

    def __post_init__(self) -> None:
        widths = {"channels": self.channels, "hidden": (1 if self.hidden is None else self.hidden,)}
        for name, values in widths.items():
            if not values or min(values) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give numbers of 1 or more")
        if self.classes < 2:
            raise ValueError(f"classes is {self.classes}; give 2 or more")
        if self.pool not in ("flatten", "mean"):
            raise ValueError(f"pool is {self.pool!r}; choose flatten or mean")
        if min(self.grid) < 1:
            raise ValueError(
                f"channels has {len(self.channels)} convolutions, which leave nothing of "
                f"{self.image_size[0]} x {self.image_size[1]} pixels; give fewer of them"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the last map."""
        rows, columns = self.image_size
        for _ in self.channels:
            rows, columns = (rows - KERNEL + 1) // POOL, (columns - KERNEL + 1) // POOL
        return rows, columns

    @property
    def map_features(self) -> int:
        """Numbers that the convolutions hand on."""
        rows, columns = self.grid if self.pool == "flatten" else (1, 1)
        return self.channels[-1] * rows * columns

    @property
    def features(self) -> int:
        """Length of the penultimate vector."""
        return self.map_features if self.hidden is None else self.hidden

    @property
    def parameters(self) -> int:
        """Weights and biases in all."""
        inputs = (3, *self.channels)
        convolutions = sum(
            (KERNEL**2 * before + 1) * after
            for before, after in zip(inputs, self.channels, strict=False)
        )
        hidden = 0 if self.hidden is None else (self.map_features + 1) * self.hidden
        return convolutions + hidden + (self.features + 1) * self.classes


WRITEUP = ClassifierShape()


class Classifier(nn.Module):
    """Images in [0, 1] to logits. `body` makes the penultimate vector, `head` the logits.

    Weights start as Keras starts them: Glorot's uniform distribution, biases zero. ReLU follows
    the pooling, while the write-up has it before: the maximum of four numbers and ReLU commute,
    and a quarter of the numbers is left to treat.
    """

    def __init__(self, shape: ClassifierShape, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        before = 3
        for after in shape.channels:
            layers += [nn.Conv2d(before, after, KERNEL), nn.MaxPool2d(POOL), nn.ReLU()]
            before = after
        if shape.pool == "mean":
            layers.append(nn.AdaptiveAvgPool2d(1))
        layers.append(nn.Flatten())
        if shape.hidden is not None:
            layers += [nn.Linear(shape.map_features, shape.hidden), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(shape.features, shape.classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight, generator=generator)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits of `images`."""
        return self.head(self.features(images))

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """The penultimate vector, after its ReLU: what novelty scores look at."""
        if tuple(images.shape[-2:]) != self.shape.image_size:
            raise ValueError(
                f"images are {tuple(images.shape[-2:])} pixels (rows, columns), this network takes "
                f"{self.shape.image_size}; resize them"
            )
        return self.body(images * self.shape.input_scale)

    @property
    def last_convolution(self) -> nn.Conv2d:
        """The layer that Grad-CAM looks at; its output is taken before pooling and ReLU."""
        return [layer for layer in self.body if isinstance(layer, nn.Conv2d)][-1]

    def kernels(self) -> tuple[Tensor, ...]:
        """The weights that the L1 penalty is on: of all layers but the last, without biases."""
        layers = [layer for layer in self.body if isinstance(layer, nn.Conv2d | nn.Linear)]
        return tuple(layer.weight for layer in layers)


@dataclass(frozen=True)
class Layer:
    """A row of the layer table. `output` is (rows, columns, channels), or (features,)."""

    kind: str
    output: tuple[int, ...]
    parameters: int


_KINDS = {
    nn.Conv2d: "Conv2D",
    nn.MaxPool2d: "MaxPooling2D",
    nn.AdaptiveAvgPool2d: "GlobalAveragePooling2D",
    nn.Flatten: "Flatten",
    nn.Linear: "Dense",
}


def layer_table(model: Classifier) -> list[Layer]:
    """Layers of `model` with the sizes that an image really takes in it, as Keras prints them."""
    rows: list[Layer] = []

    def record(layer: nn.Module, _: object, output: Tensor) -> None:
        size = output.shape[1:]
        # Keras puts channels last and calls what global pooling leaves a vector
        last = tuple(size) if len(size) == 1 else (*size[1:], size[0])
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            last = (size[0],)
        rows.append(Layer(_KINDS[type(layer)], last, sum(p.numel() for p in layer.parameters())))

    hooks = [
        layer.register_forward_hook(record)
        for layer in (*model.body, model.head)
        if type(layer) in _KINDS and not (type(layer) is nn.Flatten and model.shape.pool == "mean")
    ]
    try:
        with torch.no_grad():
            model(next(model.parameters()).new_zeros(1, 3, *model.shape.image_size))
    finally:
        for hook in hooks:
            hook.remove()
    return rows
