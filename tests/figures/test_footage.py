"""The footage page's figures hold what they were given, and survive what is missing."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.figures import footage as figures
from lib.figures import style


@pytest.fixture(autouse=True)
def agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def drawn(figure: Figure) -> Figure:
    """`figure`, drawn: warnings of layout and fonts come only now. pytest makes them errors."""
    figure.canvas.draw()
    assert figure.get_figwidth() == pytest.approx(style.WIDTH_IN)
    assert 0.5 < figure.get_figheight() < 12
    assert plt.get_fignums() == [], "a figure left open is shown twice by a notebook"
    return figure


def legend(figure: Figure) -> list[str]:
    [found] = figure.legends
    return [text.get_text() for text in found.get_texts()]


@pytest.mark.parametrize(("n", "rows"), [(1, 1), (6, 1), (7, 2)])
def test_contact_sheet(rng, n, rows):
    images = rng.integers(0, 255, (n, 4, 6, 3), np.uint8)
    titles = [f"frame {i}\nday" for i in range(n)]
    figure = drawn(figures.contact_sheet(images, titles))
    assert len(figure.axes) == 6 * rows
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title(loc="left") for axis in shown] == titles
    for axis, image in zip(shown, images, strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), image)


def test_a_title_for_each_image(rng):
    images = rng.integers(0, 255, (3, 4, 6, 3), np.uint8)
    with pytest.raises(ValueError, match=r"titles has 2 entries for 3 images; give one each"):
        figures.contact_sheet(images, ["a", "b"])


def test_share_dots_are_in_per_cent():
    shares = {
        "MineRL": {
            "snow": {"train": (0.2, 0.1, 0.4), "heldout": (0.3, None, None)},
            "mesa": {"train": (0.8, 0.6, 0.9)},
        },
        "GF": {"snow": {"train": (1.0, 1.0, 1.0)}},
    }
    figure = drawn(figures.share_dots(shares, expected={"MineRL": 0.5}))
    left, right = figure.axes
    assert [axis.get_title(loc="left") for axis in (left, right)] == ["MineRL", "GF"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["snow", "mesa"]
    values = [line.get_xdata().tolist() for line in left.lines if line.get_marker() == "o"]
    assert values == [[20.0], [30.0], [80.0]]
    bars = [line.get_xdata() for line in left.lines if line.get_marker() == "None"]
    assert [list(bar) for bar in bars] == [[10.0, 40.0], [60.0, 90.0], [50.0, 50.0]]
    assert len(right.lines) == 2, "no dashed line where none was asked for"
    assert legend(figure) == ["training worlds", "held-out worlds"]


def test_daytime_stacks_shares_of_all_frames():
    counts = {
        "MineRL": {
            "day": np.array([3, 0, 0, 0]),
            "dusk": np.array([1, 2, 0, 0]),
            "night": np.array([0, 0, 4, 0]),
        }
    }
    figure = drawn(figures.daytime(counts))
    [axis] = figure.axes
    heights = np.zeros(4)
    for patch in axis.patches:
        heights[int(patch.get_x() // 6)] += patch.get_height()
    np.testing.assert_allclose(heights, [40, 20, 40, 0])
    dusk = [patch for patch in axis.patches if patch.get_hatch() == "//"]
    assert [patch.get_y() for patch in dusk][:2] == [30, 0]
    assert legend(figure) == ["day", "dawn and dusk", "night"]


def test_bands_differ_without_colour():
    hatches = [hatch for _, hatch, _ in figures.BAND_LOOK.values()]
    assert len(set(hatches)) == len(hatches)
    lines = [line for _, line in figures.CHANNEL_LOOK.values()]
    assert len(set(lines)) == len(lines)


def test_colour(rng):
    histograms = {"MineRL": rng.integers(1, 50, (3, 8)), "GF": rng.integers(1, 50, (3, 8))}
    luminance = {name: {"train": rng.random(50), "heldout": rng.random(20)} for name in histograms}
    figure = drawn(figures.colour(histograms, luminance, dark=0.06))
    assert len(figure.axes) == 4
    stairs = figure.axes[0].patches
    for patch, counts in zip(stairs, histograms["MineRL"], strict=True):
        values, edges, _ = patch.get_data()
        np.testing.assert_allclose(values, 100 * counts / counts.sum())
        np.testing.assert_allclose(edges, np.linspace(0, 1, 9))
    frames, _, _ = figure.axes[1].patches[0].get_data()
    assert frames.sum() == pytest.approx(100)
    assert figure.axes[1].lines[0].get_xdata()[0] == 0.06
    words = ["red", "green", "blue", "training worlds", "held-out worlds"]
    assert legend(figure) == words


@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_edge_histograms_hold_every_frame(rng, scale):
    values = {"MineRL": {"train": scale * rng.random(30), "heldout": scale * rng.random(9)}}
    figure = drawn(figures.edge_histograms(values, values))
    for axis in figure.axes:
        for patch in axis.patches:
            assert patch.get_data().values.sum() == pytest.approx(100)
    assert legend(figure) == ["training worlds", "held-out worlds"]


def test_change_over_time():
    curves = {
        "MineRL": {0.1: (0.05, 0.04, 0.06), 0.9: (0.1, None, None), 7.0: (0.2, 0.1, 0.3)},
        "GF": {0.3: (0.07, 0.05, 0.1)},
    }
    figure = drawn(figures.change_over_time(curves, {"MineRL": 0.29, "GF": 0.31}))
    [axis] = figure.axes
    solid = {line.get_label(): line for line in axis.lines}
    assert list(solid["MineRL"].get_xdata()) == [0.1, 0.9, 7.0]
    assert list(solid["MineRL"].get_ydata()) == [0.05, 0.1, 0.2]
    assert solid["GF, two worlds"].get_ydata()[0] == 0.31
    assert legend(figure) == ["MineRL", "MineRL, two worlds", "GF", "GF, two worlds"]
    for key in figure.legends[0].get_lines():
        shown_pt = np.ptp(key.get_xdata())
        assert shown_pt >= 2 * sum(key._dash_pattern[1] or [0]), "a key of two dashes at least"
    assert len(axis.collections) == 2
    band = axis.collections[0].get_paths()[0].vertices
    assert (band[:, 0].min(), band[:, 0].max()) == (0.1, 7.0)
    assert (band[:, 1].min(), band[:, 1].max()) == (0.04, 0.3)
    assert [text.get_text() for text in axis.get_xticklabels()] == [
        "0.1",
        "0.2",
        "0.5",
        "1",
        "2",
        "5",
    ]
