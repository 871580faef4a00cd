"""Where keys come from, in which order they are used, and what a failure to read them tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.domain.errors import ConfigError
from governance.domain.pseudonyms import Kind
from governance.keyring.families import Family, FileName
from governance.keyring.lines import new_key
from governance.keyring.making import add_key, make_keys
from governance.keyring.ring import Keyring, open_keyring
from tests.key_leaks import tells, told_by

ORIGIN = "kbgov.log/0011223344556677"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one key of each family."""
    make_keys(tmp_path / "keys", Family)
    return tmp_path / "keys"


def file_of(folder: Path, family: Family) -> Path:
    return next(folder.glob(f"{family}-*.key"))


def line_of(folder: Path, family: Family) -> str:
    return file_of(folder, family).read_text().strip()


def use(keyring: Keyring, family: Family) -> object:
    """Ask for what the keys of a family are for."""
    return {
        Family.SIGNING: lambda: keyring.signers,
        Family.AUDIT: lambda: keyring.audit,
        Family.SUPPRESSION: lambda: keyring.suppression,
    }[family]()


def error_of(folder: Path, family: Family = Family.AUDIT, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        use(open_keyring(folder, env), family)
    return caught.value


def test_opening_reads_nothing_and_needs_no_folder(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path / "none", {"KBGOV_KEY_AUDIT": "nonsense"})
    assert keyring.folder == tmp_path / "none"
    assert keyring.held(Family.SIGNING) == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("family", Family)
def test_a_family_without_a_key_names_what_makes_one(tmp_path: Path, family: Family) -> None:
    error = error_of(tmp_path / "none", family)
    assert error.exit_code == 2
    assert f"there is no {family} key" in error.message
    assert "kbgov keys init" in (error.next_step or "")


def test_files_are_held_with_their_place_and_their_time(folder: Path) -> None:
    os.utime(file_of(folder, Family.AUDIT), (1_700_000_000, 1_700_000_000))
    held = open_keyring(folder, {}).held(Family.AUDIT)[0]
    path = file_of(folder, Family.AUDIT)
    assert (held.number, held.where, held.created) == (1, str(path), datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))
    assert held.name == f"audit:{held.key_id}"
    assert str(held.file_name) == path.name
    assert open_keyring(folder, {}).variable(Family.AUDIT) is None


def test_the_highest_number_is_the_current_key_and_older_ones_still_recognize(folder: Path) -> None:
    before = open_keyring(folder, {})
    old = {kind: before.audit.of(kind, "ada") for kind in Kind}
    add_key(folder, Family.AUDIT)
    after = open_keyring(folder, {})
    assert after.audit.key_id == after.held(Family.AUDIT)[-1].key_id != before.audit.key_id
    assert after.audit.key_ids == (before.audit.key_id, after.audit.key_id)
    for kind in Kind:
        assert {old[kind], after.audit.of(kind, "ada")} == after.audit.every(kind, "ada")
    assert after.suppression.key_ids == before.suppression.key_ids


def test_what_was_read_is_kept_until_somebody_says_that_it_changed(folder: Path) -> None:
    keyring = open_keyring(folder, {})
    first = keyring.audit.key_id
    add_key(folder, Family.AUDIT)
    assert keyring.audit.key_id == first
    keyring.reread()
    assert keyring.audit.key_id != first


def test_the_current_signing_key_and_the_one_before_it_sign_and_all_verify(folder: Path) -> None:
    origin = open_keyring(folder, {}).origin
    assert origin.startswith("kbgov.log/")
    add_key(folder, Family.SIGNING)
    add_key(folder, Family.SIGNING)
    keyring = open_keyring(folder, {})
    held = [key.key_id for key in keyring.held(Family.SIGNING)]
    assert [one.verifier.key_id.hex() for one in keyring.signers] == [held[2], held[1]]
    assert [one.key_id.hex() for one in keyring.verifiers] == [held[2], held[1], held[0]]
    assert {one.name for one in keyring.verifiers} == {keyring.origin} == {origin}
    assert [keyring.verifier(key) for key in keyring.held(Family.SIGNING)] == [
        one.text for one in reversed(keyring.verifiers)
    ]
    assert keyring.verifier(keyring.held(Family.AUDIT)[0]) == ""


def test_the_environment_wins_over_the_files_family_by_family(folder: Path) -> None:
    lines = [new_key(Family.AUDIT, "").line.get_secret_value() for _ in range(3)]
    ids = [line.split("+")[1] for line in lines]
    keyring = open_keyring(folder, {"KBGOV_KEY_AUDIT": f"  {lines[0]}\n{lines[1]} {lines[2]}\n"})
    assert keyring.audit.key_ids == tuple(ids)
    assert [(key.number, key.where, key.created) for key in keyring.held(Family.AUDIT)] == [
        (number, "KBGOV_KEY_AUDIT", None) for number in (1, 2, 3)
    ]
    assert keyring.variable(Family.AUDIT) == "KBGOV_KEY_AUDIT"
    assert keyring.suppression.key_ids == open_keyring(folder, {}).suppression.key_ids


def test_the_environment_may_name_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "signing"
    lines = [new_key(Family.SIGNING, ORIGIN).line.get_secret_value() for _ in range(2)]
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)
    keyring = open_keyring(folder, {"KBGOV_KEY_SIGNING_FILE": str(file)})
    assert keyring.origin == ORIGIN
    assert [key.where for key in keyring.held(Family.SIGNING)] == ["KBGOV_KEY_SIGNING_FILE"] * 2
    assert [one.key_id.hex() for one in keyring.verifiers] == [line.split("+")[3] for line in reversed(lines)]
    file.chmod(0o644)
    error = error_of(folder, Family.SIGNING, KBGOV_KEY_SIGNING_FILE=str(file))
    assert "can be read or changed by everybody" in error.message


def test_copies_are_those_of_files_and_of_the_environment_and_hide_their_lines(folder: Path) -> None:
    line = new_key(Family.AUDIT, "").line.get_secret_value()
    copies = open_keyring(folder, {"KBGOV_KEY_AUDIT": line}).copies()
    assert [copy.name.family for copy in copies] == list(Family)
    assert copies[1].name == FileName(Family.AUDIT, 1, line.split("+")[1])
    assert copies[1].line.get_secret_value() == line
    assert copies[2].line.get_secret_value() == line_of(folder, Family.SUPPRESSION)
    assert not tells(repr(copies), line)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_may_read_or_change_is_refused(folder: Path, mode: int) -> None:
    file = file_of(folder, Family.AUDIT)
    file.chmod(mode)
    error = error_of(folder)
    assert error.message == f"{file} can be read or changed by others than its owner"
    assert error.next_step == f"chmod 600 {file}"
    file.chmod(0o400)
    assert open_keyring(folder, {}).audit.key_id == file.name[11:19]


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_may_look_into_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    error = error_of(folder)
    assert (error.item, error.next_step) == (str(folder), f"chmod 700 {folder}")


def _link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir(0o700)


@pytest.mark.parametrize("spoil", [_link, _fifo, _folder])
def test_what_is_no_plain_file_is_no_key(folder: Path, spoil: Callable[[Path], None]) -> None:
    file = file_of(folder, Family.AUDIT)
    spoil(file)
    assert str(file) in error_of(folder).message


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    error = error_of(tmp_path / "keys")
    assert error.message == "the folder of the keys cannot be opened: Not a directory"
    assert error_of(Path("a\0b")).message == "the folder of the keys cannot be opened: not a path"


def test_two_files_of_one_number_are_refused_whichever_they_are(folder: Path) -> None:
    other = make_keys(folder.with_name("other"), [Family.AUDIT])[0]
    Path(other.where).rename(folder / f"audit-0001-{other.key_id}.key")
    first = open_keyring(folder.with_name("other"), {}).held(Family.AUDIT)
    assert first == []
    error = error_of(folder)
    assert "two audit keys have the number 1" in error.message
    assert other.key_id in error.message


def test_a_file_with_a_wrong_name_is_not_passed_over(folder: Path) -> None:
    (folder / "audit-2.key").write_text("")
    assert "'audit-2.key' is no name of a key's file" in error_of(folder).message
    (folder / "audit-2.key").rename(folder / "audit-2.txt")
    use(open_keyring(folder, {}), Family.AUDIT)


def test_a_file_whose_name_says_another_key_is_refused(folder: Path) -> None:
    file = file_of(folder, Family.SIGNING)
    key_id = file.name[13:21]
    file.rename(folder / "signing-0001-00000000.key")
    error = error_of(folder, Family.SIGNING)
    assert f"holds the key {key_id}, which is not the one that its name says" in error.message
    assert "kbgov keys restore" in (error.next_step or "")


SPOILED: dict[str, Callable[[str], bytes]] = {
    "empty": lambda _line: b"",
    "cut off": lambda line: line[:-4].encode(),
    "two lines": lambda line: f"{line}\n{line}\n".encode(),
    "a blank behind it": lambda line: f"{line} \n".encode(),
    "no UTF-8": lambda line: line.encode() + b"\xff",
    "too long": lambda line: line.encode() + b"+" * 5000,
    "a control character": lambda line: line.encode() + b"\x00",
    "a changed character": lambda line: line[:-10].encode() + bytes([line.encode()[-10] ^ 2]) + line[-9:].encode(),
    "another head": lambda line: line.replace("+", "-", 1).encode(),
}


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("spoil", SPOILED)
def test_what_is_wrong_with_a_file_is_told_without_a_word_of_it(folder: Path, family: Family, spoil: str) -> None:
    line, file = line_of(folder, family), file_of(folder, family)
    file.write_bytes(SPOILED[spoil](line))
    error = error_of(folder, family)
    assert str(file) in error.message
    assert not tells(told_by(error), line)
    assert error.__context__ is None


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("spoil", ["cut off", "a changed character", "another head", "a control character"])
def test_what_is_wrong_with_a_variable_is_told_without_a_word_of_it(folder: Path, family: Family, spoil: str) -> None:
    line = line_of(folder, family)
    value = SPOILED[spoil](line).decode()
    error = error_of(folder, family, **{f"KBGOV_KEY_{family.name}": value})
    assert f"KBGOV_KEY_{family.name}" in error.message
    assert not tells(told_by(error), line)


def test_the_second_line_of_a_variable_is_blamed_by_its_number(folder: Path) -> None:
    line = line_of(folder, Family.AUDIT)
    error = error_of(folder, KBGOV_KEY_AUDIT=f"{line} {line[:-1]}")
    assert error.message.startswith("KBGOV_KEY_AUDIT, line 2, holds no key of the family audit")


def test_a_variable_with_a_key_twice_without_a_key_or_beside_its_file_is_refused(folder: Path) -> None:
    line = line_of(folder, Family.AUDIT)
    assert "holds the key" in error_of(folder, KBGOV_KEY_AUDIT=f"{line} {line}").message
    assert error_of(folder, KBGOV_KEY_AUDIT=" \n ").message == "KBGOV_KEY_AUDIT holds no key"
    both = error_of(folder, KBGOV_KEY_AUDIT=line, KBGOV_KEY_AUDIT_FILE=str(file_of(folder, Family.AUDIT)))
    assert both.message == "KBGOV_KEY_AUDIT and KBGOV_KEY_AUDIT_FILE are both set"
    assert not tells(told_by(both), line)
    use(open_keyring(folder, {"KBGOV_KEY_AUDIT": ""}), Family.AUDIT)


def test_nothing_that_is_printed_shows_a_secret(folder: Path) -> None:
    keyring = open_keyring(folder, {"KBGOV_KEY_SUPPRESSION": line_of(folder, Family.SUPPRESSION)})
    things = [
        keyring,
        keyring.signers,
        keyring.verifiers,
        keyring.audit,
        keyring.suppression,
        vars(keyring)["_entries"],
    ]
    things += [keyring.held(family) for family in Family]
    shown = "".join(f"{thing!r}{thing!s}" for thing in things)
    assert not any(tells(shown, line_of(folder, family)) for family in Family)


def test_nothing_slow_is_imported_until_something_is_signed(folder: Path, run_python: Callable[..., str]) -> None:
    script = """
import sys
from pathlib import Path
from governance.keyring import open_keyring

keyring = open_keyring(Path(sys.argv[1]), {})
keyring.audit, keyring.suppression
print("cryptography" in sys.modules)
keyring.signers
print("cryptography" in sys.modules)
"""
    assert run_python(script, str(folder)).split() == ["False", "True"]
