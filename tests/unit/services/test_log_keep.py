"""Keeping the log provable: when it is signed, where checkpoints go, and what is told when that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from governance.anchors.file import FileAnchor
from governance.catalog.engine import begin_write, create_catalog_engine
from governance.catalog.tables import audit_entry, audit_head
from governance.catalog.unit_of_work import Catalog
from governance.domain.errors import ConfigError, KbgovError, LogInconsistent
from governance.domain.ports import Anchor
from governance.services.log_keep import LogKeeper, Made
from governance.services.log_verify import Outcome
from tests.kept_log import HOUR, NOW, KeptLog, Shelf, as_owner, checkpoint_of, kept_log, set_head, sqlite_copy
from tests.log_attacks import bodies_of, rebuild
from tests.signed_log import note


@pytest.fixture
def kept(sqlite_template: Path, tmp_path: Path) -> Iterator[KeptLog]:
    made = kept_log(create_catalog_engine(sqlite_copy(sqlite_template, tmp_path)), tmp_path / "keys")
    yield made
    made.catalog.close()


def unexpected(error: LogInconsistent) -> None:
    raise AssertionError(error)


def at_end(kept: KeptLog) -> list[str]:
    """Give what a command that ends now tells; the log is what it was."""
    return kept.keeper.at_end(unexpected)


def anchored(kept: KeptLog) -> dict[str, int]:
    with kept.catalog.read() as uow:
        return {name: item.size for name, item in uow.anchors.every().items()}


# At the end of a command


def test_a_command_that_wrote_nothing_signs_nothing(kept: KeptLog) -> None:
    kept.write(3)
    other = kept.again()
    assert at_end(other) == []
    assert kept.stored() == []


def test_the_first_command_that_writes_an_entry_signs_it(kept: KeptLog) -> None:
    kept.write(3)
    assert at_end(kept) == []
    assert kept.stored() == [4]


def test_the_next_checkpoint_is_signed_after_an_hour_and_not_before(kept: KeptLog) -> None:
    kept.write(1)
    at_end(kept)
    kept.now = NOW + HOUR
    kept.write(1)
    assert at_end(kept) == []
    assert kept.stored() == [2]
    kept.now = NOW + HOUR + HOUR / 3600
    assert at_end(kept) == []
    assert kept.stored() == [2, 3]
    kept.write(1)
    at_end(kept)
    assert kept.stored() == [2, 3]


def test_without_a_signing_key_that_is_told_and_nothing_else_happens(kept: KeptLog) -> None:
    kept.write(1)
    kept.lose_keys()
    (told,) = at_end(kept)
    assert told.startswith("there is no signing key")
    assert (kept.stored(), kept.size) == ([], 2)


def test_a_log_that_is_not_what_it_was_is_told_and_passed_on(kept: KeptLog) -> None:
    kept.write(5)
    at_end(kept)
    with as_owner(kept.catalog.engine) as connection:
        rebuild(connection, bodies_of(connection)[:-2])
    kept.now = NOW + 2 * HOUR
    kept.write(1)
    met: list[LogInconsistent] = []
    told = kept.keeper.at_end(met.append)
    assert [error.message for error in met] == told
    assert told == ["no checkpoint is signed: a checkpoint was signed over 6 entries, and there are 5"]


def test_a_head_that_was_spoilt_meanwhile_is_told_and_breaks_nothing(kept: KeptLog) -> None:
    kept.write(5)
    set_head(kept.catalog.engine, frontier=b"x")
    met: list[LogInconsistent] = []
    assert kept.keeper.at_end(met.append) == ["no checkpoint is signed: its head does not fit its size"]
    assert len(met) == 1


def test_a_database_that_is_gone_meanwhile_is_told(kept: KeptLog, tmp_path: Path) -> None:
    kept.write(1)
    kept.catalog.close()
    (tmp_path / "catalog.db").write_bytes(b"x" * 4096)
    (told,) = at_end(kept)
    assert told.startswith("The catalog's file is damaged")


def test_anchors_that_cannot_be_made_are_told_and_nothing_is_signed(kept: KeptLog) -> None:
    def anchors() -> Mapping[str, Anchor]:
        raise ConfigError("anchors.disk is no anchor")

    kept.write(1)
    keeper = LogKeeper(catalog=kept.catalog, keyring=kept.keyring, anchors=anchors, clock=lambda: NOW)
    assert keeper.at_end(unexpected) == ["anchors.disk is no anchor"]
    assert kept.stored() == []  # what anchors have is looked at before anything is signed


# Anchors


def test_every_anchor_takes_a_checkpoint_once(kept: KeptLog) -> None:
    one, two = Shelf("one"), Shelf("two")
    kept.anchors = {"two": two, "one": one}
    kept.write(2)
    made = kept.keeper.checkpoint()
    assert (made.size, made.fresh, made.anchored, made.failed) == (3, True, ["one", "two"], {})
    assert one.held == two.held == [made.note]
    again = kept.keeper.checkpoint()
    assert (again.note, again.fresh, again.anchored) == (made.note, False, ["one", "two"])
    assert one.asked == two.asked == 1
    assert anchored(kept) == {"one": 3, "two": 3}


def test_an_anchor_that_fails_is_told_hinders_no_other_and_is_tried_again_at_the_next_checkpoint(
    kept: KeptLog,
) -> None:
    broken, sound = Shelf("broken"), Shelf("sound")
    kept.anchors = {"broken": broken, "sound": sound}
    broken.broken = True
    kept.write(1)
    assert at_end(kept) == ["anchor broken did not take the checkpoint: broken is locked"]
    assert (kept.stored(), len(sound.held), anchored(kept)) == ([2], 1, {"sound": 2})
    kept.write(1)
    assert at_end(kept) == []
    assert broken.asked == 1
    broken.broken = False
    kept.now = NOW + 2 * HOUR
    assert at_end(kept) == []
    assert [checkpoint_of(item).size for item in broken.held] == [3]
    assert [checkpoint_of(item).size for item in sound.held] == [2, 3]
    assert anchored(kept) == {"broken": 3, "sound": 3}


def test_an_anchor_that_lacks_the_present_checkpoint_gets_it_although_nothing_was_appended(kept: KeptLog) -> None:
    late = Shelf("late")
    kept.write(1)
    first = kept.keeper.checkpoint()
    kept.anchors = {"late": late}
    late.broken = True
    assert kept.keeper.checkpoint().failed == {"late": "late is locked"}
    late.broken = False
    made = kept.keeper.checkpoint()
    assert (made.fresh, made.anchored, late.held) == (False, ["late"], [first.note])


def test_a_real_file_holds_what_was_anchored_and_vouches_for_it(kept: KeptLog, tmp_path: Path) -> None:
    disk = FileAnchor("disk", tmp_path / "checkpoints.txt")
    kept.anchors = {"disk": disk}
    for turn in range(3):
        kept.write(1, turn)
        kept.keeper.checkpoint()
    assert [checkpoint_of(item).size for item in disk.notes()] == [2, 3, 4]
    found = kept.keeper.verify()
    assert (found.outcome, found.covered, found.against) == (Outcome.INTACT, 4, ["anchor disk"])


def test_an_anchor_that_has_lost_what_it_took_is_not_passed_over(kept: KeptLog) -> None:
    shelf, silent = Shelf("shelf"), Shelf("silent")
    silent.silent = True
    kept.anchors = {"shelf": shelf, "silent": silent}
    kept.write(2)
    assert kept.keeper.verify().outcome is Outcome.SELF_CONSISTENT
    kept.keeper.checkpoint()
    assert kept.keeper.verify().outcome is Outcome.INTACT
    shelf.held.clear()
    found = kept.keeper.verify()
    assert (found.outcome, found.problems) == (
        Outcome.UNKNOWN,
        ["anchor shelf took a checkpoint of 3 entries and has none now"],
    )


def test_a_log_that_only_an_anchor_remembers_is_not_signed_anew(kept: KeptLog) -> None:
    shelf = Shelf("shelf")
    kept.anchors = {"shelf": shelf}
    kept.write(5)
    kept.keeper.checkpoint()
    kept.remembered.unlink()
    with as_owner(kept.catalog.engine) as connection:
        rebuild(connection, bodies_of(connection)[:-2])
    for _ in range(2):
        with pytest.raises(LogInconsistent, match="was signed over 6 "):
            kept.keeper.checkpoint()
        kept.write(5)
    with begin_write(kept.catalog.engine) as connection:
        connection.execute(delete(audit_entry))
        connection.execute(update(audit_head).values(size=0, frontier=b""))
    with pytest.raises(LogInconsistent, match="was signed over 6 entries, and there are 0"):
        kept.keeper.checkpoint()
    assert (kept.stored(), kept.remembered.exists(), len(shelf.held)) == ([], False, 1)


def test_of_several_that_an_anchor_has_the_largest_of_ours_counts_in_whatever_order_they_are(kept: KeptLog) -> None:
    shelf = Shelf("shelf")
    kept.anchors = {"shelf": shelf}
    for _ in range(3):
        kept.write(1)
        kept.keeper.checkpoint()
    shelf.held = [shelf.held[1], note(99), shelf.held[2], "hello", shelf.held[0]]
    assert kept.keeper.unanchored() == (4, 0)
    kept.write(2)
    assert kept.keeper.unanchored() == (6, 2)
    assert kept.keeper.checkpoint().anchored == ["shelf"]
    assert checkpoint_of(shelf.held[-1]).size == 6


def test_an_anchor_that_shows_nothing_is_believed_to_have_what_it_took(kept: KeptLog) -> None:
    silent = Shelf("silent")
    silent.silent = True
    kept.anchors = {"silent": silent}
    kept.write(1)
    kept.keeper.checkpoint()
    assert kept.keeper.checkpoint().anchored == ["silent"]
    assert (silent.asked, kept.keeper.unanchored()) == (1, (2, 0))
    kept.write(1)
    assert kept.keeper.unanchored() == (3, 1)
    kept.keeper.checkpoint()
    assert silent.asked == 2


def test_an_empty_log_has_no_checkpoint_and_asks_no_anchor(kept: KeptLog) -> None:
    shelf = Shelf()
    kept.anchors = {"shelf": shelf}
    assert kept.keeper.checkpoint() == Made()
    assert shelf.asked == 0


def test_nothing_is_handed_over_of_a_log_that_is_not_what_it_was(kept: KeptLog) -> None:
    shelf = Shelf()
    kept.anchors = {"shelf": shelf}
    kept.write(5)
    kept.keeper.checkpoint()
    with as_owner(kept.catalog.engine) as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.seq == 5))
        connection.execute(update(audit_head).values(size=5, frontier=b"x" * 64))
    with pytest.raises(KbgovError):
        kept.keeper.checkpoint()
    assert len(shelf.held) == 1


# What nobody vouches for yet


def test_entries_that_no_anchor_vouches_for_are_counted(kept: KeptLog) -> None:
    assert kept.keeper.unanchored() == (0, 0)
    kept.write(3)
    assert kept.keeper.unanchored() == (4, 4)
    kept.keeper.checkpoint()
    assert kept.keeper.unanchored() == (4, 4)
    one, two = Shelf("one"), Shelf("two")
    kept.anchors = {"one": one, "two": two}
    kept.keeper.checkpoint()
    assert kept.keeper.unanchored() == (4, 0)
    two.broken = True
    kept.write(2)
    kept.keeper.checkpoint()
    kept.write(1)
    assert kept.keeper.unanchored() == (7, 1)
    one.broken = True
    assert kept.keeper.unanchored() == (7, 1)


def test_an_anchor_that_is_no_longer_configured_does_not_count(kept: KeptLog) -> None:
    kept.anchors = {"one": Shelf("one"), "two": Shelf("two")}
    kept.write(3)
    kept.keeper.checkpoint()
    kept.anchors = {"two": kept.anchors["two"]}
    assert kept.keeper.unanchored() == (4, 0)
    kept.anchors = {}
    assert kept.keeper.unanchored() == (4, 4)


def test_a_log_that_was_cut_has_not_less_than_no_entry_without_an_anchor(kept: KeptLog) -> None:
    kept.anchors = {"one": Shelf("one")}
    kept.write(5)
    kept.keeper.checkpoint()
    with as_owner(kept.catalog.engine) as connection:
        rebuild(connection, bodies_of(connection)[:-2])
    assert kept.keeper.unanchored() == (4, 4)  # an anchor that has more entries vouches for none of these


def test_a_catalog_that_is_another_process_s_is_checkpointed_as_well(kept: KeptLog) -> None:
    """`log checkpoint` signs whatever others wrote."""
    kept.write(2)
    other = KeptLog(Catalog(kept.catalog.engine, lambda: kept.keyring.audit), kept.keyring)
    assert other.keeper.checkpoint().size == 3
    assert other.catalog.recorded == 0
