"""Judging SCALOR: known answers for boxes that are right, doubled, missing or swapped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.data.mot.boxes import FrameBoxes
from lib.data.mot.clips import Clip, ClipConfig, Clips
from lib.data.mot.discovery import discover_sequences
from lib.evaluation.following import Followed, Found, Reading
from lib.evaluation.scalor import Judged, Judging, claimed, claims, judge, judge_as
from lib.evaluation.tracking import score_video
from lib.models.scalor import Scalor, ScalorConfig
from lib.worlds.sprites import SpritesFootage, make_sprites

SMALL = ScalorConfig(
    image_px=64, grid=4, glimpse_px=16, what=4, scale=0.26, scale_range=0.1, aspect=1.0,
    aspect_range=0.3, background="field",
)  # fmt: skip
CUT = ClipConfig(frames=4, stride=1, size_px=64, window_px=None, windows="centre", jitter=False)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sprites")
    make_sprites(folder, SpritesFootage(clips=3, frames=8), workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def clips(footage: Path) -> Clips:
    return Clips(discover_sequences(footage).sequences, CUT)


def seen(boxes: list[FrameBoxes], *, owners: np.ndarray, error: float = 0.01) -> Followed:
    """A model's answer made of given boxes."""
    t, h, w = owners.shape
    pictures = np.zeros((t, h, w, 3), np.uint8)
    found = [
        Found(
            one,
            np.ones(len(one), bool),
            np.ones(len(one), np.float32),
            one.ids % 16,
            np.full(len(one), 0.25, np.float32),
        )
        for one in boxes
    ]
    errors = np.full(t, error, np.float32)
    return Followed(found, owners, pictures, pictures, np.zeros((t, h, w), np.float32), errors)


def judged(clips: list[Clip], boxes: list[list[FrameBoxes]]) -> Judged:
    answers = [
        seen(one, owners=clip.masks.astype(np.int64))
        for clip, one in zip(clips, boxes, strict=True)
    ]
    counts = [
        score_video(one, clip.truth, group=clip.sequence, fg_ari=1.0)
        for clip, one in zip(clips, boxes, strict=True)
    ]
    return Judged(clips, answers, counts)


def test_the_truth_itself_scores_one(clips):
    some = [clips.clip(k) for k in range(len(clips))]
    scores = judged(some, [clip.truth for clip in some]).scores
    for name in ("mota", "idf1", "hota", "fg_ari"):
        assert scores[name].value == pytest.approx(1.0)
    assert scores["duplicates"].value == 0
    assert scores["psnr_db"].value == pytest.approx(20.0, abs=1e-4)  # an error of 0.01
    assert scores["mixed"].value == pytest.approx(0.25)
    assert scores["mota"].groups == 3


def test_objects_are_claimed_by_what_overlaps_them_most():
    truth = FrameBoxes.of([1, 2], [[0, 0, 10, 10], [12, 0, 10, 10]])
    found = FrameBoxes.of(
        [5, 6, 7, 8], [[0, 0, 10, 10], [1, 0, 10, 10], [12, 4, 10, 10], [40, 40, 5, 5]]
    )
    assert claimed(truth, found).tolist() == [2, 1]
    assert claimed(truth, FrameBoxes.none()).tolist() == [0, 0]
    assert claimed(FrameBoxes.none(), found).tolist() == []


def test_shares_of_claims_count_every_object_once(clips):
    clip = clips.clip(0)
    doubled = [
        FrameBoxes.of(
            [*one.ids, *(one.ids + 100)],
            np.concatenate([one.boxes, one.boxes + np.array([1.0, 0, 0, 0])]),
        )
        for one in clip.truth
    ]
    assert claims(judged([clip], [doubled])).tolist() == [0, 0, 1, 0]
    nobody = [FrameBoxes.none() for _ in clip.truth]
    assert claims(judged([clip], [nobody])).tolist() == [1, 0, 0, 0]


def test_a_model_is_judged_on_clips_spread_over_the_footage(clips):
    torch.manual_seed(0)
    model = Scalor(SMALL)
    result = judge(model, clips, Judging(clips=3, at_once=2), progress=False)
    assert [one.sequence for one in result.clips] == [
        clips.clip(k).sequence for k in (0, 2, 5)
    ]  # of six clips
    assert all(count.fg_ari is not None for count in result.counts)
    assert {"mota", "idf1", "hota", "fg_ari", "psnr_db", "boxes", "mixed"} <= set(result.scores)
    alone = judge(model, clips, Judging(clips=3, at_once=1), masks=False, progress=False)
    assert alone.scores["psnr_db"].value == pytest.approx(
        result.scores["psnr_db"].value, abs=1e-3
    )  # a clip is judged alike whatever else is in the batch
    assert "fg_ari" not in alone.scores


def test_clips_without_truth_cannot_be_judged(footage, tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    source = next(footage.rglob("img1"))
    for picture in sorted(source.iterdir()):
        (frames / picture.name).write_bytes(picture.read_bytes())
    bare = Clips(discover_sequences(frames).sequences, CUT)
    with pytest.raises(ValueError, match="has no annotations, so nothing can be judged"):
        judge(Scalor(SMALL), bare, progress=False)


def test_settings_that_make_no_sense_are_told():
    with pytest.raises(ValueError, match="clips=0: want at least 1"):
        Judging(clips=0)


def test_several_readings_are_judged_as_one_each_is(clips):
    torch.manual_seed(0)
    model = Scalor(replace(SMALL, discovery_presence_bias=3.0))
    with torch.no_grad():  # masks of more than half
        model.glimpses.decoder.alpha.last.bias.fill_(1.0)
    readings = [Reading(), Reading(most_ground=None), Reading.study()]
    found = judge_as(model, clips, readings, Judging(at_once=2), progress=False)
    for reading, one in zip(readings, found, strict=True):
        wanted = judge(model, clips, Judging(reading), progress=False)
        for count, same in zip(wanted.counts, one.counts, strict=True):
            assert same.predicted_boxes == count.predicted_boxes
            assert same.overlap == pytest.approx(count.overlap)
            assert same.fg_ari == pytest.approx(count.fg_ari, nan_ok=True)
    assert found[0].counts[0].predicted_boxes > 0
    areas = [
        sum(f.boxes.boxes[:, 2:].prod(1).sum() for f in one.followed[0].found) for one in found
    ]
    assert areas[0] >= areas[1] > 0
