from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head
from governance.domain.actors import Actor
from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.errors import AnchorFailed, InputError, LockHeld, LogInconsistent
from governance.domain.events import Action, Event, document_thing
from governance.domain.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from governance.domain.signed_note import SignedNote, notes_in
from governance.outside import check_export
from governance.services.log_export import Exported, export_log
from governance.services.log_export_files import is_proven
from tests.conftest import sqlite_url
from tests.log_attacks import drop_triggers
from tests.signed_log import NOW, Installation, note, signer

ALWAYS = ["README.txt", "check_export.py", "checkpoint", "checkpoints", "consistency.jsonl", "log.jsonl", "vkey"]


@pytest.fixture
def there(catalog_url: str, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(catalog_url, tmp_path / "keys", "one")
    yield made
    made.catalog.close()


@pytest.fixture
def here(sqlite_template: Path, tmp_path: Path) -> Iterator[Installation]:
    """Give an installation on SQLite alone, where the database makes no difference."""
    shutil.copy(sqlite_template, tmp_path / "here.db")
    made = Installation(sqlite_url(tmp_path / "here.db"), tmp_path / "keys", "one")
    yield made
    made.catalog.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "handed" / "over"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def signed_in_steps(there: Installation) -> list[str]:
    """Give the notes of a log that was signed when it had 5, 9, 17 and 30 entries."""
    notes = []
    for count in (4, 4, 8, 13):
        there.fill(count)
        notes.append(there.sign())
    return notes


def test_an_export_is_what_the_log_holds_and_nothing_else(there: Installation, out: Path) -> None:
    notes = signed_in_steps(there)
    done = export_log(there.keeper, out)
    bodies = there.bodies
    found = content(out)
    proven = [place for place, body in enumerate(bodies) if json.loads(body)["action"] == "policy.adopted"]
    assert len(proven) == 3
    assert done == Exported(
        entries=30,
        checkpoint=30,
        files=sorted([*ALWAYS, *(f"proofs/{seq}.tlog-proof" for seq in proven)]),
    )
    assert sorted(found) == list(done.files)
    assert found["log.jsonl"] == "".join(f"{body}\n" for body in bodies).encode()
    assert found["checkpoint"] == notes[-1].encode()
    assert notes_in(found["checkpoints"].decode()) == notes
    assert found["checkpoints"] == "\n".join(notes).encode()
    assert found["vkey"] == f"{signer().verifier.text}\n".encode()
    assert found["check_export.py"] == Path(check_export.__file__).read_bytes()


def test_its_proofs_hold(there: Installation, out: Path) -> None:
    notes = signed_in_steps(there)
    export_log(there.keeper, out)
    stated = [Checkpoint.parse(SignedNote.parse(note).text) for note in notes]
    lines = [json.loads(line) for line in (out / "consistency.jsonl").read_text().splitlines()]
    assert [(line["from"], line["to"]) for line in lines] == [(5, 9), (9, 17), (17, 30)]
    for line, old, new in zip(lines, stated, stated[1:], strict=False):
        path = [base64.b64decode(one) for one in line["proof"]]
        assert verify_consistency(old.size, new.size, old.root, new.root, path)
    for file in (out / "proofs").iterdir():
        proof = TlogProof.parse(file.read_text("utf-8"))
        assert proof.checkpoint == notes[-1]
        leaf = leaf_hash(there.bodies[proof.index].encode())
        assert verify_inclusion(leaf, proof.index, 30, proof.path, stated[-1].root)


def test_without_new_entries_every_export_is_the_same_to_the_byte(there: Installation, out: Path) -> None:
    signed_in_steps(there)
    there.fill(3)
    first = export_log(there.keeper, out)
    before = content(out)
    assert export_log(there.keeper, out) == first
    assert content(out) == before
    export_log(there.keeper, out.with_name("elsewhere"))
    assert content(out.with_name("elsewhere")) == before
    assert len(there.bodies) == first.entries == 33


def test_an_older_export_of_the_log_is_replaced_by_one_that_goes_on_it(there: Installation, out: Path) -> None:
    there.fill(7)
    export_log(there.keeper, out)
    before = content(out)
    there.fill(11)
    done = export_log(there.keeper, out)
    assert (done.entries, done.checkpoint) == (19, 19)
    assert content(out)["log.jsonl"].startswith(before["log.jsonl"])
    assert content(out)["checkpoint"] != before["checkpoint"]
    assert sorted(content(out)) == list(done.files)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_what_was_appended_since_the_last_checkpoint_is_signed_where_there_is_a_key(
    there: Installation, out: Path
) -> None:
    there.fill(3)
    there.sign()
    there.fill(2)
    there.hold()
    assert export_log(there.keeper, out).checkpoint == 4
    there.hold("one")
    assert export_log(there.keeper, out).checkpoint == 6
    assert len(notes_in((out / "checkpoints").read_text("utf-8"))) == 2


def test_a_log_that_was_never_signed_is_exported_as_such(here: Installation, out: Path) -> None:
    here.hold()
    here.fill(6)
    done = export_log(here.keeper, out)
    assert (done.entries, done.checkpoint, list(done.files)) == (7, 0, ALWAYS)
    found = content(out)
    assert {name for name, data in found.items() if not data} == {
        "checkpoint",
        "checkpoints",
        "consistency.jsonl",
        "vkey",
    }


def test_an_empty_log_is_exported_and_may_be_gone_on(there: Installation, out: Path) -> None:
    assert export_log(there.keeper, out) == Exported(entries=0, checkpoint=0, files=ALWAYS)
    assert export_log(there.keeper, out).entries == 0
    there.fill(1)
    assert export_log(there.keeper, out).entries == 2


def test_the_keys_are_those_of_the_installation_the_newest_first(here: Installation, out: Path) -> None:
    here.hold("one", "two", "three")
    here.fill(2)
    export_log(here.keeper, out)
    assert (out / "vkey").read_text().split() == [signer(word).verifier.text for word in ("three", "two", "one")]


def test_without_any_key_the_public_ones_that_are_known_are_exported(here: Installation, out: Path) -> None:
    here.fill(2)
    here.sign()
    with here.catalog.write() as uow:
        uow.log_keys.seen("00000000", "audit", "", NOW)
        uow.log_keys.seen("11111111", "signing", signer().verifier.text, NOW)
    here.hold()
    export_log(here.keeper, out)
    assert (out / "vkey").read_text() == f"{signer().verifier.text}\n"


def test_nobody_and_nothing_is_named(here: Installation, out: Path) -> None:
    for name in ("ada.canary@example.org", "Ada Canary"):
        here.record(Action.POLICY_ADOPTED, about=document_thing("canary-source", "canary/page.md"), actor=name)
    export_log(here.keeper, out)
    files = content(out)
    assert len(files) == len(ALWAYS) + 2
    assert [name for name, data in files.items() if b"anary" in data] == []


def test_an_anchor_that_does_not_take_the_checkpoint_stops_nothing(here: Installation, out: Path) -> None:
    class Away:
        name = "away"

        def publish(self, _note: str) -> None:
            raise AnchorFailed("it is not there")

        def notes(self) -> None:
            return None

    here.anchors["away"] = Away()
    here.fill(2)
    done = export_log(here.keeper, out)
    assert done.failed == {"away": "it is not there"}
    assert done.checkpoint == 3
    assert export_log(here.keeper, out).failed == {}


def other_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")


def other_log(folder: Path) -> None:
    (folder / "log.jsonl").write_text('{"action":"log.began"}\n')


def link(folder: Path) -> None:
    (folder / "log.jsonl").symlink_to(folder.parent / "elsewhere")


def folder_for_file(folder: Path) -> None:
    (folder / "checkpoint").mkdir()


def file_for_folder(folder: Path) -> None:
    (folder / "proofs").write_text("mine")


def other_proof(folder: Path) -> None:
    (folder / "proofs").mkdir()
    (folder / "proofs" / "of-mine.txt").write_text("mine")


@pytest.mark.parametrize("make", [other_file, other_log, link, folder_for_file, file_for_folder, other_proof])
def test_a_folder_that_holds_anything_else_is_left_alone(
    here: Installation, out: Path, make: Callable[[Path], None]
) -> None:
    here.fill(3)
    out.mkdir(parents=True)
    make(out)
    before, names = content(out), sorted(out.rglob("*"))
    with pytest.raises(InputError) as failed:
        export_log(here.keeper, out)
    assert (failed.value.exit_code, failed.value.item) == (2, str(out))
    assert (content(out), sorted(out.rglob("*"))) == (before, names)


def test_what_is_no_folder_is_told(here: Installation, out: Path) -> None:
    out.parent.mkdir()
    out.write_text("mine")
    for path in (out, out / "below", Path("a\0b")):
        with pytest.raises(InputError, match="the export cannot be written"):
            export_log(here.keeper, path)
    assert out.read_text() == "mine"


def test_what_a_stopped_export_left_is_no_hindrance(here: Installation, out: Path) -> None:
    here.fill(9)
    export_log(here.keeper, out)
    before = content(out)
    (out / ".log.jsonl.part").write_bytes(b"torn")
    (out / "proofs" / ".5.tlog-proof.part").write_bytes(b"torn")
    (out / "checkpoint").unlink()
    export_log(here.keeper, out)
    assert content(out) == before


def test_two_at_once_do_not_write_into_one_folder(here: Installation, out: Path) -> None:
    out.mkdir(parents=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(LockHeld) as failed:
            export_log(here.keeper, out)
        assert failed.value.exit_code == 75
    finally:
        os.close(handle)
    export_log(here.keeper, out)


def changed_body(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 4).values(body=there.bodies[4] + " "))


def gone_entry(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.seq == 4))


def rebuilt(there: Installation, bodies: list[str]) -> None:
    """Write these entries in the place of all others, with a tree that fits them."""
    frontier = Frontier()
    hashes = frontier.extend([leaf_hash(body.encode()) for body in bodies])
    rows = [{"seq": seq, "body": body, "hashes": hashes[seq]} for seq, body in enumerate(bodies)]
    with there.catalog.engine.begin() as connection:
        connection.execute(delete(audit_entry))
        connection.execute(audit_entry.insert(), rows)
        connection.execute(update(audit_head).values(size=frontier.size, frontier=frontier.to_bytes()))


def rewritten(there: Installation) -> None:
    rebuilt(there, [body.replace("finding.waived", "run.started") for body in there.bodies])


def cut_head(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(delete(audit_checkpoint))
        connection.execute(delete(audit_entry).where(audit_entry.c.seq == 9))


def other_root(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_checkpoint).values(note=note(10)))


def no_checkpoint(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_checkpoint).values(note="nothing"))


@pytest.mark.parametrize("attack", [changed_body, gone_entry, rewritten, cut_head, other_root, no_checkpoint])
def test_what_does_not_fit_together_is_not_exported(
    there: Installation, out: Path, attack: Callable[[Installation], None]
) -> None:
    there.fill(9)
    there.sign()
    export_log(there.keeper, out)
    before = content(out)
    drop_triggers(there.catalog.engine)
    attack(there)
    there.hold()  # so that it is the export that notices, not the signing
    for folder in (out, out.with_name("new")):
        with pytest.raises(LogInconsistent) as failed:
            export_log(there.keeper, folder)
        assert failed.value.exit_code == 5
    assert content(out) == before
    assert content(out.with_name("new")) == {}


def test_an_export_that_holds_more_than_the_log_is_never_replaced(there: Installation, out: Path) -> None:
    there.fill(9)
    there.sign()
    there.fill(3)
    export_log(there.keeper, out)
    before = content(out)
    drop_triggers(there.catalog.engine)
    rebuilt(there, there.bodies[:10])
    with there.catalog.engine.begin() as connection:
        connection.execute(delete(audit_checkpoint).where(audit_checkpoint.c.size > 10))
    there.hold()
    with pytest.raises(LogInconsistent, match="does not begin with the entries that were exported there before"):
        export_log(there.keeper, out)
    assert content(out) == before
    assert export_log(there.keeper, out.with_name("new")).entries == 10


def test_memory_does_not_grow_with_the_log(here: Installation, out: Path) -> None:
    def peak(name: str) -> int:
        tracemalloc.start()
        export_log(here.keeper, out / name)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    plain = [Event(action=Action.RUN_STARTED, at=NOW, actor=Actor(id="tester"))] * 3000
    peaks = []
    for _ in range(3):
        with here.catalog.write() as uow:
            for event in plain:
                uow.record(event)
        peaks.append(peak(str(len(peaks))))
    assert peaks[2] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    ("action", "proven"),
    [
        (Action.POLICY_ADOPTED, True),
        (Action.PAUSED, True),
        (Action.RESUMED, True),
        (Action.KEYS_MADE, True),
        (Action.KEYS_BACKED_UP, True),
        (Action.KEYS_RESTORED, True),
        (Action.KEY_ROTATED, True),
        (Action.KEY_DESTROYED, True),
        (Action.LOG_BEGAN, False),
        (Action.RUN_STARTED, False),
        (Action.FINDING_WAIVED, False),
    ],
)
def test_what_has_a_proof_of_its_own(action: Action, proven: bool) -> None:
    assert is_proven(action.value) is proven
    assert check_export.has_proof(action.value) is proven
