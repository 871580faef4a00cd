"""A deletion of 200 chunks with its purge through the write gate, as the test and the killed process both do it."""

from __future__ import annotations

from math import sin

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actions import Deed
from governance.domain.actors import Actor
from governance.domain.chunks import BatchResult, ChunkKey, PurgeReport, Record
from governance.domain.values import vector_of
from governance.services.context import RunContext
from tests.knowledge_base import NOW, KnowledgeBase

PLACE = ("main", "")
DOOMED = [f"doomed-{number:03}" for number in range(200)]
KEPT = [f"kept-{number:03}" for number in range(300)]
CONTEXT = RunContext(actor=Actor(id="tester"), run_id=1, clock=lambda: NOW)


def record(chunk_id: str) -> Record:
    number = int(chunk_id[-3:])
    seed = number + (0.5 if chunk_id.startswith("kept") else 0.0)
    vector = vector_of([sin(seed * 7.31 + place * 1.73) for place in range(16)])
    text = f"needle-{chunk_id} is the text of a chunk that says nothing else. " * 3
    return Record(chunk_id, text, {"note": f"remark-{chunk_id}"}, {"default": vector})


def delete_and_purge(base: KnowledgeBase) -> PurgeReport:
    """Look into what an earlier run left, then delete and purge whatever it had done of it already."""
    base.gate.recover(CONTEXT, PLACE)

    def forget(uow: UnitOfWork, result: BatchResult) -> None:
        uow.chunks.remove([ChunkKey(*PLACE, key) for key in DOOMED if key not in result.failed], NOW)

    permit = base.gate.permit(CONTEXT, Deed.DELETE, {"main": len(DOOMED)}, len(DOOMED))
    for start in range(0, len(DOOMED), 50):
        base.gate.delete(CONTEXT, PLACE, DOOMED[start : start + 50], "test", forget, permit)
    return base.gate.purge(CONTEXT, PLACE, "test")
