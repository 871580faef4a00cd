"""A process that was paused until another one took its work over changes nothing any more, and hides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actions import Deed
from governance.domain.actors import Actor
from governance.domain.errors import LockHeld
from governance.services.context import RunContext
from tests.knowledge_base import NOW, KnowledgeBase, paragraphs

PLACE = ("main", "")


@pytest.fixture
def base(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    made.page("a.md", paragraphs("alpha", 2))
    made.ingest()
    yield made
    made.close()


class Fence:
    """Lets a number of questions pass and then says that the work was taken over."""

    def __init__(self, passes: int) -> None:
        self.passes = passes

    def __call__(self, _uow: UnitOfWork) -> None:
        self.passes -= 1
        if self.passes < 0:
            raise LockHeld("taken over", item="index:main/")


CONTEXT = RunContext(actor=Actor(id="tester"), run_id=1, clock=lambda: NOW)


def test_a_change_whose_lease_is_lost_before_the_index_commits_is_not_made(base: KnowledgeBase) -> None:
    before = base.records()
    permit = base.gate.permit(CONTEXT, Deed.DELETE, {"main": len(before)})
    with pytest.raises(LockHeld):
        base.gate.delete(replace(CONTEXT, fence=Fence(1)), PLACE, list(before), "test", permit=permit)
    assert base.records().keys() == before.keys()
    assert base.gate.recover(CONTEXT, PLACE) == 1
    assert base.unaccounted() == []


def test_a_change_made_after_a_takeover_is_looked_into_again(base: KnowledgeBase) -> None:
    ids = list(base.records())
    permit = base.gate.permit(CONTEXT, Deed.DELETE, {"main": len(ids)})
    with pytest.raises(LockHeld):
        base.gate.delete(replace(CONTEXT, fence=Fence(2)), PLACE, ids, "test", permit=permit)
    assert base.records() == {}
    with base.catalog.read() as uow:
        [left] = uow.intents.unsettled(*PLACE)
    assert set(left.chunk_ids) == set(ids)
    assert base.gate.recover(CONTEXT, PLACE) == 1
    base.ingest()
    assert len(base.records()) == len(ids)
