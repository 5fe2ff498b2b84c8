"""Where a run's numbers go while it trains: a CSV file, TensorBoard, Weights & Biases.

All share one small protocol. Logging a step again, or an earlier one, means that a run was resumed
from a checkpoint before it: what an interrupted run logged beyond that point is dropped.
"""

import csv
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lib.files import write_text

Row = Mapping[str, float | int]


@runtime_checkable
class Log(Protocol):
    """Takes rows of numbers by step. `close` may be followed by more rows."""

    def log(self, step: int, values: Row, /) -> None:
        """Take one row."""

    def close(self) -> None:
        """Write what is pending."""


class CsvLog:
    """Rows of `path`, a CSV file with `step` first; a value that a row lacks is left empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: list[str] | None = None
        self._last = -1

    def log(self, step: int, values: Row) -> None:
        """Append one row; first drops the file's rows of this and later steps."""
        row = {"step": step, **values}
        if self._columns is None or step <= self._last or not row.keys() <= set(self._columns):
            self._rewrite(row)
        else:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self._columns, lineterminator="\n").writerow(row)
        self._last = step

    def close(self) -> None:
        """Forget the file's state, so that the next row looks at it afresh."""
        self._columns, self._last = None, -1

    def _rewrite(self, row: Row) -> None:
        kept: list[dict[str, Any]] = []
        columns = ["step"]
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                # None: the last row of a process that was killed while writing it
                kept = [old for old in reader if _is_whole(old) and int(old["step"]) < row["step"]]
                columns = list(reader.fieldnames or columns)
        columns += [name for name in row if name not in columns]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, dict(row)])
        write_text(self.path, text.getvalue())
        self._columns = columns


def _is_whole(row: Mapping[str | None, str | None]) -> bool:
    return None not in row.values() and None not in row


class TensorBoardLog:
    """TensorBoard's event files in `folder`: ``tensorboard --logdir <folder>`` shows them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None

    def log(self, step: int, values: Row) -> None:
        """Add one point to each curve; the first hides earlier runs' points from there on."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import, so only if used

            self._writer = SummaryWriter(str(self.folder), purge_step=step)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is pending; the next row opens a new event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class WandbLog:
    """A run in the Weights & Biases project `project`; needs an account and the extra `wandb`."""

    def __init__(self, project: str, config: Mapping[str, Any], *, run_id: str | None = None):
        try:
            import wandb
        except ImportError as error:
            raise ImportError(
                "WandbLog needs Weights & Biases, which is not installed. Run "
                'pip install "seeing-games[wandb]", or use CsvLog or TensorBoardLog'
            ) from error
        self._begin = partial(
            wandb.init, project=project, config=dict(config), id=run_id, resume="allow"
        )
        self._run: Any = None

    def log(self, step: int, values: Row) -> None:
        """Send one row."""
        if self._run is None:
            self._run = self._begin()
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until everything is sent, and end the run there."""
        if self._run is not None:
            self._run.finish()
            self._run = None
