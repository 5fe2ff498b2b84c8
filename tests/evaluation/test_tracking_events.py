"""Duplicates and rediscoveries by hand; their id switches are MOTA's."""

import numpy as np
from hypothesis import given, settings

from lib.evaluation.track_events import count_events, match_frames, overlaps
from lib.evaluation.tracking import score_video
from tests.evaluation.test_tracking import BOX, frames_of, iou_of, seeds, walks

NEAR = (BOX[0] + 1, *BOX[1:])
FAR = (200.0, 200.0, 10.0, 20.0)


def test_overlaps_equal_loops(rng):
    one = frames_of(dict(enumerate(rng.uniform(1, 30, (4, 4)).tolist())))[0]
    other = frames_of(dict(enumerate(rng.uniform(1, 30, (3, 4)).tolist())))[0]
    found = overlaps(one, other)
    wanted = [[iou_of(a, b) for b in other.boxes] for a in one.boxes]
    np.testing.assert_allclose(found, wanted)
    assert overlaps(one, frames_of({})[0]).shape == (4, 0)
    flat = frames_of({1: (5, 5, 0, 9)})[0]
    assert overlaps(flat, flat).tolist() == [[0]]


def test_duplicates():
    """A second and a third box on one person, in one of two frames; a box on nothing is none."""
    truth = frames_of({1: BOX}, {1: BOX})
    found = count_events(frames_of({5: BOX, 6: NEAR, 7: NEAR, 8: FAR}, {5: BOX}), truth)
    assert found == (2, 0, 0)
    assert count_events(frames_of({8: FAR}, {}), truth).duplicates == 0


def test_people_in_a_crowd_are_no_duplicates():
    """Two who overlap, with a box each."""
    two = {1: BOX, 2: NEAR}
    assert count_events(frames_of({5: BOX, 6: NEAR}), frames_of(two)).duplicates == 0
    assert count_events(frames_of({5: BOX, 6: NEAR, 7: NEAR}), frames_of(two)).duplicates == 1


def test_rediscoveries():
    """To a new id; to one of somebody else; back to the first."""
    truth = frames_of(*[{1: BOX, 2: FAR}] * 4)
    predicted = frames_of({5: BOX, 6: FAR}, {7: BOX, 6: FAR}, {6: BOX, 7: FAR}, {5: BOX, 7: FAR})
    found = count_events(predicted, truth)
    assert (found.id_switches, found.rediscoveries) == (4, 1)


def test_an_id_seen_on_nothing_is_not_new():
    truth = frames_of({1: BOX}, {1: BOX})
    assert count_events(frames_of({5: BOX, 7: FAR}, {7: BOX}), truth) == (0, 0, 1)
    assert count_events(frames_of({5: BOX}, {7: BOX}), truth) == (0, 1, 1)


def test_pairs_of_the_last_frame_stay():
    truth = frames_of({1: BOX}, {1: BOX})
    predicted = frames_of({5: NEAR}, {5: NEAR, 6: BOX})
    found = match_frames(predicted, truth)
    assert found[1].predicted.tolist() == [0], "although 6 lies better"


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_switches_are_those_of_mota(seed):
    predicted, truth = walks(seed)
    counts = score_video(predicted, truth, group="v")
    events = count_events(predicted, truth)
    assert events.id_switches == counts.id_switches
    assert events.rediscoveries <= events.id_switches
    assert events.duplicates <= counts.false_positives
