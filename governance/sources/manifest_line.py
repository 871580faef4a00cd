"""One line of a manifest: which document it lists, or what is wrong with it. Takes any bytes."""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from difflib import SequenceMatcher
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final

from governance.domain.documents import ProblemCode
from governance.domain.ports import Listed
from governance.domain.values import Json, canonical_json, sha256_hex
from governance.sources.tree import LONGEST_PATH, handy

KEYS: Final = (
    "id",
    "uri",
    "title",
    "modified",
    "created",
    "content_hash",
    "text",
    "owner",
    "reviewed_on",
    "review_interval",
    "version",
    "labels",
)
"""What a line may say of a document; other keys are left aside."""

ALSO_CREATED: Final = ("created_on", "date_created", "created_at")
"""How others call `created`; they never asked us to read it, so it counts only where it can be read."""
ATTRIBUTES: Final = "metadata"
"""Where an entry keeps the values of the keys that the configuration names."""

NO_TEXT: Final = False
"""Stands in an entry where a value cannot be used: true, false, a fraction, an object, a list, 10,001 characters."""
NO_KEY: Final = True
"""Stands in an entry where a key is given twice with two values, or only under a name much like it."""

_MARKS: Final = frozenset({"end", "count"})
_UNBOUNDED: Final = frozenset({"id", "text"})
_LISTS: Final = frozenset({"owner", "labels"})
_ALIKE: Final = 0.88
_LONGEST_KEY: Final = 40
_MOST_DIGITS: Final = 18
_MOST_KEYS: Final = 100
_LONGEST_VALUE: Final = 10_000
_LONGEST_COMPOSED: Final = 4 * LONGEST_PATH  # composition never makes a quarter of a text
_UNNAMEABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOMENT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2})?)?)?"
)


class Trouble(StrEnum):
    """Why a line says nothing that can be believed; counted, never quoted."""

    NO_OBJECT = "lines that are no JSON object"
    NO_ID = "lines without a usable id"
    TOO_LONG = "lines over the longest length, their id not at their beginning"


@dataclass(frozen=True, slots=True)
class EndMark:
    """The line that ends a manifest. `count` is None when it says no number."""

    count: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as its line lists it.

    Attributes:
        document: The id in Unicode's composed form, shortened where no database could keep it.
        values: By key: a text, a list of texts (`owner`, `labels`), NO_TEXT or NO_KEY. Empty when unreadable.
        unreadable: Why the document cannot be read.

    """

    document: str
    values: Mapping[str, Json] = field(default_factory=dict, repr=False)
    unreadable: ProblemCode | None = None

    def listed(self) -> Listed:
        """Give the listing's entry; its bytes are the same for the same values in whatever order."""
        if self.unreadable is not None:
            return Listed(self.document, "", unreadable=self.unreadable)
        raw = canonical_json(self.values)
        return Listed(self.document, sha256_hex(raw), changed_on(self.values), raw=raw)


class _Digits(str):
    """A whole number, as it was written."""

    __slots__ = ()


class _Fraction(str):
    """Another number, as it was written: no text for any key but those of `metadata`."""

    __slots__ = ()


class _Twice(Enum):
    """Stands for two different values of one key."""

    TWICE = "twice"


_TWICE: Final = _Twice.TWICE


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_Digits, parse_float=_Fraction, parse_constant=_Fraction
)


def read_line(line: bytes, metadata: Collection[str] = ()) -> Entry | EndMark | Trouble:
    """Read a line that is not blank.

    It is JSON in UTF-8, an object, with an `id` that is a text or a whole number and holds no control character.
    The end marker is the object that has `"end": true` and no `id`. Of the keys in `metadata` the values are kept too.
    """
    try:
        found = _DECODER.decode(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return Trouble.NO_OBJECT
    return _read(found, metadata) if isinstance(found, tuple) else Trouble.NO_OBJECT


def read_beginning(line: bytes) -> Entry | Trouble:
    """Say which document is too large, by the beginning of a line that is too long to be read."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(line)
        pairs = list(_pairs(text))
    except (ValueError, RecursionError):
        return Trouble.TOO_LONG
    name = _name(_given(pairs).get("id"))
    return Trouble.TOO_LONG if name is None else Entry(name.document, unreadable=ProblemCode.TOO_LARGE)


def values_of(raw: bytes) -> Mapping[str, Json]:
    """Read an entry's values back from the bytes that its listing gave."""
    found: Mapping[str, Json] = json.loads(raw)
    return found


def changed_on(values: Mapping[str, Json]) -> date | None:
    """Give the day of the last change in UTC; None when none is given, or none that can be read."""
    return _day(values, "modified")


def created_on(values: Mapping[str, Json]) -> date | None:
    """Give the day in UTC on which the document was made; None when none is given, or none that can be read."""
    return _day(values, "created")


def _day(values: Mapping[str, Json], key: str) -> date | None:
    try:
        return day_of(str(values.get(key) or ""))
    except ValueError:
        return None


def day_of(moment: str) -> date:
    """Give the day in UTC of a moment as RFC 3339 writes it, or of a day alone. No zone means UTC.

    Raises:
        ValueError: The text is neither, or there is no such moment.

    """
    match = _MOMENT.fullmatch(moment.strip())
    if match is None:
        raise ValueError("neither a day nor a moment")
    year, month, day, hour, minute, second = (int(group or 0) for group in match.groups()[:6])
    offset = timedelta(hours=int(match[8] or 0), minutes=int(match[9] or 0))
    zone = timezone(-offset if match[7] == "-" else offset)
    try:  # a leap second is the last second of its minute here
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).astimezone(UTC).date()
    except OverflowError:
        raise ValueError("no moment that a calendar knows in UTC") from None


def _pairs(text: str) -> Iterable[tuple[object, object]]:
    """Give an object's keys and values as far as they can be read, at least up to `id`.

    Raises:
        ValueError: There is no `id` in what can be read.

    """
    if not (found := _OPENING.match(text)):
        raise ValueError("no object")
    while True:
        key, end = _DECODER.raw_decode(text, found.end())
        if not (found := _COLON.match(text, end)):
            raise ValueError("no value")
        value, end = _DECODER.raw_decode(text, found.end())
        yield key, value
        if key == "id":
            return
        if not (found := _COMMA.match(text, end)):
            raise ValueError("no further key")


_OPENING: Final = re.compile(r"[ \t\r]*\{[ \t\r]*")
_COLON: Final = re.compile(r"[ \t\r]*:[ \t\r]*")
_COMMA: Final = re.compile(r"[ \t\r]*,[ \t\r]*")


def _read(pairs: Iterable[tuple[object, object]], metadata: Collection[str]) -> Entry | EndMark | Trouble:
    pairs = list(pairs)
    given = _given(pairs)
    if given.get("end") is True and "id" not in given:
        count = given.get("count")
        return EndMark(int(count) if isinstance(count, _Digits) and len(count) <= _MOST_DIGITS else None)
    name = _name(given.get("id"))
    if name is None or name.unreadable is not None:
        return name or Trouble.NO_ID
    values: dict[str, Json] = {"id": name.document}
    for key, value in given.items():
        if key not in KEYS:
            known = len(given) > _MOST_KEYS or key in ALSO_CREATED or key in metadata
            if not known and (meant := _meant(key)) and meant not in given:
                values[meant] = NO_KEY
        elif value is not None and key != "id":
            values[key] = NO_KEY if value is _TWICE else value
    if "created" not in values and (created := _also_created(given)):
        values["created"] = created
    if attributes := _attributes(pairs, metadata):
        values[ATTRIBUTES] = attributes
    return Entry(name.document, values, None if _shows_content(values) else ProblemCode.NO_TEXT)


def _also_created(given: Mapping[str, Json | _Twice]) -> str | None:
    """Give the first of the other spellings that holds a moment."""
    for key in ALSO_CREATED:
        if isinstance(value := given.get(key), str) and _day({key: value}, key):
            return value
    return None


def _attributes(pairs: Iterable[tuple[object, object]], metadata: Collection[str]) -> dict[str, Json]:
    """Give the values of the keys that are asked for: lists of texts, NO_TEXT or NO_KEY."""
    found: dict[str, Json] = {}
    for key, value in pairs:
        name = str(key)
        if name in metadata and value is not None:
            texts = _attribute(value)
            found[name] = texts if found.get(name, texts) == texts else NO_KEY
    return found


def _attribute(value: object) -> Json:
    """Give the texts of a value: true and false are words here, numbers stand as they were written."""
    texts: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool | str):
            texts.append(str(item) if isinstance(item, str) else str(item).lower())
        elif item is not None:
            return NO_TEXT
    return texts if sum(map(len, texts)) <= _LONGEST_VALUE else NO_TEXT


def _given(pairs: Iterable[tuple[object, object]]) -> dict[str, Json | _Twice]:
    """Give what an object says, by key."""
    given: dict[str, Json | _Twice] = {}
    for key, value in pairs:
        name = str(key)
        said = _said(name, value)
        given[name] = _TWICE if name in given and given[name] != said else said
    return given


def _said(key: str, value: object) -> Json:
    """Give a value as far as it counts: what is nested is never kept, whatever its depth."""
    if key in _MARKS and isinstance(value, bool | _Digits):
        return value
    if value is None or (key not in KEYS and key not in ALSO_CREATED):
        return None
    if isinstance(value, _Fraction):
        return NO_TEXT
    if isinstance(value, list) and key in _LISTS:
        items = [str(item) if _is_text(item) else NO_TEXT for item in value if item is not None]
        return items if sum(len(str(item)) for item in items) <= _LONGEST_VALUE else NO_TEXT
    fits = isinstance(value, str) and (key in _UNBOUNDED or len(value) <= _LONGEST_VALUE)
    return str(value) if fits else NO_TEXT


def _is_text(item: object) -> bool:
    return isinstance(item, str) and not isinstance(item, _Fraction)


def _name(given: Json | _Twice) -> Entry | None:
    """Give the document of an id, unreadable when its name is; None for what names nothing."""
    if not isinstance(given, str) or not given.strip() or _UNNAMEABLE.search(given):
        return None
    if _SURROGATE.search(given):
        shown = given.encode("utf-8", "backslashreplace").decode("utf-8")
        return Entry(handy(shown), unreadable=ProblemCode.NAME_NOT_UTF8)
    name = unicodedata.normalize("NFC", given) if len(given) <= _LONGEST_COMPOSED else given
    short = handy(name)
    return Entry(short, unreadable=None if short is name else ProblemCode.NAME_TOO_LONG)


def _shows_content(values: Mapping[str, Json]) -> bool:
    digest = values.get("content_hash")
    return isinstance(values.get("text"), str) or (isinstance(digest, str) and bool(digest.strip()))


@lru_cache(maxsize=1000)
def _meant(key: str) -> str | None:
    """Give the known key that an unknown one is probably meant to be."""
    bare = _bare(key)
    if key in KEYS or not bare or len(key) > _LONGEST_KEY:
        return None
    shares = {known: _likeness(bare, _bare(known)) for known in KEYS}
    best = max(KEYS, key=lambda known: shares[known])
    return best if shares[best] >= _ALIKE else None


def _likeness(key: str, known: str) -> float:
    """Give how much two keys look alike, 0 to 1; one that goes on after a known one, `modified_by`, means another."""
    goes_on = key.startswith(known) and len(key) > len(known) + 1
    return 0.0 if goes_on else SequenceMatcher(None, key, known).ratio()


def _bare(key: str) -> str:
    return "".join(letter for letter in key.lower() if letter.isalnum())
