"""A backup gives the same keys back to whoever has the passphrase, and nothing to anybody else."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from functools import cache
from hashlib import scrypt
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from governance.domain.errors import ConfigError
from governance.keyring import saving
from governance.keyring.families import Family, FileName
from governance.keyring.making import make_keys
from governance.keyring.ring import KeyCopy, open_keyring
from governance.keyring.saving import backup, require_passphrase, restore
from tests.key_leaks import secret_of, tells, told_by

WORDS = "four words und ein Würfel"
PASSPHRASE = SecretStr(WORDS)
NO_BACKUP = "this is no backup of keys"
_DERIVED = cache(saving._derived)
DOES_NOT_OPEN = "the backup does not open: the passphrase is another one, or the file was changed"


@pytest.fixture(autouse=True)
def derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do no second time what is slow on purpose."""
    monkeypatch.setattr(saving, "_derived", _DERIVED)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> list[KeyCopy]:
    folder = tmp_path_factory.mktemp("saving") / "keys"
    make_keys(folder, Family)
    return open_keyring(folder, {}).copies()


@pytest.fixture(scope="module")
def saved(copies: list[KeyCopy]) -> bytes:
    return backup(copies, PASSPHRASE)


def problem(data: bytes, passphrase: SecretStr = PASSPHRASE) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        restore(data, passphrase)
    return caught.value


def test_the_same_keys_come_back(copies: list[KeyCopy], saved: bytes) -> None:
    assert restore(saved, PASSPHRASE) == copies


def test_an_umlaut_counts_the_same_however_a_keyboard_puts_it_together(copies: list[KeyCopy], saved: bytes) -> None:
    assert restore(saved, SecretStr(WORDS.replace("ü", "u\N{COMBINING DIAERESIS}"))) == copies


def test_it_is_two_lines_that_others_can_open_with_the_passphrase(copies: list[KeyCopy], saved: bytes) -> None:
    header, body, rest = saved.split(b"\n")
    fields = json.loads(header)
    assert (fields["format"], fields["kdf"], fields["n"], fields["r"], fields["p"], rest) == (
        *("kbgov-keys-1", "scrypt", 2**17, 8, 1),
        b"",
    )
    salt, nonce = b64decode(fields["salt"]), b64decode(fields["nonce"])
    key = scrypt(WORDS.encode(), salt=salt, n=2**17, r=8, p=1, maxmem=2**28, dklen=32)
    text = AESGCM(key).decrypt(nonce, b64decode(body), header).decode()
    assert text.splitlines() == [f"{copy.name} {copy.line.get_secret_value()}" for copy in copies]


def test_two_backups_share_neither_salt_nor_nonce_nor_body(copies: list[KeyCopy], saved: bytes) -> None:
    other = backup(copies, PASSPHRASE)
    first, second = (json.loads(data.split(b"\n")[0]) for data in (saved, other))
    assert first["salt"] != second["salt"]
    assert first["nonce"] != second["nonce"]
    assert saved.split(b"\n")[1] != other.split(b"\n")[1]


def test_no_secret_stands_in_it(copies: list[KeyCopy], saved: bytes) -> None:
    for copy in copies:
        secret = secret_of(copy.line.get_secret_value())
        assert secret.encode() not in saved
        assert b64decode(secret) not in saved


def test_another_passphrase_and_a_changed_bit_look_alike(saved: bytes, copies: list[KeyCopy]) -> None:
    header, body, _ = saved.split(b"\n")
    sealed = bytearray(b64decode(body))
    sealed[5] ^= 1
    fields = json.loads(header)
    fields["salt"] = b64encode(bytes(16)).decode()
    other_salt = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    broken = {
        "a bit": header + b"\n" + b64encode(sealed) + b"\n",
        "the salt": other_salt + b"\n" + body + b"\n",
        "the end": header + b"\n" + b64encode(sealed[:-1]) + b"\n",
        "all of it": header + b"\n\n",
    }
    for name, data in broken.items():
        assert problem(data).message == DOES_NOT_OPEN, name
    wrong = problem(saved, SecretStr(WORDS + "!"))
    assert wrong.message == DOES_NOT_OPEN
    told = told_by(wrong)
    assert WORDS not in told
    assert not any(tells(told, copy.line.get_secret_value()) for copy in copies)
    assert wrong.__context__ is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}",
        b"{}\nAAAA\n",
        b"[1]\nAAAA\n",
        b"\xff\xfe\nAAAA",
        b'{"format":"other-1"}\nAAAA\n',
        b"kbgov-audit+00000000+AAAA\n",
        b"[" * 100_000,
        bytes(1000),
    ],
)
def test_a_file_of_another_kind_is_told_as_such(data: bytes) -> None:
    assert problem(data).message == NO_BACKUP


def test_a_body_that_is_no_base64_is_no_backup(saved: bytes) -> None:
    header, body, _ = saved.split(b"\n")
    for changed in (b"*" + body[1:], body + b"\n" + body, body[:-1]):
        assert problem(header + b"\n" + changed + b"\n").message == NO_BACKUP


@pytest.mark.parametrize(
    ("name", "value"),
    [("format", "kbgov-keys-2"), ("n", 2**30), ("n", 2), ("r", 9), ("kdf", "pbkdf2"), ("salt", ""), ("nonce", "***")],
)
def test_a_form_that_this_version_does_not_write_is_not_tried(saved: bytes, name: str, value: object) -> None:
    header, body, _ = saved.split(b"\n")
    fields = json.dumps(json.loads(header) | {name: value}, sort_keys=True, separators=(",", ":"))
    error = problem(fields.encode() + b"\n" + body + b"\n")
    assert error.message == "this backup of keys is of a form that this version does not know"


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    assert "at most 1,048,576 bytes" in problem(b"x" * (1 << 20) + b"x").message


def test_what_holds_other_things_than_keys_is_refused_even_with_the_passphrase(
    copies: list[KeyCopy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_derived", lambda _passphrase, salt: salt * 2)  # the keys are what counts here
    first, second = copies[:2]
    for wrong in (
        [KeyCopy(second.name, first.line)],
        [KeyCopy(first.name, SecretStr("nonsense"))],
        [first, first],
        [KeyCopy(FileName(Family.AUDIT, 1, "00000000"), second.line)],
    ):
        error = problem(backup(wrong, PASSPHRASE))
        assert error.message == "what this backup holds are no keys of kbgov"
        assert not tells(told_by(error), first.line.get_secret_value())


def test_a_short_passphrase_protects_nothing(copies: list[KeyCopy]) -> None:
    for short in ("", "elevenchars", "u\N{COMBINING DIAERESIS}" * 11):
        with pytest.raises(ConfigError, match="12 characters or more") as caught:
            backup(copies, SecretStr(short))
        assert short == "" or short not in told_by(caught.value)
    require_passphrase(SecretStr("twelve chars"))


def test_nothing_to_save_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        backup(open_keyring(tmp_path / "none", {}).copies(), PASSPHRASE)
    assert caught.value.next_step == "kbgov keys init"
