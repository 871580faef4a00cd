"""A backup of keys under a passphrase, in one file of two lines of ASCII.

The first line is a header in JSON, the second base64 of the keys, encrypted with AES-256-GCM under a key that scrypt
(RFC 7914) makes of the passphrase; the header's bytes are authenticated along with them. Whoever has the passphrase
needs nothing of this package to open it.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

from governance.domain.errors import ConfigError
from governance.domain.signed_note import Malformed, from_base64, to_base64
from governance.domain.values import Json, canonical_json
from governance.keyring.families import FileName
from governance.keyring.lines import read_line
from governance.keyring.ring import KeyCopy

FORMAT: Final = "kbgov-keys-1"
SHORTEST_PASSPHRASE: Final = 12
LARGEST: Final = 1 << 20
"""Bytes of a backup."""
_N: Final = 1 << 17
_R: Final = 8
_P: Final = 1
_KDF: Final[dict[str, Json]] = {"kdf": "scrypt", "n": _N, "r": _R, "p": _P}
_MEMORY: Final = 256 << 20  # scrypt itself takes 128 * r * n bytes, half of it
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


def backup(keys: Sequence[KeyCopy], passphrase: SecretStr) -> bytes:
    """Give the bytes of a file from which `restore` gives the same keys back.

    Raises:
        ConfigError: The passphrase has fewer than 12 characters, or there is no key.

    """
    require_passphrase(passphrase)
    if not keys:
        raise ConfigError("there is no key to save", next_step="kbgov keys init")
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    header = canonical_json({"format": FORMAT, **_KDF, "salt": to_base64(salt), "nonce": to_base64(nonce)})
    return header + b"\n" + to_base64(_sealed(keys, passphrase, salt, nonce, header)).encode("ascii") + b"\n"


def restore(data: bytes, passphrase: SecretStr) -> list[KeyCopy]:
    """Give the keys of a backup, each with the name of its file.

    Raises:
        ConfigError: It is no backup of keys, or of another version; the passphrase is another one, or a byte of the
            file has changed; or what it holds are no keys.

    """
    if len(data) > LARGEST:
        raise ConfigError(f"a backup of keys has at most {LARGEST:,} bytes", next_step="name another file")
    parts = _parts(data)
    if parts is None:
        raise ConfigError("this is no backup of keys", next_step="name a file that 'kbgov keys backup' wrote")
    header, sealed = parts
    fields = _fields(header)
    if fields is None:
        raise ConfigError(
            "this backup of keys is of a form that this version does not know",
            next_step="restore it with the version that wrote it",
        )
    text = _opened(sealed, passphrase, *fields, header)
    if text is None:
        raise ConfigError(
            "the backup does not open: the passphrase is another one, or the file was changed",
            next_step="try the passphrase again, or another copy of the file",
        )
    copies = _copies(text)
    if copies is None:
        raise ConfigError("what this backup holds are no keys of kbgov", next_step="use another backup")
    return copies


def require_passphrase(passphrase: SecretStr) -> None:
    """Raise ConfigError when a passphrase is too short to protect anything."""
    if len(_normal(passphrase)) < SHORTEST_PASSPHRASE:
        raise ConfigError(
            f"the passphrase of a backup needs {SHORTEST_PASSPHRASE} characters or more",
            next_step="take several words that nobody else would put together",
        )


def _normal(passphrase: SecretStr) -> SecretStr:
    """Give one spelling: keyboards differ in how they type an umlaut (RFC 8265, section 4.2)."""
    return SecretStr(unicodedata.normalize("NFC", passphrase.get_secret_value()))


def _derived(passphrase: SecretStr, salt: bytes) -> bytes:
    return hashlib.scrypt(
        _normal(passphrase).get_secret_value().encode("utf-8", "surrogatepass"),
        salt=salt,
        n=_N,
        r=_R,
        p=_P,
        maxmem=_MEMORY,
        dklen=_KEY_BYTES,
    )


def _sealed(keys: Sequence[KeyCopy], passphrase: SecretStr, salt: bytes, nonce: bytes, header: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - slow to import

    text = "".join(f"{key.name} {key.line.get_secret_value()}\n" for key in keys)
    return AESGCM(_derived(passphrase, salt)).encrypt(nonce, text.encode(), header)


def _opened(sealed: bytes, passphrase: SecretStr, salt: bytes, nonce: bytes, header: bytes) -> SecretStr | None:
    """Give what was sealed; None when the passphrase, or a byte of anything, is another one."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - the same

    try:
        return SecretStr(AESGCM(_derived(passphrase, salt)).decrypt(nonce, sealed, header).decode("utf-8", "replace"))
    except InvalidTag:
        return None


def _parts(data: bytes) -> tuple[bytes, bytes] | None:
    """Give the header and what is sealed; None when the file is none of ours at all."""
    header, _, rest = data.partition(b"\n")
    try:
        found = json.loads(header)
        ours = isinstance(found, dict) and str(found.get("format", "")).startswith(FORMAT.rpartition("-")[0] + "-")
        return (header, from_base64(rest.decode("ascii").removesuffix("\n"))) if ours else None
    except (ValueError, RecursionError):
        return None


def _fields(header: bytes) -> tuple[bytes, bytes] | None:
    """Give salt and nonce; None when the header is not exactly what this version writes."""
    found = json.loads(header)
    try:
        salt, nonce = from_base64(str(found.get("salt"))), from_base64(str(found.get("nonce")))
    except Malformed:
        return None
    written = canonical_json({"format": FORMAT, **_KDF, "salt": to_base64(salt), "nonce": to_base64(nonce)})
    fits = written == header and (len(salt), len(nonce)) == (_SALT_BYTES, _NONCE_BYTES)
    return (salt, nonce) if fits else None


def _copies(text: SecretStr) -> list[KeyCopy] | None:
    found = []
    for line in text.get_secret_value().splitlines():
        name, _, key = line.partition(" ")
        copy = _copy(FileName.parse(name), SecretStr(key))
        if copy is None:
            return None
        found.append(copy)
    numbers = {(copy.name.family, copy.name.number) for copy in found}
    return found if found and len(numbers) == len(found) else None


def _copy(name: FileName | None, line: SecretStr) -> KeyCopy | None:
    key = None if name is None else read_line(name.family, line)
    if name is None or key is None or isinstance(key, str) or key.key_id != name.key_id:
        return None
    return KeyCopy(name, line)
