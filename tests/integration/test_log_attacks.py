"""The attack matrix: nine attacks by the owner of the database, against no, an older and the newest checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from governance.catalog.engine import begin_write
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
