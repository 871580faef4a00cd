from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from governance.domain.chunks import Record
from governance.domain.errors import IndexUnreachable
from governance.indexes.embedded import EmbeddedIndex
from governance.indexes.memory import MemoryIndex
from governance.services.doctor_index import SCRATCH
from governance.services.index_sample import MOST_PARTITIONS, sample_index


def filled(chunks: dict[str, int], text: str | None = "Words.") -> MemoryIndex:
    index = MemoryIndex("main")
    for partition, count in chunks.items():
        with closing(index.writer(partition)) as writer:
            writer.put([Record(f"{partition}-{n}", text, {"n": n}) for n in range(count)])
    return index


def test_a_small_index_is_seen_whole() -> None:
    sample = sample_index(filled({"": 7}))
    assert (len(sample.chunks), sample.complete) == (7, True)
    assert sample.metadata == [{"n": n} for n in range(7)]


@pytest.mark.parametrize(("most", "seen", "complete"), [(6, 6, False), (7, 7, True), (8, 7, True)])
def test_of_a_larger_one_the_first_chunks_are_seen_and_it_says_so(most: int, seen: int, complete: bool) -> None:
    sample = sample_index(filled({"": 7}), most=most)
    assert (len(sample.chunks), sample.complete) == (seen, complete)


def test_every_partition_is_seen_but_the_doctors_own() -> None:
    sample = sample_index(filled({"a": 30, "b": 2, SCRATCH: 1}), most=15)
    assert {chunk.chunk_id[0] for chunk in sample.chunks} == {"a", "b"}
    assert not sample.complete


def test_of_very_many_partitions_some_are_seen() -> None:
    sample = sample_index(filled({f"t{n:03}": 1 for n in range(MOST_PARTITIONS + 5)}), most=10)
    assert len(sample.chunks) <= MOST_PARTITIONS
    assert not sample.complete


@pytest.mark.parametrize(("text", "has_text"), [("Words.", True), ("", False), (None, False)])
def test_whether_there_is_a_text_is_only_known_when_asked_for(text: str | None, has_text: bool) -> None:
    index = filled({"": 1}, text)
    assert [chunk.has_text for chunk in sample_index(index, texts=True).chunks] == [has_text]
    assert [chunk.has_text for chunk in sample_index(index).chunks] == [False]


def test_a_missing_index_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(IndexUnreachable):
        sample_index(EmbeddedIndex("main", tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []
