"""What is special about the index in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.domain.chunks import Proof, PurgeKind, Record
from governance.domain.errors import ConfigError, InputError
from governance.indexes.memory import MemoryIndex


def test_it_takes_no_options(tmp_path: Path) -> None:
    assert MemoryIndex.from_config("docs", {}, tmp_path).name == "docs"
    with pytest.raises(ConfigError, match="unknown option") as caught:
        MemoryIndex.from_config("docs", {"path": "x"}, tmp_path)
    assert caught.value.item == "path"


def test_it_promises_no_erasure_that_it_cannot_show() -> None:
    index = MemoryIndex("docs")
    writer = index.writer()
    writer.put([Record("id", "text", {})])
    capabilities = index.reader().capabilities
    assert (capabilities.purge_kind, capabilities.proof, capabilities.scan_paths) == (PurgeKind.NONE, Proof.API, ())
    assert writer.purge().remaining == capabilities.retains == ("this process's memory",)


def test_two_indexes_share_nothing() -> None:
    one, two = MemoryIndex("one"), MemoryIndex("two")
    one.writer().put([Record("id", "text", {})])
    assert two.reader().count().value == 0


def test_a_partition_needs_a_name_that_can_be_stored() -> None:
    with pytest.raises(InputError):
        MemoryIndex("docs").reader("\ud800")


def test_an_emptied_partition_is_no_longer_listed() -> None:
    index = MemoryIndex("docs")
    writer = index.writer("a")
    index.reader("b")
    writer.put([Record("id", "text", {})])
    assert index.partitions() == ("", "a")
    writer.delete(["id"])
    assert index.partitions() == ("",)
