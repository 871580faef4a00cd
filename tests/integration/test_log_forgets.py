"""Erasing somebody neither breaks the log nor needs it to change: what linked it to them goes, its bytes stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, Engine, Table, select, update

from governance.catalog.engine import begin_read, begin_write
from governance.catalog.tables import audit_entry, metadata
from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.events import document_thing
from governance.domain.merkle import leaf_hash, verify_inclusion
from governance.domain.pseudonyms import Kind
from governance.domain.signed_note import SignedNote
from governance.keyring import open_keyring
from governance.keyring.signing import verified_by
from tests.command_line import InProcess

PAGE = "people/jane-roe.md"
TITLE = "Jane Roe, her contract"
OWNER = "jane.roe@example.org"
NOTE = "Jane Roe has agreed"
ACTOR = "ada@example.org"
WORDS = (PAGE, TITLE, OWNER, "Jane Roe", "jane-roe")
LINKS = {"document.reviewed", "finding.waived"}


@pytest.fixture
def kbgov(
    tmp_path: Path, catalog_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    """A knowledge base with a page about somebody, that was found, waived, reviewed, and is signed for elsewhere."""
    made = InProcess(tmp_path, capsys, monkeypatch)
    monkeypatch.setenv("KBGOV_DATABASE_URL", catalog_url)
    monkeypatch.setenv("KBGOV_ACTOR", ACTOR)
    made.page(PAGE, "Some words about a contract.", title=TITLE, owner=OWNER, last_reviewed_on="2020-01-01")
    for name in ("one", "two", "three"):
        made.page(f"{name}.md", f"Some words about {name}.")
    done(made, "init", "--source", "docs")
    done(made, "ingest")
    done(made, "audit", "run", codes=(3,))
    about = done(made, "findings", "list", "--document", PAGE)["findings"]
    overdue = next(item["fingerprint"] for item in about if item["kind"] == "freshness.overdue")
    done(made, "findings", "waive", overdue, "--reason", "accepted-risk", "--until", "2999-01-01", "--note", NOTE)
    done(made, "documents", "verify", PAGE)
    (tmp_path / "kept-outside").write_text(done(made, "log", "checkpoint")["checkpoint"], "utf-8")
    return made


def done(kbgov: InProcess, *arguments: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    result = kbgov(*arguments, "--json")
    assert result.code in codes, (arguments, result)
    return result.json


@dataclass(frozen=True)
class Erased:
    """What was before, and the key that is no more."""

    entries: list[tuple[Any, ...]]
    size: int
    linked: list[int]
    key: str


@pytest.fixture
def erased(kbgov: InProcess, catalog_engine: Engine) -> Erased:
    """Everything that linked the log to the page is gone: the page, what the catalog called it, the key."""
    linked = done(kbgov, "log", "list", "--document", PAGE)["entries"]
    assert {entry["action"] for entry in linked} >= LINKS
    assert {entry["actor_name"] for entry in linked} == {ACTOR}
    before = entries(catalog_engine)

    (kbgov.folder / "docs" / PAGE).unlink()
    for _ in range(2):
        done(kbgov, "ingest")
    declared = {f"{table.name}.{name}" for table, name in identifiers()}
    assert {"document.document", "finding.document", "note.text"} <= held(catalog_engine) <= declared
    size = len(entries(catalog_engine))
    with begin_write(catalog_engine) as connection:
        clear(connection)
    assert held(catalog_engine) == set()
    assert len(entries(catalog_engine)) == size, "clearing what names somebody is nothing that the log has to tell"

    key = next(item["key"] for item in done(kbgov, "keys", "list")["keys"] if item["family"] == "audit")
    done(kbgov, "keys", "rotate", "audit")
    refused = done(kbgov, "keys", "destroy", key, codes=(6,))["error"]
    done(kbgov, "keys", "destroy", key, "--confirm-count", refused["next"].split()[-1])
    return Erased(before, size, [entry["seq"] for entry in linked], key.partition(":")[2])


def entries(engine: Engine) -> list[tuple[Any, ...]]:
    with begin_read(engine) as connection:
        return [tuple(row) for row in connection.execute(select(audit_entry).order_by(audit_entry.c.seq))]


def identifiers() -> Iterator[tuple[Table, str]]:
    """Give every column that may name somebody, as the tables declare it."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("identifier"):
                yield table, column.name


def names_somebody(value: object, ids: set[str]) -> bool:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return any(word in text for word in (*WORDS, *ids))


def chunk_ids(connection: Connection) -> set[str]:
    """Give the ids of the page's chunks, which name it as well."""
    tables = (metadata.tables[name] for name in ("chunk", "chunk_history"))
    return {
        row
        for table in tables
        for row in connection.execute(select(table.c.chunk_id).where(table.c.document == PAGE)).scalars()
    }


def held(engine: Engine) -> set[str]:
    """Give the columns, declared or not, in which the page or its people still stand."""
    found: set[str] = set()
    with begin_read(engine) as connection:
        ids = chunk_ids(connection)
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                found |= {f"{table.name}.{name}" for name, value in row.items() if names_somebody(value, ids)}
    return found


def clear(connection: Connection) -> None:
    """Do to the declared columns what an erasure does, and to no other."""
    ids, number = chunk_ids(connection), 0
    for table, name in identifiers():
        keys = [column for column in table.primary_key if column.name != name]
        for row in connection.execute(select(table)).mappings().all():
            if not names_somebody(row[name], ids):
                continue
            number += 1
            here = [column == row[column.name] for column in (*keys, table.c[name])]
            if isinstance(table.c[name].type, JSON):
                here, value = here[:-1], type(row[name])()
            else:
                value = None if table.c[name].nullable else f"erased-{number}"
            assert connection.execute(update(table).where(*here).values({name: value})).rowcount == 1


def test_not_a_byte_of_what_was_in_the_log_is_another(erased: Erased, catalog_engine: Engine) -> None:
    now = entries(catalog_engine)
    assert len(now) > erased.size
    assert now[: len(erased.entries)] == erased.entries


def test_the_log_is_intact_by_a_checkpoint_from_before(kbgov: InProcess, erased: Erased) -> None:
    found = done(kbgov, "log", "verify", "--checkpoint", "kept-outside")
    assert (found["outcome"], found["covered"], found["problems"]) == ("intact", len(erased.entries), [])


def test_an_entry_about_the_page_is_still_proven(kbgov: InProcess, erased: Erased) -> None:
    """Against the newest checkpoint, and against the one that was kept elsewhere before."""
    verifiers = open_keyring(kbgov.folder / "keys", {}).verifiers
    kept = SignedNote.parse((kbgov.folder / "kept-outside").read_text("utf-8"))
    assert verified_by(kept, verifiers)
    done(kbgov, "log", "export", "exported")
    assert done(kbgov, "log", "verify", "--export", "exported", "--checkpoint", "kept-outside")["outcome"] == "intact"
    for seq in erased.linked:
        proof = TlogProof.parse(done(kbgov, "log", "prove", str(seq))["proof"])
        checkpoint = Checkpoint.parse(SignedNote.parse(proof.checkpoint).text)
        assert verified_by(SignedNote.parse(proof.checkpoint), verifiers)
        leaf = leaf_hash(erased.entries[seq][1].encode())
        assert checkpoint.size >= erased.size
        assert verify_inclusion(leaf, seq, checkpoint.size, proof.path, checkpoint.root)
        assert not verify_inclusion(leaf_hash(b"another"), seq, checkpoint.size, proof.path, checkpoint.root)


def test_nothing_links_the_log_to_the_page_or_to_who_decided(kbgov: InProcess, erased: Erased) -> None:
    assert done(kbgov, "log", "list", "--document", PAGE)["entries"] == []
    old = done(kbgov, "log", "list", "--limit", "1000")["entries"][: len(erased.entries)]
    assert {entry["actor_name"] for entry in old} == {None}
    bodies = [body for _, body, _ in erased.entries]
    keys = open_keyring(kbgov.folder / "keys", {})
    assert erased.key not in keys.audit.key_ids
    for names in (keys.audit, keys.suppression):
        thing = document_thing("docs", PAGE)
        known = {name for kind in Kind for word in (thing.name, *WORDS, ACTOR) for name in names.every(kind, word)}
        assert not [body for body in bodies if any(name in body for name in known)]


def test_the_destroyed_key_and_its_pseudonyms_stand_nowhere_but_in_the_log(
    kbgov: InProcess, erased: Erased, catalog_engine: Engine
) -> None:
    mark = f":{erased.key}:"
    assert any(mark in body for _, body, _ in erased.entries)
    with begin_read(catalog_engine) as connection:
        for table in metadata.sorted_tables:
            if table is not audit_entry:
                assert mark not in repr(connection.execute(select(table)).all()), table.name
    assert not [path for path in kbgov.folder.rglob("*.key") if erased.key in path.name]


@pytest.mark.usefixtures("erased")
def test_the_log_goes_on_with_the_key_that_is_left(kbgov: InProcess) -> None:
    done(kbgov, "documents", "verify", "one.md")
    (entry,) = done(kbgov, "log", "list", "--document", "one.md")["entries"]
    assert (entry["action"], entry["actor_name"]) == ("document.reviewed", ACTOR)
    assert done(kbgov, "log", "verify", "--checkpoint", "kept-outside")["outcome"] == "intact"
