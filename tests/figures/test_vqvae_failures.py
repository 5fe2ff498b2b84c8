"""Why versions failed, in pictures and lines: each figure shows what it was given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from lib.figures import vqvae_failures as failures
from lib.figures import vqvae_pictures as pictures
from lib.figures.style import montage
from lib.models.vqvae_versions import VERSIONS
from tests.figures.apart import legend_words, legible, ticks, titles, words

NAMES = list(VERSIONS)
PATHS = ("whole model", "latents not quantised", "one code everywhere")


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


@pytest.fixture
def frames(rng):
    def make(n: int = 4, h: int = 9, w: int = 16) -> np.ndarray:
        return rng.integers(0, 256, (n, h, w, 3), np.uint8)

    return make


def holds(axes: Axes, rows: list[np.ndarray]) -> None:
    [image] = axes.images
    np.testing.assert_array_equal(np.asarray(image.get_array()), montage(np.stack(rows)))


class TestVersionSheet:
    def test_three_sizes_on_one_page(self, frames):
        groups = {
            "MineRL": (NAMES[:2], 64, 64),
            "36": (NAMES[2:3], 36, 64),
            "72": (NAMES[3:], 72, 128),
        }
        blocks = [
            pictures.SheetBlock(
                title,
                {name: frames(4, h, w) for name in ["original", *names]},
                {name: frames(4, h, w) for name in ["original", *names]},
            )
            for title, (names, h, w) in groups.items()
        ]  # fmt: skip
        figure = legible(pictures.version_sheet(blocks))
        assert titles(figure)[::2] == list(groups)
        said = [axes.get_title(loc="right") for axes in figure.axes[:2]]
        assert said == ["training frames", "held-out frames"]
        for i, block in enumerate(blocks):
            left, right = figure.axes[2 * i : 2 * i + 2]
            holds(left, list(block.train.values()))
            holds(right, list(block.heldout.values()))
            assert ticks(left.yaxis) == list(block.train)
            assert set(ticks(right.yaxis)) == {""}
        widths = [axes.get_window_extent().width / figure.dpi for axes in figure.axes]
        assert min(widths) > 2.5, "pictures fill the page"
        assert max(widths) - min(widths) < 0.1, "blocks are equally wide"

    def test_one_version(self, frames):
        rows = {"original": frames(), "v1.0": frames()}
        legible(pictures.version_sheet([pictures.SheetBlock("MineRL", rows, rows)]))

    def test_mistakes_are_named(self, frames):
        rows = {"original": frames(), "v1.0": frames(3)}
        with pytest.raises(ValueError, match="blocks is empty"):
            pictures.version_sheet([])
        with pytest.raises(ValueError, match=r"'MineRL': row 'v1.0' has shape \(3, 9, 16, 3\)"):
            pictures.version_sheet([pictures.SheetBlock("MineRL", rows, rows)])
        other = {"original": frames()}
        with pytest.raises(ValueError, match="want the same versions in the same order"):
            pictures.version_sheet([pictures.SheetBlock("MineRL", rows, other)])


class TestFlatInputs:
    def test_rows_and_their_contrast(self, frames):
        rows = {"input": frames(5), "v2.0.1": frames(5), "v2.1.6": frames(5)}
        figure = legible(pictures.flat_inputs(rows))
        for axes, (name, images) in zip(figure.axes, rows.items(), strict=True):
            assert ticks(axes.yaxis) == [name, "contrast × 8"]
            holds(axes, [images, pictures.amplified(images)])

    @settings(max_examples=20, deadline=None)
    @given(level=st.integers(0, 255), step=st.integers(-3, 3))
    def test_contrast_is_raised_about_the_mean(self, level, step):
        image = np.full((1, 2, 2, 3), level, np.uint8)
        np.testing.assert_array_equal(pictures.amplified(image), image)
        if 0 <= level + 2 * step <= 255:
            image[0, 0] += np.uint8(2 * step % 256)  # half the pixels, so the mean moves by `step`
            raised = pictures.amplified(image)
            assert (raised[0, 0] == np.clip(level + 9 * step, 0, 255)).all()
            assert (raised[0, 1] == np.clip(level - 7 * step, 0, 255)).all()

    def test_mistakes_are_named(self, frames):
        with pytest.raises(ValueError, match="rows is empty"):
            pictures.flat_inputs({})
        with pytest.raises(ValueError, match="row 'v1.0' has shape .* 'input' has"):
            pictures.flat_inputs({"input": frames(), "v1.0": frames(4, 8, 8)})


class TestTwoByTwo:
    def test_four_cells_under_their_originals(self, frames):
        originals, cells = frames(), {cell: frames() for cell in pictures.CELLS}
        scores = {
            cell: {"psnr_db": 10.0 + i, "lpips": 0.1 * i, "darkest": 32.0 * i}
            for i, cell in enumerate(pictures.CELLS)
        }
        figure = legible(pictures.two_by_two(originals, cells, scores))
        assert titles(figure)[:2] == ["LPIPS fed [0, 1]: wrong", "LPIPS fed [−1, 1]: right"]
        for axes in figure.axes[:2]:
            holds(axes, [originals])
        for axes, (relu, right) in zip(figure.axes[2:], pictures.CELLS, strict=True):
            holds(axes, [cells[relu, right]])
        assert titles(figure)[3] == "PSNR 11.0 dB    LPIPS 0.100    darkest pixel 32"
        assert [ticks(axes.yaxis)[0] for axes in figure.axes[2::2]] == [
            "ReLU before\nthe sigmoid",
            "no ReLU",
        ]

    def test_scores_may_be_lost_or_absent(self, frames):
        cells = {cell: frames() for cell in pictures.CELLS}
        scores = {cell: {"psnr_db": float("nan")} for cell in pictures.CELLS}
        figure = legible(pictures.two_by_two(frames(), cells, scores))
        assert titles(figure)[2] == "PSNR nan dB"

    def test_mistakes_are_named(self, frames):
        cells = {cell: frames() for cell in pictures.CELLS}
        scores: dict = {cell: {} for cell in pictures.CELLS}
        with pytest.raises(ValueError, match=r"pictures lacks \[\(False, True\)\]"):
            pictures.two_by_two(frames(), dict(list(cells.items())[:3]), scores)
        with pytest.raises(ValueError, match="scores lacks"):
            pictures.two_by_two(frames(), cells, {})
        with pytest.raises(ValueError, match=r"'\(True, False\)' has shape"):
            pictures.two_by_two(frames(3), cells, scores)


class TestGridPaths:
    def test_a_row_a_version_and_a_mark_a_path(self):
        given = {
            name: {path: (0.1 * (i + 1) * (j + 1), 0.05, 2.0) for j, path in enumerate(PATHS)}
            for i, name in enumerate(NAMES[:5])
        }
        figure = legible(failures.grid_paths(given))
        [axes] = figure.axes
        assert ticks(axes.yaxis) == NAMES[:5]
        assert legend_words(figure) == list(PATHS)
        for j, path in enumerate(PATHS):
            marks = [x for x in axes.lines if x.get_marker() == failures.MARKS[j]]
            found = {round(x.get_ydata()[0]): x.get_xdata()[0] for x in marks if len(x.get_xdata())}
            assert found == {i: row[path][0] for i, row in enumerate(given.values())}
        assert any(list(line.get_xdata()) == [1.0, 1.0] for line in axes.lines)

    def test_zeros_gaps_and_lost_values(self):
        given = {
            "v2.0.1": {PATHS[0]: (2.0, 1.0, 3.0), PATHS[1]: None},
            "v2.1.0": {PATHS[0]: (0.0, 0.0, 0.0), PATHS[1]: (float("nan"), None, None)},
        }
        figure = legible(failures.grid_paths(given))
        [axes] = figure.axes
        assert words(axes).count("0") == 1
        zero = next(t for t in axes.texts if t.get_text() == "0")
        left, right = axes.get_xlim()
        assert left < zero.xy[0] < 1.0 < right
        assert round(zero.xy[1]) == 1
        assert legend_words(figure) == list(PATHS[:2])

    def test_one_version_and_none(self):
        legible(failures.grid_paths({"v1.0": {PATHS[0]: (3.0, None, None)}}))
        with pytest.raises(ValueError, match="values is empty"):
            failures.grid_paths({})


def table(**columns: list[float]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=np.arange(1, rows + 1))


class TestLines:
    def test_lpips_under_both_ranges(self):
        contrast, blur = table(a=[0.3, 0.0, 0.2], b=[0.5, 0.0, 0.4]), table(a=[0.1], b=[0.2])
        figure = legible(failures.range_curves(contrast, blur))
        for axes, rows in zip(figure.axes, (contrast, blur), strict=True):
            for line, column in zip(axes.lines[:2], rows, strict=True):
                np.testing.assert_array_equal(line.get_xdata(), rows.index)
                np.testing.assert_array_equal(line.get_ydata(), rows[column])
        assert legend_words(figure.axes[1]) == ["a", "b"]
        assert figure.axes[0].lines[0].get_marker() != figure.axes[0].lines[1].get_marker()

    def test_reseeded_codes_and_movement(self):
        near, movement = (
            table(stale=[0.9, 0.2], reset=[1.0, np.nan]),
            table(stale=[0.3], reset=[0.1]),
        )
        figure = legible(failures.revival(near, movement))
        left, right = figure.axes
        np.testing.assert_allclose(left.lines[0].get_ydata(), [90.0, 20.0])
        np.testing.assert_allclose(right.lines[1].get_ydata(), [0.1])
        assert right.get_yscale() == "log"
        assert legend_words(figure) == ["stale", "reset"]

    def test_a_codebook_at_rest(self):
        figure = legible(failures.revival(table(a=[1.0, 1.0]), table(a=[0.1, 0.0])))
        assert figure.axes[1].get_yscale() == "linear"

    @pytest.mark.parametrize("figure", [failures.range_curves, failures.revival])
    def test_mistakes_are_named(self, figure):
        with pytest.raises(ValueError, match=r"has columns \['a'\], .* \['b'\]; want the same"):
            figure(table(a=[1.0]), table(b=[1.0]))
        with pytest.raises(ValueError, match="at least one"):
            figure(pd.DataFrame(), pd.DataFrame())


class TestUsage:
    def test_curves_and_sizes(self):
        counts = {
            "4": np.array([0, 90, 1, 9]),
            "2,048": np.r_[np.full(1000, 1), np.zeros(1048, int)],
        }
        figure = legible(failures.usage(counts))
        curves, bars = figure.axes
        np.testing.assert_allclose(curves.lines[0].get_ydata(), [90, 99, 100, 100])
        assert words(bars) == ["4", "3", "2", "2,048", "1,000", "990"]
        assert [bar.get_width() for bar in bars.patches] == [4, 3, 2, 2048, 1000, 990]
        assert ticks(bars.yaxis) == list(counts)
        assert legend_words(curves) == list(counts)
        assert legend_words(figure) == ["codebook", "codes used", "needed for 99 % of cells"]

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any))
    def test_codes_needed_by_counting(self, count):
        left, needed = sorted(count, reverse=True), 0
        while 100 * sum(left[:needed]) < 99 * sum(count):
            needed += 1
        assert failures.codes_for(np.array(count)) == needed

    def test_one_codebook_and_none(self):
        legible(failures.usage({"512": np.array([3])}))
        with pytest.raises(ValueError, match="counts is empty"):
            failures.usage({})
        with pytest.raises(ValueError, match=r"counts\['512'\] sums to 0"):
            failures.usage({"512": np.zeros(3, int)})
