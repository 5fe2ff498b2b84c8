"""Footage of the SCALOR chapter: which clips an experiment trains on, and which judge it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from lib.book.scalor.experiments import Experiment, clip_config
from lib.data.mot.clips import Clips
from lib.data.mot.discovery import discover_sequences
from lib.data.mot.parts import split_sequences
from lib.data.mot.sequences import MotSequence
from lib.files import digest
from lib.worlds.plaza import BACKGROUNDS, PlazaFootage, make_plaza
from lib.worlds.sprites import SpritesFootage, make_sprites

STUDY_VIDEOS = ("028", "033", "042", "059", "060", "068", "073", "086")
"""The eight videos of MOTSynth that the study calls "8 videos"."""
SEEN_PLACES, UNSEEN_PLACES = 8, 2  # plazas that experiments train on, and those that none does
_PEOPLE: dict[str, dict[str, Any]] = {
    "tiny": {"frames": 24, "size_px": 80, "people": 5, "view_m": 8.1},
    "small": {"frames": 40, "size_px": 80, "people": 5, "view_m": 8.1},
    "full": {"frames": 200, "size_px": 160, "people": 12, "view_m": 11.25},
}
_PLACE = {"tiny": (1, 12), "small": (1, 48), "full": (1, 48)}  # places, clips of each
_PLACES = {
    "tiny": (SEEN_PLACES + UNSEEN_PLACES, 3),
    "small": (SEEN_PLACES + UNSEEN_PLACES, 16),
    "full": (SEEN_PLACES + UNSEEN_PLACES, 32),
}
_SPRITES = {"tiny": 300, "small": 1_000, "full": 10_000}
HELD_OUT = 0.2  # of the videos


class Footage(NamedTuple):
    """Sequences of one experiment. `unseen` are of places that it was not trained on."""

    train: list[MotSequence]
    held_out: list[MotSequence]
    unseen: list[MotSequence]
    digest: str
    generated: bool

    def clips(self, experiment: Experiment, preset: str, *, seed: int = 0) -> Clips:
        """Clips to train on."""
        return Clips(self.train, clip_config(experiment, preset), seed=seed)

    def judged(
        self, experiment: Experiment, preset: str, sequences: Sequence[MotSequence]
    ) -> Clips:
        """Clips of `sequences` to judge by, cut without chance."""
        return Clips(sequences, clip_config(experiment, preset).for_judging())


def footage_of(
    experiment: Experiment,
    preset: str,
    *,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Footage:
    """What `experiment` sees at `preset`: made under ``root/data`` where it is missing.

    With `data_dir`, sequences there (MOTSynth, MOTChallenge, Grand Central, a video) take the
    plaza's part: the first one for experiments on one video, the study's eight, or all, for those
    on several. They are taken as they are, whatever the experiment's background.

    Raises `ValueError` for faulty footage, or too little of it.
    """
    if data_dir is not None and not experiment.sprites:
        return _given(experiment, Path(data_dir), seed)
    source = _made(experiment, preset, root, seed, progress)
    found = discover_sequences(source).sequences
    mine = [one for one in found if one.name.endswith(f"-{experiment.background}")]
    several = experiment.footage == "places"
    held_apart = [one for one in mine if several and _place(one) >= SEEN_PLACES]
    rest = [one for one in mine if one not in held_apart]
    parts = split_sequences(rest, share=HELD_OUT, seed=seed)
    return Footage(parts.train, parts.held_out, held_apart, digest([source.name, str(seed)]), True)


def _made(experiment: Experiment, preset: str, root: Path, seed: int, progress: bool) -> Path:
    """The folder of footage that the experiment belongs to, made if need be."""
    name = f"{preset}-seed{seed}" if seed else preset
    if experiment.sprites:
        textured = experiment.footage == "sprites_textured"
        sprites = SpritesFootage(
            seed=seed,
            clips=_SPRITES[preset],
            frames=10 if preset == "full" else 8,
            size_px=128 if preset == "full" else 64,
            textured=textured,
            backgrounds=(experiment.background,),  # type: ignore[arg-type]
        )
        kind = "-textured" if textured else ""
        folder = root / "data" / "scalor" / f"sprites{kind}-{experiment.background}-{name}"
        make_sprites(folder, sprites, progress=progress)
        return folder
    scenes, clips = (_PLACE if experiment.footage == "place" else _PLACES)[preset]
    plaza = PlazaFootage(seed=seed, scenes=scenes, clips=clips, **_PEOPLE[preset])
    if experiment.footage == "place":
        plaza = replace(plaza, backgrounds=BACKGROUNDS[1:])
    folder = root / "data" / "scalor" / f"{experiment.footage}-{name}"
    make_plaza(folder, plaza, progress=progress)
    return folder


def _place(sequence: MotSequence) -> int:
    """Number of the plaza: 3 for ``plaza003-001-hard``."""
    return int(sequence.name.split("-")[0].removeprefix("plaza"))


def _given(experiment: Experiment, source: Path, seed: int) -> Footage:
    """A reader's footage. One video alone is held out by time: its frames are all there is."""
    found = discover_sequences(source).sequences
    if experiment.footage == "place":
        found = found[:1]
    else:
        found = [one for one in found if one.name in STUDY_VIDEOS] or found
    rule = "video" if len(found) > 1 else "time"
    parts = split_sequences(found, rule=rule, share=HELD_OUT, seed=seed)
    mark = digest([str(source.resolve()), *(f"{one.name} {one.frames}" for one in found)])
    return Footage(parts.train, parts.held_out, [], mark, False)
