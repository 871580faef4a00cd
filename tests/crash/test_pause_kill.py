"""A pause while another process applies a plan, and kill -9 on that one: nothing is announced after it or lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from governance.catalog.plans import PlanState
from governance.catalog.tables import run
from governance.domain.actors import Actor
from governance.domain.errors import Paused
from governance.services.pausing import pause, resume
from governance.services.repair import stored_plan
from tests.crash.drifted import Drifted, differing
from tests.crash.test_apply_kill import go_on, lay_out
from tests.log_rows import log_bodies

CHILD = Path(__file__).with_name("drift_child.py")
ADA = Actor(id="ada")
MOMENTS = 4
REFUSED = 6
Copied = Callable[[Drifted, str], Drifted]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Apply a plan in a process of its own that stops at a moment; none is left over."""
    children: list[subprocess.Popen[str]] = []

    def starting(base: Drifted, moment: int, digest: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(CHILD), str(base.folder), base.url, base.kind, "4", str(moment), "2000"]
        pipe = subprocess.PIPE
        children.append(subprocess.Popen([*command, "apply", digest], stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return children[-1]

    yield starting
    for child in children:
        child.kill()
        child.communicate()


def changes(base: Drifted) -> list[str]:
    """Give what happened to indexes since the last pause, by the order of the events."""
    with base.kb.catalog.read() as uow:
        actions = [body["action"] for body in log_bodies(uow.connection)]
    after = len(actions) - actions[::-1].index("changes.paused")
    return [item for item in actions[after:] if item.startswith("index.change")]


def last_apply(base: Drifted) -> str:
    query = select(run.c.state).where(run.c.command == "drift apply").order_by(run.c.run_id.desc())
    with base.kb.catalog.read() as uow:
        return str(uow.connection.execute(query).scalars().first())


def begun(moments: int) -> list[int]:
    """Give moments of the second half of an application: the first half is its look."""
    return [moments // 2 + number * (moments // 2 - 2) // (MOMENTS - 1) for number in range(MOMENTS)]


@pytest.mark.crash
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_pause_at_any_moment_of_a_repair_leaves_nothing_unaccounted(
    killed: bool, tmp_path: Path, catalog_url: str, copied: Copied, start: Callable[..., subprocess.Popen[str]]
) -> None:
    laid_out, digest = lay_out(tmp_path / "laid-out", catalog_url, "foreign")
    calm = copied(laid_out, "calm")
    undisturbed = start(calm, 0, digest)
    moments = int(undisturbed.communicate(timeout=120)[0])
    work, expected = calm.work(), go_on(calm)
    calm.close()
    ends = []
    for moment in begun(moments):
        base = copied(laid_out, f"paused-{moment}")
        child = start(base, -moment, digest)
        assert child.stdout.readline() == "there\n", child.stderr.read()
        pause(base.kb.catalog, ADA, "other", None, ["other"], now=base.clock())
        if killed:
            child.kill()
        child.communicate(None if killed else "\n", timeout=120)
        ends.append(child.returncode)
        assert "index.change_intended" not in changes(base), moment
        assert killed or last_apply(base) == {0: "done", REFUSED: "refused"}[child.returncode], moment
        assert killed or base.kb.unaccounted() == [], moment
        if stored_plan(base.kb.desk, digest).state is not PlanState.APPLIED:
            with pytest.raises(Paused):
                base.apply(digest)
        base.clock.hour = 5
        assert resume(base.kb.catalog, ADA, now=base.clock()) is not None
        done = base.apply(digest)
        assert done.complete or done.already, moment
        assert base.work() == work, moment
        for state, wanted in zip(go_on(base), expected, strict=True):
            assert differing(state, wanted) == {}, moment
        assert base.kb.unaccounted() == [], moment
        base.close()
    assert killed or {0, REFUSED} == set(ends)
