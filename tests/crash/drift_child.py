"""Runs one sync, audit, ingest or application of a plan in a process of its own, and kills or stops it at a moment.

Usage: drift_child.py FOLDER CATALOG_URL KIND HOUR MOMENT PAGE DEED [DIGEST]. A moment is: before, in and after each
transaction of the catalog, each page and each look-up of the index, before and after each mutating call. With moment 0
nothing is killed; from a negative one on, outside of a transaction, the process says "there" and waits for a line. The
number of moments is printed.
An error of ours ends it with its exit code.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.errors import KbgovError
from governance.services import observe_index
from tests.crash.drifted import Drifted, Hours

FOLDER, URL, KIND, HOUR, MOMENT, PAGE, DEED = sys.argv[1:8]
CHANGING = {"put", "patch", "delete", "purge"}
at = int(MOMENT)
counted = 0


def moment(*, writing: bool = False) -> None:
    global at, counted  # noqa: PLW0603 - one counter per process is the point
    counted += 1
    if counted == at:
        os.kill(os.getpid(), signal.SIGKILL)
    if at < 0 and counted >= -at and not writing:
        at = 0
        print("there", flush=True)
        sys.stdin.readline()


@contextmanager
def watched_write(self: Catalog) -> Iterator[UnitOfWork]:
    moment()
    with plain_write(self) as uow:
        yield uow
        moment(writing=True)
    moment()


class Watched:
    """A port of the index whose calls are moments."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._port, name)
        if name not in CHANGING:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            moment()
            result = method(*args, **kwargs)
            moment()
            return result

        return call

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for page in self._port.stream(*args, **kwargs):
            moment()
            yield page

    def fetch(self, *args: Any, **kwargs: Any) -> Any:
        moment()
        return self._port.fetch(*args, **kwargs)


plain_write = Catalog.write
Catalog.write = watched_write
observe_index.PAGE = int(PAGE)
base = Drifted(Path(FOLDER), URL, KIND, Hours(int(HOUR)))
open_writer, open_reader = base.kb.index.writer, base.kb.index.reader
base.kb.index.writer = lambda *given: Watched(open_writer(*given))
base.kb.index.reader = lambda *given: Watched(open_reader(*given))
try:
    if DEED == "apply":
        base.apply(sys.argv[8])
    elif DEED == "ingest":
        base.kb.ingest()
    else:
        getattr(base, DEED)()
except KbgovError as error:
    sys.exit(error.exit_code)
base.close()
print(counted)
