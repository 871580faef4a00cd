from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from governance.catalog.leases import acquire
from governance.domain.actors import Actor, Role
from governance.domain.chunks import Record
from governance.domain.errors import ForeignVectorsRefused, IndexUnreachable, LockHeld, RoleRefused, SourceUnavailable
from governance.domain.ports import Listed, Listing
from governance.domain.values import Vector, vector_of
from governance.embedders.hashed import HashedEmbedder
from governance.services.ingesting import run_ingest
from tests.knowledge_base import KnowledgeBase, paragraphs


@pytest.fixture
def base(tmp_path: Path, catalog_url: str):
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    yield made
    assert made.unaccounted() == []
    made.close()


def counts(result) -> tuple[dict[str, int], dict[str, int]]:
    groups = result.tally.as_json()
    return groups["documents"], groups["chunks"]


def open_kinds(base: KnowledgeBase) -> list[tuple[str, str]]:
    with base.catalog.read() as uow:
        return sorted(
            (f.kind.value, f.place.document) for f in uow.findings.listed(None) if f.period.status != "resolved"
        )


def test_a_first_ingest_writes_every_page_and_a_second_writes_nothing(base: KnowledgeBase) -> None:
    for number in range(5):
        base.page(f"deep/page-{number}.md", paragraphs(f"topic {number}"))
    documents, chunks = counts(base.ingest())
    assert documents["added"] == documents["seen"] == 5
    assert chunks["written"] == chunks["embedded"] == len(base.records()) > 5
    before = base.state()
    documents, chunks = counts(base.ingest())
    assert documents["unchanged"] == 5
    assert set(chunks.values()) == {0}
    assert base.state() == before


def test_a_bumped_review_date_embeds_nothing_and_patches_every_chunk(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha"), last_reviewed_on="2026-01-01")
    base.ingest()
    base.page("a.md", paragraphs("alpha"), last_reviewed_on="2026-06-01")
    documents, chunks = counts(base.ingest())
    assert documents["metadata_changed"] == 1
    assert chunks["embedded"] == chunks["written"] == chunks["deleted"] == 0
    assert chunks["patched"] == len(base.records())
    assert {record.metadata["reviewed_on"] for record in base.records().values()} == {"2026-06-01"}


def test_a_removed_owner_leaves_the_chunks_too(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha"), owner="docs-team")
    base.ingest()
    base.page("a.md", paragraphs("alpha"))
    base.ingest()
    assert all("owner" not in record.metadata for record in base.records().values())


def test_an_edit_of_one_section_embeds_only_the_chunks_that_changed(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha", 12))
    base.ingest()
    before = base.records()
    base.page("a.md", paragraphs("alpha", 12).replace("alpha sentence 5.3 says", "alpha sentence 5.3 denies"))
    _, chunks = counts(base.ingest())
    assert chunks["embedded"] == 1
    assert chunks["deleted"] == 1
    assert len(before.keys() & base.records().keys()) == len(before) - 1


def test_text_put_in_front_moves_chunks_without_embedding_them_again(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha", 6))
    base.ingest()
    base.page("a.md", "# New start\n\n" + "Fresh words. " * 40 + "\n\n" + paragraphs("alpha", 6))
    _, chunks = counts(base.ingest())
    assert chunks["embedded"] == 1
    assert chunks["deleted"] == 0
    assert [
        r.metadata["kb_position"] for r in sorted(base.records().values(), key=lambda r: r.metadata["kb_position"])
    ] == list(range(7))


class FailingEmbedder(HashedEmbedder):
    """Fails for texts that hold a word."""

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        if any("poison" in text for text in texts):
            raise RuntimeError("the model is away")
        return super().embed(texts)


def test_a_failing_embedding_never_loses_the_old_chunks(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha"))
    base.page("b.md", paragraphs("beta"))
    base.ingest()
    before = base.texts()
    base.page("a.md", paragraphs("alpha poison"))
    base.page("b.md", paragraphs("beta edited"))
    good, base.embedder = base.embedder, FailingEmbedder(64)
    documents, _ = counts(base.ingest())
    assert (documents["failed"], documents["body_changed"]) == (1, 1)
    assert base.texts()["a.md"] == before["a.md"]
    assert base.texts()["b.md"] != before["b.md"]
    assert open_kinds(base) == [("coverage.unreadable", "a.md")]
    base.embedder = good
    documents, _ = counts(base.ingest())
    assert (documents["failed"], documents["body_changed"]) == (0, 1)
    assert open_kinds(base) == []


def test_what_vanishes_when_as_a_table(base: KnowledgeBase) -> None:
    names = [f"page-{number:04}.md" for number in range(1000)]
    bodies = {name: f"# {name}\n\nThe page {name} says one thing." for name in names}

    def only(kept: Sequence[str]) -> None:
        for path in base.root.iterdir():
            path.unlink()
        for name in kept:
            base.page(name, bodies[name])

    steps = [
        # present, removed in this run, documents in the index afterwards, refused
        (names, 0, 1000, None),
        (names[:600], 0, 1000, None),  # 400 absent once: suspect
        (names[:600], 400, 600, None),  # absent twice: gone
        ([], 0, 600, "empty"),  # an outage
        (names[:600], 0, 600, None),  # none vanished after all
        (names[:250], 0, 600, "too_many_absent"),  # 350 of 600
        (names[:250], 0, 600, "too_many_absent"),  # however often
        (names[:650], 0, 650, None),  # 50 that were gone come back
        (names[:649], 0, 650, None),
        (names[:650], 0, 650, None),  # a suspect that comes back
        (names[:649], 0, 650, None),  # and starts anew
        (names[:649], 1, 649, None),
    ]
    for step, (kept, removed, left, refused) in enumerate(steps):
        only(kept)
        result = base.ingest()
        assert (result.refused.reason if result.refused else None) == refused, step
        assert result.tally.documents["removed"] == removed, step
        assert len(base.texts()) == left, step
        assert (("drift.listing_refused", "") in open_kinds(base)) == (refused is not None), step


class BrokenListing:
    """A listing that stops in the middle."""

    def __init__(self, listing: Listing, after: int) -> None:
        self._listing, self._after = listing, after
        self.complete = False
        self.interruption = "the folder could not be read to its end"

    def __iter__(self):
        for number, entry in enumerate(self._listing):
            if number == self._after:
                return
            yield entry


class BrokenSource:
    def __init__(self, source, after: int) -> None:
        self._source, self._after = source, after

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def listing(self) -> BrokenListing:
        return BrokenListing(self._source.listing(), self._after)


def test_a_listing_that_breaks_makes_nothing_absent(base: KnowledgeBase) -> None:
    for number in range(10):
        base.page(f"page-{number}.md", paragraphs(f"topic {number}", 1))
    base.ingest()
    base.page("page-1.md", paragraphs("topic 1 edited", 1))
    whole, base.source = base.source, BrokenSource(base.source, 4)
    for _ in range(3):
        result = base.ingest()
        assert result.interruption is not None
        assert result.tally.documents["removed"] == 0
    assert len(base.texts()) == 10
    assert "edited" in base.texts()["page-1.md"][0]
    assert open_kinds(base) == [("coverage.unreadable", "")]
    base.source = whole
    base.ingest()
    assert open_kinds(base) == []


def test_one_bad_document_never_ends_a_run(base: KnowledgeBase) -> None:
    base.page("good.md", paragraphs("good", 1))
    (base.root / "latin.md").write_bytes("caf\xe9".encode("latin-1"))
    (base.root / "nul.md").write_bytes(b"one\0two")
    (base.root / "one-line.md").write_bytes(b"x" * 50_000_000)
    os.mkfifo(base.root / "pipe.md")
    documents, _ = counts(base.ingest())
    assert documents["failed"] == 3
    assert documents["added"] == 1
    assert open_kinds(base) == [("coverage.unreadable", name) for name in ("latin.md", "nul.md", "one-line.md")]
    (base.root / "latin.md").write_text("fine now", encoding="utf-8")
    (base.root / "nul.md").unlink()
    (base.root / "one-line.md").write_text("short now", encoding="utf-8")
    base.ingest()
    assert open_kinds(base) == [("coverage.unreadable", "nul.md")]  # suspect, as it was last seen
    base.ingest()
    assert open_kinds(base) == []


def test_an_unreadable_page_keeps_its_last_good_version(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha"))
    base.ingest()
    before = base.texts()
    (base.root / "a.md").write_bytes(b"\xff\xfe broken")
    for _ in range(3):
        assert base.ingest().tally.documents["failed"] == 1
    assert base.texts() == before


def test_chunks_lost_in_the_index_are_put_back(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha"))
    base.ingest()
    before = base.records()
    writer = base.index.writer()
    writer.delete(list(before)[:2])
    writer.close()
    _, chunks = counts(base.ingest())
    assert chunks["written"] == 2
    assert base.records().keys() == before.keys()


def test_a_lost_catalog_is_rebuilt_and_strangers_leave_in_two_steps(base: KnowledgeBase, spare_catalog_urls) -> None:
    for name in ("a.md", "b.md"):
        base.page(name, paragraphs(name))
    base.ingest()
    (base.root / "b.md").unlink()
    again = KnowledgeBase(base.root, base.index_path, next(spare_catalog_urls))
    assert again.ingest().tally.chunks["embedded"] == 0
    assert set(again.texts()) == {"a.md", "b.md"}
    assert again.ingest().tally.documents["removed"] == 1
    assert set(again.texts()) == {"a.md"}
    again.close()


def test_an_index_with_foreign_vectors_is_never_written(base: KnowledgeBase) -> None:
    writer = base.index.writer()
    writer.put([Record("theirs", "text", {"source": "elsewhere"}, {"default": vector_of([0.5] * 64)})])
    writer.close()
    base.page("a.md", paragraphs("alpha"))
    with pytest.raises(ForeignVectorsRefused):
        base.ingest()
    assert set(base.records()) == {"theirs"}


def test_another_embedder_does_not_mix_in(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha"))
    base.ingest()
    base.embedder = HashedEmbedder(128)
    with pytest.raises(ForeignVectorsRefused):
        base.ingest()


def test_two_sources_share_an_index(base: KnowledgeBase, tmp_path: Path) -> None:
    base.page("a.md", paragraphs("alpha", 1))
    base.ingest()
    other = KnowledgeBase(tmp_path / "other", base.index_path, base.catalog_url)
    other.source = type(other.source)("others", replace(other.source._options))
    other.page("a.md", paragraphs("other alpha", 1))
    other.ingest()
    assert {r.metadata["kb_source"] for r in base.records().values()} == {"pages", "others"}
    assert base.ingest().tally.documents["unchanged"] == 1
    other.close()


def test_a_second_process_is_told_to_try_again(base: KnowledgeBase) -> None:
    base.page("a.md", "text")
    with acquire(base.catalog.engine, "source:pages"), pytest.raises(LockHeld):
        base.ingest()


def test_a_reader_may_not_ingest(base: KnowledgeBase) -> None:
    desk = replace(base.desk, actor=Actor(id="guest", roles=frozenset({Role.READER})))
    with pytest.raises(RoleRefused):
        run_ingest(desk, base.gate, base.runner, base.job)


class DyingReader:
    """Stops answering after some records."""

    def __init__(self, reader, after: int) -> None:
        self._reader, self._after = reader, after

    def __getattr__(self, name: str):
        return getattr(self._reader, name)

    def stream(self, *args, **kwargs):
        for number, page in enumerate(self._reader.stream(*args, **kwargs)):
            if number == self._after:
                raise IndexUnreachable("the index stopped answering", item="main")
            yield page


def test_an_index_that_dies_in_the_middle_of_a_listing_changes_nothing(base: KnowledgeBase) -> None:
    for number in range(12):
        base.page(f"page-{number}.md", paragraphs(f"topic {number}", 1))
    base.ingest()
    before = base.state()
    base.page("page-1.md", paragraphs("edited", 1))
    healthy = base.index.reader
    base.index.reader = lambda partition="": DyingReader(healthy(partition), 0)
    with pytest.raises(IndexUnreachable):
        base.ingest()
    base.index.reader = healthy
    assert base.state() == before
    assert base.ingest().tally.documents["body_changed"] == 1


class ChangingSource:
    """A source in which a page changes between the listing and the reading."""

    def __init__(self, source, change) -> None:
        self._source, self._change = source, change

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def reread(self, listed: Listed) -> Listed:
        self._change()
        return self._source.reread(listed)


def test_a_page_that_changes_while_it_is_read_is_stored_as_read(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("first", 1))
    whole = base.source
    base.source = ChangingSource(whole, lambda: base.page("a.md", paragraphs("second", 1)))
    base.ingest()
    assert "second" in base.texts()["a.md"][0]
    base.source = whole
    assert base.ingest().tally.documents["unchanged"] == 1


def test_a_suspect_page_that_comes_back_broken_is_present_again(base: KnowledgeBase) -> None:
    for name in ("a.md", "b.md"):
        base.page(name, paragraphs(name, 1))
    base.ingest()
    (base.root / "a.md").unlink()
    base.ingest()
    (base.root / "a.md").write_bytes(b"\xff\xfe broken")
    base.ingest()
    assert open_kinds(base) == [("coverage.unreadable", "a.md")]
    (base.root / "a.md").unlink()
    assert base.ingest().tally.documents["removed"] == 0
    assert set(base.texts()) == {"a.md", "b.md"}
    assert base.ingest().tally.documents["removed"] == 1


def test_a_gone_page_that_comes_back_broken_is_a_finding(base: KnowledgeBase) -> None:
    for name in ("a.md", "b.md"):
        base.page(name, paragraphs(name, 1))
    base.ingest()
    (base.root / "a.md").unlink()
    base.ingest()
    base.ingest()
    (base.root / "a.md").write_bytes(b"\xff\xfe broken")
    base.ingest()
    assert open_kinds(base) == [("coverage.unreadable", "a.md")]


def test_an_incomplete_listing_does_not_clear_a_refused_one(base: KnowledgeBase) -> None:
    for number in range(60):
        base.page(f"page-{number}.md", f"text {number}")
    base.ingest()
    for number in range(55):
        (base.root / f"page-{number}.md").unlink()
    assert base.ingest().refused is not None
    whole, base.source = base.source, BrokenSource(base.source, 2)
    base.ingest()
    assert ("drift.listing_refused", "") in open_kinds(base)
    assert ("coverage.unreadable", "") in open_kinds(base)
    base.source = whole
    for number in range(55):
        base.page(f"page-{number}.md", f"text {number}")
    base.ingest()
    assert open_kinds(base) == []


def test_a_folder_that_is_away_is_a_finding_until_it_is_back(base: KnowledgeBase) -> None:
    base.page("a.md", paragraphs("alpha", 1))
    base.ingest()
    base.root.rename(base.root.with_name("elsewhere"))
    with pytest.raises(SourceUnavailable):
        base.ingest()
    assert open_kinds(base) == [("coverage.unreadable", "")]
    base.root.with_name("elsewhere").rename(base.root)
    assert base.ingest().tally.documents["unchanged"] == 1
    assert open_kinds(base) == []


class OddEmbedder(HashedEmbedder):
    """Gives something else than vectors of its dimension for texts that hold a word."""

    def __init__(self, odd: object) -> None:
        super().__init__(64)
        self._odd = odd

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        good = super().embed(texts)
        return [self._odd if "odd" in text else vector for text, vector in zip(texts, good, strict=True)]


@pytest.mark.parametrize(
    "odd", [None, [0.5] * 64, vector_of([0.5] * 32), memoryview(b"x" * 64)], ids=["none", "list", "short", "bytes"]
)
def test_an_embedder_that_breaks_its_word_costs_one_document(base: KnowledgeBase, odd: object) -> None:
    base.page("a.md", paragraphs("odd", 1))
    base.page("b.md", paragraphs("fine", 1))
    base.embedder = OddEmbedder(odd)
    documents, _ = counts(base.ingest())
    assert (documents["failed"], documents["added"]) == (1, 1)
    assert set(base.texts()) == {"b.md"}
    assert open_kinds(base) == [("coverage.unreadable", "a.md")]
