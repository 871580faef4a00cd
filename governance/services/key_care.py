"""`kbgov keys`: makes, rotates, lists and destroys the keys of the audit log, each with an entry in it.

A file of keys and the catalog cannot be changed in one transaction. So files are made inside the transaction that
records them, and every one of these commands first records what another left unrecorded when it was stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from governance.catalog.log_marks import LogKey
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actors import ADMINISTERING, ANYBODY, Actor
from governance.domain.errors import ConfigError, InputError, Refused
from governance.domain.events import Action, Event
from governance.domain.values import Json
from governance.guard import moment
from governance.keyring import Family, HeldKey, Keyring, add_key, drop_key, make_keys
from governance.keyring.making import WHY_NOT, finish_wiping, key_files
from governance.services.log_verify import known_verifiers

GONE_ALREADY = "gone_already"
"""Reason code of an entry: the key's file was not there any more when its destruction was recorded."""


class KeyState(StrEnum):
    """How a key stands.

    CURRENT is used for what is new, OLDER for what is there already. MISSING is one that the log knows and nobody has
    given us; DESTROYED is gone for good, and that was meant.
    """

    CURRENT = "current"
    OLDER = "older"
    MISSING = "missing"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """A key as people see it; never the key itself.

    Attributes:
        where: Its file, or the variable that it comes from; "" for one that is not here.
        created: When the log first knew it, else when its file was written.
        verifier: The public half of a signing key as verifiers take it, "" for the others.

    """

    family: Family
    key_id: str
    state: KeyState
    where: str
    verifier: str
    created: datetime | None
    backed_up: datetime | None

    @property
    def name(self) -> str:
        """What the log calls it."""
        return f"{self.family}:{self.key_id}"

    def as_json(self) -> dict[str, Json]:
        """Give it for programs."""
        return {
            "key": self.name,
            "family": self.family.value,
            "state": self.state.value,
            "where": self.where or None,
            "verifier": self.verifier or None,
            "created": moment(self.created) if self.created is not None else None,
            "backed_up": moment(self.backed_up) if self.backed_up is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A key and the one whose place it took."""

    key: HeldKey
    before: HeldKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """A key that is no more.

    Attributes:
        entries: How many entries of the log nobody can link to a name any more.
        backed_up: When it last went into a backup, which still has it.

    """

    key_id: str
    entries: int
    backed_up: datetime | None


def make(catalog: Catalog, keyring: Keyring, actor: Actor, *, now: datetime, anew: bool = False) -> list[HeldKey]:
    """Make a key of every family that has none, and give the new ones.

    Args:
        catalog: Whose log tells of it.
        keyring: Where the keys are.
        actor: Who says so.
        now: The present moment.
        anew: Also where the log knows a key that is not here.

    Raises:
        RoleRefused: The actor is no administrator.
        Refused: A key that the log knows is not here, and it was not said that another one is to take its place.
        ConfigError: The folder of the keys, or a key, cannot be used.

    """
    actor.require(*ADMINISTERING)
    with catalog.write() as uow:
        lacking = [family for family in Family if not keyring.held(family)]
        lost = [
            key for key in uow.log_keys.every() if key.family in lacking and not (key.retired_at or key.destroyed_at)
        ]
        if lost and not anew:
            raise _lost(lost, keyring)
        origin = next((key.name for key in known_verifiers(uow)), None)
        made = make_keys(keyring.folder, lacking, origin) if lacking else []
        for key in lost:
            uow.log_keys.retired(key.key_id, now)
        keyring.reread()
        settle(uow, keyring, actor, now)
    return made


def rotate(catalog: Catalog, keyring: Keyring, actor: Actor, family: Family, *, now: datetime) -> Rotated:
    """Make a new current key of a family. The one before it stays, for what was made with it.

    Raises:
        RoleRefused: The actor is no administrator.
        Refused: The family's keys come from the environment.
        ConfigError: The family has no key, or the folder or a key cannot be used.

    """
    actor.require(*ADMINISTERING)
    _require_files(keyring, family)
    with catalog.write() as uow:
        settle(uow, keyring, actor, now)
        made = add_key(keyring.folder, family)
        keyring.reread()
        before = [key for key in keyring.held(family) if key.number < made.number][-1]
        _see(uow, keyring, made, now)
        _retire(uow, keyring, now)
        uow.record(Event(action=Action.KEY_ROTATED, at=now, actor=actor, key=made.name, outcome="done"))
    return Rotated(key=made, before=before)


def standings(catalog: Catalog, keyring: Keyring, actor: Actor) -> list[KeyStanding]:
    """Give every key that is here or that the log ever knew, by family, the oldest first.

    Raises:
        RoleRefused: The actor holds no role.
        ConfigError: The folder of the keys, or a key, cannot be used.

    """
    actor.require(*ANYBODY)
    with catalog.read() as uow:
        known = {(key.family, key.key_id): key for key in uow.log_keys.every()}
    found: list[KeyStanding] = []
    for family in Family:
        held = keyring.held(family)
        here = {key.key_id for key in held}
        found += [_absent(family, key) for key in known.values() if key.family == family and key.key_id not in here]
        found += [_present(keyring, key, known.get((family, key.key_id)), held[-1]) for key in held]
    return found


def destroy(
    catalog: Catalog, keyring: Keyring, actor: Actor, key_id: str, confirmed: int | None, *, now: datetime
) -> Destroyed:
    """Destroy a key of the family audit, so that nobody can tell any more whom its pseudonyms stand for.

    The names of actors that were kept beside them are cleared. A key whose file is gone already is only recorded.

    Args:
        catalog: Whose log tells of it.
        keyring: Where the keys are.
        actor: Who says so.
        key_id: Eight hexadecimal digits, or the same behind "audit:".
        confirmed: How many entries of the log hold a pseudonym of it, as somebody has typed it.
        now: The present moment.

    Raises:
        RoleRefused: The actor is no administrator.
        InputError: There is no such key.
        Refused: It must live on, is the current one, comes from the environment, or another number was typed.
        ConfigError: The folder of the keys, or a key, cannot be used.

    """
    actor.require(*ADMINISTERING)
    name = key_id.removeprefix(f"{Family.AUDIT}:")
    with catalog.write() as uow:
        settle(uow, keyring, actor, now)
        known = _destroyable(uow, keyring, name)
        entries = uow.log.named_under(name)
        if confirmed != entries:
            raise _unconfirmed(name, entries, confirmed)
        here = any(key.key_id == name for key in keyring.held(Family.AUDIT))
        uow.log.forget_names(name)
        uow.log_keys.destroyed(name, now)
        uow.record(
            Event(
                action=Action.KEY_DESTROYED,
                at=now,
                actor=actor,
                key=f"{Family.AUDIT}:{name}",
                outcome="done",
                reason="" if here else GONE_ALREADY,
                counts={"entries": entries},
            )
        )
        if here:
            drop_key(keyring.folder, name)  # last: an entry about what is still there would be the worse lie
        elif keyring.folder.is_dir():
            finish_wiping(keyring.folder)
        if here:
            keyring.reread()
    return Destroyed(key_id=name, entries=entries, backed_up=known.backed_up_at)


def settle(uow: UnitOfWork, keyring: Keyring, actor: Actor, now: datetime) -> None:
    """Record every key that is here and that the log does not know, and which ones are no longer current."""
    for family in Family:
        for key in keyring.held(family):
            if _see(uow, keyring, key, now):
                uow.record(Event(action=Action.KEYS_MADE, at=now, actor=actor, key=key.name, outcome="done"))
    _retire(uow, keyring, now)


def see_all(uow: UnitOfWork, keyring: Keyring, keys: Collection[HeldKey], now: datetime) -> None:
    """Have the log know keys that another entry tells of."""
    for key in keys:
        _see(uow, keyring, key, now)
    _retire(uow, keyring, now)


def counted(families: Sequence[Family]) -> Mapping[str, int]:
    """Give how many keys of each family there are."""
    return {family.value: families.count(family) for family in Family if family in families}


def _see(uow: UnitOfWork, keyring: Keyring, key: HeldKey, now: datetime) -> bool:
    return uow.log_keys.seen(key.key_id, key.family.value, keyring.verifier(key), now)


def _retire(uow: UnitOfWork, keyring: Keyring, now: datetime) -> None:
    current = {key.key_id for family in Family for key in keyring.held(family)[-1:]}
    older = {key.key_id for family in Family for key in keyring.held(family)[:-1]} - current
    for key in uow.log_keys.every():
        if key.key_id in older and key.retired_at is None:
            uow.log_keys.retired(key.key_id, now)


def _require_files(keyring: Keyring, family: Family) -> None:
    variable = keyring.variable(family)
    if variable is not None:
        raise Refused(
            f"the {family} keys come from {variable}, which only you can change",
            item=variable,
            next_step="put the line of a new key behind those that are there, separated by a blank or a line end",
        )
    if not keyring.held(family):
        raise ConfigError(f"there is no {family} key yet", item=str(keyring.folder), next_step="kbgov keys init")


def _lost(lost: Sequence[LogKey], keyring: Keyring) -> Refused:
    names = ", ".join(f"{key.family}:{key.key_id}" for key in lost)
    return Refused(
        f"the log knows keys that are not here: {names}",
        item=str(keyring.folder),
        next_step="kbgov keys restore FILE brings them back; if they are lost for good: kbgov keys init --replace-lost",
    )


def _destroyable(uow: UnitOfWork, keyring: Keyring, key_id: str) -> LogKey:
    """Give what the log knows of a key that may be destroyed."""
    found = [key for key in uow.log_keys.every() if key.key_id == key_id.rpartition(":")[2]]
    if not found or (":" in key_id and f"{found[0].family}:{found[0].key_id}" != key_id):
        raise InputError("there is no such key", item=key_id, next_step="kbgov keys list")
    known, family = found[0], Family(found[0].family)
    if family in WHY_NOT:
        raise Refused(f"a {family} key is never destroyed: {WHY_NOT[family]}", item=key_id)
    if known.destroyed_at is not None:
        raise InputError(f"this key was destroyed at {moment(known.destroyed_at)}", item=key_id)
    _require_older(keyring, key_id)
    return known


def _require_older(keyring: Keyring, key_id: str) -> None:
    held = keyring.held(Family.AUDIT)
    if held and held[-1].key_id == key_id:
        raise Refused("this is the key that the log is written with", item=key_id, next_step="kbgov keys rotate audit")
    variable = keyring.variable(Family.AUDIT)
    if variable is not None and any(key.key_id == key_id for key in held):
        raise Refused(
            f"this key comes from {variable}, which only you can change",
            item=key_id,
            next_step="destroy its line there and wherever it is kept, then say it here again",
        )
    if variable is not None and any(name.key_id == key_id for name in key_files(keyring.folder)):
        raise Refused(
            f"a file still holds this key, although the audit keys come from {variable}",
            item=str(keyring.folder),
            next_step=f"unset {variable} for this command, or take the file away",
        )


def _unconfirmed(key_id: str, entries: int, confirmed: int | None) -> Refused:
    typed = "" if confirmed is None else f", while {confirmed} was typed"
    return Refused(
        f"nothing was destroyed: entries of the log that could never again be linked to a name are {entries}{typed}",
        item=key_id,
        next_step=f"to destroy it all the same, add --confirm-count {entries}",
    )


def _present(keyring: Keyring, key: HeldKey, known: LogKey | None, current: HeldKey) -> KeyStanding:
    return KeyStanding(
        family=key.family,
        key_id=key.key_id,
        state=KeyState.CURRENT if key == current else KeyState.OLDER,
        where=key.where,
        verifier=keyring.verifier(key),
        created=known.created_at if known is not None else key.created,
        backed_up=known.backed_up_at if known is not None else None,
    )


def _absent(family: Family, known: LogKey) -> KeyStanding:
    return KeyStanding(
        family=family,
        key_id=known.key_id,
        state=KeyState.MISSING if known.destroyed_at is None else KeyState.DESTROYED,
        where="",
        verifier=known.verifier,
        created=known.created_at,
        backed_up=known.backed_up_at,
    )


def missing_keys(catalog: Catalog, keyring: Keyring) -> Iterator[LogKey]:
    """Give the keys that the log knows, that were never destroyed, and that are not here."""
    with catalog.read() as uow:
        known = uow.log_keys.every()
    here = {(family.value, key.key_id) for family in Family for key in keyring.held(family)}
    yield from (key for key in known if key.destroyed_at is None and (key.family, key.key_id) not in here)
