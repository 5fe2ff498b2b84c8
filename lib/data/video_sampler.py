"""So many frames a second of a video, by time stamps, past damage and time stamps that jump."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lib.data.stretches import clock_time
from lib.data.video_clock import FrameClock
from lib.data.video_stream import DamagedVideoError, decoded

_BACK_S = 1.0  # time stamps that go back by more have started anew; less is disorder
_SHORT_S = 2.0  # a container's length may be that of its sound, which may outlast the picture


class Sampler:
    """One pass through a video; `frames` yields those to keep, `faults` what was left out.

    With `strict` any damage raises `DamagedVideoError`. Else all is left out from damage to the
    next key frame, since frames between build on what is missing.
    """

    def __init__(
        self,
        video: Path,
        opened: tuple[InputContainer, VideoStream],
        fps: float,
        *,
        strict: bool,
    ) -> None:
        self._video, self._fps, self._strict = video, fps, strict
        self._container, self._stream = opened
        self._unit = Fraction(self._stream.time_base or Fraction(1, 1000))
        rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        self._interval = max(1, round(1 / (rate * self._unit)))  # between frames, in units
        self._items = decoded(*opened)
        self._clock: FrameClock | None = None
        self._shift = 0  # added to stamps since they went back
        self._stamp = 0  # of the last frame, shifted
        self._end = 0  # of its time on screen
        self._number, self._kept_stamp = -1, 0  # of the last frame kept
        self._done_until: int | None = None  # stamps up to this one are kept already
        self._damage: tuple[float, str] | None = None  # begin and reason of the latest
        self.faults: dict[str, str] = {}

    def state(self) -> dict[str, Any]:
        """What another sampler needs to go on behind the last frame it yielded."""
        if self._clock is None:
            return {}
        return {
            "zero": self._clock.zero,
            "shift": self._shift,
            "stamp": self._kept_stamp,
            "number": self._number,
            "faults": dict(self.faults),
        }

    def go_on(self, state: dict[str, Any], is_it: Callable[[VideoFrame], bool]) -> bool:
        """Seek to behind the frame of `state`; whether that frame was found, and `is_it`.

        Where it was not, this sampler is of no more use.
        """
        if state["shift"]:
            return False  # the same stamp comes twice
        self._container.seek(state["stamp"], stream=self._stream)
        for item in self._items:
            if isinstance(item, str):
                continue  # frames that build on what lies before the place sought
            if item.pts is None or item.pts > state["stamp"]:
                return False
            if item.pts == state["stamp"]:
                self._clock = FrameClock(self._unit, self._fps, state["zero"])
                self._stamp = self._end = state["stamp"]
                self._number, self._kept_stamp = state["number"], state["stamp"]
                self.faults = dict(state["faults"])
                return is_it(item)
        return False

    def pass_over(self, state: dict[str, Any]) -> None:
        """Yield no frame up to that of `state`, but decode them all: slow, and always exact."""
        self._done_until = state["stamp"]

    def frames(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield number and frame, of rising numbers, of those to keep."""
        for item in self._items:
            if isinstance(item, str):
                self._begin_damage(item)
                continue
            if self._damage is not None and not item.key_frame:
                continue
            stamp = self._stamp_of(item)
            if self._clock is None:
                self._clock = FrameClock(self._unit, self._fps, stamp)
            self._end_damage(clock_time(self._clock.seconds(stamp)))
            self._stamp = max(self._stamp, stamp)
            self._end = max(self._end, stamp + (item.duration or self._interval))
            number = self._clock.number(stamp)
            if number <= self._number:
                continue
            self._number, self._kept_stamp = number, stamp
            if self._done_until is None or stamp > self._done_until:
                yield number, item
        self._end_damage("the end")

    def require_end(self, seconds: float) -> None:
        """Raise or note that the video ended long before the `seconds` that it states."""
        end = 0.0
        if self._clock is not None:  # some containers count from zero, not from the first frame
            end = max(self._clock.seconds(self._end), float(self._end * self._unit))
        if end < seconds - _SHORT_S and not any(at.endswith("the end") for at in self.faults):
            self._begin_damage(f"it ends there, but should last {clock_time(seconds)}")
            self._end_damage("the end")

    def _stamp_of(self, frame: VideoFrame) -> int:
        """The frame's time stamp, made up where it has none, shifted where stamps start anew."""
        following = self._stamp + self._interval
        if frame.pts is None:
            return 0 if self._clock is None else following
        stamp = frame.pts + self._shift
        if self._clock is None:
            self._stamp = stamp
            return stamp
        back = float((self._stamp - stamp) * self._unit)
        if back <= _BACK_S:
            return stamp
        reason = f"time stamps go back by {back:.1f} s"
        seconds = self._clock.seconds(self._stamp)
        if self._strict:
            raise DamagedVideoError(self._video, seconds, reason)
        self.faults[f"at {clock_time(seconds)}"] = f"{reason}; time was counted on from there"
        self._shift += following - stamp
        return following

    def _begin_damage(self, reason: str) -> None:
        seconds = 0.0 if self._clock is None else self._clock.seconds(self._stamp)
        if self._strict:
            raise DamagedVideoError(self._video, seconds, reason)
        if self._damage is None:
            self._damage = seconds, reason

    def _end_damage(self, until: str) -> None:
        if self._damage is not None:
            seconds, reason = self._damage
            self.faults[f"from {clock_time(seconds)} to {until}"] = reason
            self._damage = None
