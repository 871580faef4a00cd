"""kill -9 at 20 moments of a sync: on both catalogs the next one ends as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.domain.documents import DocumentState
from governance.services import observe_index
from tests.crash.drifted import Drifted, Hours, differing

Copied = Callable[[Drifted, str], Drifted]
CHILD = Path(__file__).with_name("drift_child.py")
MOMENTS = 20
BOTH_CATALOGS = pytest.mark.parametrize(
    "catalog_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.full)], indirect=True
)
"""Twenty kills take half a minute: on a server they are left to the full run."""
PAGE = 10
"""Records of one page of a look, so that these small indexes have several."""


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_index, "PAGE", PAGE)


def child(base: Drifted, hour: int, moment: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(base.folder), base.url, base.kind, str(hour), str(moment), str(PAGE)]
    return subprocess.run([*command, "sync"], capture_output=True, text=True, timeout=120, check=False)


def lay_out(folder: Path, url: str, kind: str, *, first: bool) -> Drifted:
    """Bring a knowledge base to where the next sync sees something of everything, or everything for the first time."""
    base = Drifted(folder, url, kind, Hours(0))
    base.fill()
    if not first:
        base.audit()
        base.change()
    return base


def noted_absence(base: Drifted) -> bool:
    """Say whether the killed run still came to count its listing: the next one is then the second."""
    with base.kb.catalog.read() as uow:
        known = uow.documents.known("pages").get("page-03.md")
    return known is not None and known.state is DocumentState.SUSPECT


def undisturbed(base: Drifted, syncs: int) -> tuple[int, list[dict[str, object]]]:
    """Sync and audit; give the number of the first sync's moments, and the states after the syncs and the audit."""
    done = child(base, 1, 0)
    assert done.returncode == 0, done.stderr
    for hour in range(2, syncs + 1):
        base.clock.hour = hour
        base.sync()
    states = [base.state()]
    base.clock.hour = syncs + 1
    base.audit()
    states.append(base.state())
    base.close()
    return int(done.stdout), states


def kill_and_go_on(base: Drifted, kill_at: int, expected: dict[bool, list[dict[str, object]]]) -> bool:
    """Kill a sync, let the next one finish, and hold both against the undisturbed; say whether it was resumed."""
    killed = child(base, 1, kill_at)
    assert killed.returncode == -signal.SIGKILL, (kill_at, killed.stderr)
    states = expected[noted_absence(base)]
    base.clock.hour = 2
    resumed = any(base.sync().values())
    assert differing(base.state(), states[0]) == {}, kill_at
    base.clock.hour = 3
    base.audit()
    assert differing(base.state(), states[1]) == {}, kill_at
    assert base.kb.unaccounted() == [], kill_at
    base.close()
    return resumed


@pytest.mark.crash
@BOTH_CATALOGS
def test_a_killed_sync_is_finished_by_the_next_as_if_undisturbed(
    tmp_path: Path, catalog_url: str, copied: Copied
) -> None:
    laid_out = lay_out(tmp_path / "laid-out", catalog_url, "foreign", first=False)
    moments, once = undisturbed(copied(laid_out, "once"), 1)
    expected = {False: once, True: undisturbed(copied(laid_out, "twice"), 2)[1]}
    assert moments >= MOMENTS
    for kill_at in spread(moments):
        kill_and_go_on(copied(laid_out, f"killed-{kill_at}"), kill_at, expected)


@pytest.mark.crash
@BOTH_CATALOGS
def test_a_killed_first_sync_is_resumed_where_it_was(tmp_path: Path, catalog_url: str, copied: Copied) -> None:
    laid_out = lay_out(tmp_path / "laid-out", catalog_url, "foreign", first=True)
    moments, states = undisturbed(copied(laid_out, "calm"), 1)
    resumed = [
        kill_and_go_on(copied(laid_out, f"killed-{kill_at}"), kill_at, {False: states}) for kill_at in spread(moments)
    ]
    assert not resumed[0]
    assert not resumed[-1]
    assert sum(resumed) >= MOMENTS // 3


def spread(moments: int) -> list[int]:
    """Give as many moments as are tried, evenly apart, the first and the last among them."""
    return [1 + number * (moments - 1) // (MOMENTS - 1) for number in range(MOMENTS)]
