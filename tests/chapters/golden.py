"""Golden files: the numbers of preset tiny, each with the deviation that is allowed.

``python -m tests.chapters.golden`` (`make golden`) writes ``tests/golden/<chapter>.json`` anew from
the live ledgers. Processors with other instructions round differently, and training magnifies it
to what another seed would change. So a file keeps the numbers of each kind of processor it has
been written on, and tolerances say how far beyond them one may move before somebody should look.
"""

import json
import math
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch

from lib.book.results import LIVE_PRESET, Ledger
from lib.files import write_json
from tests.chapters import CHAPTERS, ROOT

SPEED = ".speed."  # in ids of rows that no two runs have in common
GOLDEN = ROOT / "tests" / "golden"
ABOUT = (
    "Numbers of this chapter at preset tiny, by the processor's instructions, with the deviation "
    "allowed. Written by `make golden` from the last run; never edit by hand, review the diff."
)
# Training again on one thread, which only rounds differently, moved PSNR by up to 0.4 dB, SSIM by
# 0.03, sharpness by 0.06, perplexity by a sixth and grid energy by a third: about half of these.
TOLERANCES: dict[str, dict[str, float]] = {  # by metric, the first pattern that fits
    # HDBSCAN decides how many clusters there are, and rounding decides for it: a few more or fewer
    # move all scores of segments
    "miou": {"abs": 0.1},
    "many_to_one_miou": {"abs": 0.1},
    "*pixel_accuracy": {"abs": 0.2},
    "ami": {"abs": 0.15},
    "ari": {"abs": 0.25},
    "boundary_f": {"abs": 0.15},
    "noise_share": {"abs": 0.35},
    "flips_per_second": {"abs": 1.0},
    "clusters": {"rel": 1.5},
    "overlap": {"abs": 0.08},
    "info_nce": {"rel": 0.15},
    "spread": {"abs": 0.15},
    "effective_rank": {"rel": 0.4},
    "wobble": {"rel": 1.0},
    # the car classifiers, trained for 900 steps on one thread and on two: accuracies moved by
    # 0.015, ECE by 0.05, AUROC by 0.08, FPR95 by 0.13, the share that is flagged by 0.17, that of
    # heat off the car by 0.11, correlations by 0.13, answers flipped by 0.03: about half or less,
    # as 600 steps leave networks less settled
    "accuracy": {"abs": 0.08},
    "ece*": {"abs": 0.08},
    "nll*": {"abs": 0.15},
    "auroc": {"abs": 0.12},
    "worst_auroc": {"abs": 0.12},
    "aupr": {"abs": 0.12},
    "fpr95": {"abs": 0.27},
    "found_share": {"abs": 0.35},
    "false_share": {"abs": 0.08},
    "off_car_share": {"abs": 0.25},
    "check_*": {"abs": 0.3},
    "flipped": {"abs": 0.07},
    "change": {"abs": 0.03},
    "faithful_*": {"abs": 0.08},
    "hard_*": {"abs": 0.15},
    "cross_entropy_end": {"rel": 2.0},
    "images_per_second": {"rel": 5.0},
    "params": {"rel": 0.1},
    "block": {"abs": 1.0},
    "neighbours": {"abs": 5.0},
    # recorded trackers are only evaluated; that which is trained live moves with rounding
    "mota": {"abs": 0.1},
    "idf1": {"abs": 0.1},
    "hota": {"abs": 0.1},
    "recall": {"abs": 0.1},
    "precision": {"abs": 0.1},
    "first_recall": {"abs": 0.15},
    "followed_share": {"abs": 0.1},
    "duplicates": {"abs": 0.1},
    "claimed_twice": {"abs": 0.15},
    "id_switches": {"abs": 0.3},
    "rediscoveries": {"abs": 0.3},
    "fg_ari": {"abs": 0.1},
    "mixed": {"abs": 0.1},
    "steps": {"abs": 0.0},
    "psnr_db*": {"abs": 1.0},
    "ssim": {"abs": 0.06},
    "lpips": {"abs": 0.04},
    "sharpness_ratio": {"abs": 0.15},
    "detail_correlation": {"abs": 0.05},
    "perplexity": {"rel": 0.4},
    "codes_used": {"rel": 0.2},
    "mse": {"rel": 0.4},
    "flat_texture": {"rel": 0.5},
    "grid_*": {"rel": 0.7},
    # of these the order of magnitude tells something: a gradient of one batch was once 0.065 where
    # it had been 0.012 and 0.021, and the largest of all steps 5.6 and 1.2; stuck ones are 1e-4
    "gradient_*": {"factor": 10.0},
    "commitment_*": {"factor": 5.0},
    "largest_*": {"factor": 5.0},
    "darkest_pixel": {"abs": 0.1},
    "finite": {"abs": 0.0},
    "used_share": {"abs": 0.1},
    "top_share": {"abs": 0.1},
    "covered_share": {"rel": 0.1},
    "*_share": {"abs": 0.05},
    "batches_lost": {"abs": 0.0},
    "headroom_*": {"rel": 0.5},
    "frames": {"abs": 0.0},
    "worlds": {"abs": 0.0},
    # people and sprites are simulated: only rounding in the last digit can move who goes where
    "clips": {"abs": 0.0},
    "tracks": {"rel": 0.05},
    "in_view": {"rel": 0.05},
    "visibility": {"abs": 0.03},
    "width": {"rel": 0.05},
    "height": {"rel": 0.05},
    "track_seconds": {"rel": 0.05},
    "speed": {"rel": 0.05},
    "luminance*": {"abs": 0.02},
    "red": {"abs": 0.02},
    "green": {"abs": 0.02},
    "blue": {"abs": 0.02},
    "edge_density": {"rel": 0.05},
    "*_change": {"rel": 0.05},
    "*": {"rel": 0.5},
}

Entry = Mapping[str, Any]  # `values` by processor, None where not finite; its TOLERANCES


def tolerance(id: str) -> dict[str, float]:
    """What is allowed for the row `id`: ``abs``, ``rel`` of the golden value, or a ``factor``."""
    metric = id.rpartition(".")[2]
    return next(t for pattern, t in TOLERANCES.items() if fnmatchcase(metric, pattern))


def golden_path(chapter: str) -> Path:
    """Where the golden numbers of a chapter lie."""
    return GOLDEN / f"{chapter}.json"


def live_values(chapter: str, root: Path = ROOT) -> dict[str, float | None]:
    """Numbers of the chapter's last run but speeds; FileNotFoundError if it has not been run."""
    rows = Ledger.load(chapter, LIVE_PRESET, root=root).rows
    return {row.id: row.value for row in rows if SPEED not in row.id}


def processor() -> str:
    """The instructions that PyTorch uses here and who made the processor, such as AVX2 AMD.

    Numbers mostly agree where these do: libraries choose their kernels by both.
    """
    return f"{torch.backends.cpu.get_cpu_capability()} {_maker()}"


def _maker(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    known = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    ids = [line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")]
    return known.get(ids[0], ids[0]) if ids else platform.machine()


def golden_content(
    values: Mapping[str, float | None], before: Mapping[str, Entry] | None = None
) -> dict[str, Any]:
    """The content of a golden file for these numbers of this processor, to six significant digits.

    Numbers of other processors are kept from the rows `before`, but for those that moved here: what
    moved them will move the others, too.
    """
    here, rows = processor(), {}
    for id, value in sorted(values.items()):
        rounded = None if value is None else float(f"{value:.6g}")
        old = dict((before or {}).get(id, {}).get("values", {}))
        if old.get(here, rounded) != rounded:
            old = {}
        rows[id] = {"values": dict(sorted({**old, here: rounded}.items()))} | tolerance(id)
    return {"about": ABOUT, "preset": LIVE_PRESET, "rows": rows}


def differences(golden: Mapping[str, Entry], live: Mapping[str, float | None]) -> Iterator[str]:
    """Everything in which a run differs from the golden numbers by more than it may."""
    for id in sorted({*golden, *live}):
        if id not in live:
            yield f"{id}: missing in the run"
        elif id not in golden:
            yield f"{id}: not in the golden file"
        elif (remark := _difference(golden[id], live[id])) is not None:
            yield f"{id}: {remark}"


def _difference(entry: Entry, value: float | None) -> str | None:
    known = entry["values"].values()
    finite = sorted(one for one in known if one is not None)
    if value is None or not finite:
        fits = value is None and None in known
        return None if fits else f"got {value}, wanted {_texts(known)} (None is not finite)"
    low, high = finite[0], finite[-1]
    if _least(entry, low) <= value <= -_least(entry, -high):
        return None
    ends = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
    nearest = min(high, max(low, value))
    allowed = (
        f"× or ÷ {entry['factor']:g}"
        if "factor" in entry
        else f"± {nearest - _least(entry, nearest):.3g}"
    )
    return f"got {value:.6g}, wanted {ends} {allowed}"


def _least(entry: Entry, wanted: float) -> float:
    """The least that a run may give where `wanted` is golden, of which six digits are kept."""
    if "factor" in entry:
        deviation = abs(wanted) * (1 - 1 / entry["factor"] if wanted > 0 else entry["factor"] - 1)
    else:
        deviation = entry["abs"] if "abs" in entry else abs(wanted) * entry["rel"]
    return wanted - max(deviation, 1e-5 * abs(wanted))


def _texts(values: Iterable[float | None]) -> str:
    return " or ".join(f"{value}" for value in values)


def main(chapters: Sequence[str] = CHAPTERS, *, root: Path = ROOT) -> int:
    """Write all golden files and take away those of chapters that are gone; 1 without a run."""
    before = {chapter: _rows(golden_path(chapter)) for chapter in chapters}
    try:
        contents = {
            chapter: golden_content(live_values(chapter, root), before[chapter])
            for chapter in chapters
        }
    except FileNotFoundError as error:
        print(f"{error}; or `make test` for everything", file=sys.stderr)
        return 1
    for chapter, content in contents.items():
        path = golden_path(chapter)
        write_json(path, content)
        old = before[chapter]
        changed = [id for id, row in content["rows"].items() if old.get(id) != row]
        gone = old.keys() - content["rows"].keys()
        print(f"{path.name}: {len(content['rows'])} rows, {len(changed)} new, {len(gone)} gone")
    for path in GOLDEN.glob("*.json"):
        if path.stem not in contents:
            path.unlink()
            print(f"{path.name}: removed, there is no such chapter")
    return 0


def _rows(path: Path) -> dict[str, Entry]:
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else {}


if __name__ == "__main__":
    sys.exit(main())
