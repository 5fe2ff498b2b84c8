"""Doom's frames with their truth, views and favourites: all in its place, and apart."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from lib.figures import doom, doom_marks
from lib.figures.style import WIDTH_IN
from tests.figures.apart import legible, words
from tests.figures.doom_pages import (
    LEGEND,
    LONG,
    SIZE,
    corner,
    drawn,
    legend_of,
    moments,
    named,
    place_of,
    truths,
)
from tests.figures.sideswipe_pages import pictures, places, shown


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


class TestFramesWithTruth:
    @pytest.mark.parametrize("n", [1, 3, 4, 8])
    def test_frames_above_their_truth(self, rng, n):
        frames, truth = pictures(rng, n, size=SIZE), pictures(rng, n, size=SIZE) // 128 * 255
        legend = {f"{c}": c for c in sorted({tuple(c) for c in truth.reshape(-1, 3).tolist()})}
        axes = drawn(doom.frames_with_truth(frames, truth, moments(n), legend))
        assert words(axes) == [*moments(n), *legend]
        for i, text in enumerate(moments(n)):
            (x, y), (below_x, below_y) = corner(axes, frames[i]), corner(axes, truth[i])
            assert x == below_x == place_of(axes, text)[0]
            assert place_of(axes, text)[1] < y < below_y
        lines = -(-n // 4)
        assert len({place[3] for place in places(axes)}) == 2 * lines
        assert len({place[0] for place in places(axes)}) == min(n, 4)

    def test_legend_names_what_appears_with_its_colour(self, rng):
        frames = pictures(rng, 2, size=SIZE)
        axes = drawn(doom.frames_with_truth(frames, truths(rng, 2, 3), moments(2), LEGEND))
        assert legend_of(axes) == named("wall", "door", "switch")
        lowest = max(place[2] for place in places(axes))
        assert all(patch.get_y() > lowest for patch in axes.patches)

    def test_long_captions_are_broken(self, rng):
        frames = pictures(rng, 4, size=SIZE)
        axes = drawn(doom.frames_with_truth(frames, truths(rng, 4), [LONG] * 4, LEGEND))
        assert words(axes)[0].replace("\n", " ") == LONG
        assert "\n" in words(axes)[0]

    def test_mistakes_are_named(self, rng):
        frames, truth = pictures(rng, 2, size=SIZE), truths(rng, 2)
        with pytest.raises(ValueError, match=r"legend lacks 1 of the colours .*\(64, 64, 64\)"):
            doom.frames_with_truth(frames, truth, moments(2), {**LEGEND, "no class": (1, 2, 3)})
        with pytest.raises(ValueError, match="captions has 1 entries, but frames has 2"):
            doom.frames_with_truth(frames, truth, moments(1), LEGEND)
        with pytest.raises(ValueError, match=r"truth has shape \(1, 36.*frames has \(2, 36"):
            doom.frames_with_truth(frames, truth[:1], moments(2), LEGEND)
        with pytest.raises(ValueError, match="frames has 9 pictures; give at most 8"):
            doom.frames_with_truth(pictures(rng, 9, size=SIZE), truths(rng, 9), moments(9), LEGEND)
        with pytest.raises(ValueError, match="frames has shape .* no picture; give at least one"):
            doom.frames_with_truth(frames[:0], truth[:0], [], LEGEND)


class TestViews:
    NAMES = ("large", "medium", "small", "next")
    BOXES = np.array([[4, 8, 28, 32], [8, 12, 24, 28], [12, 16, 20, 24], [4, 8, 28, 32]])

    @pytest.mark.parametrize(("n", "v"), [(1, 1), (2, 3), (4, 4), (12, 4)])
    def test_a_row_a_frame_and_a_column_a_view(self, rng, n, v):
        frames, views = pictures(rng, n, size=SIZE), pictures(rng, n, v, size=(16, 16))
        boxes = np.repeat(self.BOXES[None, :v], n, 0)
        axes = drawn(doom.views(frames, boxes, views, self.NAMES[:v]))
        assert words(axes)[: v + 1] == ["frame", *self.NAMES[:v]]
        tops = [corner(axes, frame)[1] for frame in frames]
        assert tops == sorted(tops)
        for row in range(n):
            for column, name in enumerate(self.NAMES[:v]):
                header = place_of(axes, name)[0]
                assert corner(axes, views[row, column]) == pytest.approx((header, tops[row]))
        assert words(axes)[v + 1 :] == (
            ["The last view is cut from the frame that follows, which is not shown."]
            if v == 4
            else []
        )

    def test_boxes_are_where_they_were_cut_and_look_as_the_edges_of_their_views(self, rng):
        frames, views = pictures(rng, 1, size=SIZE), pictures(rng, 1, 4, size=(16, 16))
        axes = drawn(doom.views(frames, self.BOXES[None] + 0.5, views, self.NAMES))
        left, right, _, top = places(axes)[
            [np.array_equal(i, frames[0]) for i in shown(axes)].index(True)
        ]
        inch = (right - left) / SIZE[1]
        edges = [p for p in axes.patches if to_hex(p.get_edgecolor()) != "#ffffff"]
        assert len(edges) == 6, "three boxes, three edges; the fourth is of another frame"
        for number in range(3):
            around, box = edges[2 * number : 2 * number + 2]
            assert isinstance(box, Rectangle)
            y, x = (self.BOXES[number, :2] + 0.5) * inch
            assert box.get_xy() == pytest.approx((left + x, top + y))
            sides = box.get_height(), box.get_width()
            assert sides == pytest.approx(
                np.diff(self.BOXES[number].reshape(2, 2), axis=0)[0] * inch
            )
            assert around.get_linestyle() == box.get_linestyle()
            assert around.get_edgecolor() == box.get_edgecolor()
            view = corner(axes, views[0, number])
            assert around.get_x() < view[0] < around.get_x() + 0.05
        assert len({str(e.get_linestyle()) for e in edges}) == 3, "told apart without colour"

    def test_mistakes_are_named(self, rng):
        frames, views = pictures(rng, 1, size=SIZE), pictures(rng, 1, 4, size=(16, 16))
        boxes = self.BOXES[None]
        for bad in ([4, 8, 4, 32], [4, 8, 37, 32], [4, 8, 28, 65], [-1, 8, 28, 32], [4, -1, 9, 9]):
            wrong = boxes.copy()
            wrong[0, 1] = bad
            with pytest.raises(ValueError, match=r"boxes\[0, 1\] is .*; want top < bottom <= 36"):
                doom.views(frames, wrong, views, self.NAMES)
        elsewhere = boxes.copy()
        elsewhere[0, 3] = (0, 0, 99, 99)
        doom.views(frames, elsewhere, views, self.NAMES)  # of a frame that is not shown
        with pytest.raises(ValueError, match="names has 3 entries, but views has 4"):
            doom.views(frames, boxes, views, self.NAMES[:3])
        with pytest.raises(ValueError, match="boxes has 2 entries, but frames has 1"):
            doom.views(frames, boxes.repeat(2, 0), views, self.NAMES)
        with pytest.raises(ValueError, match=r"views has shape \(1, 0, .* with 1 to 4 views"):
            doom.views(frames, boxes[:, :0], views[:, :0], [])


class TestFavourites:
    def test_two_rows_with_times_and_captions(self, rng):
        most, least = pictures(rng, 5, size=SIZE), pictures(rng, 4, size=SIZE)
        figure = doom.favourites(
            most, least, np.array([1412, 900, 80, 7, 3]), np.array([0, 0, 1, 2]),
            captions_most=moments(5), captions_least=["menu", "", "menu", "automap"],
        )  # fmt: skip
        axes = drawn(figure)
        assert words(axes) == [
            "drawn most often", "1,412 times\nmap00, 0.0 s", "900 times\nmap01, 1.1 s",
            "80 times\nmap02, 2.2 s", "7 times\nmap03, 3.3 s", "3 times\nmap04, 4.4 s",
            "drawn least often", "never\nmenu", "never", "once\nmenu", "twice\nautomap",
        ]  # fmt: skip
        below = {place[3] for place in places(axes)}
        assert len(below) == 2
        tops = [corner(axes, most[0])[1], corner(axes, least[0])[1]]
        assert place_of(axes, "drawn most often")[1] < tops[0]
        assert tops[0] < place_of(axes, "drawn least often")[1] < tops[1]
        for frame, text in ((most[2], "80 times\nmap02, 2.2 s"), (least[3], "twice\nautomap")):
            (x, y), (at, under) = corner(axes, frame), place_of(axes, text)
            assert x == at
            assert under > y + 0.5

    def test_many_take_more_lines_and_one_takes_little_room(self, rng):
        many = pictures(rng, 12, size=SIZE)
        axes = drawn(
            doom.favourites(
                many,
                pictures(rng, 1, size=SIZE),
                np.arange(12) + 3,
                np.array([0]),
                captions_most=[LONG] * 12,
                captions_least=[""],
            )
        )
        assert [len({p[i] for p in places(axes)}) for i in (0, 3)] == [5, 4]
        one = pictures(rng, 1, size=SIZE)
        axes = drawn(
            doom.favourites(one, many[:1], np.array([1]), np.array([0]),
                            captions_most=["a"], captions_least=["b"])
        )  # fmt: skip
        left, right, *_ = places(axes)[0]
        assert right - left < WIDTH_IN / 3

    def test_mistakes_are_named(self, rng):
        frames, draws = pictures(rng, 2, size=SIZE), np.array([1, 2])
        captions = {"captions_most": ["a", "b"], "captions_least": ["a", "b"]}
        with pytest.raises(ValueError, match="least_draws has 1 entries, but least has 2"):
            doom.favourites(frames, frames, draws, draws[:1], **captions)
        with pytest.raises(ValueError, match="captions_most has 1 entries, but most has 2"):
            doom.favourites(frames, frames, draws, draws, **captions | {"captions_most": ["a"]})
        with pytest.raises(ValueError, match="least has shape .* no frame; give at least one"):
            doom.favourites(frames, frames[:0], draws, draws, **captions)


class TestMarks:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.sampled_from(["the", "floor,", "E1M1", "HDBSCAN"]), max_size=12))
    def test_wrapping_keeps_every_word_and_the_width(self, found):
        text = " ".join(found)
        lines = doom_marks.wrapped(text, 0.6).split("\n")
        assert " ".join(lines) == text
        assert all(doom_marks.words_in(line) <= 0.6 or " " not in line for line in lines)

    def test_words_are_as_wide_as_they_are_drawn(self):
        figure, axes = doom_marks.page(1.0)
        doom_marks.caption(axes, LONG, (0.1, 0.1))
        legible(figure)
        inches = axes.texts[0].get_window_extent().width / figure.dpi
        assert doom_marks.words_in(LONG) == pytest.approx(
            inches, rel=0.08
        )  # letters snap to pixels

    def test_a_legend_of_every_class_fits_the_page(self):
        legend = {f"decoration {i}": (i, i, i) for i in range(18)}
        figure, axes = doom_marks.page(doom_marks.legend_in(legend))
        doom_marks.swatches(axes, legend, 0.0)
        legible(figure)
        assert words(axes) == list(legend)
        assert max(p.get_y() + p.get_height() for p in axes.patches) < axes.get_ylim()[0]
