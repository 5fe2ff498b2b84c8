"""The two layouts on disk: MineRL's folders and GameFactory's (GF-Minecraft).

Readers of the real data sets read these; what we add (world seed, pose, biome, daylight) lies in
extra keys and one extra file. Sources: `minerl/data/data_pipeline.py` of the MineRL project, and
the GF-Minecraft data card of GameFactory.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.files import atomic_path, write_json, write_text
from lib.worlds.blocks.camera import CLIMB_BLOCKS_PER_SECOND, MODE_NAMES, SPEEDS, Action, Mode
from lib.worlds.blocks.kinds import BIOME_NAMES, Biome
from lib.worlds.blocks.recording import Moment, Recording
from lib.worlds.video import write_video


@dataclass(frozen=True)
class Filming:
    """How frames are drawn.

    size: (rows, columns). supersample: rays a pixel and axis. hud: hand, hot bar and crosshair.
    creatures: whether anybody is about.
    """

    size: tuple[int, int]
    supersample: int
    frame_rate_hz: int
    hud: bool = True
    creatures: bool = True


MINERL_ENVIRONMENT = "MineRLBlocks-v0"
MINERL_LOADING_FRAMES = 20
"""The first second of a MineRL video: loading, black, then a still picture fading in."""
_BLACK_FRAMES = 8
GAMEFACTORY_FOLDER = "data_blocks"
GAMEFACTORY_TURN_DEG = 15.0
"""Unit of `pitch_delta` and `yaw_delta`."""
GAMEFACTORY_CAPTION_FRAMES = 128
ANNOTATION_COLUMNS = ("Original video name", "Start frame index", "End frame index", "Prompt")


def minerl_name(world_seed: int, number: int) -> str:
    """Name of a recording's folder."""
    return f"v3_blocks_world-{world_seed:06d}_rec-{number:02d}"


def gamefactory_name(world_seed: int, number: int) -> str:
    """Name of a recording's video and metadata, without suffix."""
    return f"seed_{world_seed}_part_{number}"


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An npz file, uncompressed members with fixed dates: the same arrays give the same bytes."""
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


# -- MineRL --------------------------------------------------------------------------------------


def _fading_in(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The loading screen: black, then rising brightness, until the recording proper begins."""
    for i, frame in enumerate(frames):
        if i < MINERL_LOADING_FRAMES:
            share = max(0, i - _BLACK_FRAMES + 1) / (MINERL_LOADING_FRAMES - _BLACK_FRAMES + 1)
            yield (frame * share).astype(np.uint8)
        else:
            yield frame


def _minerl_actions(moments: Sequence[Moment]) -> dict[str, np.ndarray]:
    """Arrays with one row a step: action k leads from state k to state k + 1."""
    actions = [moment.action for moment in moments[1:]]
    keys = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "attack")
    arrays: dict[str, np.ndarray] = {
        "reward": np.zeros(len(actions), np.float32),
        "action$camera": np.array(
            [(a.pitch_delta_deg, a.yaw_delta_deg) for a in actions], np.float32
        ).reshape(-1, 2),
    }
    for key in keys:
        arrays[f"action${key}"] = np.array([getattr(a, key) for a in actions], np.int64)
    return arrays


class _Film:
    """A recording's frames, which keeps count of the creatures in view as they are drawn."""

    def __init__(self, recording: Recording, filming: Filming) -> None:
        self.recording, self.filming = recording, filming
        self.creatures_in_view: list[int] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        filming, self.creatures_in_view = self.filming, []
        for shot in self.recording.shots(
            filming.size, filming.supersample, hud=filming.hud, creatures=filming.creatures
        ):
            self.creatures_in_view.append(shot.creatures_in_view)
            yield shot.image


def _truth(recording: Recording, creatures_in_view: Sequence[int]) -> dict[str, np.ndarray]:
    """One row a video frame; see `Moment` for what each column means."""
    moments = recording.moments
    return {
        "position": np.array([m.pose.eye for m in moments]),
        "yaw_deg": np.array([m.pose.yaw_deg for m in moments]),
        "pitch_deg": np.array([m.pose.pitch_deg for m in moments]),
        "biome": np.array([m.biome for m in moments], np.uint8),
        "biome_names": np.array(BIOME_NAMES),
        "sun_elevation": np.array([m.sun_elevation for m in moments]),
        "time_of_day": np.array([m.time_of_day for m in moments]),
        "mode": np.full(len(moments), MODE_NAMES[recording.mode]),
        "creatures_in_view": np.array(creatures_in_view, np.int32),
        "hotbar": np.array([m.hud.slot + 1 for m in moments], np.uint8),
    }


def minerl_files(root: Path, world_seed: int, number: int) -> Sequence[Path]:
    """The files of one recording."""
    folder = root / MINERL_ENVIRONMENT / minerl_name(world_seed, number)
    return [
        folder / name for name in ("recording.mp4", "metadata.json", "rendered.npz", "truth.npz")
    ]


def write_minerl(root: Path, recording: Recording, number: int, filming: Filming) -> None:
    """Write one recording as a MineRL folder.

    The video has more frames than there are states, as in the real data set: its reader skips the
    first `true_video_frame_count - (duration_steps + 1)` frames, here the loading screen.
    """
    seed = recording.world.seed
    video, metadata, rendered, truth = minerl_files(root, seed, number)
    moments = recording.moments
    steps = len(moments) - MINERL_LOADING_FRAMES - 1
    film = _Film(recording, filming)
    write_video(video, _fading_in(film), frame_rate_hz=filming.frame_rate_hz)
    _write_arrays(rendered, _minerl_actions(moments[MINERL_LOADING_FRAMES:]))
    _write_arrays(truth, _truth(recording, film.creatures_in_view))
    write_json(
        metadata,
        {
            "success": True,
            "duration_ms": round(steps * 1000 / filming.frame_rate_hz),
            "duration_steps": steps,
            "total_reward": 0.0,
            "stream_name": minerl_name(seed, number),
            "true_video_frame_count": len(moments),
            "world_seed": seed,
        },
    )


# -- GameFactory ---------------------------------------------------------------------------------


def _gamefactory_action(moment: Moment) -> dict[str, Any]:
    """One entry of `actions`: keys and mouse that led to this frame, and the pose there.

    The original has no `attack` and no `hotbar` (1 to 9); they are ours, as is the truth below.
    """
    a: Action = moment.action
    return {
        "ws": 1 if a.forward else (2 if a.back else 0),
        "ad": 1 if a.left else (2 if a.right else 0),
        "scs": 3 if a.sprint else (2 if a.sneak else (1 if a.jump else 0)),
        "attack": int(a.attack),
        "hotbar": moment.hud.slot + 1,
        "pitch": moment.pose.pitch_deg,
        "yaw": moment.pose.yaw_deg,
        "pitch_delta": a.pitch_delta_deg / GAMEFACTORY_TURN_DEG,
        "yaw_delta": a.yaw_delta_deg / GAMEFACTORY_TURN_DEG,
        "pos": [moment.pose.x, moment.pose.y, moment.pose.z],
        "biome": BIOME_NAMES[moment.biome],
        "time_of_day": moment.time_of_day,
        "sun_elevation": moment.sun_elevation,
    }


def _daytime_words(moment: Moment) -> str:
    if abs(moment.sun_elevation) < 0.25:
        return "at dawn" if moment.time_of_day < 0.25 or moment.time_of_day > 0.75 else "at dusk"
    return "by day" if moment.sun_elevation > 0 else "at night"


def describe(mode: Mode, moment: Moment) -> str:
    """A plain sentence about what is seen, such as "Walking through a snowy land at dusk"."""
    places = {
        Biome.OCEAN: "an ocean",
        Biome.BEACH: "a beach",
        Biome.PLAINS: "grassy plains",
        Biome.FOREST: "an oak forest",
        Biome.BIRCH_FOREST: "a birch forest",
        Biome.TAIGA: "a spruce forest",
        Biome.SNOW: "a snowy land",
        Biome.DESERT: "a desert",
        Biome.SAVANNA: "a savanna",
        Biome.JUNGLE: "a jungle",
        Biome.MESA: "a mesa of red clay",
        Biome.MOUNTAIN: "mountains",
    }
    place, time = places[moment.biome], _daytime_words(moment)
    if mode is Mode.CAVE:
        return f"Walking through a torch-lit cave below {place}"
    verb = {Mode.WALK: "Walking through", Mode.FLY: "Flying over", Mode.SWIM: "Diving in"}[mode]
    return f"{verb} {place} {time}"


def gamefactory_files(root: Path, world_seed: int, number: int) -> Sequence[Path]:
    """The files of one recording."""
    name, folder = gamefactory_name(world_seed, number), root / GAMEFACTORY_FOLDER
    return [folder / "video" / f"{name}.mp4", folder / "metadata" / f"{name}.json"]


def write_gamefactory(root: Path, recording: Recording, number: int, filming: Filming) -> None:
    """Write one recording as a GF-Minecraft video and its metadata.

    Also recorded: `mode` and its speeds, with which the actions give back the motion (`move`).
    """
    seed, moments = recording.world.seed, recording.moments
    video, metadata = gamefactory_files(root, seed, number)
    film = _Film(recording, filming)
    write_video(video, iter(film), frame_rate_hz=filming.frame_rate_hz)
    plain, sprinting, sneaking = SPEEDS[recording.mode]
    write_json(
        metadata,
        {
            "biome": BIOME_NAMES[moments[0].biome],
            "initial_weather": "clear",
            "start_time": round(moments[0].time_of_day * 24000) % 24000,
            "world_seed": seed,
            "mode": MODE_NAMES[recording.mode],
            "blocks_per_second": {"plain": plain, "sprint": sprinting, "sneak": sneaking},
            "climb_blocks_per_second": CLIMB_BLOCKS_PER_SECOND.get(recording.mode, 0.0),
            "frame_rate_hz": filming.frame_rate_hz,
            "actions": {
                str(i): {
                    **_gamefactory_action(moment),
                    "mode": MODE_NAMES[recording.mode],
                    "creatures_in_view": count,
                }
                for i, (moment, count) in enumerate(
                    zip(moments, film.creatures_in_view, strict=True)
                )
            },
        },
    )


def captions(recording: Recording, number: int) -> Sequence[Sequence[str | int]]:
    """Rows of `annotation.csv` for one recording; the end index is exclusive."""
    name, count = gamefactory_name(recording.world.seed, number), len(recording.moments)
    return [
        [
            f"{name}.mp4",
            start,
            min(start + GAMEFACTORY_CAPTION_FRAMES, count),
            describe(recording.mode, recording.moments[start]),
        ]
        for start in range(0, count, GAMEFACTORY_CAPTION_FRAMES)
    ]


def write_annotations(root: Path, rows: Sequence[Sequence[str | int]]) -> None:
    """Write `annotation.csv` of the whole data set."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ANNOTATION_COLUMNS)
    writer.writerows(rows)
    write_text(root / GAMEFACTORY_FOLDER / "annotation.csv", text.getvalue())
