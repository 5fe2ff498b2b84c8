"""Pictures, augmentation, training and confusion of the Sideswipe chapter."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from lib.figures import sideswipe as figures
from lib.figures import sideswipe_marks as marks
from tests.figures.apart import legend_words, legible, ticks, titles, words
from tests.figures.sideswipe_pages import CLASSES, apart, pictures, places, shown


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


class TestSampleGrid:
    def test_a_row_a_rotation_and_a_column_a_class(self, rng):
        images = pictures(rng, 4, 10, size=(15, 40))
        figure = legible(
            figures.sample_grid({c: dict(enumerate(images[i])) for i, c in enumerate(CLASSES)})
        )
        [axes] = figure.axes
        apart(axes)
        assert words(axes) == [*CLASSES, *map(str, range(10))]
        grid = dict(zip(places(axes), shown(axes), strict=True))
        columns = sorted({place[0] for place in grid})
        rows = sorted({place[3] for place in grid})
        assert (len(columns), len(rows)) == (4, 10)
        for (left, _, _, top), image in grid.items():
            np.testing.assert_array_equal(image, images[columns.index(left), rows.index(top)])
        for left, right, bottom, top in grid:
            assert (right - left) / (bottom - top) == pytest.approx(40 / 15)

    def test_gaps_for_what_is_missing(self, rng):
        a, b = pictures(rng, 2)
        figure = legible(figures.sample_grid({"octane": {3: a}, "breakout": {7: b}}))
        [axes] = figure.axes
        (left, _, _, top), (right, _, _, below) = places(axes)
        assert left < right
        assert top < below
        assert words(axes) == ["octane", "breakout", "3", "7"]

    def test_mistakes_are_named(self, rng):
        with pytest.raises(ValueError, match=r"samples has pictures of shapes \[\]; give at least"):
            figures.sample_grid({"octane": {}})
        small, large = pictures(rng, size=(5, 10)), pictures(rng)
        with pytest.raises(ValueError, match=r"\(5, 10, 3\), \(50, 100, 3\).*all of the same"):
            figures.sample_grid({"octane": {0: small, 1: large}})


@pytest.mark.parametrize(("n", "k"), [(1, 1), (6, 5)])
def test_augmented_beside_their_originals(rng, n, k):
    originals, augmented = pictures(rng, n), pictures(rng, n, k)
    names = [CLASSES[i % 4] for i in range(n)]
    [axes] = legible(figures.augmented_grid(originals, augmented, names)).axes
    apart(axes)
    assert words(axes) == ["original", "augmented", *names]
    for row in range(n):
        block = shown(axes)[row * (k + 1) : (row + 1) * (k + 1)]
        np.testing.assert_array_equal(block, [originals[row], *augmented[row]])
        lefts = [place[0] for place in places(axes)[row * (k + 1) : (row + 1) * (k + 1)]]
        assert lefts == sorted(lefts)


def test_augmented_wants_a_name_each(rng):
    with pytest.raises(ValueError, match="names has 1 entries, but originals has 2; give one for"):
        figures.augmented_grid(pictures(rng, 2), pictures(rng, 2, 3), ["octane"])


def log(start: float = 30.0, **columns: object) -> pd.DataFrame:
    step = np.arange(64, 20_481, 64)
    fall = np.exp(-step / 900)
    rows = {"step": step, "cross_entropy": 0.15 + fall, "l1": 3.8 + start * fall}
    rows["accuracy"] = 0.94 - 0.6 * fall
    rows["loss"] = rows["cross_entropy"] + rows["l1"]
    after = step % 1024 == 0
    rows["validation_cross_entropy"] = np.where(after, 0.01 + 0.2 * fall, np.nan)
    rows["validation_accuracy"] = np.where(after, 0.997 - 0.2 * fall, np.nan)
    return pd.DataFrame(rows | columns)


class TestHistory:
    def test_three_panels_and_the_level_the_loss_ends_at(self):
        given = log()
        figure = legible(figures.history(given))
        assert titles(figure) == ["cross entropy", "loss with L1", "accuracy, %"]
        entropy, loss, accuracy = figure.axes
        assert [a.get_yscale() for a in figure.axes] == ["log", "log", "linear"]
        np.testing.assert_array_equal(entropy.lines[0].get_ydata(), given["cross_entropy"])
        assert len(entropy.lines[1].get_ydata()) == 20, "a mark an epoch"
        total, part, level = loss.lines
        np.testing.assert_array_equal(total.get_ydata(), given["loss"])
        np.testing.assert_array_equal(part.get_ydata(), given["l1"])
        assert set(level.get_ydata()) == {given["loss"].iloc[-1]}
        np.testing.assert_array_equal(accuracy.lines[0].get_ydata(), 100 * given["accuracy"])
        assert accuracy.lines[1].get_ydata()[-1] == pytest.approx(99.7, abs=0.01)
        assert legend_words(figure)[-1] == "ends at 3.95"
        dashes = {str(line._dash_pattern) for line in (total, part, level)}
        assert len(dashes) == 3

    def test_a_loss_that_falls_little_stands_on_zero(self):
        loss = legible(figures.history(log(start=4.0))).axes[1]
        assert (loss.get_yscale(), loss.get_ylim()[0]) == ("linear", 0)

    def test_without_l1_and_without_validation(self):
        given = log(l1=0.0).drop(columns=["validation_cross_entropy", "validation_accuracy"])
        given["loss"] = given["cross_entropy"]
        figure = legible(figures.history(given))
        assert titles(figure)[1] == "loss (no L1)"
        assert len(figure.axes[1].lines) == 2
        assert len(figure.axes[0].lines) == 1
        assert legend_words(figure) == ["augmented training images", "loss", "ends at 0.15"]

    def test_one_row_and_a_perfect_epoch(self):
        legible(figures.history(log().tail(1)))
        zero = legible(figures.history(log(validation_cross_entropy=0.0))).axes[0]
        assert len(zero.lines[1].get_ydata()) == 0, "a log axis has no zero"

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="log has 320 rows with columns .*want .* accuracy"):
            figures.history(log().drop(columns="l1"))
        with pytest.raises(ValueError, match="log has 0 rows"):
            figures.history(log().head(0))


class TestConfusion:
    COUNTS = np.array([[9492, 20, 12, 33], [11, 9498, 5, 8], [4, 2, 6342, 13], [6, 2, 6, 12633]])

    def test_counts_and_margins(self):
        figure = legible(figures.confusion(self.COUNTS, CLASSES))
        [axes] = figure.axes
        said = words(axes)
        assert said[:16] == [f"{count:,}" for count in self.COUNTS.flat]
        recall = [9492 / 9557, 9498 / 9522, 6342 / 6361, 12633 / 12647]
        precision = [9492 / 9513, 9498 / 9522, 6342 / 6365, 12633 / 12687]
        assert said[16:-1:3] == [f"{100 * x:.2f} %" for x in recall]
        assert said[17:-1:3] == ["25.1 %", "25.0 %", "16.7 %", "33.2 %"]
        assert said[18:-1:3] == [f"{100 * x:.2f} %" for x in precision]
        assert said[-1] == "99.68 %"
        assert ticks(axes.xaxis) == [*CLASSES, "recall", "share"]
        assert ticks(axes.yaxis) == [*CLASSES, "precision"]
        assert "37,965 of 38,087 right" in figure.get_supxlabel()

    def test_truth_is_in_rows(self):
        [axes] = figures.confusion(np.array([[1, 7], [0, 2]]), ["a", "b"]).axes
        [seven] = [text for text in axes.texts if text.get_text() == "7"]
        assert seven.get_position() == (1, 0)

    def test_shade_is_of_the_row_and_words_stand_out(self):
        [axes] = figures.confusion(np.array([[50, 50], [1, 9999]]), ["a", "b"]).axes
        light = [to_rgb(patch.get_facecolor())[0] for patch in axes.patches]
        assert light[0] == light[1]
        assert light[3] < light[0] < light[2] < 1
        inks = [text.get_color() for text in axes.texts[:4]]
        assert inks[3] == "white"
        assert inks[2] != "white"

    def test_absent_classes(self):
        [axes] = legible(figures.confusion(np.zeros((2, 2), int), ["a", "b"])).axes
        assert words(axes).count("none") == 5
        legible(figures.confusion(np.eye(8, dtype=int), [f"car {i}" for i in range(8)]))

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="classes has 1 entries, but counts has 2"):
            figures.confusion(np.eye(2, dtype=int), ["a"])


class TestMarks:
    @pytest.mark.parametrize(
        ("share", "said"),
        [
            (0.0, "0 %"), (1.0, "100 %"), (0.5, "50 %"), (0.9968, "99.7 %"), (0.99983, "99.98 %"),
            (0.99999, "> 99.99 %"), (1e-9, "< 0.01 %"), (0.004, "0.4 %"), (float("nan"), "unknown"),
        ],
    )  # fmt: skip
    def test_per_cent(self, share, said):
        assert marks.per_cent(share) == said

    @settings(max_examples=50)
    @given(st.floats(0, 1, exclude_min=True, exclude_max=True))
    def test_per_cent_never_claims_certainty(self, share):
        assert marks.per_cent(share) not in ("0 %", "100 %", "0.0 %", "100.0 %", "100.00 %")

    @settings(max_examples=20)
    @given(st.floats(0, 1), st.floats(0, 1))
    def test_error_turns_the_ends_round(self, low, high):
        value, below, above = marks.error_of((0.5, min(low, high), max(low, high)))
        assert value == 0.5
        assert below <= above
        assert marks.error_of((0.25, None, None)) == (0.75, None, None)

    def test_ten_looks_differ_without_colour(self):
        found = [(look.mark, look.filled) for look in marks.looks(12)]
        assert len(set(found)) == 12
