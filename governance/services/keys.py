"""Which document of which source a chunk belongs to, whoever put it into the index."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from governance.domain.chunks import Metadata
from governance.domain.findings import OF_INDEX
from governance.domain.keys import ChunkFields, IndexLayout, KeyCase, KeyRule
from governance.domain.values import Json

LONGEST_KEY: Final = 2_000
"""Bytes in UTF-8. Paths of our own sources are shorter, and what is longer fits no index of a catalog in PostgreSQL."""
DEFAULT_FIELDS: Final = (
    "kb_document",
    "source",
    "file_path",
    "path",
    "document",
    "uri",
    "url",
    "doc_id",
    "document_id",
    "ref_doc_id",
    "source_id",
)
"""Where a document's key is looked for when no field is configured; the first with a usable value decides.

Our own field first. Then what holds a path by habit: `source` (LangChain's loaders, also over LlamaIndex readers),
`file_path` (LlamaIndex's and Haystack's readers), and the same under other names. Then addresses. Ids last: those that
the libraries make up themselves (a UUID, a hash of the content) tell documents apart, but never which page it is.
"""
_LIBRARY_IDS: Final = frozenset({"doc_id", "document_id", "ref_doc_id"})
_SAFE_WHOLE: Final = 1 << 53


class Attribution(NamedTuple):
    """Where a chunk belongs.

    Attributes:
        source: Name of the source; "index:NAME" in an index without sources; "" when it belongs to none.
        document: Path of the document as the source spells it. Where `source` is "": the raw key; "" when the chunk
            has none, or names a source of ours that is no longer configured.
        own: Whether our own ingester put it there.

    """

    source: str
    document: str
    own: bool


class Known:
    """What the documents of one source are called: those that are there, and those that the catalog remembers.

    A remembered one keeps its name although the source has it no more: its chunks are then found under it.

    Args:
        documents: Path and URI of each. A URI that several share names none of them.

    """

    def __init__(self, documents: Iterable[tuple[str, str]] = ()) -> None:
        self._paths: dict[str, str] = {}
        self._uris: dict[str, str] = {}
        self._folded: tuple[dict[str, str], dict[str, str]] | None = None
        shared: set[str] = set()
        for path, uri in documents:
            _remember(self._paths, normal_key(path), path)
            if uri and self._uris.setdefault(_composed(uri), path) != path:
                shared.add(_composed(uri))
        for uri in shared:
            del self._uris[uri]

    def __len__(self) -> int:
        """Give how many paths there are that can be told apart."""
        return len(self._paths)

    def path_of(self, key: str, *, ignore_case: bool = False) -> str | None:
        """Give the path that a key means, as the source spells it: by path first, then by URI; None for neither.

        Of paths that differ in nothing that counts, the one that is spelled like the key, else the first by code
        point.
        """
        found = self._paths.get(normal_key(key)) or self._uris.get(_composed(key))
        if found is not None or not ignore_case:
            return found
        paths, uris = self._in_one_case()
        return paths.get(normal_key(key).casefold()) or uris.get(_composed(key).casefold())

    def _in_one_case(self) -> tuple[dict[str, str], dict[str, str]]:
        if self._folded is None:
            paths: dict[str, str] = {}
            uris: dict[str, str] = {}
            for folded, names in ((paths, self._paths), (uris, self._uris)):
                for name, path in names.items():
                    _remember(folded, name.casefold(), path)
            self._folded = paths, uris
        return self._folded


class Resolver:
    """Says of each chunk of one index which document it belongs to.

    The order, first match wins:

    1. Our own chunk: `kb_source` is a configured source and `kb_document` a text.
    2. A source whose rule can refuse a key (see `KeyRule.is_explicit`) and accepts it: among several the first that
       knows the document, else the first, by name.
    3. A source whose rule refuses nothing: the only one of that kind takes every key; of several the first, by name,
       that knows the document. Never for a chunk that names a source of ours which is no longer configured.
    4. No source; in an index without any, "index:NAME".

    Args:
        index: Name of the index.
        layout: How it is read.
        known: By source of the layout: its documents.
        configured: Names of all configured sources, also of those that go into other indexes.

    """

    def __init__(
        self, index: str, layout: IndexLayout, known: Mapping[str, Known], configured: Collection[str]
    ) -> None:
        self._pseudo = pseudo_source(index)
        self._layout = layout
        self._known = {name: known.get(name) or Known() for name, _ in layout.keys}
        self._configured = frozenset(configured)
        rules = sorted(layout.keys, key=lambda item: item[0])
        self._explicit = [(name, rule) for name, rule in rules if rule.is_explicit]
        self._open = [(name, rule) for name, rule in rules if not rule.is_explicit]
        # The index's own field first: its key is the one that is kept when nobody takes the chunk.
        self._fields = list(dict.fromkeys([layout.fields.document, *(self._field(rule) for _, rule in rules)]))
        # The chunks of a document mostly come one after the other.
        self._attributed = lru_cache(maxsize=4096)(self._attribute)

    @property
    def sources(self) -> list[str]:
        """The sources whose documents are looked for, by name."""
        return sorted(self._known)

    def resolve(self, metadata: Metadata) -> Attribution:
        """Give where a chunk belongs, by its metadata."""
        owner, document = metadata.get("kb_source"), metadata.get("kb_document")
        named = isinstance(owner, str) and owner != ""
        if named and owner in self._configured and isinstance(document, str) and usable(document):
            return Attribution(str(owner), document, own=True)
        keys = tuple(key_in(metadata, name) for name in self._fields)
        return self._attributed(keys, stray=named and owner not in self._configured)

    def resolve_key(self, key: str) -> Attribution:
        """Give where a foreign chunk belongs that has nothing but this raw key, whatever field it came from."""
        return self._attributed((key if usable(key) else None,) * len(self._fields), stray=False)

    def settled(self, source: str, document: str) -> Attribution | None:
        """Give where chunks of a document that was not known belong by what is known now; None when nothing does.

        Their raw key is known no more: it is asked for by the path that it gave, of the sources that read keys alike.
        """
        rules = dict(self._layout.keys)
        alike = [name for name, rule in (*self._explicit, *self._open) if rule == rules.get(source)]
        for name in sorted(alike, key=lambda other: other != source):
            path = self._known_path(name, rules[name], document, document)
            if path is not None:
                return Attribution(name, path, own=False) if (name, path) != (source, document) else None
        return None

    def _attribute(self, keys: tuple[str | None, ...], *, stray: bool) -> Attribution:
        raw = next((_composed(key) for key in keys if key), "")
        if not self._layout.keys:
            return Attribution(self._pseudo if raw else "", raw, own=False)
        by_field = dict(zip(self._fields, keys, strict=True))
        found = self._first(self._explicit, by_field, or_any=True)
        if found is None and not stray:
            found = self._first(self._open, by_field, or_any=len(self._open) == 1)
        return found or Attribution("", "" if stray else raw, own=False)

    def _first(
        self, rules: Iterable[tuple[str, KeyRule]], keys: Mapping[str | None, str | None], *, or_any: bool
    ) -> Attribution | None:
        accepted: Attribution | None = None
        for name, rule in rules:
            key = keys[self._field(rule)]
            path = None if key is None else apply_rule(rule, key)
            if key is None or path is None:
                continue
            known = self._known_path(name, rule, path, key)
            if known is not None:
                return Attribution(name, known, own=False)
            accepted = accepted or Attribution(name, path, own=False)
        return accepted if or_any else None

    def _known_path(self, source: str, rule: KeyRule, path: str, key: str) -> str | None:
        known, ignore_case = self._known[source], rule.case is KeyCase.IGNORE
        return known.path_of(path, ignore_case=ignore_case) or known.path_of(key, ignore_case=ignore_case)

    def _field(self, rule: KeyRule) -> str | None:
        return rule.field if rule.field is not None else self._layout.fields.document


def pseudo_source(index: str) -> str:
    """Give what stands for the source of an index that has none; no configured source can be called so."""
    return f"{OF_INDEX}{index}"


def apply_rule(rule: KeyRule, key: str) -> str | None:
    """Give the path that a raw key means, None when it is no document of this source.

    The key is first brought into a normal form: NFC, slashes for backslashes, no leading `./`; so are the prefix and
    what was URL-decoded. `%20` that is no UTF-8 stays as it is, and so does a plus sign. Whether capitals count is for
    the comparison with the source's paths: it changes nothing here.
    """
    text = _decoded(key) if rule.url_decode else key
    if not usable(text):
        return None
    text, prefix = normal_key(text), normal_key(rule.strip_prefix)
    if not text.startswith(prefix):
        return None
    text = text[len(prefix) :]
    if rule.pattern is not None:
        # Both are bounded: the operator's own pattern, and a key of at most LONGEST_KEY bytes.
        match = re.fullmatch(rule.pattern, text)
        text = (match[1] or "") if match else ""
    return text or None


def key_in(metadata: Metadata, field: str | None) -> str | None:
    """Give the key that a field holds, or for None the one that `default_key` finds."""
    return default_key(metadata) if field is None else key_text(metadata.get(field))


def default_key(metadata: Metadata, fields: ChunkFields | None = None) -> str | None:
    """Give a document's key: from the field that names it, else from the first of `DEFAULT_FIELDS` that has one."""
    if fields is not None and fields.document is not None:
        return key_text(metadata.get(fields.document))
    for name in DEFAULT_FIELDS:
        key = key_text(metadata.get(name))
        # LlamaIndex writes the word None for a node without a parent.
        if key is not None and not (key == "None" and name in _LIBRARY_IDS):
            return key
    return None


def key_text(value: Json) -> str | None:
    """Give a metadata value as a key: a text or a whole number (also 7.0: stores give numbers back so), else None."""
    if isinstance(value, str):
        return value if usable(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _SAFE_WHOLE:
        return None
    return str(int(value)) if value == int(value) else None


def usable(key: str) -> bool:
    """Say whether a text can be a key: not blank, not too long, and nothing that a database refuses."""
    if not key or key.isspace() or "\0" in key or len(key) > LONGEST_KEY:
        return False
    if key.isascii():
        return True
    try:
        return len(_composed(key).encode("utf-8")) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def normal_key(key: str) -> str:
    """Give a key in the form in which keys are compared: NFC, slashes for backslashes, no leading `./`."""
    text = _composed(key).replace("\\", "/")
    while text.startswith("./"):
        text = text[2:]
    return text


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _decoded(key: str) -> str:
    if "%" not in key:
        return key
    try:
        return unquote_to_bytes(key).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return key


def _remember(names: dict[str, str], name: str, path: str) -> None:
    """Keep, of paths with one name, the one that is spelled so, else the first by code point."""
    other = names.get(name)
    if other is None or path == name or (other != name and path < other):
        names[name] = path
