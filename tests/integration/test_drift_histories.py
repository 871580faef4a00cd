"""Random histories of a source and its indexes, with crashes and half listings: what is said is what a model says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import metadata
from governance.services import observe_index
from tests.brittle import BrittleCatalog, Fault, Faults
from tests.conftest import sqlite_url
from tests.drift_history import MAIN, OURS, PAGES, Base, History
from tests.log_rows import known_names

ELSEWHERE = "/elsewhere/"
STREAMED = 3
"""Records of one page of a look, so that a small index has several."""

pages = st.sampled_from(PAGES)
numbers = st.integers(0, 9)
moods = st.sampled_from(["whole", "whole", "whole", "half", "bare", "nothing", "broken"])
indexes = st.sampled_from([MAIN, OURS])
faults = st.one_of(
    st.none(),
    st.builds(Fault, st.sampled_from(["stream", "fetch", "partitions"]), indexes, st.integers(1, 4), st.booleans()),
    st.builds(Fault, st.just("reread"), st.just(""), st.integers(1, 6), st.just(False)),
    st.builds(Fault, st.just("write"), st.just(""), st.integers(1, 45), st.just(False)),
)
changes = st.one_of(
    st.tuples(st.just("edit"), pages, st.sampled_from(["number", "word", "add", "drop", "rewrite"]), numbers),
    st.tuples(st.sampled_from(["undo", "take", "restore", "forget"]), pages),
    st.tuples(st.just("index"), pages, numbers, st.booleans(), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("misname"), pages),
    st.tuples(st.sampled_from(["lose", "bring_back"]), indexes, numbers),
    st.tuples(st.just("ingest"), moods),
)
looks = st.one_of(
    st.tuples(st.just("sync"), moods, faults),
    st.tuples(st.just("audit"), moods, faults),
    st.tuples(st.just("audit"), moods, st.none()),
    st.tuples(st.just("plan"), moods),
    st.tuples(st.just("apply"), moods, st.booleans()),
)
STEPS = st.lists(st.one_of(changes, changes, looks), min_size=4, max_size=12)
ENDS = st.sampled_from(["", "mend"])
LOOKED = st.sampled_from(["", "sync", "audit"])
STARTS = st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans(), st.booleans(), LOOKED)


def happen(history: History, step: tuple) -> None:
    what, *given_ = step
    if what == "index":
        name, splitter, by_place, tail, keep = given_
        history.index(name, splitter, by_place=by_place, tail=tail, keep=keep)
    elif what == "misname":
        history.index(given_[0], under=ELSEWHERE, keep=True)
    elif what == "apply":
        history.apply(given_[0], fill=given_[1])
    else:
        getattr(history, what)(*given_)
    history.remember()


def unfold(catalog: BrittleCatalog, folder: Path, start: tuple, steps: list, end: str) -> None:
    with catalog.write() as uow:
        for table in metadata.sorted_tables:
            if not table.name.startswith("audit_"):  # the log only grows
                uow.connection.execute(delete(table))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    history = History(Base(catalog, folder))
    count, splitter, by_place, ingested, look = start
    for number, name in enumerate(PAGES[:count]):
        history.create(name, 1 + number % 3)
        history.index(name, splitter, by_place=by_place)
    if ingested:
        history.ingest()
    if look:
        getattr(history, look)()
    for step in steps:
        happen(history, step)
    if end:
        history.mend()


@pytest.fixture(scope="module")
def catalog(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrittleCatalog]:
    file = tmp_path_factory.mktemp("histories") / "catalog.db"
    shutil.copy(sqlite_template, file)
    engine = create_catalog_engine(sqlite_url(file))
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    made = BrittleCatalog(engine, known_names)
    made.faults = Faults()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_index, "PAGE", STREAMED)


WHOLE = ("audit", "whole", None)
PLAN = ("plan", "whole")
APPLY_ALONE = ("apply", "whole", False)


def fresh(name: str, splitter: int, *, by_place: bool = True, tail: int = 0, keep: bool = False) -> tuple:
    return ("index", name, splitter, by_place, tail, keep)


TOLD = [
    # A page cut anew under the numbers of its earlier chunks misses none of them.
    ((1, 1, True, True, "audit"), [fresh("p0.md", 0)], "mend"),
    # Of a text that lay there twice, under two ids, one copy is enough.
    ((1, 0, True, True, ""), [fresh("p0.md", 0, by_place=False, keep=True), WHOLE, fresh("p0.md", 0)], "mend"),
    # Names do not cease to meet because nothing more is to be said of the chunks that bore them.
    ((1, 0, False, True, ""), [("edit", "p0.md", "number", 0), ("lose", OURS, 0)], "mend"),
    # What our ingester fills stays its own when nothing is left in it.
    ((1, 0, True, True, "audit"), [("lose", OURS, 0), ("edit", "p0.md", "rewrite", 0), WHOLE, WHOLE], "mend"),
    # A pipeline that has always left out a little is not blamed for that after a repair.
    (
        (3, 0, True, True, ""),
        [
            fresh("p2.md", 0, tail=1),
            WHOLE,
            ("edit", "p2.md", "number", 0),
            PLAN,
            APPLY_ALONE,
            fresh("p2.md", 0, tail=1),
            WHOLE,
        ],
        "mend",
    ),
    # A repair leaves a small hole, and nothing comes in its place: that is said although so little may be uncovered.
    (
        (3, 0, True, True, ""),
        [
            ("edit", "p2.md", "add", 0),
            ("edit", "p2.md", "add", 1),
            fresh("p2.md", 1),
            WHOLE,
            ("edit", "p2.md", "word", 2),
            PLAN,
            APPLY_ALONE,
            WHOLE,
        ],
        "",
    ),
    # From half a listing, and from one that is refused, nothing is deleted, be it ever so wrong.
    ((5, 0, True, True, "audit"), [("edit", "p0.md", "number", 0), ("plan", "half"), ("plan", "bare")], ""),
    # Two listings make a page gone; its chunks are orphans, once deleted and put back they are ghosts.
    (
        (3, 0, True, True, "audit"),
        [("take", "p0.md"), WHOLE, WHOLE, PLAN, APPLY_ALONE, ("bring_back", MAIN, 0), WHOLE, WHOLE],
        "mend",
    ),
    # A page that only the index speaks of is as little gone at the first listing without it as any other.
    ((3, 0, True, False, ""), [("take", "p0.md"), WHOLE, WHOLE, PLAN], "mend"),
    # What was said of a page stays as long as nobody knows whether the page is there.
    ((3, 0, True, True, "audit"), [("forget", "p0.md"), WHOLE, ("take", "p0.md"), WHOLE], ""),
    # So it does while the page says something that no listing has shown.
    ((3, 0, True, True, "audit"), [("edit", "p1.md", "add", 0), ("lose", MAIN, 1), ("audit", "half", None)], ""),
    # Names meet when half of them do.
    (
        (2, 0, True, True, ""),
        [("restore", "p2.md"), WHOLE, ("restore", "p3.md"), WHOLE, ("restore", "p4.md"), WHOLE],
        "",
    ),
    # Where names do not meet, nothing is said about what is missing or left over.
    (
        (4, 0, True, True, "audit"),
        [
            *[("take", "p0.md"), WHOLE, WHOLE],
            *[("misname", name) for name in ("p1.md", "p2.md", "p3.md")],
            *[("forget", "p1.md"), ("forget", "p2.md"), WHOLE, PLAN],
        ],
        "mend",
    ),
    # A first look breaks off; the next goes on where it was.
    (
        (5, 1, True, True, ""),
        [("sync", "whole", Fault("stream", MAIN, 4, away=False)), ("sync", "whole", None)],
        "mend",
    ),
    ((5, 1, True, True, ""), [("sync", "whole", Fault("stream", MAIN, 4, away=True)), ("sync", "whole", None)], "mend"),
]
"""Histories that once went wrong, or that chance seldom tells."""


def told(test: Callable[..., None]) -> Callable[..., None]:
    for start, steps, end in TOLD:
        test = example(start, steps, end)(test)
    return test


PHASES = [phase for phase in Phase if phase is not Phase.explain]
CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=40, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@told
@given(STARTS, STEPS, ENDS)
def test_what_an_audit_says_is_what_a_naive_comparison_says(
    catalog: BrittleCatalog, tmp_path: Path, start: tuple, steps: list, end: str
) -> None:
    unfold(catalog, tmp_path / "pages", start, steps, end)


@pytest.mark.full
@pytest.mark.timeout(3600)
@settings(max_examples=1000, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(STARTS, STEPS, ENDS)
def test_a_thousand_histories_are_what_the_naive_comparison_says(
    catalog: BrittleCatalog, tmp_path: Path, start: tuple, steps: list, end: str
) -> None:
    unfold(catalog, tmp_path / "pages", start, steps, end)
