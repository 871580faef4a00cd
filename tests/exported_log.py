"""An export of a small log, and what somebody outside has kept to hold it against."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from governance.services.log_export import export_log
from tests.conftest import sqlite_url
from tests.signed_log import Installation, signer

EVIDENCE = ("log.jsonl", "checkpoint", "checkpoints", "consistency.jsonl", "vkey", "proofs/13.tlog-proof")


@dataclass(frozen=True)
class Handed:
    """What lies in a folder.

    Attributes:
        export: The export.
        newest: A file with the newest checkpoint.
        older: A file with the first two checkpoints.
        key: A file with the newest public key.

    """

    export: Path
    newest: Path
    older: Path
    key: Path

    @property
    def log(self) -> Path:
        return self.export / "log.jsonl"

    def lines(self) -> list[bytes]:
        return self.log.read_bytes().splitlines(keepends=True)

    def write(self, lines: list[bytes]) -> None:
        self.log.write_bytes(b"".join(lines))

    def copy(self, folder: Path) -> Handed:
        """Give a copy that may be spoiled."""
        shutil.copytree(self.newest.parent, folder)
        return handed_in(folder)


def handed_in(folder: Path) -> Handed:
    return Handed(folder / "export", folder / "newest", folder / "older", folder / "key")


def hand_over(folder: Path, template: Path, *words: str) -> Handed:
    """Export a log of 24 entries that was signed at 5, 9, 17 and 24, with these keys, the oldest first."""
    shutil.copy(template, folder / "catalog.db")
    made = Installation(sqlite_url(folder / "catalog.db"), folder / "keys", *words or ("one",))
    notes = []
    for count in (4, 4, 8):
        made.fill(count)
        notes.append(made.sign())
    made.fill(7)
    (folder / "kept").mkdir()
    handed = handed_in(folder / "kept")
    export_log(made.keeper, handed.export)
    made.catalog.close()
    handed.newest.write_bytes((handed.export / "checkpoint").read_bytes())
    handed.older.write_text("\n".join(notes[:2]), "utf-8")
    handed.key.write_text(signer((words or ("one",))[-1]).verifier.text + "\n")
    return handed
