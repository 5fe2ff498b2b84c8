"""Memory of the C library, which training on a CPU would have zeroed again and again."""

import ctypes

# mallopt(3): no block is mapped on its own, none given back, and the heap grows in large pieces.
_MALLOC_OPTIONS = ((-4, 0), (-1, 2**31 - 1), (-2, 64 * 2**20))


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees; returns whether its C library can (glibc does).

    By default glibc maps every large block anew and returns it when freed, so that each training
    step on a CPU has the same hundreds of megabytes zeroed page by page: up to half of its time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc: macOS, Windows, musl
        return False
    return all(mallopt(option, value) == 1 for option, value in _MALLOC_OPTIONS)
