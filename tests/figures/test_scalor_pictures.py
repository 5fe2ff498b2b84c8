"""SCALOR's clips and cells: all in its place, boxes on their frames, nothing on anything else."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from lib.data.mot.boxes import FrameBoxes
from lib.figures import scalor_cells, scalor_panels
from lib.figures.scalor_boxes import BoxLook, look_of
from lib.figures.style import MUTED, PALETTE, PAPER
from tests.figures.apart import legible, words
from tests.figures.doom_pages import drawn
from tests.figures.sideswipe_pages import pictures, places, shown

SIZE = (48, 64)
KINDS = ["frame, truth", "reconstruction", "discovery", "propagation", "background", "alpha mask"]


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def found(rng: np.random.Generator, n: int, first: int = 0) -> FrameBoxes:
    corner = rng.uniform(-0.05, 0.9, (n, 2)) * SIZE[::-1]
    return FrameBoxes.of(np.arange(first, first + n), np.c_[corner, np.full((n, 2), 6.0)])


def clip(rng: np.random.Generator, t: int, n: int = 3) -> dict:
    return {
        "frames": pictures(rng, t, size=SIZE),
        "reconstructions": pictures(rng, t, size=SIZE),
        "backgrounds": pictures(rng, t, size=SIZE),
        "alphas": rng.random((t, *SIZE)),
        "discovered": [found(rng, n, 100) for _ in range(t)],
        "propagated": [found(rng, n) for _ in range(t)],
        "truth": [found(rng, n, 50) for _ in range(t)],
    }


def lines_on(axes: Axes, number: int) -> list[PolyCollection]:
    """Coloured lines of the boxes that begin in a picture."""
    left, right, bottom, top = places(axes)[number]
    on = []
    for lines in axes.collections[1::2]:
        middle = np.mean([path.vertices for path in lines.get_paths()], axis=(0, 1))
        if left < middle[0] < right and top < middle[1] < bottom:
            on.append(lines)
    return on


class TestPanels:
    @pytest.mark.parametrize(("t", "n"), [(1, 40), (4, 3), (5, 40), (10, 40), (7, 0)])
    def test_a_picture_of_each_kind_and_moment(self, rng, t, n):
        given = clip(rng, t, n)
        axes = drawn(scalor_panels.panels(**given))
        numbers = [str(1 + i) for i in range(t)]
        assert words(axes) == [*KINDS, *numbers] if t <= 4 else [*numbers, *KINDS]
        pages = np.array(shown(axes)).reshape(*((t, 6) if t <= 4 else (6, t)), *SIZE, 3)
        by_kind = pages.swapaxes(0, 1) if t <= 4 else pages
        for number, name in ((0, "frames"), (1, "reconstructions"), (4, "backgrounds")):
            np.testing.assert_array_equal(by_kind[number], given[name])
        np.testing.assert_array_equal(by_kind[2], by_kind[3])
        assert by_kind[2].min() > 120, "faded"
        np.testing.assert_allclose(by_kind[5, ..., 0], 255 * given["alphas"], atol=0.5)
        assert len(axes.collections) == (6 * t if n else 0)

    @pytest.mark.parametrize("t", [2, 6])
    def test_a_track_looks_alike_in_discovery_and_propagation(self, rng, t):
        given = clip(rng, t)
        one = FrameBoxes.of([7, 31], [[5, 5, 20, 30], [35, 10, 10, 10]])
        given["discovered"] = [one] + [FrameBoxes.none()] * (t - 1)
        given["propagated"] = [FrameBoxes.none()] + [one] * (t - 1)
        axes = drawn(scalor_panels.panels(**given))
        order = np.arange(6 * t).reshape(t, 6).T if t <= 4 else np.arange(6 * t).reshape(6, t)
        wanted = [look_of(i).colour for i in (7, 31)]
        for kind, moment in [(2, 0), *((3, i) for i in range(1, t))]:
            [lines] = lines_on(axes, order[kind, moment])
            assert [to_hex(c).upper() for c in lines.get_edgecolor()] == wanted
            left, right, _, top = places(axes)[order[kind, moment]]
            scale = (right - left) / SIZE[1]
            box = lines.get_paths()[0].vertices
            np.testing.assert_allclose(box.min(0), [left + 5 * scale, top + 5 * scale])
            np.testing.assert_allclose(box.max(0), [left + 25 * scale, top + 35 * scale])
        assert not lines_on(axes, order[3, 0])

    def test_true_boxes_are_white_and_ignored_ones_grey(self, rng):
        given = clip(rng, 1)
        given["truth"] = [FrameBoxes.of([1, 2], [[5, 5, 9, 9], [30, 5, 9, 9]], [False, True])]
        axes = drawn(scalor_panels.panels(**given))
        [lines] = lines_on(axes, 0)
        assert [to_hex(c) for c in lines.get_edgecolor()] == [PAPER, MUTED]

    def test_without_truth_and_with_names_of_moments(self, rng):
        given = clip(rng, 5) | {"truth": None, "moments": [f"{i / 5:.1f} s" for i in range(5)]}
        axes = drawn(scalor_panels.panels(**given))
        assert words(axes)[:6] == ["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "frame"]
        assert not lines_on(axes, 0)

    def test_mistakes_are_named(self, rng):
        given, draw = clip(rng, 2), scalor_panels.panels
        with pytest.raises(ValueError, match="frames has 11 frames; give 1 to 10"):
            draw(**clip(rng, 11, 0))
        with pytest.raises(ValueError, match="frames has 0 frames; give 1 to 10"):
            draw(**clip(rng, 0))
        with pytest.raises(ValueError, match="propagated has 1 entries, but frames has 2"):
            draw(**given | {"propagated": given["propagated"][:1]})
        with pytest.raises(ValueError, match="moments has 1 entries, but frames has 2"):
            draw(**given | {"moments": ["now"]})
        with pytest.raises(ValueError, match="backgrounds has shape"):
            draw(**given | {"backgrounds": given["backgrounds"][:1]})
        for bad in (given["alphas"][:, :9], given["alphas"] * 255, given["alphas"] * np.nan):
            with pytest.raises(ValueError, match=r"alphas has shape .*values in \[0, 1\]"):
                draw(**given | {"alphas": bad})


class TestSameClip:
    def test_backgrounds_in_rows_and_experiments_in_columns(self, rng):
        names = ["gradient", "hard", "blurred"]
        frames = dict(zip(names, pictures(rng, 3, size=SIZE), strict=True))
        made = {e: dict(zip(names, pictures(rng, 3, size=SIZE), strict=True)) for e in "ab"}
        del made["b"]["hard"]
        axes = drawn(scalor_panels.same_clip(frames, made))
        assert words(axes) == ["frame", "a", "b", *names, "–"]
        images = [image for image in axes.images if image.get_visible()]
        wanted = [frames["gradient"], made["a"]["gradient"], made["b"]["gradient"],
                  frames["hard"], made["a"]["hard"],
                  frames["blurred"], made["a"]["blurred"], made["b"]["blurred"]]  # fmt: skip
        np.testing.assert_array_equal([image.get_array() for image in images], wanted)

    def test_mistakes_are_named(self, rng):
        frame = pictures(rng, size=SIZE)
        draw = scalor_panels.same_clip
        with pytest.raises(ValueError, match=r"frames has backgrounds \['hard'\], reconstruct"):
            draw({"hard": frame}, {})
        with pytest.raises(ValueError, match=r"reconstructions\['a'\] has background 'soft', but"):
            draw({"hard": frame}, {"a": {"soft": frame}})
        with pytest.raises(ValueError, match=r"reconstructions\['a'\]\['hard'\] has shape \(9, "):
            draw({"hard": frame}, {"a": {"hard": frame[:9]}})


def cells(rng: np.random.Generator, r: int, c: int) -> dict:
    presence = rng.uniform(0, 0.6, (r, c))
    presence[::2, ::3] = 0.95
    corner = rng.uniform(0, 0.8, (r, c, 2)) * SIZE[::-1]
    return {
        "frame": pictures(rng, size=SIZE),
        "glimpses": rng.random((r, c, 8, 8, 4)),
        "presence": presence,
        "boxes": np.concatenate([corner, np.full((r, c, 2), 7.0)], axis=-1),
        "claims": rng.integers(0, 6, (r, c)),
    }


class TestGlimpsesOfCells:
    @pytest.mark.parametrize(("r", "c"), [(1, 1), (4, 4), (8, 8), (6, 10), (16, 16)])
    def test_glimpses_in_their_places(self, rng, r, c):
        given = cells(rng, r, c)
        [axes] = legible(scalor_cells.glimpses_of_cells(**given)).axes
        first, second, *rest = shown(axes)
        np.testing.assert_array_equal(first, given["frame"])
        np.testing.assert_array_equal(second, given["frame"])
        at = list(zip(*np.nonzero(given["presence"] > 0.7), strict=True))
        assert len(rest) == 2 * len(at)
        corners = {}
        for number, cell in enumerate(at):
            glimpse = 255 * given["glimpses"][cell]
            np.testing.assert_allclose(rest[2 * number], glimpse[..., :3], atol=0.5)
            np.testing.assert_allclose(rest[2 * number + 1][..., 0], glimpse[..., 3], atol=0.5)
            corners[cell] = places(axes)[2 + 2 * number]
        for (row, column), (left, _, _, top) in corners.items():
            for (other_row, other), (other_left, _, _, other_top) in corners.items():
                assert (row < other_row) == (top < other_top - 1e-9)
                assert (column < other) == (left < other_left - 1e-9)
        numbers = [text for text in words(axes) if text.startswith(("0.", "1.0"))]
        assert numbers == [f"{p:.2f}" for p in given["presence"].flat]

    def test_boxes_say_how_many_claim_an_object(self, rng):
        given = cells(rng, 2, 2)
        given["presence"] = np.array([[0.9, 0.8], [0.71, 0.7]])
        given["claims"] = np.array([[2, 0], [5, 1]])
        truth = FrameBoxes.of([1], [[3, 3, 8, 9]])
        [axes] = legible(scalor_cells.glimpses_of_cells(**given, truth=truth)).axes
        colours = {name: look.colour for name, look in scalor_cells.CLAIMS.items()}
        boxes, true = axes.collections[1], axes.collections[3]
        wanted = [colours[name] for name in ("no true object", "2 cells", "3 or more")]
        assert [to_hex(c).upper() for c in boxes.get_edgecolor()] == wanted
        assert [to_hex(c) for c in true.get_edgecolor()] == [PAPER]
        edges = [to_hex(line.get_edgecolor()[0]).upper() for line in axes.collections[-5::2]]
        assert edges == [wanted[1], wanted[0], wanted[2]], "of cells, in the order of the grid"
        assert {"no true object", "object claimed by 1 cell", "true box"} < set(words(axes))

    def test_no_cell_sees_anything(self, rng):
        given = cells(rng, 4, 4)
        figure = scalor_cells.glimpses_of_cells(**given, least_presence=0.99)
        [axes] = legible(figure).axes
        assert len(axes.images) == 2
        assert "boxes of cells whose presence is above 0.99" in words(axes)

    def test_looks(self):
        looks = [scalor_cells.look_of_claims(i) for i in range(5)]
        assert looks[1] == BoxLook(PALETTE[0])
        assert len(set(looks[:4])) == 4
        assert looks[3] == looks[4]

    def test_mistakes_are_named(self, rng):
        given, draw = cells(rng, 4, 4), scalor_cells.glimpses_of_cells
        for name in ("presence", "boxes", "claims"):
            with pytest.raises(ValueError, match=rf"{name} has \(3, 4\) cells, but glimpses has"):
                draw(**given | {name: given[name][:3]})
        with pytest.raises(ValueError, match=r"glimpses has shape \(0, 4, .*at least one cell"):
            draw(**{name: of if name == "frame" else of[:0] for name, of in given.items()})
        for name in ("presence", "glimpses"):
            with pytest.raises(ValueError, match=rf"{name} has values in .*want \[0, 1\]"):
                draw(**given | {name: given[name] * 2})
        with pytest.raises(ValueError, match="claims has -1; want how many cells, from 0"):
            draw(**given | {"claims": np.full((4, 4), -1)})
        with pytest.raises(ValueError, match="boxes has 4 that are not finite of 4"):
            draw(**given | {"boxes": given["boxes"] * np.nan})
