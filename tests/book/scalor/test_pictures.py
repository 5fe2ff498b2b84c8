"""The SCALOR chapter's pictures: of what is there, and a note where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from lib.book import scalor as study
from lib.book.scalor import pictures
from lib.book.scalor.shown import Examples
from lib.figures.scalor_schedule import schedules


def without_truth(one):
    clips = [clip._replace(truth=None, masks=None) for clip in one.heldout.clips]
    examples = {"heldout": Examples(clips, one.heldout.followed)}
    return replace(one, scores={}, examples=examples)


def note_of(figure) -> str:
    [axis] = figure.axes
    return " ".join(text.get_text() for text in axis.texts)


class TestPanels:
    def test_every_kind_of_picture_of_a_clip(self, shown_all):
        figure = study.experiment_panels(shown_all, "gradient")
        words = {text.get_text() for axis in figure.axes for text in axis.texts}
        assert {"frame, truth", "discovery", "propagation", "background"} <= words
        assert len(figure.axes[0].images) == 6 * 8

    def test_the_clip_with_most_objects_is_shown(self, shown_all):
        examples = shown_all["sprites_gradient"].heldout
        chosen = pictures.fullest(examples)
        most = max(sum(map(len, clip.truth)) for clip in examples.clips)
        assert sum(map(len, chosen.clip.truth)) == most

    def test_footage_without_truth(self, shown_all):
        figure = study.panels(without_truth(shown_all["gradient"]))
        words = {text.get_text() for axis in figure.axes for text in axis.texts}
        assert "frame" in words
        assert "frame, truth" not in words

    def test_an_experiment_that_is_not_there(self, shown_all):
        assert "multi is not part of it" in note_of(study.experiment_panels(shown_all, "multi"))
        found = study.panels(shown_all["gradient"], split="unseen_scene")
        assert "has no clips of this kind" in note_of(found)

    def test_nothing_held_out(self, shown_all):
        one = shown_all["gradient"]
        with pytest.raises(ValueError, match="gradient has clips of no split, none held out"):
            _ = replace(one, examples={}).heldout


class TestBackgrounds:
    def test_one_clip_over_all_of_them(self, shown_all):
        there = [shown_all["gradient"], shown_all["hard"]]
        found = pictures.over_backgrounds(there)
        assert list(found) == ["gradient", "hard"]
        assert found["gradient"].shape == found["hard"].shape
        assert (found["gradient"] != found["hard"]).any()
        figure = study.same_clip(shown_all, ["gradient", "hard", "multi"])
        assert len(figure.axes[0].images) == 2 * 3

    def test_none_of_them(self):
        assert "gradient and hard" in note_of(study.same_clip({}, ["gradient", "hard"]))


class TestCells:
    def test_cells_of_a_first_frame(self, shown_all):
        figure = study.cells(shown_all, "gradient")
        assert len(figure.axes[0].images) > 2

    def test_nothing_to_count(self, shown_all):
        blind = {"gradient": without_truth(shown_all["gradient"])}
        assert "nobody has said" in note_of(study.cells(blind, "gradient"))
        assert "not part" in note_of(study.cells({}, "gradient"))
        assert "not part" in note_of(study.claims(blind))
        assert "not part" in note_of(study.claims({}))

    def test_claims_of_all_experiments(self, shown_all):
        titles = " ".join(axis.get_title(loc="left") for axis in study.claims(shown_all).axes)
        assert titles.count("objects") == 3


class TestMasks:
    def test_of_pixels_in_boxes(self, shown_all):
        values = pictures.inside_boxes(shown_all["gradient"].heldout)
        assert len(values)
        assert ((values >= 0) & (values <= 1)).all()
        assert len(study.masks(shown_all).axes) >= 3

    def test_of_nothing(self, shown_all):
        one = shown_all["gradient"].heldout
        none = [
            followed._replace(
                found=[
                    found._replace(boxes=found.boxes.where(np.zeros(len(found.boxes), bool)))
                    for found in followed.found
                ]
            )
            for followed in one.followed
        ]
        assert not len(pictures.inside_boxes(Examples(one.clips, none)))
        assert "no boxes" in note_of(study.masks({}))


class TestPlots:
    def test_scores(self, shown_all, empty_ledger):
        study.record_all(empty_ledger, shown_all)
        figure = study.scores(empty_ledger, shown_all)
        labels = " ".join(axis.get_xlabel() for axis in figure.axes)
        assert "MOTA" in labels
        assert "PSNR" in labels
        assert study.stage_scores(empty_ledger, shown_all).axes
        assert "not part" in note_of(study.scores(empty_ledger, {}))

    def test_curves(self, shown_all):
        figure = study.group_curves(shown_all, ["gradient", "hard", "multi"])
        assert figure.axes
        assert "not part" in note_of(study.group_curves({}, ["gradient"]))

    def test_samples(self, shown_all):
        figure = study.samples(shown_all, ["sprites_gradient", "gradient", "multi"])
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert labels == ["toy sprites over gradients", "one video, gradient background"]
        assert "not part" in note_of(study.samples({}, ["gradient"]))


class TestSchedules:
    STEPS = np.arange(1, 12, 5)

    def test_the_originals(self):
        figure = study.schedules()
        assert [axis.get_title(loc="left") for axis in figure.axes] == [
            "temperature", "prior of presence", "gradients through time",
        ]  # fmt: skip
        words = " ".join(text.get_text() for axis in figure.axes for text in axis.texts)
        assert "through time: 30,000" in words
        assert "never reached" in words

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"steps": np.array([1])}, "want at least two"),
            ({"steps": np.array([3, 2, 1])}, "rising ones"),
            ({"temperature": np.ones(2)}, "temperature has 2 entries, but steps has 3"),
            ({"presence_prior": np.zeros(3)}, "want it above 0"),
            ({"reached": (5, 2)}, "want the first step, then the last"),
        ],
    )
    def test_what_does_not_fit(self, change, told):
        given = {
            "steps": self.STEPS,
            "temperature": np.ones(3),
            "presence_prior": np.ones(3),
            "through_time": [False, False, True],
            "reached": (2, 5),
        } | change
        first = [given.pop(name) for name in ("steps", "temperature", "presence_prior")]
        with pytest.raises(ValueError, match=told):
            schedules(*first, **given)
