"""Keeps the log provable: signs it in time, hands checkpoints to anchors, and holds it against what they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from governance.catalog.log_marks import Anchored
from governance.catalog.unit_of_work import Catalog
from governance.domain.checkpoints import Checkpoint
from governance.domain.errors import AnchorFailed, ConfigError, KbgovError, LogInconsistent
from governance.domain.ports import Anchor
from governance.domain.signed_note import Malformed, SignedNote, VerifierKey
from governance.keyring.ring import Keyring
from governance.services.log_sign import is_due, remembered, sign_checkpoint
from governance.services.log_verify import (
    Verification,
    Witness,
    believed,
    read_checkpoints,
    read_keys,
    verify_catalog,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A checkpoint and where it went.

    Attributes:
        size: How many entries it covers; 0 when the log is empty, and then there is none.
        fresh: Whether it was signed now.
        anchored: The anchors that have it now.
        failed: By anchor that did not take it: why.

    """

    size: int = 0
    note: str = ""
    fresh: bool = False
    anchored: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an anchor has.

    Attributes:
        notes: All that it shows; None where it shows nothing.
        size: How many entries it vouches for.
        newest: The checkpoint that says so, with a signature of ours.

    """

    notes: frozenset[str] | None
    size: int
    newest: Witness | None = None

    def has(self, note: str, size: int) -> bool:
        """Say whether a checkpoint need not be handed over again."""
        return note in self.notes if self.notes is not None else self.size == size


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeeper:
    """What is needed to keep the log of one catalog.

    Attributes:
        anchors: Gives the configured anchors, by name.

    """

    catalog: Catalog
    keyring: Keyring
    anchors: Callable[[], Mapping[str, Anchor]]
    clock: Callable[[], datetime]

    def checkpoint(self) -> Made:
        """Sign the log as it stands and hand the checkpoint to every anchor that lacks it.

        Raises:
            LogInconsistent: The log does not begin with what was signed before; nothing was signed.
            ConfigError: There is no signing key, or an anchor cannot be used.

        """
        kept = {name: self._kept(name, anchor) for name, anchor in sorted(self.anchors().items())}
        outside = [item.newest for item in kept.values() if item.newest is not None]
        signed = sign_checkpoint(self.catalog, self.keyring, self.clock(), outside)
        if signed is None:
            return Made()
        size, note = signed.checkpoint.size, signed.checkpoint.note
        failed: dict[str, str] = {}
        anchored: list[str] = []
        for name, anchor in sorted(self.anchors().items()):
            if not kept[name].has(note, size):
                try:
                    anchor.publish(note)
                except AnchorFailed as error:
                    failed[name] = error.message
                    continue
            self._note(name, size)
            anchored.append(name)
        return Made(size=size, note=note, fresh=signed.fresh, anchored=anchored, failed=failed)

    def at_end(self, met: Callable[[LogInconsistent], None]) -> list[str]:
        """Sign at the end of a command that wrote an entry, when the last checkpoint is older than an hour.

        The command has done its work: whatever goes wrong here is told and changes nothing about that.

        Args:
            met: Told when the log turns out not to be what it was.

        """
        if not self.catalog.recorded:
            return []
        try:
            made = self.checkpoint() if is_due(self.catalog, self.clock()) else Made()
        except LogInconsistent as error:
            met(error)
            return [error.message]
        except KbgovError as error:
            return [error.message]
        return [f"anchor {name} did not take the checkpoint: {why}" for name, why in made.failed.items()]

    def verify(self, checkpoints: Sequence[Path] = (), key: str | None = None) -> Verification:
        """Check the log against its own checkpoints, what was signed here last, what anchors have, and these files.

        Args:
            checkpoints: Files with checkpoints that were kept outside the database.
            key: The public key to believe, or the name of its file; None for those of this installation.

        Raises:
            ConfigError: The key that was given is none, or an anchor cannot be used.

        """
        outside, unreadable = self._outside()
        for path in checkpoints:
            found, wrong = read_checkpoints(path)
            outside += found
            unreadable += wrong
        keys = read_keys(key)[0] if key is not None else self._verifiers()
        own: list[Witness] = []
        if key is None:
            try:
                own = remembered(self.keyring.folder)
            except ConfigError as error:
                unreadable.append(error.message)
        return verify_catalog(self.catalog, keys, [*own, *outside], unreadable)

    def unanchored(self) -> tuple[int, int]:
        """Give how many entries there are, and how many of them no anchor vouches for."""
        with self.catalog.read() as uow:
            size = uow.log.head().size
        taken = [self._kept(name, anchor).size for name, anchor in self.anchors().items()]
        return size, size - max((each for each in taken if each <= size), default=0)

    def _verifiers(self) -> Sequence[VerifierKey]:
        try:
            return self.keyring.verifiers
        except ConfigError:
            return ()

    def _outside(self) -> tuple[list[Witness], list[str]]:
        found: list[Witness] = []
        unreadable: list[str] = []
        taken: Mapping[str, Anchored] = {}
        with suppress(KbgovError):  # whatever keeps from reading it is told by the verification
            taken = self._taken()
        for name, anchor in sorted(self.anchors().items()):
            try:
                notes = anchor.notes()
            except AnchorFailed as error:
                unreadable.append(f"anchor {name}: {error.message}")
                continue
            found += [Witness(f"anchor {name}", note, outside=True) for note in notes or ()]
            if notes is not None and not notes and name in taken:
                unreadable.append(f"anchor {name} took a checkpoint of {taken[name].size} entries and has none now")
        return found, unreadable

    def _kept(self, name: str, anchor: Anchor) -> _Kept:
        """Look at what an anchor has; where it shows nothing, the database says what it took."""
        try:
            notes = anchor.notes()
        except AnchorFailed:  # publishing tells why
            notes = None
        if notes is None:
            known = self._taken().get(name)
            return _Kept(None, known.size if known is not None else 0)
        keys = self._verifiers()
        for note in sorted(notes, key=_claimed, reverse=True):
            witness = Witness(f"anchor {name}", note, outside=True)
            signed, _ = believed([witness], keys)
            if signed:
                return _Kept(frozenset(notes), signed[0].checkpoint.size, witness)
        return _Kept(frozenset(notes), 0)

    def _taken(self) -> Mapping[str, Anchored]:
        with self.catalog.read() as uow:
            return uow.anchors.every()

    def _note(self, name: str, size: int) -> None:
        with self.catalog.write() as uow:
            uow.anchors.note(Anchored(anchor=name, size=size, anchored_at=self.clock()))


def _claimed(note: str) -> int:
    """Give the size that a note speaks of, whoever signed it; -1 for what is no checkpoint."""
    try:
        return Checkpoint.parse(SignedNote.parse(note).text).size
    except Malformed:
        return -1
