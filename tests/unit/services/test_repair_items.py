"""What is planned for a document, by whom it is to be done, and what a plan's digest stands for."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.detectors.drift import Difference, Splitter, Standing, Verdict
from governance.domain.findings import FindingKind
from governance.policy.model import DriftRule
from governance.services.repair_items import (
    PairFacts,
    RepairBy,
    RepairItem,
    RepairOp,
    digest_of_items,
    items_of,
    left_over,
)
from tests.unit.detectors.builders import document

GOOD = Verdict(words=100, chunks=2, near=2, verbatim=2)
WRONG = replace(GOOD, differing=(Difference("", "c1", False, "number", 0.1),))


def standing(verdict: Verdict, *, mapped: bool = True, splitter: Splitter = Splitter()) -> Standing:  # noqa: B008
    return Standing(
        document=document(), index="main", verdict=verdict, rule=DriftRule(), splitter=splitter, mapped=mapped
    )


def facts(**other: Any) -> PairFacts:
    values: dict[str, Any] = {"own": False, "believed": True, "hashes": {("", "c1"): "hash-1"}, "unembedded": {}}
    return PairFacts(source="docs", index="main", **{**values, **other})


def planned(verdict: Verdict, known: PairFacts, *, mapped: bool = True) -> list[tuple[str, str, str, str]]:
    items = items_of(standing(verdict, mapped=mapped), known)
    return [(item.op.value, item.by.value, item.chunk_id, item.reason) for item in items]


def test_nothing_is_planned_where_all_is_well() -> None:
    assert planned(GOOD, facts()) == []


def test_of_a_foreign_index_wrong_chunks_are_deleted_and_the_pipeline_indexes_the_document() -> None:
    assert planned(WRONG, facts()) == [
        ("delete", "kbgov", "c1", "drift.content"),
        ("index", "pipeline", "", "drift.content"),
    ]


@pytest.mark.parametrize("splitter", [Splitter(rewrites=True), Splitter(strips=True)])
def test_of_whoever_changes_texts_on_the_way_only_what_an_edit_left_behind_is_deleted(splitter: Splitter) -> None:
    items = [item.op for item in items_of(standing(WRONG, splitter=splitter), facts())]
    assert items == [RepairOp.INDEX]
    certain = replace(GOOD, differing=(replace(WRONG.differing[0], certain=True),))
    items = [item.op for item in items_of(standing(certain, splitter=splitter), facts())]
    assert items == [RepairOp.DELETE, RepairOp.INDEX]


def test_in_our_own_index_the_ingester_replaces_what_is_wrong() -> None:
    [item] = items_of(standing(WRONG), facts(own=True))
    assert (item.op, item.by, item.again) == (RepairOp.INDEX, RepairBy.KBGOV, (("", "c1"),))


def test_nothing_is_deleted_when_the_listing_was_not_believed() -> None:
    known = facts(believed=False)
    assert planned(WRONG, known) == [("index", "pipeline", "", "drift.content")]
    assert list(left_over("old.md", "old.md", [("", "c1")], FindingKind.ORPHAN, known)) == []


def test_what_is_left_over_is_deleted_with_the_text_that_it_had() -> None:
    [item] = left_over("old.md", "old.md", [("", "c1")], FindingKind.ORPHAN, facts())
    assert (item.op, item.by, item.chunk_id, item.fact) == (RepairOp.DELETE, RepairBy.KBGOV, "c1", "hash-1")


def test_a_missing_document_is_to_be_indexed_unless_names_do_not_meet() -> None:
    missing = Verdict(words=100, uncovered=100)
    assert planned(missing, facts()) == [("index", "pipeline", "", "drift.missing")]
    assert planned(missing, facts(), mapped=False) == []


def test_chunks_that_are_gone_and_text_that_nothing_covers_ask_for_the_document() -> None:
    assert planned(replace(GOOD, missing=(("", "c9"),)), facts()) == [("index", "pipeline", "", "drift.missing")]
    assert planned(replace(GOOD, uncovered=50), facts()) == [("index", "pipeline", "", "drift.uncovered")]


def test_chunks_without_a_vector_are_written_anew_where_we_made_them() -> None:
    name = document().document
    [item] = items_of(standing(GOOD), facts(own=True, unembedded={name: [("", "c2")]}))
    assert (item.reason, item.again) == ("drift.unembedded", (("", "c2"),))


items = st.builds(
    RepairItem,
    op=st.sampled_from(RepairOp),
    by=st.sampled_from(RepairBy),
    index=st.sampled_from(["main", "other"]),
    partition=st.text(max_size=2),
    source=st.just("docs"),
    document=st.text(max_size=5),
    chunk_id=st.text(max_size=5),
    uri=st.text(max_size=5),
    reason=st.sampled_from(["drift.content", "drift.orphan"]),
    fact=st.text(max_size=5),
    again=st.lists(st.tuples(st.text(max_size=2), st.text(max_size=5)), max_size=2).map(tuple),
)


@given(items)
def test_an_item_survives_the_catalog(item: RepairItem) -> None:
    assert RepairItem.from_json(item.as_json()) == item


@given(st.lists(items, max_size=6, unique_by=lambda item: item.identity), st.randoms())
def test_the_digest_does_not_depend_on_the_order(some: list[RepairItem], chance: random.Random) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert digest_of_items(shuffled) == digest_of_items(some)


@given(items)
def test_the_digest_changes_with_what_must_still_hold(item: RepairItem) -> None:
    assert digest_of_items([item]) != digest_of_items([replace(item, fact=item.fact + "x")])
