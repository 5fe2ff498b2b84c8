"""A bundled classifier answers as its parts do, and comes back from its file as it was."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation import car_classifier
from lib.evaluation.car_classifier import (
    Origin,
    build_classifier,
    load_classifier,
    save_classifier,
)
from lib.evaluation.map_distance import Reading
from lib.models.classifier import Classifier
from tests.evaluation.bundles import NAMES, SHAPE, make_classifier, maps_of, noise


@pytest.fixture(scope="module")
def classifier():
    return make_classifier(reading=Reading(2, 4))


def test_answers_are_softmax_and_the_distance_from_the_gallery(classifier):
    images = noise(9, seed=2)
    answers = classifier.classify(images)
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255
    model = Classifier(SHAPE).double()
    model.load_state_dict(classifier.model.state_dict())
    with torch.no_grad():
        features = model.features(tensors)
        wanted = torch.softmax(model.head(features) / 1.7, 1).numpy()
    np.testing.assert_allclose(answers.probabilities, wanted, atol=1e-5)
    np.testing.assert_array_equal(answers.classes, wanted.argmax(1))
    maps = maps_of(classifier.model, images)
    np.testing.assert_allclose(answers.novelty, classifier.gallery(maps), atol=1e-6)
    np.testing.assert_array_equal(answers.unknown, answers.novelty > classifier.limit)


def test_the_limit_accepts_the_share_of_known_cars_with_the_gallery_that_is_kept():
    some = make_classifier(accepted=0.9)
    novelty = some.classify(noise(40, seed=1)).novelty
    assert (novelty <= some.limit).sum() == 36
    assert some.classify(noise(40, seed=1)).unknown.sum() == 4


def test_what_is_unlike_all_training_images_is_unknown(classifier):
    some = make_classifier()
    assert some.classify(noise(80)).novelty.max() < 0.01, "each is its own nearest neighbour"
    assert not some.classify(noise(80)).unknown.any()
    opposite = np.repeat(-some.gallery.vectors[:1], 80, 0)
    turned = replace(some, gallery=replace(some.gallery, vectors=opposite))
    answer = turned.classify(noise(80)[:1])
    assert answer.novelty[0] == pytest.approx(2, abs=1e-2)
    assert answer.unknown.all()


@given(st.integers(1, 12), st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_an_image_is_answered_alike_in_any_company(count, seed):
    some = make_classifier()
    images = noise(count, seed)
    together = some.classify(images)
    alone = some.classify(images[-1:])
    np.testing.assert_allclose(together.probabilities[-1:], alone.probabilities, atol=1e-6)
    assert together.novelty[-1] == pytest.approx(alone.novelty[0], abs=1e-5)
    np.testing.assert_allclose(together.probabilities.sum(1), 1, atol=1e-12)


def test_batches_are_bounded(classifier, monkeypatch):
    monkeypatch.setattr(car_classifier, "BATCH", 4)
    sizes = []
    handle = classifier.model.body[0].register_forward_hook(
        lambda layer, given, made: sizes.append(len(made))
    )
    answers = classifier.classify(noise(10))
    handle.remove()
    assert sizes == [4, 4, 2]
    assert len(answers.classes) == len(answers.novelty) == 10


def test_heat_is_at_image_size_and_leaves_the_model_alone(classifier):
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    images = noise(3)
    heat = classifier.heat(images)
    assert heat.shape == (3, 50, 100)
    assert heat.min() >= 0
    assert 0.5 < heat.max() <= 1
    said = classifier.classify(images).classes
    np.testing.assert_array_equal(heat, classifier.heat(images, said))
    assert not np.array_equal(heat, classifier.heat(images, (said + 1) % 4))
    assert all(torch.equal(before[k], v) for k, v in classifier.model.state_dict().items())
    assert not classifier.model.training


def test_the_gallery_is_a_small_sample_whatever_the_size_of_maps(rng):
    train = rng.uniform(0, 1e7, (9_000, 70)).astype(np.float32)  # beyond what float16 can hold
    made = build_classifier(
        Classifier(SHAPE), NAMES, train, train[:100], reading=Reading(1, 3),
        temperature=1.0, origin=Origin("tiny", "x"), seed=1,
    )  # fmt: skip
    assert made.gallery.vectors.shape == (8_000, 64)
    assert made.gallery.reading == Reading(1, 3)


def test_a_saved_classifier_comes_back_and_is_the_same_bytes_each_time(classifier, tmp_path: Path):
    first, second = tmp_path / "classifier.npz", tmp_path / "deep" / "again.npz"
    save_classifier(first, classifier)
    again = load_classifier(first)
    save_classifier(second, again)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classifier.npz", "deep"]
    for name in ("class_names", "temperature", "limit", "accepted", "origin"):
        assert getattr(again, name) == getattr(classifier, name)
    assert again.gallery.reading == classifier.gallery.reading
    assert again.model.shape == SHAPE
    assert not again.model.training
    images = noise(6, seed=5)
    np.testing.assert_array_equal(
        again.classify(images).probabilities, classifier.classify(images).probabilities
    )
    np.testing.assert_array_equal(
        again.classify(images).novelty, classifier.classify(images).novelty
    )


def test_the_file_holds_no_objects(classifier, tmp_path: Path):
    save_classifier(tmp_path / "c.npz", classifier)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as file:
        kinds = {name: file[name].dtype.kind for name in file.files}
    assert set(kinds.values()) == {"f", "U"}
    assert kinds.pop("about") == "U"


def rewritten(path: Path, **changes) -> None:
    """The file at `path` with parts of its description changed."""
    with np.load(path) as file:
        arrays = dict(file)
    arrays["about"] = np.array(json.dumps(json.loads(str(arrays["about"])) | changes))
    np.savez(path, **arrays)


def test_damaged_and_foreign_files_are_refused(classifier, tmp_path: Path):
    path = tmp_path / "c.npz"
    save_classifier(path, classifier)
    sound = path.read_bytes()
    place = sound.index(b"gallery.npy") + 200
    flipped = sound[:place] + bytes([sound[place] ^ 255]) + sound[place + 1 :]
    holder = io.BytesIO()
    np.savez(holder, frames=np.zeros(3))
    pickled = io.BytesIO()
    np.savez(pickled, about=np.array([{}], dtype=object))
    for content in (
        flipped, sound[: len(sound) // 2], b"", b"text", holder.getvalue(), pickled.getvalue(),
    ):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"c\.npz is no classifier, or is damaged"):
            load_classifier(path)
    assert zipfile.is_zipfile(io.BytesIO(sound))
    with pytest.raises(FileNotFoundError, match="there is no classifier"):
        load_classifier(tmp_path / "gone.npz")


def test_another_format_and_contradictions_are_told(classifier, tmp_path: Path):
    path = tmp_path / "c.npz"
    save_classifier(path, classifier)
    rewritten(path, format=1)
    with pytest.raises(ValueError, match="is of format 1, this version reads 2"):
        load_classifier(path)
    rewritten(path, format=2, class_names=["a", "b"])
    with pytest.raises(ValueError, match="damaged .class_names is a, b; the network has 4 classes"):
        load_classifier(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ("a", "a", "b", "c")}, "give each a name of its own"),
        ({"temperature": 0.0}, "temperature is 0.0; give a positive number"),
    ],
)
def test_parts_that_do_not_fit_are_named(classifier, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(classifier, **changes)


def test_a_gallery_of_another_network_is_named(classifier):
    deeper = replace(classifier.gallery, reading=Reading(3, 1))
    with pytest.raises(ValueError, match="gallery reads block 3, the network has blocks 1 to 2"):
        replace(classifier, gallery=deeper)


def test_wrong_images_are_named(classifier):
    with pytest.raises(ValueError, match="images is empty"):
        classifier.classify(np.zeros((0, 50, 100, 3), np.uint8))
    with pytest.raises(ValueError, match=r"150 x 400 pixels \(rows x columns\).*takes 50 x 100"):
        classifier.heat(np.zeros((1, 150, 400, 3), np.uint8))
    with pytest.raises(ValueError, match="train has 0 rows and known 3"):
        build_classifier(
            Classifier(SHAPE), NAMES, np.zeros((0, 5), np.float32), np.zeros((3, 5), np.float32),
            reading=Reading(1, 1), temperature=1.0, origin=Origin("tiny", "x"),
        )  # fmt: skip
