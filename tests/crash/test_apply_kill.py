"""kill -9 at 20 moments of a repair: on both catalogs the next application ends as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.drifted import Drifted, Hours, differing

CHILD = Path(__file__).with_name("drift_child.py")
MOMENTS = 20
BOTH_CATALOGS = pytest.mark.parametrize(
    "catalog_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.full)], indirect=True
)
"""Twenty kills take half a minute: on a server they are left to the full run."""


def child(base: Drifted, hour: int, moment: int, digest: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(base.folder), base.url, base.kind, str(hour), str(moment), "2000"]
    return subprocess.run([*command, "apply", digest], capture_output=True, text=True, timeout=120, check=False)


def lay_out(folder: Path, url: str, kind: str) -> tuple[Drifted, str]:
    """Bring a knowledge base to where a plan deletes, indexes and asks for work; give its digest as well."""
    base = Drifted(folder, url, kind, Hours(0))
    base.fill()
    base.audit()
    base.change()
    for hour in (1, 2):
        base.clock.hour = hour
        base.audit()
    base.clock.hour = 3
    return base, base.plan()


def go_on(base: Drifted) -> list[dict[str, object]]:
    """Audit, let the pipeline do its work or the ingester run, and audit twice more; give the states in between.

    Right after a repair nothing is compared but the index and the plan: whoever applies a plan twice has looked once
    more, and has seen that what was deleted is gone. That a document was brought in whole is noted by the next ingest
    where a killed run did not come to it.
    """
    states = [{name: rows for name, rows in base.state().items() if name in {"records", "repair_plan"}}]
    base.clock.hour = 6
    base.audit()
    states.append({name: rows for name, rows in base.state().items() if name != "indexed_document"})
    if base.kind == "own":
        assert base.kb.ingest().tally.chunks.total() == 0
    else:
        base.pipeline.run(sorted({document for document, _ in base.work()}))
    for hour in (7, 8):
        base.clock.hour = hour
        base.audit()
        states.append(base.state())
    assert not base.kb.found("drift.content", "drift.missing", "drift.orphan", "drift.uncovered", "drift.ghost")
    return states


@pytest.mark.crash
@BOTH_CATALOGS
@pytest.mark.parametrize("kind", ["foreign", "own"])
def test_a_killed_repair_is_finished_by_the_next_as_if_undisturbed(
    kind: str, tmp_path: Path, catalog_url: str, copied: Callable[[Drifted, str], Drifted]
) -> None:
    laid_out, digest = lay_out(tmp_path / "laid-out", catalog_url, kind)
    calm = copied(laid_out, "calm")
    done = child(calm, 4, 0, digest)
    assert done.returncode == 0, done.stderr
    moments, work = int(done.stdout), calm.work()
    expected = go_on(calm)
    calm.close()
    assert moments >= MOMENTS
    for number in range(MOMENTS):
        kill_at = 1 + number * (moments - 1) // (MOMENTS - 1)
        base = copied(laid_out, f"killed-{kill_at}")
        killed = child(base, 4, kill_at, digest)
        assert killed.returncode == -signal.SIGKILL, (kill_at, killed.stderr)
        base.clock.hour = 5
        assert base.apply(digest).complete, kill_at
        assert base.work() == work, kill_at
        for state, wanted in zip(go_on(base), expected, strict=True):
            assert differing(state, wanted) == {}, kill_at
        assert base.kb.unaccounted() == [], kill_at
        base.close()
