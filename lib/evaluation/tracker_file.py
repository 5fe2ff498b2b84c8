"""A trained SCALOR in one file, to be kept, passed on and loaded again.

The file is a ``.safetensors``: tensors behind a header of text, so reading one never runs code.
Large matrices are bytes with a scale a row, other weights float16 (`packing`); the model computes
in float32. The header's only entry is JSON with the model's `ScalorConfig` and its `TrackerInfo`:
with several, the format would not keep their order, and the same model would not give the same
bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lib.evaluation.packing import pack, packed_types, unpack
from lib.files import atomic_path, write_text
from lib.models.scalor import Scalor, ScalorConfig

SUFFIX = ".safetensors"
SUMS = "SHA256SUMS"
_ABOUT = "seeing_games_tracker"
_FORMAT = 2
_NAMED = 3  # weights, in a message
_FORMER = "least_alpha"  # a model's own opacity, when masks alone decided who has a pixel
_REMEDY = "copy the file again, or train the experiment once more"


@dataclass(frozen=True)
class TrackerInfo:
    """How a model was trained.

    `window_px` is the side of the square of a frame that it saw, shrunk to its own size; None for
    the frame's shorter side. `stride`: it saw every so manieth frame. `run` is the run's key.

    Raises `ValueError` for a stride or side below 1.
    """

    experiment: str
    preset: str
    seed: int
    stride: int
    window_px: int | None
    run: str
    commit: str

    def __post_init__(self) -> None:
        for name in ("stride", "window_px"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: want at least 1")


@dataclass(frozen=True, eq=False)
class Tracker:
    """A model in evaluation mode on the CPU, and where it comes from."""

    model: Scalor
    info: TrackerInfo


def save_tracker(path: Path, model: Scalor, about: TrackerInfo) -> None:
    """Write `model` to `path`, atomically; the same model gives the same bytes.

    Raises `ValueError` for another suffix, and for weights that float16 cannot hold (beyond
    65,504, or not finite), naming the first.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"{path}: give a name that ends in {SUFFIX}")
    weights = pack(model.state_dict())
    text = json.dumps({"format": _FORMAT, "config": asdict(model.config), "info": asdict(about)})
    with atomic_path(path) as temporary:
        # not save_file, whose files nobody but their owner may read
        temporary.write_bytes(save(weights, metadata={_ABOUT: text}))


def load_tracker(path: Path) -> Tracker:
    """The tracker that `save_tracker` wrote to `path`.

    Raises `FileNotFoundError` where there is none, `ValueError` for another kind of file, settings
    that are unknown or do not fit together, and weights that are missing, too many, of another
    shape or type, or not finite. Fields that the file does not have, being older, take their
    defaults, where they have one.
    """
    config, info = _about(path)
    with torch.device("meta"):  # shapes alone: what a file claims must not cost memory yet
        shapes = {name: tuple(values.shape) for name, values in Scalor(config).state_dict().items()}
    wanted = packed_types(shapes)
    with _opened(path) as file:
        names = list(file.keys())
        slices = {name: file.get_slice(name) for name in names}
        held = {name: (tuple(one.get_shape()), one.get_dtype()) for name, one in slices.items()}
        _require_weights(path, held, wanted)
        weights = unpack({name: file.get_tensor(name) for name in names})
    for name, values in weights.items():
        if not values.isfinite().all():
            raise ValueError(f"{path}: weight {name} holds numbers that are not finite; {_REMEDY}")
    with torch.random.fork_rng(devices=[]):  # first weights are drawn, the caller's numbers stay
        model = Scalor(config)
    model.load_state_dict(weights)
    return Tracker(model.eval(), info)


def read_tracker_info(path: Path) -> TrackerInfo:
    """What the file at `path` says of its model; raises as loading does, but for weights."""
    return _about(path)[1]


def write_sums(folder: Path) -> Path:
    """List the SHA-256 of each tracker in `folder` in its ``SHA256SUMS``, as ``sha256sum`` does.

    Raises `FileNotFoundError` where there is no tracker.
    """
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise FileNotFoundError(f"no tracker (*{SUFFIX}) in {folder}: check the path")
    write_text(folder / SUMS, "".join(f"{_sha256(path)}  {path.name}\n" for path in paths))
    return folder / SUMS


def check_sums(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """SHA-256 of trackers in `folder` by name, compared with its list; by default of all.

    Raises `FileNotFoundError` without a list, `ValueError` for a line that cannot be read, or
    files that differ, are missing, or are not in the list, naming each.
    """
    listed = _listed(folder / SUMS)
    there = {path.name for path in folder.glob(f"*{SUFFIX}")}
    wanted = sorted(listed.keys() | there) if names is None else sorted(names)
    found = {name: _sha256(folder / name) for name in wanted if (folder / name).is_file()}
    faults = []
    for name in wanted:
        if name not in found:
            faults.append(f"{name} is missing")
        elif name not in listed:
            faults.append(f"{name} is not listed")
        elif found[name] != listed[name]:
            faults.append(f"{name} has {found[name][:12]}…, listed is {listed[name][:12]}…")
    if faults:
        raise ValueError(
            f"{folder / SUMS} does not fit the files: {'; '.join(faults)}. Copy the files again, "
            "or list them anew if they are meant to be so"
        )
    return found


def _opened(path: Path) -> Any:
    """A reader of `path`, to be used in a `with`."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no tracker {path}: check the path")
    try:
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        raise ValueError(f"{path} is no {SUFFIX} file, or is damaged ({error}); {_REMEDY}") from (
            error
        )


def _about(path: Path) -> tuple[ScalorConfig, TrackerInfo]:
    with _opened(path) as file:
        held = file.metadata() or {}
    if _ABOUT not in held:
        raise ValueError(
            f"{path} holds weights, but not those of a tracker: its header has "
            f"{', '.join(sorted(held)) or 'nothing'}, want {_ABOUT}; name a file that the chapter "
            "on SCALOR wrote"
        )
    try:
        about = json.loads(held[_ABOUT])
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: {_ABOUT} is no JSON ({error}); {_REMEDY}") from error
    version = about.get("format") if isinstance(about, dict) else None
    if version != _FORMAT:
        raise ValueError(
            f"{path} is of format {version}, this version reads {_FORMAT}: train the experiment "
            "once more, or use the version that wrote it"
        )
    config = _fields(path, "config", about.get("config"), ScalorConfig)
    named = about.get("info")
    if isinstance(named, dict):
        named = {name: value for name, value in named.items() if name != _FORMER}
    info = _fields(path, "info", named, TrackerInfo)
    try:
        return ScalorConfig(**config), TrackerInfo(**info)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{path}: {error}") from error


def _fields(path: Path, what: str, given: object, kind: type) -> dict[str, Any]:
    """`given` as the arguments of the dataclass `kind`, by names and types."""
    hints = get_type_hints(kind)
    needed = [one.name for one in fields(kind) if one.default is one.default_factory is MISSING]
    if not isinstance(given, dict):
        raise ValueError(f"{path}: {what} is {given!r}, want an object of {', '.join(hints)}")
    if unknown := sorted(given.keys() - hints.keys()):
        raise ValueError(
            f"{path}: {what} has unknown fields {', '.join(unknown)}; want only "
            f"{', '.join(hints)}: use the version of the program that wrote it"
        )
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"{path}: {what} lacks {', '.join(missing)}; {_REMEDY}")
    for name, value in given.items():
        if not _is_a(value, hints[name]):
            wanted = getattr(hints[name], "__name__", None) or str(hints[name])
            raise ValueError(f"{path}: {what} has {name}={value!r}, want {wanted}; {_REMEDY}")
    return given


def _is_a(value: object, hint: Any) -> bool:
    """Whether a value from JSON is what a field's annotation says."""
    if get_origin(hint) is UnionType:
        return any(_is_a(value, one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(value, bool) or hint is bool:  # True is an int to Python
        return isinstance(value, bool) and hint is bool
    if hint is float:
        return isinstance(value, int | float)
    return value is None if hint is NoneType else isinstance(value, hint)


def _require_weights(
    path: Path,
    held: Mapping[str, tuple[tuple[int, ...], str]],
    wanted: Mapping[str, tuple[tuple[int, ...], str]],
) -> None:
    for name, (shape, _) in wanted.items():
        there = held.get(name, (shape, ""))[0]
        if there != shape:
            raise ValueError(
                f"{path}: weight {name} has shape {list(there)}, want {list(shape)}; {_REMEDY}"
            )
    for word, names in (
        ("lacks", [name for name in wanted if name not in held]),
        ("has besides", [name for name in held if name not in wanted]),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise ValueError(
                f"{path} {word} {', '.join(names[:_NAMED])}{more}; want the {len(wanted)} tensors "
                f"that its configuration asks for, it holds {len(held)}: {_REMEDY}"
            )
    for name, (_, kind) in wanted.items():
        if held[name][1] != kind:
            raise ValueError(f"{path}: weight {name} is {held[name][1]}, want {kind}; {_REMEDY}")


def _listed(path: Path) -> dict[str, str]:
    """SHA-256 by name, from lines ``<64 hexadecimal digits>  <name>``."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: write it beside the trackers")
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        total, gap, name = line.partition("  ")
        if not (gap and name and len(total) == 64 and set(total) <= set("0123456789abcdef")):
            raise ValueError(f"{path}, line {number}: {line[:80]!r}; want 'SHA-256  name'")
        found[name] = total
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
