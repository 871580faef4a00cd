"""What is kept of a secret instead of the secret: its scrypt (RFC 7914) hash, as one line of text.

The line is `scrypt$<log2 of n>$<r>$<p>$<salt>$<hash>`, salt and hash in base64. What a configuration may ask for is
bounded: at the most 2**20 blocks of 1 KiB (1 GiB) are needed to look at a secret.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

LOG2_N: Final = 15
BLOCKS: Final = 8
"""The r that OWASP's table and RFC 7914's examples have, and the only one that is taken."""
LANES: Final = 3
"""With n of 2**15 and this p, 32 MiB and what OWASP's password storage cheat sheet asks for (read in 2026)."""
LEAST_LOG2_N, MOST_LOG2_N, MOST_LANES = 14, 20, 4
SALT_BYTES: Final = 16
LONGEST_SALT: Final = 64
HASH_BYTES: Final = 32
_LINE: Final = re.compile(r"scrypt\$([1-9][0-9])\$8\$([1-9])\$([A-Za-z0-9+/=]{1,128})\$([A-Za-z0-9+/=]{1,128})")
_SAYS: Final = (
    f"must be a line that kbgov actors new makes: scrypt, log2 of n from {LEAST_LOG2_N} to {MOST_LOG2_N}, r {BLOCKS}, "
    f"p from 1 to {MOST_LANES}, a salt of {SALT_BYTES} to {LONGEST_SALT} bytes and {HASH_BYTES} bytes of hash in base64"
)


@dataclass(frozen=True, slots=True)
class ScryptHash:
    """The hash of a secret, with what it takes to compute it again. Never printed.

    Attributes:
        log2_n: Logarithm of the number of blocks, each 1 KiB.
        lanes: How many times they are gone through (p).

    """

    log2_n: int
    lanes: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> ScryptHash:
        """Read the line. Raises ValueError, which does not quote it."""
        found = _LINE.fullmatch(text)
        if found is None:
            raise ValueError(_SAYS)
        log2_n, lanes = int(found[1]), int(found[2])
        salt, digest = _decoded(found[3]), _decoded(found[4])
        sound = SALT_BYTES <= len(salt) <= LONGEST_SALT and len(digest) == HASH_BYTES
        if not (sound and LEAST_LOG2_N <= log2_n <= MOST_LOG2_N and lanes <= MOST_LANES):
            raise ValueError(_SAYS)
        return cls(log2_n, lanes, salt, digest)

    @property
    def text(self) -> str:
        """The line."""
        salt, digest = (b64encode(part).decode() for part in (self.salt, self.digest))
        return f"scrypt${self.log2_n}${BLOCKS}${self.lanes}${salt}${digest}"

    @property
    def cost(self) -> int:
        """How much work a look is, in blocks gone through."""
        return self.lanes << self.log2_n

    def matches(self, secret: str) -> bool:
        """Say whether this is the secret; takes the same time whatever it is."""
        return hmac.compare_digest(_computed(secret, self.log2_n, self.lanes, self.salt), self.digest)


def hash_of(secret: str, *, log2_n: int = LOG2_N, lanes: int = LANES) -> ScryptHash:
    """Give the hash of a secret under a salt of its own."""
    salt = secrets.token_bytes(SALT_BYTES)
    return ScryptHash(log2_n, lanes, salt, _computed(secret, log2_n, lanes, salt))


def _computed(secret: str, log2_n: int, lanes: int, salt: bytes) -> bytes:
    """Hash a secret; letters with accents count the same however a keyboard composes them."""
    typed = unicodedata.normalize("NFC", secret).encode("utf-8", "surrogateescape")
    room = 128 * BLOCKS * ((1 << log2_n) + lanes + 2)
    return hashlib.scrypt(typed, salt=salt, n=1 << log2_n, r=BLOCKS, p=lanes, maxmem=room, dklen=HASH_BYTES)


def _decoded(text: str) -> bytes:
    """Give the bytes; none where the text is not the one way to write them."""
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if b64encode(raw).decode() == text else b""
