"""Signs and verifies with Ed25519 (RFC 8032), alone and as signed notes (c2sp.org/signed-note)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from governance.domain.signed_note import NoteSignature, SignedNote, VerifierKey
from governance.keyring.lines import SigningKey


class BadSignature(ValueError):
    """A note has a signature of a known key that the key did not make: the whole note is to be rejected."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with one key."""

    _key: SigningKey = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return self._key.verifier

    def sign(self, message: bytes) -> bytes:
        """Give the 64 bytes of the signature."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - slow to import
            Ed25519PrivateKey,
        )

        return Ed25519PrivateKey.from_private_bytes(self._key.seed).sign(message)


def verify(verifier: VerifierKey, message: bytes, signature: bytes) -> bool:
    """Say whether the key made the signature; whatever is no signature at all was not made by it."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - the same

    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(signature, message)
    except (InvalidSignature, ValueError):  # ValueError: bytes that are no public key
        return False
    return True


def sign_note(text: str, signers: Iterable[Signer]) -> str:
    """Give a text with the signatures of all signers, in their order.

    Raises:
        Malformed: The text cannot be one of a note, or there is no signer.

    """
    body = text.encode()
    made = [NoteSignature(one.verifier.name, one.verifier.key_id, one.sign(body)) for one in signers]
    return SignedNote(text, tuple(made)).render()


def verified_by(note: SignedNote, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Give those of the keys that signed a note, in the order of `keys`; none of them means: do not believe it.

    Signatures of other keys are ignored, also those that share only the name or only the key id with one of `keys`.

    Raises:
        BadSignature: A signature bears name and id of one of the keys, and it did not make it.

    """
    found = []
    for key in dict.fromkeys(keys):
        signatures = note.signatures_of(key)
        if not all(verify(key, note.signed, one.signature) for one in signatures):
            raise BadSignature(f"the signature of the key {key.key_id.hex()} is wrong")
        if signatures:
            found.append(key)
    return tuple(found)
