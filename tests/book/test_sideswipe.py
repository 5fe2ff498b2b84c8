"""The Sideswipe chapter's parts on a few dozen generated cars and barely trained networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.book import recorded
from lib.book import sideswipe as study
from lib.book.results import Ledger, project_root
from lib.book.rows import ID
from lib.book.sideswipe import experiments, facts, judging, leaveout, looks, newcars, sizes
from lib.book.sideswipe.experiments import Experiment, Trained
from lib.book.sideswipe.judging import Judged
from lib.book.sideswipe.looks import Looks
from lib.data.garage import Cars
from lib.data.sideswipe import read_sideswipe
from lib.data.splits import Splits
from lib.evaluation.attention import Attention
from lib.evaluation.car_classifier import load_classifier
from lib.evaluation.classification import summarise
from lib.evaluation.intervals import Estimate
from lib.evaluation.map_distance import Reading
from lib.evaluation.randomisation import Randomisation
from lib.figures import style
from lib.models.classifier import Classifier
from lib.training.classifier import NETWORKS, STEPS, ClassifierConfig, train_classifier
from lib.worlds.garage.footage import GarageFootage, make_garage
from lib.worlds.garage.loadout import NEW_BODIES, Variant
from tests.data.cars import SCREENSHOT, SMALL, write_cars

pytestmark = pytest.mark.slow
CHAPTER = "02-sideswipe-classification"
LOADOUTS = 24


def generated(folder: Path, loadouts: int, **settings) -> Cars:
    footage = GarageFootage(Variant.HARD, loadouts=loadouts, supersample=1, **settings)
    make_garage(folder / "data", footage, workers=1, progress=False)
    images = read_sideswipe(folder / "data", folder / "store", progress=False)
    return Cars(images, folder / "data", generated=True)


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Cars:
    return generated(tmp_path_factory.mktemp("garage"), LOADOUTS)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Cars:
    return generated(tmp_path_factory.mktemp("new"), 6, seed=9, bodies=NEW_BODIES)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Cars:
    """Somebody's own screenshots, of which nothing more is known."""
    folder = tmp_path_factory.mktemp("own")
    write_cars(folder / "data", 4)
    images = read_sideswipe(
        folder / "data", folder / "store", size=SMALL, source_size=SCREENSHOT, progress=False
    )
    return Cars(images, folder / "data", generated=False)


def trained(cars: Cars, root: Path, network: str, seed: int = 0) -> Trained:
    splits = experiments.split_cars(cars.images, "grouped", seed=seed)
    config = replace(ClassifierConfig.preset("tiny", network), steps=20)
    run = train_classifier(
        config, cars.images, splits.train, splits.validation,
        preset="test", root=root, seed=seed, device="cpu", progress=False,
    )  # fmt: skip
    return Trained(Experiment(network, "grouped", Variant.HARD), seed, splits, run)


@pytest.fixture(scope="module")
def judged(cars: Cars, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Judged]]:
    root = tmp_path_factory.mktemp("runs")
    runs = [trained(cars, root, network) for network in ("writeup", "small")]
    return {one.experiment.id: [judging.judge(one, cars.images, most=1000)] for one in runs}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CHAPTER, "tiny", root=tmp_path, hardware="a test")


def of(judged: dict[str, list[Judged]], network: str = "writeup") -> Judged:
    return sizes.grouped_run(judged, network)


class TestExperiments:
    @pytest.mark.parametrize("split", experiments.SPLITS)
    def test_every_split_holds_out_what_it_says(self, cars, split):
        splits = study.split_cars(cars.images, split, seed=1)
        labels, groups = cars.images.labels, cars.images.store.groups
        train, test = splits.train, splits.test
        assert len(train) + len(splits.validation) + len(test) == len(groups)
        if split == "random":
            assert len(test) == round(0.1 * len(groups))
        elif split == "unseen_rotations":
            rotations = labels["x_rotation"].to_numpy()
            assert not set(rotations[train]) & set(rotations[test])
        else:
            assert not set(groups[train]) & set(groups[test])
        if split == "unseen_parts":
            for part in ("wheel", "hat"):
                held = set(splits.held_out[part])
                assert not set(labels[part].to_numpy()[train]) & held

    def test_a_share_of_nothing(self):
        with pytest.raises(ValueError, match="share is 0.0; give a number above 0"):
            experiments.config_of("writeup", "tiny", share=0.0)

    def test_fewer_loadouts_are_whole_ones(self, cars):
        train = experiments.split_cars(cars.images, "grouped").train
        kept = experiments.fewer_loadouts(train, cars.images, 5)
        groups = cars.images.store.groups
        assert len(kept) == 50
        assert len(np.unique(groups[kept])) == 5
        assert set(kept) <= set(train)
        with pytest.raises(ValueError, match="loadouts is 99; give a number from 1 to"):
            experiments.fewer_loadouts(train, cars.images, 99)

    @pytest.mark.parametrize("preset", ["tiny", "small", "full"])
    def test_every_preset_has_what_the_chapter_shows(self, preset):
        ids = [experiment.id for experiment in study.plan(preset)]
        assert len(set(ids)) == len(ids)
        for id in ("writeup.random.faithful", "writeup.grouped.hard", "small.grouped.hard"):
            assert f"sideswipe.{id}" in ids

    @pytest.mark.parametrize("preset", ["tiny", "small", "full"])
    def test_the_table_of_presets_has_their_steps_and_seeds(self, preset):
        text = (project_root() / "chapters" / "reproduce.qmd").read_text(encoding="utf-8")
        table = text[: text.index("{#tbl-presets-sideswipe}")].rpartition("| preset |")[2]
        [line] = [line for line in table.splitlines() if line.startswith(f"| `{preset}`")]
        _, _, _, training, scored, seeds, _ = (cell.strip() for cell in line.split("|"))
        assert training.startswith(f"{STEPS[preset]:,} steps")
        assert f"{judging.MOST[preset]:,} at most" in scored
        assert int(seeds) == experiments.SEEDS[preset]


class TestJudging:
    def test_of_many_test_images_whole_loadouts_are_kept(self, cars):
        groups = cars.images.store.groups.astype(np.int64)
        kept = judging.thinned(np.arange(len(groups)), groups, 55)
        assert len(kept) == 50
        assert set(np.unique(groups[kept], return_counts=True)[1]) == {10}
        assert judging.thinned(np.arange(7), groups, 55).tolist() == list(range(7))

    def test_scores_of_one_run_are_its_own_scaled_by_its_temperature(self, judged):
        one = of(judged)
        alone = summarise(one.test.logits / one.temperature, one.labels, one.groups)
        pooled = study.scores([one])
        assert pooled["accuracy"] == alone["accuracy"]
        assert pooled["nll"].value == pytest.approx(alone["nll"].value)
        plain = summarise(one.test.logits, one.labels, one.groups)
        assert pooled["ece_unscaled"].value == pytest.approx(plain["ece"].value)

    def test_scores_of_two_seeds_are_of_all_their_images(self, judged):
        one = of(judged)
        both = study.scores([one, one])
        assert both["accuracy"].n == 2 * len(one.labels)
        assert both["accuracy"].value == pytest.approx(study.scores([one])["accuracy"].value)
        assert both["accuracy"].groups == 2 * study.scores([one])["accuracy"].groups

    def test_rows(self, judged, ledger):
        study.record_scores(ledger, judged)
        rows = {row.id: row for row in ledger.rows}
        assert all(ID.fullmatch(id) for id in rows)
        for network in ("writeup", "small"):
            id = f"sideswipe.{network}.grouped.hard"
            for metric in ("accuracy", "nll", "ece", "ece_unscaled", "temperature"):
                assert rows[f"{id}.{metric}"].seeds == (0,)
            assert rows[f"{id}.accuracy"].run
            assert f"{id}.seed_spread" not in rows
        table = study.score_table(ledger)
        assert table["Network"].tolist() == ["writeup", "small"]
        assert set(table["Cars"]) == {"hard"}
        found = study.accuracies(ledger)
        assert found["tiny"]["whole loadouts"]["hard"][0] == (
            rows["sideswipe.writeup.grouped.hard.accuracy"].value
        )
        assert study.recorded_accuracies(ledger) == {}


def hand_made(heat: np.ndarray, masks: np.ndarray) -> Looks:
    n = len(heat)
    check = Randomisation(("head",), np.zeros((1, n)), np.zeros(n))
    numbers = np.arange(n)
    images = np.zeros((*heat.shape, 3), np.uint8)
    return Looks(images, heat.astype(np.float32), masks, numbers * 0, numbers, numbers, check)


class TestLooks:
    def test_swapping_nothing_gives_the_stored_picture_again(self, judged, cars):
        swaps = study.swap_parts(of(judged), cars, most=6)
        one = of(judged)
        stored = cars.images.store.frames[one.indices[looks.spread(one, 6)]]
        np.testing.assert_array_equal(swaps.images["nothing"], stored)
        for part in ("hat", "wheels", "colours"):
            changed = (swaps.images[part] != stored).any((1, 2, 3))
            assert changed.all(), part
        assert set(swaps.effects()) == {"hat", "wheels", "sticker", "colours"}
        p = swaps.probabilities("nothing")
        assert ((p >= 0) & (p <= 1)).all()

    def test_masks_lie_on_the_cars(self, judged, cars):
        found = study.look(of(judged), cars, most=8, checked=4)
        assert found.heat.shape == found.masks.shape == (8, 50, 100)
        area = found.masks.mean((1, 2))
        assert ((area > 0.08) & (area < 0.6)).all()
        middle = found.masks[:, 25, 40:60]
        assert middle.any(1).all(), "every car stands in the middle"
        assert isinstance(found.attention(), Attention)
        assert {name.split()[0] for name in study.layer_words(5)} == {
            "output", "hidden", "convolution",
        }  # fmt: skip

    def test_examples_come_from_all_classes_and_loadouts(self, judged):
        one = of(judged)
        places = looks.spread(one, 8)
        counts = np.unique(one.labels[places], return_counts=True)[1]
        assert counts.max() - counts.min() <= 1 or len(places) == len(one.labels)

    def test_where_the_heat_is(self):
        masks = np.zeros((3, 10, 10), bool)
        masks[:, 2:6, 3:7] = True
        heat = np.zeros((3, 10, 10))
        heat[0, 4, 4] = 1  # on the car
        heat[1, 8, 4] = 1  # under it
        heat[2, 8, 0] = 1  # beside it
        found = hand_made(heat, masks)
        assert facts.off_car(found).value == pytest.approx(2 / 3)
        assert facts.beneath(found).value == pytest.approx(1 / 3)
        assert study.looks_sentence(found, "small") == (
            "At preset small, on average 33.3\u00a0% of the heat is on the car, which takes "
            "16\u00a0% of the picture. In 66.7\u00a0% of the pictures the heat avoids the car, "
            "and in 33.3\u00a0% its hottest place is under it."
        )

    def test_nothing_is_invented_about_a_readers_own_cars(self, judged, own, ledger):
        assert study.look(of(judged), own, most=4) is None
        assert study.swap_parts(of(judged), own, most=4) is None
        study.record_looks(ledger, None, seed=0)
        study.record_swaps(ledger, None, seed=0)
        assert ledger.rows == []
        assert "without masks" in study.looks_sentence(None, "tiny")
        for figure in (
            study.attention_figure(None, []),
            study.sanity_figure(None, []),
            study.swap_figure(None, []),
            study.effect_figure(None),
            study.new_car_figure(None, None, []),
            study.novelty_figure(None),
            study.roc_figure(None),
        ):
            assert figure.axes[0].texts

    def test_failures_stand_beside_training_images(self, judged, cars):
        one = of(judged)
        found = looks.failures(one, cars.images, most=3, k=2)
        assert found.neighbours.shape == (len(found.images), 2, 50, 100, 3)
        assert not found.same_loadout.any(), "whole loadouts are held out"
        for true, said, probability in found.verdicts:
            assert true != said
            assert 0.25 <= probability <= 1


class TestNewCars:
    def test_they_are_judged_by_every_score(self, judged, cars, new, ledger):
        found = newcars.meet_new_cars(of(judged), cars, new, reading=Reading(4, 1), most=60)
        assert set(found.bodies) == {"hatchback", "pickup", "roadster", "prototype"}
        assert sum(of.sum() for of in found.bodies.values()) == len(found.indices) == 60
        study.record_novelty(ledger, "writeup", found, seed=0)
        study.record_novelty(ledger, "small", found, seed=0)
        ids = {row.id for row in ledger.rows}
        for score in newcars.WORDS:
            assert {
                f"sideswipe.newcar.{score}.auroc",
                f"sideswipe.newcar_small.{score}.fpr95",
            } <= ids
        best = found.reports[found.best].together.auroc.value
        assert best == max(one.together.auroc.value for one in found.reports.values())
        table = study.novelty_table({"writeup": found})
        assert len(table) == len(newcars.WORDS)
        with pytest.raises(ValueError, match="chosen is 'luck'; choose one of msp"):
            newcars.meet_new_cars(
                of(judged), cars, new, reading=Reading(3, 1), most=60, chosen="luck"
            )

    def test_the_reading_is_chosen_on_cars_left_out_of_training(
        self, cars, tmp_path, ledger, monkeypatch
    ):
        monkeypatch.setattr(experiments, "SHARE", 0.3)  # of 24 loadouts: each class in validation
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu", "share": 0.02}
        found = leaveout.leave_out(cars, **options)
        assert tuple(found.by_car) == cars.images.class_names
        assert all(len(one) == 12 for one in found.by_car.values())
        means = found.means
        assert means[found.best] == max(means.values())
        first = next(iter(means))
        assert means[first] == pytest.approx(np.mean([o[first] for o in found.by_car.values()]))
        study.record_left_out(ledger, found, seed=0)
        rows = {row.id: row.value for row in ledger.rows}
        assert rows["sideswipe.leftout.2_1.auroc"] == pytest.approx(means[Reading(2, 1)])
        assert rows["sideswipe.leftout.chosen.worst_auroc"] <= means[found.best]
        said = study.left_out_sentence(found, "tiny")
        assert said.startswith(f"Chosen at preset tiny: the map of block {found.best.block}")
        assert said.count("\u00a0%") == said.count("%") == 2
        assert len(study.left_out_figure(found).axes[0].get_xticks()) == 4

    def test_a_car_left_out_is_never_trained_on(self, cars, tmp_path, monkeypatch):
        seen = []

        def train(config, images, train, validation, **options):
            seen.append(
                (config.shape.classes, images.labels["model"].to_numpy(), train, validation)
            )
            return train_classifier(config, images, train, validation, **options)

        monkeypatch.setattr(leaveout, "train_classifier", train)
        monkeypatch.setattr(experiments, "SHARE", 0.3)
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu", "share": 0.02}
        leaveout.leave_out(cars, **options)
        assert len(seen) == 4
        for out, (classes, labels, *parts) in enumerate(seen):
            assert classes == 3
            for part in parts:
                assert (cars.images.classes[part] != out).all()
                pairs = set(zip(cars.images.classes[part], labels[part], strict=True))
                assert sorted(new for _, new in pairs) == sorted({new for _, new in pairs})
                assert {new for _, new in pairs} <= {0, 1, 2}

    def test_too_few_cars_to_leave_one_out(self, cars, tmp_path, monkeypatch):
        monkeypatch.setattr(leaveout, "split_cars", lambda *_, **__: Splits(*[np.arange(0)] * 3))
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu"}
        with pytest.raises(ValueError, match="too few loadouts to leave a class out"):
            leaveout.leave_out(cars, **options)

    def test_a_network_with_fewer_blocks_reads_its_last(self):
        small, large = (Classifier(NETWORKS[name].shape) for name in ("small", "writeup"))
        assert leaveout.reading_for(Reading(4, 5), small) == Reading(4, 5)
        assert leaveout.reading_for(Reading(4, 5), large) == Reading(3, 5)

    def test_none_without_pictures_of_any(self, judged, cars, tmp_path):
        options = {"root": tmp_path, "data_dir": str(tmp_path), "seed": 0, "like": cars}
        assert study.new_cars("tiny", **options) is None
        assert study.meet_all(judged, cars, None, Reading(3, 1), preset="tiny") == {}


class TestSizes:
    def test_points_of_a_family(self, judged, cars, tmp_path, ledger):
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu", "share": 0.01}
        families = study.all_sizes(judged, cars, **options)
        counts = {name: [p.parameters for p in points] for name, points in families.items()}
        assert counts["pruned"][-1] == 1_405_252
        assert max(counts["pruned"][:-1]) <= 50_000
        assert counts["from scratch"] == sorted(counts["from scratch"])
        study.record_sizes(ledger, families, seed=0)
        rows = {row.id: row.value for row in ledger.rows}
        assert rows["sideswipe.small_enough.grouped.params"] <= 10_000
        said = study.size_sentence(families, "tiny")
        assert said.startswith("At preset tiny the recommended network, of 9,738 parameters")
        assert said.endswith("times fewer parameters.")
        assert said.count("\u00a0%") == said.count("%") == 2
        [axis] = study.front_figure(families).axes
        assert axis.lines

        curve = study.learning_curve(judged, cars, **options)
        assert [p.images for p in curve["small"]] == sorted(p.images for p in curve["small"])
        study.record_curve(ledger, curve, seed=0)
        assert any(row.id.startswith("sideswipe.small_on_") for row in ledger.rows)


class TestFacts:
    def test_hashes_of_two_trainings_agree(self, cars, tmp_path):
        first, again = facts.train_twice(cars, root=tmp_path, seed=3, steps=4)
        other, _ = facts.train_twice(cars, root=tmp_path, seed=4, steps=4)
        assert first == again != other

    def test_the_run_made_twice_is_said_to_be_another(self, judged):
        run = of(judged).trained.run
        said = study.hash_sentence(("a" * 64, "b" * 64), of(judged), "tiny")
        assert f"after {facts.RERUN_STEPS} steps: `{'a' * 16}…`, again: `{'b' * 16}…`" in said
        assert f"another one, of {run.config.steps} steps at preset tiny" in said
        assert run.weights_hash[:16] in said

    def test_the_run_with_pixels_in_the_unit_range_says_how_long_it_is(
        self, judged, cars, tmp_path
    ):
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu", "share": 0.01, "seed": 0}
        unit = study.unit_range({Variant.FAITHFUL: cars}, **options)
        main = of(judged)
        longer = replace(main.trained.run, config=replace(main.trained.run.config, steps=1234))
        main = replace(main, trained=replace(main.trained, run=longer))
        said = study.range_sentence(unit, main, cars, "tiny")
        assert unit.config.shape.input_scale == 1
        assert said.startswith("At preset tiny ")
        assert "on whole loadouts and for 20 steps, where the others have 1,234: " in said
        assert said.count("\u00a0%") == said.count("%") == 3

    def test_training(self, judged, cars):
        found = study.training_facts(of(judged), {Variant.HARD: cars})
        assert found["loss_end"] == pytest.approx(found["l1_end"] + found["cross_entropy_end"])
        validation = of(judged).trained.splits.validation
        assert found["validation_accuracy"].n == len(validation)
        said = study.training_sentence(found, "tiny")
        assert said.startswith("At preset tiny the loss ends at ")
        assert str(round(found["loss_end"], 1))[:2] in said
        assert said.count("\u00a0%") == said.count("%") == 4

    def test_recalls_of_the_classes_that_are_talked_of(self, judged):
        one = of(judged)
        labels = np.arange(len(one.labels)) % 7 % 3  # class 0 is the most frequent, 3 is absent
        found = study.class_recalls(replace(one, labels=labels))
        right = one.predicted == labels
        assert found["recall_octane"].value == pytest.approx(right[labels == 0].mean())
        assert found["recall_others"].value == pytest.approx(right[labels != 0].mean())
        assert found["recall_octane"] == found["recall_commonest"]
        assert found["recall_rarest"].n == np.bincount(labels).min()
        none = study.class_recalls(replace(one, labels=labels * 0 + 1))
        assert "recall_octane" not in none

    def test_leak_has_the_sign_of_what_it_says(self, ledger):
        for split, value, half in (
            ("random", 0.98, 0.003), ("grouped", 0.97, 0.004), ("unseen_parts", 0.99, 0.0),
        ):  # fmt: skip
            id = f"sideswipe.writeup.{split}.hard.accuracy"
            ledger.record(id, value, low=value - half, high=value + half, n=400)
        found = study.leak(ledger)
        assert set(found) == {"hard_random", "hard_unseen_parts"}
        gain, cost = found["hard_random"], found["hard_unseen_parts"]
        # half widths 3 and 4 make 5
        assert (gain.value, gain.low, gain.high) == pytest.approx((0.01, 0.005, 0.015))
        assert (cost.value, cost.low, cost.high) == pytest.approx((-0.02, -0.024, -0.016))

    def test_the_leak_is_told_with_its_interval(self):
        found = {
            "faithful_random": Estimate(0.0025, -0.0194, 0.0356, 400, 0),
            "hard_random": Estimate(-0.0098, -0.012, -0.007, 400, 0),
            "hard_unseen_rotations": Estimate(0.24, None, None, 400, 0),
        }
        assert study.leak_sentence(found, "tiny") == (
            "At preset tiny splitting by image instead of by loadout gains 0.2 (−1.9 to 3.6) "
            "points on faithful cars and −0.98 (−1.20 to −0.70) points on hard cars; rotations "
            "never seen cost 24 points on hard cars (95\u00a0% intervals in brackets)."
        )
        assert "no two splits" in study.leak_sentence({}, "tiny")

    def test_probes(self, cars, ledger):
        found = study.probe_all({Variant.HARD: cars}, seed=0)
        study.record_probes(ledger, found, seed=0)
        assert {row.id for row in ledger.rows} == {
            "sideswipe.probe_pixels.grouped.hard.accuracy",
            "sideswipe.probe_corners.grouped.hard.accuracy",
        }
        assert study.probe_shares(found)["pixels"]["hard"][0] == found["pixels"]["hard"].value

    def test_pictures_of_all_classes(self, cars):
        shown = study.samples(cars)
        assert list(shown) == study.names(cars)
        assert all(set(by_rotation) == set(range(10)) for by_rotation in shown.values())
        originals, versions, names = study.augmented(cars, count=4, versions=3)
        assert versions.shape == (4, 3, 50, 100, 3)
        assert len(set(names)) == 4
        assert not (versions == originals[:, None]).all()
        assert "240 images, 24 loadouts" in study.cars_line("hard", cars)
        assert study.split_table(cars)["Split"].str.startswith("random").sum() == 1


def test_a_kept_classifier_answers(judged, cars, ledger):
    kept = study.keep_classifier(ledger, judged, cars, Reading(3, 1))
    ledger.save()
    [path] = ledger.path.parent.rglob("classifier.npz")
    again = load_classifier(path)
    images = np.asarray(cars.images.store.frames[:5])
    np.testing.assert_array_equal(
        again.classify(images).probabilities, kept.classify(images).probabilities
    )
    assert again.class_names == cars.images.class_names


@pytest.mark.parametrize(("most", "dpi"), [(10**6, 220), (12_000, 160), (1, 110)])
def test_a_kept_figure_is_fit_for_print_unless_it_is_too_large(ledger, monkeypatch, most, dpi):
    monkeypatch.setattr(recorded, "MOST_BYTES", most)
    figure = style.message("a sentence where a picture would be, long enough to weigh something")
    study.keep(ledger, figure, "words")
    [path] = ledger.path.parent.rglob("words.png")
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
