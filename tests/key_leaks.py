"""Whether anything tells a key: a text, or a failure with all that it came from and the variables of its frames."""

from __future__ import annotations

import traceback
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

_SECRET = 44  # characters of base64 at the end of a key's line


def secret_of(line: str) -> str:
    """Give the part of a key's line that must never be told."""
    secret = line.strip()[-_SECRET:]
    assert b64decode(secret)
    return secret


def tells(text: str, line: str) -> bool:
    """Say whether a text holds most of a key in any of the forms that a careless line of code would print."""
    secret = secret_of(line)
    raw = b64decode(secret)
    return any(form in text for form in (secret[:30], raw.hex()[:40], repr(raw[1:24])[2:-1], repr(raw[-24:])[2:-1]))


def told_by(error: BaseException) -> str:
    """Give what an error says, and what anybody could read from it and from its frames in the package."""
    return "\n".join(_told(error, set()))


def _told(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield f"{error} {error!r} {error.args!r} {vars(error)!r}"
    for name in ("object", "doc"):  # what decoders quote
        yield repr(getattr(error, name, ""))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "governance" in Path(frame.f_code.co_filename).parts:
            yield repr(dict(frame.f_locals))
    yield from _told(error.__cause__, seen)
    yield from _told(error.__context__, seen)
