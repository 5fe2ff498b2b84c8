"""SCALOR-2 trained on with a reader's videos: which are trained on, judged, and what is kept."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.book.scalor import adapting, trainings
from lib.book.scalor.adapting import adapt, save_adapted
from lib.book.scalor.experiments import ADAPT, START, find
from lib.book.scalor.footage import given_footage
from lib.book.scalor.trainings import adaptation, training
from lib.evaluation.tracker_file import load_tracker
from lib.worlds.plaza import PlazaFootage, make_plaza
from tests.book.scalor.small import little_footage, record_untrained

FRAMES, VIDEOS = 16, 3


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's footage, with its truth."""
    folder = tmp_path_factory.mktemp("own")
    plaza = PlazaFootage(
        scenes=1, clips=VIDEOS, frames=FRAMES, size_px=48, people=2, view_m=5.0, supersample=1,
        backgrounds=("hard",),
    )  # fmt: skip
    make_plaza(folder, plaza, workers=1, progress=False)
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a recorded tracker, and adaptations of seconds."""
    monkeypatch.setitem(trainings._ADAPT_STEPS, "tiny", 2)
    with little_footage():
        record_untrained(tmp_path, [START])
        yield tmp_path


def run(root: Path, videos: Path, **options):
    return adapt("tiny", root=root, data_dir=videos, device="cpu", progress=False, **options)


def test_schedules_stay_where_the_training_left_them():
    was = training(find(START), "small")
    config = adaptation(was.model, "tiny", made_at="small")
    ended, last = config.annealing.at(1), was.annealing.at(was.steps)
    assert ended == config.annealing.at(config.steps)
    assert replace_nan(ended) == pytest.approx(replace_nan(last))
    assert config.longest == was.longest == config.length_at(0).frames
    assert config.learning_rate < was.learning_rate
    assert adaptation(was.model, "small", made_at="small").steps > config.steps


def replace_nan(annealed) -> list[float]:
    return [-1.0 if value is None else float(value) for value in annealed]


def test_at_full_gradients_pass_through_time_from_the_first_step():
    assert (
        adaptation(training(find(START), "full").model, "full", made_at="full")
        .annealing.at(1)
        .through_time
    )


def test_labelled_videos_are_judged_before_and_after(root, videos):
    found = run(root, videos)
    assert len(found.footage.train) + len(found.footage.held_out) == VIDEOS
    assert set(found.before) == set(found.after) == {"heldout", "train"}
    names = {clip.sequence for clip in found.after["heldout"].clips}
    assert names == {one.name for one in found.footage.held_out}
    assert not names & {clip.sequence for clip in found.after["train"].clips}
    assert found.trained.config.steps == 2
    assert found.cut.size_px == found.start.model.config.image_px
    again = run(root, videos)
    assert again.trained.run.key == found.trained.run.key
    assert run(root, videos, seed=1).trained.run.key != found.trained.run.key


def test_without_truth_all_is_trained_on_and_nothing_judged(root, videos, tmp_path):
    bare = tmp_path / "bare"
    for one in sorted(videos.glob("plaza*")):
        shutil.copytree(one / "img1", bare / one.name / "img1")
    found = run(root, bare)
    assert [one.frames for one in found.footage.train] == [FRAMES] * VIDEOS
    assert found.footage.held_out == []
    assert found.before == found.after == {}


def test_what_was_trained_on_all_of_a_video_is_not_judged_when_truth_comes_later(
    root, videos, tmp_path
):
    own = tmp_path / "own"
    whole = sorted(videos.glob("plaza*"))[0]
    shutil.copytree(whole, own / whole.name, ignore=shutil.ignore_patterns("gt", "masks"))
    unknown = run(root, own)
    for part in ("gt", "masks"):
        shutil.copytree(whole / part, own / whole.name / part)
    known = given_footage(ADAPT, own, unknown_held_out=False)
    assert [one.name for one in known.train] == [one.name for one in unknown.footage.train]
    assert known.train[0].frames < unknown.footage.train[0].frames == FRAMES
    assert known.digest != unknown.footage.digest


def test_frames_are_as_far_apart_in_time_as_in_training(root, videos, monkeypatch):
    sequences = run(root, videos).footage.train
    start = adapting.load_recorded([START], root=root)[START].tracker
    rates = {5.0: 1, 10.0: 1, 25.0: 2, 30.0: 3}  # the plaza has ten frames a second
    for rate, stride in rates.items():
        at_rate = [replace(one, frame_rate_hz=rate) for one in sequences]
        assert adapting._cut(start, at_rate).stride == stride
    slower = replace(start, info=replace(start.info, stride=2))
    assert adapting._cut(slower, [replace(sequences[0], frame_rate_hz=30.0)]).stride == 6


def test_the_tracker_is_kept_with_what_it_was_made_of(root, videos, tmp_path):
    found = run(root, videos)
    path = tmp_path / "adapt.safetensors"
    save_adapted(found, path, preset="tiny", root=root)
    info = load_tracker(path).info
    assert (info.experiment, info.preset, info.window_px) == ("adapt", "tiny", None)
    assert info.run == found.trained.run.key


def test_without_a_recorded_tracker_it_says_how_to_make_one(tmp_path, videos):
    with pytest.raises(FileNotFoundError, match=f"lacks the recorded tracker of {START}"):
        run(tmp_path, videos)
