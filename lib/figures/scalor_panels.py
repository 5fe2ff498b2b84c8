"""What SCALOR makes of clips: its parts over time, and reconstructions over several backgrounds."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from lib.data.mot.boxes import FrameBoxes
from lib.figures.doom_marks import check_alike, sheet
from lib.figures.scalor_boxes import IGNORED, TRUTH, boxes_on
from lib.figures.sideswipe_marks import check_lengths

FEW = 4  # moments; as many are shown in rows, since in columns a page would be tall and half empty
MOST = 10
BEHIND = 0.45  # of a frame's contrast is left behind coloured boxes
POINTS = (0.3, 0.4)  # of a box's line: at least, and more for each inch of a picture's width

Boxes = Sequence[FrameBoxes]


def panels(
    frames: UInt8[np.ndarray, "t h w 3"],
    reconstructions: UInt8[np.ndarray, "_t _h _w 3"],
    backgrounds: UInt8[np.ndarray, "_t _h _w 3"],
    alphas: Float[np.ndarray, "_t _h _w"],
    *,
    discovered: Boxes,
    propagated: Boxes,
    truth: Boxes | None = None,
    moments: Sequence[str] | None = None,
) -> Figure:
    """A clip of 1 to 10 frames, time from left to right; of up to 4 frames, downwards.

    The other way: the frame with its true boxes, dotted white (grey: judging nobody); the
    reconstruction; the boxes of objects found in this frame, and of those followed from the one
    before, each over the faded frame; the background alone; the mask `alphas`, shares of objects
    in [0, 1], 1 white. A track looks alike wherever it is drawn (`scalor_boxes.look_of`). Boxes
    are in px of the frames; `moments` names the frames, otherwise they are numbered from 1.

    Raises:
        ValueError: no frame or more than 10, an alpha outside [0, 1], or arguments that do not
            match.
    """
    names = _check_clip(frames, moments, discovered, propagated, truth)
    check_alike(frames=frames, reconstructions=reconstructions, backgrounds=backgrounds)
    if alphas.shape != frames.shape[:3] or not _in_unit(alphas):
        raise ValueError(
            f"alphas has shape {alphas.shape}, values in [{alphas.min():g}, {alphas.max():g}]; "
            f"want shape {frames.shape[:3]}, values in [0, 1]"
        )
    faded = _faded(frames)
    grey = np.repeat(np.rint(255 * alphas).astype(np.uint8)[..., None], 3, axis=-1)
    kinds = {
        "frame" if truth is None else "frame, truth": frames,
        "reconstruction": reconstructions,
        "discovery": faded,
        "propagation": faded,
        "background": backgrounds,
        "alpha mask": grey,
    }
    stacked = np.stack(list(kinds.values()))
    down = len(frames) <= FEW
    if down:
        fig = sheet(stacked.swapaxes(0, 1), names, list(kinds))
    else:
        fig = sheet(stacked, list(kinds), names)
    [axis] = fig.axes
    images = np.array(axis.images, object).reshape(stacked.shape[:2][:: -1 if down else 1])
    places = images.T if down else images  # kind, moment
    for t in range(len(frames)):
        if truth is not None:
            _boxes_in(places[0, t], truth[t], true=True)
        _boxes_in(places[2, t], discovered[t])
        _boxes_in(places[3, t], propagated[t])
    return fig


def _check_clip(
    frames: UInt8[np.ndarray, "t h w 3"],
    moments: Sequence[str] | None,
    discovered: Boxes,
    propagated: Boxes,
    truth: Boxes | None,
) -> Sequence[str]:
    """Names of the moments."""
    if not 1 <= len(frames) <= MOST:
        raise ValueError(f"frames has {len(frames)} frames; give 1 to {MOST}, as a page has room")
    names = [str(1 + t) for t in range(len(frames))] if moments is None else moments
    check_lengths(
        frames=len(frames), moments=len(names), discovered=len(discovered),
        propagated=len(propagated), truth=len(frames if truth is None else truth),
    )  # fmt: skip
    return names


def _in_unit(values: Float[np.ndarray, "..."]) -> bool:
    return bool((values >= 0).all() and (values <= 1).all())  # false for NaN, too


def _faded(frames: UInt8[np.ndarray, "t h w 3"]) -> UInt8[np.ndarray, "t h w 3"]:
    """Grey and light, so that the colours of boxes are the only ones."""
    grey = frames.astype(np.float32).mean(-1, keepdims=True)
    return np.repeat(np.rint(255 - BEHIND * (255 - grey)).astype(np.uint8), 3, axis=-1)


def _boxes_in(image: AxesImage, found: FrameBoxes, *, true: bool = False) -> None:
    """Boxes on a picture of a page."""
    left, right, _, top = image.get_extent()
    h, w = image.get_size()
    looks = [IGNORED if ignored else TRUTH for ignored in found.ignored.tolist()] if true else None
    boxes_on(
        image.axes, found.boxes, found.ids, looks=looks, at=(left, top), scale=(right - left) / w,
        size=(h, w), points=POINTS[0] + POINTS[1] * (right - left),
    )  # fmt: skip


def same_clip(
    frames: Mapping[str, UInt8[np.ndarray, "_h _w 3"]],
    reconstructions: Mapping[str, Mapping[str, UInt8[np.ndarray, "_h _w 3"]]],
) -> Figure:
    """The same moment over several backgrounds, a row each, and what experiments make of it.

    `frames` maps backgrounds to the frame; `reconstructions` maps experiments, which are columns,
    then backgrounds, to the reconstruction. Where an experiment has none, there is a "–".

    Raises:
        ValueError: no frame or experiment, sizes that differ, or a background without a frame.
    """
    if not frames or not reconstructions:
        raise ValueError(
            f"frames has backgrounds {list(frames)}, reconstructions experiments "
            f"{list(reconstructions)}; give at least one of each"
        )
    first = next(iter(frames.values()))
    given = {f"frames[{name!r}]": frame for name, frame in frames.items()}
    for experiment, made in reconstructions.items():
        for name, picture in made.items():
            if name not in frames:
                raise ValueError(
                    f"reconstructions[{experiment!r}] has background {name!r}, but frames only "
                    f"{list(frames)}; give the frame, too"
                )
            given[f"reconstructions[{experiment!r}][{name!r}]"] = picture
    for name, picture in given.items():
        if picture.shape != first.shape:
            raise ValueError(f"{name} has shape {picture.shape}; want {first.shape}, as the first")
    blank = np.full_like(first, 255)
    stacked = np.stack([
        np.stack([frame, *(made.get(name, blank) for made in reconstructions.values())])
        for name, frame in frames.items()
    ])  # fmt: skip
    fig = sheet(stacked, list(frames), ["frame", *reconstructions])
    [axis] = fig.axes
    images = np.array(axis.images, object).reshape(stacked.shape[:2])
    for name, of_row in zip(frames, images, strict=True):
        for image, made in zip(of_row[1:], reconstructions.values(), strict=True):
            if name not in made:
                _none(image)
    return fig


def _none(image: AxesImage) -> None:
    """A dash instead of a picture."""
    left, right, bottom, top = image.get_extent()
    axis = image.axes
    image.remove()
    axis.text(
        (left + right) / 2, (bottom + top) / 2, "–", ha="center", va="center", fontsize=9,
    )  # fmt: skip
