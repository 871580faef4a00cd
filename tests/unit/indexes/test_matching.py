"""What the index adapters promise about conditions, by examples a reader can check by eye."""

from __future__ import annotations

import pytest

from governance.domain.chunks import Condition, Op, Where
from governance.indexes.matching import matches


@pytest.mark.parametrize(
    ("op", "wanted", "value", "holds"),
    [
        (Op.EQ, 1, 1, True),
        (Op.EQ, 1, 1.0, True),
        (Op.EQ, 1, True, False),
        (Op.EQ, True, 1, False),
        (Op.EQ, True, True, True),
        (Op.EQ, False, 0, False),
        (Op.EQ, "1", 1, False),
        (Op.EQ, 2**53, 2**53 + 1, False),
        (Op.EQ, "a", "A", False),
        (Op.EQ, "a", ["a"], False),
        (Op.IN, (), 1, False),
        (Op.IN, ("a", 1), 1, True),
        (Op.IN, ("a", 1), True, False),
        (Op.LT, 2, 1.5, True),
        (Op.LT, 2, 2, False),
        (Op.LT, 2, True, False),
        (Op.LT, True, False, False),
        (Op.LT, 2, "1", False),
        (Op.LT, "b", "a", True),
        (Op.LT, "a", "B", True),
        (Op.GT, "2026-01-01", "2026-01-02", True),
        (Op.GT, "z", "ä", True),
        (Op.GT, 1, None, False),
        (Op.GT, False, True, False),
        (Op.GT, 1, {"a": 2}, False),
    ],
)
def test_types_are_strict(op: Op, wanted: object, value: object, holds: bool) -> None:
    assert matches(Where((Condition("field", op, wanted),)), {"field": value}) is holds


@pytest.mark.parametrize("condition", [Condition("b", Op.EQ, 1), Condition("b", Op.LT, 1), Condition("b", Op.IN, (1,))])
def test_a_missing_field_never_matches(condition: Condition) -> None:
    assert not matches(Where((condition,)), {"a": 1})
    assert not matches(Where((condition,)), {"b": None})


def test_all_conditions_must_hold() -> None:
    where = Where((Condition("a", Op.EQ, 1), Condition("b", Op.GT, 1)))
    assert matches(where, {"a": 1, "b": 2})
    assert not matches(where, {"a": 1, "b": 1})
