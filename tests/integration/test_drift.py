"""Source, catalog and index on real pages: what an audit says of an index that somebody else fills, or that we do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from governance.detectors.base import Word
from governance.domain.errors import PlanChanged
from governance.domain.keys import IndexLayout, KeyRule
from governance.services.repair import Repairer, plan_repair
from governance.services.repair_items import RepairItem
from tests.foreign_index import Pipeline, by_characters, by_words, titled
from tests.knowledge_base import NOW, KnowledgeBase

PREFIX = "/app/docs/"
FOREIGN = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))
NUMBER = re.compile(r"(?<![\w./:-])\d{1,4}(?![\w/:-]|\.\d)")
SENTENCE = re.compile(r"(?<=[a-z]{3}\. )[A-Z][^.\n]{40,200}[a-z]{3}\.(?= [A-Z])")


class Clock:
    """A clock that moves an hour each time a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += timedelta(hours=1)


@pytest.fixture
def pages(tmp_path: Path, shared_data: Callable[[str], Path]) -> Path:
    shutil.copytree(shared_data("moj-cloud-platform-user-guide") / "pages", tmp_path / "pages")
    return tmp_path / "pages"


def body_of(path: Path) -> tuple[str, str]:
    """Give (front matter, body)."""
    text = path.read_text(encoding="utf-8")
    head, mark, body = text.partition("\n---\n")
    return (head + mark, body) if mark else ("", text)


def with_number(path: Path) -> bool:
    return NUMBER.search(body_of(path)[1]) is not None


def with_sentences(path: Path) -> bool:
    return SENTENCE.search(body_of(path)[1]) is not None


def change_number(path: Path) -> None:
    """Change one number, and nothing else, in the body."""
    head, body = body_of(path)
    found = NUMBER.search(body)
    assert found is not None
    changed = str(int(found[0]) + 1)
    path.write_text(head + body[: found.start()] + changed + body[found.end() :], encoding="utf-8")


def change_sentence(path: Path) -> None:
    """Say something else in one sentence."""
    head, body = body_of(path)
    found = SENTENCE.search(body)
    assert found is not None
    sentence = "Ask the duty officer before anything of this kind is attempted by a new team."
    path.write_text(head + body[: found.start()] + sentence + body[found.end() :], encoding="utf-8")


def rewrite(path: Path) -> None:
    head, _ = body_of(path)
    words = "This page was written anew by another author and holds none of the earlier advice"
    path.write_text(head + "\n\n".join(f"{words}, paragraph number {n}." for n in range(12)), encoding="utf-8")


class History:
    """The pages of the issue, chosen once: edited, removed, never indexed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        names = sorted(str(path.relative_to(root)) for path in root.rglob("*.md.erb"))
        long = [name for name in names if len(body_of(root / name)[1]) > 3000]
        numbered = [name for name in long if with_number(root / name)][:10]
        spoken = [name for name in long if name not in numbered and with_sentences(root / name)]
        self.numbers, self.sentences, self.rewritten = numbered, spoken[:5], spoken[5:10]
        rest = [name for name in long if name not in self.edited]
        self.removed, self.holed, self.never = rest[:5], rest[5:10], rest[10:13]
        assert (len(self.edited), len(self.removed), len(self.holed), len(self.never)) == (20, 5, 5, 3)

    @property
    def edited(self) -> set[str]:
        return {*self.numbers, *self.sentences, *self.rewritten}

    def happen(self) -> None:
        for name in self.numbers:
            change_number(self.root / name)
        for name in self.sentences:
            change_sentence(self.root / name)
        for name in self.rewritten:
            rewrite(self.root / name)
        for name in self.removed:
            (self.root / name).unlink()


def drift_of(kb: KnowledgeBase) -> dict[str, list[tuple[str, str]]]:
    found = kb.found("drift", "provenance")
    found.pop("drift.stub", None)
    return found


def delete_from_index(kb: KnowledgeBase, ids: Sequence[str]) -> None:
    writer = kb.index.writer()
    writer.delete(ids)
    writer.close()


def check_findings(kb: KnowledgeBase, clock: Clock, history: History, holes: dict[str, str]) -> None:
    """Audit until nothing changes any more, and hold what is said against what was done."""
    missing = sorted([(name, holes[name]) for name in history.holed] + [(name, "") for name in history.never])
    edited = [(name, "") for name in sorted(history.edited)]
    kb.audit(Word.DRIFT)
    assert drift_of(kb) == {"drift.content": edited, "drift.missing": missing}
    with kb.catalog.read() as uow:
        states = {item.document: item.state.value for item in uow.documents.in_any_state("pages")}
    assert sorted(name for name, state in states.items() if state == "suspect") == sorted(history.removed)
    expected = {
        "drift.content": edited,
        "drift.missing": missing,
        "drift.orphan": [(name, "") for name in sorted(history.removed)],
    }
    clock.tick()
    result = kb.audit(Word.DRIFT)
    assert drift_of(kb) == expected
    assert (result.findings.opened, result.findings.resolved) == (5, 0)
    for _ in range(2):
        clock.tick()
        result = kb.audit(Word.DRIFT)
        assert drift_of(kb) == expected
        assert (result.findings.opened, result.findings.reopened, result.findings.resolved) == (0, 0, 0)
        assert result.coverage.unchanged == len(states) - 5


def repairer(kb: KnowledgeBase) -> Repairer:
    return Repairer(kb.desk, kb.world, kb.gate, kb.runner, kb.embedder)


SPLITTERS = {
    "as it stands": [by_characters(700, 100), by_words(60, 10)],
    "titled": [titled(by_characters(700, 100)), titled(by_words(60, 10))],
}


@pytest.mark.parametrize("splitters", SPLITTERS)
def test_an_index_that_another_pipeline_fills(splitters: str, tmp_path: Path, catalog_url: str, pages: Path) -> None:
    clock = Clock()
    kb = KnowledgeBase(pages, tmp_path / "index.db", catalog_url, layout=FOREIGN, clock=clock)
    pipeline = Pipeline(pages, kb.index, SPLITTERS[splitters], prefix=PREFIX)
    history = History(pages)
    pipeline.run(name for name in pipeline.documents() if name not in history.never)
    before = kb.sync()
    assert before.total("added") > 1000
    clock.tick()
    history.happen()
    holes = {name: sorted(pipeline.ids_of(name))[1] for name in history.holed}
    delete_from_index(kb, list(holes.values()))
    check_findings(kb, clock, history, holes)

    plan = plan_repair(kb.desk, kb.world)
    work: list[RepairItem] = []
    done = repairer(kb).apply(plan.digest, work.extend)
    assert done.complete
    assert done.deleted == len([item for item in plan.items if item.op == "delete"]) > 0
    assert {item.document for item in work} == {*history.edited, *history.holed, *history.never}
    left = {record.metadata["source"].removeprefix(PREFIX) for record in kb.records().values()}
    assert left.isdisjoint(history.removed)
    clock.tick()
    pipeline.run(sorted({item.document for item in work}))
    for _ in range(2):
        clock.tick()
        result = kb.audit(Word.DRIFT)
        assert drift_of(kb) == {}
    assert result.findings.resolved == 0
    kb.close()


def test_an_index_that_our_ingester_fills(tmp_path: Path, catalog_url: str, pages: Path) -> None:
    clock = Clock()
    kb = KnowledgeBase(pages, tmp_path / "index.db", catalog_url, clock=clock)
    history = History(pages)
    aside = tmp_path / "aside"
    for name in history.never:
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).rename(aside / name)
    kb.ingest()
    kb.sync()
    clock.tick()
    for name in history.never:
        (aside / name).rename(pages / name)
    history.happen()
    own: dict[str, list[str]] = {}
    for record in kb.records().values():
        own.setdefault(record.metadata["kb_document"], []).append(record.chunk_id)
    holes = {name: min(own[name]) for name in history.holed}
    delete_from_index(kb, list(holes.values()))
    check_findings(kb, clock, history, holes)

    plan = plan_repair(kb.desk, kb.world)
    assert {item.by for item in plan.items} == {"kbgov"}
    done = repairer(kb).apply(plan.digest, lambda _items: None)
    assert (done.complete, done.indexed, done.failed) == (True, 28, 0)
    for _ in range(2):
        clock.tick()
        kb.audit(Word.DRIFT)
        assert drift_of(kb) == {}
    assert kb.unaccounted() == []
    kb.close()


def test_a_plan_whose_world_has_changed_is_refused_and_changes_nothing(
    tmp_path: Path, catalog_url: str, pages: Path
) -> None:
    kb = KnowledgeBase(pages, tmp_path / "index.db", catalog_url, layout=FOREIGN)
    pipeline = Pipeline(pages, kb.index, prefix=PREFIX)
    history = History(pages)
    pipeline.run(pipeline.documents())
    kb.audit(Word.DRIFT)
    change_number(pages / history.numbers[0])
    plan = plan_repair(kb.desk, kb.world)
    change_number(pages / history.numbers[1])
    before = kb.records()
    with pytest.raises(PlanChanged):
        repairer(kb).apply(plan.digest, lambda _items: None)
    assert kb.records().keys() == before.keys()
    again = repairer(kb).apply(plan_repair(kb.desk, kb.world).digest, lambda _items: None)
    assert again.complete
    assert again.deleted > 0
    kb.close()
