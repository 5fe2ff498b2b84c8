"""What the SCALOR chapter trains: every experiment of the study by name, and two of the paper's.

The study showed pictures; here each is a configuration with footage whose truth is known, so that
each can be scored. At presets `tiny` and `small` the model is a small one (64 x 64 pixels, 4 x 4
cells, glimpses of 16 pixels) that Adam trains for some thousands of steps; at `full` it has the
original's sizes and settings, and tens of thousands.

`SECOND` are those of SCALOR-2, in which a background that is remembered takes the place of one that
is learnt: what the study asks for at its end.
"""

from dataclasses import dataclass
from typing import Literal

from lib.data.mot.clips import ClipConfig

Footage = Literal["sprites", "sprites_textured", "place", "places"]


@dataclass(frozen=True)
class Experiment:
    """One training: on which footage, over which background, with which terms.

    `footage`: ``place`` is one plaza and camera, ``places`` several. `background`: as of
    `lib.worlds`; ``leaves`` is a texture of discs, as hard to tell from sprites as can be. `claim`
    is what the write-up says came of it, in our words; empty where it did nothing of the kind.
    `windows`: where clips are cut out of the frames in training.
    """

    name: str  # of the ledger
    title: str
    footage: Footage
    background: str
    claim: str = ""
    perceptual: bool = False
    adversarial: bool = False
    windows: Literal["random", "centre"] = "random"
    model_background: Literal["full", "field", "none", "constant", "remembered"] = "full"

    @property
    def sprites(self) -> bool:
        """Whether it is one of the paper's toy worlds."""
        return self.footage.startswith("sprites")

    @property
    def second(self) -> bool:
        """Whether it is one of SCALOR-2."""
        return self.model_background == "remembered"

    @property
    def shadows(self) -> bool:
        """Whether things cast shadows there: only on what is a ground."""
        return self.background in ("hard", "blurred")


EXPERIMENTS = (
    Experiment(
        "sprites", "toy sprites over black", "sprites", "black",
        windows="centre", model_background="none",
    ),
    Experiment(
        "sprites_gradient", "toy sprites over gradients", "sprites", "gradient",
        windows="centre", model_background="field",
    ),
    Experiment(
        "textured", "textured sprites over gradients", "sprites_textured", "gradient",
        windows="centre", model_background="field",
    ),
    Experiment(
        "leaves", "textured sprites over leaves", "sprites_textured", "leaves",
        windows="centre",
    ),
    Experiment(
        "initial", "several videos as they are", "places", "hard",
        claim="poor reconstruction and detection",
    ),
    Experiment(
        "gradient", "one video, gradient background", "place", "gradient",
        claim="discovery and propagation work",
    ),
    Experiment(
        "hard", "one video, hard background", "place", "hard", claim="reconstruction fails",
    ),
    Experiment(
        "hard_perceptual", "hard, perceptual loss", "place", "hard",
        claim="discovery works, propagation fails: objects are found anew", perceptual=True,
    ),
    Experiment(
        "blurred_perceptual", "blurred, perceptual loss", "place", "blurred",
        claim="discovery works, propagation fails: objects are found anew", perceptual=True,
    ),
    Experiment(
        "blurred_perceptual_gan", "blurred, perceptual and GAN loss", "place", "blurred",
        claim="good reconstruction; discovery and propagation work; objects are found twice",
        perceptual=True, adversarial=True,
    ),
    Experiment(
        "multi", "eight videos, perceptual and GAN loss", "places", "hard",
        claim="reconstruction fails, objects fill in for the background",
        perceptual=True, adversarial=True,
    ),
    Experiment(
        "no_background_encoder", "hard, one vector for all backgrounds", "place", "hard",
        claim="the background is drawn well; discovery and propagation work", windows="centre",
        model_background="constant",
    ),
)  # fmt: skip
SECOND = (
    Experiment(
        "second_leaves", "SCALOR-2, textured sprites over leaves", "sprites_textured", "leaves",
        windows="centre", model_background="remembered",
    ),
    Experiment(
        "second_gradient", "SCALOR-2, gradient background", "place", "gradient",
        model_background="remembered",
    ),
    Experiment(
        "second_hard", "SCALOR-2, hard", "place", "hard", model_background="remembered",
    ),
    Experiment(
        "second_multi", "SCALOR-2, several places", "places", "hard",
        model_background="remembered",
    ),
)  # fmt: skip
BY_NAME = {one.name: one for one in (*EXPERIMENTS, *SECOND)}
ADAPT = Experiment(
    "adapt", "SCALOR-2, adapted to your footage", "places", "hard", model_background="remembered",
)  # fmt: skip
"""The recorded tracker of `START`, trained further on a reader's own videos."""
START = "second_multi"
LIVE = "sprites_gradient"
"""What a reader trains from scratch at preset `tiny`."""

SMALL_PX, FULL_PX = 64, 128
SPRITES_FRAMES = 8  # of a clip


def find(name: str) -> Experiment:
    """The experiment of that name. Raises `ValueError` for an unknown one."""
    if name not in BY_NAME:
        raise ValueError(f"experiment is {name!r}; choose one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


def clip_config(experiment: Experiment, preset: str) -> ClipConfig:
    """How clips are cut for training; `ClipConfig.for_judging` makes those that are judged."""
    if experiment.sprites:
        size = FULL_PX if preset == "full" else SMALL_PX
        return ClipConfig(
            frames=10 if preset == "full" else SPRITES_FRAMES, stride=1, size_px=size,
            window_px=None, windows="centre", jitter=False, behind=experiment.second,
        )  # fmt: skip
    if preset == "full":
        return ClipConfig(windows=experiment.windows, behind=experiment.second)
    return ClipConfig(  # at ten frames a second people move half as far as in the study's clips
        frames=8, stride=1, size_px=SMALL_PX, window_px=SMALL_PX, windows=experiment.windows,
        behind=experiment.second,
    )  # fmt: skip
