"""The keys that this process may use, from the environment or from a folder of files. The environment wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from governance.config.secrets import read_secret
from governance.domain.errors import ConfigError
from governance.domain.pseudonyms import PseudonymKey, Pseudonyms
from governance.domain.signed_note import VerifierKey
from governance.keyring.families import Family, FileName, HeldKey
from governance.keyring.folder import malformed, opened_folder
from governance.keyring.lines import Key, SigningKey, read_line
from governance.keyring.signing import Signer

OVERLAP = 2
"""Signing keys that sign: the current one and the one before it, so that a verifier of either accepts a checkpoint."""


@dataclass(frozen=True, slots=True)
class KeyCopy:
    """A key as it goes into a backup and comes out of one.

    Attributes:
        line: What its file holds, without a line end.

    """

    name: FileName
    line: SecretStr


@dataclass(frozen=True, slots=True)
class _Entry:
    held: HeldKey
    key: Key
    line: SecretStr


class Keyring:
    """Gives keys by what they are for. Each family is read when it is first asked for, and kept.

    Args:
        folder: Where the files are; it need not exist.
        env: The environment.

    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = env
        self._entries: dict[Family, tuple[_Entry, ...]] = {}

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    @property
    def audit(self) -> Pseudonyms:
        """What stands for names in the log. Raises ConfigError."""
        return self._pseudonyms(Family.AUDIT)

    @property
    def suppression(self) -> Pseudonyms:
        """What recognizes erased things that come back. Raises ConfigError."""
        return self._pseudonyms(Family.SUPPRESSION)

    @property
    def signers(self) -> tuple[Signer, ...]:
        """What signs now: the current key, then the one before it, if there is one. Raises ConfigError."""
        return tuple(Signer(key) for key in self._signing_keys()[:OVERLAP])

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The public halves of all signing keys, the newest first. Raises ConfigError."""
        return tuple(key.verifier for key in self._signing_keys())

    @property
    def origin(self) -> str:
        """What checkpoints call this log: the name of the current signing key. Raises ConfigError."""
        return self.verifiers[0].name

    def held(self, family: Family) -> list[HeldKey]:
        """Give the keys of a family without their secrets, the oldest first; none is no error. Raises ConfigError."""
        return [entry.held for entry in self._of(family)]

    def verifier(self, held: HeldKey) -> str:
        """Give the public half of a signing key as verifiers take it, "" for a key that has none."""
        keys = (entry.key for entry in self._of(held.family) if entry.held == held)
        return next((key.verifier.text for key in keys if isinstance(key, SigningKey)), "")

    def copies(self) -> list[KeyCopy]:
        """Give every key for a backup, also those from the environment. Raises ConfigError."""
        return [KeyCopy(entry.held.file_name, entry.line) for family in Family for entry in self._of(family)]

    def variable(self, family: Family) -> str | None:
        """Give the variable that a family's keys come from; None when they come from files.

        Raises:
            ConfigError: The variable is set, and so is the one that names a file.

        """
        found = [name for name in (family.variable, f"{family.variable}_FILE") if self._env.get(name)]
        if len(found) > 1:
            raise ConfigError(f"{' and '.join(found)} are both set", item=found[0], next_step="unset one of the two")
        return found[0] if found else None

    def reread(self) -> None:
        """Forget what was read, because the keys have changed since."""
        self._entries.clear()

    def _pseudonyms(self, family: Family) -> Pseudonyms:
        return Pseudonyms([entry.key for entry in self._required(family) if isinstance(entry.key, PseudonymKey)])

    def _signing_keys(self) -> list[SigningKey]:
        entries = reversed(self._required(Family.SIGNING))
        return [entry.key for entry in entries if isinstance(entry.key, SigningKey)]

    def _required(self, family: Family) -> tuple[_Entry, ...]:
        entries = self._of(family)
        if not entries:
            raise ConfigError(
                f"there is no {family} key, neither in {family.variable} nor in the folder of the keys",
                item=str(self._folder),
                next_step="kbgov keys init makes one; kbgov keys restore brings those of a backup back",
            )
        return entries

    def _of(self, family: Family) -> tuple[_Entry, ...]:
        if family not in self._entries:
            variable = self.variable(family)
            found = self._from_files(family) if variable is None else self._from_environment(family, variable)
            self._entries[family] = tuple(found)
        return self._entries[family]

    def _from_files(self, family: Family) -> Iterator[_Entry]:
        with opened_folder(self._folder) as folder:
            if folder is None:
                return
            for name in folder.names():
                if name.family is not family:
                    continue
                file = folder.read(name)
                where = str(file.path)
                key = _key(family, file.line, where)
                if key.key_id != name.key_id:
                    raise malformed(where, f"holds the key {key.key_id}, which is not the one that its name says")
                yield _Entry(_held(family, key, name.number, where, file.written), key, file.line)

    def _from_environment(self, family: Family, variable: str) -> Iterator[_Entry]:
        lines = _lines(read_secret({variable: self._env[variable]}, family.variable))
        if not lines:
            raise ConfigError(f"{variable} holds no key", item=variable, next_step="unset it, or put keys into it")
        seen: set[str] = set()
        for number, line in enumerate(lines, 1):
            key = _key(family, line, f"{variable}, line {number}," if len(lines) > 1 else variable)
            if key.key_id in seen:
                raise ConfigError(
                    f"{variable} holds the key {key.key_id} twice",
                    item=variable,
                    next_step="name each once, the oldest first",
                )
            seen.add(key.key_id)
            yield _Entry(_held(family, key, number, variable), key, line)


def _key(family: Family, line: SecretStr, where: str) -> Key:
    found = read_line(family, line)
    if isinstance(found, str):
        raise malformed(where, found)
    return found


def _held(family: Family, key: Key, number: int, where: str, created: datetime | None = None) -> HeldKey:
    return HeldKey(family=family, key_id=key.key_id, number=number, where=where, created=created)


def _lines(text: SecretStr | None) -> list[SecretStr]:
    return [] if text is None else [SecretStr(word) for word in text.get_secret_value().split()]


def open_keyring(folder: Path, env: Mapping[str, str]) -> Keyring:
    """Give the keys of a folder and an environment; reads nothing yet."""
    return Keyring(folder, env)
