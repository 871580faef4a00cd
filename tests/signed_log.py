"""Keys, checkpoints and small signed logs for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.catalog.engine import create_catalog_engine
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.checkpoints import Checkpoint
from governance.domain.events import Action, Event, Thing
from governance.domain.ports import Anchor
from governance.domain.signed_note import ED25519, VerifierKey, to_base64
from governance.keyring.lines import SigningKey
from governance.keyring.ring import open_keyring
from governance.keyring.signing import Signer, sign_note
from governance.services.log_keep import LogKeeper
from tests.log_rows import known_names

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

ORIGIN = "kbgov.log/0011223344556677"


def signer(word: str = "one", origin: str = ORIGIN) -> Signer:
    """Give a signer whose key follows from a word."""
    seed = sha256(word.encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return Signer(SigningKey(VerifierKey(origin, public), seed))


def private_line(word: str = "one", origin: str = ORIGIN) -> str:
    """Give the same key as its file holds it."""
    made = signer(word, origin)
    encoded = to_base64(ED25519 + sha256(word.encode()).digest())
    return f"PRIVATE+KEY+{origin}+{made.verifier.key_id.hex()}+{encoded}"


def note(size: int, root: bytes | None = None, *words: str) -> str:
    """Give a signed checkpoint; its root follows from the size where none is given."""
    text = Checkpoint(ORIGIN, size, sha256(b"%d" % size).digest() if root is None else root).text
    return sign_note(text, [signer(word) for word in words or ("one",)])


class Installation:
    """A catalog with a log, and the keys to sign it; nothing else.

    Args:
        url: Of a migrated catalog.
        folder: Where the keys would be; it need not exist.
        words: Which signing keys there are, the oldest first.

    """

    def __init__(self, url: str, folder: Path, *words: str) -> None:
        self.catalog = Catalog(create_catalog_engine(url), known_names)
        self.folder = folder
        self.anchors: dict[str, Anchor] = {}
        self.hold(*words)

    def hold(self, *words: str) -> None:
        """Have these signing keys from now on, the oldest first."""
        lines = " ".join(private_line(word) for word in words)
        self.keyring = open_keyring(self.folder, {"KBGOV_KEY_SIGNING": lines} if lines else {})
        self.keeper = LogKeeper(
            catalog=self.catalog, keyring=self.keyring, anchors=lambda: self.anchors, clock=lambda: NOW
        )

    def record(self, *actions: Action, about: Thing | None = None, actor: str = "tester") -> None:
        """Append entries; the very first of a log comes with one more before it."""
        with self.catalog.write() as uow:
            for action in actions:
                uow.record(Event(action=action, at=NOW, actor=Actor(id=actor), about=about, outcome="done"))

    def fill(self, count: int) -> None:
        """Append entries of which every sixth has a proof of its own in an export."""
        mixed = [Action.FINDING_WAIVED, Action.RUN_STARTED, Action.RUN_FINISHED, Action.DOCUMENT_REVIEWED]
        turn = [*mixed, Action.POLICY_ADOPTED, Action.FINDINGS_OPENED]
        self.record(*(turn[place % len(turn)] for place in range(count)))

    def sign(self) -> str:
        """Sign the log as it stands, and give the note."""
        return self.keeper.checkpoint().note

    @property
    def bodies(self) -> list[str]:
        """What the entries say, to the letter."""
        with self.catalog.read() as uow:
            return [row.body for row in uow.log.entries()]
