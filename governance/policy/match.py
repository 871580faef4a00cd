"""Which documents a policy or a waiver is about: conditions over what is known of a document, with and, or, not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from governance.domain.documents import Document
from governance.domain.values import Json, canonical_json
from governance.policy.globs import Glob


class Field(StrEnum):
    """What a condition looks at."""

    SOURCE = "source"
    PATH = "path"
    LABEL = "label"
    INDEX = "index"


class Op(StrEnum):
    """How a condition compares."""

    EQ = "eq"
    IN = "in"
    GLOB = "glob"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What conditions are held against.

    Attributes:
        path: The document's path relative to its source's root, or the index's own document key.
        index: None when no index is in question: no condition on it then holds.

    """

    source: str
    path: str
    labels: tuple[str, ...] = ()
    index: str | None = None

    @classmethod
    def of(cls, document: Document, index: str | None = None) -> Subject:
        """Give the subject of a document, in an index where one is in question."""
        return cls(source=document.source, path=document.document, labels=document.labels, index=index)

    def values(self, field: Field) -> tuple[str, ...]:
        """Give the document's values of a field."""
        match field:
            case Field.SOURCE:
                return (self.source,)
            case Field.PATH:
                return (self.path,)
            case Field.LABEL:
                return self.labels
            case Field.INDEX:
                return () if self.index is None else (self.index,)


@dataclass(frozen=True, slots=True)
class Equals:
    """One of the document's values is one of these."""

    field: Field
    values: frozenset[str]

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return not self.values.isdisjoint(subject.values(self.field))

    def as_json(self) -> Json:
        """Give the normalized form, a grammar of its own subset."""
        values = sorted(self.values)
        if len(values) == 1:
            return {"field": self.field.value, "op": "eq", "value": values[0]}
        return {"field": self.field.value, "op": "in", "value": values}


@dataclass(frozen=True, slots=True)
class Matches:
    """One of the document's values matches one of these globs."""

    field: Field
    globs: frozenset[Glob]

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return any(glob.matches(value) for value in subject.values(self.field) for glob in self.globs)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return {"field": self.field.value, "op": "glob", "value": sorted(glob.text for glob in self.globs)}


@dataclass(frozen=True, slots=True)
class Contains:
    """One of the document's values has one of these texts in it."""

    field: Field
    texts: frozenset[str]

    def holds(self, subject: Subject) -> bool:
        """Say whether the condition holds."""
        return any(text in value for value in subject.values(self.field) for text in self.texts)

    def as_json(self) -> Json:
        """Give the normalized form."""
        return {"field": self.field.value, "op": "contains", "value": sorted(self.texts)}


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


Match: TypeAlias = Equals | Matches | Contains | All | AnyOf | Not

EVERYTHING = All()


def condition(field: Field, op: Op, values: tuple[str, ...]) -> Match:
    """Make a condition in its simplest form: a glob without a wildcard is an equality, a label contained is one too.

    Raises:
        ValueError: There is no value, one is empty, or one cannot be used as a glob.

    """
    if not values or "" in values:
        raise ValueError("a condition needs a value that is not empty")
    if op is Op.GLOB:
        globs = frozenset(_glob(field, value) for value in values)
        if any(not glob.is_literal for glob in globs):
            return Matches(field, globs)
    elif op is Op.CONTAINS and field is not Field.LABEL:
        return Contains(field, frozenset(values))
    return Equals(field, frozenset(values))


def all_of(parts: list[Match]) -> Match:
    """Give the conjunction; one part stands for itself, and what is said twice counts once."""
    distinct = _distinct(parts)
    return distinct[0] if len(distinct) == 1 else All(distinct)


def any_of(parts: list[Match]) -> Match:
    """Give the disjunction; one part stands for itself, and what is said twice counts once."""
    distinct = _distinct(parts)
    return distinct[0] if len(distinct) == 1 else AnyOf(distinct)


def _glob(field: Field, text: str) -> Glob:
    if field is Field.PATH:
        if text.startswith(("/", "./")):
            raise ValueError("a path pattern starts at the source's folder: leave the leading / or ./ out")
        if text.endswith("/"):
            raise ValueError("a path pattern that ends with / matches no document: write ** behind it")
        if "//" in text:
            raise ValueError("a path pattern with // matches no document")
    return Glob(text)


def _distinct(parts: list[Match]) -> tuple[Match, ...]:
    by_form = {canonical_json(part.as_json()): part for part in parts}
    return tuple(by_form[form] for form in sorted(by_form))
