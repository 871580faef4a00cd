"""What a line of the log may say. A field that is not listed here, or is not of its kind, is left out.

Two locks on one door: services tell codes, counts and durations alone, and whatever else reaches a line by mistake, a
path, an id, an address, is dropped here.
"""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Final

from governance.config.values import is_name
from governance.domain.events import ChangeKind
from governance.domain.findings import FindingKind
from governance.domain.values import Json

_CODE: Final = re.compile(r"[a-z][a-z0-9_]*(?:[.-][a-z0-9_]+)*")
_LONGEST_CODE: Final = 60
_LONGEST_ACTOR: Final = 200
_MOST_FRAMES: Final = 50
_FRAME: Final = re.compile(r"[A-Za-z_][\w.]*:[0-9]+", re.ASCII)

COUNTED: Final = frozenset(
    {
        *("documents", "chunks", "coverage", "by_kind", "sources", "indexes", "partitions", "findings"),
        *("seen", "known", "added", "changed", "body_changed", "metadata_changed", "unchanged", "removed", "gone"),
        *("suspect", "failed", "suppressed", "scanned", "written", "embedded", "patched", "deleted", "existed"),
        *("present", "absent", "already_absent", "remaining", "indexed", "steps", "items", "retrievals", "unknown"),
        *("write_back", "put_back", "kept"),
        *(kind.value for kind in FindingKind),
    }
)
"""What is counted, in the words of `counts`. A word that is no constant, such as a tenant's name, is none of these."""


def code(value: object) -> str | None:
    """Give a code of ours ("ingest.new_body"); None for anything else."""
    text = str(value) if isinstance(value, str) else ""
    return text if len(text) <= _LONGEST_CODE and _CODE.fullmatch(text) else None


def codes(value: object) -> str | None:
    """Give some codes with blanks between them, such as the words of a command ("drift apply")."""
    found = [code(word) for word in value.split(" ")] if isinstance(value, str) else []
    return " ".join(word for word in found if word) if found and all(found) else None


def first_code(value: object) -> str | None:
    """Give the first word ("index main" is the phase "index"): what follows is a name."""
    return code(value.partition(" ")[0]) if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """Give a whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def seconds(value: object) -> float | None:
    """Give a duration in seconds, to the millisecond."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), 3)


def counts(value: object) -> Json:
    """Give counts by word, grouped at most once."""
    found = _counts(value, deeper=True)
    return found or None


def actor(value: object) -> str | None:
    """Give the name of whoever acts, who is named on purpose."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_ACTOR else None


def identifier(value: object) -> str | None:
    """Give the name of a class or of a module."""
    usable = isinstance(value, str) and len(value) <= _LONGEST_CODE and value.isascii() and value.isidentifier()
    return str(value) if usable else None


def frames(value: object) -> Json:
    """Give places in code ("governance.services.audit:120"), the innermost last."""
    listed = value if isinstance(value, list) else []
    found = [item for item in listed if isinstance(item, str) and _FRAME.fullmatch(item)]
    return found[-_MOST_FRAMES:] or None


def frames_of(trace: TracebackType | None) -> list[str]:
    """Give the places in code that a traceback names: modules and lines, no values and no folders."""
    return [f"{frame.f_globals.get('__name__', 'unknown')}:{line}" for frame, line in traceback.walk_tb(trace)]


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and is_name(value) else None


def _kind(value: object) -> str | None:
    return str(value) if isinstance(value, str) and value in set(ChangeKind) else None


def _counts(value: object, *, deeper: bool) -> dict[str, Json]:
    if not isinstance(value, Mapping):
        return {}
    found: dict[str, Json] = {}
    for name in sorted(COUNTED.intersection(value)):
        item = value[name]
        kept = _counts(item, deeper=False) if deeper and isinstance(item, Mapping) else whole(item)
        if kept not in (None, {}):
            found[name] = kept
    return found


FIELDS: Final[Mapping[str, Callable[[object], Json]]] = MappingProxyType(
    {
        "run_id": whole,
        "actor": actor,
        "run": codes,
        "phase": first_code,
        "kind": _kind,
        "index": _name,
        "reason": code,
        "state": code,
        "outcome": code,
        "code": code,
        "exit_code": whole,
        "done": whole,
        "total": whole,
        "counts": counts,
        "seconds": seconds,
        "error": identifier,
        "category": identifier,
        "trace": frames,
    }
)
"""What may stand in a line beside time, level, event, command, message and logger, which the line's writer sets."""


def allowed(fields: object) -> dict[str, Json]:
    """Give what may be written of a record's fields, in the order of the list; what says nothing is left out."""
    if not isinstance(fields, Mapping):
        return {}
    found = {name: check(fields[name]) for name, check in FIELDS.items() if name in fields}
    return {name: value for name, value in found.items() if value is not None}
