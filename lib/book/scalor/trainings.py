"""How each experiment of the SCALOR chapter is trained: model, schedules, lengths of clips."""

from dataclasses import replace
from typing import Any

from lib.book.scalor.experiments import ADAPT, SMALL_PX, START, Experiment, find
from lib.models.scalor import Annealing, ScalorConfig
from lib.models.scalor.config import FrameMaps
from lib.training.scalor import Adversarial, Length, Perceptual, ScalorTraining

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
    "rival_overlap": 0.3,
    "appearance_floor": False,
}
_TIGHT: dict[str, Any] = {"ground_sigma": 0.03, "surprise": 0.01}
"""Of people: masks end where the ground begins. Sprites have edges enough."""
_SHADOWS: dict[str, Any] = {"shadow": 0.5}
"""Of a ground on which people cast any; elsewhere a shadow would explain dark clothes."""
_STEPS = {"tiny": 300, "small": 3_000, "full": 40_000}
_ADAPT_STEPS = {"tiny": 100, "small": 600, "full": 3_000}
_ADAPT_RATE = 0.3  # of the learning rate that the model was trained with
_LIVE_STEPS = {"tiny": 600, "small": 1_500, "full": 40_000}
# Schedules take so many steps at most, then nothing changes any more: slower ones let cells share
_PACE, _SPRITES_PACE, _SECOND_PACE = 2_700, 600, 2_000
# from which share of the pace on, frames of a clip, frames of a step
_SPRITES_STAGES = ((0.0, 1, 48), (0.12, 2, 48), (0.25, 4, 48), (0.5, 8, 48))
_PEOPLE_STAGES = ((0.0, 1, 24), (0.33, 2, 24), (0.45, 4, 24), (0.65, 8, 24))


def training(experiment: Experiment, preset: str) -> ScalorTraining:
    """How it is trained.

    `full` has the original's optimiser, schedules and batch; there gradients go through time from
    step 30,000 on, which the study's longest run (13,600 steps) never reached.
    """
    if preset == "full":
        return _full(experiment)
    steps = (_LIVE_STEPS if experiment.sprites else _STEPS)[preset]
    pace = _SPRITES_PACE if experiment.sprites else _SECOND_PACE if experiment.second else _PACE
    paced = min(steps, pace)
    common: dict[str, Any] = {
        "name": experiment.name,
        "annealing": _annealing(experiment, paced),
        "lengths": _curriculum(experiment, paced),
        "optimiser": "adam",
        "learning_rate": 1e-3,
        "warmup_steps": min(50, steps),
        "cooling": 0.7,
        "clip_norm": 100.0,
        "steps": steps,
    }
    if experiment.second:
        return ScalorTraining(model=_second(experiment), cooled=0.15, **common)
    base = _SPRITES if experiment.sprites else _PEOPLE
    if preset == "tiny":  # its few steps do not part those that share a sprite
        base = replace(base, cell_reach=_PEOPLE.cell_reach)
    # Over a background discovery begins blind; over black there is nothing but the objects to see
    maps: FrameMaps = "recurrent" if experiment.model_background == "none" else "direct"
    return ScalorTraining(
        model=replace(base, background=experiment.model_background, frame_maps=maps),
        perceptual=Perceptual(frames=6) if experiment.perceptual else None,
        adversarial=Adversarial() if experiment.adversarial else None,
        background_rate=1.0 if experiment.sprites else 0.5,  # its first steps are small ones
        **common,
    )


def adaptation(model: ScalorConfig, preset: str, *, made_at: str) -> ScalorTraining:
    """How a trained SCALOR-2 of preset `made_at` is trained on: as it was at the end of that.

    All schedules stay at their last values and clips have their whole length; steps are few and
    the learning rate is low, so that it keeps what it knows.
    """
    was, steps = training(find(START), made_at), _ADAPT_STEPS[preset]
    ended = replace(
        was.annealing,
        first_temperature=was.annealing.last_temperature,
        temperature_steps=1,
        first_presence_prior=was.annealing.last_presence_prior,
        presence_steps=1,
        kl_warmup_steps=0,
        sigma_since=0,
        sigma_steps=1,
    )
    if ended.through_time_step is not None:
        ended = replace(ended, through_time_step=1)
    return replace(
        was,
        name=ADAPT.name,
        model=model,
        annealing=ended,
        lengths=(was.lengths[-1]._replace(since=0),),
        learning_rate=_ADAPT_RATE * was.learning_rate,
        warmup_steps=min(50, steps),  # the optimiser begins anew
        cooling=0.7,
        cooled=0.15,
        steps=steps,
    )


def _second(experiment: Experiment) -> ScalorConfig:
    """The model of SCALOR-2, below `full`."""
    base = _SPRITES if experiment.sprites else replace(_PEOPLE, what=24)
    return replace(base, **_remembered(experiment))


def _remembered(experiment: Experiment) -> dict[str, Any]:
    """What SCALOR-2 changes on its footage."""
    tight = {} if experiment.sprites else _TIGHT
    return _REMEMBERED | tight | (_SHADOWS if experiment.shadows else {})


def _annealing(experiment: Experiment, paced: int) -> Annealing:
    """Schedules that take `paced` steps; of SCALOR-2 no background has to be learnt first."""

    def after(share: float) -> int:
        return max(1, int(share * paced))

    if experiment.sprites:
        return Annealing(
            temperature_steps=after(0.5),
            first_presence_prior=0.5,
            last_presence_prior=0.005,
            presence_steps=after(0.3),
            presence_fall="exponential",
            through_time_step=None,  # within so few steps it costs more than it brings
        )
    people = Annealing(
        temperature_steps=max(1, paced // 3),
        first_presence_prior=0.3,
        last_presence_prior=0.005,
        presence_steps=after(0.167),
        presence_fall="exponential",
        through_time_step=None,
        kl_warmup_steps=after(0.111),
        sigma_since=int(0.75 * paced),
        sigma_steps=after(0.15),
    )
    if experiment.second:
        return replace(people, last_sigma_share=0.5)
    # narrower or earlier, and one person is worth two objects
    return replace(people, last_sigma_share=0.62, background_steps=after(0.067), glimpse_weight=5.0)


def _curriculum(experiment: Experiment, steps: int) -> tuple[Length, ...]:
    """Single frames first, then ever longer clips."""
    return tuple(
        Length(int(share * steps), length, frames // length)
        for share, length, frames in (_SPRITES_STAGES if experiment.sprites else _PEOPLE_STAGES)
    )


def _full(experiment: Experiment) -> ScalorTraining:
    # What the prior expects of a cell in the end; most of the 64 are soon less present than that
    model = ScalorConfig(background=experiment.model_background, faintest_read=1e-3)
    if experiment.second:  # people are no larger than a glimpse of 16 pixels
        model = replace(model, glimpse_px=16, glimpse_layers="dense", **_remembered(experiment))
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
