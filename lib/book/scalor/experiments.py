"""What the SCALOR chapter trains: every experiment of the study by name, and two of the paper's.

The study showed pictures; here each is a configuration with footage whose truth is known, so that
each can be scored. At presets `tiny` and `small` the model is a small one (64 x 64 pixels, 4 x 4
cells, glimpses of 16 pixels) that Adam trains for some thousands of steps; at `full` it has the
original's sizes and settings, and tens of thousands.

`SECOND` are those of SCALOR-2, in which a background that is remembered takes the place of one that
is learnt: what the study asks for at its end.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from lib.data.mot.clips import ClipConfig
from lib.evaluation.following import Reading
from lib.models.scalor import Annealing, ScalorConfig
from lib.models.scalor.config import FrameMaps
from lib.training.scalor import Adversarial, Length, Perceptual, ScalorTraining

Footage = Literal["sprites", "sprites_textured", "place", "places"]


@dataclass(frozen=True)
class Experiment:
    """One training: on which footage, over which background, with which terms.

    `footage`: ``place`` is one plaza and camera, ``places`` several. `claim` is what the write-up
    says came of it, in our words; empty where it did nothing of the kind. `windows`: where clips
    are cut out of the frames in training.
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
        "second_hard", "SCALOR-2, hard", "place", "hard", model_background="remembered",
    ),
    Experiment(
        "second_multi", "SCALOR-2, several places", "places", "hard",
        model_background="remembered",
    ),
)  # fmt: skip
BY_NAME = {one.name: one for one in (*EXPERIMENTS, *SECOND)}
LIVE = "sprites_gradient"
"""What a reader trains from scratch at preset `tiny`."""

PEOPLE_ALPHA, SECOND_ALPHA = 0.15, 0.04
SMALL_PX, FULL_PX = 64, 128
SPRITES_FRAMES = 8  # of a clip
_SPRITES = ScalorConfig(
    image_px=SMALL_PX, grid=4, glimpse_px=16, what=16, scale=0.26, scale_range=0.1, aspect=1.0,
    aspect_range=0.3, sigma=0.15, max_objects=None, appearance_floor=False,
    discovery_where_std_bias=-2.0, what_std_bias=-1.0, cell_reach=0.75,
    faintest_drawn=1e-3, glimpse_layers="dense",
)  # fmt: skip
# Where neighbouring cells reach the same places, two of them learn to share a person
_PEOPLE = replace(
    _SPRITES, scale=0.2, scale_range=0.06, aspect=2.4, aspect_range=0.8, sigma=0.13,
    cell_reach=0.55, what_std_bias=-3.0, discovery_logit_cap=4.0, alpha_bias=1.0, persistent=True,
)  # fmt: skip
# What SCALOR-2 changes at every preset
_REMEMBERED: dict[str, Any] = {
    "background": "remembered",
    "frame_maps": "direct",
    "likelihood": "mixture",
    "ground_sigma": 0.03,
    "surprise": 0.01,
    "shadow": 0.5,
    "rival_overlap": 0.3,
    "appearance_floor": False,
}
_STEPS = {"tiny": 300, "small": 3_000, "full": 40_000}
_LIVE_STEPS = {"tiny": 600, "small": 1_500, "full": 40_000}
# Schedules take so many steps at most, then nothing changes any more: slower ones let cells share
_PACE, _SPRITES_PACE, _SECOND_PACE = 2_700, 600, 2_000
# from which share of the pace on, frames of a clip, frames of a step
_SPRITES_STAGES = ((0.0, 1, 48), (0.12, 2, 48), (0.25, 4, 48), (0.5, 8, 48))
_PEOPLE_STAGES = ((0.0, 1, 24), (0.33, 2, 24), (0.45, 4, 24), (0.65, 8, 24))


def find(name: str) -> Experiment:
    """The experiment of that name. Raises `ValueError` for an unknown one."""
    if name not in BY_NAME:
        raise ValueError(f"experiment is {name!r}; choose one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


def reading(experiment: Experiment, preset: str) -> Reading:
    """From where on a pixel belongs to an object.

    Small models draw people with soft masks, and alpha of SCALOR-2 is a probability; thresholds
    were read off clips of the training.
    """
    if experiment.second:
        return Reading(least_alpha=SECOND_ALPHA)
    soft = not experiment.sprites and preset != "full"
    return Reading(least_alpha=PEOPLE_ALPHA) if soft else Reading()


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


def training(experiment: Experiment, preset: str) -> ScalorTraining:
    """How it is trained.

    `full` has the original's optimiser, schedules and batch; there gradients go through time from
    step 30,000 on, which the study's longest run (13,600 steps) never reached.
    """
    if preset == "full":
        return _full(experiment)
    if experiment.second:
        return _second(experiment, preset)
    steps = (_LIVE_STEPS if experiment.sprites else _STEPS)[preset]
    base = _SPRITES if experiment.sprites else _PEOPLE
    if preset == "tiny":  # its few steps do not part those that share a sprite
        base = replace(base, cell_reach=_PEOPLE.cell_reach)
    paced = min(steps, _SPRITES_PACE if experiment.sprites else _PACE)
    annealing = Annealing(
        temperature_steps=max(1, paced // 2),
        first_presence_prior=0.5,
        last_presence_prior=0.005,
        presence_steps=max(1, int(0.3 * paced)),
        presence_fall="exponential",
        through_time_step=None,  # within so few steps it costs more than it brings
    )
    if not experiment.sprites:
        annealing = replace(
            annealing,
            temperature_steps=max(1, paced // 3),
            first_presence_prior=0.3,
            presence_steps=max(1, int(0.167 * paced)),
            background_steps=max(1, int(0.067 * paced)),
            kl_warmup_steps=max(1, int(0.111 * paced)),
            glimpse_weight=5.0,
            # narrower or earlier, and one person is worth two objects
            last_sigma_share=0.62,
            sigma_since=int(0.75 * paced),
            sigma_steps=max(1, int(0.15 * paced)),
        )
    # Over a background discovery begins blind; over black there is nothing but the objects to see
    maps: FrameMaps = "recurrent" if experiment.model_background == "none" else "direct"
    return ScalorTraining(
        name=experiment.name,
        model=replace(base, background=experiment.model_background, frame_maps=maps),
        annealing=annealing,
        lengths=_curriculum(experiment, paced),
        perceptual=Perceptual(frames=6) if experiment.perceptual else None,
        adversarial=Adversarial() if experiment.adversarial else None,
        optimiser="adam",
        learning_rate=1e-3,
        background_rate=1.0 if experiment.sprites else 0.5,  # its first steps are small ones
        warmup_steps=min(50, steps),
        cooling=0.7,
        clip_norm=100.0,
        steps=steps,
    )


def _second(experiment: Experiment, preset: str) -> ScalorTraining:
    """Of SCALOR-2, on people: nothing has to be learnt but objects."""
    steps = _STEPS[preset]
    paced = min(steps, _SECOND_PACE)
    return ScalorTraining(
        name=experiment.name,
        model=replace(_PEOPLE, what=24, **_REMEMBERED),
        annealing=Annealing(
            temperature_steps=max(1, paced // 3),
            first_presence_prior=0.3,
            last_presence_prior=0.005,
            presence_steps=max(1, int(0.167 * paced)),
            presence_fall="exponential",
            through_time_step=None,
            kl_warmup_steps=max(1, int(0.111 * paced)),
            last_sigma_share=0.5,
            sigma_since=int(0.75 * paced),
            sigma_steps=max(1, int(0.15 * paced)),
        ),
        lengths=_curriculum(experiment, paced),
        optimiser="adam",
        learning_rate=1e-3,
        warmup_steps=min(50, steps),
        cooling=0.7,
        cooled=0.15,
        clip_norm=100.0,
        steps=steps,
    )


def _curriculum(experiment: Experiment, steps: int) -> tuple[Length, ...]:
    """Single frames first, then ever longer clips."""
    return tuple(
        Length(int(share * steps), length, frames // length)
        for share, length, frames in (_SPRITES_STAGES if experiment.sprites else _PEOPLE_STAGES)
    )


def _full(experiment: Experiment) -> ScalorTraining:
    # What the prior expects of a cell in the end; most of the 64 are soon less present than that
    model = ScalorConfig(background=experiment.model_background, faintest_read=1e-3)
    if experiment.second:
        model = replace(model, **_REMEMBERED)
    if experiment.sprites:
        model = replace(model, scale=0.2, scale_range=0.08, aspect=1.0, aspect_range=0.3)
    return ScalorTraining(
        name=experiment.name,
        model=model,
        lengths=(Length(0, 10, 8),),  # the study's batch; the original's is 20
        perceptual=Perceptual() if experiment.perceptual else None,
        adversarial=Adversarial() if experiment.adversarial else None,
        steps=_STEPS["full"],
    )
