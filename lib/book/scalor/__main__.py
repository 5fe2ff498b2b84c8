"""Record trackers: ``python -m lib.book.scalor gradient hard --preset small``, or ``--all``.

Each experiment is carried out, or its run loaded, and kept under ``results/scalor`` as soon as it
is there, so that a call which is interrupted goes on where it was. ``ablation`` and ``adapted`` as
the first word record trainings of which scores alone are kept (``--help`` behind either).
"""

import argparse
import sys
from collections.abc import Sequence

from lib.book.results import project_root
from lib.book.rows import PRESETS
from lib.book.scalor import ablation, adapted
from lib.book.scalor.experiments import BY_NAME, find
from lib.book.scalor.kept import record_tracker
from lib.book.scalor.outcomes import carry_out


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out experiments, or load their runs, and record each as soon as it is there."""
    given_words = list(sys.argv[1:] if arguments is None else arguments)
    others = {"ablation": ablation.main, "adapted": adapted.main}
    if given_words and given_words[0] in others:
        return others[given_words[0]](given_words[1:])
    parser = argparse.ArgumentParser(prog="python -m lib.book.scalor", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="NAME", help=", ".join(BY_NAME))
    parser.add_argument("--all", action="store_true", help="every experiment")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args(given_words)
    if bool(given.experiments) == given.all:
        parser.error("name experiments, or give --all")
    root = project_root()
    try:
        wanted = [find(name) for name in given.experiments or BY_NAME]
    except ValueError as error:
        parser.error(str(error))
    for one in wanted:
        outcome = carry_out(one.name, given.preset, root=root, seed=given.seed, device=given.device)
        path = record_tracker(outcome, preset=given.preset, root=root)
        print(f"{path.relative_to(root)}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
