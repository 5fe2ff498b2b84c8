"""``seeing classify``: reading, batches, overlays and words, each by itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.cli.answers import share
from lib.cli.classifying import in_batches
from lib.cli.overlays import overlay_folder
from lib.cli.pictures import (
    Crop,
    Order,
    Picture,
    Source,
    Unreadable,
    find_sources,
    read_pictures,
)
from tests.pictures import screenshot


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("whole", "most"), [(True, 2), (False, 16)])
def test_memory_is_bounded(here, monkeypatch, whole, most):
    monkeypatch.setattr("lib.cli.pictures.core_count", lambda: 1)
    sources = [Source(here, f"{seed}.png") for seed in range(40)]
    for source in sources:
        screenshot(source.path, size=(30, 80))
    asked = []

    def watched():
        for source in sources:
            asked.append(source)
            yield source

    reading = read_pictures(watched(), Order((50, 100), whole=whole))
    for count, found in enumerate(reading, 1):
        assert isinstance(found, Picture)
        assert (found.whole is not None) == whole
        assert len(asked) == min(40, count + most)


def test_batches_are_small_in_number_and_in_bytes():
    source = Source(Path(), "a.png")
    one = Picture(source, None, np.zeros((50, 100, 3), np.uint8), (30, 80))
    large = Picture(source, None, one.shrunk, (30, 80), whole=np.zeros((30, 80, 3), np.uint8))
    assert [len(batch) for batch in in_batches([one] * 9, most=4)] == [4, 4, 1]
    assert [len(b) for b in in_batches([large] * 5, most=4, most_bytes=2 * 7_200)] == [2, 2, 1]


def test_pictures_come_in_order_and_upright(here):
    for seed in range(30):
        screenshot(here / f"{seed:02d}.png", seed, size=(30, 80))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    screenshot(here / "30.jpg", size=(80, 30), exif=exif)
    sources, _ = find_sources([here])
    found = list(read_pictures(sources, Order((50, 100))))
    assert [picture.source.name for picture in found][-2:] == ["29.png", "30.jpg"]
    assert [picture.source for picture in found] == sources
    assert not any(isinstance(picture, Unreadable) for picture in found)
    assert found[-1].seen_size == (30, 80)


def test_overlays_of_a_failed_run_go(here):
    def fail():
        with overlay_folder(here / "heat") as staged:
            (staged / "a.png").touch()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100.0 %"), (0.99999, "> 99.9 %"), (0.9994, "99.9 %"), (0.5, "50.0 %")],
)
def test_no_share_is_rounded_to_certainty(value, text):
    assert share(value) == text


def test_crops_are_parsed():
    assert Crop.parse(" 1, 2,30,4") == Crop(x=1, y=2, width=30, height=4)
    picture = np.arange(60 * 3).reshape(6, 10, 3).astype(np.uint8)
    np.testing.assert_array_equal(Crop(7, 1, 2, 3).of(picture), picture[1:4, 7:9])
    assert Crop(7, 1, 3, 5).fits(6, 10)
    assert not Crop(7, 1, 4, 5).fits(6, 10)
    assert not Crop(7, 2, 3, 5).fits(6, 10)
