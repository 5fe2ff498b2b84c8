"""Boxes of tracks in figures and in videos: alike for an id, in their places, inside the frame."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from lib.figures.scalor_boxes import IGNORED, LOOKS, TRUTH, boxes_on, look_of
from lib.figures.scalor_overlay import overlay
from lib.figures.style import INK, PALETTE, PAPER

BOXES = np.array([[2.0, 3.0, 10.0, 20.0], [30.0, 1.0, 8.0, 8.0]])
IDS = np.array([4, 30])


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def rgb(colour: str) -> list[int]:
    return [round(255 * part) for part in to_rgb(colour)]


class TestLooks:
    def test_an_id_has_one_look_and_many_have_different_ones(self):
        looks = [look_of(i) for i in range(LOOKS)]
        assert len(set(looks)) == LOOKS == 48
        assert [look.colour for look in looks[:6]] == list(PALETTE)
        assert all(not look.pattern for look in looks[:6])
        assert look_of(5 + LOOKS) == looks[5]

    @given(st.integers(-(2**62), 2**62))
    def test_any_id_has_a_look(self, identity):
        assert look_of(identity) == look_of(identity + LOOKS)

    def test_words_are_legible_on_plates(self):
        assert {look_of(i).words for i in (0,)} == {PAPER}
        assert {look_of(i).words for i in (4, 5)} == {INK}


class TestBoxesOn:
    def drawn(self, *given: object, **options: object) -> list[PolyCollection]:
        axis = Figure().add_subplot()
        axis.imshow(np.zeros((40, 60, 3), np.uint8))
        view = axis.get_xlim(), axis.get_ylim()
        boxes_on(axis, *given, **options)
        assert (axis.get_xlim(), axis.get_ylim()) == view
        axis.get_figure().canvas.draw()
        return list(axis.collections)

    def test_boxes_stand_where_imshow_has_their_pixels(self):
        beneath, lines = self.drawn(BOXES, IDS)
        for drawn in (beneath, lines):
            [first, second] = [path.vertices for path in drawn.get_paths()]
            assert first.min(0).tolist() == [1.5, 2.5]
            assert first.max(0).tolist() == [11.5, 22.5]
            assert second.max(0).tolist() == [37.5, 8.5]
        assert [to_hex(c).upper() for c in lines.get_edgecolor()] == [PALETTE[4], PALETTE[0]]
        assert [to_hex(c) for c in beneath.get_edgecolor()] == [PAPER, INK]
        assert beneath.get_linewidth()[0] > lines.get_linewidth()[0]

    def test_places_and_scale(self):
        _, lines = self.drawn(BOXES, IDS, at=(1.0, 2.0), scale=0.5, size=(40, 60))
        assert lines.get_paths()[0].vertices.min(0).tolist() == [2.0, 3.5]
        corners = lines.axes.transData.inverted().transform(lines.get_clip_box())
        np.testing.assert_allclose(np.sort(corners, axis=0), [[1, 2], [31, 22]])

    def test_without_ids_they_are_true_boxes(self):
        beneath, lines = self.drawn(BOXES, None)
        assert {to_hex(c) for c in lines.get_edgecolor()} == {TRUTH.colour}
        assert {to_hex(c) for c in beneath.get_edgecolor()} == {TRUTH.under}

    def test_given_looks_come_first(self):
        _, lines = self.drawn(BOXES, IDS, looks=[TRUTH, IGNORED])
        assert [to_hex(c) for c in lines.get_edgecolor()] == [TRUTH.colour, IGNORED.colour]

    def test_what_has_no_area_is_not_drawn(self):
        flat = np.array([[2.0, 3.0, 0.0, 20.0], [30.0, 1.0, 8.0, 8.0]])
        assert len(self.drawn(flat, IDS)[1].get_paths()) == 1
        assert self.drawn(flat[:1], IDS[:1]) == []
        assert self.drawn(np.zeros((0, 4)), np.zeros(0, int)) == []

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="ids has 1 entries, but boxes has 2"):
            self.drawn(BOXES, IDS[:1])
        with pytest.raises(ValueError, match="looks has 1 entries, but boxes has 2"):
            self.drawn(BOXES, IDS, looks=[TRUTH])
        with pytest.raises(ValueError, match="boxes has 1 that are not finite of 2"):
            self.drawn(BOXES * np.array([[1.0], [np.nan]]), IDS)


class TestOverlay:
    def test_a_box_has_its_colour_and_the_frame_stays(self):
        frame = np.full((64, 64, 3), 90, np.uint8)
        drawn = overlay(frame, BOXES[:1], np.array([1]), numbers=False)
        assert (frame == 90).all()
        edge = np.zeros((64, 64), bool)
        edge[3:23, 2:12] = True
        edge[4:22, 3:11] = False
        assert (drawn[edge] == rgb(PALETTE[1])).all()
        assert (drawn[~edge] == 90).all()

    def test_dashes_show_what_is_beneath(self):
        frame = np.full((64, 64, 3), 90, np.uint8)
        drawn = overlay(frame, np.array([[4.0, 4.0, 40.0, 40.0]]), np.array([6]), numbers=False)
        side = {tuple(pixel) for pixel in drawn[4, 4:44].tolist()}
        assert side == {tuple(rgb(PALETTE[0])), tuple(rgb(PAPER))}

    def test_lines_and_numbers_grow_with_the_frame(self):
        shares = []
        for side in (64, 128, 360, 720, 1080):
            frame = np.full((side, side, 3), 90, np.uint8)
            box = np.array([[0.4, 0.4, 0.2, 0.3]]) * side
            bare, named = (overlay(frame, box, np.array([128]), numbers=n) for n in (False, True))
            line = int((bare[side // 2, : side // 2] != 90).any(-1).sum())
            number = (named != bare).any(-1)
            rows = np.flatnonzero(number.any(1))
            assert rows.max() <= 0.42 * side, "above the box"
            shares.append((line / side, number.mean()))
        assert all(0.003 < line < 0.03 for line, _ in shares)
        assert all(0.0003 < number < 0.05 for _, number in shares)

    @pytest.mark.parametrize("side", [64, 480])
    def test_numbers_differ(self, side):
        frame, box = np.zeros((side, side, 3), np.uint8), np.array([[0.2, 0.2, 0.4, 0.4]]) * side
        seen = {overlay(frame, box, np.array([48 * i])).tobytes() for i in range(30)}
        assert len(seen) == 30, "the same look each, but another number"

    def test_numbers_do_not_cover_each_other(self):
        frame = np.zeros((128, 128, 3), np.uint8)
        same = np.array([[40.0, 40.0, 40.0, 50.0]] * 3)
        drawn = overlay(frame, same, np.array([1, 2, 3]))
        for i in (1, 2, 3):
            plate = (drawn == rgb(PALETTE[i])).all(-1)
            assert plate.sum() > 15

    def test_the_order_of_boxes_does_not_matter(self, rng):
        frame = rng.integers(0, 255, (96, 128, 3), np.uint8)
        boxes = rng.uniform(0, 60, (12, 4))
        ids = rng.permutation(12)
        order = rng.permutation(12)
        first, second = overlay(frame, boxes, ids), overlay(frame, boxes[order], ids[order])
        np.testing.assert_array_equal(first, second)

    def test_nothing_to_draw(self):
        frame = np.full((64, 80, 3), 9, np.uint8)
        outside = np.array([[90.0, 5, 5, 5], [-9, 5, 5, 5], [5, 5, 0, 5], [5, -9, 5, 5]])
        np.testing.assert_array_equal(overlay(frame, outside, np.arange(4)), frame)
        np.testing.assert_array_equal(overlay(frame, np.zeros((0, 4)), np.zeros(0, int)), frame)

    @settings(max_examples=60, deadline=None)
    @given(
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        arrays(float, (3, 4), elements=st.floats(-1e7, 1e7)),
        arrays(np.int64, 3),
    )
    def test_any_boxes(self, size, boxes, ids):
        boxes[:, 2:] = np.abs(boxes[:, 2:])
        frame = np.full((*size, 3), 7, np.uint8)
        assert overlay(frame, boxes, ids).shape == frame.shape

    def test_sides_far_outside_look_as_if_cut_off(self):
        frame = np.full((720, 640, 3), 7, np.uint8)
        far = overlay(frame, np.array([[100.0, -1e6, 50.0, 2e6]]), np.array([0]), numbers=False)
        assert (far[:, 100:103] == rgb(PALETTE[0])).all()
        assert (far[:, 110:140] == 7).all()

    def test_mistakes_are_named(self):
        frame = np.zeros((64, 64, 3), np.uint8)
        with pytest.raises(ValueError, match="ids has 1 entries, but boxes has 2"):
            overlay(frame, BOXES, IDS[:1])
        with pytest.raises(ValueError, match="boxes has 2 that are not finite of 2"):
            overlay(frame, BOXES * np.inf, IDS)
