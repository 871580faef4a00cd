"""Which documents a policy or a waiver is about: conditions over what is known of a document, with and, or, not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from governance.domain.documents import Document
from governance.domain.values import Json, canonical_json
from governance.policy.globs import CLIMBS, Glob
from governance.policy.patterns import Pattern


class Field(StrEnum):
    """What a condition looks at. METADATA: the values under one key. CLASS: the document's retention class."""

    SOURCE = "source"
    PATH = "path"
    LABEL = "label"
    INDEX = "index"
    METADATA = "metadata"
    CLASS = "class"


class Op(StrEnum):
    """How a condition compares."""

    EQ = "eq"
    IN = "in"
    GLOB = "glob"
    CONTAINS = "contains"
    REGEX = "regex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What conditions are held against.

    Attributes:
        path: The document's path relative to its source's root, or the index's own document key.
        index: None when no index is in question: no condition on it then holds.
        metadata: Values by key, as far as the configuration names the keys.
        class_name: Retention class; None where the document is of none, or where it is not yet known.

    """

    source: str
    path: str
    labels: tuple[str, ...] = ()
    index: str | None = None
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    class_name: str | None = None

    @classmethod
    def of(cls, document: Document, index: str | None = None, class_name: str | None = None) -> Subject:
        """Give the subject of a document, in an index where one is in question."""
        return cls(
            source=document.source,
            path=document.document,
            labels=document.labels,
            index=index,
            metadata=document.attributes,
            class_name=class_name,
        )

    def values(self, of: Field, key: str = "") -> tuple[str, ...]:
        """Give the document's values of a field; of metadata those under the key."""
        if of is Field.PATH:
            return (self.path,)
        if of is Field.LABEL:
            return self.labels
        if of is Field.METADATA:
            return self.metadata.get(key, ())
        one = {Field.SOURCE: self.source, Field.INDEX: self.index, Field.CLASS: self.class_name}[of]
        return () if one is None else (one,)


@dataclass(frozen=True, slots=True)
class Equals:
    """One of the document's values is one of these.

    Attributes:
        key: Of the metadata; "" for every other field. The same in the conditions below.

    """

    field: Field
    values: frozenset[str]
    key: str = ""

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return not self.values.isdisjoint(subject.values(self.field, self.key))

    def as_json(self) -> Json:
        """Give the normalized form, a grammar of its own subset."""
        values = sorted(self.values)
        if len(values) == 1:
            return _form(self.field, self.key, Op.EQ, values[0])
        return _form(self.field, self.key, Op.IN, values)


@dataclass(frozen=True, slots=True)
class Matches:
    """One of the document's values matches one of these globs."""

    field: Field
    globs: frozenset[Glob]
    key: str = ""

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        values = subject.values(self.field, self.key)
        return any(any(map(glob.matches, values)) for glob in self.globs)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return _form(self.field, self.key, Op.GLOB, sorted(glob.text for glob in self.globs))


@dataclass(frozen=True, slots=True)
class Contains:
    """One of the document's values has one of these texts in it."""

    field: Field
    texts: frozenset[str]
    key: str = ""

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return any(text in value for value in subject.values(self.field, self.key) for text in self.texts)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return _form(self.field, self.key, Op.CONTAINS, sorted(self.texts))


@dataclass(frozen=True, slots=True)
class Finds:
    """In one of the document's values one of these regular expressions is found."""

    field: Field
    patterns: frozenset[Pattern]
    key: str = ""

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        values = subject.values(self.field, self.key)
        return any(pattern.found_in(value) for value in values for pattern in self.patterns)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return _form(self.field, self.key, Op.REGEX, sorted(pattern.text for pattern in self.patterns))


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds. Without parts it always does: the match of a policy that names none.

    Made by `all_of`, which puts the parts in a fixed order.
    """

    parts: tuple[Match, ...] = ()

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return all(part.holds(subject) for part in self.parts)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return {"all": [part.as_json() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds. Made by `any_of`, which puts the parts in a fixed order."""

    parts: tuple[Match, ...]

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return any(part.holds(subject) for part in self.parts)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return {"any": [part.as_json() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Match

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return not self.part.holds(subject)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return {"not": self.part.as_json()}


Match: TypeAlias = Equals | Matches | Contains | Finds | All | AnyOf | Not

EVERYTHING = All()


def looks_at(match: Match, of: Field) -> bool:
    """Say whether a condition, or one inside it, looks at a field."""
    if isinstance(match, All | AnyOf):
        return any(looks_at(part, of) for part in match.parts)
    return looks_at(match.part, of) if isinstance(match, Not) else match.field is of


def condition(of: Field, op: Op, values: tuple[str, ...], key: str = "") -> Match:
    """Make a condition in its simplest form: a glob without a wildcard is an equality, a label contained is one too.

    Raises:
        ValueError: There is no value, one is empty, or one cannot be used as a glob or as a regular expression; the
            key of metadata is missing, or stands where none is meant.

    """
    if (of is Field.METADATA) is not bool(key):
        raise ValueError("a condition on metadata names the key, and no other condition does")
    if not values or "" in values:
        raise ValueError("a condition needs a value that is not empty")
    if op is Op.GLOB:
        globs = frozenset(_glob(of, value) for value in values)
        if any(not glob.is_literal for glob in globs):
            return Matches(of, globs, key)
    elif op is Op.REGEX:
        return Finds(of, frozenset(map(Pattern, values)), key)
    elif op is Op.CONTAINS and of is not Field.LABEL:
        return Contains(of, frozenset(_text(of, value) for value in values), key)
    return Equals(of, frozenset(_text(of, value) for value in values), key)


def all_of(parts: list[Match]) -> Match:
    """Give the conjunction; one part stands for itself, and what is said twice counts once."""
    distinct = _distinct(parts)
    return distinct[0] if len(distinct) == 1 else All(distinct)


def any_of(parts: list[Match]) -> Match:
    """Give the disjunction; one part stands for itself, and what is said twice counts once."""
    distinct = _distinct(parts)
    return distinct[0] if len(distinct) == 1 else AnyOf(distinct)


def _form(of: Field, key: str, op: Op, value: Json) -> Json:
    form: dict[str, Json] = {"field": of.value, "op": op.value, "value": value}
    return {**form, "key": key} if key else form


def _glob(of: Field, text: str) -> Glob:
    if of is Field.PATH:
        if text.startswith(("/", "./")):
            raise ValueError("a path pattern starts at the source's folder: leave the leading / or ./ out")
        if text.endswith("/"):
            raise ValueError("a path pattern that ends with / matches no document: write ** behind it")
        if "//" in text:
            raise ValueError("a path pattern with // matches no document")
    return _plain_glob(text)


def _text(of: Field, text: str) -> str:
    """Refuse a path that climbs. Other odd ones stay: documents that only an index knows are called by its own keys."""
    if of is Field.PATH and "/" in text and ".." in text.split("/"):
        raise ValueError(CLIMBS)
    return text


@lru_cache(maxsize=4096)
def _plain_glob(text: str) -> Glob:
    """Read a glob once: it is checked where it stands, and again as a part of its condition."""
    return Glob(text)


def _distinct(parts: list[Match]) -> tuple[Match, ...]:
    if len(parts) == 1:
        return (parts[0],)
    by_form = {canonical_json(part.as_json()): part for part in parts}
    return tuple(by_form[form] for form in sorted(by_form))
