"""How well people are found and followed: MOTA, IDF1, HOTA and what stands behind them.

MOTA, id switches and fragmentations are of Bernardin and Stiefelhagen (2008), IDF1 of Ristani et
al. (2016), HOTA with DetA and AssA of Luiten et al. (2021), all computed by TrackEval. A person is
found by a box whose intersection over union with the true one is at least 0.5 (in HOTA: means over
thresholds 0.05 … 0.95).

**Which truth counts.** Before anything is counted, ignored people (`lib.data.mot.boxes` says who)
are taken out: in every frame predictions are matched one to one with all people, those that count
first, then by overlap; a prediction matched with an ignored person is taken out together with all
the ignored. So it is no error to find somebody who is hardly visible, and none to miss them. (In
MOTChallenge's own preparation the larger overlap decides, also against those who count.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float64
from scipy.optimize import linear_sum_assignment

from lib.data.mot.boxes import FrameBoxes
from lib.evaluation.intervals import Estimate, group_sums, mean_over_groups, statistic_over_groups
from lib.evaluation.track_eval import track_eval_data, track_eval_metrics
from lib.evaluation.track_events import LEAST_IOU, count_events, overlaps

HOTA_THRESHOLDS = 19  # 0.05, 0.10, … 0.95
LOOSE = 5  # of these, the place of 0.30
_NAN = float("nan")


@dataclass(frozen=True)
class VideoCounts:
    """What one video adds to the scores. All numbers add up over videos, `fg_ari` apart."""

    group: str  # what an interval resamples: the video (not the clip), or its scene
    frames: int
    true_boxes: int
    true_tracks: int
    predicted_boxes: int
    predicted_tracks: int
    found: int  # true boxes with a prediction of their own
    misses: int
    false_positives: int
    id_switches: int
    fragmentations: int
    overlap: float  # sum of intersections over unions of those found
    id_found: int  # boxes found, each person being paired with one predicted id for all time
    id_misses: int
    id_false_positives: int
    hota_found: Float64[np.ndarray, " a"]  # at each threshold
    hota_misses: Float64[np.ndarray, " a"]
    hota_false_positives: Float64[np.ndarray, " a"]
    hota_association: Float64[np.ndarray, " a"]  # sum of association scores of those found
    duplicates: int
    rediscoveries: int
    fg_ari: float | None = None  # see `track_masks.fg_ari`; None if not computed


def score_video(
    predicted: Sequence[FrameBoxes],
    truth: Sequence[FrameBoxes],
    *,
    group: str,
    fg_ari: float | None = None,
) -> VideoCounts:
    """Compare predicted boxes of all frames of a video, or a clip of one, with the true ones.

    `duplicates` are predictions on somebody who is found already, `rediscoveries` times at which
    somebody who was followed gets an id never seen before (`track_events`).

    Raises `ValueError` for no frames, or not as many of both.
    """
    if len(predicted) != len(truth) or not truth:
        raise ValueError(
            f"predicted has {len(predicted)} frames, truth {len(truth)}: want boxes of the same "
            "frames, at least one"
        )
    pairs = [without_ignored(*both) for both in zip(predicted, truth, strict=True)]
    return _counted([one for one, _ in pairs], [one for _, one in pairs], group, fg_ari)


def _counted(
    ours: Sequence[FrameBoxes], theirs: Sequence[FrameBoxes], group: str, fg_ari: float | None
) -> VideoCounts:
    data = track_eval_data(ours, theirs)
    clear, identity, hota = (metric.eval_sequence(data) for metric in track_eval_metrics())
    events = count_events(ours, theirs)
    curves = {
        "hota_found": hota["HOTA_TP"],
        "hota_misses": hota["HOTA_FN"],
        "hota_false_positives": hota["HOTA_FP"],
        "hota_association": hota["AssA"] * hota["HOTA_TP"],
    }
    return VideoCounts(
        group=group,
        frames=len(theirs),
        true_boxes=data["num_gt_dets"],
        true_tracks=data["num_gt_ids"],
        predicted_boxes=data["num_tracker_dets"],
        predicted_tracks=data["num_tracker_ids"],
        found=int(clear["CLR_TP"]),
        misses=int(clear["CLR_FN"]),
        false_positives=int(clear["CLR_FP"]),
        id_switches=int(clear["IDSW"]),
        fragmentations=int(clear["Frag"]),
        overlap=float(clear["MOTP_sum"]),
        id_found=int(identity["IDTP"]),
        id_misses=int(identity["IDFN"]),
        id_false_positives=int(identity["IDFP"]),
        duplicates=events.duplicates,
        rediscoveries=events.rediscoveries,
        fg_ari=fg_ari,
        **{name: np.array(curve, float) for name, curve in curves.items()},
    )


def without_ignored(predicted: FrameBoxes, truth: FrameBoxes) -> tuple[FrameBoxes, FrameBoxes]:
    """Predictions and truth of a frame as they are judged (see the top of this file)."""
    if not truth.ignored.any():
        return predicted, truth
    iou = overlaps(truth, predicted)
    near = iou >= LEAST_IOU
    # one more person who counts outweighs all overlaps together
    counts = 2.0 * len(truth) * ~truth.ignored[:, None]
    score = np.where(near, iou + counts, 0.0)
    rows, columns = linear_sum_assignment(-score)
    on_ignored = near[rows, columns] & truth.ignored[rows]
    kept = np.ones(len(predicted), bool)
    kept[columns[on_ignored]] = False
    return predicted.where(kept), truth.where(~truth.ignored)


def summarise(videos: Sequence[VideoCounts], *, seed: int = 0) -> dict[str, Estimate]:
    """Every score of the videos taken together, by the name it has in the ledger.

    Counts are added up first, so that a long video weighs more; intervals are over groups. `mota`,
    `motp`, `idf1`, `hota`, `deta`, `assa`, `recall` and `precision` are as their authors have them;
    `moda_loose` is 1 less misses and false boxes for each true box, as in MOTA, but a box counts
    from an overlap of 0.3 on, matched as for HOTA;
    `false_positives`, `misses` and `duplicates` are per true box, `id_switches`, `fragmentations`
    and `rediscoveries` per true track; `fg_ari` is the mean over videos that have one. A score
    whose denominator is 0 (no truth, say) is NaN, without an interval; and an interval is None
    where too few videos have what the score divides by.

    Raises `ValueError` for no videos.
    """
    if not videos:
        raise ValueError("videos is empty: give the counts of at least one")
    groups = np.unique([one.group for one in videos], return_inverse=True)[1]
    totals, _ = group_sums(np.array([_row(one) for one in videos]), groups)
    frames = sum(one.frames for one in videos)
    scores = {
        name: _within(statistic_over_groups(totals, _of_row(score), n=frames, seed=seed), name)
        for name, score in SCORES.items()
    }
    indices = np.array([_NAN if one.fg_ari is None else one.fg_ari for one in videos])
    if (known := np.isfinite(indices)).any():
        scores["fg_ari"] = mean_over_groups(indices[known], groups[known], seed=seed)
    return scores


def gained(
    before: Sequence[VideoCounts], after: Sequence[VideoCounts], score: str, *, seed: int = 0
) -> Estimate:
    """A score of `SCORES` after a change less that before, videos being resampled in pairs.

    Raises `ValueError` for no videos, or others before than after.
    """
    names = [one.group for one in before]
    if not names or names != [one.group for one in after]:
        raise ValueError(
            f"before has {len(before)} videos, after {len(after)}: give counts of the same ones, "
            "in one order, at least one"
        )
    pairs = zip(before, after, strict=True)
    rows = np.array([np.concatenate([_row(one), _row(other)]) for one, other in pairs])
    totals, _ = group_sums(rows, np.unique(names, return_inverse=True)[1])
    half, of_row = rows.shape[1] // 2, _of_row(SCORES[score])
    return statistic_over_groups(
        totals, lambda row: of_row(row[half:]) - of_row(row[:half]),
        n=sum(one.frames for one in before), seed=seed,
    )  # fmt: skip


Totals = dict[str, Any]  # fields of `VideoCounts`, added up: floats, or arrays over thresholds


def _ratio(over: str, under: str) -> Callable[[Totals], float]:
    return lambda t: float(t[over] / t[under]) if t[under] else _NAN


def _mota(t: Totals) -> float:
    wrong = t["misses"] + t["false_positives"] + t["id_switches"]
    return float(1 - wrong / t["true_boxes"]) if t["true_boxes"] else _NAN


def _moda_loose(t: Totals) -> float:
    wrong = t["hota_misses"][LOOSE] + t["hota_false_positives"][LOOSE]
    return float(1 - wrong / t["true_boxes"]) if t["true_boxes"] else _NAN


def _idf1(t: Totals) -> float:
    both = 2 * t["id_found"] + t["id_misses"] + t["id_false_positives"]
    return float(2 * t["id_found"] / both) if both else _NAN


def _detection(t: Totals) -> Float[np.ndarray, " a"]:
    """DetA at each threshold; NaN where there is neither truth nor prediction."""
    either = t["hota_found"] + t["hota_misses"] + t["hota_false_positives"]
    return np.where(either > 0, t["hota_found"] / np.maximum(either, 1), np.nan)


def _association(t: Totals) -> Float[np.ndarray, " a"]:
    """AssA at each threshold; 0 where nobody is found, as TrackEval has it."""
    return t["hota_association"] / np.maximum(t["hota_found"], 1)


def _hota(t: Totals) -> float:
    return float(np.sqrt(_detection(t) * _association(t)).mean())


def _assa(t: Totals) -> float:
    return float(_association(t).mean()) if t["true_boxes"] + t["predicted_boxes"] else _NAN


SCORES: dict[str, Callable[[Totals], float]] = {
    "mota": _mota,
    "moda_loose": _moda_loose,
    "motp": _ratio("overlap", "found"),
    "idf1": _idf1,
    "hota": _hota,
    "deta": lambda t: float(_detection(t).mean()),
    "assa": _assa,
    "recall": _ratio("found", "true_boxes"),
    "precision": _ratio("found", "predicted_boxes"),
    "false_positives": _ratio("false_positives", "true_boxes"),
    "misses": _ratio("misses", "true_boxes"),
    "duplicates": _ratio("duplicates", "true_boxes"),
    "id_switches": _ratio("id_switches", "true_tracks"),
    "fragmentations": _ratio("fragmentations", "true_tracks"),
    "rediscoveries": _ratio("rediscoveries", "true_tracks"),
}
RATES = (
    *("false_positives", "misses", "duplicates"),
    *("id_switches", "fragmentations", "rediscoveries"),
)
"""Scores that are better when lower, and may exceed 1."""
_COUNTED = [one.name for one in fields(VideoCounts) if one.name not in ("group", "fg_ari")]
_SINGLE = [name for name in _COUNTED if not name.startswith("hota_")]
_CURVES = [name for name in _COUNTED if name.startswith("hota_")]


def _row(video: VideoCounts) -> Float64[np.ndarray, " k"]:
    single = [float(getattr(video, name)) for name in _SINGLE]
    return np.concatenate([single, *(getattr(video, name) for name in _CURVES)])


def _of_row(score: Callable[[Totals], float]) -> Callable[[Float[np.ndarray, " k"]], float]:
    def of_row(row: Float[np.ndarray, " k"]) -> float:
        curves = row[len(_SINGLE) :].reshape(len(_CURVES), HOTA_THRESHOLDS)
        named = dict(zip(_SINGLE, row.tolist(), strict=False))
        return score(named | dict(zip(_CURVES, curves, strict=True)))

    return of_row


def _within(estimate: Estimate, name: str) -> Estimate:
    """The interval as far as the score can reach; none if any resample had no score."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return estimate
    if not np.isfinite([low, high]).all():
        return replace(estimate, low=None, high=None)
    least = -np.inf if name in ("mota", "moda_loose") else 0.0
    most = np.inf if name in RATES else 1.0
    return replace(estimate, low=max(low, least), high=min(high, most))
