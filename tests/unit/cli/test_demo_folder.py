from __future__ import annotations

from pathlib import Path

import pytest

from governance.cli.demo_folder import HANDBOOK, MARKER, prepare
from governance.domain.errors import ConfigError, InputError


def test_a_new_folder_gets_the_handbook(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "deep" / "demo")
    assert len(list((folder / HANDBOOK).rglob("*.md"))) >= 30


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert (prepare(tmp_path) / MARKER).is_file()


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="no demo made it"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_demos_own_folder_is_made_anew_and_what_others_put_there_stays(tmp_path: Path) -> None:
    prepare(tmp_path)
    page = tmp_path / HANDBOOK / "index.md"
    shipped = page.read_bytes()
    page.write_text("changed")
    (tmp_path / HANDBOOK / "stray.md").write_text("stray")
    (tmp_path / "kbgov.db-wal").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    prepare(tmp_path)
    assert page.read_bytes() == shipped
    assert not (tmp_path / HANDBOOK / "stray.md").exists()
    assert not (tmp_path / "kbgov.db-wal").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_link_in_the_place_of_the_handbook_is_removed_and_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.txt").write_text("mine")
    folder = tmp_path / "demo"
    prepare(folder)
    (folder / HANDBOOK).rename(folder / "moved")
    (folder / HANDBOOK).symlink_to(elsewhere)
    prepare(folder)
    assert (elsewhere / "mine.txt").read_text() == "mine"
    assert not (folder / HANDBOOK).is_symlink()


def test_a_file_in_the_place_of_the_folder_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        prepare(tmp_path / "demo")
