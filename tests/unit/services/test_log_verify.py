"""What a verification says: four outcomes, by what there is to hold the log against and what that says."""

from __future__ import annotations

import os
import shutil
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head
from governance.domain.actors import Actor
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import ConfigError
from governance.domain.merkle import EMPTY_ROOT, Frontier, leaf_hash
from governance.domain.signed_note import LONGEST_NOTE, to_base64
from governance.keyring.families import Family
from governance.keyring.making import make_keys
from governance.keyring.signing import Signer, sign_note
from governance.services.key_care import settle
from governance.services.log_verify import EXIT_CODES, LARGEST_FILE, Outcome, Verification, read_checkpoints, read_keys
from tests.kept_log import NOW, KeptLog, Shelf, as_owner, checkpoint_of, kept_log, set_head, sqlite_copy
from tests.log_attacks import bodies_of, forged, rebuild
from tests.signed_log import ORIGIN, note, signer

OLDER, SIZE = 6, 13


@pytest.fixture(scope="module")
def template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 13 entries with checkpoints at 6 and 13, and nothing of that outside the database."""
    folder = tmp_path_factory.mktemp("template")
    made = kept_log(create_catalog_engine(sqlite_copy(sqlite_template, folder)), folder / "keys")
    made.write(OLDER - 1)
    made.keeper.checkpoint()
    made.write(SIZE - OLDER, OLDER)
    made.keeper.checkpoint()
    made.remembered.unlink()
    made.catalog.close()
    return folder


@pytest.fixture
def kept(template: Path, tmp_path: Path) -> Iterator[KeptLog]:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    made = kept_log(create_catalog_engine(f"sqlite:///{tmp_path / 'catalog.db'}"), tmp_path / "keys")
    yield made
    made.catalog.close()


def root_at(kept: KeptLog, size: int) -> bytes:
    frontier = Frontier()
    with kept.catalog.read() as uow:
        for row in uow.log.entries(stop=size):
            frontier.append(leaf_hash(row.body.encode()))
    assert frontier.size == size
    return frontier.root


def signed(kept: KeptLog, size: int, root: bytes | None = None, *signers: Signer, origin: str | None = None) -> str:
    """Give a checkpoint over what is there now, unless another root is given."""
    made = Checkpoint(origin or kept.keyring.origin, size, root_at(kept, size) if root is None else root)
    return sign_note(made.text, signers or kept.keyring.signers)


def file_with(kept: KeptLog, content: str | bytes, name: str = "kept.txt") -> Path:
    path = kept.keyring.folder.parent / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


def verified(kept: KeptLog, *contents: str | bytes) -> Verification:
    return kept.keeper.verify([file_with(kept, content, f"kept-{place}") for place, content in enumerate(contents)])


def with_bad_signature(note_: str) -> str:
    """Give the same note with another signature under the same key's name and id."""
    text_, _, line = note_.rpartition(" ")
    blob = bytearray(b64decode(line))
    blob[20] ^= 1
    return f"{text_} {to_base64(bytes(blob))}\n"


# One checkpoint from outside, or none


def test_the_four_outcomes_have_the_exit_codes_of_the_contract() -> None:
    assert EXIT_CODES == {
        Outcome.INTACT: 0,
        Outcome.SELF_CONSISTENT: 3,
        Outcome.INCONSISTENT: 5,
        Outcome.UNKNOWN: 75,
    }


def test_the_document_of_the_contract_says_what_was_found(kept: KeptLog) -> None:
    path = file_with(kept, signed(kept, OLDER))
    assert kept.keeper.verify([path]).as_json() == {
        "outcome": "intact",
        "entries": SIZE,
        "root": to_base64(root_at(kept, SIZE)),
        "covered": OLDER,
        "problems": [],
        "against": [str(path)],
    }
    alone = kept.keeper.verify().as_json()
    assert (alone["outcome"], alone["entries"], alone["covered"], alone["against"]) == ("self_consistent", SIZE, 0, [])


def test_a_checkpoint_from_outside_vouches_for_the_entries_that_it_covers(kept: KeptLog) -> None:
    for size in range(1, SIZE + 1):
        found = verified(kept, signed(kept, size))
        assert (found.outcome, found.exit_code, found.covered, found.problems) == (Outcome.INTACT, 0, size, [])


def test_a_checkpoint_over_nothing_vouches_for_nothing(kept: KeptLog) -> None:
    found = verified(kept, signed(kept, 0, EMPTY_ROOT))
    assert (found.outcome, found.covered) == (Outcome.SELF_CONSISTENT, 0)
    assert verified(kept, signed(kept, 0, bytes(32))).outcome is Outcome.INCONSISTENT


@pytest.mark.parametrize("size", [SIZE + 1, 2 * SIZE, 2**62])
def test_a_checkpoint_over_more_than_there_is_says_that_the_log_is_cut(kept: KeptLog, size: int) -> None:
    found = verified(kept, signed(kept, size, bytes(32)))
    assert (found.outcome, found.exit_code, found.covered) == (Outcome.INCONSISTENT, 5, 0)
    (problem,) = found.problems
    assert problem.startswith("the log is cut: ")
    assert f"over {size} entries, and there are {SIZE}" in problem


@pytest.mark.parametrize("size", [1, OLDER, SIZE])
def test_a_checkpoint_over_other_entries_is_a_contradiction(kept: KeptLog, size: int) -> None:
    found = verified(kept, signed(kept, size, bytes(32)))
    assert (found.outcome, found.covered, found.against) == (Outcome.INCONSISTENT, 0, [])
    assert f"over {size} other entries than the first {size} here" in found.problems[0]


UNUSABLE: dict[str, tuple[Callable[[KeptLog], str | bytes], str]] = {
    "another key": (lambda kept: signed(kept, SIZE, None, signer("other", kept.keyring.origin)), "by none of the keys"),
    "another log": (lambda _: note(SIZE), "by none of the keys"),
    "our key, another origin": (lambda kept: signed(kept, SIZE, origin=ORIGIN), "is of another log"),
    "a bad signature": (lambda kept: with_bad_signature(signed(kept, SIZE)), "changed or forged"),
    "another size than was signed": (
        lambda kept: signed(kept, SIZE).replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n"),
        "changed or forged",
    ),
    "a good and a bad signature": (
        lambda kept: signed(kept, SIZE) + with_bad_signature(signed(kept, SIZE)).splitlines(keepends=True)[-1],
        "changed or forged",
    ),
    "no signature": (lambda kept: signed(kept, SIZE).split("\n\n")[0] + "\n\n", "is no checkpoint"),
    "no checkpoint": (lambda kept: sign_note("hello\n", kept.keyring.signers), "is no checkpoint"),
    "windows line ends": (lambda kept: signed(kept, SIZE).replace("\n", "\r\n"), "is no checkpoint"),
    "a size that is none": (
        lambda kept: sign_note(f"{kept.keyring.origin}\n013\n{to_base64(bytes(32))}\n", kept.keyring.signers),
        "is no checkpoint",
    ),
    "a cut end": (lambda kept: signed(kept, SIZE)[:-5], "is no checkpoint"),
    "something else": (lambda _: "hello", "is no checkpoint"),
    "one endless line": (lambda _: "x" * (LONGEST_NOTE + 1), "is no checkpoint"),
    "nothing": (lambda _: "", "holds no checkpoint"),
    "blank lines": (lambda _: "\n\n\n", "holds no checkpoint"),
    "no text": (lambda _: b"\xff\xfe\x00", "it is not UTF-8"),
    "a zero byte": (lambda kept: signed(kept, SIZE).replace("\n", "\0\n", 1), "is no checkpoint"),
}
"""Files that say nothing about the log, and part of what is said about them."""
CONTRADICTING: dict[str, Callable[[KeptLog], str]] = {
    "cut": lambda kept: signed(kept, SIZE + 1, bytes(32)),
    "other entries": lambda kept: signed(kept, OLDER, bytes(32)),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_checkpoint_that_cannot_be_used_leaves_it_unknown(kept: KeptLog, kind: str) -> None:
    make, told = UNUSABLE[kind]
    found = verified(kept, make(kept))
    assert (found.outcome, found.exit_code, found.covered, found.against) == (Outcome.UNKNOWN, 75, 0, [])
    assert any(told in problem for problem in found.problems)
    assert all(str(kept.keyring.folder.parent) in problem for problem in found.problems)


def test_a_good_checkpoint_hides_none_that_cannot_be_used(kept: KeptLog) -> None:
    newest = signed(kept, SIZE)
    for make, told in UNUSABLE.values():
        for contents in ((newest, make(kept)), (make(kept), newest)):
            found = verified(kept, *contents)
            assert (found.outcome, found.covered) == (Outcome.UNKNOWN, SIZE)
            assert any(told in problem for problem in found.problems)


@pytest.mark.parametrize("kind", CONTRADICTING)
def test_a_contradiction_outweighs_whatever_else_there_is(kept: KeptLog, kind: str) -> None:
    wrong = CONTRADICTING[kind](kept)
    others = [signed(kept, OLDER), signed(kept, SIZE), *(make(kept) for make, _ in UNUSABLE.values())]
    for other in others:
        for contents in ((wrong, other), (other, wrong)):
            found = verified(kept, *contents)
            assert (found.outcome, found.covered, len(found.problems)) == (Outcome.INCONSISTENT, 0, 1)


def test_of_several_good_ones_the_largest_counts_and_each_place_is_named_once(kept: KeptLog) -> None:
    first = file_with(kept, signed(kept, SIZE), "first")
    second = file_with(kept, signed(kept, OLDER) + signed(kept, 2), "second")
    found = kept.keeper.verify([first, second])
    assert (found.outcome, found.covered, found.against) == (Outcome.INTACT, SIZE, [str(first), str(second)])


# Files


def test_a_file_may_hold_many_one_behind_the_other(kept: KeptLog) -> None:
    notes = [signed(kept, size) for size in range(1, SIZE)]
    for between in ("", "\n", "\n\n\n"):
        found = verified(kept, between.join(notes))
        assert (found.outcome, found.covered, len(found.against)) == (Outcome.INTACT, SIZE - 1, 1)


def test_one_bad_one_among_the_good_ones_of_a_file_is_not_passed_over(kept: KeptLog) -> None:
    notes = [signed(kept, size) for size in range(1, SIZE)]
    for place in (0, 3, 11):
        forgery = with_bad_signature(notes[place])
        assert verified(kept, "\n".join([*notes[:place], forgery, *notes[place:]])).outcome is Outcome.UNKNOWN
        wrong = signed(kept, 5, bytes(32))
        assert verified(kept, "\n".join([*notes[:place], wrong, *notes[place:]])).outcome is Outcome.INCONSISTENT


def test_a_last_note_that_was_cut_off_is_not_passed_over(kept: KeptLog) -> None:
    whole = signed(kept, OLDER) + signed(kept, SIZE)
    assert verified(kept, whole[:-30]).outcome is Outcome.UNKNOWN


def test_files_that_cannot_be_read_are_told_by_name(kept: KeptLog) -> None:
    folder = kept.keyring.folder.parent
    huge, pipe = folder / "huge", folder / "pipe"
    os.mkfifo(pipe)
    with huge.open("wb") as stream:
        stream.truncate(LARGEST_FILE + 1)
    for path, told in (
        (folder / "missing", "cannot be read: No such file or directory"),
        (folder, "cannot be read: Is a directory"),
        (huge, "is larger than 64 MiB"),
        (pipe, "is no plain file"),
    ):
        assert read_checkpoints(path) == ([], [f"{path} {told}"])
        found = kept.keeper.verify([path])
        assert (found.outcome, found.problems) == (Outcome.UNKNOWN, [f"{path} {told}"])
        assert found.entries == SIZE


# Keys


def test_the_key_that_was_given_is_believed_as_text_and_as_a_file(kept: KeptLog) -> None:
    line, path = kept.keyring.verifiers[0].text, file_with(kept, signed(kept, SIZE))
    vkey = file_with(kept, line + "\n", "vkey")
    for key in (line, f"  {line}\n", str(vkey)):
        found = kept.keeper.verify([path], key)
        assert (found.outcome, found.covered) == (Outcome.INTACT, SIZE)
    assert read_keys(line) == ([kept.keyring.verifiers[0]], None)
    assert read_keys(str(vkey)) == ([kept.keyring.verifiers[0]], vkey)


def test_several_keys_may_be_given_and_each_of_them_is_believed(kept: KeptLog) -> None:
    other = signer("other", kept.keyring.origin)
    ours = kept.keyring.verifiers[0].text
    path = file_with(kept, signed(kept, SIZE, None, other))
    assert kept.keeper.verify([path], f"{ours} {other.verifier.text}").outcome is Outcome.INTACT
    vkey = file_with(kept, f"{other.verifier.text}\n{ours}\n", "vkey")
    assert kept.keeper.verify([path], str(vkey)).outcome is Outcome.INTACT
    assert kept.keeper.verify([path], ours).outcome is Outcome.UNKNOWN
    with pytest.raises(ConfigError):
        kept.keeper.verify([path], f"{ours} nonsense")


def test_what_is_kept_of_a_contradiction_names_no_file(kept: KeptLog) -> None:
    kept.anchors = {"shelf": Shelf("shelf")}
    kept.anchors["shelf"].held.append(signed(kept, 3, bytes(32)))
    path = file_with(kept, signed(kept, SIZE + 1, bytes(32)) + signed(kept, OLDER, bytes(32)), "of-ann-smith.txt")
    found = kept.keeper.verify([path])
    assert [str(path) in problem for problem in found.problems] == [False, True, True]
    assert list(found.to_keep) == [problem.replace(str(path), "a file that was given") for problem in found.problems]
    kept.anchors = {}
    assert verified(kept, signed(kept, SIZE)).to_keep is None


def test_another_key_than_the_one_that_signed_vouches_for_nothing(kept: KeptLog) -> None:
    path = file_with(kept, signed(kept, SIZE))
    found = kept.keeper.verify([path], signer("other", kept.keyring.origin).verifier.text)
    assert found.outcome is Outcome.UNKNOWN
    assert f"{path} is signed by none of the keys that are trusted here" in found.problems
    theirs = file_with(kept, signed(kept, SIZE, None, signer("other", ORIGIN), origin=ORIGIN), "theirs")
    found = kept.keeper.verify([theirs], signer("other").verifier.text)
    assert found.against == [str(theirs)]


@pytest.mark.parametrize(
    "given",
    ["", "hello", "nowhere/vkey", "kbgov.log/x+00000000+AAAA", "x" * 5000, "a\0b"],
)
def test_what_is_no_key_is_told_before_anything_is_looked_at(kept: KeptLog, given: str) -> None:
    with pytest.raises(ConfigError, match="this is no public key") as caught:
        kept.keeper.verify([], given)
    assert caught.value.item == "--key"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello", b"a\nb"])
def test_a_file_that_holds_no_key_is_none(kept: KeptLog, content: bytes) -> None:
    with pytest.raises(ConfigError, match="this is no public key"):
        kept.keeper.verify([], str(file_with(kept, content)))


def test_a_private_key_is_no_public_one_and_is_not_quoted(kept: KeptLog) -> None:
    path = next(kept.keyring.folder.glob("signing-*"))
    with pytest.raises(ConfigError) as caught:
        kept.keeper.verify([], str(path))
    assert path.read_text().strip()[-20:] not in str(caught.value)


def test_without_any_key_the_log_is_checked_as_far_as_that_goes(kept: KeptLog) -> None:
    newest = signed(kept, SIZE)
    kept.lose_keys()
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    found = verified(kept, newest)
    assert (found.outcome, found.covered) == (Outcome.UNKNOWN, 0)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.seq == 3))
    assert kept.keeper.verify().problems == ["entry 3 is missing"]


def settled(kept: KeptLog) -> None:
    """Have the catalog know the keys, as `kbgov keys init` has it."""
    with kept.catalog.write() as uow:
        settle(uow, kept.keyring, Actor(id="ann"), NOW)


def test_keys_that_are_gone_still_show_that_a_stored_checkpoint_contradicts_and_vouch_for_nothing(
    kept: KeptLog,
) -> None:
    settled(kept)
    outside = signed(kept, SIZE)
    kept.lose_keys()
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    assert verified(kept, outside).outcome is Outcome.UNKNOWN
    rewritten(kept)
    assert kept.keeper.verify().outcome is Outcome.INCONSISTENT


def test_a_checkpoint_of_keys_that_were_lost_is_passed_over_where_one_of_the_new_keys_vouches(kept: KeptLog) -> None:
    settled(kept)
    before = signed(kept, OLDER)
    kept.lose_keys()
    make_keys(kept.keyring.folder, [Family.SIGNING])
    kept.keyring.reread()
    alone = verified(kept, before)
    assert (alone.outcome, alone.covered, alone.against) == (Outcome.UNKNOWN, 0, [])
    found = verified(kept, before, signed(kept, SIZE))
    assert (found.outcome, found.covered, len(found.against)) == (Outcome.INTACT, SIZE, 1)
    rewritten(kept)
    found = verified(kept, before)
    assert found.outcome is Outcome.INCONSISTENT
    assert any("kept-0 was signed over 6 other entries" in problem for problem in found.problems)


def test_checkpoints_of_a_key_that_was_rotated_are_believed(kept: KeptLog) -> None:
    before = signed(kept, OLDER)
    for _ in range(3):
        kept.rotate()
    kept.write(1)
    kept.keeper.checkpoint()
    found = verified(kept, before, signed(kept, SIZE))
    assert (found.outcome, found.covered) == (Outcome.INTACT, SIZE)


def test_a_second_signature_of_nobody_we_know_is_passed_over(kept: KeptLog) -> None:
    both = signed(kept, SIZE, None, signer("witness", "witness.example"), *kept.keyring.signers)
    assert verified(kept, both).outcome is Outcome.INTACT


# What the database itself says


def rewritten(kept: KeptLog) -> None:
    """Rewrite the log as a whole, and leave its checkpoints as they are."""
    with as_owner(kept.catalog.engine) as connection:
        bodies = bodies_of(connection)
        rebuild(connection, [forged(bodies[0], outcome="failed"), *bodies[1:]], keep_checkpoints=2**60)


def test_stored_checkpoints_vouch_for_nothing_and_can_contradict(kept: KeptLog) -> None:
    assert kept.stored() == [OLDER, SIZE]
    rewritten(kept)
    found = kept.keeper.verify()
    assert (found.outcome, found.entries) == (Outcome.INCONSISTENT, SIZE)
    assert [problem.partition(" was ")[0] for problem in found.problems] == [
        f"the stored checkpoint of {size} entries" for size in (OLDER, SIZE)
    ]


def test_a_stored_checkpoint_over_more_than_there_is_says_that_the_log_is_cut(kept: KeptLog) -> None:
    with as_owner(kept.catalog.engine) as connection:
        rebuild(connection, bodies_of(connection)[:-2], keep_checkpoints=2**60)
    (problem,) = kept.keeper.verify().problems
    assert problem.startswith(f"the log is cut: the stored checkpoint of {SIZE} entries was signed over {SIZE} entries")
    assert problem.endswith(f", and there are {SIZE - 2}")


def test_a_stored_checkpoint_that_was_changed_is_told(kept: KeptLog) -> None:
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(update(audit_checkpoint).values(note=with_bad_signature(signed(kept, SIZE))))
    found = kept.keeper.verify()
    assert found.outcome is not Outcome.SELF_CONSISTENT
    assert "changed or forged" in found.problems[0]


def test_a_stored_checkpoint_that_stands_under_another_size_is_told(kept: KeptLog) -> None:
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(update(audit_checkpoint).where(audit_checkpoint.c.size == OLDER).values(size=OLDER + 1))
    found = verified(kept, signed(kept, SIZE))
    assert (found.outcome, found.problems) == (
        Outcome.INCONSISTENT,
        [f"the stored checkpoint of {OLDER + 1} entries speaks of {OLDER} entries"],
    )


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, Path.touch], ids=["folder", "pipe", "empty"])
def test_what_was_signed_here_last_and_cannot_be_read_leaves_it_unknown(
    kept: KeptLog, make: Callable[[Path], None]
) -> None:
    make(kept.remembered)
    found = verified(kept, signed(kept, SIZE))
    assert (found.outcome, found.covered, len(found.problems)) == (Outcome.UNKNOWN, SIZE, 1)
    assert found.problems[0].startswith("what was signed last cannot be told")


def test_what_was_signed_here_last_contradicts_a_log_that_was_rewritten_with_its_checkpoints(kept: KeptLog) -> None:
    kept.remembered.write_text(signed(kept, SIZE), "utf-8")
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    with as_owner(kept.catalog.engine) as connection:
        bodies = bodies_of(connection)
        rebuild(connection, [forged(bodies[0], outcome="failed"), *bodies[1:]])
    found = kept.keeper.verify()
    assert found.outcome is Outcome.INCONSISTENT
    assert found.problems[0].startswith("the checkpoint that was signed here last was signed over 13 other entries")
    assert kept.keeper.verify([], kept.keyring.verifiers[0].text).outcome is Outcome.SELF_CONSISTENT


def test_an_anchor_vouches_as_a_file_does_and_one_that_fails_leaves_it_unknown(kept: KeptLog) -> None:
    shelf, silent = Shelf("shelf"), Shelf("silent")
    kept.anchors = {"shelf": shelf, "silent": silent}
    silent.silent = True
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    shelf.held = [signed(kept, 4), signed(kept, OLDER)]
    found = kept.keeper.verify()
    assert (found.outcome, found.covered, found.against) == (Outcome.INTACT, OLDER, ["anchor shelf"])
    silent.broken = True
    found = kept.keeper.verify()
    assert (found.outcome, found.problems) == (Outcome.UNKNOWN, ["anchor silent: silent is locked"])
    shelf.held.append(signed(kept, SIZE, bytes(32)))
    assert kept.keeper.verify().outcome is Outcome.INCONSISTENT


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"size": SIZE - 1}, f"the head of the log counts {SIZE - 1} entries, and there are {SIZE}"),
        ({"size": SIZE + 1}, f"the head of the log counts {SIZE + 1} entries, and there are {SIZE}"),
        ({"frontier": bytes(96)}, "the head of the log does not fit the entries"),
        ({"frontier": b""}, "the head of the log does not fit the entries"),
    ],
    ids=str,
)
def test_a_head_that_does_not_fit_is_told_whatever_vouches_for_the_entries(
    kept: KeptLog, values: dict[str, object], told: str
) -> None:
    newest = signed(kept, SIZE)
    set_head(kept.catalog.engine, **values)
    found = verified(kept, newest)
    assert (found.outcome, found.problems) == (Outcome.INCONSISTENT, [told])


def test_a_log_without_a_head_is_damaged_not_empty(kept: KeptLog) -> None:
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_head))
    found = kept.keeper.verify()
    assert found.outcome is Outcome.INCONSISTENT
    assert found.problems == ["the audit log is damaged: the row of its head is gone"]


def test_a_log_that_was_emptied_is_not_a_new_one(kept: KeptLog) -> None:
    newest = signed(kept, SIZE)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_entry))
        connection.execute(delete(audit_checkpoint))
        connection.execute(update(audit_head).values(size=0, frontier=b""))
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    found = verified(kept, newest)
    assert found.outcome is Outcome.INCONSISTENT
    assert found.problems[0].startswith("the log is cut")


def test_a_gap_is_told_and_no_checkpoint_behind_it_is_said_to_be_cut(kept: KeptLog) -> None:
    newest, older = signed(kept, SIZE), signed(kept, OLDER)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.seq == 8))
    found = verified(kept, newest, older)
    assert (found.outcome, found.problems, found.root) == (Outcome.INCONSISTENT, ["entry 8 is missing"], "")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET body = CAST(body AS BLOB) WHERE seq = 2",
        "UPDATE audit_entry SET body = X'ff00' WHERE seq = 2",
        "UPDATE audit_entry SET body = 5 WHERE seq = 2",
        "UPDATE audit_entry SET hashes = 'abc' WHERE seq = 2",
        "UPDATE audit_entry SET hashes = 1000000000000 WHERE seq = 2",
        "UPDATE audit_entry SET seq = 'abc' WHERE seq = 2",
        "UPDATE audit_entry SET seq = 'abc' WHERE seq = 12",
        "UPDATE audit_entry SET seq = 1.5 WHERE seq = 2",
        "UPDATE audit_entry SET seq = -1 WHERE seq = 2",
        "UPDATE audit_entry SET seq = X'00', body = X'00', hashes = 7 WHERE seq = 12",
        "UPDATE audit_head SET size = 'abc'",
        "UPDATE audit_head SET frontier = 'abc'",
        "UPDATE audit_head SET frontier = 1000000000000",
        "UPDATE audit_checkpoint SET note = X'ff00'",
        "UPDATE audit_checkpoint SET signed_at = 'yesterday'",
        "UPDATE audit_checkpoint SET size = 'abc' WHERE size = 6",
    ],
)
def test_a_value_of_another_kind_than_its_column_is_damage_and_breaks_nothing(kept: KeptLog, statement: str) -> None:
    """SQLite takes any value in any column."""
    newest = signed(kept, SIZE)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(text(statement))
    for found in (kept.keeper.verify(), verified(kept, newest)):
        assert found.outcome is Outcome.INCONSISTENT
        assert found.problems


# A database that cannot be read


def damaged(kept: KeptLog, spoil: Callable[[Path], None]) -> Verification:
    """Spoil the catalog's file while nobody has it open, then verify with a newest checkpoint at hand."""
    path, file = file_with(kept, signed(kept, SIZE)), kept.keyring.folder.parent / "catalog.db"
    kept.catalog.close()
    spoil(file)
    return kept.keeper.verify([path])


def unlinked(file: Path) -> None:
    file.unlink()


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def garbage(file: Path) -> None:
    file.write_bytes(b"hello" * 1000)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 20 * 4096])


def without_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE audit_entry")


def without_unicode(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER audit_entry_no_update")
        connection.execute("UPDATE audit_entry SET body = CAST(X'ff7b' AS TEXT) WHERE seq = 2")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without_table, "the audit log is damaged: its table audit_entry is gone"),
        (without_unicode, "entry 2 says something else than when it was written"),
    ],
    ids=["without_table", "without_unicode"],
)
def test_a_database_that_was_changed_from_below_is_inconsistent(
    kept: KeptLog, spoil: Callable[[Path], None], told: str
) -> None:
    found = damaged(kept, spoil)
    assert (found.outcome, found.exit_code, found.problems[0]) == (Outcome.INCONSISTENT, 5, told)
    assert [problem for problem in found.problems if problem.startswith("entry 3")] == []


@pytest.mark.parametrize("spoil", [unlinked, a_folder, garbage, cut], ids=lambda spoil: spoil.__name__)
def test_a_database_that_cannot_be_read_leaves_it_unknown(kept: KeptLog, spoil: Callable[[Path], None]) -> None:
    found = damaged(kept, spoil)
    assert (found.outcome, found.exit_code, found.entries) == (Outcome.UNKNOWN, 75, 0)
    assert (found.root, found.covered, found.against, len(found.problems)) == ("", 0, (), 1)


def test_a_database_that_somebody_holds_leaves_it_unknown(kept: KeptLog) -> None:
    file = kept.keyring.folder.parent / "catalog.db"
    kept.catalog.close()
    hurried = KeptLog(kept.catalog, kept.keyring)
    hurried.catalog.engine = create_catalog_engine(f"sqlite:///{file}", busy_timeout=0)
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        found = hurried.keeper.verify()
    assert (found.outcome, found.exit_code) == (Outcome.UNKNOWN, 75)
    assert found.problems == ["Another process is writing to the catalog (SQLITE_BUSY)"]
    assert hurried.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    hurried.catalog.close()


def test_what_is_looked_at_is_one_moment_of_the_log_even_while_others_append(kept: KeptLog) -> None:
    """Read in one transaction: what is appended meanwhile is neither a gap nor a wrong head."""
    shelf = Shelf("shelf")
    kept.anchors = {"shelf": shelf}
    other = kept.again()
    with kept.catalog.read() as uow:
        rows = uow.log.rows()
        assert next(rows)[0] == 0
        other.write(50, 100)
        assert [row[0] for row in rows] == list(range(1, SIZE))
        assert uow.log.head().size == SIZE
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT


def test_problems_of_all_kinds_are_told_together_and_capped(kept: KeptLog) -> None:
    kept.write(100, 50)
    newest = signed(kept, SIZE)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(update(audit_entry).values(body=audit_entry.c.body + " "))
    found = verified(kept, newest)
    told = [problem for problem in found.problems if "says something else" in problem]
    assert len(told) == 20
    assert any(problem.startswith("and ") and problem.endswith(" more") for problem in found.problems)
    assert any("kept-0 was signed over 13 other entries" in problem for problem in found.problems)


def test_checkpoint_of_reads_what_was_signed(kept: KeptLog) -> None:
    """The helper of these tests tells the truth: what it reads is what was put in."""
    found = checkpoint_of(signed(kept, OLDER))
    assert (found.origin, found.size, found.root) == (kept.keyring.origin, OLDER, root_at(kept, OLDER))
