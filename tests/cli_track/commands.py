"""Calling `seeing track`, and what it is to say and leave behind."""

import re
from pathlib import Path

from typer.testing import CliRunner

from lib.cli import app
from lib.evaluation.tracker_file import TrackerInfo

INFO = TrackerInfo("sprites", "tiny", 0, 1, None, "0123", "abcdef012345")


def call(*arguments):
    """Run the command; its result, and what it told, with single spaces."""
    environment = {"COLUMNS": "200"}
    given = ["track", *map(str, arguments)]
    given += [] if "--help" in given else ["--device", "cpu"]
    result = CliRunner().invoke(app, given, env=environment)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result, " ".join(plain.split())


def fails(*arguments) -> str:
    """What the command told of a mistake; it left no file."""
    before = files()
    result, text = call(*arguments)
    assert result.exit_code == 1, text
    assert "Traceback" not in text
    assert files() == before
    return text


def files() -> list[Path]:
    return sorted(path for path in Path().rglob("*") if path.is_file())
