"""Which frames of a video to keep, by their time stamps: so many a second, however it was made.

Recordings of games have any frame rate and often a variable one, so frames are counted by time.
Frame number k is the first frame shown at or after k / fps seconds and before (k + 1) / fps;
where the picture stands still for longer, a number is left out, and none is stored twice.
"""

from fractions import Fraction

_MOST_ROUNDING_S = Fraction(1, 2000)
"""Containers that count milliseconds round their time stamps: by half a millisecond."""


class FrameClock:
    """Turns time stamps into numbers of frames at `fps` a second.

    `time_base` is the length of a time stamp's unit in seconds, `zero` the first frame's stamp.
    A stamp is taken to be up to half a unit (and at most half a millisecond) too early, since it
    may be rounded: at 30 frames a second, every third frame is kept for `fps` 10, whatever the
    container.
    """

    def __init__(self, time_base: Fraction, fps: float, zero: int) -> None:
        if not 0 < fps <= 1000:
            raise ValueError(f"fps={fps}: want frames per second, above 0 and at most 1000")
        self._unit = time_base
        self._rounding = min(time_base / 2, _MOST_ROUNDING_S)
        self._fps = Fraction(fps).limit_denominator(10_000)
        self.zero = zero

    def seconds(self, stamp: int) -> float:
        """Time since the first frame."""
        return float((stamp - self.zero) * self._unit)

    def number(self, stamp: int) -> int:
        """Number of the frame with that stamp, were it the first to have this number."""
        return int(((stamp - self.zero) * self._unit + self._rounding) * self._fps // 1)
