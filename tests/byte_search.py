"""Looking for bytes in the files of an index, as somebody would who took the disk.

The looking is done by another process: opening and closing a file that SQLite has open in this process would drop this
process's locks on it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from governance.domain.chunks import Record
from governance.domain.values import vector_from_bytes

_LOOK = """
import json, pathlib, sys
import numpy as np

paths, wanted = json.load(sys.stdin)
needles = [bytes.fromhex(needle) for needle in wanted]
by_head = {}
for needle in needles:
    by_head.setdefault(int.from_bytes(needle[:8], "little"), []).append(needle)
heads = np.array(sorted(by_head), dtype="<u8")
found = set()
for path in map(pathlib.Path, paths):
    data = path.read_bytes() if path.exists() else b""
    for shift in range(min(8, len(data))):
        words = np.frombuffer(data, "<u8", count=(len(data) - shift) // 8, offset=shift)
        for at in np.flatnonzero(np.isin(words, heads)):
            start = shift + 8 * int(at)
            found.update(needle for needle in by_head[int(words[at])] if data.startswith(needle, start))
print(json.dumps([needle in found for needle in needles]))
"""


@dataclass(frozen=True)
class Needles:
    """What identifies one record on disk: 16 bytes or more of each kind."""

    chunk_id: bytes
    text: bytes
    word: bytes
    metadata: bytes
    vector: bytes
    named: bytes


KINDS = tuple(Needles.__annotations__)


def marked_record(chunk_id: str, seed: int, *, dimension: int = 32, words: int = 30) -> tuple[Record, Needles]:
    """Give a record in which every kind of content is unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(97, 123, size=(4, 24), dtype=np.uint8)
    chunk, mark, word, mail = (bytes(row).decode() for row in letters)
    text = f"{mark} is what this one is about. " + "Common words in every text. " * words + f"{word} ends it."
    vector, named = (rng.normal(size=dimension).astype(np.float32).tobytes() for _ in range(2))
    record = Record(
        f"{chunk_id}-{chunk}",
        text,
        {"page": f"{seed % 7}.md", "mail": f"{mail}@example.com", "seed": seed},
        {"default": vector_from_bytes(vector), "title": vector_from_bytes(named)},
    )
    # The full-text table stores sorted words without the letters they share with the one before: take the rest.
    needles = Needles(
        chunk.encode(), f"{mark} is".encode(), word[6:].encode(), mail.encode(), vector[64:80], named[64:80]
    )
    return record, needles


def count_found(paths: Iterable[str], needles: Sequence[Needles]) -> dict[str, int]:
    """Give, per kind of needle, how many are somewhere in the files."""
    wanted = [getattr(needle, kind).hex() for kind in KINDS for needle in needles]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _LOOK],
        input=json.dumps([list(paths), wanted]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(done.stdout)
    return {kind: sum(found[at * len(needles) : (at + 1) * len(needles)]) for at, kind in enumerate(KINDS)}


def every_kind(number: int) -> dict[str, int]:
    """Give what `count_found` gives when each kind is found that often."""
    return dict.fromkeys(KINDS, number)
