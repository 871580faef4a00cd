from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from governance.cli.lines_out import LinesOut
from governance.domain.errors import InputError

LINES = [{"op": "index", "document": "hr/Übersicht.md"}, {"op": "delete", "document": 'a "b"\n.md'}]


def read(file: Path) -> list[object]:
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]


def test_lines_stand_in_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "work.jsonl"
    LinesOut(file).write(LINES)
    assert read(file) == LINES
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_to_do_empties_an_older_file(tmp_path: Path) -> None:
    file = tmp_path / "work.jsonl"
    file.write_text("old")
    LinesOut(file).write([])
    assert file.read_bytes() == b""


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "work.jsonl"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="disk"):
        LinesOut(file).write(LINES)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def failing(_descriptor: int) -> None:
    raise OSError("the disk is full")


def test_whoever_reads_the_old_file_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "work.jsonl"
    file.write_text("old")
    with file.open() as reader:
        LinesOut(file).write(LINES)
        assert reader.read() == "old"
    assert read(file) == LINES


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "real.jsonl", tmp_path / "work.jsonl"
    link.symlink_to(target)
    LinesOut(link).write(LINES)
    assert link.is_symlink()
    assert read(target) == LINES


@pytest.mark.parametrize("name", [".", "nowhere/work.jsonl", "file/work.jsonl", "loop", "x" * 300])
def test_what_cannot_be_written_is_said_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError) as error:
        LinesOut(tmp_path / name)
    assert error.value.item == str(tmp_path / name)
    assert not (tmp_path / "nowhere").exists()


def test_a_name_of_the_greatest_length_has_room_beside_it(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 255)
    LinesOut(file).write(LINES)
    assert read(file) == LINES


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    LinesOut(pipe).write(LINES)
    reader.join()
    assert [json.loads(line) for line in found[0].splitlines()] == LINES
    assert pipe.is_fifo()


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    target = LinesOut(Path("-"))
    assert target.to_stdout
    target.write(LINES)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == LINES
