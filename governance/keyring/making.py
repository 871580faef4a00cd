"""Makes, adds, brings back and takes away the files of keys.

All of it happens under a lock of the folder, so that two processes at once never make two keys of one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from governance.domain.errors import ConfigError, Refused
from governance.keyring.families import LAST_NUMBER, Family, FileName, HeldKey
from governance.keyring.folder import KeyFile, KeyFolder, made_folder, malformed, opened_folder
from governance.keyring.lines import SigningKey, new_key, new_origin, read_line
from governance.keyring.ring import KeyCopy

WHY_NOT: Final = {
    Family.SIGNING: "a signing key links nobody to anything, and its signatures must go on verifying",
    Family.SUPPRESSION: "without a suppression key nothing that was erased is recognized when it comes back",
}
"""Why only keys of the family audit may be destroyed."""


def key_files(folder: Path) -> list[FileName]:
    """Give what files of keys there are, by family and number; nothing is read. Raises ConfigError."""
    with opened_folder(folder) as opened:
        return opened.names() if opened is not None else []


def make_keys(folder: Path, families: Iterable[Family], origin: str | None = None) -> list[HeldKey]:
    """Make a key of every family that has none, and give the new ones.

    Args:
        folder: Where the files are.
        families: Those that are wanted.
        origin: What a log that was signed before calls itself; None for a new name.

    Raises:
        ConfigError: The folder or a file in it cannot be used.

    """
    with made_folder(folder) as opened:
        there = {name.family for name in opened.names()}
        missing = [family for family in Family if family in set(families) - there]
        return [_make(opened, family, 1, origin or new_origin()) for family in missing]


def add_key(folder: Path, family: Family) -> HeldKey:
    """Make a new current key of a family; the older ones stay. A new signing key has the name of the one before it.

    Raises:
        ConfigError: The family has no key yet, there are 9999 of it, or a file cannot be used.

    """
    with made_folder(folder) as opened:
        newest = max((name for name in opened.names() if name.family is family), default=None)
        if newest is None:
            raise ConfigError(
                f"there is no {family} key that another could follow", item=str(folder), next_step="kbgov keys init"
            )
        if newest.number >= LAST_NUMBER:
            raise ConfigError(f"there are {LAST_NUMBER} {family} keys already", item=str(folder))
        origin = _origin(opened.read(newest)) if family is Family.SIGNING else ""
        return _make(opened, family, newest.number + 1, origin)


def put_back(folder: Path, copies: Sequence[KeyCopy]) -> list[HeldKey]:
    """Write the files of keys that are missing, and give those; nothing is written over.

    Raises:
        Refused: Another key has the number of one that is missing; nothing was written.
        ConfigError: The folder or a file in it cannot be used.

    """
    with made_folder(folder) as opened:
        names = opened.names()
        known = {(name.family, name.key_id) for name in names}
        missing = [copy for copy in copies if (copy.name.family, copy.name.key_id) not in known]
        taken = {(name.family, name.number): name for name in names}
        for copy in missing:
            other = taken.get((copy.name.family, copy.name.number))
            if other is not None:
                raise Refused(
                    f"another {other.family} key has the number {other.number} of the key {copy.name.key_id} in the "
                    "backup; nothing was written",
                    item=str(folder / str(other)),
                    next_step="move it away if it was never used, else give its file a higher number; then try again",
                )
        return [_held(opened.put(copy.name, copy.line)) for copy in missing]


def drop_key(folder: Path, key_id: str) -> None:
    """Overwrite a key of the family audit, and take it away.

    Raises:
        Refused: It is the current one, of another family, or not there.
        ConfigError: The folder or a file in it cannot be used.

    """
    with made_folder(folder) as opened:
        found = [name for name in opened.names() if name.key_id == key_id]
        if not found:
            raise Refused("there is no file with this key", item=key_id, next_step="kbgov keys list")
        name = found[0]
        if name.family in WHY_NOT:
            raise Refused(f"a {name.family} key is never destroyed: {WHY_NOT[name.family]}", item=key_id)
        if name == max(other for other in opened.names() if other.family is name.family):
            raise Refused(
                "this is the key that the log is written with", item=key_id, next_step="kbgov keys rotate audit"
            )
        opened.wipe(name)


def finish_wiping(folder: Path) -> None:
    """Take away what is left of a key whose destruction was stopped in the middle. Raises ConfigError."""
    with made_folder(folder):
        pass  # opening it for writing does that first


def _make(opened: KeyFolder, family: Family, number: int, origin: str) -> HeldKey:
    made = new_key(family, origin)
    return _held(opened.put(FileName(family, number, made.key_id), made.line))


def _held(file: KeyFile) -> HeldKey:
    name = file.name
    return HeldKey(
        family=name.family, key_id=name.key_id, number=name.number, where=str(file.path), created=file.written
    )


def _origin(file: KeyFile) -> str:
    key = read_line(file.name.family, file.line)
    if isinstance(key, SigningKey):
        return key.verifier.name
    raise malformed(str(file.path), "holds no signing key")
