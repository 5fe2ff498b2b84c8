"""Ctrl-C that waits for the end of a training step, so that what is saved is whole."""

import signal
import threading
from types import FrameType, TracebackType


class DeferredInterrupt:
    """Inside the block, the first Ctrl-C only sets `requested`; a second one stops at once.

    Between steps, weights, optimiser and random numbers belong together; in the middle of one
    they do not, and a checkpoint would resume into a different run. Outside the main thread, and
    where a program handles Ctrl-C itself, nothing is changed.
    """

    def __init__(self) -> None:
        self.requested = False
        self._active = False

    def __enter__(self) -> "DeferredInterrupt":
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._active = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
