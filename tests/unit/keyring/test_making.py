"""Files of keys: made once, for one's owner alone, never written over, and gone when they are to be gone."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from governance.domain.errors import ConfigError, Refused
from governance.keyring.families import Family, FileName
from governance.keyring.folder import KeyFolder, made_folder
from governance.keyring.lines import new_key
from governance.keyring.making import add_key, drop_key, key_files, make_keys, put_back
from governance.keyring.ring import KeyCopy, open_keyring
from tests.key_leaks import tells, told_by

MAKE = """
import sys
from pathlib import Path
from governance.keyring.families import Family
from governance.keyring.making import add_key, make_keys

print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    make_keys(Path(sys.argv[1]), Family)
    add_key(Path(sys.argv[1]), Family.AUDIT)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".key")


def body_of(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in names(folder)}


def test_a_key_of_each_family_is_made_for_its_owner_alone_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        made = make_keys(folder, Family)
    finally:
        os.umask(before)
    assert [key.family for key in made] == list(Family)
    assert [str(key.file_name) for key in made] == sorted(names(folder), key=lambda name: [*Family].index(name[:-18]))
    assert mode_of(folder) == 0o700
    assert {mode_of(path) for path in folder.iterdir()} == {0o600}
    assert {key.number for key in made} == {1}
    assert all(Path(key.where).is_file() and key.created is not None for key in made)


def test_what_is_there_stays_and_only_what_is_missing_is_made(folder: Path) -> None:
    first = make_keys(folder, [Family.AUDIT])
    before = body_of(folder)
    assert [key.family for key in make_keys(folder, [Family.AUDIT, Family.SIGNING])] == [Family.SIGNING]
    assert make_keys(folder, [Family.AUDIT, Family.SIGNING]) == []
    assert body_of(folder).items() > before.items()
    assert open_keyring(folder, {}).held(Family.AUDIT) == first


def test_git_is_told_to_keep_nothing_of_the_folder(folder: Path) -> None:
    make_keys(folder, [Family.AUDIT])
    subprocess.run(["git", "init", "-q", "."], cwd=folder.parent, check=True)
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(status, cwd=folder.parent, check=True, capture_output=True, text=True).stdout == ""
    (folder / ".gitignore").write_text("what somebody wants\n")
    add_key(folder, Family.AUDIT)
    assert (folder / ".gitignore").read_text() == "what somebody wants\n"


def test_a_folder_that_is_open_to_others_gets_no_key(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="open to others"):
        make_keys(folder, Family)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("family", Family)
def test_a_new_key_takes_the_next_number_and_the_old_one_stays(folder: Path, family: Family) -> None:
    first = make_keys(folder, Family)
    before = body_of(folder)
    numbers = [add_key(folder, family).number for _ in range(3)]
    assert numbers == [2, 3, 4]
    assert body_of(folder).items() > before.items()
    held = open_keyring(folder, {}).held(family)
    assert held[0] in first
    assert len({key.key_id for key in held}) == 4


def test_a_new_signing_key_has_the_name_of_the_one_before_it(folder: Path) -> None:
    make_keys(folder, Family)
    add_key(folder, Family.SIGNING)
    assert len({one.name for one in open_keyring(folder, {}).verifiers}) == 1


def test_a_family_without_a_key_cannot_be_rotated_nor_one_whose_numbers_are_used_up(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        add_key(folder, Family.AUDIT)
    assert caught.value.next_step == "kbgov keys init"
    make_keys(folder, [Family.AUDIT])
    only = folder / names(folder)[0]
    only.rename(folder / only.name.replace("0001", "9999"))
    with pytest.raises(ConfigError, match="there are 9999 audit keys already"):
        add_key(folder, Family.AUDIT)


@pytest.mark.parametrize("spoilt", ["audit-1.key", "audit-0002-00000000.key"])
def test_nothing_is_made_beside_what_cannot_be_understood(folder: Path, spoilt: str) -> None:
    make_keys(folder, Family)
    for number in (1, 2):
        (folder / spoilt.replace("0000000", f"000000{number}")).touch(0o600)
    before = names(folder)
    with pytest.raises(ConfigError):
        add_key(folder, Family.AUDIT)
    assert names(folder) == before


def test_two_processes_at_once_never_make_two_keys_of_one_number(
    folder: Path, started_python: Callable[..., subprocess.Popen[str]]
) -> None:
    children = [started_python(MAKE, str(folder), "5") for _ in range(4)]
    assert all(child.stdout.readline() == "ready\n" for child in children)
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        _, complaint = child.communicate()
        assert (child.returncode, complaint) == (0, "")
    assert [(name.family, name.number) for name in key_files(folder)] == [
        *((Family.AUDIT, number) for number in range(1, 22)),
        (Family.SIGNING, 1),
        (Family.SUPPRESSION, 1),
    ]
    keyring = open_keyring(folder, {})
    assert [len(keyring.held(family)) for family in Family] == [1, 21, 1]


def test_a_file_that_somebody_left_half_written_is_in_nobody_s_way(folder: Path) -> None:
    make_keys(folder, [Family.AUDIT])
    (folder / ".part").write_text("kbgov-audit+")
    add_key(folder, Family.AUDIT)
    assert not (folder / ".part").exists()
    assert len(open_keyring(folder, {}).held(Family.AUDIT)) == 2


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_full_disk_leaves_no_half_key_and_tells_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    make_keys(folder, [Family.AUDIT])
    before = body_of(folder)
    made: list[str] = []

    def full(*_args: object, **_options: object) -> None:
        made.extend((folder / ".part").read_text().split())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises((ConfigError, OSError)) as caught:
            add_key(folder, Family.AUDIT)
    assert body_of(folder) == before
    assert not (folder / ".part").exists()
    assert len(made) == 1
    assert not tells(told_by(caught.value), made[0])


def test_no_file_is_ever_written_over(folder: Path) -> None:
    line = new_key(Family.AUDIT, "").line
    with made_folder(folder) as opened:
        name = FileName(Family.AUDIT, 1, line.get_secret_value().split("+")[1])
        (folder / str(name)).write_text("something else")
        with pytest.raises(ConfigError, match="File exists"):
            opened.put(name, line)
    assert (folder / str(name)).read_text() == "something else"


# Taking away


@pytest.fixture
def rotated(folder: Path) -> list[str]:
    """Three audit keys; give their ids, the oldest first."""
    make_keys(folder, Family)
    add_key(folder, Family.AUDIT)
    add_key(folder, Family.AUDIT)
    return [key.key_id for key in open_keyring(folder, {}).held(Family.AUDIT)]


@pytest.mark.parametrize("place", [0, 1])
def test_an_older_audit_key_is_overwritten_and_gone(folder: Path, rotated: list[str], place: int) -> None:
    path = next(folder.glob(f"audit-*-{rotated[place]}.key"))
    size = path.stat().st_size
    with path.open("rb") as still_open:
        drop_key(folder, rotated[place])
        assert still_open.read() == bytes(size)
    assert not path.exists()
    left = [key_id for key_id in rotated if key_id != rotated[place]]
    assert [key.key_id for key in open_keyring(folder, {}).held(Family.AUDIT)] == left
    assert add_key(folder, Family.AUDIT).number == 4


def test_a_key_that_must_live_on_is_not_taken_away(folder: Path, rotated: list[str]) -> None:
    before = body_of(folder)
    keyring = open_keyring(folder, {})
    for family in (Family.SIGNING, Family.SUPPRESSION):
        add_key(folder, family)
        with pytest.raises(Refused, match=f"a {family} key is never destroyed"):
            drop_key(folder, keyring.held(family)[0].key_id)
    with pytest.raises(Refused) as caught:
        drop_key(folder, rotated[-1])
    assert caught.value.next_step == "kbgov keys rotate audit"
    for unknown in ("00000000", "", "../x"):
        with pytest.raises(Refused, match="no file with this key"):
            drop_key(folder, unknown)
    assert body_of(folder).items() >= before.items()


def test_what_a_link_leads_to_is_not_overwritten(folder: Path, rotated: list[str], tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    path = next(folder.glob(f"audit-*-{rotated[0]}.key"))
    path.unlink()
    path.symlink_to(target)
    with pytest.raises(ConfigError):
        drop_key(folder, rotated[0])
    assert target.read_text() == "precious"


# Bringing back


def test_only_missing_files_are_brought_back(folder: Path, rotated: list[str]) -> None:
    copies = open_keyring(folder, {}).copies()
    before = body_of(folder)
    assert put_back(folder, copies) == []
    lost = [next(folder.glob(f"audit-*-{rotated[0]}.key")), next(folder.glob("signing-*"))]
    for path in lost:
        path.unlink()
    assert sorted(key.where for key in put_back(folder, copies)) == sorted(map(str, lost))
    assert body_of(folder) == before
    assert put_back(folder.with_name("elsewhere"), copies) != []
    assert body_of(folder.with_name("elsewhere")) == before


def test_another_key_with_the_number_of_a_missing_one_stops_it_before_anything_is_written(
    folder: Path, tmp_path: Path
) -> None:
    make_keys(folder, Family)
    copies = open_keyring(folder, {}).copies()
    other = tmp_path / "other"
    made = make_keys(other, [Family.SUPPRESSION])[0]
    with pytest.raises(Refused, match="another suppression key has the number 1") as caught:
        put_back(other, copies)
    assert caught.value.item == made.where
    assert len(names(other)) == 1
    Path(made.where).rename(other / f"suppression-0007-{made.key_id}.key")
    put_back(other, copies)
    assert [key.number for key in open_keyring(other, {}).held(Family.SUPPRESSION)] == [1, 7]
    assert put_back(other, [KeyCopy(FileName(Family.SUPPRESSION, 2, made.key_id), copies[2].line)]) == []


def test_keys_are_listed_by_family_and_number(folder: Path, rotated: list[str]) -> None:
    found = key_files(folder)
    assert len(found) == len(rotated) + 2
    assert all((a.family, a.number) < (b.family, b.number) for a, b in pairwise(found))
    assert key_files(folder.with_name("none")) == []


def test_a_folder_of_keys_shows_nothing_when_it_is_printed(folder: Path) -> None:
    make_keys(folder, [Family.AUDIT])
    with made_folder(folder) as opened:
        assert isinstance(opened, KeyFolder)
        file = opened.read(opened.names()[0])
    assert not tells(repr(file) + repr(opened), (folder / names(folder)[0]).read_text())
