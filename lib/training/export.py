"""A trained classifier as an ONNX file, for programs without PyTorch."""

import copy
import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from lib.files import atomic_path
from lib.models.classifier import Classifier
from lib.training.augmentation import to_images

OPSET = 20


class Classify(nn.Module):
    """Pixels to calibrated probabilities and the penultimate vector."""

    def __init__(self, model: Classifier, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(
        self, pixels: UInt8[Tensor, "b h w 3"]
    ) -> tuple[Float[Tensor, "b classes"], Float[Tensor, "b d"]]:
        """Probabilities, summing to 1, and features."""
        features = self.model.features(to_images(pixels))
        return F.softmax(self.model.head(features) / self.temperature, dim=1), features


def export_onnx(
    model: Classifier,
    path: Path,
    *,
    temperature: float = 1.0,
    class_names: Sequence[str] | None = None,
) -> None:
    """Write `model` to `path`, one file with its weights inside.

    Input ``pixels``: uint8 [b, rows, columns, 3], RGB, of the model's image size; any number of
    images. Outputs ``probabilities``: float32 [b, classes], logits divided by `temperature`, then
    softmax; ``features``: float32 [b, d], the penultimate vector. `class_names`, where given, are
    a JSON list in the file's metadata, under ``class_names``.

    Raises `ValueError` for a temperature that is not positive, or names of other classes.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; give a number above 0")
    if class_names is not None and len(class_names) != model.shape.classes:
        raise ValueError(
            f"class_names is {', '.join(class_names)}; the network has {model.shape.classes} "
            "classes: give each a name"
        )
    # a copy: the model may be training, or lie on a GPU
    whole = Classify(copy.deepcopy(model).to("cpu"), temperature).eval()
    example = torch.zeros(2, *model.shape.image_size, 3, dtype=torch.uint8)
    level = logging.getLogger("torch.onnx").level
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own use of what PyTorch has deprecated
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            torch.onnx.export(
                whole,
                (example,),
                temporary,
                input_names=["pixels"],
                output_names=["probabilities", "features"],
                dynamic_shapes=({0: torch.export.Dim("b")},),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        finally:
            logging.getLogger("torch.onnx").setLevel(level)
        if class_names is not None:
            file = onnx.load(temporary)
            onnx.helper.set_model_props(file, {"class_names": json.dumps(list(class_names))})
            onnx.save(file, temporary)
