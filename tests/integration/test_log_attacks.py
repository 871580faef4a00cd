"""The attack matrix: nine attacks by the owner of the database, against no, an older and the newest checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text, update

from governance.catalog.engine import begin_write
from governance.catalog.log_marks import Anchored
from governance.catalog.tables import audit_checkpoint
from governance.catalog.unit_of_work import Catalog
from governance.cli.log import show_verification
from governance.cli.output import Screen
from governance.domain.actors import Actor
from governance.domain.errors import LogInconsistent
from governance.domain.events import Action, Event
from governance.domain.signed_note import VerifierKey
from governance.keyring.families import Family
from governance.keyring.making import make_keys
from governance.keyring.ring import Keyring
from governance.services.log_keep import LogKeeper
from governance.services.log_sign import is_due
from governance.services.log_verify import Outcome, Verification
from tests.log_attacks import ATTACKS, Attack, drop_triggers

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SIZE, OLDER = 300, 200


@dataclass
class Installation:
    """A log of 300 entries with checkpoints at 200 and 300, of which copies were kept elsewhere."""

    catalog: Catalog
    keeper: LogKeeper
    older: Path
    newest: Path


@pytest.fixture
def installed(catalog_engine: Engine, tmp_path: Path) -> Iterator[Installation]:
    keys = tmp_path / "keys"
    make_keys(keys, Family)
    keyring = Keyring(keys, {})
    catalog = Catalog(catalog_engine, lambda: keyring.audit)
    keeper = LogKeeper(catalog=catalog, keyring=keyring, anchors=dict, clock=lambda: NOW)
    kept = []
    for start, stop in ((1, OLDER), (OLDER, SIZE)):  # the first entry comes by itself
        with catalog.write() as uow:
            for number in range(start, stop):
                uow.record(event(number))
        path = tmp_path / f"kept-{stop}"
        path.write_text(keeper.checkpoint().note, "utf-8")
        kept.append(path)
    (keys / "checkpoint").unlink()  # what the database's owner is held against must be what the test says
    yield Installation(catalog, keeper, *kept)
    catalog.close()


def event(number: int) -> Event:
    actor = Actor(id=f"ann-{number % 7}")
    return Event(action=Action.RUN_STARTED, at=NOW + timedelta(seconds=number), actor=actor, run_id=number)


def attacked(installed: Installation, attack: Attack) -> None:
    drop_triggers(installed.catalog.engine)
    with begin_write(installed.catalog.engine) as connection:
        attack.run(connection)


def printed(found: Verification) -> str:
    with CliRunner().isolation() as streams:
        import sys  # noqa: PLC0415 - the streams of the isolation

        show_verification(Screen(sys.stdout), found)
        sys.stdout.flush()
        return streams[0].getvalue().decode()


def test_a_log_that_nobody_touched_is_intact_and_all_of_it_covered(installed: Installation) -> None:
    found = installed.keeper.verify([installed.newest])
    assert (found.outcome, found.entries, found.covered, found.problems) == (Outcome.INTACT, SIZE, SIZE, [])
    older = installed.keeper.verify([installed.older])
    assert (older.outcome, older.covered) == (Outcome.INTACT, OLDER)
    assert "100 entries after it: not covered by this checkpoint" in printed(older)
    alone = installed.keeper.verify()
    assert (alone.outcome, alone.covered) == (Outcome.SELF_CONSISTENT, 0)
    assert "Self-consistent only" in printed(alone)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_newest_checkpoint_from_outside_gives_every_attack_away(installed: Installation, attack: Attack) -> None:
    attacked(installed, attack)
    found = installed.keeper.verify([installed.newest])
    assert found.outcome is Outcome.INCONSISTENT
    assert found.exit_code == 5
    assert found.problems


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_older_checkpoint_leaves_what_came_after_it_uncovered_and_says_so(
    installed: Installation, attack: Attack
) -> None:
    attacked(installed, attack)
    found = installed.keeper.verify([installed.older])
    if not attack.spares_beginning:
        assert found.outcome is Outcome.INCONSISTENT
        return
    assert (found.outcome, found.covered) == (Outcome.INTACT, OLDER)
    rest = found.entries - OLDER
    assert f"{rest} entries after it: not covered by this checkpoint" in printed(found)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_without_a_checkpoint_from_outside_the_answer_is_self_consistent_only(
    installed: Installation, attack: Attack
) -> None:
    attacked(installed, attack)
    found = installed.keeper.verify()
    if attack.caught_alone:
        assert found.outcome is Outcome.INCONSISTENT
        return
    assert (found.outcome, found.exit_code) == (Outcome.SELF_CONSISTENT, 3)
    assert "Self-consistent only" in printed(found)


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if not attack.caught_alone], ids=lambda a: a.name)
def test_what_was_signed_here_last_gives_the_careful_attacks_away_as_well(
    installed: Installation, attack: Attack
) -> None:
    """The file beside the keys is not in the database, so whoever owns only that cannot take it along."""
    installed.keeper.checkpoint()
    note = installed.newest.read_text("utf-8")
    (installed.keeper.keyring.folder / "checkpoint").write_text(note, "utf-8")
    attacked(installed, attack)
    assert installed.keeper.verify().outcome is Outcome.INCONSISTENT
    with pytest.raises(LogInconsistent):
        installed.keeper.checkpoint()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_nothing_is_signed_over_a_log_that_contradicts_the_last_checkpoint_in_the_database(
    installed: Installation, attack: Attack
) -> None:
    """As far as the stored hashes show it: bodies are looked at by a verification."""
    with installed.catalog.read() as uow:
        kept = uow.checkpoints.every()
    attacked(installed, attack)
    with installed.catalog.write() as uow:
        there = {item.size for item in uow.checkpoints.every()}
        for item in kept:
            if item.size not in there:
                uow.checkpoints.add(item)
        uow.record(event(SIZE))
    if attack.name in {"change a body", "change a body and its leaf hash", "delete a row"}:
        assert installed.keeper.verify().outcome is Outcome.INCONSISTENT
    else:
        with pytest.raises(LogInconsistent):
            installed.keeper.checkpoint()


def test_a_tenth_attack_with_the_whole_program_and_keys_of_ones_own_is_caught_as_well(
    installed: Installation, tmp_path: Path
) -> None:
    """Whoever has the database and the source writes a perfect log, signed, with every mark that the program leaves.

    All that is missing is the key, so another one signs under the same name, and stands in the table of keys.
    """
    attacked(installed, ATTACKS[5])
    forger = tmp_path / "forger"
    make_keys(forger, Family)
    (held,) = Keyring(forger, {}).held(Family.SIGNING)
    origin = installed.keeper.keyring.origin
    own = Path(held.where).read_text("utf-8").strip().split("+")
    public = Keyring(forger, {}).verifiers[0].public
    named = VerifierKey(origin, public)
    line = "+".join(["PRIVATE", "KEY", origin, named.key_id.hex(), "+".join(own[4:])])
    forged_ring = Keyring(tmp_path / "none", {"KBGOV_KEY_SIGNING": line})
    forging = LogKeeper(catalog=installed.catalog, keyring=forged_ring, anchors=dict, clock=lambda: NOW)
    assert forging.checkpoint().fresh
    alone = installed.keeper.verify()
    assert alone.outcome is Outcome.UNKNOWN, "a checkpoint that none of our keys signed stands in the database"
    assert "none of the keys" in printed(alone)
    with installed.catalog.write() as uow:
        uow.log_keys.seen(named.key_id.hex(), "signing", named.text, NOW)
    assert forging.verify().outcome is Outcome.SELF_CONSISTENT, "the forgery is perfect"
    for kept in (installed.newest, installed.older):
        assert installed.keeper.verify([kept]).outcome is Outcome.INCONSISTENT
    alone = installed.keeper.verify()
    assert alone.outcome is Outcome.SELF_CONSISTENT
    assert "Self-consistent only" in printed(alone)


class Shelf:
    """An anchor in this process, which keeps what it is given."""

    name = "shelf"

    def __init__(self) -> None:
        self.kept: list[str] = []

    def publish(self, note: str) -> None:
        self.kept.append(note)

    def notes(self) -> list[str]:
        return self.kept


def test_a_rewritten_log_is_not_signed_where_only_an_anchor_remembers(installed: Installation) -> None:
    """As with keys from the environment: no file stands beside them, and the database forgets what its owner wants."""
    shelf = Shelf()
    shelf.publish(installed.newest.read_text("utf-8"))
    keeper = LogKeeper(
        catalog=installed.catalog, keyring=installed.keeper.keyring, anchors=lambda: {"shelf": shelf}, clock=lambda: NOW
    )
    attacked(installed, ATTACKS[5])
    with pytest.raises(LogInconsistent):
        keeper.checkpoint()
    assert len(shelf.kept) == 1
    assert not (keeper.keyring.folder / "checkpoint").exists()


def test_marks_that_lie_are_told_and_what_an_anchor_shows_counts(installed: Installation) -> None:
    """Rows that say more was signed and anchored than was: the notes themselves are believed, and nothing else."""
    shelf = Shelf()
    shelf.publish(installed.older.read_text("utf-8"))
    keeper = LogKeeper(
        catalog=installed.catalog, keyring=installed.keeper.keyring, anchors=lambda: {"shelf": shelf}, clock=lambda: NOW
    )
    with installed.catalog.write() as uow:
        uow.anchors.note(Anchored(anchor="shelf", size=10**18, anchored_at=NOW))
    assert keeper.unanchored() == (SIZE, SIZE - OLDER)
    assert keeper.checkpoint().anchored == ["shelf"]
    assert len(shelf.kept) == 2
    shelf.kept.clear()
    assert keeper.checkpoint().anchored == ["shelf"], "what was lost is given again"
    assert len(shelf.kept) == 1
    drop_triggers(installed.catalog.engine)
    with begin_write(installed.catalog.engine) as connection:
        connection.execute(update(audit_checkpoint).where(audit_checkpoint.c.size == SIZE).values(size=SIZE + 7))
    assert keeper.verify().outcome is Outcome.INCONSISTENT
    with pytest.raises(LogInconsistent):
        keeper.checkpoint()


def test_a_checkpoint_from_a_clock_that_was_ahead_does_not_put_off_the_next(installed: Installation) -> None:
    later = installed.keeper
    with installed.catalog.write() as uow:
        uow.record(event(SIZE))
    assert not is_due(installed.catalog, NOW + timedelta(minutes=59))
    assert is_due(installed.catalog, NOW + timedelta(minutes=61))
    assert is_due(installed.catalog, NOW - timedelta(days=400))
    assert later.checkpoint().fresh


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE audit_head SET size = 9223372036854775807",
        "UPDATE log_key SET verifier = 'none'",
        "UPDATE audit_head SET size = -1",
    ],
)
def test_whatever_stands_in_its_tables_there_is_an_answer(installed: Installation, spoil: str) -> None:
    drop_triggers(installed.catalog.engine)
    with begin_write(installed.catalog.engine) as connection:
        connection.execute(text(spoil))
    expected = Outcome.INTACT if "log_key" in spoil else Outcome.INCONSISTENT
    assert installed.keeper.verify([installed.newest]).outcome is expected
