"""Doom's neighbours, strips, methods and failures: all in its place, named, and apart."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.figures import doom_pictures
from tests.figures.apart import legible, words
from tests.figures.doom_pages import (
    COLOURS,
    LEGEND,
    LONG,
    SIZE,
    corner,
    drawn,
    grid,
    legend_of,
    moments,
    named,
    place_of,
    truths,
)
from tests.figures.sideswipe_pages import pictures


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


class TestNeighbours:
    @pytest.mark.parametrize(("n", "k", "methods"), [(1, 1, 1), (3, 5, 3), (6, 8, 1), (9, 4, 2)])
    def test_a_row_a_method_beside_each_query(self, rng, n, k, methods):
        names = ["contrastive", "ImageNet features", "mean colour"][:methods]
        queries = pictures(rng, n, size=SIZE)
        found = {name: pictures(rng, n, k, size=SIZE) for name in names}
        axes = drawn(doom_pictures.neighbours(queries, found, moments(n)))
        for text in ("query", *moments(n)):
            assert words(axes).count(text) == 1
        top = 0.0
        for i in range(n):
            x, y = corner(axes, queries[i])
            assert y > top
            assert place_of(axes, moments(n)[i])[1] > y
            for name in names:
                corners = [corner(axes, frame) for frame in found[name][i]]
                assert x < corners[0][0]
                assert corners == sorted(corners)
                assert len({c[1] for c in corners}) == 1
                top = max(top, corners[0][1])
        shown_names = [text.replace("\n", " ") for text in words(axes)]
        assert [shown_names.count(name) for name in names] == [n] * methods

    def test_notes_stand_below_their_frames(self, rng):
        found = {"contrastive": pictures(rng, 2, 3, size=SIZE), "k": pictures(rng, 2, 3, size=SIZE)}
        notes = {"contrastive": [["e1m1, 0.91", "b", "c"], ["d", "e", "the same room, 0.4 s on"]]}
        queries = pictures(rng, 2, size=SIZE)
        axes = drawn(doom_pictures.neighbours(queries, found, moments(2), notes))
        for text, (i, j) in {"b": (0, 1), "d": (1, 0), "e1m1, 0.91": (0, 0)}.items():
            x, y = corner(axes, found["contrastive"][i, j])
            assert place_of(axes, text)[0] == x
            assert y < place_of(axes, text)[1] < y + 1

    def test_mistakes_are_named(self, rng):
        queries, found = pictures(rng, 2, size=SIZE), {"a": pictures(rng, 2, 3, size=SIZE)}
        draw = doom_pictures.neighbours
        with pytest.raises(ValueError, match="found 0 methods; give at least one of each"):
            draw(queries, {}, moments(2))
        with pytest.raises(ValueError, match=r"found\['b'\] has shape \(2, 2, .*want \(2, 3, 36"):
            draw(queries, found | {"b": found["a"][:, :2]}, moments(2))
        with pytest.raises(ValueError, match=r"found\['a'\] has shape \(2, 0, "):
            draw(queries, {"a": found["a"][:, :0]}, moments(2))
        with pytest.raises(ValueError, match="captions has 1 entries, but queries has 2"):
            draw(queries, found, moments(1))
        with pytest.raises(ValueError, match=r"notes has 'b', but found only \['a'\]"):
            draw(queries, found, moments(2), {"b": []})
        with pytest.raises(ValueError, match=r"notes\['a'\] has 1 entries, but queries has 2"):
            draw(queries, found, moments(2), {"a": [["x"] * 3]})
        with pytest.raises(ValueError, match=r"notes\['a'\]\[1\] has 2 entries, but neighbours"):
            draw(queries, found, moments(2), {"a": [["x"] * 3, ["x"] * 2]})


class TestSegmentStrip:
    @pytest.mark.parametrize(("t", "panels"), [(1, 1), (6, 3), (14, 3), (4, 5)])
    def test_moments_in_rows_and_panels_in_columns(self, rng, t, panels):
        names = ["frame", "segments of the second sequence", "truth", "d", "e"][:panels]
        given = {name: pictures(rng, t, size=SIZE) for name in names}
        axes = drawn(doom_pictures.segment_strip(given, moments(t)))
        grid(axes, [[given[name][i] for name in names] for i in range(t)])
        assert [text.replace("\n", " ") for text in words(axes)] == [*names, *moments(t)]
        for name, text in zip(names, axes.texts, strict=False):
            assert text.get_position()[0] == corner(axes, given[name][0])[0]
        for i, text in enumerate(axes.texts[panels:]):
            x, y = corner(axes, given["frame"][i])
            assert text.get_position()[0] < x
            assert y < text.get_position()[1] < y + axes.get_ylim()[0] / t

    def test_a_legend_stands_beneath(self, rng):
        given = {"frame": pictures(rng, 2, size=SIZE), "truth": truths(rng, 2)}
        axes = drawn(doom_pictures.segment_strip(given, moments(2), legend=LEGEND))
        assert legend_of(axes) == named(*LEGEND)

    def test_mistakes_are_named(self, rng):
        frames = pictures(rng, 2, size=SIZE)
        with pytest.raises(ValueError, match="panels is empty; give at least one"):
            doom_pictures.segment_strip({}, [])
        with pytest.raises(ValueError, match="captions has 3 entries, but panels has 2"):
            doom_pictures.segment_strip({"frame": frames}, moments(3))
        small = {"frame": frames, "truth": frames[:, :9]}
        with pytest.raises(ValueError, match=r"panels\['truth'\] has shape .* same size"):
            doom_pictures.segment_strip(small, moments(2))
        with pytest.raises(ValueError, match=r"panels\['frame'\] has shape .* no picture"):
            doom_pictures.segment_strip({"frame": frames[:0]}, [])


class TestMethodsSideBySide:
    @pytest.mark.parametrize(("n", "legend"), [(1, None), (5, LEGEND)])
    def test_the_frame_on_top_and_a_row_a_method(self, rng, n, legend):
        names = ["true classes", "contrastive, UMAP and HDBSCAN", "k-means"]
        frames = pictures(rng, n, size=SIZE)
        panels = {name: pictures(rng, n, size=SIZE) for name in names}
        axes = drawn(doom_pictures.methods_side_by_side(frames, panels, legend=legend))
        grid(axes, [list(frames), *(list(found) for found in panels.values())])
        said = [text.replace("\n", " ") for text in words(axes) if text]
        assert said == ["frame", *names, *(legend or {})]

    def test_mistakes_are_named(self, rng):
        frames = pictures(rng, 2, size=SIZE)
        with pytest.raises(ValueError, match="panels is empty"):
            doom_pictures.methods_side_by_side(frames, {})
        with pytest.raises(ValueError, match=r"panels\['a'\] has shape \(1, .*frames has \(2, "):
            doom_pictures.methods_side_by_side(frames, {"a": frames[:1]})


class TestFailures:
    @pytest.mark.parametrize("n", [1, 4, 9])
    def test_frame_segments_truth_and_words(self, rng, n):
        frames, found = pictures(rng, n, size=SIZE), truths(rng, n)
        found[:, 0, 0] = COLOURS[np.arange(n) % 4]  # no two pictures alike
        found[:, 0, 1:5] = COLOURS[np.arange(n) // 4 % 4][:, None]
        truth = np.flip(found, (1, 2)).copy()
        captions = [f"{i}: {LONG}" for i in range(n)]
        axes = drawn(doom_pictures.failures(frames, found, truth, captions, LEGEND))
        assert words(axes)[:3] == ["frame", "segments as classes", "true classes"]
        assert [text.replace("\n", " ") for text in words(axes)[3 : 3 + n]] == captions
        grid(axes, [[frames[i], found[i], truth[i]] for i in range(n)])
        for i, text in enumerate(axes.texts[3 : 3 + n]):
            assert text.get_position()[0] > corner(axes, truth[i])[0] + 0.5
        assert legend_of(axes) == named(*LEGEND)

    def test_words_taller_than_pictures_push_rows_apart(self, rng):
        frames, found = pictures(rng, 2, size=(12, 64)), truths(rng, 2)[:, :12]
        drawn(doom_pictures.failures(frames, found, found, [f"{LONG}, {LONG}"] * 2, LEGEND))

    def test_legend_knows_segments_and_truth(self, rng):
        frames = pictures(rng, 1, size=SIZE)
        walls, doors = (np.broadcast_to(c, (1, *SIZE, 3)).copy() for c in COLOURS[:2])
        axes = drawn(doom_pictures.failures(frames, doors, walls, ["all wrong"], LEGEND))
        assert legend_of(axes) == named("wall", "door")

    def test_without_failures_it_says_so(self):
        none = np.zeros((0, *SIZE, 3), np.uint8)
        [axes] = legible(doom_pictures.failures(none, none, none, [], LEGEND)).axes
        assert words(axes) == ["No failure to show."]

    def test_mistakes_are_named(self, rng):
        frames, truth = pictures(rng, 2, size=SIZE), truths(rng, 2)
        with pytest.raises(ValueError, match=r"legend lacks \d+ of .* and more; name each"):
            doom_pictures.failures(frames, frames, truth, moments(2), LEGEND)
        with pytest.raises(ValueError, match="captions has 1 entries, but frames has 2"):
            doom_pictures.failures(frames, truth, truth, moments(1), LEGEND)
        with pytest.raises(ValueError, match="named has shape"):
            doom_pictures.failures(frames, truth[:, :9], truth, moments(2), LEGEND)
