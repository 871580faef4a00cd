"""Whether the keys of the audit log are there and saved, and how much of it is vouched for outside the database."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from governance.catalog.log_marks import LogKey
from governance.catalog.unit_of_work import Catalog
from governance.guard import moment
from governance.keyring import Family, HeldKey, Keyring
from governance.services.checks import Verdict, bad, fine, poor
from governance.services.key_care import missing_keys
from governance.services.log_keep import LogKeeper

_BACKUP = "kbgov keys backup FILE"


class LogPatient(Protocol):
    """What is needed to judge the keys of the log."""

    @property
    def catalog(self) -> Catalog:
        """The catalog, at this version's revision."""

    @property
    def keyring(self) -> Keyring:
        """The keys."""

    @property
    def log(self) -> LogKeeper:
        """What signs and checks the log."""


def keys_verdict(patient: LogPatient) -> Verdict:
    """Judge the keys: each family has one, those that the log knows are here, and all of them are in a backup.

    Raises:
        ConfigError: The folder of the keys, or a key, cannot be used.

    """
    held = {family: patient.keyring.held(family) for family in Family}
    lacking = [family.value for family in Family if not held[family]]
    missing = list(missing_keys(patient.catalog, patient.keyring))
    in_use = [_name(key) for key in missing if key.retired_at is None]
    if in_use:
        return bad(f"the log knows keys that are not here: {', '.join(in_use)}", "kbgov keys restore FILE")
    if lacking:
        return bad(f"no key of the family {', '.join(lacking)}", "kbgov keys init")
    # What an older signing key signed is verified with its public half, which the catalog has.
    old = [_name(key) for key in missing if key.family != Family.SIGNING]
    if old:
        return poor(
            f"older keys are not here, so that what they stand for cannot be told: {', '.join(old)}",
            "kbgov keys restore FILE",
        )
    return _saved(patient, held)


def log_verdict(patient: LogPatient) -> Verdict:
    """Judge how much of the log is signed, and how much of it a place outside the database vouches for.

    Raises:
        ConfigError: An anchor cannot be used.
        LogInconsistent: The log cannot be read.

    """
    size, unanchored = patient.log.unanchored()
    with patient.catalog.read() as uow:
        newest = uow.checkpoints.newest()
    signed = "never signed" if newest is None else f"signed up to {newest.size} at {moment(newest.signed_at)}"
    detail = f"entries: {size}, {signed}, not yet anchored: {unanchored}"
    if not patient.log.anchors():
        return poor(f"{detail}; no anchor is configured", "add a section [anchors.NAME]; see kbgov guide log")
    return poor(detail, "kbgov log checkpoint") if unanchored else fine(detail)


def _saved(patient: LogPatient, held: dict[Family, list[HeldKey]]) -> Verdict:
    with patient.catalog.read() as uow:
        known = {(key.family, key.key_id): key.backed_up_at for key in uow.log_keys.every()}
    times = {key.name: known.get((key.family, key.key_id)) for keys in held.values() for key in keys}
    detail = _places(patient, held)
    saved: list[datetime] = [at for at in times.values() if at is not None]
    unsaved = [name for name, at in times.items() if at is None]
    if not saved:
        return poor(f"{detail}; never backed up", _BACKUP)
    if unsaved:
        return poor(f"{detail}; newer than the last backup of {moment(max(saved))}: {', '.join(unsaved)}", _BACKUP)
    return fine(f"{detail}; backed up {moment(min(saved))}")


def _places(patient: LogPatient, held: dict[Family, list[HeldKey]]) -> str:
    parts = []
    for family, keys in held.items():
        older = f" and {len(keys) - 1} older" if len(keys) > 1 else ""
        variable = patient.keyring.variable(family)
        place = f" from {variable}" if variable is not None else ""
        parts.append(f"{family} {keys[-1].key_id}{older}{place}")
    files = any(patient.keyring.variable(family) is None for family in held)
    return ", ".join(parts) + (f" in {patient.keyring.folder}" if files else "")


def _name(key: LogKey) -> str:
    return f"{key.family}:{key.key_id}"
