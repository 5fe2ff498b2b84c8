"""Pictures with the classifier's heat over them and its answer written on them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from lib.cli.answers import Answer, share
from lib.cli.pictures import Crop, Picture
from lib.figures.sideswipe_looks import HEAT_MAP

_GREATEST_COVER = 0.6  # of the hottest place: the picture is still seen below it
_LETTERS = 0.09  # height of the letters, of the picture's


@contextmanager
def overlay_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder beside `folder`; its files move there if the block succeeds, else they go.

    Files of the same names in `folder` are replaced one by one, others stay.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        yield staged
        for path in sorted(path for path in staged.rglob("*") if path.is_file()):
            target = folder / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_overlay(
    folder: Path,
    picture: Picture,
    answer: Answer,
    heat: Float[np.ndarray, "h w"],
    crop: Crop | None = None,
) -> None:
    """Write `picture`, at its own size, to ``NAME.png`` or ``NAME-FRAME.png`` in `folder`.

    Raises `ValueError` for a picture that was read without `Order.whole`.
    """
    if picture.whole is None:
        raise ValueError(f"{picture.source.path} was read without its own pixels: order them whole")
    frame = "" if picture.frame is None else f"-{picture.frame:06d}"
    path = folder / f"{picture.source.name}{frame}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(warm(picture.whole, heat, crop))
    write_on(image, caption(answer))
    image.save(path, compress_level=1)


def caption(answer: Answer) -> str:
    """What is written on the picture."""
    return f"{answer.name} {share(answer.probability)}{', unknown car' if answer.unknown else ''}"


def warm(
    picture: UInt8[np.ndarray, "h w 3"],
    heat: Float[np.ndarray, "h2 w2"],
    crop: Crop | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in grey, the more covered the hotter; `heat` in [0, 1] lies over the crop."""
    rows, columns, _ = picture.shape
    x, y, width, height = crop or (0, 0, columns, rows)
    part = picture[y : y + height, x : x + width]
    spread = Image.fromarray(heat.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    warmth = np.asarray(spread).clip(0, 1)
    grey = (part @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None]
    table = (255 * mpl.colormaps[HEAT_MAP](np.linspace(0.25, 1, 256))[:, :3]).astype(np.float32)
    colour = table[(255 * warmth).round().astype(np.uint8)]
    cover = (_GREATEST_COVER * warmth)[..., None]
    warmed = picture.copy()
    warmed[y : y + height, x : x + width] = (grey * (1 - cover) + colour * cover).round()
    return warmed


def write_on(image: Image.Image, text: str) -> None:
    """Write `text` into the upper left corner, white on black, as large as fits."""
    points = max(8, round(_LETTERS * image.height))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(points)
    if (width := draw.textlength(text, font)) > image.width - 6:
        font = ImageFont.load_default(max(6, int(points * (image.width - 6) / width)))
    left, top, right, bottom = draw.textbbox((3, 2), text, font)
    draw.rectangle((left - 3, top - 2, right + 2, bottom + 2), fill="black")
    draw.text((3, 2), text, "white", font)
