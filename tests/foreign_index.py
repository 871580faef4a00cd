"""An index that another pipeline fills: splitters and a writer of our own making, nothing of kbgov's in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from governance.domain.chunks import Record
from governance.domain.ports import Index
from governance.embedders.hashed import HashedEmbedder

Splitter = Callable[[str], list[str]]


def by_characters(size: int, overlap: int) -> Splitter:
    """Cut every so many characters, wherever that is."""

    def split(text: str) -> list[str]:
        step = size - overlap
        return [text[start : start + size] for start in range(0, max(1, len(text) - overlap), step)]

    return split


def by_words(size: int, overlap: int) -> Splitter:
    """Cut at white space, into pieces of up to so many words."""

    def split(text: str) -> list[str]:
        words = text.split()
        step = size - overlap
        return [" ".join(words[start : start + size]) for start in range(0, max(1, len(words) - overlap), step)]

    return split


def titled(split: Splitter) -> Splitter:
    """Put the page's title before each piece, as pipelines do that mean to help a search."""

    def with_title(text: str) -> list[str]:
        title = re.search(r"^title: *(.+)$", text, re.MULTILINE)
        return [f"{title[1]}\n\n{piece}" if title else piece for piece in split(text)]

    return with_title


@dataclass
class Pipeline:
    """Reads files as they lie there, cuts and embeds them, and knows nothing of a catalog.

    Attributes:
        splitters: One per document in turn, so that one index holds what several of them cut.
        prefix: What its document keys begin with.

    """

    root: Path
    index: Index
    splitters: list[Splitter] = field(default_factory=lambda: [by_words(120, 20)])
    prefix: str = "/app/docs/"
    embedder: HashedEmbedder = field(default_factory=lambda: HashedEmbedder(32))

    def documents(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def run(self, names: Iterable[str]) -> None:
        """Bring documents into the index, in place of what it has of them."""
        for name in names:
            self.remove(name)
            text = (self.root / name).read_text(encoding="utf-8")
            writer = self.index.writer()
            writer.put(list(self._records(name, text)))
            writer.close()

    def remove(self, name: str) -> None:
        writer = self.index.writer()
        writer.delete(self.ids_of(name))
        writer.close()

    def ids_of(self, name: str) -> list[str]:
        reader = self.index.reader()
        try:
            return [
                record.chunk_id
                for page in reader.stream(text=False, vectors=False)
                for record in page.records
                if record.metadata.get("source") == self.prefix + name
            ]
        finally:
            reader.close()

    def _records(self, name: str, text: str) -> Iterator[Record]:
        split = self.splitters[int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(self.splitters)]
        pieces = [piece for piece in split(text) if piece.strip()]
        vectors = self.embedder.embed(pieces)
        for number, (piece, vector) in enumerate(zip(pieces, vectors, strict=True)):
            chunk_id = hashlib.sha256(f"{name}#{number}".encode()).hexdigest()[:32]
            yield Record(chunk_id, piece, {"source": self.prefix + name}, {"default": vector})
