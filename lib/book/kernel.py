"""The kernel that chapters run in: this very interpreter, spoken to without ports."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.files import write_json

SOCKET_BYTES = 90  # of a socket's path; systems allow 103 or more, the number at its end included


@contextmanager
def kernel_of_this_python(root: Path) -> Iterator[Any]:
    """Let ``python3`` be a kernel of this interpreter, whatever others are registered.

    Nothing is registered: the description lies in a temporary folder, looked up before all others.
    Gives the settings with which a client of such a kernel is made.
    """
    from ipykernel.kernelspec import get_kernel_dict

    environment = {
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "SEEING_ROOT": str(root),
    }
    description = {
        **get_kernel_dict(),
        "argv": [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
            "--log-level=CRITICAL",
            # twice the pixels for print; each is stored with the width it is shown at
            "--InlineBackend.figure_formats=retina",
        ],
        "env": environment,
    }
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory(prefix="seeing-") as folder:
        write_json(Path(folder) / "kernels" / "python3" / "kernel.json", description)
        os.environ["JUPYTER_PATH"] = os.pathsep.join(p for p in (folder, before) if p)
        try:
            yield _connection(Path(folder) / "kernel")
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def _connection(sockets: Path) -> Any:
    """Sockets that are files, their paths beginning as given, where the system has such sockets.

    By default kernels are spoken to by TCP, on ports that are looked for before the kernel takes
    them: of two started at once, one may find a port taken, and never answers.
    """
    from traitlets.config import Config

    if not hasattr(socket, "AF_UNIX") or os.name == "nt" or len(bytes(sockets)) > SOCKET_BYTES:
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": str(sockets)}})
