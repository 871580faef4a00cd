"""How much may be changed at once: at the border, one over, in tiny indexes, in several, with and without a number."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.actions import Deed
from governance.domain.errors import LimitExceeded
from governance.domain.events import Change, ChangeKind
from governance.policy.model import ActionLimit
from governance.services.blast_radius import OF_THEIR_OWN, Extent, Permit, Ruling, Verdict, draw, judge

LIMIT = ActionLimit(max_items=10, max_percent=20)


def extent(planned: int, present: int, index: str = "main") -> Extent:
    return Extent(index=index, planned=planned, present=present)


def verdict(*extents: Extent, limit: ActionLimit = LIMIT, confirmed: int | None = None) -> Verdict:
    return judge(Deed.DELETE, extents, limit, confirmed)


@pytest.mark.parametrize(
    ("planned", "present", "ruling"),
    [
        (10, 1000, Ruling.WITHIN),
        (11, 1000, Ruling.TOO_MANY),
        (10, 50, Ruling.WITHIN),
        (10, 49, Ruling.TOO_LARGE_A_SHARE),
        (1, 5, Ruling.WITHIN),
        (1, 4, Ruling.TOO_LARGE_A_SHARE),
        (1, 1, Ruling.TOO_LARGE_A_SHARE),
        (1, 0, Ruling.TOO_LARGE_A_SHARE),
        (0, 0, Ruling.NOTHING),
        (0, 100, Ruling.NOTHING),
    ],
)
def test_exactly_at_a_limit_is_allowed_and_one_more_is_not(planned: int, present: int, ruling: Ruling) -> None:
    found = verdict(extent(planned, present))
    assert found.ruling is ruling
    assert found.allowed == (ruling in {Ruling.NOTHING, Ruling.WITHIN})


@pytest.mark.parametrize(("planned", "present", "shown"), [(201, 1000, 21), (1, 3, 34), (200, 1000, 20), (1, 0, 100)])
def test_a_share_is_never_shown_smaller_than_it_is(planned: int, present: int, shown: int) -> None:
    assert extent(planned, present).percent == shown


def test_the_number_holds_for_the_action_and_the_share_in_each_index() -> None:
    assert verdict(extent(5, 100), extent(5, 100, "other")).ruling is Ruling.WITHIN
    assert verdict(extent(6, 100), extent(5, 100, "other")).ruling is Ruling.TOO_MANY
    assert verdict(extent(1, 1000), extent(2, 9, "small")).ruling is Ruling.TOO_LARGE_A_SHARE
    assert verdict(extent(1, 1000), extent(0, 0, "empty")).ruling is Ruling.WITHIN


def test_a_limit_of_nothing_allows_nothing_and_one_of_everything_all_that_is_there() -> None:
    assert not verdict(extent(1, 1000), limit=ActionLimit(max_items=0, max_percent=100)).allowed
    assert not verdict(extent(1, 1000), limit=ActionLimit(max_items=100, max_percent=0)).allowed
    everything = ActionLimit(max_items=1000, max_percent=100)
    assert verdict(extent(1000, 1000), limit=everything).allowed
    assert not verdict(extent(8, 7), limit=everything).allowed


@pytest.mark.parametrize(
    ("confirmed", "ruling"), [(30, Ruling.CONFIRMED), (29, Ruling.OTHER_NUMBER), (0, Ruling.OTHER_NUMBER)]
)
def test_only_the_very_number_lets_more_pass(confirmed: int, ruling: Ruling) -> None:
    assert verdict(extent(20, 40), extent(10, 11, "other"), confirmed=confirmed).ruling is ruling


def test_whoever_typed_another_number_meant_another_action_even_within_the_limits() -> None:
    assert verdict(extent(3, 1000), confirmed=50).ruling is Ruling.OTHER_NUMBER
    assert verdict(extent(3, 1000), confirmed=3).ruling is Ruling.WITHIN
    assert verdict(extent(0, 1000), confirmed=50).ruling is Ruling.NOTHING


def test_a_refusal_names_both_counts_the_limit_its_key_and_the_number_to_type() -> None:
    with pytest.raises(LimitExceeded) as refused:
        verdict(extent(20, 40), extent(10, 100, "other")).require()
    error = refused.value
    assert error.message == (
        "20 of 40 chunks (50 %) in main, 10 of 100 chunks (10 %) in other would be deleted,"
        " and limits.delete allows 10 at once and 20 percent of an index; none was deleted"
    )
    assert (error.exit_code, error.item) == (6, "limits.delete.max_items")
    assert "--confirm-count 30 to go on" in error.next_step
    assert error.counts == {"main": {"planned": 20, "present": 40}, "other": {"planned": 10, "present": 100}}
    assert verdict(extent(2, 9)).key == "limits.delete.max_percent"


def test_a_wrong_number_is_told_the_right_one() -> None:
    with pytest.raises(LimitExceeded, match="which is 30 and not the 29 of --confirm-count") as refused:
        verdict(extent(30, 40), confirmed=29).require()
    assert "--confirm-count 30" in refused.value.next_step
    assert refused.value.item == "limits.delete"


extents = st.lists(
    st.builds(extent, st.integers(0, 60), st.integers(0, 60), st.sampled_from(["a", "b", "c"])),
    unique_by=lambda item: item.index,
)
limits = st.builds(ActionLimit, max_items=st.integers(0, 60), max_percent=st.integers(0, 100))


@given(extents, limits, st.none() | st.integers(0, 120))
def test_what_is_allowed_is_within_both_limits_or_was_typed(
    found: list[Extent], limit: ActionLimit, confirmed: int | None
) -> None:
    ruled = verdict(*found, limit=limit, confirmed=confirmed)
    total = sum(item.planned for item in found)
    shares = [Fraction(item.planned, item.present) if item.present else 2 for item in found if item.planned]
    within = total <= limit.max_items and all(share <= Fraction(limit.max_percent, 100) for share in shares)
    assert ruled.allowed == (total in {0, confirmed} or (within and confirmed is None))
    assert ruled.reason


def test_a_permit_counts_down_by_index_and_gives_no_more_than_it_has() -> None:
    permit = Permit(Deed.DELETE, {"main": 5, "other": 1})
    permit.take("main", 3)
    assert (permit.left("main"), permit.left("other")) == (2, 1)
    for index, count in (("main", 3), ("other", 2), ("third", 1)):
        with pytest.raises(LimitExceeded, match="left of what was permitted"):
            permit.take(index, count)
    permit.take("main", 2)
    assert (permit.left("main"), permit.left("other"), permit.left("third")) == (0, 1, 0)


def deletion(reason: str, count: int = 2) -> Change:
    ids = tuple(f"c{number}" for number in range(count))
    return Change(kind=ChangeKind.DELETE, index="main", partition="", reason=reason, chunk_ids=ids)


@pytest.mark.parametrize("reason", sorted(OF_THEIR_OWN))
def test_what_something_else_holds_back_needs_no_permit(reason: str) -> None:
    draw(None, deletion(reason))


@pytest.mark.parametrize("deed", Deed)
def test_a_permit_to_delete_or_erase_is_one_and_another_is_none(deed: Deed) -> None:
    permit = Permit(deed, {"main": 2})
    if deed in {Deed.DELETE, Deed.ERASE}:
        draw(permit, deletion("drift.orphan"))
        assert permit.left("main") == 0
        return
    with pytest.raises(LimitExceeded, match="without a permit"):
        draw(permit, deletion("drift.orphan"))
    assert permit.left("main") == 2


def test_a_deletion_without_a_permit_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="2 chunks in index main was asked for without a permit"):
        draw(None, deletion("drift.orphan"))
