"""Experiments of the SCALOR chapter: all of the study's, each with settings that hold together."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.book.scalor import footage as footage_module
from lib.book.scalor import outcomes as outcomes_module
from lib.book.scalor import trainings as module
from lib.book.scalor.experiments import (
    BY_NAME,
    EXPERIMENTS,
    LIVE,
    SECOND,
    clip_config,
    find,
)
from lib.book.scalor.footage import STUDY_VIDEOS, footage_of
from lib.book.scalor.outcomes import carry_out
from lib.book.scalor.trainings import training
from lib.models.scalor import Scalor
from lib.worlds.plaza import PlazaFootage, make_plaza
from lib.worlds.sprites import make_sprites

PRESETS = ("tiny", "small", "full")
STUDY = {  # sections of the write-up
    "initial", "gradient", "hard", "hard_perceptual", "blurred_perceptual",
    "blurred_perceptual_gan", "multi", "no_background_encoder",
}  # fmt: skip


def test_every_experiment_of_the_study_is_there_with_what_it_says():
    assert set(BY_NAME) >= STUDY
    assert {one.name for one in EXPERIMENTS if one.claim} == STUDY
    assert len(BY_NAME) == len(EXPERIMENTS) + len(SECOND)
    assert not any(one.second for one in EXPERIMENTS)
    assert LIVE in BY_NAME
    assert find(LIVE).sprites


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("experiment", [*EXPERIMENTS, *SECOND], ids=lambda one: one.name)
def test_model_clips_and_schedule_fit(experiment, preset):
    config, cut = training(experiment, preset), clip_config(experiment, preset)
    assert cut.size_px == config.model.image_px
    assert config.longest <= cut.frames
    assert (config.perceptual is not None) == experiment.perceptual
    assert (config.adversarial is not None) == experiment.adversarial
    assert config.model.background == experiment.model_background
    assert cut.for_judging().jitter is False
    assert cut.behind == experiment.second
    with torch.device("meta"):
        Scalor(config.model)


def test_full_is_the_original():
    """Five million parameters, its optimiser, its schedules; the study's batch of eight."""
    config = training(find("hard"), "full")
    with torch.device("meta"):
        model = Scalor(config.model)
    assert sum(value.numel() for value in model.parameters()) == 5_000_002
    assert config.annealing.through_time_step == 30_000
    assert (config.optimiser, config.learning_rate, config.clip_norm) == ("rmsprop", 4e-5, 1.0)
    assert config.lengths[0][1:] == (10, 8)
    cut = clip_config(find("hard"), "full")
    assert (cut.stride, cut.window_px, cut.windows) == (5, 1080, "random")
    assert clip_config(find("no_background_encoder"), "full").windows == "centre"


def test_neighbours_reach_one_another_only_where_there_is_time_to_part_them():
    def reach(name: str, preset: str) -> float:
        return training(find(name), preset).model.cell_reach

    assert reach("sprites_gradient", "tiny") == reach("gradient", "small")
    assert reach("gradient", "small") < reach("sprites_gradient", "small") < reach("hard", "full")


def test_small_models_see_frames_past_the_lstms_where_there_is_a_background():
    maps = {
        preset: {one.name: training(one, preset).model.frame_maps for one in EXPERIMENTS}
        for preset in ("small", "full")
    }
    assert {name for name, of in maps["small"].items() if of == "recurrent"} == {"sprites"}
    assert set(maps["full"].values()) == {"recurrent"}


def test_unknown_experiments_are_told_what_there_is():
    with pytest.raises(ValueError, match="experiment is 'gan'; choose one of sprites"):
        find("gan")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Footage and trainings of seconds, in this process: others would import all there is."""
    monkeypatch.setattr(footage_module, "make_plaza", partial(make_plaza, workers=1))
    monkeypatch.setattr(footage_module, "make_sprites", partial(make_sprites, workers=1))
    people = {"frames": 15, "size_px": 64, "people": 2, "view_m": 5.0, "supersample": 1}
    monkeypatch.setitem(outcomes_module.JUDGED_CLIPS, "tiny", 2)
    monkeypatch.setitem(footage_module._PEOPLE, "tiny", people)
    monkeypatch.setitem(footage_module._PLACE, "tiny", (1, 3))
    monkeypatch.setattr(footage_module, "SEEN_PLACES", 2)
    monkeypatch.setitem(footage_module._PLACES, "tiny", (3, 2))
    monkeypatch.setitem(footage_module._SPRITES, "tiny", 6)
    monkeypatch.setitem(footage_module._LEAVES, "tiny", 6)
    monkeypatch.setattr(footage_module, "_LEAVES_FRAMES", 10)
    monkeypatch.setitem(module._STEPS, "tiny", 5)
    monkeypatch.setitem(module._LIVE_STEPS, "tiny", 5)
    for stages in ("_SPRITES_STAGES", "_PEOPLE_STAGES"):
        little = tuple((since, length, 8) for since, length, _ in getattr(module, stages))
        monkeypatch.setattr(module, stages, little)


def test_videos_are_held_out_and_places_never_seen(little, tmp_path):
    several = footage_of(find("multi"), "tiny", root=tmp_path, progress=False)
    places = [{one.name.split("-")[0] for one in part} for part in several[:3]]
    assert len(places[0] | places[1]) == 2
    assert places[2] == {"plaza002"}
    assert not places[2] & (places[0] | places[1])
    names = [{one.name for one in part} for part in several[:3]]
    assert not names[0] & names[1]
    assert all(one.endswith("-hard") for one in set.union(*names))
    blurred = footage_of(find("blurred_perceptual"), "tiny", root=tmp_path, progress=False)
    hard = footage_of(find("hard"), "tiny", root=tmp_path, progress=False)
    assert {one.name.removesuffix("-blurred") for one in blurred.held_out} == {
        one.name.removesuffix("-hard") for one in hard.held_out
    }  # the same people over another background
    assert len(hard.held_out) == 1


def test_leaves_have_longer_videos_with_other_grounds(little, tmp_path):
    footage = footage_of(find("leaves"), "tiny", root=tmp_path, progress=False)
    second = footage_of(find("second_leaves"), "tiny", root=tmp_path, progress=False)
    assert footage.digest == second.digest
    clips = second.clips(find("second_leaves"), "tiny")
    assert {one.frames for one in second.train} == {10}
    assert clips.config.frames == 8
    assert (clips.behind(0) != clips.behind(len(clips) - 1)).mean() > 0.9


def test_a_part_is_made_alone_and_the_rest_later(little, tmp_path):
    options = {"root": tmp_path, "progress": False}
    for name in ("multi", "sprites_gradient"):
        alone = footage_of(find(name), "tiny", parts=("held_out",), **options)
        assert alone.train == alone.unseen == []
        made = {path.parent.name for path in tmp_path.glob("data/scalor/*/*/seqinfo.ini")}
        assert made >= {one.name for one in alone.held_out}
        whole = footage_of(find(name), "tiny", **options)
        assert [one.name for one in whole.held_out] == [one.name for one in alone.held_out]
        assert whole.digest == alone.digest
        assert len(whole.train) >= len(alone.held_out)


def test_an_experiment_is_trained_once_and_judged_on_each_split(little, tmp_path, monkeypatch):
    options = {"root": tmp_path, "device": "cpu", "progress": False}
    outcome = carry_out("sprites_gradient", "tiny", **options)
    assert set(outcome.judged) == {"heldout", "train"}
    scores = outcome.judged["heldout"].scores
    assert {"mota", "idf1", "hota", "duplicates", "fg_ari", "psnr_db"} <= set(scores)
    again = carry_out("sprites_gradient", "tiny", **options)
    assert again.trained.run.path == outcome.trained.run.path
    assert again.judged["heldout"].scores["psnr_db"] == scores["psnr_db"]
    monkeypatch.setattr(outcomes_module, "judge_splits", lambda *_, **__: {})
    other = carry_out("sprites_gradient", "tiny", seed=1, **options)
    assert other.trained.run.path != outcome.trained.run.path


def test_the_studys_terms_reach_the_training(little, tmp_path):
    outcome = carry_out(
        "blurred_perceptual_gan", "tiny", root=tmp_path, device="cpu", progress=False
    )
    assert {"perceptual", "adversarial", "discriminator"} <= set(outcome.trained.history)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    plaza = PlazaFootage(scenes=3, clips=1, frames=60, size_px=64, people=2, supersample=1)
    make_plaza(folder, plaza, workers=1, progress=False)
    return folder


def test_ones_own_footage_takes_the_plazas_place(own, tmp_path):
    one = footage_of(find("hard"), "tiny", root=tmp_path, data_dir=own)
    assert [part.name for part in one.train] == [part.name for part in one.held_out]
    assert one.train[0].frames == 48
    assert one.held_out[0].frames == 12
    several = footage_of(find("multi"), "tiny", root=tmp_path, data_dir=own)
    assert len(several.train) == 2
    assert len(several.held_out) == 1
    assert not several.generated
    assert not (tmp_path / "data").exists()


def test_the_studys_eight_videos_are_taken_where_they_are(own, tmp_path):
    name = sorted(path.name for path in own.iterdir() if path.is_dir())[0]
    (own / name).rename(own / STUDY_VIDEOS[0])
    several = footage_of(find("multi"), "tiny", root=tmp_path, data_dir=own)
    assert {one.name for one in several.train} == {STUDY_VIDEOS[0]}


def test_steps_shrink_with_the_preset():
    steps = [training(find("hard"), preset).steps for preset in PRESETS]
    assert steps == sorted(steps)
    assert np.diff([length.since for length in training(find("hard"), "tiny").lengths]).min() > 0
