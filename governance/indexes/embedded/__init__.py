"""The embedded index: one SQLite file through the standard library, nothing to install, erasure down to the bytes."""

from governance.indexes.embedded.index import EmbeddedIndex

__all__ = ["EmbeddedIndex"]
