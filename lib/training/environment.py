"""What a run ran on: hardware, versions of packages, and the commit of the source."""

import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

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
        "source": source_version(Path(__file__).parent),
    }


def package_versions() -> dict[str, str]:
    """Versions of the packages this project lists as its dependencies, as far as installed."""
    try:
        required = metadata.requires("seeing-games") or []
    except metadata.PackageNotFoundError:
        return {}
    names = {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower() for line in required}
    versions = {}
    for name in sorted(names):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def source_version(folder: Path) -> dict[str, Any]:
    """Git commit of the repository around `folder`, and whether tracked files were edited since.

    Both are None outside a repository or without git.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "edited": None if commit is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
