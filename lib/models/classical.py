"""What was done before anything was learnt: a remembered background, blobs before it, SORT.

The background is a mixture of Gaussians for each pixel (Zivkovic 2004; OpenCV's MOG2), of the whole
video that a static camera took. What differs from it, but is no shadow, is grown together; each
piece that is large enough is an object, and pieces of following frames are linked by SORT (Bewley
et al. 2016): a Kalman filter says where each goes, and overlap who is who.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

SHADOW = 127  # OpenCV's mark of a shadow; 255 is an object
SORT_RATE = 30.0  # frames a second in which SORT counts how long somebody may be lost


@dataclass(frozen=True)
class ClassicalConfig:
    """Settings of all steps. The defaults were read off training clips of plaza and sprites.

    `least_contrast` is a squared distance in deviations. The colours of a pixel that are most
    frequent and together make `background_share` of the video are background: in a short video
    with much traffic OpenCV's 0.9 takes in whoever passed. Gaps up to `closing_px` down and half as
    much across are closed. Who is lost for more than `lost_frames` is somebody else.
    """

    least_contrast: float = 16.0
    background_share: float = 0.7
    closing_px: int = 3
    least_px: int = 16
    lost_frames: int = 2
    least_overlap: float = 0.1

    def __post_init__(self) -> None:
        for name in ("least_contrast", "closing_px", "least_px"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: want a number above 0")
        if self.lost_frames < 0:
            raise ValueError(f"lost_frames={self.lost_frames}: want 0 or more")
        for name in ("background_share", "least_overlap"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)}: want a number in (0, 1]")


class Linked(NamedTuple):
    """Boxes of one frame, (left, top, width, height) in pixels, and whose they are."""

    ids: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]


def follow_blobs(
    video: UInt8[np.ndarray, "v h w 3"],
    frames: UInt8[np.ndarray, "t rows columns 3"],
    config: ClassicalConfig | None = None,
) -> list[Linked]:
    """Whatever moves in `frames`; `video` is what the background is learnt from, twice over.

    Raises `ValueError` for an empty video, or one of another size.
    """
    config = config or ClassicalConfig()
    masks = foreground(video, frames, config)
    return linked([blobs(mask, config) for mask in masks], config)


def foreground(
    video: UInt8[np.ndarray, "v h w 3"],
    frames: UInt8[np.ndarray, "t rows columns 3"],
    config: ClassicalConfig,
) -> Bool[np.ndarray, "t rows columns"]:
    """Which pixels of `frames` are neither the background of `video` nor a shadow on it."""
    if not len(video) or video.shape[1:] != frames.shape[1:]:
        raise ValueError(
            f"video has {len(video)} frames of {video.shape[1:3]}, frames are of "
            f"{frames.shape[1:3]}; want at least one frame of the same size"
        )
    background = cv2.createBackgroundSubtractorMOG2(len(video), config.least_contrast, True)
    background.setBackgroundRatio(config.background_share)
    for _ in range(2):  # so that its first frames are judged by all of them, too
        for frame in video:
            background.apply(np.ascontiguousarray(frame))
    marks = [background.apply(np.ascontiguousarray(one), learningRate=0) for one in frames]
    return np.array(marks, np.uint8).reshape(frames.shape[:3]) > SHADOW


def blobs(mask: Bool[np.ndarray, "h w"], config: ClassicalConfig) -> Float64[np.ndarray, "n 4"]:
    """Boxes of the mask's pieces, the uppermost first."""
    kernel = np.ones((config.closing_px, max(1, config.closing_px // 2)), np.uint8)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    _, _, found, _ = cv2.connectedComponentsWithStats(closed)
    pieces = found[1:]  # the first is what lies outside of all
    large = pieces[:, cv2.CC_STAT_AREA] >= config.least_px
    return pieces[large, : cv2.CC_STAT_AREA].astype(np.float64)


def linked(
    boxes: list[Float64[np.ndarray, "_ 4"]], config: ClassicalConfig | None = None
) -> list[Linked]:
    """Boxes of following frames with the identities that SORT gives them, from 0 on.

    Every box has one: SORT names somebody in the second frame, which holds for the first as well;
    whom it never names is alone.
    """
    # Imported here: it brings a library of annotators, which takes two seconds
    from supervision import Detections
    from trackers import SORTTracker

    config = config or ClassicalConfig()
    sort = SORTTracker(
        lost_track_buffer=config.lost_frames,
        frame_rate=SORT_RATE,
        track_activation_threshold=0.0,
        minimum_consecutive_frames=1,
        minimum_iou_threshold=config.least_overlap,
    )
    names = [np.zeros(len(one), np.int64) for one in boxes]
    unnamed: list[tuple[int, int, object]] = []  # frame, box, and whom SORT began with it
    known: set[int] = set()
    for frame, one in enumerate(boxes):
        corners = np.concatenate([one[:, :2], one[:, :2] + one[:, 2:]], axis=1)
        given = Detections(xyxy=corners, confidence=np.ones(len(one)))
        found = sort.update(given if len(one) else Detections.empty())
        begun = [track for track in sort.tracks if id(track) not in known]
        known |= {id(track) for track in begun}
        if not len(one):
            continue
        names[frame] = np.asarray(found.tracker_id, np.int64)
        new = np.flatnonzero(names[frame] < 0)
        unnamed += [(frame, int(k), track) for k, track in zip(new, begun, strict=True)]
    free = 1 + max((int(one.max()) for one in names if len(one)), default=-1)
    for frame, box, track in unnamed:
        name = int(track.tracker_id)  # type: ignore[attr-defined]
        names[frame][box] = name if name >= 0 else free
        free += name < 0
    return [Linked(*both) for both in zip(names, boxes, strict=True)]
