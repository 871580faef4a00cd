"""How an index calls a document, and how that becomes the path that its source calls it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class KeyCase(StrEnum):
    """Whether capitals tell two documents apart."""

    KEEP = "keep"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRule:
    """Turns what stands in a chunk's metadata into a document's path, step by step, in the order of the attributes.

    Attributes:
        field: Metadata field that names the document; None for the one that the index names.
        url_decode: Whether `%20` means a blank.
        strip_prefix: What every key of this source begins with; a key that does not is no document of this source.
        pattern: Regular expression with one group, the path; a key that it does not match wholly is no document of
            this source.
        case: Whether capitals count when the result is compared with the paths of the source.

    """

    field: str | None = None
    url_decode: bool = False
    strip_prefix: str = ""
    pattern: str | None = None
    case: KeyCase = KeyCase.KEEP

    @property
    def is_explicit(self) -> bool:
        """True when the rule can say of a key that it is none of this source's."""
        return bool(self.strip_prefix) or self.pattern is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFields:
    """Which metadata field of an index says what; None where none does.

    Attributes:
        document: The document's key.
        title: The document's title.
        uri: Where a person finds the document.
        modified: Day or moment of the document's last change.
        created: Day or moment at which the document was made.
        model: Which model made the vector.
        text: Field with the text, for stores that keep it among the metadata.
        metadata: Further fields whose values are kept as attributes of a document that only the index speaks of.

    """

    document: str | None = None
    title: str | None = "title"
    uri: str | None = "uri"
    owner: str | None = "owner"
    reviewed_on: str | None = "reviewed_on"
    review_interval: str | None = "review_interval"
    modified: str | None = None
    created: str | None = None
    version: str | None = "version"
    labels: str | None = "labels"
    position: str | None = None
    model: str | None = None
    text: str | None = None
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLayout:
    """How an index that anybody may fill is to be read.

    Attributes:
        fields: Which field says what.
        keys: By source that the index holds documents of: how its documents are called here. Empty when the index
            is to be cataloged from its own metadata.

    """

    fields: ChunkFields = field(default_factory=ChunkFields)
    keys: tuple[tuple[str, KeyRule], ...] = ()
