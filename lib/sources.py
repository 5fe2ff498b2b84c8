"""Which modules of this package some code rests on: found by reading imports, not by running.

Caches hash those modules and no others, so that work on one study leaves the runs of all others
as they are.
"""

import ast
from collections.abc import Iterable

import grimp


def with_imports(modules: Iterable[str]) -> list[str]:
    """`modules` and all modules of their package that these import, at first or at second hand.

    The name of a package stands for all modules in it. Sorted. Imports inside functions count.

    Raises:
        ValueError: there is no such module.
    """
    found: set[str] = set()
    for module in modules:
        package = module.partition(".")[0]
        try:
            graph = grimp.build_graph(package, cache_dir=None)
        except ValueError as error:
            raise _unknown(module) from error
        if module not in graph.modules:
            raise _unknown(module)
        found |= {module} | graph.find_descendants(module)
        found |= graph.find_upstream_modules(module, as_package=True)
    return sorted(found)


def all_modules(package: str = "lib") -> set[str]:
    """Names of all modules of `package`."""
    return set(grimp.build_graph(package, cache_dir=None).modules)


def imports_of(code: str, package: str = "lib") -> set[str]:
    """Modules of `package` that a piece of Python source imports itself."""
    known, found = all_modules(package), set()
    for node in ast.walk(ast.parse(code)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        # `from lib.book import tables` names a module twice: the package lib.book is only its way
        modules = [name for name in names if name in known]
        found |= {m for m in modules if not any(other.startswith(f"{m}.") for other in modules)}
    return found


def _unknown(module: str) -> ValueError:
    return ValueError(
        f"code: found no module {module!r}; name modules or packages such as 'lib.models'"
    )
