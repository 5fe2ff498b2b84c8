import logging
import os
import platform
import random

import numpy as np
import pytest
import torch

from lib.environment import code_version
from lib.training.device import (
    deterministic,
    generators,
    make_fabric,
    pick_device,
    pick_precision,
    seed_everything,
    usable_cores,
)
from lib.training.environment import environment, hardware
from lib.training.memory import keep_freed_memory


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_device_there_is(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device() == expected
    assert pick_device("cpu") == "cpu"


def test_devices_that_are_not_there_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"device: got 'gpu', wanted one of auto, cuda, mps, cpu"):
        pick_device("gpu")
    with pytest.raises(ValueError, match=r"'cuda' was asked for, but PyTorch finds only .*cpu"):
        pick_device("cuda")


@pytest.mark.parametrize(
    ("device", "able", "expected"),
    [
        ("cpu", {"avx512_bf16": True}, "bf16-mixed"),
        ("cpu", {"amx_bf16": True}, "bf16-mixed"),
        ("cpu", {"avx512_bf16": False, "avx2": True}, "32-true"),
        ("cpu", {}, "32-true"),  # other processors name other abilities
        ("mps", {"avx512_bf16": True}, "32-true"),
    ],
)
def test_products_are_in_bfloat16_where_the_processor_has_it(monkeypatch, device, able, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert pick_precision(device) == expected


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_gpus_that_only_emulate_bfloat16_keep_to_float32(monkeypatch, native, expected):
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation or native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert pick_precision("cuda") == expected


def test_fabric_says_nothing(capfd, caplog):
    with caplog.at_level(logging.INFO):
        fabric = make_fabric("cpu", precision="bf16-mixed")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert fabric.device.type == "cpu"
    assert fabric.world_size == 1


def test_half_precision_on_the_cpu_is_refused():
    with pytest.raises(ValueError, match=r'precision: "16-mixed" needs a GPU; choose "bf16-mixed"'):
        make_fabric("cpu", precision="16-mixed")


def test_threads_are_the_usable_cores_unless_the_environment_says_otherwise(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        torch.set_num_threads(1)
        make_fabric("cpu")
        assert torch.get_num_threads() == usable_cores()
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        make_fabric("cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_one_seed_for_everything(capfd):
    def draw():
        legacy = np.random.rand()  # noqa: NPY002 — what third parties draw from
        return random.random(), legacy, torch.rand(2).tolist()

    seed_everything(3)
    first = draw()
    assert draw() != first
    seed_everything(3)
    assert draw() == first
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ValueError, match="not in bounds"):
        seed_everything(-1)


def test_each_purpose_has_numbers_of_its_own():
    def draw(seed, *names):
        made = generators(seed, *names)
        return {name: torch.rand(3, generator=made[name]).tolist() for name in names}

    both = draw(0, "split", "sampling")
    assert both["split"] != both["sampling"]
    assert draw(0, "figures", "sampling")["sampling"] == both["sampling"]
    assert draw(1, "split")["split"] != both["split"]
    with pytest.raises(ValueError, match=r"names: every purpose needs its own name, got a, a"):
        generators(0, "a", "a")


def test_deterministic_puts_everything_back(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "mine")
    before = torch.get_rng_state(), random.getstate(), torch.backends.cudnn.benchmark
    with deterministic(5):
        first = torch.rand(2), random.random()
        assert torch.are_deterministic_algorithms_enabled()
        with pytest.raises(RuntimeError):
            raise RuntimeError
    with deterministic(5):
        second = torch.rand(2), random.random()
    assert torch.equal(first[0], second[0])
    assert first[1] == second[1]
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), torch.backends.cudnn.benchmark) == before[1:]
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == "mine"


def test_hardware_in_words(monkeypatch):
    monkeypatch.setattr("lib.training.environment.usable_cores", lambda: 2)
    assert hardware("cpu") == "2 CPU cores"
    monkeypatch.setattr("lib.training.environment.usable_cores", lambda: 1)
    assert hardware("cpu") == "1 CPU core"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    assert hardware() == "NVIDIA H200"
    assert hardware("cuda", devices=4) == "4 × NVIDIA H200"


def test_the_environment_names_versions_and_source(tmp_path):
    about = environment("cpu")
    assert about["torch"]["version"] == torch.__version__
    assert about["packages"]["numpy"] == np.__version__
    assert code_version(tmp_path) == "unknown"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_fabric_on_a_gpu():
    fabric = make_fabric("cuda", precision="bf16-mixed")
    assert fabric.device.type == "cuda"
    assert hardware("cuda") == torch.cuda.get_device_name(0)


def test_freed_memory_is_kept_where_the_c_library_can(monkeypatch):
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")

    def without_mallopt(_name):
        return object()

    monkeypatch.setattr("lib.training.memory.ctypes.CDLL", without_mallopt)
    assert keep_freed_memory() is False
