import numpy as np
import pytest

from lib.evaluation.probes import REGIONS, corners, linear_probe, whole

RNG = np.random.default_rng(0)


def pictures(count: int, *, seed: int, told_in: str) -> tuple[np.ndarray, np.ndarray]:
    """Noise with three classes, told by the brightness of the middle or of one corner."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(60, 120, (count, 20, 40, 3), dtype=np.uint8)
    rows, columns = (slice(4, 16), slice(12, 28)) if told_in == "middle" else (slice(3), slice(6))
    images[:, rows, columns] += (labels * 40)[:, None, None, None].astype(np.uint8)
    return images, labels


@pytest.mark.parametrize(
    ("told_in", "region", "solved"),
    [
        ("middle", "pixels", True),
        ("middle", "upper corners", False),
        ("corner", "pixels", True),
        ("corner", "upper corners", True),
    ],
)
def test_a_probe_finds_what_its_region_tells(told_in, region, solved):
    train = pictures(300, seed=1, told_in=told_in)
    test = pictures(300, seed=2, told_in=told_in)
    right = linear_probe(train, test, region).mean()
    assert right > 0.75 if solved else right < 0.45  # chance is a third


def test_the_upper_corners():
    images = np.zeros((1, 50, 100, 3), np.uint8)
    images[:, 10:40, 20:80] = 255
    assert not corners(images).any()
    for place, seen in (((0, 0), 3), ((0, -1), 3), ((-1, 0), 0), ((-1, -1), 0)):
        one = np.zeros((1, 50, 100, 3), np.uint8)
        one[0][place] = 255
        assert corners(one).sum() == seen * 255


def test_pixels_are_means_of_blocks():
    images = RNG.integers(0, 256, (2, 10, 16, 3), dtype=np.uint8)  # two rows are left over
    found = whole(images).reshape(2, 2, 4, 3)
    wanted = images[1, 4:8, 12:16].astype(float).mean((0, 1)).astype(np.uint8)
    np.testing.assert_array_equal(found[1, 1, 3], wanted)


def test_what_does_not_fit_is_named():
    images, labels = pictures(10, seed=0, told_in="middle")
    with pytest.raises(ValueError, match="region is 'hood'; choose one of pixels, upper corners"):
        linear_probe((images, labels), (images, labels), "hood")
    with pytest.raises(ValueError, match="train has 10 images and 9 labels"):
        linear_probe((images, labels[:9]), (images, labels), "pixels")
    with pytest.raises(ValueError, match="test has 0 images"):
        linear_probe((images, labels), (images[:0], labels[:0]), "pixels")
    assert set(REGIONS) == {"pixels", "upper corners"}
