"""Whether a record's metadata meets a selector: one meaning for every adapter that decides on this side."""

from __future__ import annotations

from governance.domain.chunks import Condition, Metadata, Op, Where
from governance.domain.errors import InputError
from governance.domain.values import Json


def check_where(where: Where) -> None:
    """Give nothing when every condition compares with what its operator takes.

    Raises:
        InputError: `in` without a tuple, or another operator with one.

    """
    for condition in where.conditions:
        if isinstance(condition.value, tuple) != (condition.op is Op.IN):
            wanted = "a tuple of values" if condition.op is Op.IN else "one value"
            raise InputError(f"the operator {condition.op.value} takes {wanted}", item=condition.field)


def matches(where: Where, metadata: Metadata) -> bool:
    """Give whether all conditions hold.

    Numbers compare with numbers, texts with texts by code point, booleans with booleans; a boolean is no number
    and has no order.
    """
    return all(_holds(condition, metadata.get(condition.field)) for condition in where.conditions)


def _holds(condition: Condition, value: Json) -> bool:
    wanted = condition.value
    if isinstance(wanted, tuple):
        return any(_equal(value, one) for one in wanted)
    if condition.op is Op.EQ:
        return _equal(value, wanted)
    return _ordered(value, wanted, less=condition.op is Op.LT)


def _equal(value: Json, wanted: Json) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, str) or isinstance(wanted, str):
        return isinstance(value, str) and value == wanted
    return isinstance(value, int | float) and value == wanted


def _ordered(value: Json, wanted: Json, *, less: bool) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return False
    if isinstance(value, str) and isinstance(wanted, str):
        return value < wanted if less else value > wanted
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return value < wanted if less else value > wanted
    return False
