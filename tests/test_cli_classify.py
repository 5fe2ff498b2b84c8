"""`seeing classify`: every kind of input and output, and each mistake told in a sentence."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from typer.testing import CliRunner

from lib.cli import app, classify
from lib.cli.answers import STUDY_SHAPE, same_class, share
from lib.cli.overlays import warm
from lib.cli.pictures import (
    Order,
    expected,
    find_sources,
)
from lib.data.images import shrunk
from lib.evaluation.car_classifier import CarClassifier, load_classifier, save_classifier
from tests.data.cars import write_cars
from tests.data.footage import damage_pictures, truncate, write_video
from tests.evaluation.bundles import NAMES, make_classifier
from tests.pictures import screenshot

HEADER = (
    "path,frame,class,probability,p_octane-like,p_aftershock-like,p_werewolf-like,"
    "p_breakout-like,novelty,unknown,true_class"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "classifier.npz"
    save_classifier(path, make_classifier())
    return path


@pytest.fixture(scope="module")
def classifier(bundle) -> CarClassifier:
    return load_classifier(bundle)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments):
    """Run the command; its result, and what it told, with single spaces."""
    environment = {"COLUMNS": "200"}
    result = CliRunner().invoke(app, ["classify", *map(str, arguments)], env=environment)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result, " ".join(plain.split())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_help_teaches_by_examples_and_says_what_pictures_should_be_like():
    result, text = call("--help")
    assert result.exit_code == 0
    assert text.split("Examples")[1].count("seeing classify") == 6
    assert "400 × 150 pixels with the car in the middle" in text


def test_pictures_of_all_formats_are_answered_in_table_csv_and_json(here, bundle, classifier):
    seen = [
        screenshot(here / name, seed)
        for seed, name in enumerate(("s/b.JPG", "s/deep/a.webp", "s/a.png"))
    ]
    screenshot(here / "s" / ".hidden.png")
    (here / "s" / "notes.txt").touch()
    result, text = call("s", "--model", bundle, "--csv", "out/a.csv", "--json", "a.json")
    assert result.exit_code == 0, text
    order = ("s/a.png", "s/b.JPG", "s/deep/a.webp")
    small = np.stack([shrunk(seen[i], (50, 100)) for i in (2, 0, 1)])
    wanted = classifier.classify(small)
    assert (here / "out" / "a.csv").read_text().splitlines()[0] == HEADER
    table, objects = rows(here / "out" / "a.csv"), json.loads((here / "a.json").read_text())
    assert [row["path"] for row in table] == [one["path"] for one in objects] == list(order)
    for i, (row, one) in enumerate(zip(table, objects, strict=True)):
        name = classifier.class_names[wanted.classes[i]]
        assert row["class"] == one["class"] == name
        assert float(row["probability"]) == float(row[f"p_{name}"]) == one["probability"]
        assert one["probability"] == pytest.approx(wanted.probabilities[i].max(), abs=1e-6)
        each = [float(row[f"p_{name}"]) for name in classifier.class_names]
        assert each == pytest.approx(wanted.probabilities[i].tolist(), abs=1e-6)
        assert list(one["probabilities"].values()) == each
        assert float(row["novelty"]) == one["novelty"]
        assert one["novelty"] == pytest.approx(wanted.novelty[i], abs=1e-5)
        assert row["unknown"] == str(one["unknown"]).lower() == str(wanted.unknown[i]).lower()
        assert (row["frame"], one["frame"]) == ("", None)
        assert (row["true_class"], one["true_class"]) == ("", None)
        assert f"{row['path']} {name} {share(one['probability'])}" in text
    assert "trained on noise at preset tiny, commit 0123456789ab; accepts 95 % of known" in text
    assert sorted(p.name for p in here.iterdir()) == ["a.json", "out", "s"]


def test_many_pictures_are_summed_up_and_another_shape_is_told(here, bundle):
    for seed in range(25):
        screenshot(here / "s" / f"{seed:02d}.png", seed, size=(100, 100) if seed < 2 else (30, 80))
    result, text = call("s", "--model", bundle, "--csv", "a.csv")
    assert result.exit_code == 0, text
    table = rows(here / "a.csv")
    unknown = sum(row["unknown"] == "true" for row in table)
    for name in ("octane-like", "breakout-like"):
        of = [row for row in table if row["class"] == name]
        flagged = sum(row["unknown"] == "true" for row in of)
        assert f"{name} {len(of)} {share(len(of) / 25)} {flagged}" in text
    assert f"all 25 {unknown}" in text
    assert "s/00.png" not in text
    assert "2 of 25 pictures are not as wide as 8 is to 3" in text
    assert pytest.approx(8 / 3) == STUDY_SHAPE


def test_onnx_gives_the_same_probabilities(here, bundle, classifier):
    seen = [screenshot(here / "s" / f"{seed}.png", seed) for seed in range(3)]
    result, text = call("s", "--model", bundle, "--json", "a.json", "--onnx", "cars.onnx")
    assert result.exit_code == 0, text
    assert f"probabilities are of {', '.join(classifier.class_names)}, in order" in text
    session = onnxruntime.InferenceSession(here / "cars.onnx", providers=["CPUExecutionProvider"])
    pixels = np.stack([shrunk(one, (50, 100)) for one in seen])
    [probabilities] = session.run(["probabilities"], {"pixels": pixels})
    told = [
        list(one["probabilities"].values()) for one in json.loads((here / "a.json").read_text())
    ]
    np.testing.assert_allclose(probabilities, told, atol=2e-6)


def test_export_alone_needs_no_picture(here, bundle, monkeypatch):
    exported = []
    monkeypatch.setattr(
        "lib.training.export.export_onnx",
        lambda model, path, *, temperature, class_names: exported.append(
            (path, temperature, class_names)
        ),
    )
    result, text = call("--model", bundle, "--onnx", "cars.onnx")
    assert result.exit_code == 0, text
    assert exported == [(Path("cars.onnx"), 1.7, NAMES)]


def test_frames_of_a_video_are_answered(here, bundle, classifier):
    coarse = np.random.default_rng(0).integers(0, 256, (30, 3, 8, 3), np.uint8)
    frames = coarse.repeat(20, 1).repeat(20, 2)
    write_video(here / "match.mp4", frames)  # 20 Hz
    arguments = ("match.mp4", "--model", bundle, "--json", "a.json", "--fps", "2.1")
    result, text = call(*arguments, "--crop", "20,10,100,50")
    assert result.exit_code == 0, text
    answers = json.loads((here / "a.json").read_text())
    assert [one["frame"] for one in answers] == [0, 10, 20]
    wanted = classifier.classify(np.ascontiguousarray(frames[::10, 10:60, 20:120]))
    for one, p in zip(answers, wanted.probabilities, strict=True):
        assert list(one["probabilities"].values()) == pytest.approx(p.tolist(), abs=1e-5)
    [source], _ = find_sources([Path("match.mp4")])
    assert expected(source, Order((50, 100), frames_per_second=2.0)) == 3


def test_a_data_set_is_judged_by_its_true_classes(here, bundle):
    models = ("octane", "Aftershock", "werewolf-like", "roadster")
    written = write_cars(here / "d", loadouts=8, models=models, different=20)
    result, text = call("d", "--model", bundle, "--csv", "a.csv")
    assert result.exit_code == 0, text
    table = rows(here / "a.csv")
    truth = {f"d/{row[0]}.jpg": models[row[1]] for row in written}
    assert {row["path"]: row["true_class"] for row in table} == truth
    known = [row for row in table if row["true_class"] != "roadster"]
    right = sum(same_class(row["class"], row["true_class"]) for row in known)
    flagged = sum(row["unknown"] == "true" for row in known)
    assert 0 < right < 60
    assert (
        f"accuracy {share(right / 60)}: {right} of 60 pictures of known classes; "
        f"{flagged} of these were called unknown"
    ) in text
    new = sum(row["unknown"] == "true" for row in table) - flagged
    assert f"new cars {new} of 20 pictures of other classes were called unknown" in text


def test_overlays_are_at_the_pictures_own_size_with_heat_on_the_crop_only(here, bundle):
    whole = screenshot(here / "s" / "deep" / "a.png", size=(150, 500))
    arguments = ("--model", bundle, "--overlays", "heat", "--crop", "50,0,400,150")
    (here / "heat").mkdir()
    (here / "heat" / "mine.txt").write_text("stays")
    result, text = call("s", *arguments)
    assert result.exit_code == 0, text
    drawn = np.asarray(Image.open(here / "heat" / "deep" / "a.png.png"))
    assert drawn.shape == whole.shape
    np.testing.assert_array_equal(drawn[40:, :50], whole[40:, :50])
    np.testing.assert_array_equal(drawn[40:, 450:], whole[40:, 450:])
    assert not np.array_equal(drawn[40:, 50:450], whole[40:, 50:450])
    assert (drawn[:16, :60] == 0).all(2).mean() > 0.3  # black behind white letters
    assert (drawn[:16, :60] == 255).all(2).any()
    assert sorted(p.name for p in here.iterdir()) == ["heat", "s"]
    assert (here / "heat" / "mine.txt").read_text() == "stays"


def test_without_heat_a_picture_is_grey_and_with_it_covered():
    picture = np.random.default_rng(0).integers(0, 256, (30, 80, 3), np.uint8)
    cold = warm(picture, np.zeros((50, 100), np.float32))
    assert (cold == cold[..., :1]).all()
    np.testing.assert_allclose(cold[..., 0], picture @ [0.299, 0.587, 0.114], atol=0.51)
    hot = warm(picture, np.ones((50, 100), np.float32))
    assert hot.std() < cold.std()
    assert (hot[..., 0] > hot[..., 2]).mean() > 0.9


def test_corrupt_files_are_an_error_that_names_all_and_writes_nothing(here, bundle):
    screenshot(here / "s" / "a.png")
    (here / "s" / "b.jpg").write_bytes(b"no picture")
    screenshot(here / "s" / "c.jpg", 3)
    truncate(here / "s" / "c.jpg", 0.5)
    write_video(here / "s" / "d.mp4", np.zeros((20, 16, 16, 3), np.uint8))
    truncate(here / "s" / "d.mp4", 0.7)
    outputs = ("--csv", "a.csv", "--json", "a.json", "--overlays", "heat")
    result, text = call("s", "--model", bundle, *outputs)
    assert result.exit_code == 1
    assert "2 images cannot be decoded: s/b.jpg (no JPEG, PNG or WebP image), s/c.jpg" in text
    assert "1 videos cannot be decoded to their end: s/d.mp4" in text
    assert "--skip-corrupt" in text
    assert [p.name for p in here.iterdir()] == ["s"]
    result, text = call("s", "--model", bundle, *outputs, "--skip-corrupt")
    assert result.exit_code == 0, text
    assert [row["path"] for row in rows(here / "a.csv")] == ["s/a.png"]
    assert "left out 2 images cannot be decoded: s/b.jpg" in text
    assert [p.name for p in (here / "heat").iterdir()] == ["a.png.png"]


def test_frames_before_the_damage_of_a_video_count(here, bundle):
    rng = np.random.default_rng(0)
    write_video(here / "v.mp4", rng.integers(0, 256, (60, 16, 16, 3), np.uint8))
    damage_pictures(here / "v.mp4")
    arguments = ("v.mp4", "--model", bundle, "--csv", "a.csv", "--fps", "20")
    assert call(*arguments)[0].exit_code == 1
    assert not (here / "a.csv").exists()
    result, text = call(*arguments, "--skip-corrupt")
    assert result.exit_code == 0, text
    frames = [int(row["frame"]) for row in rows(here / "a.csv")]
    assert frames == list(range(len(frames)))
    assert 0 < len(frames) < 60
    assert "left out 1 videos cannot be decoded to their end: v.mp4" in text


def test_faults_of_a_data_set_count_too_and_nothing_readable_is_an_error(here, bundle):
    written = write_cars(here / "d", loadouts=1)
    (here / "d" / f"{written[0][0]}.jpg").unlink()
    result, text = call("d", "--model", bundle)
    assert result.exit_code == 1
    assert f"1 rows have no image: d/{written[0][0]}" in text
    assert call("d", "--model", bundle, "--skip-corrupt")[0].exit_code == 0
    (here / "x.png").write_bytes(b"")
    result, text = call("x.png", "--model", bundle, "--skip-corrupt", "--csv", "a.csv")
    assert result.exit_code == 1
    assert "no picture could be read: 1 images cannot be decoded: x.png" in text
    assert not (here / "a.csv").exists()


def test_a_crop_beyond_a_picture_is_a_fault_of_that_picture(here, bundle):
    screenshot(here / "s" / "a.png")
    screenshot(here / "s" / "b.png", size=(150, 399))
    result, text = call("s", "--model", bundle, "--crop", "0,0,400,150")
    assert result.exit_code == 1
    assert "1 images have a wrong size: s/b.png (399×150 pixels: too small for --crop" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no PATH: name pictures, videos or folders of them, or give --onnx"),
        (("--csv", "a.csv", "--onnx", "a.onnx"), "nothing to write with --csv or --json"),
        (("gone",), "gone does not exist: check the path"),
        (("empty",), "empty holds no picture and no video (.jpg, .jpeg"),
        (("notes.txt",), "notes.txt is neither a picture (.jpg, .jpeg, .png, .webp) nor a video"),
        (("a.png", "--csv", "a.txt"), "--csv a.txt: give a name that ends in .csv"),
        (("a.png", "--onnx", "folder.onnx"), "--onnx folder.onnx is a folder: name a file"),
        (("a.png", "--fps", "0"), "--fps 0: give a number above 0"),
        (("a.png", "--fps", "nan"), "--fps nan: give a number above 0"),
        (("a.png", "--crop", "1,2,3"), "--crop 1,2,3: write x,y,width,height in whole pixels"),
        (("a.png", "--crop", "0,0,0,5"), "--crop 0,0,0,5: write x,y,width,height"),
        (("s", "--overlays", "s/heat"), "--overlays s/heat lies in s, where the next look"),
        (("a.png", "--overlays", "notes.txt"), "--overlays notes.txt is a file: name a folder"),
        (("a.png", "s/a.png", "--overlays", "heat"), "a.png and s/a.png would both become a.png"),
        (("a.png", "--model", "gone.npz"), "there is no classifier gone.npz"),
        (("a.png", "--model", "notes.txt"), "notes.txt is no classifier, or is damaged"),
    ],
)
def test_mistakes_are_told(here, bundle, arguments, message):
    for folder in ("empty", "s", "folder.onnx"):
        (here / folder).mkdir()
    (here / "notes.txt").touch()
    screenshot(here / "a.png", size=(15, 40))
    screenshot(here / "s" / "a.png", size=(15, 40))
    before = sorted(here.rglob("*"))
    model = () if "--model" in arguments else ("--model", bundle)
    result, text = call(*arguments, *model)
    assert result.exit_code == 1
    assert message in text
    assert "Traceback" not in text
    assert sorted(here.rglob("*")) == before


def test_the_classifier_of_the_largest_recorded_preset_is_taken(here, bundle, monkeypatch):
    monkeypatch.setenv("SEEING_ROOT", str(here))
    screenshot(here / "a.png")
    result, text = call("a.png")
    assert result.exit_code == 1
    assert "seeing run 2" in text
    live = here / "runs" / "ledger" / classify.CHAPTER
    kept = here / "results" / classify.CHAPTER
    places = [live / "tiny-files", live / "full-files", kept / "tiny", kept / "small"]
    for place in places:
        place.mkdir(parents=True)
        path = place / "classifier.npz"
        path.write_bytes(bundle.read_bytes())
        assert classify.default_classifier() == path
    result, text = call("a.png")
    assert f"classifier results/{classify.CHAPTER}/small/classifier.npz" in text


def test_outside_the_project_a_classifier_must_be_named(here, monkeypatch):
    monkeypatch.delenv("SEEING_ROOT", raising=False)
    screenshot(here / "a.png")
    result, text = call("a.png")
    assert result.exit_code == 1
    assert "or name a classifier with --model" in text


def test_paths_that_look_like_markup_are_told_as_they_are(here, bundle):
    screenshot(here / "s" / "[red]a.png")
    result, text = call("s", "--model", bundle, "--csv", "[b].csv")
    assert result.exit_code == 0, text
    assert "s/[red]a.png" in text
    assert "written [b].csv" in text


def test_a_file_named_twice_is_answered_once(here):
    screenshot(here / "s" / "a.png")
    sources, faults = find_sources([Path("s/a.png"), Path("s")])
    assert [source.path for source in sources] == [Path("s/a.png")]
    assert faults == {}
