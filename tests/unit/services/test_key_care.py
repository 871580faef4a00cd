"""Keys and the log: what is made, rotated, saved, brought back and destroyed is an entry, and who may do it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from governance.catalog.log_marks import LogKey
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import Actor, Role
from governance.domain.errors import ConfigError, InputError, KbgovError, Refused, RoleRefused
from governance.domain.events import Action, Event
from governance.domain.pseudonyms import key_of
from governance.keyring import Family, Keyring, make_keys, open_keyring, saving
from governance.services import key_backup, key_care
from governance.services.checks import Status
from governance.services.doctor_log import keys_verdict
from governance.services.key_backup import bring_back, save
from governance.services.key_care import KeyState, destroy, make, rotate, standings
from tests.log_rows import log_bodies

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ADA = Actor(id="ada")
PASSPHRASE = SecretStr("twelve characters")


@dataclass
class Desk:
    """A catalog and its keys, as the doctor sees them too."""

    catalog: Catalog
    keyring: Keyring

    def bodies(self, *actions: str) -> list[dict[str, Any]]:
        with self.catalog.read() as uow:
            return log_bodies(uow.connection, *actions)

    def told(self) -> list[tuple[str, str]]:
        return [(body["action"], body.get("key", "")) for body in self.bodies()]

    def known(self, key_id: str) -> LogKey:
        with self.catalog.read() as uow:
            return next(key for key in uow.log_keys.every() if key.key_id == key_id)

    def current(self, family: Family = Family.AUDIT) -> str:
        return self.keyring.held(family)[-1].key_id

    def act(self, name: str = "bo", count: int = 1) -> None:
        """Have somebody do something that the log tells of."""
        with self.catalog.write() as uow:
            for _ in range(count):
                uow.record(Event(action=Action.RESUMED, at=NOW, actor=Actor(id=name), outcome="done"))


@pytest.fixture
def blank(catalog_engine: Engine, tmp_path: Path) -> Desk:
    """Nothing made yet."""
    return desk_of(catalog_engine, tmp_path / "keys")


@pytest.fixture
def desk(blank: Desk) -> Desk:
    """A key of each family."""
    make(blank.catalog, blank.keyring, ADA, now=NOW)
    return blank


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make little work of passphrases; how much there is to it is shown elsewhere."""

    def derived(passphrase: SecretStr, salt: bytes) -> bytes:
        return hashlib.sha256(passphrase.get_secret_value().encode() + salt).digest()

    monkeypatch.setattr(saving, "_derived", derived)


def desk_of(engine: Engine, folder: Path, **env: str) -> Desk:
    keyring = open_keyring(folder, env)
    return Desk(Catalog(engine, lambda: keyring.audit), keyring)


def files(desk: Desk) -> dict[str, str]:
    return {path.name: path.read_text() for path in desk.keyring.folder.glob("*.key")}


def line_of(desk: Desk, family: Family) -> str:
    return next(copy.line.get_secret_value() for copy in desk.keyring.copies() if copy.name.family is family)


# Making


def test_a_key_of_each_family_is_made_and_told_once(blank: Desk) -> None:
    made = make(blank.catalog, blank.keyring, ADA, now=NOW)
    assert [key.family for key in made] == list(Family)
    assert blank.told() == [("keys.made", key.name) for key in made]
    assert {key_of(body["actor"]) for body in blank.bodies()} == {blank.current()}
    assert make(blank.catalog, blank.keyring, ADA, now=LATER) == []
    assert len(blank.told()) == 3
    signing = blank.known(blank.current(Family.SIGNING))
    assert (signing.verifier, signing.created_at) == (blank.keyring.verifiers[0].text, NOW)
    assert blank.known(blank.current(Family.AUDIT)).verifier == ""


def test_keys_from_the_environment_are_told_too_and_only_what_they_lack_is_made(
    blank: Desk, catalog_engine: Engine, tmp_path: Path
) -> None:
    make_keys(tmp_path / "other", [Family.AUDIT])
    line = next((tmp_path / "other").glob("*.key")).read_text()
    desk = desk_of(catalog_engine, blank.keyring.folder, KBGOV_KEY_AUDIT=line)
    made = make(desk.catalog, desk.keyring, ADA, now=NOW)
    assert [key.family for key in made] == [Family.SIGNING, Family.SUPPRESSION]
    assert [name.split(":")[0] for _, name in desk.told()] == list(Family)


def test_no_new_key_silently_takes_the_place_of_one_that_was_lost(desk: Desk) -> None:
    lost = desk.keyring.held(Family.SUPPRESSION)[0]
    Path(lost.where).unlink()
    desk.keyring.reread()
    with pytest.raises(Refused, match=lost.name) as caught:
        make(desk.catalog, desk.keyring, ADA, now=LATER)
    assert "kbgov keys restore FILE" in (caught.value.next_step or "")
    assert desk.keyring.held(Family.SUPPRESSION) == []
    made = make(desk.catalog, desk.keyring, ADA, now=LATER, anew=True)
    assert [key.family for key in made] == [Family.SUPPRESSION]
    assert desk.known(lost.key_id).retired_at == LATER
    assert desk.known(made[0].key_id).retired_at is None


def test_a_key_whose_making_was_never_recorded_is_told_by_the_next_command(desk: Desk) -> None:
    from governance.keyring import add_key  # noqa: PLC0415 - what a process did that was then stopped

    before = desk.current()
    silent = add_key(desk.keyring.folder, Family.AUDIT)
    desk.keyring.reread()
    assert make(desk.catalog, desk.keyring, ADA, now=LATER) == []
    assert desk.told()[3:] == [("keys.made", silent.name)]
    assert desk.known(before).retired_at == LATER


# Rotating


@pytest.mark.parametrize("family", Family)
def test_a_rotation_is_an_entry_of_its_own_and_the_old_key_stays(desk: Desk, family: Family) -> None:
    before = desk.current(family)
    done = rotate(desk.catalog, desk.keyring, ADA, family, now=LATER)
    assert (done.before.key_id, done.key.key_id) == (before, desk.current(family))
    assert before != desk.current(family)
    assert desk.told()[3:] == [("key.rotated", done.key.name)]
    assert key_of(desk.bodies("key.rotated")[0]["actor"]) == desk.current()
    assert desk.known(before).retired_at == LATER
    assert desk.known(done.key.key_id).retired_at is None
    assert len(desk.keyring.held(family)) == 2
    rotate(desk.catalog, desk.keyring, ADA, family, now=LATER + timedelta(days=1))
    assert desk.known(before).retired_at == LATER


def test_keys_of_the_environment_are_not_rotated(desk: Desk, catalog_engine: Engine) -> None:
    line = line_of(desk, Family.SIGNING)
    other = desk_of(catalog_engine, desk.keyring.folder, KBGOV_KEY_SIGNING=line)
    before = files(desk)
    with pytest.raises(Refused, match="KBGOV_KEY_SIGNING, which only you can change"):
        rotate(other.catalog, other.keyring, ADA, Family.SIGNING, now=LATER)
    assert files(desk) == before
    rotate(other.catalog, other.keyring, ADA, Family.AUDIT, now=LATER)


def test_a_family_without_a_key_is_not_rotated(blank: Desk) -> None:
    with pytest.raises(ConfigError) as caught:
        rotate(blank.catalog, blank.keyring, ADA, Family.AUDIT, now=NOW)
    assert caught.value.next_step == "kbgov keys init"


# Saving and bringing back


def test_a_backup_is_an_entry_and_gives_back_what_was_lost(desk: Desk, tmp_path: Path) -> None:
    rotate(desk.catalog, desk.keyring, ADA, Family.AUDIT, now=NOW)
    before = files(desk)
    saved = save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=LATER)
    assert dict(saved.keys) == {"signing": 1, "audit": 2, "suppression": 1}
    assert desk.bodies("keys.backed_up")[0]["counts"] == dict(saved.keys)
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert {item.backed_up for item in standings(desk.catalog, desk.keyring, ADA)} == {LATER}
    for name in list(before)[:2]:
        (desk.keyring.folder / name).unlink()
    done = bring_back(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=LATER)
    assert files(desk) == before
    assert (len(done.written), len(done.present), done.left_out) == (2, 2, ())
    assert sum(desk.bodies("keys.restored")[0]["counts"].values()) == 2
    again = bring_back(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=LATER)
    assert (again.written, len(again.present)) == ((), 4)
    assert len(desk.bodies("keys.restored")) == 1


def test_a_catalog_that_never_saw_the_keys_learns_them_from_a_backup(
    desk: Desk, spare_catalog_urls: Any, tmp_path: Path
) -> None:
    from governance.catalog.engine import create_catalog_engine  # noqa: PLC0415 - a second catalog, in one test

    save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=NOW)
    engine = create_catalog_engine(next(spare_catalog_urls))
    other = desk_of(engine, tmp_path / "elsewhere")
    bring_back(other.catalog, other.keyring, ADA, tmp_path / "b", PASSPHRASE, now=LATER)
    assert files(other) == files(desk)
    assert other.told() == [("keys.restored", "")]
    assert [item.state for item in standings(other.catalog, other.keyring, ADA)] == [KeyState.CURRENT] * 3
    engine.dispose()


def test_a_backup_goes_into_a_new_file_away_from_the_keys(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    (tmp_path / "link").symlink_to(desk.keyring.folder)
    for place, problem in {
        "there": "there already",
        "keys/b": "beside the keys",
        "link/b": "beside the keys",
        "no/where": "No such file",
    }.items():
        with pytest.raises(InputError, match=problem):
            save(desk.catalog, desk.keyring, ADA, tmp_path / place, PASSPHRASE, now=NOW)
    assert (tmp_path / "there").read_text() == "precious"
    with pytest.raises(ConfigError, match="12 characters"):
        save(desk.catalog, desk.keyring, ADA, tmp_path / "b", SecretStr("short"), now=NOW)
    assert not (tmp_path / "b").exists()
    assert desk.bodies("keys.backed_up") == []


def test_a_backup_that_does_not_read_back_does_not_count(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_backup, "backup", lambda copies, passphrase: saving.backup(copies[1:], passphrase))
    with pytest.raises(KbgovError, match="does not give the same keys back"):
        save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=NOW)
    assert not (tmp_path / "b").exists()
    assert desk.bodies("keys.backed_up") == []


def test_a_backup_that_cannot_be_recorded_is_taken_away(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_event: Event) -> None:
        raise KbgovError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(UnitOfWork, "record", lambda _self, event: gone(event))
        with pytest.raises(KbgovError, match="gone"):
            save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=NOW)
    assert not (tmp_path / "b").exists()
    assert {item.backed_up for item in standings(desk.catalog, desk.keyring, ADA)} == {None}


def test_what_is_no_backup_brings_nothing_back(desk: Desk, tmp_path: Path) -> None:
    save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=NOW)
    (tmp_path / "other").write_text("other")
    Path(desk.keyring.held(Family.SIGNING)[0].where).unlink()
    for name, words, kind in (
        ("b", "another passphrase", ConfigError),
        ("other", "twelve characters", ConfigError),
        ("none", "twelve characters", InputError),
        ("keys", "twelve characters", InputError),
    ):
        with pytest.raises(kind):
            bring_back(desk.catalog, desk.keyring, ADA, tmp_path / name, SecretStr(words), now=NOW)
    assert len(files(desk)) == 2


# Destroying


@pytest.fixture
def old(desk: Desk) -> str:
    """An older audit key with three entries of its own beside those of the keys."""
    desk.act(count=3)
    key_id = desk.current()
    rotate(desk.catalog, desk.keyring, ADA, Family.AUDIT, now=NOW)
    desk.act("cy")
    return key_id


def names_kept(desk: Desk) -> set[str]:
    with desk.catalog.read() as uow:
        return {row[0] for row in uow.connection.execute(text("SELECT name FROM audit_name"))}


def test_a_destroyed_key_links_nobody_any_more_and_the_log_stays_as_it_was(desk: Desk, old: str) -> None:
    before = [body for body in desk.bodies() if key_of(body["actor"]) == old]
    path = next(desk.keyring.folder.glob(f"*{old}.key"))
    assert names_kept(desk) == {"ada", "bo", "cy"}
    entries = len(before) + 1  # the log's first entry, which says that it began
    gone = destroy(desk.catalog, desk.keyring, ADA, old, entries, now=LATER)
    assert (gone.entries, gone.backed_up) == (entries, None)
    assert not path.exists()
    assert names_kept(desk) == {"ada", "cy"}
    assert [body for body in desk.bodies() if key_of(body["actor"]) == old] == before
    told = desk.bodies("key.destroyed")[0]
    assert (told["key"], told["counts"], told.get("reason")) == (f"audit:{old}", {"entries": entries}, None)
    assert key_of(told["actor"]) == desk.current()
    assert desk.known(old).destroyed_at == LATER
    assert desk.keyring.audit.key_ids == (desk.current(),)


@pytest.mark.parametrize("typed", [None, 0, 6, 8])
def test_another_number_than_that_of_the_entries_destroys_nothing(desk: Desk, old: str, typed: int | None) -> None:
    before, told = files(desk), desk.told()
    with pytest.raises(Refused, match="are 7") as caught:
        destroy(desk.catalog, desk.keyring, ADA, old, typed, now=LATER)
    assert caught.value.next_step == "to destroy it all the same, add --confirm-count 7"
    assert (files(desk), desk.told()) == (before, told)
    assert names_kept(desk) == {"ada", "bo", "cy"}
    assert destroy(desk.catalog, desk.keyring, ADA, f"audit:{old}", 7, now=LATER).entries == 7


def test_a_key_that_must_live_on_is_not_destroyed(desk: Desk, old: str) -> None:
    before = files(desk)
    for family in Family:
        key_id = desk.current(family)
        for name in (key_id, f"{family}:{key_id}"):
            with pytest.raises(Refused) as caught:
                destroy(desk.catalog, desk.keyring, ADA, name, 0, now=LATER)
        expected = "written with" if family is Family.AUDIT else f"a {family} key is never destroyed"
        assert expected in caught.value.message
    for unknown in ("00000000", "", "audit:", f"signing:{old}", "../keys"):
        with pytest.raises(InputError, match="no such key"):
            destroy(desk.catalog, desk.keyring, ADA, unknown, 0, now=LATER)
    assert files(desk) == before


def test_a_destroyed_key_is_not_destroyed_twice_nor_brought_back_by_an_old_backup(
    desk: Desk, old: str, tmp_path: Path
) -> None:
    save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=NOW)
    assert destroy(desk.catalog, desk.keyring, ADA, old, 7, now=LATER).backed_up == NOW
    with pytest.raises(InputError, match="destroyed at 2026-11-22T09:00:00Z"):
        destroy(desk.catalog, desk.keyring, ADA, old, 7, now=LATER)
    done = bring_back(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=LATER)
    assert (done.written, done.left_out) == ((), (f"audit:{old}",))
    assert not list(desk.keyring.folder.glob(f"*{old}.key"))


def test_a_key_whose_file_went_before_its_entry_can_still_be_recorded(
    desk: Desk, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Keyring, "reread", stopped)  # after the file is gone and before anything is committed
        with pytest.raises(KeyboardInterrupt):
            destroy(desk.catalog, desk.keyring, ADA, old, 7, now=LATER)
    assert not list(desk.keyring.folder.glob(f"*{old}.key"))
    assert desk.bodies("key.destroyed") == []
    desk.keyring.reread()
    assert next(item for item in standings(desk.catalog, desk.keyring, ADA) if item.key_id == old).state == "missing"
    destroy(desk.catalog, desk.keyring, ADA, old, 7, now=LATER)
    assert [body["reason"] for body in desk.bodies("key.destroyed")] == ["gone_already"]


def test_a_key_of_the_environment_is_not_called_destroyed_while_it_is_there(
    desk: Desk, old: str, catalog_engine: Engine
) -> None:
    lines = [copy.line.get_secret_value() for copy in desk.keyring.copies() if copy.name.family is Family.AUDIT]
    both = desk_of(catalog_engine, desk.keyring.folder, KBGOV_KEY_AUDIT=" ".join(lines))
    with pytest.raises(Refused, match="comes from KBGOV_KEY_AUDIT"):
        destroy(both.catalog, both.keyring, ADA, old, 7, now=LATER)
    only_new = desk_of(catalog_engine, desk.keyring.folder, KBGOV_KEY_AUDIT=lines[1])
    with pytest.raises(Refused, match="a file still holds this key"):
        destroy(only_new.catalog, only_new.keyring, ADA, old, 7, now=LATER)
    next(desk.keyring.folder.glob(f"*{old}.key")).unlink()
    assert destroy(only_new.catalog, only_new.keyring, ADA, old, 7, now=LATER).entries == 7


# Who may, and what is seen


WITHOUT_ADMIN = Actor(id="eve", roles=frozenset(Role) - {Role.ADMIN})
DEEDS: dict[str, Callable[[Desk, Path], object]] = {
    "make": lambda desk, _file: make(desk.catalog, desk.keyring, WITHOUT_ADMIN, now=NOW),
    "rotate": lambda desk, _file: rotate(desk.catalog, desk.keyring, WITHOUT_ADMIN, Family.AUDIT, now=NOW),
    "save": lambda desk, file: save(desk.catalog, desk.keyring, WITHOUT_ADMIN, file, PASSPHRASE, now=NOW),
    "restore": lambda desk, file: bring_back(desk.catalog, desk.keyring, WITHOUT_ADMIN, file, PASSPHRASE, now=NOW),
    "destroy": lambda desk, _file: destroy(desk.catalog, desk.keyring, WITHOUT_ADMIN, "00000000", 0, now=NOW),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_only_an_administrator_changes_keys_and_whoever_reads_may_list_them(
    desk: Desk, tmp_path: Path, deed: str
) -> None:
    before, told = files(desk), desk.told()
    with pytest.raises(RoleRefused):
        DEEDS[deed](desk, tmp_path / "b")
    assert (files(desk), desk.told()) == (before, told)
    reader = Actor(id="eve", roles=frozenset({Role.READER}))
    assert len(standings(desk.catalog, desk.keyring, reader)) == 3


def test_the_list_has_every_key_that_ever_was(desk: Desk, old: str) -> None:
    destroy(desk.catalog, desk.keyring, ADA, old, 7, now=LATER)
    rotate(desk.catalog, desk.keyring, ADA, Family.SIGNING, now=LATER)
    found = [
        (item.family, item.state, bool(item.where), bool(item.verifier))
        for item in standings(desk.catalog, desk.keyring, ADA)
    ]
    assert found == [
        (Family.SIGNING, KeyState.OLDER, True, True),
        (Family.SIGNING, KeyState.CURRENT, True, True),
        (Family.AUDIT, KeyState.DESTROYED, False, False),
        (Family.AUDIT, KeyState.CURRENT, True, False),
        (Family.SUPPRESSION, KeyState.CURRENT, True, False),
    ]


def test_the_doctor_says_what_is_missing_and_what_was_never_saved(desk: Desk, old: str, tmp_path: Path) -> None:
    never = keys_verdict(desk)
    assert (never.status, never.next_step) == (Status.WARN, "kbgov keys backup FILE")
    assert never.detail.endswith("; never backed up")
    save(desk.catalog, desk.keyring, ADA, tmp_path / "b", PASSPHRASE, now=NOW)
    well = keys_verdict(desk)
    assert (well.status, well.next_step) == (Status.OK, None)
    assert f"audit {desk.current()} and 1 older, suppression" in well.detail
    assert f" in {desk.keyring.folder}; " in well.detail
    assert well.detail.endswith("; backed up 2026-11-21T09:00:00Z")
    made = rotate(desk.catalog, desk.keyring, ADA, Family.SIGNING, now=LATER).key
    newer = keys_verdict(desk)
    assert newer.status is Status.WARN
    assert newer.detail.endswith(f"; newer than the last backup of 2026-11-21T09:00:00Z: {made.name}")
    destroy(desk.catalog, desk.keyring, ADA, old, 7, now=LATER)
    assert f"audit {desk.current()}, suppression" in keys_verdict(desk).detail


def test_the_doctor_names_the_variables_that_keys_come_from(desk: Desk, catalog_engine: Engine) -> None:
    lines = {f"KBGOV_KEY_{family.name}": line_of(desk, family) for family in Family}
    some = desk_of(catalog_engine, desk.keyring.folder, KBGOV_KEY_AUDIT=lines["KBGOV_KEY_AUDIT"])
    assert f"audit {desk.current()} from KBGOV_KEY_AUDIT, suppression" in keys_verdict(some).detail
    assert f" in {desk.keyring.folder};" in keys_verdict(some).detail
    every = desk_of(catalog_engine, desk.keyring.folder, **lines)
    assert str(desk.keyring.folder) not in keys_verdict(every).detail


def test_the_doctor_fails_where_a_key_in_use_is_not_here_and_warns_of_an_older_one(desk: Desk, old: str) -> None:
    next(desk.keyring.folder.glob(f"*{old}.key")).rename(desk.keyring.folder / "kept")
    desk.keyring.reread()
    older = keys_verdict(desk)
    assert (older.status, older.next_step) == (Status.WARN, "kbgov keys restore FILE")
    assert f"audit:{old}" in older.detail
    signing = desk.keyring.held(Family.SIGNING)[0]
    Path(signing.where).unlink()
    desk.keyring.reread()
    gone = keys_verdict(desk)
    assert (gone.status, gone.next_step) == (Status.FAIL, "kbgov keys restore FILE")
    assert gone.detail == f"the log knows keys that are not here: {signing.name}"


def test_the_doctor_fails_where_a_family_never_had_a_key(blank: Desk) -> None:
    verdict = keys_verdict(blank)
    assert (verdict.status, verdict.next_step) == (Status.FAIL, "kbgov keys init")
    assert verdict.detail == "no key of the family signing, audit, suppression"


def test_what_is_counted_is_counted_by_family() -> None:
    assert key_care.counted([Family.AUDIT, Family.SIGNING, Family.AUDIT]) == {"signing": 1, "audit": 2}
