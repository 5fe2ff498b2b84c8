"""Tracking scores against slow second implementations, by hand, and by laws."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from lib.data.mot.boxes import FrameBoxes
from lib.evaluation import track_eval
from lib.evaluation.tracking import SCORES, gained, score_video, summarise, without_ignored

BOX = (10.0, 20.0, 10.0, 20.0)
seeds = st.integers(0, 10_000)
few = settings(max_examples=6, deadline=None)


def frames_of(*rows, ignored=()):
    """Frames from dictionaries of boxes by id; `ignored` are ids."""
    return [
        FrameBoxes.of(list(row), list(row.values()), [one in ignored for one in row])
        for row in rows
    ]


def walks(seed, *, frames=6, people=4):
    """True walks, and what a poor tracker makes of them: gaps, drift, switches, strays."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 60, (people, 2))
    step = rng.uniform(-3, 3, (people, 2))
    truth, predicted = [], []
    names = list(range(people))
    for k in range(frames):
        boxes = np.concatenate([start + k * step, np.tile([12.0, 20.0], (people, 1))], 1)
        seen = rng.random(people) > 0.15
        truth.append(FrameBoxes.of(np.arange(people)[seen] + 5, boxes[seen]))
        if rng.random() < 0.3:
            rng.shuffle(names)
        noisy = boxes + rng.normal(0, 1.2, (people, 4)) * [1, 1, 0.5, 0.5]
        found = rng.random(people) > 0.2
        ids = np.array(names)[found]
        if rng.random() < 0.4:
            ids = np.append(ids, 90 + k)
            noisy = np.concatenate([noisy[found], rng.uniform(0, 60, (1, 4))])
        else:
            noisy = noisy[found]
        predicted.append(FrameBoxes.of(ids, noisy))
    return predicted, truth


def score(predicted, truth, **options):
    return score_video(predicted, truth, group="v", **options)


def values(*videos):
    return {name: found.value for name, found in summarise(videos).items()}


def iou_of(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


# --------------------------------------------------------------------------------- oracles


def slow_clear(predicted, truth):
    """Misses, false positives, switches: pairs of the last frame stay, the rest by assignment."""
    misses = wrong = switches = 0
    before, last = {}, {}
    for ours, theirs in zip(predicted, truth, strict=True):
        free = dict(zip(ours.ids.tolist(), ours.boxes.tolist(), strict=True))
        people = dict(zip(theirs.ids.tolist(), theirs.boxes.tolist(), strict=True))
        if not free or not people:
            misses, wrong = misses + len(people), wrong + len(free)
            continue
        pairs = {}
        for person, name in before.items():
            near = person in people and name in free
            if near and iou_of(people[person], free[name]) >= 0.5:
                pairs[person] = name
        left = [one for one in people if one not in pairs]
        rest = [one for one in free if one not in pairs.values()]
        if left and rest:
            table = np.array([[iou_of(people[a], free[b]) for b in rest] for a in left])
            table[table < 0.5] = 0
            for a, b in zip(*linear_sum_assignment(-table), strict=True):
                if table[a, b]:
                    pairs[left[a]] = rest[b]
        for person, name in pairs.items():
            switches += last.get(person, name) != name
            last[person] = name
        misses += len(people) - len(pairs)
        wrong += len(free) - len(pairs)
        before = pairs
    return misses, wrong, switches


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_mota_equals_a_slow_count(seed):
    predicted, truth = walks(seed)
    counts = score(predicted, truth)
    wanted = slow_clear(predicted, truth)
    assert (counts.misses, counts.false_positives, counts.id_switches) == wanted
    people = sum(map(len, truth))
    assert counts.true_boxes == people
    assert values(counts)["mota"] == pytest.approx(1 - sum(wanted) / people)


@few
@given(seeds)
def test_idf1_equals_the_best_of_all_pairings(seed):
    predicted, truth = walks(seed, frames=5, people=3)
    theirs = sorted({one for frame in truth for one in frame.ids.tolist()})
    ours = sorted({one for frame in predicted for one in frame.ids.tolist()})[:6]
    kept = [frame.where(np.isin(frame.ids, ours)) for frame in predicted]
    together = {(a, b): 0 for a in theirs for b in ours}
    for guess, frame in zip(kept, truth, strict=True):
        for (a, box), (b, other) in itertools.product(
            zip(frame.ids.tolist(), frame.boxes, strict=True),
            zip(guess.ids.tolist(), guess.boxes, strict=True),
        ):
            together[a, b] += iou_of(box, other) >= 0.5
    choices = itertools.permutations([*ours, *[None] * len(theirs)], len(theirs))
    best = max(
        sum(together.get(pair, 0) for pair in zip(theirs, chosen, strict=True))
        for chosen in set(choices)
    )
    counts = score(kept, truth)
    assert counts.id_found == best
    both = sum(map(len, truth)) + sum(map(len, kept))
    assert values(counts)["idf1"] == pytest.approx(2 * best / both)


@pytest.mark.parametrize(
    ("ids", "deta", "assa"),
    [
        ([7, 7, 7, 7], 1, 1),
        ([7, 7, 8, 8], 1, 0.5),  # 2 of 4 together, for each
        ([7, 7, None, None], 0.5, 0.5),
        ([7, 8, 9, 9], 1, (0.25 + 0.25 + 2 * 0.5) / 4),
    ],
)
def test_hota_by_hand(ids, deta, assa):
    truth = frames_of(*[{1: BOX}] * 4)
    predicted = frames_of(*[{} if one is None else {one: BOX} for one in ids])
    found = values(score(predicted, truth))
    assert found["deta"] == pytest.approx(deta)
    assert found["assa"] == pytest.approx(assa)
    assert found["hota"] == pytest.approx(np.sqrt(deta * assa))


def test_hota_of_a_shifted_box():
    """At an overlap of 0.62, it is found at the 12 thresholds of 19 up to 0.6."""
    shifted = (BOX[0] + 10 * 0.38 / 1.62, *BOX[1:])
    assert iou_of(BOX, shifted) == pytest.approx(0.62)
    found = values(score(frames_of({1: shifted}), frames_of({1: BOX})))
    assert found["hota"] == pytest.approx(12 / 19)
    assert found["motp"] == pytest.approx(0.62)
    assert found["mota"] == 1


@pytest.mark.parametrize(
    ("overlap", "strict", "loose"), [(0.62, 1, 1), (0.4, -1, 1), (0.2, -1, -1)]
)
def test_a_box_that_does_not_fit_is_found_loosely(overlap, strict, loose):
    shifted = (BOX[0] + 10 * (1 - overlap) / (1 + overlap), *BOX[1:])
    assert iou_of(BOX, shifted) == pytest.approx(overlap)
    found = values(score(frames_of({1: shifted}), frames_of({1: BOX})))
    assert (found["mota"], found["moda_loose"]) == (strict, loose)


def test_loosely_misses_and_false_boxes_count_but_switches_do_not():
    truth = frames_of(*[{9: BOX}] * 4)
    found = values(score(frames_of({1: BOX}, {2: BOX}, {}, {2: BOX, 3: (90, 90, 5, 5)}), truth))
    assert (found["mota"], found["moda_loose"]) == (1 - 3 / 4, 1 - 2 / 4)


def test_switches_and_fragmentations_by_hand():
    """Followed as 1, lost, found as 1, taken for 2 and for 1 again."""
    truth = frames_of(*[{9: BOX}] * 5)
    counts = score(frames_of({1: BOX}, {3: (90, 90, 5, 5)}, {1: BOX}, {2: BOX}, {1: BOX}), truth)
    assert (counts.id_switches, counts.fragmentations, counts.misses) == (2, 1, 1)
    assert counts.false_positives == 1
    found = values(counts)
    assert found["mota"] == pytest.approx(1 - 4 / 5)
    assert (found["id_switches"], found["misses"]) == (2, 0.2)


# ------------------------------------------------------------------------------------ laws


@few
@given(seeds)
def test_names_and_order_do_not_matter(seed):
    predicted, truth = walks(seed)
    rng = np.random.default_rng(seed)
    names = rng.permutation(200) + 3

    def changed(frame):
        order = rng.permutation(len(frame))
        return FrameBoxes.of(names[frame.ids[order]], frame.boxes[order])

    first = values(score(predicted, truth))
    second = values(score([changed(one) for one in predicted], [changed(one) for one in truth]))
    assert second == pytest.approx(first, nan_ok=True)


@few
@given(seeds)
def test_the_truth_itself_is_perfect(seed):
    _, truth = walks(seed)
    found = values(score(truth, truth, fg_ari=1.0))
    bad = ("false_positives", "misses", "duplicates", "id_switches", "rediscoveries")
    good = ("mota", "moda_loose", "motp", "idf1", "hota", "deta", "assa", "recall", "precision")
    for name in (*good, "fg_ari"):
        assert found[name] == pytest.approx(1)
    assert [found[name] for name in bad] == [0] * 5


@few
@given(seeds, st.integers(0, 5))
def test_a_box_on_nothing_costs_one_share(seed, where):
    predicted, truth = walks(seed)
    before = score(predicted, truth)
    frame = predicted[where]
    predicted[where] = FrameBoxes.of(
        [*frame.ids, 999], np.concatenate([frame.boxes, [[500.0, 500.0, 9.0, 9.0]]])
    )
    after = score(predicted, truth)
    drop = values(before)["mota"] - values(after)["mota"]
    assert drop == pytest.approx(1 / before.true_boxes)
    assert after.duplicates == before.duplicates


def test_nothing_predicted():
    truth = frames_of({1: BOX}, {1: BOX, 2: (50, 50, 9, 9)})
    found = values(score(frames_of({}, {}), truth))
    assert (found["mota"], found["idf1"], found["hota"], found["misses"]) == (0, 0, 0, 1)
    assert np.isnan(found["motp"])
    assert np.isnan(found["precision"])


def test_nobody_there():
    found = values(score(frames_of({1: BOX}, {}), frames_of({}, {})))
    assert (found["idf1"], found["hota"], found["precision"]) == (0, 0, 0)
    assert np.isnan(found["mota"])
    nothing = values(score(frames_of({}), frames_of({})))
    assert all(np.isnan(value) for value in nothing.values())


# --------------------------------------------------------------------------------- ignored


def test_ignored_people_are_neither_right_nor_wrong():
    hidden = (60.0, 20.0, 10.0, 20.0)
    truth = frames_of({1: BOX, 2: hidden}, ignored=[2])
    for predicted in ({5: BOX}, {5: BOX, 6: hidden}):
        counts = score(frames_of(predicted), truth)
        assert (counts.found, counts.misses, counts.false_positives) == (1, 0, 0)
        assert counts.true_boxes == counts.true_tracks == 1
    counts = score(frames_of({5: BOX, 6: hidden, 7: (90, 90, 5, 5)}), truth)
    assert counts.false_positives == 1


def test_who_counts_comes_first():
    """A box nearer to the hidden person behind finds the one in front all the same."""
    behind = (BOX[0] + 1, *BOX[1:])
    predicted, truth = frames_of({5: behind})[0], frames_of({1: BOX, 2: behind}, ignored=[2])[0]
    kept, judged = without_ignored(predicted, truth)
    assert kept.ids.tolist() == [5]
    assert judged.ids.tolist() == [1]


def test_only_one_prediction_is_forgiven():
    truth = frames_of({2: BOX}, ignored=[2])
    assert score(frames_of({5: BOX, 6: BOX}), truth).false_positives == 1


# ----------------------------------------------------------------------------- many videos


def test_counts_are_added_up_before_scores():
    """By hand: 1 of 2 found and 8 of 8 come to 0.9, not to 0.75."""
    two = score(frames_of({5: BOX}, {}), frames_of({1: BOX}, {1: BOX}))
    eight = score_video(frames_of(*[{5: BOX}] * 8), frames_of(*[{1: BOX}] * 8), group="w")
    found = summarise([two, eight])
    assert found["mota"].value == pytest.approx(0.9)
    assert found["mota"].low <= 0.9 <= found["mota"].high <= 1
    assert (found["mota"].n, found["mota"].groups) == (10, 2)
    assert found["misses"].low >= 0
    assert set(found) == set(SCORES)


def test_pooled_scores_are_track_evals_own():
    """Against `combine_sequences` of its three metrics."""
    videos = [walks(seed) for seed in range(3)]
    data = [track_eval.track_eval_data(*video) for video in videos]
    found = values(*(score_video(*v, group=str(k)) for k, v in enumerate(videos)))
    clear, identity, hota = (
        metric.combine_sequences({k: metric.eval_sequence(one) for k, one in enumerate(data)})
        for metric in track_eval.track_eval_metrics()
    )
    for ours, theirs in {
        **{"mota": clear["MOTA"], "motp": clear["MOTP"], "idf1": identity["IDF1"]},
        **{"recall": clear["CLR_Re"], "precision": clear["CLR_Pr"]},
        **{name.lower(): hota[name].mean() for name in ("HOTA", "DetA", "AssA")},
    }.items():
        assert found[ours] == pytest.approx(theirs)


def test_one_video_or_one_with_people_has_no_interval():
    full = score(frames_of({5: BOX}), frames_of({1: BOX}), fg_ari=0.5)
    assert summarise([full])["mota"].low is None
    empty = score_video(frames_of({}), frames_of({}), group="w", fg_ari=float("nan"))
    found = summarise([full, empty])
    assert found["mota"].value == 1
    assert found["mota"].low is None
    assert (found["fg_ari"].value, found["fg_ari"].groups) == (0.5, 1)


def test_mistakes_are_named(monkeypatch):
    with pytest.raises(ValueError, match="predicted has 1 frames, truth 2"):
        score(frames_of({}), frames_of({}, {}))
    with pytest.raises(ValueError, match="predicted has 0 frames"):
        score([], [])
    with pytest.raises(ValueError, match="videos is empty"):
        summarise([])
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    with pytest.raises(ModuleNotFoundError, match="install the package trackeval"):
        score(frames_of({}), frames_of({}))


def test_what_is_gained_is_the_difference_and_surer_than_its_ends():
    worse, better = [], []
    for seed in range(6):
        predicted, truth = walks(seed)
        group = f"v{seed % 3}"
        better.append(score_video(truth, truth, group=group))
        worse.append(score_video(predicted, truth, group=group))
    found = gained(worse, better, "mota")
    before, after = (summarise(one)["mota"] for one in (worse, better))
    assert found.value == pytest.approx(after.value - before.value)
    assert found.low > 0
    assert found.groups == 3
    swapped = gained(better, worse, "mota")
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))
    assert gained(worse, worse, "idf1").high == 0
    with pytest.raises(ValueError, match="before has 6 videos, after 5: give counts of the same"):
        gained(worse, better[:5], "mota")
    with pytest.raises(ValueError, match="before has 0 videos"):
        gained([], [], "mota")
