from __future__ import annotations

import sys
from pathlib import Path

import pytest

from governance.anchors.command import CommandAnchor
from governance.anchors.file import FileAnchor
from governance.anchors.git import GitAnchor
from governance.bootstrap import open_app
from governance.config.load import load_settings
from governance.domain.errors import ConfigError
from tests.signed_log import note


def written(folder: Path, text: str) -> Path:
    path = folder / "kbgov.toml"
    path.write_text(text, "utf-8")
    return path


def test_anchors_are_made_from_the_configuration_when_they_are_asked_for(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        f"""
        [anchors.disk]
        type = "file"
        path = "away/checkpoints.txt"
        [anchors.repo]
        type = "git"
        repository = "clone"
        [anchors.mail]
        type = "command"
        command = ['{sys.executable}', "-c", "import sys; open('taken', 'w').write(sys.stdin.read())"]
        """,
    )
    (tmp_path / "away").mkdir()
    with open_app(config, env={}, check_revision=False) as app:
        kinds = {name: type(anchor) for name, anchor in app.anchors.items()}
        assert kinds == {"disk": FileAnchor, "repo": GitAnchor, "mail": CommandAnchor}
        assert {name: anchor.name for name, anchor in app.anchors.items()} == {name: name for name in kinds}
        app.anchors["disk"].publish(note(1))
        app.anchors["mail"].publish(note(2))
    assert (tmp_path / "away" / "checkpoints.txt").read_text("utf-8") == note(1)
    assert (tmp_path / "taken").read_text("utf-8") == note(2)


def test_without_a_section_there_is_no_anchor(tmp_path: Path) -> None:
    with open_app(written(tmp_path, ""), env={}, check_revision=False) as app:
        assert dict(app.anchors) == {}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("type = 'file'", "an anchor of type file needs 'path'"),
        ("type = 'git'\npush = 'origin'", "an anchor of type git needs 'repository'"),
        ("type = 'command'", "an anchor of type command needs 'command'"),
        ("type = 'file'\npath = 'a'\npush = 'origin'", "an anchor of type file has no 'push'"),
        ("type = 'command'\ncommand = ['a']\npath = 'a'", "an anchor of type command has no 'path'"),
        ("type = 'git'\nrepository = 'a'\nfile = '../a'", "must be the name of a file, without a folder"),
        ("type = 'git'\nrepository = 'a'\nfile = '.gitattributes'", "must be the name of a file, without a folder"),
        ("type = 'git'\nrepository = 'a'\npush = '--force'", "must be the name of a remote"),
        ("type = 'git'\nrepository = 'a'\npush = 'git@example.org:a.git'", "must be the name of a remote"),
        ("type = 'file'\npath = ''", "must not be empty"),
        ("type = 'file'\npath = 'a'\nfolder = 'b'", "unknown key 'anchors.away.folder'"),
        ("type = 'mail'\npath = 'a'", "'anchors.away.type' must be"),
        ("type = 'command'\ncommand = []", "'anchors.away.command'"),
        ("type = 'command'\ncommand = 'mail'", "'anchors.away.command' must be a list of texts"),
        ("path = 'a'", "the key 'anchors.away.type' is missing"),
    ],
)
def test_a_section_that_says_something_else_is_refused(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(ConfigError) as failed:
        load_settings(written(tmp_path, f"[anchors.away]\n{section}\n"), {})
    assert said in failed.value.message
