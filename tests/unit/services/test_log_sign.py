"""Checkpoints: what is signed, and what is not before it has been proven to go on from what was signed last."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, delete, select, text, update

from governance.catalog.engine import create_catalog_engine
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import Actor
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import CatalogUnreachable, ConfigError, LogInconsistent
from governance.domain.merkle import EMPTY_ROOT, Frontier, leaf_hash
from governance.domain.signed_note import SignedNote
from governance.keyring.families import Family
from governance.keyring.making import make_keys
from governance.keyring.ring import Keyring
from governance.keyring.signing import sign_note, verified_by
from governance.services.key_care import settle
from governance.services.log_sign import is_due, remembered, require_consistent, sign_checkpoint
from governance.services.log_verify import Outcome
from tests.kept_log import HOUR, NOW, KeptLog, as_owner, checkpoint_of, kept_log, set_head, sqlite_copy
from tests.log_attacks import bodies_of, forged, rebuild
from tests.signed_log import note, signer


@pytest.fixture
def kept(sqlite_template: Path, tmp_path: Path) -> Iterator[KeptLog]:
    made = kept_log(create_catalog_engine(sqlite_copy(sqlite_template, tmp_path)), tmp_path / "keys")
    yield made
    made.catalog.close()


@pytest.fixture
def either(catalog_engine: Engine, tmp_path: Path) -> KeptLog:
    """The same on both databases."""
    return kept_log(catalog_engine, tmp_path / "keys")


def sign(kept: KeptLog) -> StoredCheckpoint:
    signed = sign_checkpoint(kept.catalog, kept.keyring, kept.now)
    assert signed is not None
    return signed.checkpoint


def refuses(kept: KeptLog, match: str) -> None:
    """Signing is refused, and leaves the database and the file as they are."""
    before = kept.stored(), kept.remembered.read_bytes() if kept.remembered.is_file() else None
    with pytest.raises(LogInconsistent, match=match) as caught:
        sign_checkpoint(kept.catalog, kept.keyring, kept.now)
    assert caught.value.exit_code == 5
    assert (kept.stored(), kept.remembered.read_bytes() if kept.remembered.is_file() else None) == before


def roots(kept: KeptLog) -> list[bytes]:
    """Give the root of every size, by hand."""
    frontier, found = Frontier(), [EMPTY_ROOT]
    with kept.catalog.read() as uow:
        for row in uow.log.entries():
            frontier.append(leaf_hash(row.body.encode()))
            found.append(frontier.root)
    return found


# What is signed


def test_the_first_checkpoint_says_how_long_the_log_is_and_what_its_root_is(either: KeptLog) -> None:
    either.write(4)
    signed = sign_checkpoint(either.catalog, either.keyring, NOW)
    assert signed.fresh
    found = checkpoint_of(signed.checkpoint.note)
    assert (found.origin, found.size, found.root) == (either.keyring.origin, 5, roots(either)[5])
    assert (signed.checkpoint.size, signed.checkpoint.signed_at) == (5, NOW)
    assert verified_by(SignedNote.parse(signed.checkpoint.note), either.keyring.verifiers) == either.keyring.verifiers
    assert either.remembered.read_text("utf-8") == signed.checkpoint.note
    with either.catalog.read() as uow:
        assert uow.checkpoints.every() == [signed.checkpoint]


def test_when_nothing_was_appended_the_same_one_is_given_again(either: KeptLog) -> None:
    either.write(4)
    first = sign(either)
    either.now = NOW + 5 * HOUR
    again = sign_checkpoint(either.catalog, either.keyring, either.now)
    assert (again.fresh, again.checkpoint) == (False, first)
    assert either.stored() == [5]
    either.write(1)
    assert sign(either).size == 6
    assert either.stored() == [5, 6]


def test_an_empty_log_is_not_signed_with_or_without_a_key(kept: KeptLog) -> None:
    assert sign_checkpoint(kept.catalog, kept.keyring, NOW) is None
    kept.lose_keys()
    assert sign_checkpoint(kept.catalog, kept.keyring, NOW) is None
    assert (kept.stored(), kept.remembered.exists()) == ([], False)


def test_without_a_signing_key_nothing_is_signed(kept: KeptLog) -> None:
    kept.write(2)
    kept.lose_keys()
    with pytest.raises(ConfigError, match="no signing key"):
        sign_checkpoint(kept.catalog, kept.keyring, NOW)
    assert (kept.stored(), kept.remembered.exists()) == ([], False)


def test_signing_is_no_entry_of_its_own(kept: KeptLog) -> None:
    kept.write(2)
    sign(kept)
    assert kept.size == 3
    assert kept.catalog.recorded == 3


def test_a_log_that_grows_in_any_steps_goes_on_from_what_was_signed(kept: KeptLog) -> None:
    sizes = []
    for count in (1, 1, 1, 2, 3, 1, 8, 15, 1):
        kept.write(count)
        sizes.append(sign(kept).size)
    assert kept.stored() == sizes
    expected = roots(kept)
    with kept.catalog.read() as uow:
        assert [checkpoint_of(item.note).root for item in uow.checkpoints.every()] == [expected[n] for n in sizes]


# Rotated and lost keys


def test_after_a_rotation_the_old_and_the_new_key_sign_and_later_only_the_last_two(kept: KeptLog) -> None:
    kept.write(1)
    (first,) = kept.keyring.verifiers
    assert verified_by(SignedNote.parse(sign(kept).note), [first]) == (first,)
    kept.rotate()
    kept.write(1)
    second = kept.keyring.verifiers[0]
    signed = SignedNote.parse(sign(kept).note)
    assert [one.key_id for one in signed.signatures] == [second.key_id, first.key_id]
    assert verified_by(signed, [first]) == (first,)
    assert verified_by(signed, [second]) == (second,)
    kept.rotate()
    kept.write(1)
    third = kept.keyring.verifiers[0]
    signed = SignedNote.parse(sign(kept).note)
    assert [one.key_id for one in signed.signatures] == [third.key_id, second.key_id]
    assert len({checkpoint_of(item).origin for item in notes(kept)}) == 1


def notes(kept: KeptLog) -> list[str]:
    with kept.catalog.read() as uow:
        return [item.note for item in uow.checkpoints.every()]


def test_a_rotation_alone_is_no_reason_to_sign_again(kept: KeptLog) -> None:
    kept.write(1)
    first = sign(kept)
    kept.rotate()
    assert sign(kept) == first


def test_keys_that_were_lost_and_replaced_go_on_from_what_the_catalog_knows_of_them(kept: KeptLog) -> None:
    with kept.catalog.write() as uow:
        settle(uow, kept.keyring, Actor(id="ann"), NOW)
    before = sign(kept)
    kept.lose_keys()
    make_keys(kept.keyring.folder, [Family.SIGNING])
    kept.keyring.reread()
    kept.write(1)
    after = sign(kept)
    assert checkpoint_of(after.note).origin == kept.keyring.origin != checkpoint_of(before.note).origin
    kept.write(1)
    with as_owner(kept.catalog.engine) as connection:
        bodies = bodies_of(connection)
        rebuild(connection, [forged(bodies[0], outcome="failed"), *bodies[1:]], keep_checkpoints=2**60)
    refuses(kept, "other entries")


# What is not signed


def test_a_log_that_is_shorter_than_what_was_signed_is_not_signed(either: KeptLog) -> None:
    either.write(9)
    sign(either)
    with as_owner(either.catalog.engine) as connection:
        rebuild(connection, bodies_of(connection)[:-3], keep_checkpoints=2**60)
    refuses(either, "was signed over 10 entries, and there are 7")


def test_what_is_remembered_beside_the_keys_counts_where_the_database_has_forgotten_it(either: KeptLog) -> None:
    either.write(9)
    sign(either)
    with as_owner(either.catalog.engine) as connection:
        rebuild(connection, bodies_of(connection)[:-3])
    assert either.stored() == []
    refuses(either, "was signed over 10 entries, and there are 7")
    either.write(3)
    refuses(either, "was signed over 10 other entries than those that are first now")
    either.write(20)
    refuses(either, "was signed over 10 other entries")


def test_a_log_that_was_emptied_is_not_taken_for_a_new_one(kept: KeptLog) -> None:
    kept.write(3)
    sign(kept)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_entry))
        connection.execute(delete(audit_checkpoint))
        connection.execute(update(audit_head).values(size=0, frontier=b""))
    refuses(kept, "was signed over 4 entries, and there are 0")


def test_the_stored_checkpoint_counts_where_nothing_is_remembered(kept: KeptLog) -> None:
    kept.write(9)
    sign(kept)
    kept.remembered.unlink()
    with as_owner(kept.catalog.engine) as connection:
        bodies = bodies_of(connection)
        rebuild(connection, [*bodies[:5], forged(bodies[5], outcome="failed"), *bodies[6:]], keep_checkpoints=2**60)
    refuses(kept, "over 10 other entries")
    kept.write(1)
    refuses(kept, "over 10 other entries")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"frontier": b""}, "its head does not fit its size"),
        ({"frontier": b"x" * 31}, "its head does not fit its size"),
        ({"frontier": bytes(64)}, "its head does not fit its entries"),
        ({"size": 12}, "the hash of subtree"),
    ],
    ids=str,
)
def test_a_head_that_does_not_fit_is_not_signed(kept: KeptLog, values: dict[str, object], told: str) -> None:
    kept.write(4)
    sign(kept)
    kept.write(5)
    set_head(kept.catalog.engine, **values)
    refuses(kept, told)


def test_a_stored_checkpoint_that_stands_under_another_size_stops_signing(kept: KeptLog) -> None:
    kept.write(4)
    sign(kept)
    kept.write(4)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(update(audit_checkpoint).values(size=9))
    refuses(kept, "the checkpoint of 9 entries speaks of 5 entries")


def test_a_head_whose_row_is_gone_is_not_signed(kept: KeptLog) -> None:
    kept.write(4)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_head))
    refuses(kept, "the row of its head is gone")


SPOILT: dict[str, tuple[Callable[[str], str], str]] = {
    "foreign": (lambda _: note(5), "is signed by none of the keys that are trusted here"),
    "forged": (lambda made: made.replace("\n5\n", "\n4\n"), "changed or forged"),
    "cut": (lambda made: made[:-9], "is no checkpoint"),
    "something else": (lambda _: "hello", "is no checkpoint"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_was_signed_last_must_be_readable_wherever_it_is_kept(kept: KeptLog, kind: str) -> None:
    spoil, told = SPOILT[kind]
    kept.write(4)
    made = sign(kept).note
    kept.write(1)
    kept.remembered.write_text(spoil(made), "utf-8")
    refuses(kept, told)
    kept.remembered.write_text(made + spoil(made), "utf-8")
    refuses(kept, told)
    kept.remembered.unlink()
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(update(audit_checkpoint).values(note=spoil(made)))
    refuses(kept, told)


@pytest.mark.parametrize("hashes", [b"", bytes(64)])
def test_an_entry_whose_hashes_were_changed_is_met_where_the_proof_needs_them(kept: KeptLog, hashes: bytes) -> None:
    kept.write(3)
    sign(kept)
    kept.write(2)
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 5).values(hashes=hashes))
    refuses(kept, ".")


def test_a_subtree_that_is_forged_above_entries_that_are_not_is_met(kept: KeptLog) -> None:
    """What was signed before is still there, and what is above it is of another log: only the proof shows that."""
    kept.write(9)
    sign(kept)
    kept.write(6, 20)
    with as_owner(kept.catalog.engine) as connection:
        last = connection.execute(select(audit_entry.c.hashes).where(audit_entry.c.seq == 15)).scalar_one()
        forgery = bytes(32)
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 15).values(hashes=last[:-32] + forgery))
        connection.execute(update(audit_head).values(frontier=forgery))
    refuses(kept, "was signed over 10 other entries than those that are first now")


def test_consistency_is_proven_between_every_two_sizes_and_for_nothing_else(kept: KeptLog) -> None:
    kept.write(17)
    expected, origin = roots(kept), kept.keyring.origin
    with kept.catalog.read() as uow:
        for new in range(1, 19):
            for old in range(new + 1):
                require_consistent(uow.log, Checkpoint(origin, old, expected[old]), new, expected[new])
                with pytest.raises(LogInconsistent):
                    require_consistent(uow.log, Checkpoint(origin, old, bytes(32)), new, expected[new])
                with pytest.raises(LogInconsistent):
                    require_consistent(uow.log, Checkpoint(origin, old, expected[old]), new, bytes(32))
            with pytest.raises(LogInconsistent, match=f"over {new + 1} entries, and there are {new}"):
                require_consistent(uow.log, Checkpoint(origin, new + 1, bytes(32)), new, expected[new])


# The file beside the keys


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, Path.touch], ids=["folder", "pipe", "empty"])
def test_nothing_is_signed_while_nobody_can_tell_what_was_signed_last(
    kept: KeptLog, make: Callable[[Path], None]
) -> None:
    kept.write(2)
    make(kept.remembered)
    for _ in range(2):
        with pytest.raises(ConfigError, match="cannot be told"):
            sign(kept)
    assert kept.stored() == []
    assert sorted(path.name for path in kept.keyring.folder.glob("*checkpoint*")) == ["checkpoint"]


def test_keys_from_the_environment_alone_leave_no_folder_behind(sqlite_template: Path, tmp_path: Path) -> None:
    make_keys(tmp_path / "elsewhere", Family)
    copies = Keyring(tmp_path / "elsewhere", {}).copies()
    env = {copy.name.family.variable: copy.line.get_secret_value() for copy in copies}
    keyring = Keyring(tmp_path / "keys", env)
    catalog = Catalog(create_catalog_engine(sqlite_copy(sqlite_template, tmp_path)), lambda: keyring.audit)
    kept = KeptLog(catalog, keyring)
    kept.write(1)
    assert sign(kept).size == 2
    kept.write(1)
    assert sign(kept).size == 3
    assert not keyring.folder.exists()
    catalog.close()


def test_the_file_is_replaced_as_a_whole_and_holds_the_last_checkpoint_only(kept: KeptLog) -> None:
    kept.write(1)
    first = sign(kept)
    reading = kept.remembered.with_name("as a reader sees it")
    os.link(kept.remembered, reading)
    kept.write(1)
    second = sign(kept)
    assert reading.read_bytes() == first.note.encode()
    assert [item.note for item in remembered(kept.keyring.folder)] == [second.note]
    assert kept.remembered.read_bytes() == second.note.encode()
    assert [path.name for path in kept.keyring.folder.glob(".checkpoint*")] == []


class Interrupted(Catalog):
    """Fails when everything is done but the commit."""

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        with super().write() as uow:
            yield uow
            raise CatalogUnreachable("the disk is full")


@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_commit_that_fails_behind_the_file_leaves_a_log_that_can_be_signed_next_time(
    kept: KeptLog, more: int
) -> None:
    kept.write(3)
    sign(kept)
    kept.write(2)
    with pytest.raises(CatalogUnreachable):
        sign_checkpoint(Interrupted(kept.catalog.engine, lambda: kept.keyring.audit), kept.keyring, NOW)
    promised = kept.remembered.read_text("utf-8")
    assert (checkpoint_of(promised).size, kept.stored()) == (6, [4])
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    if more:
        kept.write(more)
    made = sign(kept)
    assert kept.stored() == [4, 6 + more]
    if not more:
        assert made.note == promised
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT


# Several at once


def test_several_that_sign_at_once_make_one_checkpoint_of_a_size_and_no_error(either: KeptLog) -> None:
    either.write(3)
    start = Barrier(4)

    def sign_and_write(worker: int) -> list[int]:
        one = either.again()
        start.wait()
        sizes = []
        for turn in range(4):
            sizes.append(sign(one).size)
            one.write(1, 100 * worker + turn)
        return sizes

    with ThreadPoolExecutor(4) as pool:
        sizes = [size for found in pool.map(sign_and_write, range(4)) for size in found]
    assert either.stored() == sorted(set(sizes))
    expected = roots(either)
    assert len(expected) == 4 + 4 * 4 + 1
    for item in notes(either):
        found = checkpoint_of(item)
        assert found.root == expected[found.size]
    assert checkpoint_of(either.remembered.read_text("utf-8")).size == max(sizes)
    assert either.keeper.verify().outcome is Outcome.SELF_CONSISTENT


# When it is due


def test_a_checkpoint_is_due_after_an_hour_and_not_before(kept: KeptLog) -> None:
    assert is_due(kept.catalog, NOW)
    kept.write(1)
    assert is_due(kept.catalog, NOW)
    sign(kept)
    assert not is_due(kept.catalog, NOW)
    assert not is_due(kept.catalog, NOW + HOUR)
    assert is_due(kept.catalog, NOW + HOUR + HOUR / 3600)
    kept.write(1)
    assert not is_due(kept.catalog, NOW + HOUR)


def test_a_clock_that_went_back_is_no_excuse(kept: KeptLog) -> None:
    kept.write(1)
    sign(kept)
    assert is_due(kept.catalog, NOW - HOUR / 3600)


def test_the_trigger_that_keeps_checkpoints_is_no_obstacle_to_signing(either: KeptLog) -> None:
    either.write(1)
    sign(either)
    with pytest.raises(Exception, match="refused"), either.catalog.write() as uow:
        uow.connection.execute(text("UPDATE audit_checkpoint SET note = ''"))
    either.write(1)
    assert sign(either).size == 3


def test_a_note_of_another_signer_in_the_keyring_is_ours(kept: KeptLog) -> None:
    """What a witness added beside our own signature hinders nothing."""
    kept.write(3)
    made = sign(kept)
    text_ = SignedNote.parse(made.note).text
    kept.remembered.write_text(sign_note(text_, [*kept.keyring.signers, signer("witness", "witness.example")]), "utf-8")
    kept.write(1)
    assert sign(kept).size == 5
