"""Two processes at once: one is told to try again, or both end right, and nothing is in pieces afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from governance.domain.errors import LockHeld
from tests.crash.drifted import Drifted, differing
from tests.crash.test_apply_kill import lay_out

CHILD = Path(__file__).with_name("drift_child.py")
TRY_AGAIN = 75
Start = Callable[..., subprocess.Popen[str]]
Copied = Callable[[Drifted, str], Drifted]
LaidOut = Callable[[str], tuple[Drifted, Drifted, str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a deed in a process of its own; none is left over."""
    children: list[subprocess.Popen[str]] = []

    def starting(base: Drifted, hour: int, moment: int, *deed: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(CHILD), str(base.folder), base.url, base.kind, str(hour), str(moment), "10"]
        pipe = subprocess.PIPE
        child = subprocess.Popen([*command, *deed], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        children.append(child)
        return child

    yield starting
    for child in children:
        child.kill()
        child.communicate()


def stopped(child: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Wait until it has come to its moment."""
    assert child.stdout.readline() == "there\n", child.stderr.read()
    return child


def end(child: subprocess.Popen[str]) -> int:
    """Let it go on to its end."""
    _, complaint = child.communicate("\n", timeout=120)
    assert child.returncode in {0, TRY_AGAIN}, complaint
    return child.returncode


@pytest.fixture
def laid_out(tmp_path: Path, catalog_url: str, copied: Copied) -> LaidOut:
    """Give a function that lays out a knowledge base twice, and a plan for it."""

    def two(kind: str) -> tuple[Drifted, Drifted, str]:
        base, digest = lay_out(tmp_path / "laid-out", catalog_url, kind)
        return copied(base, "calm"), copied(base, "base"), digest

    return two


def settled(base: Drifted) -> dict[str, object]:
    """Audit until everything is confirmed, and give the state."""
    for hour in (8, 9):
        base.clock.hour = hour
        base.audit()
    assert base.kb.unaccounted() == []
    state = base.state()
    base.close()
    return state


@pytest.mark.parametrize("kind", ["foreign", "own"])
def test_of_two_repairs_by_one_plan_the_second_is_told_to_try_again(kind: str, laid_out: LaidOut, start: Start) -> None:
    calm, base, digest = laid_out(kind)
    assert calm.apply(digest).complete
    first = stopped(start(base, 4, -30, "apply", digest))
    with pytest.raises(LockHeld):
        base.apply(digest)
    assert end(start(base, 4, 0, "apply", digest)) == TRY_AGAIN
    assert end(first) == 0
    assert base.apply(digest).already
    assert base.work() == calm.work()
    assert differing(settled(base), settled(calm)) == {}


@pytest.mark.parametrize("kind", ["foreign", "own"])
def test_repairs_that_start_together_end_as_one(kind: str, laid_out: LaidOut, start: Start) -> None:
    calm, base, digest = laid_out(kind)
    assert calm.apply(digest).complete
    children = [start(base, 4, 0, "apply", digest) for _ in range(3)]
    ends = [end(child) for child in children]
    assert 0 in ends
    assert base.apply(digest).already
    assert base.work() == calm.work()
    assert differing(settled(base), settled(calm)) == {}


DURING = [
    ("own", "sync", "ingest"),
    ("own", "ingest", "sync"),
    ("own", "ingest", "audit"),
    ("foreign", "audit", "sync"),
    ("foreign", "sync", "audit"),
    ("foreign", "sync", "plan"),
]


@pytest.mark.parametrize(("kind", "first", "second"), DURING)
def test_what_starts_while_another_is_at_it_is_told_to_try_again(
    kind: str, first: str, second: str, laid_out: LaidOut, start: Start
) -> None:
    calm, base, _ = laid_out(kind)
    do(calm, first, 4)
    do(calm, second, 5)
    running = stopped(start(base, 4, -12, first))
    with pytest.raises(LockHeld) as refused:
        do(base, second, 4)
    assert refused.value.exit_code == TRY_AGAIN
    assert end(running) == 0
    do(base, second, 5)
    assert differing(settled(base), settled(calm)) == {}


@pytest.mark.parametrize("kind", ["foreign", "own"])
@pytest.mark.parametrize("deed", ["audit", "sync"])
def test_a_look_during_a_repair_is_told_to_try_again(deed: str, kind: str, laid_out: LaidOut, start: Start) -> None:
    calm, base, digest = laid_out(kind)
    assert calm.apply(digest).complete
    do(calm, deed, 5)
    running = stopped(start(base, 4, -40, "apply", digest))
    with pytest.raises(LockHeld):
        do(base, deed, 4)
    assert end(running) == 0
    do(base, deed, 5)
    assert differing(settled(base), settled(calm)) == {}


@pytest.mark.parametrize(("one", "other"), [("ingest", "sync"), ("audit", "sync"), ("audit", "audit")])
def test_looks_that_start_together_leave_nothing_in_pieces(
    one: str, other: str, laid_out: LaidOut, start: Start
) -> None:
    calm, base, _ = laid_out("own")
    deeds = (one, other)
    children = [start(base, 4, 0, deed) for deed in deeds]
    done = [deed for deed, child in zip(deeds, children, strict=True) if end(child) == 0]
    assert done
    for hour, deed in enumerate(done, start=4):
        do(calm, deed, hour)
    assert differing(settled(base), settled(calm)) == {}


def do(base: Drifted, deed: str, hour: int) -> None:
    base.clock.hour = hour
    if deed == "ingest":
        base.kb.ingest()
    else:
        getattr(base, deed)()
