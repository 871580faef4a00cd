"""How a key is written: one line.

A signing key is written as Go's `golang.org/x/mod/sumdb/note` writes its private keys
(`PRIVATE+KEY+<name>+<key id>+<base64 of 0x01 and the seed>`), so that it can be used there as it stands. The others are
`kbgov-audit+<key id>+<base64 of 32 bytes>` and `kbgov-suppression+...`.

What is wrong with a line is given back and not raised, and lines travel as `SecretStr`: so no frame of a traceback
holds a key.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from pydantic import SecretStr

from governance.domain.pseudonyms import PseudonymKey
from governance.domain.signed_note import ED25519, Malformed, VerifierKey, from_base64, is_key_name, to_base64
from governance.keyring.families import Family

SECRET_BYTES: Final = 32
LONGEST_LINE: Final = 1024
_PRIVATE: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its public half.

    Attributes:
        seed: 32 bytes (RFC 8032, section 5.1.5).

    """

    verifier: VerifierKey
    seed: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """The verifier's id as eight hexadecimal digits."""
        return self.verifier.key_id.hex()


Key: TypeAlias = SigningKey | PseudonymKey


class NewKey(NamedTuple):
    """A key that was just made; its line is to be written down."""

    key_id: str
    line: SecretStr


def new_key(family: Family, origin: str) -> NewKey:
    """Make a key from the system's random numbers; `origin` names a signing key, and nothing else."""
    secret = secrets.token_bytes(SECRET_BYTES)
    if family is Family.SIGNING:
        verifier = VerifierKey(origin, _public_half(secret))
        encoded = to_base64(ED25519 + secret)
        key_id = verifier.key_id.hex()
        return NewKey(key_id, SecretStr(f"{_PRIVATE}{origin}+{key_id}+{encoded}"))
    key_id = pseudonym_key_id(family, secret)
    return NewKey(key_id, SecretStr(f"kbgov-{family}+{key_id}+{to_base64(secret)}"))


def new_origin() -> str:
    """Give a name for the checkpoints of a new log; it is no address, and tells nothing about anybody."""
    return f"kbgov.log/{secrets.token_hex(8)}"


def read_line(family: Family, line: SecretStr) -> Key | str:
    """Give the key that a line holds, or say what is wrong with it: the end of a sentence, without any of its text."""
    text = line.get_secret_value()
    if len(text) > LONGEST_LINE or not text.isprintable() or any(map(str.isspace, text)):
        return "holds something else than the one line of a key"
    return _signing_key(text) if family is Family.SIGNING else _pseudonym_key(family, text)


def pseudonym_key_id(family: Family, secret: bytes) -> str:
    """Give the first eight hexadecimal digits of a digest that tells nothing else about a secret of 32 bytes."""
    return hashlib.sha256(b"kbgov key id\n" + family.value.encode("ascii") + b"\n" + secret).hexdigest()[:8]


def _pseudonym_key(family: Family, text: str) -> PseudonymKey | str:
    head, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    secret = _decoded(encoded)
    if head != f"kbgov-{family}" or len(secret) != SECRET_BYTES:
        return f"holds no key of the family {family}"
    if key_id != pseudonym_key_id(family, secret):
        return "holds a key id that does not fit its key"
    return PseudonymKey(key_id, secret)


def _signing_key(text: str) -> SigningKey | str:
    if not text.startswith(_PRIVATE) or text.count("+") < 4:  # noqa: PLR2004 - four divide it, more belong to base64
        return "holds no signing key"
    name, key_id, encoded = text.removeprefix(_PRIVATE).split("+", 2)
    raw = _decoded(encoded)
    if not is_key_name(name) or raw[:1] != ED25519 or len(raw) != 1 + SECRET_BYTES:
        return "holds no signing key of the kind Ed25519"
    verifier = VerifierKey(name, _public_half(raw[1:]))
    if key_id != verifier.key_id.hex():
        return "holds a key id that does not fit its key"
    return SigningKey(verifier, raw[1:])


def _decoded(encoded: str) -> bytes:
    """Give what canonical base64 stands for, b"" for anything else."""
    try:
        return from_base64(encoded)
    except Malformed:
        return b""


def _public_half(seed: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - slow to import
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
