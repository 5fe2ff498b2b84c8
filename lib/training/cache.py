"""The run cache: a finished run is loaded, an interrupted one resumes, a changed one is new.

A run lies in ``<root>/<study>/<name>-<key>/``, where the key hashes what decides its outcome: the
configuration, the data and the source that trains. Changing a figure retrains nothing, nor does
another study.
"""

import ast
import dataclasses
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lib.files import digest, write_json
from lib.sources import with_imports
from lib.training.environment import environment


class RunInUseError(RuntimeError):
    """Another process is training the same run."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The folder `path` of one run; what it holds is read anew at each access."""

    path: Path

    @property
    def key(self) -> str:
        """Hash of configuration, data and source."""
        return self.path.name.rpartition("-")[2]

    @property
    def done(self) -> bool:
        """Whether the run finished."""
        return (self.path / "done").exists()

    @property
    def config(self) -> dict[str, Any]:
        """Configuration, as read back from JSON."""
        return self._read("config.json")

    @property
    def metrics(self) -> dict[str, Any]:
        """What `train` returned; a number that was infinite or NaN is None."""
        return self._read("metrics.json")

    @property
    def environment(self) -> dict[str, Any]:
        """Hardware, versions and commit of the latest session."""
        return self._read("environment.json")

    @property
    def seconds(self) -> float:
        """Time spent, added up over the sessions of a run that was interrupted."""
        path = self.path / "sessions.json"
        sessions = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return float(sum(session["seconds"] for session in sessions))

    @property
    def log_csv(self) -> Path:
        """Where `CsvLog` belongs."""
        return self.path / "log.csv"

    @property
    def tensorboard(self) -> Path:
        """Where `TensorBoardLog` belongs."""
        return self.path / "tensorboard"

    def _read(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return value


def cached_run(
    root: Path,
    study: str,
    name: str,
    config: Any,
    data_digest: str,
    train: Callable[[RunFolder], Mapping[str, Any]],
    *,
    code: Sequence[str],
    force: bool = False,
    rank: int = 0,
) -> RunFolder:
    """The finished run of this configuration on this data, trained only if it is not there yet.

    `train` gets the folder, keeps its checkpoints there (``fit(run_dir=folder.path, …)`` resumes
    by itself) and returns metrics, JSON-like. If it raises, the run stays unfinished and the next
    call goes on with it. `code` names the modules that train, most often ``[__name__]``; what they
    import counts as well. `force` deletes what is there and begins again. `rank` is
    ``fabric.global_rank``: with several processes all train, the first one keeps the books.

    Raises `RunInUseError` if another process is at it; one that died does not count.
    """
    key = run_key(config, data_digest, code=code)
    run = RunFolder(root / study / f"{name}-{key}")
    if run.done and not force:
        return run
    if rank > 0:
        train(run)
        return run
    with _locked(run):
        if force and run.path.exists():
            shutil.rmtree(run.path)
        if not run.done:  # it may have been finished by whoever held the lock until now
            with _session(run):
                write_json(run.path / "config.json", plain(config))
                write_json(run.path / "environment.json", environment())
                write_json(run.path / "metrics.json", _finite(plain(train(run))))
            write_json(run.path / "done", {"seconds": run.seconds})
    return run


def run_key(config: Any, data_digest: str, *, code: Sequence[str]) -> str:
    """16 hexadecimal digits that change with `config`, the data, or the source that trains.

    `config` is a dataclass or a dictionary of plain values. `code` are names of modules, which
    stand for all that they import, or of packages; comments, docstrings and layout of their source
    do not count.
    """
    text = json.dumps(plain(config), sort_keys=True, ensure_ascii=False)
    return digest([text, data_digest, source_digest(tuple(code))])


@lru_cache(maxsize=32)
def source_digest(code: tuple[str, ...]) -> str:
    """Hash of what the modules `code`, and those they import, do: no comments, no docstrings.

    Worked out once a process, as a process keeps the code that it imported.
    """
    parts: list[str] = []
    for module in with_imports(code):
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        parts += [module, _structure(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))]
    return digest(parts)


def _structure(node: Any) -> str:
    """A syntax tree in one line; empty fields are left out, as their number varies with Python."""
    if isinstance(node, list):
        return "[" + ",".join(map(_structure, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
        ast.get_docstring(node, clean=False) is not None
    ):
        fields["body"] = fields["body"][1:]
    told = (
        f"{name}={_structure(value)}" for name, value in fields.items() if value not in (None, [])
    )
    return f"{type(node).__name__}({','.join(told)})"


def plain(value: Any, where: str = "config") -> Any:
    """`value` in JSON's terms: dataclasses and mappings as objects, sequences as arrays.

    Raises `ValueError`, naming the field, for what has no such form.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted(plain(item, where) for item in value)
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # NumPy, PyTorch scalars
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"{where}: {type(value).__name__} has no place in a run's record. Use numbers, strings, "
        "booleans, None, and lists, dictionaries or dataclasses of them"
    )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _locked(run: RunFolder) -> Iterator[None]:
    """Hold the run's lock. The operating system drops it when its holder ends, however it ends."""
    run.path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder, not inside: `force` deletes the folder while it holds the lock.
    path = run.path.with_name(f".{run.path.name}.lock")
    holder = path.with_suffix(".pid")
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        pid = holder.read_text(encoding="utf-8") if holder.exists() else "unknown"
        raise RunInUseError(
            f"run {run.path.name} is being trained by another process (number {pid}). "
            "Wait until it is finished, then run this again: it will be loaded"
        ) from error
    try:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def _session(run: RunFolder) -> Iterator[None]:
    """Book the time spent, also if the block fails; a killed process is booked by its last file."""
    path = run.path / "sessions.json"
    sessions = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    if sessions and sessions[-1]["outcome"] == "running":
        last_sign = max(file.stat().st_mtime for file in run.path.rglob("*") if file != path)
        seconds = max(0.0, last_sign - path.stat().st_mtime)
        sessions[-1] = {"seconds": seconds, "outcome": "killed"}
    write_json(path, [*sessions, {"seconds": 0.0, "outcome": "running"}])
    outcome, started = "finished", time.perf_counter()
    try:
        yield
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        seconds = time.perf_counter() - started
        write_json(path, [*sessions, {"seconds": seconds, "outcome": outcome}])
