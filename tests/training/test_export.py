"""The ONNX file gives what PyTorch gives."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from lib.models.classifier import Classifier, ClassifierShape
from lib.training.augmentation import to_images
from lib.training.export import export_onnx

SHAPES = {
    "flatten": ClassifierShape((4, 6), hidden=8, image_size=(18, 22)),
    "mean": ClassifierShape((4, 6), None, pool="mean", image_size=(18, 22), input_scale=1.0),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_the_file_computes_the_same_for_any_number_of_images(kind, generator, tmp_path: Path):
    model = Classifier(SHAPES[kind], generator=generator)
    model.train()
    export_onnx(model, tmp_path / "cars.onnx", temperature=2.5)
    assert model.training, "the model is left as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["cars.onnx"]
    onnx.checker.check_model(onnx.load(tmp_path / "cars.onnx"))
    session = onnxruntime.InferenceSession(
        tmp_path / "cars.onnx", providers=["CPUExecutionProvider"]
    )
    for count in (1, 2, 7):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 18, 22, 3), dtype=np.uint8)
        probabilities, features = session.run(["probabilities", "features"], {"pixels": pixels})
        images = to_images(torch.from_numpy(pixels))
        with torch.no_grad():
            wanted = torch.softmax(model(images) / 2.5, 1).numpy()
            vector = model.features(images).numpy()
        np.testing.assert_allclose(probabilities, wanted, atol=1e-5)
        np.testing.assert_allclose(features, vector, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_the_file_names_its_classes(tmp_path: Path):
    names = ["octane-like", "aftershock-like", "werewolf-like", "breakout-like"]
    model = Classifier(SHAPES["mean"])
    export_onnx(model, tmp_path / "cars.onnx", class_names=names)
    session = onnxruntime.InferenceSession(
        tmp_path / "cars.onnx", providers=["CPUExecutionProvider"]
    )
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_names"]) == names
    with pytest.raises(ValueError, match="class_names is a; the network has 4 classes"):
        export_onnx(model, tmp_path / "others.onnx", class_names=["a"])


def test_a_temperature_must_be_positive(tmp_path: Path):
    model = Classifier(SHAPES["mean"])
    with pytest.raises(ValueError, match="temperature is 0.0; give a number above 0"):
        export_onnx(model, tmp_path / "cars.onnx", temperature=0.0)
    assert not list(tmp_path.iterdir())
