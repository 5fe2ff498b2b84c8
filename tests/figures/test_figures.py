"""Every figure holds what it was given, in the book's look, and survives numbers that are lost."""

from io import BytesIO
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from lib.figures import style
from lib.figures import vqvae as figures

HEIGHT, WIDTH = 4, 6


@pytest.fixture(autouse=True)
def agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 255, (8, HEIGHT, WIDTH, 3), np.uint8)


def drawn(figure: Figure) -> Figure:
    """`figure`, drawn: warnings of layout and fonts come only now. pytest makes them errors."""
    FigureCanvasAgg(figure).draw()
    assert figure.get_figwidth() == pytest.approx(style.WIDTH_IN)
    assert 0.5 < figure.get_figheight() < 12
    assert plt.get_fignums() == [], "a figure left open is shown twice by a notebook"
    return figure


def sheet(axis: Axes) -> np.ndarray:
    """The one picture of an axis."""
    [image] = axis.images
    return np.asarray(image.get_array())


def tiles(picture: np.ndarray, gap: int = 2) -> np.ndarray:
    """Rows and columns of images that a montage was made of: its inverse."""
    rows = (picture.shape[0] + gap) // (HEIGHT + gap)
    columns = (picture.shape[1] + gap) // (WIDTH + gap)
    return np.stack(
        [
            [
                picture[
                    r * (HEIGHT + gap) : r * (HEIGHT + gap) + HEIGHT,
                    c * (WIDTH + gap) : c * (WIDTH + gap) + WIDTH,
                ]
                for c in range(columns)
            ]
            for r in range(rows)
        ]
    )


def words(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.texts]


def legend(of: Axes | Figure) -> list[str]:
    found = of.legends[0] if isinstance(of, Figure) else of.get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def history(steps: int, scale: float = 1.0) -> pd.DataFrame:
    step = np.arange(1, steps + 1)
    names = ("mse", "commitment", "perplexity", "largest_sum", "largest_product")
    return pd.DataFrame({"step": step} | dict.fromkeys(names, scale / step))


class TestStyle:
    def test_a_montage_holds_every_image_and_white_between(self, images):
        grid = images.reshape(2, 4, HEIGHT, WIDTH, 3)
        picture = style.montage(grid)
        assert picture.shape == (2 * HEIGHT + 2, 4 * WIDTH + 3 * 2, 3)
        np.testing.assert_array_equal(tiles(picture), grid)
        covered = np.zeros(picture.shape[:2], bool)
        for y in (0, HEIGHT + 2):
            for x in range(0, picture.shape[1], WIDTH + 2):
                covered[y : y + HEIGHT, x : x + WIDTH] = True
        assert (picture[~covered] == 255).all()

    def test_a_montage_without_gaps(self, images):
        picture = style.montage(images[None], gap_px=0)
        np.testing.assert_array_equal(picture, np.concatenate(list(images), axis=1))

    def test_rows_are_labelled_at_their_middle(self, images):
        figure, axis = style.figure(2.0)
        style.show_rows(axis, images.reshape(2, 4, HEIGHT, WIDTH, 3), ["original", "v1.0"])
        drawn(figure)
        assert [label.get_text() for label in axis.get_yticklabels()] == ["original", "v1.0"]
        np.testing.assert_allclose(axis.get_yticks(), [HEIGHT / 2, HEIGHT + 2 + HEIGHT / 2])
        np.testing.assert_array_equal(tiles(sheet(axis)), images.reshape(2, 4, HEIGHT, WIDTH, 3))

    def test_a_name_keeps_its_colour(self):
        assert style.colours(["a", "b"])["a"] == style.colours(["a", "b", "c"])["a"]
        many = style.colours([str(i) for i in range(8)])
        assert len(set(list(many.values())[: len(style.PALETTE)])) == len(style.PALETTE)
        assert many["6"] == many["0"]

    @pytest.mark.parametrize("kind", ["full sight", "protanopia", "deuteranopia", "tritanopia"])
    def test_the_first_three_colours_differ_for_every_eye(self, kind):
        seen = [lab(SIGHT[kind] @ linear(to_rgb(colour))) for colour in style.PALETTE[:3]]
        for a, b in combinations(seen, 2):
            assert np.linalg.norm(a - b) > 15, "a difference of 2 can just be told (CIE 1976)"

    def test_text_can_be_read_on_paper(self):
        """Contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3)."""
        weights = np.array([0.2126, 0.7152, 0.0722])
        paper = weights @ linear(to_rgb(style.PAPER))
        for ink in (style.INK, style.MUTED):
            assert (paper + 0.05) / (weights @ linear(to_rgb(ink)) + 0.05) >= 4.5

    def test_the_style_file_has_the_palette(self):
        style.use_book_style()
        cycle = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
        assert [to_rgb(c) for c in cycle[: len(style.PALETTE)]] == [
            to_rgb(c) for c in style.PALETTE
        ]

    def test_a_note_is_under_the_figure(self):
        figure, _ = style.figure(2.0)
        style.note(figure, "n = 12 worlds")
        drawn(figure)
        assert figure.get_supxlabel() == "n = 12 worlds"


class TestStoredPictures:
    def test_a_stored_picture_is_shown_as_it_is(self, images):
        file = BytesIO()
        plt.imsave(file, images[0], format="png")
        figure = drawn(style.picture(file.getvalue(), title="preset small"))
        [axis] = figure.axes
        np.testing.assert_allclose(sheet(axis)[..., :3] * 255, images[0], atol=0.01)
        assert axis.get_title(loc="left") == "preset small"
        assert figure.get_figheight() > style.WIDTH_IN * HEIGHT / WIDTH, (
            "the picture is not squeezed"
        )

    def test_a_sentence_where_a_picture_would_be(self):
        figure = drawn(style.message("none is recorded"))
        assert words(figure.axes[0]) == ["none is recorded"]


SIGHT = {  # linear RGB as seen by dichromats (Machado et al. 2009, severity 1)
    "full sight": np.eye(3),
    "protanopia": np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
    "deuteranopia": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
    "tritanopia": np.array(
        [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]
    ),
}
TO_XYZ = np.array(  # from linear sRGB, over the white of D65
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def linear(rgb: tuple[float, ...]) -> np.ndarray:
    """sRGB in [0, 1] as linear light (IEC 61966-2-1)."""
    x = np.asarray(rgb)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Linear RGB as CIE 1976 L*a*b*, where equal distances look equally far."""
    x, y, z = np.cbrt(TO_XYZ @ rgb.clip(0, 1) / TO_XYZ.sum(1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


class TestFootage:
    def test_a_sheet_shows_all_frames_of_each_data_set(self, images, rng):
        other = rng.integers(0, 255, (6, HEIGHT, WIDTH, 3), np.uint8)
        figure = drawn(figures.footage_sheet({"minerl": images, "gamefactory": other}))
        assert [axis.get_title(loc="left") for axis in figure.axes] == ["minerl", "gamefactory"]
        for axis, given in zip(figure.axes, (images, other), strict=True):
            np.testing.assert_array_equal(
                tiles(sheet(axis)), given.reshape(2, -1, HEIGHT, WIDTH, 3)
            )

    def test_the_method_in_three_panels(self, images, rng):
        codes = rng.integers(0, 5, (2, 3))
        codes[0, :2] = 4, 0
        figure = drawn(figures.method_picture(images[0], codes, images[1], 5))
        titles = [axis.get_title(loc="left") for axis in figure.axes]
        assert titles[0] == f"frame, {WIDTH} × {HEIGHT} pixels", "columns first"
        assert titles[1] == "3 × 2 codes out of 5"
        np.testing.assert_array_equal(sheet(figure.axes[0]), images[0])
        np.testing.assert_array_equal(sheet(figure.axes[2]), images[1])
        shown = sheet(figure.axes[1])
        same = codes[:, :, None, None] == codes
        assert ((shown[:, :, None, None] == shown) == same).all(), "a colour a code"


COLUMNS = {"mse": "error", "commitment": "commitment loss", "perplexity": "perplexity"}


class TestTraining:
    def test_a_panel_a_column_and_a_line_a_version(self):
        histories = {"v1.0": history(20), "v1.0.1": history(30, 2.0)}
        figure = drawn(figures.training_curves(histories, COLUMNS))
        assert [a.get_title(loc="left") for a in figure.axes] == list(COLUMNS.values())
        for axis, column in zip(figure.axes, COLUMNS, strict=True):
            for line, given in zip(axis.lines, histories.values(), strict=True):
                np.testing.assert_array_equal(line.get_xdata(), given["step"])
                np.testing.assert_array_equal(line.get_ydata(), given[column])
            assert axis.get_yscale() == ("linear" if column == "perplexity" else "log")
        assert legend(figure) == ["v1.0", "v1.0.1"]

    @pytest.mark.parametrize("lost", [np.nan, np.inf])
    def test_a_run_that_was_lost_is_still_drawn(self, lost):
        collapsed = history(20)
        collapsed.loc[10:, list(COLUMNS)] = lost
        figure = drawn(figures.training_curves({"v1.0": collapsed}, COLUMNS))
        assert np.isfinite(figure.axes[0].lines[0].get_ydata()).sum() == 10

    def test_one_column_only(self):
        figure = drawn(figures.training_curves({"v1.0": history(5)}, {"mse": "error"}))
        assert len(figure.axes) == 1

    def test_growth_against_the_end_of_float16(self):
        histories = {"v1.0": history(20, 500.0), "v1.0.1": history(20, 50.0)}
        figure = drawn(figures.float16_growth(histories))
        assert len(figure.axes) == 2
        for axis in figure.axes:
            *curves, limit = axis.lines
            assert [line.get_label() for line in curves] == list(histories)
            assert list(limit.get_ydata()) == [65_504, 65_504]
            bottom, top = axis.get_ylim()
            assert bottom < 50 / 20
            assert top > 65_504
        [said] = [text for text in figure.axes[0].texts if "65,504" in text.get_text()]
        box = said.get_window_extent()
        line = figure.axes[0].transData.transform((0, 65_504))[1]
        assert box.y1 < line - 1, "the words touch the dashed line"
        assert said.get_bbox_patch().get_facecolor() == (1, 1, 1, 1), "gridlines stay behind"

    def test_growth_beyond_the_end_stays_in_view(self):
        figure = drawn(figures.float16_growth({"v1.0": history(20, 5e6)}))
        assert figure.axes[0].get_ylim()[1] > 5e6

    def test_growth_to_infinity(self):
        grown = history(20, 500.0)
        grown.loc[12:, ["largest_sum", "largest_product"]] = np.inf
        drawn(figures.float16_growth({"v1.0": grown}))


class TestPictures:
    def test_originals_above_reconstructions(self, images):
        seen = {"original": images[:4], "v1.0": images[4:]}
        unseen = {"original": images[3:7], "v1.0": images[1:5]}
        figure = drawn(figures.reconstruction_grid(seen, unseen))
        left, right = figure.axes
        assert left.get_title(loc="left") == "training worlds"
        assert right.get_title(loc="left") == "held-out worlds"
        np.testing.assert_array_equal(tiles(sheet(left)), np.stack(list(seen.values())))
        np.testing.assert_array_equal(tiles(sheet(right)), np.stack(list(unseen.values())))
        assert [label.get_text() for label in left.get_yticklabels()] == ["original", "v1.0"]


OUTCOMES = list(figures.OUTCOME_LOOK)


class TestOverflow:
    def test_a_cell_for_each_outcome(self):
        outcomes = {"distances": OUTCOMES[:2] * 2, "EMA sums": OUTCOMES[2:] * 2}
        factors = [1.0, 10**0.5, 31.6227, 100_000.0]
        figure = drawn(figures.outcome_strip(outcomes, factors))
        [axis] = figure.axes
        assert len(axis.patches) == 8
        looks = [figures.OUTCOME_LOOK[name] for row in outcomes.values() for name in row]
        for patch, (fill, _, _) in zip(axis.patches, looks, strict=True):
            np.testing.assert_allclose(patch.get_facecolor()[:3], to_rgb(fill))
        assert words(axis) == [mark for _, _, mark in looks]
        assert [t.get_text() for t in axis.get_yticklabels()] == list(outcomes)
        ticks = [t.get_text() for t in axis.get_xticklabels()]
        assert ticks == ["1", "3.16", "31.6", "100,000"]
        assert [t.get_text() for t in figure.legends[0].get_texts()] == OUTCOMES

    def test_only_outcomes_that_occur_are_explained(self):
        figure = drawn(figures.outcome_strip({"look-up": [OUTCOMES[3], OUTCOMES[0]]}, [1.0, 10.0]))
        explained = [text.get_text() for text in figure.legends[0].get_texts()]
        assert explained == [OUTCOMES[0], OUTCOMES[3]]

    def test_outcomes_are_told_apart_without_colour(self):
        assert len({mark for _, _, mark in figures.OUTCOME_LOOK.values()}) == 4

    def test_every_outcome_of_the_experiment_has_a_look(self):
        from lib.evaluation.half_precision import Outcome

        assert {outcome.value for outcome in Outcome} == set(OUTCOMES)

    def test_lost_batches_are_marked(self):
        losses = {"float16": [True, True, False, False], "float32": [True] * 4}
        figure = drawn(figures.poisoning_strip(losses, loud=2))
        [axis] = figure.axes
        assert words(axis) == ["finite", "finite", "lost", "lost"] + ["finite"] * 4
        assert [t.get_text() for t in axis.get_yticklabels()] == list(losses)
        assert [t.get_text() for t in axis.get_xticklabels()] == ["1", "2", "3\n(loud)", "4"]


METRICS = {"psnr_db": "PSNR, dB", "ssim": "SSIM"}


class TestScores:
    def test_dots_and_intervals(self):
        scores = {
            "v1.0": {
                "train": {"psnr_db": (24.0, 23.5, 24.5), "ssim": (0.8, 0.7, 0.9)},
                "heldout": {"psnr_db": (22.0, 21.0, 23.5), "ssim": (0.7, 0.6, 0.75)},
            }
        }
        figure = drawn(figures.score_dots(scores, METRICS))
        for axis, metric in zip(figure.axes, METRICS, strict=True):
            bars = [line for line in axis.lines if len(line.get_xdata()) == 2]
            dots = [line for line in axis.lines if len(line.get_xdata()) == 1]
            given = [scores["v1.0"][part][metric] for part in ("train", "heldout")]
            assert [line.get_xdata()[0] for line in dots] == [value for value, _, _ in given]
            assert [tuple(line.get_xdata()) for line in bars] == [(low, up) for _, low, up in given]
            assert axis.get_title(loc="left") == METRICS[metric]
        assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["v1.0"]
        assert [t.get_text() for t in figure.legends[0].get_texts()] == [
            "training worlds",
            "held-out worlds",
        ]

    def test_lost_scores_and_missing_intervals(self):
        lost = (float("nan"), None, None)
        scores = {
            "v1.0": {part: {"psnr_db": lost, "ssim": lost} for part in ("train", "heldout")},
            "v1.0.1": {
                part: {"psnr_db": (22.0, None, None), "ssim": (0.5, 0.4, 0.6)}
                for part in ("train", "heldout")
            },
        }
        figure = drawn(figures.score_dots(scores, METRICS))
        for axis, bars in zip(figure.axes, (0, 2), strict=True):
            assert words(axis) == ["not finite", "not finite"]
            assert sum(len(line.get_xdata()) == 2 for line in axis.lines) == bars
            assert sum(len(line.get_xdata()) == 1 for line in axis.lines) == 2
        assert [t.get_text() for t in figure.legends[0].get_texts()] == [
            "training worlds",
            "held-out worlds",
        ]

    def test_nothing_but_lost_scores(self):
        lost = (float("nan"), None, None)
        scores = {"v1.0": {part: {"psnr_db": lost} for part in ("train", "heldout")}}
        figure = drawn(figures.score_dots(scores, {"psnr_db": "PSNR, dB"}))
        assert words(figure.axes[0]) == ["not finite", "not finite"]

    def test_codes_by_rank(self):
        counts = {"v1.0": np.array([0, 6, 3, 0, 1]), "v2.0": np.array([5, 5])}
        figure = drawn(figures.code_ranks(counts))
        [axis] = figure.axes
        np.testing.assert_allclose(axis.lines[0].get_ydata(), [0.6, 0.3, 0.1])
        np.testing.assert_allclose(axis.lines[0].get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(axis.lines[1].get_ydata(), [0.5, 0.5])
        assert legend(axis) == ["v1.0: 3 of 5", "v2.0: 2 of 2"]
