from __future__ import annotations

import fcntl
import os
import resource
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.anchors import appending
from governance.anchors.file import FileAnchor
from governance.domain.errors import AnchorFailed
from tests.signed_log import note

APPENDING = """
import sys
from pathlib import Path
from governance.anchors.file import FileAnchor
from tests.signed_log import note
anchor = FileAnchor("disk", Path(sys.argv[1]))
for size in range(int(sys.argv[2]), int(sys.argv[3])):
    anchor.publish(note(size))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.txt"


@pytest.fixture
def anchor(path: Path) -> FileAnchor:
    return FileAnchor("disk", path)


def test_what_was_published_is_read_back_in_order(anchor: FileAnchor, path: Path) -> None:
    assert anchor.name == "disk"
    assert anchor.notes() == []
    for size in (1, 2, 3):
        anchor.publish(note(size))
    assert anchor.notes() == [note(1), note(2), note(3)]
    assert path.read_text("utf-8") == "\n".join([note(1), note(2), note(3)])


def test_what_is_there_stays_to_the_byte_and_nothing_is_added_twice(anchor: FileAnchor, path: Path) -> None:
    path.write_bytes(b"somebody's own words\r\n\xff")
    anchor.publish(note(1))
    before = path.read_bytes()
    anchor.publish(note(1))
    assert path.read_bytes() == before
    assert before.startswith(b"somebody's own words\r\n\xff\n")
    assert anchor.notes() == [note(1)]


def test_a_torn_last_note_stays_and_the_next_one_begins_on_a_line_of_its_own(anchor: FileAnchor, path: Path) -> None:
    anchor.publish(note(1))
    torn = path.read_bytes() + b"\n" + note(2).encode()[:70]
    path.write_bytes(torn)
    assert anchor.notes() == [note(1)]
    anchor.publish(note(2))
    assert path.read_bytes().startswith(torn + b"\n")
    assert anchor.notes() == [note(1), note(2)]


def test_the_file_need_not_be_writable_but_for_appending(anchor: FileAnchor, path: Path) -> None:
    anchor.publish(note(1))
    if subprocess.run(["chattr", "+a", path], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no append-only files, or this user may not make one")
    try:
        with pytest.raises(PermissionError):
            path.write_bytes(b"")
        anchor.publish(note(2))
        assert anchor.notes() == [note(1), note(2)]
    finally:
        subprocess.run(["chattr", "-a", path], check=True)


def link(path: Path) -> None:
    (path.parent / "elsewhere").touch()
    path.symlink_to(path.parent / "elsewhere")


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


KINDS: dict[str, Callable[[Path], None]] = {
    "it is a link": link,
    "it is a link ": dangling,
    "it is no plain file": os.mkfifo,
    "is a directory": Path.mkdir,
}


@pytest.mark.parametrize("said", KINDS)
def test_what_is_no_plain_file_is_refused_and_left_alone(anchor: FileAnchor, path: Path, said: str) -> None:
    KINDS[said](path)
    before = sorted(path.parent.iterdir())
    with pytest.raises(AnchorFailed, match=f"anchor disk cannot be used: {said.strip()}") as failed:
        anchor.publish(note(1))
    assert failed.value.exit_code == 75
    with pytest.raises(AnchorFailed):
        anchor.notes()
    assert sorted(path.parent.iterdir()) == before
    assert not (path.parent / "elsewhere").exists() or not (path.parent / "elsewhere").read_bytes()


def test_a_disk_that_is_not_there_is_no_empty_anchor(tmp_path: Path) -> None:
    anchor = FileAnchor("disk", tmp_path / "mounted" / "checkpoints.txt")
    with pytest.raises(AnchorFailed):
        anchor.publish(note(1))
    with pytest.raises(AnchorFailed):
        anchor.notes()
    assert not (tmp_path / "mounted").exists()


def test_a_name_that_is_no_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnchorFailed, match="not a path"):
        FileAnchor("disk", tmp_path / "a\0b").publish(note(1))


def test_a_full_disk_is_told_and_the_next_note_is_whole(anchor: FileAnchor, path: Path) -> None:
    anchor.publish(note(1))
    held = path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (held + 50, before[1]))
    try:
        with pytest.raises(AnchorFailed, match="file too large"):
            anchor.publish(note(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.stat().st_size == held + 50
    assert anchor.notes() == [note(1)]
    anchor.publish(note(2))
    assert anchor.notes() == [note(1), note(2)]


def test_somebody_who_keeps_the_file_locked_is_waited_for_only_so_long(
    anchor: FileAnchor, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "SECONDS", 0.1)
    anchor.publish(note(1))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AnchorFailed, match="another process keeps it locked"):
            anchor.publish(note(2))
    anchor.publish(note(2))
    assert anchor.notes() == [note(1), note(2)]


def test_somebody_who_lets_go_is_waited_for(anchor: FileAnchor, path: Path) -> None:
    path.touch()
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=anchor.publish, args=[note(1)])
        waiting.start()
        assert anchor.notes() == []
        fcntl.flock(held, fcntl.LOCK_UN)
        waiting.join(60)
    assert anchor.notes() == [note(1)]


def test_processes_that_append_at_once_tear_nothing(
    anchor: FileAnchor, path: Path, started_python: Callable[..., subprocess.Popen[str]]
) -> None:
    children = [started_python(APPENDING, str(path), str(start), str(start + 20)) for start in (0, 10, 20)]
    assert [child.wait(120) for child in children] == [0, 0, 0]
    found = anchor.notes()
    assert sorted(found) == sorted(note(size) for size in range(40))
    assert path.read_text("utf-8") == "\n".join(found)
