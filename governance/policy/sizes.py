"""How large and how deep the normal form of a set may be, so that what is accepted can be dumped and read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from governance.domain.errors import PolicyError
from governance.domain.values import Json
from governance.policy.match import Match
from governance.policy.model import Policy
from governance.policy.problems import Loc
from governance.policy.reading import File, Written
from governance.policy.yaml_reader import MAX_DEPTH

MOST: Final = 1_048_576
"""Bytes of the canonical JSON of a set; written as a policy file it then stays below the cap of a file."""
_AROUND: Final = 2
"""Levels around a policy: the file, and the list of its policies. Each key or place in a list is one more."""


def check_size(canonical: bytes, files: Sequence[File]) -> None:
    """Refuse a set that is too large as a whole.

    Raises:
        PolicyError: About the file with the most policies.

    """
    if len(canonical) <= MOST:
        return
    largest = max(files, key=lambda file: len(file.model.policies))
    count = len(largest.model.policies)
    most = "1 policy" if count == 1 else f"{count:,} policies"
    raise PolicyError(
        f"the policies have {len(canonical):,} bytes with every default written out, and {MOST:,} is the limit;"
        f" most of them stand in {largest.name} ({most})",
        item=largest.name,
        next_step="split what is not decided together, or write globs in the place of long lists",
    )


def check_depth(policies: Iterable[Policy], written: Iterable[Written]) -> None:
    """Refuse a condition that is nested too deep once its short forms are written out.

    Raises:
        PolicyError: About the first that is.

    """
    for policy, place in zip(policies, written, strict=True):
        conditions: list[tuple[Match, Loc]] = [(policy.match, ("match",))]
        conditions += [(waiver.match, ("waivers", each, "match")) for each, waiver in enumerate(policy.waivers)]
        for match, loc in conditions:
            if _AROUND + len(loc) + _depth(match.as_json()) > MAX_DEPTH:
                raise place.error(
                    f"nested deeper than {MAX_DEPTH} levels with every short form written out",
                    "write the condition with fewer groups inside each other",
                    *loc,
                )


def _depth(value: Json) -> int:
    """Count levels, a plain value as one."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 1
