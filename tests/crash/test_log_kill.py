"""kill -9 in the middle of business writes, and several writers at once: no gap, no fork, no row without its entry."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import pause, review, run
from governance.catalog.unit_of_work import Catalog
from governance.domain.events import document_thing
from governance.services.log_verify import Outcome, verify_catalog
from tests.log_rows import known_names, log_bodies

CHILD = Path(__file__).with_name("log_child.py")
KILLED = -9
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(catalog_url: str) -> Iterator[Start]:
    """Start writers that wait for a line; none is left over."""
    children: list[subprocess.Popen[str]] = []

    def starting(moment: int, rounds: int, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(CHILD), catalog_url, str(moment), str(rounds), name]
        pipe = subprocess.PIPE
        children.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return children[-1]

    yield starting
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    found = Catalog(create_catalog_engine(catalog_url), known_names)
    yield found
    found.close()


def go(*children: subprocess.Popen[str]) -> None:
    for child in children:
        assert child.stdout.readline() == "ready\n", child.stderr.read()
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()


def wrong_with(catalog: Catalog) -> list[str]:
    """Give what is wrong: with the log itself, and between business rows and entries, in both directions."""
    found = verify_catalog(catalog, [], [])
    problems = list(found.problems)
    if found.outcome is not Outcome.SELF_CONSISTENT and found.entries:
        problems.append(found.outcome.value)
    with catalog.read() as uow:
        bodies = log_bodies(uow.connection)
        runs = dict(uow.connection.execute(select(run.c.run_id, run.c.state)).all())
        reviews = uow.connection.execute(select(review.c.source, review.c.document)).all()
        paused = uow.connection.execute(select(pause.c.actor)).all()
    told = Counter((body["action"], body.get("run")) for body in bodies if body["action"].startswith("run."))
    problems += [f"run {key} begun {told['run.started', key]} times" for key in runs if told["run.started", key] != 1]
    ended = {key for action, key in told if action == "run.finished"}
    problems += [f"run {key} and its end" for key, state in runs.items() if (state != "running") != (key in ended)]
    expected = Counter(known_names().of(thing.kind, thing.name) for thing in (document_thing(*row) for row in reviews))
    if expected != Counter(body["object"] for body in bodies if body["action"] == "document.reviewed"):
        problems.append("reviews and their entries differ")
    changes = [body["action"] for body in bodies if body["action"].startswith("changes.")]
    if bool(paused) != (changes[-1:] == ["changes.paused"]):
        problems.append("the pause and its entries differ")
    return problems


def killed_again_and_again(catalog: Catalog, start: Start, kills: int) -> None:
    for name in ("first", "calm"):  # the first one begins the log, which later ones do not
        calm = start(0, 1, name)
        go(calm)
        moments = int(calm.communicate(timeout=60)[0])
        assert wrong_with(catalog) == []
    for number in range(kills):
        child = start(1 + number * moments // kills, 1, f"killed-{number}")
        go(child)
        child.communicate(timeout=60)
        assert child.returncode == KILLED
        assert wrong_with(catalog) == [], number


@pytest.mark.crash
def test_a_writer_killed_at_eight_moments_leaves_no_gap_and_no_row_without_its_entry(
    catalog: Catalog, start: Start
) -> None:
    killed_again_and_again(catalog, start, 8)


@pytest.mark.crash
@pytest.mark.full
def test_a_writer_killed_at_sixty_moments_leaves_no_gap_and_no_row_without_its_entry(
    catalog: Catalog, start: Start
) -> None:
    killed_again_and_again(catalog, start, 60)


@pytest.mark.crash
def test_four_writers_at_once_never_fail_and_never_fork_the_log(catalog: Catalog, start: Start) -> None:
    rounds, writers = 12, 4
    children = [start(0, rounds, f"writer-{number}") for number in range(writers)]
    go(*children)
    ends = [child.communicate(timeout=240) for child in children]
    assert [child.returncode for child in children] == [0] * writers, ends
    assert wrong_with(catalog) == []
    with catalog.read() as uow:
        counts = Counter(body["action"] for body in log_bodies(uow.connection))
    assert counts["document.reviewed"] == 3 * rounds * writers
    assert counts["run.started"] == counts["run.finished"] == rounds * writers
