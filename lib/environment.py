"""What a number was measured with: hardware, packages, and the version of the source."""

import os
import platform
import re
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

_SOURCES = ("lib", "chapters", "claims.toml", "pyproject.toml", "requirements.lock")


def describe_hardware() -> str:
    """The hardware at work in this process, such as ``2 CPU cores`` or ``NVIDIA H200``.

    A GPU counts only once it has been used: what runs on the CPU of a machine with a GPU says so.
    Runs on several GPUs have to be described by whoever starts them.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return str(torch.cuda.get_device_name())
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return f"{cores} CPU core" + ("s" if cores > 1 else "")


def describe_environment(commit: str, hardware: str) -> dict[str, Any]:
    """Hardware, Python, packages and commit; no date and no name of a machine, person or folder."""
    return {
        "hardware": hardware,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": package_versions(),
        "commit": commit,
    }


@lru_cache(maxsize=1)
def package_versions() -> dict[str, str]:
    """Installed versions of the packages the project depends on, by name; {} if not installed."""
    try:
        required = metadata.requires("seeing-games") or []
    except metadata.PackageNotFoundError:
        return {}
    names = [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in required]
    versions = {}
    for name in sorted({name.lower() for name in names}):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@lru_cache(maxsize=8)
def code_version(root: Path) -> str:
    """The commit checked out at `root`, with ``-dirty`` if its sources were edited since.

    ``unknown`` outside a git repository. Looked up once a process.
    """
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown"
    edited = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *_SOURCES)
    return f"{commit}-dirty" if edited else commit


def _git(root: Path, *arguments: str) -> str:
    """Output of a git command in `root`; empty if git or the repository is missing."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
