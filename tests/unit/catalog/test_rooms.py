"""Comparisons, plans of repair, reasons of a status: small rooms, alike on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select

from governance.catalog.comparisons import Comparison
from governance.catalog.plans import PlanState, StoredPlan
from governance.catalog.statuses import StatusReason
from governance.catalog.tables import status_reason
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.ports import Signature
from governance.domain.status import ChunkStatus
from tests.catalog_rows import HOUR, NOW, key
from tests.log_rows import known_names

LATER = NOW + HOUR


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def comparison(document: str = "one.md", **values: Any) -> Comparison:
    given = {"index_name": "main", "source": "docs", "basis": "b" * 64, "verdict": {}, "body_hash": "2" * 64}
    return Comparison(document=document, **{**given, **values})


def test_comparisons_are_kept_replaced_and_removed(catalog: Catalog) -> None:
    verdict = {"missing": [["", "é"]], "uncovered": 12.5, "nothing": None, "deep": {"a": [1, True]}}
    kept = [comparison("B.md", pending_since=NOW, lag_seconds=2**40), comparison("a.md", verdict=verdict)]
    other = [comparison(source="wiki"), comparison(index_name="other")]
    with catalog.write() as uow:
        uow.comparisons.save([comparison("a.md"), comparison("b.md"), *other])
        uow.comparisons.save(kept)
        uow.comparisons.remove("main", "docs", ["b.md", "never.md"])
        assert list(uow.comparisons.of("main", "docs")) == kept
        assert list(uow.comparisons.of("main", "wiki")) == other[:1]
        uow.comparisons.remove("main", "docs", [])
        assert len(list(uow.comparisons.of("main", "docs"))) == 2


def test_comparisons_can_be_written_while_they_are_read(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.comparisons.save([comparison(f"{number:04}.md") for number in range(2500)])
    with catalog.read() as reading:
        for number, item in enumerate(reading.comparisons.of("main", "docs")):
            if number % 1000 == 0:
                with catalog.write() as uow:
                    uow.comparisons.remove("main", "docs", [item.document])
        assert number == 2499


def plan(digest: str, **values: Any) -> StoredPlan:
    given = {
        "state": PlanState.PLANNED,
        "created_at": NOW,
        "run_id": 7,
        "policy_digest": "p" * 64,
        "body": {"items": [{"document": "one.md"}]},
    }
    return StoredPlan(digest=digest, **{**given, **values})


def test_a_plan_is_found_by_as_much_of_its_digest_as_tells_it_apart(catalog: Catalog) -> None:
    first, second = plan("abc1" + "0" * 60), plan("abc2" + "0" * 60)
    with catalog.write() as uow:
        uow.repair_plans.save(first)
        uow.repair_plans.save(second)
        assert uow.repair_plans.get(first.digest) == uow.repair_plans.get("abc1") == first
        assert uow.repair_plans.get("abc2") == second


@pytest.mark.parametrize("digest", ["abc", "", "%", "_bc1", "abc1%", "ABC1", "abc10" + "0" * 60, "d"])
def test_what_names_no_single_plan_finds_none(catalog: Catalog, digest: str) -> None:
    with catalog.write() as uow:
        uow.repair_plans.save(plan("abc1" + "0" * 60))
        uow.repair_plans.save(plan("abc2" + "0" * 60))
        assert uow.repair_plans.get(digest) is None


def test_an_empty_digest_does_not_find_the_only_plan(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.repair_plans.save(plan("a" * 64))
        assert uow.repair_plans.get("") is None
        assert uow.repair_plans.get("a") == plan("a" * 64)


def test_an_applied_plan_forgets_its_items(catalog: Catalog) -> None:
    given, other = plan("a" * 64), plan("b" * 64)
    with catalog.write() as uow:
        for item in (given, other):
            uow.repair_plans.save(item)
        uow.repair_plans.move(given.digest, PlanState.APPLYING)
        assert uow.repair_plans.get(given.digest) == plan("a" * 64, state=PlanState.APPLYING)
        uow.repair_plans.move(given.digest, PlanState.APPLIED, LATER)
        done = plan("a" * 64, state=PlanState.APPLIED, body={}, finished_at=LATER)
        assert uow.repair_plans.get(given.digest) == done
        assert uow.repair_plans.get(other.digest) == other


def test_a_plan_that_is_made_again_is_planned_again(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.repair_plans.save(plan("a" * 64))
        uow.repair_plans.move("a" * 64, PlanState.APPLIED, NOW)
        again = plan("a" * 64, created_at=LATER, run_id=8)
        uow.repair_plans.save(again)
        assert uow.repair_plans.get("a" * 64) == again


def reason(setter: str, status: ChunkStatus = ChunkStatus.STALE, **values: Any) -> StatusReason:
    given = {"index_name": "main", "partition": "", "source": "docs", "document": "one.md", "chunk_id": ""}
    return StatusReason(setter=setter, status=status, **{**given, **values})


def since(uow: UnitOfWork) -> dict[str, Any]:
    rows = uow.connection.execute(select(status_reason.c.setter, status_reason.c.since))
    return {row.setter: row.since for row in rows}


def test_the_places_of_a_status_are_those_where_something_sets_it(catalog: Catalog) -> None:
    first, second = reason("one"), reason("two", ChunkStatus.QUARANTINED, partition="tenant")
    with catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["one"], [first], NOW)
        uow.status_reasons.replace("main", "tenant", ["two"], [second, second._replace(document="two.md")], NOW)
        assert uow.status_reasons.places(ChunkStatus.QUARANTINED) == {("main", "tenant")}
        assert uow.status_reasons.places(ChunkStatus.STALE) == {("main", "")}
        assert uow.status_reasons.places(ChunkStatus.RESTRICTED) == set()


def test_what_set_a_status_alone_lifts_it(catalog: Catalog) -> None:
    ours, theirs = reason("finding:freshness.overdue"), reason("finding:drift.content")
    with catalog.write() as uow:
        uow.status_reasons.replace("main", "", [ours.setter], [ours], NOW)
        uow.status_reasons.replace("main", "", [theirs.setter], [theirs], NOW)
        assert set(uow.status_reasons.of("main", "")) == {ours, theirs}
        uow.status_reasons.replace("main", "", [ours.setter], [], NOW)
        assert list(uow.status_reasons.of("main", "")) == [theirs]
        uow.status_reasons.replace("main", "", [], [], NOW)
        assert list(uow.status_reasons.of("main", "")) == [theirs]


def test_reasons_of_other_partitions_stay(catalog: Catalog) -> None:
    here, there = reason("s"), reason("s", partition="acme")
    with catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["s"], [here], NOW)
        uow.status_reasons.replace("main", "acme", ["s"], [there], NOW)
        uow.status_reasons.replace("main", "", ["s"], [], NOW)
        assert list(uow.status_reasons.of("main", "")) == []
        assert list(uow.status_reasons.of("main", "acme")) == [there]


def test_a_reason_stands_since_it_says_what_it_says(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["a", "b"], [reason("a"), reason("b")], NOW)
        uow.status_reasons.replace("main", "", ["a", "b"], [reason("a"), reason("b", ChunkStatus.RESTRICTED)], LATER)
        assert since(uow) == {"a": NOW, "b": LATER}
        uow.status_reasons.replace("main", "", ["a"], [], LATER)
        uow.status_reasons.replace("main", "", ["a"], [reason("a")], LATER + HOUR)
        assert since(uow) == {"a": LATER + HOUR, "b": LATER}


def test_setters_are_taken_by_their_whole_name(catalog: Catalog) -> None:
    names = ["s", "s2", "S", "s%", "s_"]
    with catalog.write() as uow:
        for name in names:
            uow.status_reasons.replace("main", "", [name], [reason(name)], NOW)
        for name in ("s%", "s_"):
            uow.status_reasons.replace("main", "", [name], [], NOW)
        assert since(uow).keys() == {"s", "s2", "S"}


def test_a_chunk_and_its_document_have_reasons_of_their_own(catalog: Catalog) -> None:
    whole, one = reason("s"), reason("s", ChunkStatus.QUARANTINED, chunk_id="a")
    with catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["s"], [one, whole], NOW)
        assert list(uow.status_reasons.of("main", "")) == [whole, one]
        uow.status_reasons.replace("main", "", ["s"], [one], NOW)
        assert list(uow.status_reasons.of("main", "")) == [one]


def signature(value: str, chunk_id: str, **values: Any) -> Signature:
    given = {"scheme": "s/1", "key": "k", "source": "docs", "document": "one.md"}
    return Signature(value=value, chunk=key(chunk_id), **{**given, **values})


def test_candidates_are_the_keys_that_several_values_were_put_for(catalog: Catalog) -> None:
    alike = [signature("x", "a", key="alike"), signature("x", "b", key="alike")]
    split = [signature("x", "a", key="é"), signature("y", "b", key="é")]
    with catalog.write() as uow:
        uow.signatures.put([*alike, *split, signature("z", "c", scheme="t/1")])
        assert list(uow.signatures.candidates("s/1")) == [("é", split)]
        uow.signatures.forget([key("b")])
        assert list(uow.signatures.candidates("s/1")) == []


def test_what_one_detector_remembers_can_be_dropped(catalog: Catalog) -> None:
    for scheme in ("s/1", "t/1"):
        with catalog.write() as uow:
            uow.signatures.put([signature("x", "a", scheme=scheme), signature("y", "b", scheme=scheme)])
    with catalog.write() as uow:
        uow.signatures.forget_scheme("s/1")
        assert list(uow.signatures.candidates("s/1")) == []
        assert len(list(uow.signatures.candidates("t/1"))) == 1
