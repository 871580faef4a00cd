"""Keys: what signs checkpoints, what stands for names in the log, what recognizes erased things that come back."""

from governance.keyring.families import Family, FileName, HeldKey
from governance.keyring.making import add_key, drop_key, make_keys, put_back
from governance.keyring.ring import KeyCopy, Keyring, open_keyring
from governance.keyring.saving import backup, require_passphrase, restore
from governance.keyring.signing import BadSignature, Signer, sign_note, verified_by, verify

__all__ = [
    "BadSignature",
    "Family",
    "FileName",
    "HeldKey",
    "KeyCopy",
    "Keyring",
    "Signer",
    "add_key",
    "backup",
    "drop_key",
    "make_keys",
    "open_keyring",
    "put_back",
    "require_passphrase",
    "restore",
    "sign_note",
    "verified_by",
    "verify",
]
