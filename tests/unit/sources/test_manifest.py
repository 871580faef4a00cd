from __future__ import annotations

import errno
import io
import json
import os
import sys
import tracemalloc
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.documents import ProblemCode
from governance.domain.errors import SourceUnavailable
from governance.domain.ports import Listed, Listing, Source
from governance.sources.manifest import ManifestSource
from governance.sources.manifest_feed import Sheet
from governance.sources.manifest_options import ManifestOptions
from governance.sources.options import DateOrder

NO_OBJECT = "lines that are no JSON object"
NO_ID = "lines without a usable id"
NAMES = ["b", "a/z", "a", "ä", "A", "a b", "10", "9"]


def line(document: object, **values: object) -> str:
    return json.dumps({"id": document, "text": f"text of {document}", **values}) + "\n"


def end(count: int) -> str:
    return json.dumps({"end": True, "count": count}) + "\n"


def manifest(*documents: str) -> str:
    return "".join(map(line, documents)) + end(len(documents))


def source(folder: Path, **options: object) -> ManifestSource:
    return ManifestSource("wiki", ManifestOptions(folder=folder, **{"path": "wiki.jsonl", **options}))


def written(folder: Path, content: str | bytes, **options: object) -> ManifestSource:
    (folder / "wiki.jsonl").write_bytes(content.encode() if isinstance(content, str) else content)
    return source(folder, **options)


def from_input(content: str | bytes, **options: object) -> ManifestSource:
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return source(Path(), path="-", standard_input=lambda: stream, **options)


def documents(listing: Iterable[Listed]) -> list[str]:
    return [listed.document for listed in listing]


def seen(made: ManifestSource) -> tuple[list[str], str | None]:
    """Give the names that a listing shows, and why it is incomplete."""
    listing = made.listing()
    names = documents(listing)
    assert listing.complete == (listing.interruption is None)
    return names, listing.interruption


def codes(made: ManifestSource) -> dict[str, ProblemCode | None]:
    return {listed.document: listed.unreadable for listed in made.listing()}


def test_it_is_what_the_ports_ask_for(tmp_path: Path) -> None:
    made: Source = written(tmp_path, manifest())
    listing: Listing = made.listing()
    assert (made.name, list(listing), listing.complete, listing.interruption) == ("wiki", [], True, None)


def test_every_document_once_and_ordered_by_id(tmp_path: Path) -> None:
    assert seen(written(tmp_path, manifest(*NAMES))) == (sorted(NAMES), None)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.text("abä/ .", min_size=1, max_size=3).filter(str.strip), st.sampled_from("xy")), max_size=9),
    st.randoms(),
)
def test_the_order_of_the_lines_never_counts(lines: list[tuple[str, str]], random: object) -> None:
    shown = []
    for _ in range(2):
        text = "".join(line(name, text=content) for name, content in lines) + end(len(lines))
        listing = from_input(text).listing()
        shown.append([*listing])
        assert listing.complete
        random.shuffle(lines)
    assert shown[0] == shown[1]
    contents = {name: {text for other, text in lines if other == name} for name, _ in lines}
    assert {item.document: item.unreadable for item in shown[0]} == {
        name: None if len(texts) == 1 else ProblemCode.DUPLICATE_ID for name, texts in contents.items()
    }


def test_an_id_is_listed_once_when_its_lines_say_the_same(tmp_path: Path) -> None:
    text = (
        line("a")
        + line("b")
        + '{"text":"text of a","id":"a"}\n'
        + line("a\u0301")
        + line("\u00e1", text="text of a\u0301")
    )
    made = written(tmp_path, text + end(5))
    assert codes(made) == {"a": None, "b": None, "á": None}


def test_an_id_with_two_contents_is_one_unreadable_document(tmp_path: Path) -> None:
    made = written(tmp_path, line("a") + line("b") + line("a", title="T") + line("a") + end(4))
    assert codes(made) == {"a": ProblemCode.DUPLICATE_ID, "b": None}
    assert made.reread(Listed("a", "")) == Listed("a", "", unreadable=ProblemCode.DUPLICATE_ID)
    assert seen(made)[1] is None


# What makes a listing incomplete


@pytest.mark.parametrize(
    ("text", "names", "why"),
    [
        ("", [], "there is no end marker"),
        ("\n \r\n", [], "there is no end marker"),
        (line("a"), ["a"], "there is no end marker"),
        (line("a") + '{"end": true, "co', ["a"], f"{NO_OBJECT}: 1, the first is line 2; there is no end marker"),
        (line("a") + end(2), ["a"], "the end marker on line 2 gives another count than that of the lines before it, 1"),
        (line("a") + end(0), ["a"], "the end marker on line 2 gives another count than that of the lines before it, 1"),
        (line("a") + '{"end": true}', ["a"], "the end marker on line 2 has no whole number as its count"),
        (manifest("a") + line("b"), ["a"], "line 3 follows the end marker on line 2"),
        (manifest("a") + "\n\n" + manifest("b"), ["a"], "line 5 follows the end marker on line 2"),
        (manifest("a") + "\0" * 99, ["a"], "line 3 follows the end marker on line 2"),
        (line("a") + "oops\n[]\n" + line("b") + end(4), ["a", "b"], f"{NO_OBJECT}: 2, the first is line 2"),
        (line("a") + "\n" + line(None) + end(2), ["a"], f"{NO_ID}: 1, the first is line 3"),
        (
            "oops\n" + line("") + line("a"),
            ["a"],
            f"{NO_OBJECT}: 1, the first is line 1; {NO_ID}: 1, the first is line 2; there is no end marker",
        ),
    ],
)  # fmt: skip
def test_a_listing_is_incomplete_and_says_why(tmp_path: Path, text: str, names: list[str], why: str) -> None:
    assert seen(written(tmp_path, text)) == (names, why)
    assert seen(from_input(text)) == (names, why)


@pytest.mark.parametrize(
    "text",
    [
        manifest(),
        manifest("a"),
        manifest("a").rstrip("\n"),
        manifest("a").replace("\n", "\r\n"),
        "\ufeff" + manifest("a"),
        "\ufeff" + manifest(),
        "\n\n" + manifest("a").replace("\n", "\n\n  \n") + "\n",
        line("a") + '{"count":1,"end":true,"exported":"today"}',
    ],
)
def test_a_listing_is_complete(tmp_path: Path, text: str) -> None:
    assert seen(written(tmp_path, text)) == (["a"] if '"a"' in text else [], None)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_incomplete(tmp_path: Path, encoding: str) -> None:
    names, why = seen(written(tmp_path, manifest("a", "b").encode(encoding)))
    assert names == []
    assert "no JSON object" in why


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from([line("a"), line("a", title="T"), line("b"), end(0), end(2), "\n", "[" * 5_000, '{"id":'])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
        | st.sampled_from(["\ufeff", "\x1f\x8b", "\r", "\n\n"]),
        max_size=9,
    ),
    st.integers(30, 300),
)
def test_nothing_breaks_a_listing_and_only_a_counted_one_is_complete(pieces: list[str], most: int) -> None:
    text = "".join(pieces)
    made = from_input(text, max_line_bytes=most)
    listing = made.listing()
    entries = list(listing)
    names = documents(entries)
    assert names == sorted(set(names))
    assert [made.reread(listed) for listed in entries] == entries
    if listing.complete:
        lines = [piece for piece in text.removeprefix("\ufeff").split("\n") if piece.strip(" \t\r")]
        assert json.loads(lines[-1]) == {"end": True, "count": len(lines) - 1}
        assert {json.loads(piece)["id"] for piece in lines[:-1] if len(piece) < most} <= set(names)


def test_what_lines_say_is_in_no_message(tmp_path: Path) -> None:
    personal = "jane.doe@example.org"
    text = f'{personal}\n{{"id": "{personal}\\n", "text": "x"}}\n{{"end": true, "count": "{personal}"}}\n'
    _, why = seen(written(tmp_path, text))
    assert personal not in why


def test_a_pass_that_was_not_read_to_its_end_is_incomplete(tmp_path: Path) -> None:
    listing = written(tmp_path, manifest("a", "b")).listing()
    assert not listing.complete
    walk = iter(listing)
    next(walk)
    walk.close()
    assert (listing.complete, listing.interruption) == (False, "the listing was not read to its end")


def test_it_can_be_walked_again(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a"))
    listing = made.listing()
    assert documents(listing) == ["a"]
    written(tmp_path, manifest("a", "b"))
    assert (documents(listing), listing.complete) == (["a", "b"], True)


# Long lines


def test_a_line_over_the_longest_length_is_one_unreadable_document(tmp_path: Path) -> None:
    text = line("a") + line("b", text="x" * 500_000) + line("c")
    made = written(tmp_path, text + end(3), max_line_bytes=1_000)
    assert codes(made) == {"a": None, "b": ProblemCode.TOO_LARGE, "c": None}
    assert seen(made)[1] is None
    assert made.reread(Listed("b", "")).unreadable is ProblemCode.TOO_LARGE
    last = written(tmp_path, line("a") + line("b", text="x" * 500_000).rstrip("\n"), max_line_bytes=1_000)
    assert codes(last) == {"a": None, "b": ProblemCode.TOO_LARGE}
    twice = written(tmp_path, text + line("b", text="y") + end(4), max_line_bytes=1_000)
    assert codes(twice)["b"] is ProblemCode.DUPLICATE_ID


@pytest.mark.parametrize(
    "long", ['{"text": "' + "x" * 2_000 + '", "id": "b"}', " " * 2_000 + '{"id": "b"}', "x" * 5_000]
)
def test_a_line_over_the_longest_length_that_hides_its_id_makes_the_listing_incomplete(
    tmp_path: Path, long: str
) -> None:
    made = written(tmp_path, line("a") + long + "\n" + end(2), max_line_bytes=1_000)
    assert seen(made) == (
        ["a"],
        "lines over the longest length, their id not at their beginning: 1, the first is line 2",
    )


def test_blanks_without_end_after_the_marker_are_something_that_follows(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a") + " " * 2_000, max_line_bytes=1_000)
    assert seen(made)[1] == "line 3 follows the end marker on line 2"


def test_the_longest_length_is_allowed(tmp_path: Path) -> None:
    text = line("a", text="x" * 2_000)
    assert codes(written(tmp_path, text + end(1), max_line_bytes=len(text))) == {"a": None}
    assert codes(written(tmp_path, text + end(1), max_line_bytes=len(text) - 1)) == {"a": ProblemCode.TOO_LARGE}


def test_unreadable_documents_are_listed_and_nothing_becomes_absent(tmp_path: Path) -> None:
    text = line("x" * 2_000) + '{"id": "a\\udc80", "text": "x"}\n{"id": "b"}\n'
    found = codes(written(tmp_path, text + end(3)))
    assert sorted(code.value for code in found.values()) == ["name_not_utf8", "name_too_long", "no_text"]
    assert seen(source(tmp_path))[1] is None


def test_the_day_of_the_last_change_is_listed(tmp_path: Path) -> None:
    text = line("a", modified="2026-03-02T23:30:00-05:00") + line("b", modified="soon") + line("c")
    days = {item.document: item.changed_on for item in written(tmp_path, text + end(3)).listing()}
    assert days == {"a": date(2026, 3, 3), "b": None, "c": None}


# A file


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "no access"])
def test_a_file_that_cannot_be_opened_is_no_source(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "wiki.jsonl"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "no access":
            path.symlink_to(path)
    with pytest.raises(SourceUnavailable) as raised:
        source(tmp_path).listing()
    assert "wiki.jsonl" not in raised.value.message
    assert raised.value.item == "wiki"
    assert source(tmp_path).reread(Listed("a", "")).unreadable is ProblemCode.CHANGED_WHILE_READ


def test_a_file_that_goes_away_before_it_is_read_is_an_incomplete_listing(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a"))
    listing = made.listing()
    (tmp_path / "wiki.jsonl").unlink()
    assert list(listing) == []
    assert listing.interruption == "the manifest could not be read: no such file or directory"


def test_a_link_to_the_newest_export_is_followed(tmp_path: Path) -> None:
    (tmp_path / "export-7.jsonl").write_text(manifest("a"))
    (tmp_path / "wiki.jsonl").symlink_to("export-7.jsonl")
    assert seen(source(tmp_path)) == (["a"], None)


def test_a_disk_that_fails_makes_the_listing_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = written(tmp_path, manifest("a", "b"))
    right = Sheet.at
    calls = []

    def fails(self: Sheet, offset: int, length: int) -> bytes:
        calls.append(offset)
        if len(calls) > 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return right(self, offset, length)

    monkeypatch.setattr(Sheet, "at", fails)
    names, why = seen(made)
    assert names == ["a"]
    assert why == "the manifest could not be read: input/output error"


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a", "b"))
    listing = made.listing()
    walk = iter(listing)
    names = [next(walk).document]
    (tmp_path / "new").write_text(manifest("x"))
    (tmp_path / "new").rename(tmp_path / "wiki.jsonl")
    names += documents(walk)
    assert (names, listing.complete) == (["a", "b"], True)


def test_a_file_that_is_written_to_while_it_is_read_is_an_incomplete_listing(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a", "b", "c"))
    listing = made.listing()
    walk = iter(listing)
    first = next(walk)
    written(tmp_path, line("x") * 2 + manifest("c"))
    rest = {item.document: item.unreadable for item in walk}
    assert first.document == "a"
    assert rest["b"] is ProblemCode.CHANGED_WHILE_READ
    assert listing.interruption == "the file was written to while it was read"


def test_reading_again_gives_the_document_as_it_is_now(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a", "b"))
    listed = {item.document: item for item in made.listing()}
    assert made.reread(listed["b"]) == listed["b"]
    written(tmp_path, line("c") + line("b", text="new") + end(2))
    fresh = made.reread(listed["b"])
    assert fresh.raw_hash not in {"", listed["b"].raw_hash}
    assert made.parse(fresh).body == "new"
    assert made.reread(listed["a"]) == Listed("a", "", unreadable=ProblemCode.CHANGED_WHILE_READ)
    (tmp_path / "wiki.jsonl").unlink()
    assert made.reread(listed["b"]) == Listed("b", "", unreadable=ProblemCode.CHANGED_WHILE_READ)


def test_a_file_that_changed_without_a_new_time_is_gone_through_again(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a", "b"))
    path = tmp_path / "wiki.jsonl"
    listed = {item.document: item for item in made.listing()}
    time = path.stat().st_mtime_ns
    path.write_text(manifest("b", "a"))
    os.utime(path, ns=(time, time))
    assert {name: made.reread(item) for name, item in listed.items()} == listed


def test_a_document_can_be_read_without_a_listing_before(tmp_path: Path) -> None:
    made = written(tmp_path, manifest("a"))
    assert made.parse(made.reread(Listed("a", ""))).body == "text of a"


# Standard input


def test_standard_input_is_read_once_and_kept(tmp_path: Path) -> None:
    made = from_input(manifest("a", "b"))
    listing = made.listing()
    listed = list(listing)
    assert (documents(listed), listing.complete) == (["a", "b"], True)
    assert [made.reread(item) for item in listed] == listed
    assert (documents(listing), listing.complete) == (["a", "b"], True)
    assert list(tmp_path.iterdir()) == []


def test_a_second_listing_of_standard_input_is_incomplete() -> None:
    made = from_input(manifest("a"))
    assert seen(made) == (["a"], None)
    assert seen(made) == (["a"], "standard input can be read only once, and was")


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


class Failing(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def read(self, _size: int = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("stream", [None, Terminal()])
def test_nothing_at_standard_input_is_no_source(stream: io.BytesIO | None) -> None:
    made = source(Path(), path="-", standard_input=lambda: stream)
    with pytest.raises(SourceUnavailable, match="standard input"):
        made.listing()
    assert made.reread(Listed("a", "")).unreadable is ProblemCode.CHANGED_WHILE_READ


def test_a_closed_standard_input_is_no_source() -> None:
    stream = io.BytesIO()
    stream.close()
    with pytest.raises(SourceUnavailable, match="standard input"):
        source(Path(), path="-", standard_input=lambda: stream).listing()


def test_standard_input_that_fails_is_an_incomplete_listing() -> None:
    names, why = seen(source(Path(), path="-", standard_input=Failing))
    assert names == []
    assert why == "standard input could not be read and kept: input/output error; there is no end marker"


def test_standard_input_of_this_process_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(manifest("a").encode())))
    assert seen(source(Path(), path="-")) == (["a"], None)


# Memory


@pytest.mark.full
def test_fifty_thousand_entries_take_little_memory_whatever_their_texts(tmp_path: Path) -> None:
    count, path = 50_000, tmp_path / "wiki.jsonl"
    with path.open("w") as file:
        file.writelines(line(f"{number:06}", text="x" * 1_000) for number in range(count))
        file.write(end(count))
    made = source(tmp_path)
    tracemalloc.start()
    try:
        listing = made.listing()
        assert sum(1 for _ in listing) == count
        assert listing.complete
        assert tracemalloc.get_traced_memory()[1] < 10_000_000 < path.stat().st_size / 5
    finally:
        tracemalloc.stop()


def test_the_recipe_tells_of_what_shapes_a_parse(tmp_path: Path) -> None:
    plain = source(tmp_path).recipe
    assert plain == source(tmp_path, path="other.jsonl", max_line_bytes=5).recipe
    assert plain != source(tmp_path, date_order=DateOrder.DMY).recipe
    assert plain != source(tmp_path, metadata=("department",)).recipe


def test_a_key_that_is_named_later_makes_another_version_of_the_lines_that_have_it(tmp_path: Path) -> None:
    text = line("a", department="HR") + line("b") + end(2)
    plain = {item.document: item for item in written(tmp_path, text).listing()}
    made = written(tmp_path, text, metadata=("department",))
    named = {item.document: item for item in made.listing()}
    assert (plain["a"].raw_hash == named["a"].raw_hash, plain["b"] == named["b"]) == (False, True)
    assert made.parse(named["a"]).record.attributes == {"department": ("HR",)}
    assert made.reread(named["a"]) == named["a"]
