"""Measurements beside the official implementation, made elsewhere: speed, memory, parity.

The original code is not shipped, so neither can be repeated inside the book; each is a small file
under ``results/scalor``. ``speed.json``::

    {"official_commit": "<of JindongJiang/SCALOR>", "how": "<a sentence's end>",
     "rows": [{"id": "speed.scalor_step_cap.ratio", "value": 2.4, "hardware": "...",
               "commit": "..."}, ...]}

whose `rows` are what ``benchmarks/scalor_step.py --json`` and ``scalor_follow.py --json`` write;
those of a graphics card have ``cap_gpu`` and ``15_objects_gpu`` in their ids. ``parity.json`` is
what ``benchmarks/scalor_parity.py --json`` writes.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from lib.book.results import Ledger
from lib.book.rows import require_id
from lib.book.scalor.kept import recorded_folder
from lib.book.tables import number

SPEED, PARITY = "speed.json", "parity.json"
STEP, FOLLOW = "speed.scalor_step_", "speed.scalor_follow_"
VARIANTS = ("_all_read", "_second")
"""In cases, and in the name of who reads every proposal, or is SCALOR-2."""
CASES = {
    "cap": "45, as many as it may",
    "cap_all_read": "45, every proposal read, as the original does",
    "15_objects": "15",
    "15_objects_all_read": "15, every proposal read",
    "cap_second": "45, SCALOR-2",
    "15_objects_second": "15, SCALOR-2",
    "cap_gpu": "45, as many as it may",
    "15_objects_gpu": "15",
}


FOLLOWERS = {"official": "the original", "ours": "here, its sizes", "ours_second": "SCALOR-2"}
FOLLOWED = {"cap": "45 objects, frames/s", "15_objects": "15 objects, frames/s"}


@dataclass(frozen=True)
class Speed:
    """A training step's seconds and peak memory, ours and the original's, and their ratios.

    And how many frames a second each follows.

    `values` has numbers by id, `hardware` what each was measured on.
    """

    official_commit: str
    how: str
    values: Mapping[str, float]
    hardware: Mapping[str, str]

    def ratio(self, case: str, what: Literal["ratio", "memory_ratio"]) -> float | None:
        """The original's over ours, None where it was not measured."""
        return self.values.get(f"{STEP}{case}.{what}")


@dataclass(frozen=True)
class Parity:
    """How far loss and gradients are from the original's with shared weights and fixed noise.

    `loss_difference` is relative; `gradient_difference` by case, each the largest of any tensor of
    parameters as a share of its largest entry. `objects` were followed meanwhile.
    """

    official_commit: str
    commit: str
    hardware: str
    dtype: str
    frames: int
    objects: int
    loss_difference: float
    gradient_difference: Mapping[str, float]

    @property
    def numbers(self) -> dict[str, float]:
        """Those of the ledger."""
        each = {f"gradient_{case}": value for case, value in self.gradient_difference.items()}
        return {
            "frames": float(self.frames),
            "objects": float(self.objects),
            "loss_difference": self.loss_difference,
            "gradient_difference": max(self.gradient_difference.values()),
            **each,
        }


def read_speed(root: Path) -> Speed:
    """The speed that was measured.

    Raises `FileNotFoundError` where it was not, `ValueError` for a file of another form.
    """
    path = recorded_folder(root) / SPEED
    held = _read(path, ("official_commit", "how", "rows"))
    values, hardware = {}, {}
    for row in held["rows"]:
        if not isinstance(row, dict) or not {"id", "value", "hardware"} <= set(row):
            raise ValueError(f"{path}: a row is {row!r:.80}; want id, value and hardware")
        id = require_id(str(row["id"]))
        if not id.startswith((STEP, FOLLOW)):
            raise ValueError(
                f"{path}: a row is of {id}; want ids that begin with {STEP} or {FOLLOW}"
            )
        values[id], hardware[id] = _number(path, id, row["value"]), str(row["hardware"])
    return Speed(str(held["official_commit"]), str(held["how"]), values, hardware)


def read_parity(root: Path) -> Parity:
    """The parity that was measured; raises as `read_speed` does."""
    path = recorded_folder(root) / PARITY
    held = _read(path, tuple(Parity.__dataclass_fields__))
    gradients = held["gradient_difference"]
    if not isinstance(gradients, dict) or not gradients:
        raise ValueError(f"{path}: gradient_difference is {gradients!r:.80}; want numbers by case")
    return Parity(
        **{name: str(held[name]) for name in ("official_commit", "commit", "hardware", "dtype")},
        frames=int(_number(path, "frames", held["frames"])),
        objects=int(_number(path, "objects", held["objects"])),
        loss_difference=_number(path, "loss_difference", held["loss_difference"]),
        gradient_difference={
            case: _number(path, f"gradient_difference, {case}", value)
            for case, value in gradients.items()
        },
    )


def record_beside(ledger: Ledger, speed: Speed, parity: Parity, *, seed: int) -> None:
    """Rows ``speed.scalor_step_<case>.<…>``, ``…_follow_…``, and ``scalor.official.parity.<…>``."""
    for id, value in speed.values.items():
        with _measured_on(ledger, speed.hardware[id]):
            ledger.record(id, value, seeds=[seed], unit=_unit(id), better=_better(id))
    with _measured_on(ledger, parity.hardware):
        for name, value in parity.numbers.items():
            ledger.record(
                f"scalor.official.parity.{name}", value, seeds=[seed],
                better="" if name in ("frames", "objects") else "lower",
            )  # fmt: skip


def speed_sentence(speed: Speed) -> str:
    """How the speed was measured."""
    return (
        f"Measured: {speed.how}; the original at commit `{speed.official_commit[:10]}`. "
        "`benchmarks/scalor_step.py` measures both, `scalor_follow.py` how fast they follow."
    )


def speed_table(speed: Speed) -> pd.DataFrame:
    """Seconds and peak memory of a training step, the original's and ours, case by case."""
    lines = []
    for case, words in CASES.items():
        faster, smaller = speed.ratio(case, "ratio"), speed.ratio(case, "memory_ratio")
        if faster is None or smaller is None:
            continue
        variant = next((one for one in VARIANTS if case.endswith(one)), "")
        step, ours = f"{STEP}{case.removesuffix(variant)}", f"ours{variant}"
        seconds, mib = (
            [speed.values.get(f"{step}.{who}.{what}") for who in ("official", ours)]
            for what in ("seconds", "peak_mib")
        )
        lines.append(
            {
                "Objects followed": words,
                "Measured on": speed.hardware[f"{STEP}{case}.ratio"],
                "Original, s": number(seconds[0]),
                "Here, s": number(seconds[1]),
                "Times as fast": number(faster),
                "Original, MiB": number(mib[0], 4),
                "Here, MiB": number(mib[1], 4),
                "Times less memory": number(smaller),
            }
        )
    return pd.DataFrame(lines or [{"Objects followed": "nothing was measured"}])


def follow_table(speed: Speed) -> pd.DataFrame:
    """Frames that each model follows in a second."""
    lines = []
    for who, words in FOLLOWERS.items():
        rates = {
            heading: speed.values.get(f"{FOLLOW}{case}.{who}.frames_per_s")
            for case, heading in FOLLOWED.items()
        }
        if any(rate is not None for rate in rates.values()):
            told = {name: "–" if rate is None else number(rate) for name, rate in rates.items()}
            lines.append({"Model": words} | told)
    return pd.DataFrame(lines or [{"Model": "nothing was measured"}])


def parity_sentence(parity: Parity) -> str:
    """How near loss and gradients are to the original's."""
    return (
        f"Over {number(parity.frames)} frames in {parity.dtype}, in which "
        f"{number(parity.objects)} objects are followed, the loss differs from the original's by a "
        f"relative {number(parity.loss_difference, 2)}. Of the gradients of each tensor of "
        f"parameters no entry differs by more than "
        f"{number(parity.numbers['gradient_difference'], 2)} of the largest (the original at "
        f"commit `{parity.official_commit[:10]}`; `benchmarks/scalor_parity.py` compares them)."
    )


def _read(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: measure beside the original code (benchmarks/scalor_step.py and "
            "scalor_parity.py say how) and write it there"
        )
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON ({error}): measure and write it again") from error
    if not isinstance(held, dict) or not set(names) <= set(held):
        found = ", ".join(held) if isinstance(held, dict) else type(held).__name__
        raise ValueError(f"{path} holds {found or 'nothing'}; want {', '.join(names)}")
    return held


def _number(path: Path, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{path}: {name} is {value!r}; want a number")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{path}: {name} is {value}; want a finite number from 0")
    return float(value)


def _unit(id: str) -> str:
    units = {"seconds": "s", "peak_mib": "MiB", "frames_per_s": "frames/s"}
    return units.get(id.rpartition(".")[2], "")


def _better(id: str) -> Literal["higher", "lower"]:
    return "higher" if id.endswith(("ratio", "frames_per_s")) else "lower"


@contextmanager
def _measured_on(ledger: Ledger, hardware: str) -> Iterator[None]:
    """Rows recorded meanwhile say what they were measured on, which is not where this runs."""
    before, ledger.hardware = ledger.hardware, hardware
    try:
        yield
    finally:
        ledger.hardware = before
