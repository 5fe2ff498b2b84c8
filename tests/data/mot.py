"""Small footage of people in the layouts that `lib.data.mot` reads."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.footage import noise, write_video

SIZE = (24, 36)


def encode_runs(mask: np.ndarray) -> str:
    """COCO's compressed writing of a mask, written independently of the reader."""
    flat = mask.T.reshape(-1).astype(int)
    runs, value = [], 0
    while len(flat):
        length = int(np.argmax(flat != value)) if (flat != value).any() else len(flat)
        runs.append(length)
        flat, value = flat[length:], 1 - value
    text = ""
    for k, run in enumerate(runs):
        number = run - runs[k - 2] if k > 2 else run
        while True:
            low, number = number & 31, number >> 5
            ends = number == (-1 if low & 16 else 0)
            text += chr((low if ends else low | 32) + 48)
            if ends:
                break
    return text


def write_pictures(folder: Path, count=12, *, first=1, digits=6, suffix=".png", size=SIZE):
    folder.mkdir(parents=True)
    frames = noise(count, *size)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{first + i:0{digits}d}{suffix}")
    return frames


def write_gt(folder: Path, rows, *, frames=None, size=SIZE):
    """`gt/gt.txt` of rows, and `seqinfo.ini` if told the number of frames."""
    (folder / "gt").mkdir(parents=True)
    lines = [",".join(map(str, row)) for row in rows]
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
    if frames is not None:
        about = {"seqLength": frames, "imWidth": size[1], "imHeight": size[0], "frameRate": 20}
        told = "\n".join(f"{key}={value}" for key, value in about.items())
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nname=x\nimDir=img1\n{told}\n")


def walkers(frames=12, *, first=1):
    """Rows of two people: 1 walks to the right, 2 stands, half hidden."""
    rows = []
    for k in range(frames):
        rows.append((first + k, 1, 2 + k, 5, 4, 8, 1, 1, 1.0))
        rows.append((first + k, 2, 21, 11, 6, 10, 1, 1, 0.5))
    return rows


def write_motchallenge(folder: Path, count=12, **options):
    frames = write_pictures(folder / "img1", count, **options)
    write_gt(folder, walkers(count), frames=count)
    return frames


def write_motsynth(root: Path, name="000", count=12, *, video=False, first=1, annotated=True):
    if video:
        frames = noise(count, *SIZE)
        write_video(root / "frames" / f"{name}.mp4", frames)
    else:
        frames = write_pictures(
            root / "frames" / name / "rgb", count, first=0, digits=4, suffix=".png"
        )
    if annotated:
        rows = [(*row, 0.5, 1.5, -2.0) for row in walkers(count, first=first)]
        write_gt(root / "mot_annotations" / name, rows, frames=count)
    return frames


def write_masks(folder: Path, masks: dict, *, kind=2):
    """MOTS text of {(frame, object id): mask}."""
    (folder / "gt").mkdir(parents=True)
    lines = [
        f"{frame} {name} {kind} {mask.shape[0]} {mask.shape[1]} {encode_runs(mask)}"
        for (frame, name), mask in masks.items()
    ]
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
