"""Recorded trackers: kept whole, loaded only if nothing changed, judged on few clips."""

import json
import shutil
from pathlib import Path

import pytest

from lib.book.fingerprint import chapter_fingerprint
from lib.book.scalor import __main__ as command
from lib.book.scalor import live as module
from lib.book.scalor.experiments import EXPERIMENTS
from lib.book.scalor.kept import judge_recorded, load_recorded, record_tracker
from lib.book.scalor.live import OWN, show_all, train_live
from lib.book.scalor.outcomes import carry_out, scaled
from lib.book.scalor.shown import KEPT_CLIPS, METRICS
from lib.evaluation.packing import pack, unpack
from lib.models.scalor import Annealing
from lib.training.scalor import ScalorTraining
from lib.worlds.plaza import PlazaFootage, make_plaza
from tests.book.scalor.small import PRESET, little_footage, record_untrained
from tests.book.small import FIRST


@pytest.fixture
def little():
    with little_footage():
        yield


@pytest.fixture
def own(recorded_root, tmp_path) -> Path:
    """Recorded trackers that a test may damage."""
    shutil.copytree(recorded_root / "results", tmp_path / "results")
    return tmp_path / "results" / "scalor"


class TestRecording:
    def test_what_is_recorded_is_loaded_again(self, little, tmp_path):
        options = {"root": tmp_path, "device": "cpu", "progress": False}
        outcome = carry_out("sprites_gradient", PRESET, **options)
        path = record_tracker(outcome, preset=PRESET, root=tmp_path)
        names = {one.name for one in path.parent.iterdir()}
        assert names == {
            "SHA256SUMS", "sprites_gradient.csv", "sprites_gradient.json",
            "sprites_gradient.safetensors",
        }  # fmt: skip
        found = load_recorded(["sprites_gradient"], root=tmp_path)["sprites_gradient"]
        assert found.training.steps == 5
        assert found.training.run == outcome.trained.run.key
        assert found.training.recorded
        assert list(found.history) == list(outcome.trained.history)
        wanted = outcome.trained.model.state_dict()
        for name, values in found.tracker.model.state_dict().items():
            assert values.equal(unpack(pack({name: wanted[name]}))[name]), name
        again = judge_recorded(found, root=tmp_path, clips=2, progress=False)
        assert again.scores["heldout"]["psnr_db"].value == pytest.approx(
            outcome.judged["heldout"].scores["psnr_db"].value, abs=0.05
        )

    def test_a_second_recording_keeps_the_others(self, little, own, tmp_path):
        before = load_recorded(["gradient", "hard"], root=tmp_path)
        record_untrained(tmp_path, ["hard"])
        after = load_recorded(["gradient", "hard"], root=tmp_path)
        assert before.keys() == after.keys()
        assert len((own / "SHA256SUMS").read_text().splitlines()) == 3

    def test_the_command_records_one_at_a_time(self, little, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(command, "project_root", lambda: tmp_path)
        assert command.main(["sprites", "--preset", PRESET, "--device", "cpu"]) == 0
        assert "results/scalor/sprites.safetensors:" in capsys.readouterr().out
        assert load_recorded(["sprites"], root=tmp_path)["sprites"].training.preset == PRESET

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "name experiments, or give --all"),
            (["hard", "--all"], "name experiments, or give --all"),
            (["gan"], "experiment is 'gan'; choose one of sprites"),
            (["hard", "--preset", "huge"], "invalid choice"),
        ],
    )
    def test_the_command_tells_what_makes_no_sense(self, arguments, told, capsys):
        with pytest.raises(SystemExit):
            command.main(arguments)
        assert told in capsys.readouterr().err


class TestLoading:
    def test_every_missing_experiment_is_named_with_what_records_it(self, own, tmp_path):
        with pytest.raises(
            FileNotFoundError,
            match=r"tracker of sprites, multi, .*: record it with `python -m lib.book.scalor spri",
        ):
            load_recorded(["sprites", "hard", "multi"], root=tmp_path)

    @pytest.mark.parametrize("end", [".csv", ".json", ".safetensors"])
    def test_a_tracker_without_its_companions_is_missing(self, own, tmp_path, end):
        (own / f"hard{end}").unlink()
        with pytest.raises(FileNotFoundError, match="recorded tracker of hard, or what belongs"):
            load_recorded(["hard"], root=tmp_path)

    def test_wrong_sums(self, own, tmp_path):
        shutil.copy(own / "gradient.safetensors", own / "hard.safetensors")
        with pytest.raises(ValueError, match=r"does not fit the files: hard.safetensors has "):
            load_recorded(["hard"], root=tmp_path)
        load_recorded(["gradient"], root=tmp_path)

    def test_a_tracker_of_another_experiment(self, own, tmp_path):
        record_untrained(tmp_path, ["gradient"])
        for end in (".safetensors", ".csv", ".json"):
            shutil.copy(own / f"gradient{end}", own / f"hard{end}")
        sums = own / "SHA256SUMS"
        lines = sums.read_text().splitlines()
        of = next(line for line in lines if line.endswith("gradient.safetensors"))
        kept = [line for line in lines if not line.endswith("  hard.safetensors")]
        kept.append(f"{of.partition('  ')[0]}  hard.safetensors")
        sums.write_text("\n".join(kept) + "\n")
        with pytest.raises(ValueError, match="holds a tracker of gradient at preset tiny, want ha"):
            load_recorded(["hard"], root=tmp_path)

    def test_an_unknown_experiment(self, tmp_path):
        with pytest.raises(ValueError, match="experiment is 'gan'"):
            load_recorded(["gan"], root=tmp_path)

    @pytest.mark.parametrize(
        ("end", "content", "told"),
        [
            (".csv", "", "is no log"),
            (".csv", "step,lr\n1,2\n", "want a log with step and loss"),
            (".json", "{", "is no JSON"),
            (".json", '{"steps": 3}', "want an object of steps, seconds, hardware"),
        ],
    )
    def test_damaged_companions(self, own, tmp_path, end, content, told):
        (own / f"hard{end}").write_text(content)
        with pytest.raises(ValueError, match=told):
            load_recorded(["hard"], root=tmp_path)


class TestShown:
    def test_every_split_has_scores_and_clips(self, shown_all):
        assert list(shown_all) == ["sprites_gradient", "gradient", "hard"]
        for one in shown_all.values():
            assert set(one.scores) == set(one.examples) == {"heldout", "train"}
            for split, scores in one.scores.items():
                assert set(METRICS) >= set(scores) >= {"mota", "followed_share", "psnr_db"}
                assert scores["mota"].n == one.judged[split] <= 2
                assert len(one.examples[split].clips) <= KEPT_CLIPS

    def test_only_the_parts_that_are_asked_for_are_made(self, little, own, tmp_path):
        [one] = load_recorded(["gradient"], root=tmp_path).values()
        found = judge_recorded(one, root=tmp_path, clips=2, parts=("held_out",), progress=False)
        assert set(found.scores) == {"heldout"}
        made = {path.parent.name for path in tmp_path.glob("data/scalor/*/*/seqinfo.ini")}
        assert {name.rpartition("-")[0] for name in made} == {"plaza000-004"}

    def test_at_tiny_all_trackers_must_be_recorded(self, little, own, tmp_path):
        with pytest.raises(FileNotFoundError, match="of sprites, textured, leaves, initial,"):
            show_all(PRESET, root=tmp_path, progress=False)

    def test_at_other_presets_every_experiment_is_carried_out(
        self, monkeypatch, shown_all, tmp_path
    ):
        asked = []

        def carry(name, preset, **options):
            asked.append((name, preset, options["share"]))

        monkeypatch.setattr(module, "carry_out", carry)
        monkeypatch.setattr(module, "shown_outcome", lambda *_: shown_all["hard"])
        found = show_all("small", root=tmp_path, share=0.5, progress=False)
        assert list(found) == [one.name for one in EXPERIMENTS]
        assert asked == [(name, "small", 0.5) for name in found]

    def test_half_a_training_has_all_schedules_halved(self):
        annealing = Annealing(
            background_steps=20, kl_warmup_steps=40, sigma_since=60, sigma_steps=30
        )
        whole = ScalorTraining(steps=100, warmup_steps=10, annealing=annealing)
        half = scaled(whole, 0.5)
        assert (half.annealing.background_steps, half.annealing.kl_warmup_steps) == (10, 20)
        assert (half.annealing.sigma_since, half.annealing.sigma_steps) == (30, 15)
        assert (half.steps, half.warmup_steps) == (50, 5)
        assert half.annealing.temperature_steps == whole.annealing.temperature_steps // 2
        assert half.annealing.through_time_step == 15_000
        assert scaled(whole, 1.0) is whole
        with pytest.raises(ValueError, match="share is 0.0; give a number above 0"):
            scaled(whole, 0.0)


def walked(folder: Path, *, frames: int, size_px: int) -> Path:
    """One clip of two people on a plaza, as a reader's footage."""
    footage = PlazaFootage(
        scenes=1, clips=1, frames=frames, size_px=size_px, people=2, supersample=1,
        backgrounds=("hard",),
    )  # fmt: skip
    make_plaza(folder, footage, workers=1, progress=False)
    return folder


class TestOwnFootage:
    @pytest.fixture
    def plaza(self, tmp_path) -> Path:
        return walked(tmp_path / "own", frames=80, size_px=96)

    def test_it_is_trained_on_and_judged_and_the_experiments_are_left_out(
        self, little, plaza, tmp_path
    ):
        options = {"root": tmp_path, "data_dir": plaza, "progress": False}
        found = train_live(PRESET, device="cpu", **options)
        assert found.experiment is OWN
        assert set(found.scores) == {"heldout", "train"}
        assert found.heldout.clips[0].window.side_px == 96
        assert show_all(PRESET, **options) == {}
        assert not (tmp_path / "data").exists()

    def test_without_truth_there_are_pictures_but_no_scores(self, little, plaza, tmp_path):
        for path in plaza.glob("*/gt/gt.txt"):
            path.unlink()
        for path in plaza.glob("*/masks"):
            shutil.rmtree(path)
        found = train_live(PRESET, root=tmp_path, data_dir=plaza, device="cpu", progress=False)
        assert found.scores == {}
        assert len(found.heldout.clips) == len(found.heldout.followed) >= 1
        assert found.heldout.clips[0].truth is None

    def test_too_little_footage_is_told(self, little, tmp_path):
        folder = walked(tmp_path / "short", frames=20, size_px=64)
        with pytest.raises(ValueError, match="frames"):
            train_live(PRESET, root=tmp_path, data_dir=folder, device="cpu", progress=False)


def test_facts_are_plain_json(recorded_root):
    facts = json.loads((recorded_root / "results/scalor/hard.json").read_text())
    assert facts == {"steps": 100, "seconds": 10.0, "hardware": "a test"}


def test_a_chapter_rests_on_what_is_recorded_for_its_study(book):
    """``results/first`` belongs to ``01-first``, as ``results/scalor`` to this chapter."""
    before = chapter_fingerprint(book, book / FIRST, {})
    (book / "results" / "first").mkdir(parents=True)
    (book / "results" / "first" / "hard.safetensors").write_bytes(b"model")
    assert chapter_fingerprint(book, book / FIRST, {}) != before
