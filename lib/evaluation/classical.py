"""How well background subtraction and SORT do on the same clips as a SCALOR: a reference point."""

import numpy as np

from lib.data.mot.boxes import FrameBoxes
from lib.data.mot.clips import Clips
from lib.evaluation.tracking import VideoCounts, score_video
from lib.models.classical import ClassicalConfig, follow_blobs
from lib.progress import tqdm


def judge_classical(
    clips: Clips,
    *,
    most: int | None = None,
    config: ClassicalConfig | None = None,
    progress: bool = True,
    description: str = "",
) -> list[VideoCounts]:
    """Counts of each clip, of at most `most`, spread evenly over a round: `judge`'s own.

    The background is learnt from all frames of the clip's video: nobody's truth is looked at, but
    frames are that come after the clip, which a SCALOR does not see.

    Raises `ValueError` for clips without truth.
    """
    for one in clips.sequences:
        if one.annotations is None:
            raise ValueError(
                f"{one.name} has no annotations, so nothing can be judged: give gt/gt.txt beside "
                "the frames"
            )
    wanted = min(most or len(clips), len(clips))
    indices = np.linspace(0, len(clips) - 1, wanted).round().astype(int).tolist()
    counts = []
    for index in tqdm(indices, disable=not progress, desc=description or None, leave=False):
        clip = clips.clip(index)
        found = follow_blobs(clips.video(index), clip.frames, config)
        boxes = [FrameBoxes.of(one.ids, one.boxes) for one in found]
        counts.append(score_video(boxes, clip.truth or [], group=clip.sequence))
    return counts
