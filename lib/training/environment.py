"""What a run ran on: hardware, versions of packages, and the commit of the source."""

import platform
from pathlib import Path
from typing import Any

import torch

from lib.environment import code_version, package_versions
from lib.training.device import pick_device, usable_cores


def hardware(device: str = "auto", devices: int = 1) -> str:
    """The hardware of a run in words, such as ``2 CPU cores``, ``NVIDIA H200`` or ``4 × …``."""
    kind = pick_device(device)
    if kind == "cuda":
        name = torch.cuda.get_device_name(0)
        return name if devices == 1 else f"{devices} × {name}"
    if kind == "mps":
        return f"{platform.processor() or 'Apple'} GPU"
    cores = usable_cores()
    return f"{cores} CPU core" + ("s" if cores > 1 else "")


def environment(device: str = "auto") -> dict[str, Any]:
    """Everything a reader needs to judge a number: JSON-like, no name of a machine or a folder."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "hardware": hardware(device, devices=max(1, len(gpus))),
        "cpu_cores": usable_cores(),
        "gpus": gpus,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "torch": {
            "version": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "threads": torch.get_num_threads(),
        },
        "packages": package_versions(),
        "commit": code_version(Path(__file__).parents[2]),
    }
