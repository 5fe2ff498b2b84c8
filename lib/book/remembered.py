"""What is worked out from a finished run and takes long: kept beside the run, read back next time.

For what has no plain form (cluster references, say). Whatever is numbers goes into JSON instead.
"""

import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from lib.files import atomic_path, digest
from lib.training.cache import source_digest

T = TypeVar("T")
UNREADABLE = (
    OSError, EOFError, pickle.UnpicklingError,
    AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError,
)  # fmt: skip


def remembered(
    folder: Path,
    name: str,
    make: Callable[[], T],
    *,
    kind: type[T],
    code: Sequence[str],
    given: Iterable[bytes | str | Path],
) -> T:
    """What `make` returned before for the same code and the same `given`, or returns now.

    It is a pickle in `folder`, which must be one of the reader's own: whoever writes a pickle may
    have it do anything. `code` names the modules that decide the outcome, with all they import;
    `given` is everything else that does. A file that cannot be read, or holds no `kind`, is made
    anew.
    """
    path = folder / f"{name}-{digest([source_digest(tuple(code)), *given])}.pickle"
    try:
        found = pickle.loads(path.read_bytes())
    except UNREADABLE:
        found = None
    if isinstance(found, kind):
        return found
    made = make()
    with atomic_path(path) as temporary:
        temporary.write_bytes(pickle.dumps(made, protocol=pickle.HIGHEST_PROTOCOL))
    return made
