"""Labelled images as the classifier's training takes them: pixels, labels, accuracy."""

from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int64, UInt8
from torch import Tensor, nn

from lib.data.frames import FrameStore
from lib.files import digest
from lib.models.classifier import ClassifierShape
from lib.training.augmentation import to_images


@runtime_checkable
class LabelledImages(Protocol):
    """Images in a store, and a table with a row for each: column `model` is the class."""

    @property
    def store(self) -> FrameStore:
        """The images."""

    @property
    def labels(self) -> pd.DataFrame:
        """What is known of them."""


class Pixels:
    """Pixels of a store on `device`: read from disk as asked for, or kept on a GPU as a whole."""

    def __init__(self, store: FrameStore, device: torch.device) -> None:
        self.frames, self.device = store.frames, device
        self.kept: Tensor | None = None
        if device.type == "cuda":
            free_bytes, _ = torch.cuda.mem_get_info(device)
            if store.frames.nbytes < free_bytes // 2:
                self.kept = torch.from_numpy(np.array(store.frames)).to(device)

    def __call__(self, indices: Int64[np.ndarray, " b"]) -> UInt8[Tensor, "b h w 3"]:
        """The pixels of the images at `indices`."""
        if self.kept is not None:
            return self.kept[torch.from_numpy(indices).to(self.device)]
        return torch.from_numpy(self.frames[indices]).to(self.device)


def predict(
    model: nn.Module,
    store: FrameStore,
    indices: Int[np.ndarray, " n"],
    *,
    batch_size: int = 256,
) -> Float[Tensor, "n classes"]:
    """Logits of the images at `indices`, on the CPU; the model's mode is left as it is."""
    device = next(model.parameters()).device
    pixels = Pixels(store, torch.device("cpu"))
    parts = np.array_split(indices.astype(np.int64), max(1, -(-len(indices) // batch_size)))
    with torch.inference_mode():
        logits = [model(to_images(pixels(part).to(device))).cpu() for part in parts]
    return torch.cat(logits)


def labels_of(images: LabelledImages, classes: int) -> Int64[np.ndarray, " n"]:
    """The class of every image, and -1 for models that are none of the first `classes`."""
    if "model" not in images.labels.columns or len(images.labels) != len(images.store):
        raise ValueError(
            f"images: labels has {len(images.labels)} rows and columns "
            f"{', '.join(map(str, images.labels.columns))} for {len(images.store)} images; it "
            "needs a row each and the column model"
        )
    labels = images.labels["model"].to_numpy(np.int64)
    return np.where((labels >= 0) & (labels < classes), labels, -1)


def accuracy_of(
    model: nn.Module,
    store: FrameStore,
    labels: Int64[np.ndarray, " n"],
    indices: Int[np.ndarray, " k"],
) -> tuple[float, float]:
    """Share of the images at `indices` that are classified rightly, and their cross entropy."""
    logits = predict(model, store, indices)
    wanted = torch.from_numpy(labels[indices])
    right = (logits.argmax(1) == wanted).double().mean()
    return float(right), float(F.cross_entropy(logits, wanted))


def check_images(
    shape: ClassifierShape, images: LabelledImages, *parts: Int[np.ndarray, " _"]
) -> Int64[np.ndarray, " n"]:
    """Labels of all images; `ValueError` if those of `parts` are not for a network of `shape`."""
    if images.store.size != shape.image_size:
        raise ValueError(
            f"images are {images.store.size} pixels (rows, columns), the network takes "
            f"{shape.image_size}; read them at that size"
        )
    labels = labels_of(images, shape.classes)
    strange = sum(int((labels[part] < 0).sum()) for part in parts)
    if strange:
        raise ValueError(
            f"train and validation hold {strange} images of models other than the first "
            f"{shape.classes}, which are the classes; leave them out"
        )
    if any(len(part) == 0 for part in parts):
        raise ValueError("train or validation is empty; give at least one image each")
    return labels


def data_digest(
    images: LabelledImages, labels: Int64[np.ndarray, " n"], *parts: Int[np.ndarray, " _"]
) -> str:
    """Hash of what a run learns from: pixels, labels, and which of them."""
    arrays = (labels, *parts)
    return digest([images.store.digest, *(array.astype("<i8").tobytes() for array in arrays)])


def watched(validation: Int[np.ndarray, " m"], most: int) -> Int[np.ndarray, " k"]:
    """At most `most` of `validation`, evenly spread."""
    places = np.linspace(0, len(validation) - 1, min(most, len(validation)))
    return validation[places.round().astype(np.int64)]
