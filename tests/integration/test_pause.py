"""A pause by another process: at the next batch nothing goes on, and nothing is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from governance.catalog.tables import run
from governance.domain.errors import Paused
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.ports import Vector
from governance.embedders.hashed import HashedEmbedder
from governance.indexes.embedded.writer import EmbeddedWriter
from governance.policy.loader import parse_policies
from governance.services import ingest_write, repair, write_back
from governance.services.pausing import present_pause, resume
from governance.services.repair import Repairer, plan_repair
from governance.services.repair_items import RepairItem
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import KnowledgeBase, paragraphs
from tests.log_rows import log_bodies

PREFIX = "/app/docs/"
FOREIGN = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))
PAGES = ("a.md", "b.md", "c.md", "d.md")
MARKS = """
version: 1
policies:
  - name: marks
    kind: drift
    drift: {write_back: status}
"""
PAUSE = """
import sys
from datetime import UTC, datetime
from governance.catalog.engine import create_catalog_engine
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.services.pausing import pause
from governance.domain.pseudonyms import throwaway

catalog = Catalog(create_catalog_engine(sys.argv[1]), throwaway)
print("ready", flush=True)
sys.stdin.readline()
begun = pause(catalog, Actor(id=sys.argv[2]), sys.argv[3], None, sys.argv[3:], now=datetime.now(UTC))
print(begun.before.reason if begun.before else None)
"""
RunPython = Callable[..., str]


@pytest.fixture
def kb(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    """Four pages in an index of ours."""
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, policies=parse_policies(MARKS))
    for name in PAGES:
        made.page(name, paragraphs(name))
    made.ingest()
    yield made
    made.close()


@pytest.fixture
def drifted(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    """Four pages that another pipeline has indexed; one is gone from the source, which was seen twice."""
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, layout=FOREIGN)
    for name in PAGES:
        made.page(name, paragraphs(name))
    Pipeline(made.root, made.index, [by_words(60, 10)], prefix=PREFIX).run(PAGES)
    made.sync()
    (made.root / "a.md").unlink()
    made.sync()
    yield made
    made.close()


def pausing_at(
    call: int, method: str, kb: KnowledgeBase, run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Have another process pause changes while the index is at its n-th change; give how many chunks each named."""
    plain, sizes = getattr(EmbeddedWriter, method), []

    def changing(writer: EmbeddedWriter, given: Sequence[object], *more: object) -> object:
        sizes.append(len(given))
        if len(sizes) == call:
            run_python(PAUSE, kb.catalog_url, "bo", "planned-work")
        return plain(writer, given, *more)

    monkeypatch.setattr(EmbeddedWriter, method, changing)
    return sizes


def after_the_pause(kb: KnowledgeBase) -> list[str]:
    """Give what happened to indexes after the pause, by the order of the events."""
    with kb.catalog.read() as uow:
        actions = [body["action"] for body in log_bodies(uow.connection)]
    return [item for item in actions[actions.index("changes.paused") :] if item.startswith("index.change")]


def last_run(kb: KnowledgeBase) -> tuple[str, str]:
    with kb.catalog.read() as uow:
        return tuple(uow.connection.execute(select(run.c.command, run.c.state).order_by(run.c.run_id.desc())).first())


def ignore(_items: Sequence[RepairItem]) -> None:
    """Hand nothing to anybody."""


def resumed(kb: KnowledgeBase) -> None:
    assert resume(kb.catalog, kb.desk.actor, now=kb.clock()).pause.actor == "bo"


def test_a_pause_in_the_middle_of_a_deletion_stops_it_at_the_next_batch(
    drifted: KnowledgeBase, run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    repairer = Repairer(drifted.desk, drifted.world, drifted.gate, drifted.runner, drifted.embedder)
    plan = plan_repair(drifted.desk, drifted.world)
    doomed = {item.chunk_id for item in plan.items}
    before = drifted.records().keys()
    monkeypatch.setattr(repair, "PER_CALL", 2)
    with monkeypatch.context() as patch:
        sizes = pausing_at(2, "delete", drifted, run_python, patch)
        with pytest.raises(Paused, match=r"by bo \(planned-work\)") as refused:
            repairer.apply(plan.digest, ignore)
    assert (refused.value.exit_code, sizes) == (6, [2, 2])
    gone = before - drifted.records().keys()
    assert (len(gone), gone <= doomed) == (4, True)
    assert after_the_pause(drifted) == ["index.change_observed"]
    assert last_run(drifted) == ("drift apply", "refused")
    assert drifted.unaccounted() == []
    with pytest.raises(Paused):
        repairer.apply(plan.digest, ignore)
    resumed(drifted)
    done = repairer.apply(plan.digest, ignore)
    assert (done.complete, done.deleted, done.absent) == (True, len(doomed) - 4, 4)
    assert before - drifted.records().keys() == doomed
    assert drifted.unaccounted() == []


def test_a_pause_in_the_middle_of_an_ingest_stops_it_and_the_next_one_ends_it(
    kb: KnowledgeBase, run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PAGES:
        kb.page(name, paragraphs(f"{name} anew"))
    monkeypatch.setattr(ingest_write, "RECORDS_PER_CALL", 5)
    with monkeypatch.context() as patch:
        sizes = pausing_at(2, "put", kb, run_python, patch)
        with pytest.raises(Paused):
            kb.ingest()
    assert sizes == [5, 5]
    assert after_the_pause(kb) == ["index.change_observed"]
    assert last_run(kb) == ("ingest", "refused")
    assert kb.unaccounted() == []
    resumed(kb)
    kb.ingest()
    assert all(" anew " in text for texts in kb.texts().values() for text in texts)
    assert kb.ingest().tally.chunks.total() == 0


def test_an_ingest_is_refused_before_anything_is_embedded_or_opened(
    tmp_path: Path, catalog_url: str, run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embed(_embedder: HashedEmbedder, _texts: list[str]) -> list[Vector]:
        pytest.fail("something was embedded")

    monkeypatch.setattr(HashedEmbedder, "embed", embed)
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    kb.page("a.md", paragraphs("a"))
    run_python(PAUSE, catalog_url, "bo", "other")
    with pytest.raises(Paused):
        kb.ingest()
    assert not kb.index_path.exists()
    assert last_run(kb) == ("ingest", "refused")
    kb.close()


def test_an_audit_goes_on_and_says_that_nothing_was_marked(kb: KnowledgeBase, run_python: RunPython) -> None:
    run_python(PAUSE, kb.catalog_url, "bo", "planned-work")
    kb.page("a.md", paragraphs("a.md").replace("sentence 3.4 says", "sentence 3.99 says"))
    result = kb.audit()
    assert (result.written.patched, result.written.refused) == (0, None)
    assert "by bo (planned-work)" in result.written.paused.message
    assert result.written.as_json()["paused"] is True
    assert "bo" not in str(result.written.as_json())
    assert kb.found("drift.content") == {"drift.content": [("a.md", "")]}
    assert last_run(kb) == ("audit", "done")
    assert after_the_pause(kb) == []
    resumed(kb)
    done = kb.audit().written
    assert (done.patched, done.paused) == (len(kb.records()), None)


def test_a_pause_in_the_middle_of_a_write_back_leaves_the_rest_to_the_next_audit(
    kb: KnowledgeBase, run_python: RunPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_back, "PER_CALL", 5)
    with monkeypatch.context() as patch:
        pausing_at(2, "patch", kb, run_python, patch)
        result = kb.audit()
    assert (result.written.patched, result.written.failed) == (10, 0)
    assert result.written.paused is not None
    assert last_run(kb) == ("audit", "done")
    assert kb.unaccounted() == []
    resumed(kb)
    assert kb.audit().written.patched == len(kb.records()) - 10


def test_two_pauses_at_once_are_one_pause_and_both_are_recorded(
    kb: KnowledgeBase, started_python: Callable[..., subprocess.Popen[str]]
) -> None:
    children = [started_python(PAUSE, kb.catalog_url, who, why) for who, why in (("bo", "other"), ("cy", "planned"))]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 2
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.communicate(timeout=60)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    second = present_pause(kb.catalog)
    first = {"other": "planned", "planned": "other"}[second.reason]
    assert set(told) == {"None", first}
    with kb.catalog.read() as uow:
        rows = log_bodies(uow.connection, "changes.paused")
    assert [(row["reason"], row["outcome"]) for row in rows] == [(first, "done"), (second.reason, "replaced")]
    assert second.since == datetime.fromisoformat(rows[0]["at"])
    with pytest.raises(Paused):
        kb.ingest()
    resume(kb.catalog, kb.desk.actor, now=kb.clock())
    assert present_pause(kb.catalog) is None
    kb.ingest()
