from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.errors import InputError
from governance.services.retrieval_file import LONGEST_LINE, MOST, Counted, lines_of, read_counts

CANARY = "jane.roe@example.org"


def read(body: bytes) -> list[Counted]:
    return list(read_counts(lines_of(io.BytesIO(body))))


def trouble(body: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(body)
    error = caught.value
    told = " ".join(str(part) for part in (error.message, error.item, error.next_step))
    assert CANARY not in told
    return str(error.item)


def test_csv_with_all_columns_in_any_order() -> None:
    body = b"partition,retrievals,index,chunk_id,clicks\nacme,3,main,a,9\n,4,,b,\n"
    assert read(body) == [Counted(2, "a", 3, "main", "acme"), Counted(3, "b", 4)]


def test_json_lines_with_all_keys_in_any_order() -> None:
    body = b'{"retrievals": 3, "chunk_id": "a", "index": "main", "partition": "acme", "clicks": [1]}\n'
    body += b'\n{"chunk_id": 17, "retrievals": 0, "index": null, "partition": ""}\n'
    assert read(body) == [Counted(1, "a", 3, "main", "acme"), Counted(3, "17", 0)]


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfchunk_id,retrievals\na,1\n",
        b"chunk_id,retrievals\r\na,1\r\n",
        b"\xef\xbb\xbfchunk_id , retrievals\r\n\r\na, 1 \r\n\r\n",
        b'"chunk_id","retrievals"\n"a","1"\n',
        b"\n  \nchunk_id,retrievals\na,1",
        b'\xef\xbb\xbf{"chunk_id":"a","retrievals":1}',
        b'\r\n{"chunk_id":"a","retrievals":1}\r\n',
    ],
    ids=["BOM", "CRLF", "blanks", "quotes", "empty lines first", "JSON with BOM", "JSON with CRLF"],
)
def test_what_other_programs_write_is_read(body: bytes) -> None:
    assert [(item.chunk_id, item.retrievals) for item in read(body)] == [("a", 1)]


def test_quoted_ids_may_hold_anything_and_lines_are_counted_as_an_editor_does() -> None:
    body = b'\nchunk_id,retrievals\n"a ""b"", c\nd",1\n\ne,2\nf,x\n'
    rows = read_counts(lines_of(io.BytesIO(body)))
    assert [next(rows), next(rows)] == [Counted(3, 'a "b", c\nd', 1), Counted(6, "e", 2)]
    with pytest.raises(InputError, match=r"^line 7: "):
        next(rows)


@pytest.mark.parametrize(
    "count",
    ["", "-1", "+1", "1e3", "1.0", "1_000", "1 000", "0x10", "many", "١٢", "NaN", "9" * 5000, str(MOST + 1), CANARY],
)
def test_a_count_is_a_whole_number_from_0_on(count: str) -> None:
    assert trouble(f"chunk_id,retrievals\na,1\n{CANARY},{count}\n".encode()) == "line 3"


@pytest.mark.parametrize(
    "count",
    ["-1", "1e3", "1.0", '"1"', "true", "null", "NaN", "Infinity", "[1]", "9" * 5000, str(MOST + 1), f'"{CANARY}"'],
)
def test_a_count_in_json_is_a_whole_number_from_0_on(count: str) -> None:
    good = '{"chunk_id": "a", "retrievals": 1}\n'
    assert trouble(f'{good}{{"chunk_id": "{CANARY}", "retrievals": {count}}}\n'.encode()) == "line 2"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", 1),
        (b"\n\n\n", 1),
        (b"\xef\xbb\xbf", 1),
        (f"{CANARY},3\n".encode(), 1),
        (f"{CANARY}\n".encode(), 1),
        (b"id,count\na,3\n", 1),
        (b"CHUNK_ID,RETRIEVALS\na,3\n", 1),
        (b"chunk_id;retrievals\na;3\n", 1),
        (b"chunk_id,retrievals,chunk_id\na,3,b\n", 1),
        (f"chunk_id,retrievals\na,1\n{CANARY}\n".encode(), 3),
        (f"chunk_id,retrievals\na,1\n{CANARY},1,2\n".encode(), 3),
        (b"chunk_id,retrievals\n,1\n", 2),
        (b"chunk_id,retrievals\na\0b,1\n", 2),
        (b"chunk_id,retrievals\n" + b"x" * 1001 + b",1\n", 2),
        (b"chunk_id,retrievals,partition\na,1," + b"x" * 256 + b"\n", 2),
        (b'chunk_id,retrievals\n"a,1\nb,2\n', 2),
        (b'chunk_id,retrievals\n"a"b,1\n', 2),
        (b'chunk_id,retrievals\n"' + b"many\n" * 40_000, 2),
        (b"chunk_id,retrievals\n" + b"x" * (LONGEST_LINE + 1), 2),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, 1),
        (bytes(200_000), 1),
        ("chunk_id,retrievals\na,1\n".encode("utf-16"), 1),
        (b"chunk_id,retrievals\na,1\n\xff\xfe,1\n", 3),
        (b"chunk_id,retrievals\rab,1\r", 1),
        (b'[{"chunk_id": "a", "retrievals": 1}]\n', 1),
        (b'{"chunk_id": "a",\n"retrievals": 1}\n', 1),
        (b'{"chunk_id": "a", "retrievals": 1}\nchunk_id,retrievals\n', 2),
        (b'{"chunk_id": "a", "retrievals": 1, "chunk_id": "b"}\n', 1),
        (b'{"retrievals": 1}\n', 1),
        (b'{"chunk_id": "a"}\n', 1),
        (b'{"chunk_id": "\\ud800", "retrievals": 1}\n', 1),
        (b'{"chunk_id": "a\\u0000", "retrievals": 1}\n', 1),
        (b'{"chunk_id": ["a"], "retrievals": 1}\n', 1),
        (b'{"chunk_id": "a", "retrievals": 1, "index": true}\n', 1),
        (b'{"chunk_id": "a", "retrievals": 1, "partition": 1.5}\n', 1),
        (b'{"a":' * 9_000 + b"\n", 1),
        (b"[" * 50_000 + b"\n", 1),
    ],
)
def test_what_cannot_be_used_is_named_by_its_line(body: bytes, line: int) -> None:
    assert trouble(body) == f"line {line}"


def test_nothing_of_a_file_is_kept() -> None:
    """A stream without an end is read as far as somebody asks, line by line."""
    taken = 0

    def endless() -> object:
        nonlocal taken
        yield b"chunk_id,retrievals\n"
        while True:
            taken += 1
            yield b"a,1\n"

    rows = read_counts(endless())
    for _ in range(1000):
        next(rows)
    assert taken <= 1001


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
ROWS = st.lists(st.tuples(IDS, st.integers(0, MOST)), min_size=1, max_size=20)


@given(ROWS)
def test_what_csv_writers_write_is_what_is_read(rows: list[tuple[str, int]]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerows([("chunk_id", "retrievals"), *rows])
    assert [(item.chunk_id, item.retrievals) for item in read(stream.getvalue().encode())] == rows


@given(ROWS, st.booleans())
def test_what_json_writers_write_is_what_is_read(rows: list[tuple[str, int]], ascii_only: bool) -> None:
    lines = [json.dumps({"chunk_id": name, "retrievals": count}, ensure_ascii=ascii_only) for name, count in rows]
    found = read("\n".join(lines).encode())
    assert [(item.line, item.chunk_id, item.retrievals) for item in found] == [
        (number, *row) for number, row in enumerate(rows, 1)
    ]


@given(st.binary(max_size=300))
def test_no_bytes_are_anything_but_counts_or_an_error_that_names_a_line(body: bytes) -> None:
    found: list[Counted] = []
    told = "line"
    try:
        found = read(b"chunk_id,retrievals\n" + body)
    except InputError as error:
        told = error.message
    assert told.startswith("line")
    assert all(item.retrievals >= 0 and item.chunk_id for item in found)
