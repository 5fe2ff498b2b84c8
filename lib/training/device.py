"""Where training runs: the device, Fabric around it, and every source of randomness."""

import hashlib
import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric import seed_everything as fabric_seed_everything

from lib.training.memory import keep_freed_memory

# Fabric announces its mixed precision and its processes on stderr, which a notebook would keep.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

DEVICES = ("auto", "cuda", "mps", "cpu")
Precision = Literal["32-true", "bf16-mixed"]


def pick_device(name: str = "auto") -> str:
    """Resolve `name` to ``cuda``, ``mps`` or ``cpu``; ``auto`` takes the first that is there.

    Raises `ValueError` for an unknown name and for a device that this machine lacks.
    """
    if name not in DEVICES:
        raise ValueError(f"device: got {name!r}, wanted one of {', '.join(DEVICES)}")
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, found in there.items() if found)
    if not there[name]:
        found = ", ".join(device for device in there if there[device])
        raise ValueError(
            f"device: {name!r} was asked for, but PyTorch finds only {found} here. "
            'Choose device="auto", or install the PyTorch build for this machine'
        )
    return name


def make_fabric(
    device: str = "auto",
    *,
    precision: Any = "32-true",
    devices: int = 1,
    nodes: int = 1,
    strategy: Any = "auto",
) -> Fabric:
    """Fabric on `device`, ready for `lib.training.loop.fit`, with no lines of its own printed.

    `precision` is Fabric's: ``32-true``, ``bf16-mixed``, ``16-mixed`` … Under ``torchrun`` its
    counts of processes and nodes replace `devices` and `nodes`; under ``fabric run`` that command
    has already chosen everything. With more than one device, call ``fabric.launch()`` (or
    ``fabric.launch(function)`` where `strategy` is ``ddp_spawn``) before training.
    """
    if os.environ.get("LT_CLI_USED") == "1":
        return Fabric()
    accelerator = pick_device(device)
    if accelerator == "cpu" and precision == "16-mixed":
        raise ValueError(
            'precision: "16-mixed" needs a GPU; choose "bf16-mixed" or "32-true" on the CPU'
        )
    if os.environ.get("LOCAL_WORLD_SIZE"):
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    _set_threads(devices if accelerator == "cpu" else 1)
    if accelerator == "cpu":
        keep_freed_memory()
    fabric = Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=nodes,
        precision=precision,
        strategy=strategy,
    )
    if os.environ.get("LOCAL_WORLD_SIZE"):
        fabric.launch()  # the processes are there already: this only connects them
    return fabric


def pick_precision(device: str) -> Precision:
    """How `device` trains fastest without a loss scaler, its weights and sums in float32.

    ``bf16-mixed`` where it multiplies bfloat16 itself (newer GPUs; AMD's Zen 4, Intel's Cooper
    Lake and what came after), else ``32-true``.
    """
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        native = device == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return "bf16-mixed" if native else "32-true"


def usable_cores() -> int:
    """CPU cores this process may use: fewer than the machine has, in a container or a batch job."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _set_threads(processes: int) -> None:
    """Share the usable cores among `processes`; ``OMP_NUM_THREADS``, where set, has the say."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, usable_cores() // processes))


def seed_everything(seed: int) -> None:
    """Seed the global generators of PyTorch (all devices), NumPy and Python, 0 <= `seed` < 2**32.

    For what third parties draw (initial weights, dropout); our own code draws from `generators`.
    """
    fabric_seed_everything(seed, verbose=False)


def generators(seed: int, *names: str, device: str = "cpu") -> dict[str, torch.Generator]:
    """One generator per purpose, seeded by `seed` and the name alone.

    So the numbers of one purpose stay as they are when another is added, removed or draws more.
    """
    if len(set(names)) < len(names):
        raise ValueError(f"names: every purpose needs its own name, got {', '.join(names)}")
    made = {}
    for name in names:
        hashed = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        made[name] = torch.Generator(device).manual_seed(int.from_bytes(hashed[:8], "little") >> 1)
    return made


@contextmanager
def deterministic(seed: int = 0) -> Iterator[None]:
    """Seeded, with deterministic algorithms only; everything is put back afterwards. For tests.

    Operations that PyTorch has no deterministic version of raise `RuntimeError` inside.
    """
    algorithms = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    workspace, python_state = os.environ.get("CUBLAS_WORKSPACE_CONFIG"), random.getstate()
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # cuBLAS asks for it
    gpus = list(range(torch.cuda.device_count()))
    try:
        with torch.random.fork_rng(devices=gpus):
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
            torch.manual_seed(seed)
            random.seed(seed)
            yield
    finally:
        torch.use_deterministic_algorithms(algorithms)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
        random.setstate(python_state)
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG")
        if workspace is not None:
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace
