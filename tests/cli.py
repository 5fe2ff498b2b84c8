"""The `seeing` command, called as a user does."""

import re

from typer.testing import CliRunner

from lib.cli import app


def call(*arguments: str):
    """Run the command; output without colours and with single spaces, for messages that wrap."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result, " ".join(plain.split())
