"""How each index is to be read, from what is configured."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from governance.config.settings import DocumentKeySettings, IndexFieldSettings, Settings
from governance.domain.keys import ChunkFields, IndexLayout, KeyCase, KeyRule

FIELD_NAMES: Final = tuple(field.name for field in fields(ChunkFields) if field.name != "metadata")
"""Fields of which each is filled by one key."""


def index_layout(settings: Settings, index: str) -> IndexLayout:
    """Give how an index is read. Raises KeyError when there is no such index."""
    return IndexLayout(
        fields=chunk_fields(settings.indexes[index].fields),
        keys=tuple((name, key_rule(settings.sources[name].document_key)) for name in sources_of(settings, index)),
    )


def sources_of(settings: Settings, index: str) -> list[str]:
    """Give the sources whose documents an index holds, by name; one that names no index goes into the only one."""
    alone = index if len(settings.indexes) == 1 else None
    return sorted(name for name, source in settings.sources.items() if (source.index or alone) == index)


def chunk_fields(found: IndexFieldSettings) -> ChunkFields:
    """Give which field says what: "" means none, what is not set keeps its default."""
    given = {name: value for name in FIELD_NAMES if (value := getattr(found, name)) is not None}
    return ChunkFields(**{name: value or None for name, value in given.items()}, metadata=found.metadata)


def key_rule(found: DocumentKeySettings) -> KeyRule:
    """Give how the documents of a source are called in the index."""
    return KeyRule(
        field=found.field,
        url_decode=found.url_decode,
        strip_prefix=found.strip_prefix,
        pattern=found.pattern,
        case=KeyCase(found.case),
    )
