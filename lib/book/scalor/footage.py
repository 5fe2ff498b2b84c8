"""Footage of the SCALOR chapter: which clips an experiment trains on, and which judge it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

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
    "tiny": {"frames": 24, "size_px": 80, "people": 5, "view_m": 6.5},
    "small": {"frames": 40, "size_px": 80, "people": 5, "view_m": 6.5},
    "full": {"frames": 200, "size_px": 160, "people": 12, "view_m": 11.25},
}
_PLACE = {"tiny": (1, 12), "small": (1, 48), "full": (1, 48)}  # places, clips of each
_PLACES = {
    "tiny": (SEEN_PLACES + UNSEEN_PLACES, 3),
    "small": (SEEN_PLACES + UNSEEN_PLACES, 16),
    "full": (SEEN_PLACES + UNSEEN_PLACES, 32),
}
_SPRITES = {"tiny": 300, "small": 1_000, "full": 10_000}  # clips
# Longer ones, and fewer: the median of eight frames would still show a sprite that is slow
_LEAVES = {"tiny": 60, "small": 200, "full": 1_000}
_LEAVES_FRAMES = 40
HELD_OUT = 0.2  # of the videos
Part = Literal["train", "held_out", "unseen"]
PARTS: tuple[Part, ...] = get_args(Part)


class Footage(NamedTuple):
    """Sequences of one experiment. `unseen` are of places that it was not trained on.

    Parts that were not asked for are empty.
    """

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

    def whole(self, experiment: Experiment, preset: str, sequences: Sequence[MotSequence]) -> Clips:
        """A clip of each of `sequences`, as long as the shortest of them is."""
        cut = clip_config(experiment, preset).for_judging()
        least = min(one.frames for one in sequences)
        return Clips(sequences, replace(cut, frames=(least - 1) // cut.stride + 1))


def footage_of(
    experiment: Experiment,
    preset: str,
    *,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    parts: Collection[Part] = PARTS,
    most: int | None = None,
    progress: bool = True,
) -> Footage:
    """What `experiment` sees at `preset`: the `parts` of it that are missing are made.

    `most` is about how many clips of each part are made and given, the first of each place; all
    if None.

    Generated footage lies under ``root/data``. The last clips of each place are held out: other
    people than in all the others walk there.

    With `data_dir`, sequences there (MOTSynth, MOTChallenge, Grand Central, a video) take the
    plaza's part: the first one for experiments on one video, the study's eight, or all, for those
    on several. They are taken as they are, whatever the experiment's background.

    Raises `ValueError` for faulty footage, or too little of it.
    """
    if data_dir is not None and not experiment.sprites:
        return given_footage(experiment, Path(data_dir), seed=seed)
    if experiment.sprites:
        source, places, clips = _sprites(experiment, preset, root, seed, parts, most, progress)
    else:
        source, places, clips = _plaza(experiment, preset, root, seed, parts, most, progress)
    found: dict[Part, list[MotSequence]] = {part: [] for part in PARTS}
    for one in discover_sequences(source).sequences:
        name, _, background = one.name.rpartition("-")
        if background != experiment.background:
            continue
        *place, clip = (int(number) for number in re.findall("[0-9]+", name))
        where = (place[0] if place else 0, clip, places, clips)
        if _wanted(*where, parts, most):
            found[_part(*where)].append(one)
    mark = digest([source.name, str(seed)])
    return Footage(found["train"], found["held_out"], found["unseen"], mark, generated=True)


def _part(place: int, clip: int, places: int, clips: int) -> Part:
    """Of the numbers of a clip and its place, of so many clips a place and places trained on."""
    if place >= places:
        return "unseen"
    return "held_out" if clip >= clips - max(1, round(HELD_OUT * clips)) else "train"


def _wanted(
    place: int, clip: int, places: int, clips: int, parts: Collection[Part], most: int | None
) -> bool:
    """Whether a clip is of one of `parts`, and among the first of its part in its place."""
    part = _part(place, clip, places, clips)
    if part not in parts or most is None:
        return part in parts
    first = clips - max(1, round(HELD_OUT * clips)) if part == "held_out" else 0
    return clip - first < -(-most // (UNSEEN_PLACES if part == "unseen" else places))


def _sprites(
    experiment: Experiment,
    preset: str,
    root: Path,
    seed: int,
    parts: Collection[Part],
    most: int | None,
    progress: bool,
) -> tuple[Path, int, int]:
    """The folder of sprites, the number of places, which is one, and of clips."""
    leaves = experiment.background == "leaves"
    clips = (_LEAVES if leaves else _SPRITES)[preset]
    sprites = SpritesFootage(
        seed=seed,
        clips=clips,
        frames=_LEAVES_FRAMES if leaves else 10 if preset == "full" else 8,
        size_px=128 if preset == "full" else 64,
        textured=experiment.footage == "sprites_textured",
        backgrounds=(experiment.background,),  # type: ignore[arg-type]
    )
    kind = experiment.footage.replace("_", "-")
    folder = _folder(root, f"{kind}-{experiment.background}", preset, seed)
    make_sprites(
        folder,
        sprites,
        only=lambda clip: _wanted(0, clip, 1, clips, parts, most),
        progress=progress,
    )
    return folder, 1, clips


def _plaza(
    experiment: Experiment,
    preset: str,
    root: Path,
    seed: int,
    parts: Collection[Part],
    most: int | None,
    progress: bool,
) -> tuple[Path, int, int]:
    """The folder of plazas, the number of places that are trained on, and of clips of each."""
    alone = experiment.footage == "place"
    scenes, clips = (_PLACE if alone else _PLACES)[preset]
    places = scenes if alone else SEEN_PLACES
    plaza = PlazaFootage(
        seed=seed,
        scenes=scenes,
        clips=clips,
        backgrounds=BACKGROUNDS[1:] if alone else ("hard",),
        **_PEOPLE[preset],
    )
    folder = _folder(root, experiment.footage, preset, seed)
    make_plaza(
        folder,
        plaza,
        only=lambda scene, clip: _wanted(scene, clip, places, clips, parts, most),
        progress=progress,
    )
    return folder, places, clips


def _folder(root: Path, name: str, preset: str, seed: int) -> Path:
    mark = f"-seed{seed}" if seed else ""
    return root / "data" / "scalor" / f"{name}-{preset}{mark}"


def as_own(sequences: Sequence[MotSequence]) -> tuple[list[MotSequence], list[MotSequence]]:
    """Generated clips to train on, and the last of each place, which are held out."""
    places: dict[str, list[MotSequence]] = {}
    for one in sorted(sequences, key=lambda one: one.name):
        places.setdefault(one.name.split("-")[0], []).append(one)
    found: dict[Part, list[MotSequence]] = {"train": [], "held_out": []}
    for clips in places.values():
        for number, one in enumerate(clips):
            found[_part(0, number, 1, len(clips))].append(one)
    return found["train"], found["held_out"]


def given_footage(
    experiment: Experiment, source: Path, *, seed: int = 0, unknown_held_out: bool = True
) -> Footage:
    """A reader's footage. One video alone is held out by time: its frames are all there is.

    Without `unknown_held_out`, nothing is held out where not all of the truth is known.

    Raises as `footage_of`.
    """
    found = discover_sequences(source).sequences
    if experiment.footage == "place":
        found = found[:1]
    else:
        found = [one for one in found if one.name in STUDY_VIDEOS] or found
    mark = digest([str(source.resolve()), *(f"{one.name} {one.frames}" for one in found)])
    if not unknown_held_out and any(one.annotations is None for one in found):
        # a mark of its own: once there is truth, what was trained on all of it must not be judged
        return Footage(found, [], [], digest([mark, "all"]), False)
    rule = "video" if len(found) > 1 else "time"
    parts = split_sequences(found, rule=rule, share=HELD_OUT, seed=seed)
    return Footage(parts.train, parts.held_out, [], mark, False)
