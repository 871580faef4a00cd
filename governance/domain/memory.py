"""Memory, where the default of the interpreter costs more than the work itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keep Python's cyclic garbage collector from running while many objects without a cycle are made.

    The collector would look through the new ones again and again, which costs up to a fifth of the time. Whoever
    nests this finds it at rest already and leaves it so.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
