"""Whether a plan of repair may still be applied: only where all it speaks of was seen, and is what it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from governance.catalog.plans import PlanState, StoredPlan
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.errors import IndexDataError, IndexUnreachable, PlanChanged
from governance.services.observe import DAMAGED, Seen, World
from governance.services.repair_items import RepairItem, RepairOp, digest_of_items


def require_seen(items: Sequence[RepairItem], world: World, seen: Seen) -> None:
    """Refuse to go on where something the plan speaks of could not be looked at: not to be seen is not to be done.

    Raises:
        IndexUnreachable: An index did not answer.
        IndexDataError: An index holds what cannot be right.
        PlanChanged: An index is no longer configured, or a source was not listed completely.

    """
    for index in sorted({item.index for item in items}):
        if seen.unreachable.get(index) == DAMAGED:
            raise IndexDataError(
                f"index {index} holds what cannot be right; nothing was changed", item=index, next_step="kbgov doctor"
            )
        if index in seen.unreachable:
            raise IndexUnreachable(
                f"index {index} did not answer; nothing was changed", item=index, next_step="run it again"
            )
        if index not in world.indexes:
            raise _changed(f"index {index} is no longer configured", index)
    for source in sorted({item.source for item in items if item.op is RepairOp.DELETE}):
        if not seen.believed(source):
            raise _changed(
                f"source {source} was not listed completely just now, so none of its chunks is deleted", source
            )


def require_same(
    uow: UnitOfWork, stored: StoredPlan, items: Sequence[RepairItem], current: Sequence[RepairItem]
) -> None:
    """Refuse a plan whose world has changed.

    Of one under way, what is left must be part of it, and what it was to delete must be wrong still or gone.

    Args:
        uow: The catalog, as a look at everything has just left it.
        stored: The plan.
        items: What it consists of.
        current: What a plan made now consists of, as far as this one speaks of it.

    Raises:
        PlanChanged: It is not what it was.

    """
    if stored.state is PlanState.PLANNED:
        same = digest_of_items(current) == stored.digest
    else:
        left = {item.identity for item in current}
        done = [item for item in items if item.op is RepairOp.DELETE and item.identity not in left]
        same = left <= {item.identity for item in items} and not any(_are_there(uow, done))
    if not same:
        raise _changed("source or index have changed since this plan was made", stored.digest[:12])


def _are_there(uow: UnitOfWork, items: Sequence[RepairItem]) -> Iterator[bool]:
    """Say of each chunk whether the index was just seen to have it as it was when the plan was made."""
    groups: dict[tuple[str, str], list[RepairItem]] = defaultdict(list)
    for item in items:
        groups[item.index, item.partition].append(item)
    for (index, partition), group in groups.items():
        there = uow.chunks.documents_of(index, partition, [item.chunk_id for item in group])
        hashes = uow.chunks.facts_of(index, [(partition, chunk_id) for chunk_id in there])
        yield from (hashes.get((partition, item.chunk_id)) == item.fact for item in group)


def _changed(what: str, item: str) -> PlanChanged:
    return PlanChanged(f"{what}; nothing was changed", item=item, next_step="kbgov drift plan")
