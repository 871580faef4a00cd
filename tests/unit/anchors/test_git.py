from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.anchors import git as git_module
from governance.anchors.git import MESSAGE, GitAnchor
from governance.domain.errors import AnchorFailed
from tests.signed_log import note

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

NEUTRAL = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
PUBLISHING = """
import os, sys
from pathlib import Path
from governance.anchors.git import GitAnchor
from tests.signed_log import note
anchor = GitAnchor("repo", Path(sys.argv[1]), "checkpoints.txt", None, os.environ)
for size in range(int(sys.argv[2]), int(sys.argv[3])):
    anchor.publish(note(size))
"""


class Clone:
    """A repository of a test's own."""

    def __init__(self, root: Path, *words: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main", *words)

    def __call__(self, *words: str) -> str:
        names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=NEUTRAL | names, check=True, capture_output=True, text=True
        )
        return done.stdout

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text, "utf-8")
        return path

    def anchor(self, push: str | None = None, file: str = "checkpoints.txt", **more: str) -> GitAnchor:
        return GitAnchor("repo", self.root, file, push, NEUTRAL | more)

    @property
    def committed(self) -> str:
        return self("show", "HEAD:checkpoints.txt")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


@pytest.fixture
def upstream(clone: Clone) -> Clone:
    """Give a bare repository that the clone calls origin."""
    made = Clone(clone.root.parent / "upstream", "--bare")
    clone("remote", "add", "origin", str(made.root))
    return made


def test_each_note_is_a_commit_of_that_file_alone(clone: Clone) -> None:
    anchor = clone.anchor()
    assert anchor.name == "repo"
    assert anchor.notes() == []
    anchor.publish(note(1))
    clone.write("others.txt", "staged")
    clone("add", "others.txt")
    anchor.publish(note(2))
    assert anchor.notes() == [note(1), note(2)]
    assert clone.committed == note(1) + "\n" + note(2)
    assert clone("show", "--format=%s|%an|%ae|%cn|%ce", "--name-only", "HEAD") == (
        f"{MESSAGE}|kbgov|kbgov|kbgov|kbgov\n\ncheckpoints.txt\n"
    )
    assert clone("status", "--porcelain") == "A  others.txt\n"
    assert clone("rev-list", "--count", "HEAD") == "2\n"
    clone("fsck", "--strict")


def test_the_same_note_makes_no_second_commit(clone: Clone) -> None:
    for size in (1, 2, 1, 2):
        clone.anchor().publish(note(size))
    assert clone("rev-list", "--count", "HEAD") == "2\n"


def test_what_counts_is_what_is_committed(clone: Clone) -> None:
    clone.anchor().publish(note(1))
    (clone.root / "checkpoints.txt").unlink()
    assert clone.anchor().notes() == [note(1)]
    clone.write("checkpoints.txt", note(9))
    assert clone.anchor().notes() == [note(1)]


def test_a_file_that_is_gone_from_the_work_tree_is_put_back(clone: Clone) -> None:
    clone.anchor().publish(note(1))
    (clone.root / "checkpoints.txt").unlink()
    clone.anchor().publish(note(2))
    assert clone.anchor().notes() == [note(1), note(2)]
    assert clone("status", "--porcelain") == ""


def test_a_file_that_was_changed_in_the_work_tree_is_not_committed(clone: Clone) -> None:
    clone.anchor().publish(note(1))
    clone.write("checkpoints.txt", note(9))
    with pytest.raises(AnchorFailed, match="was changed there and is not what is committed"):
        clone.anchor().publish(note(2))
    assert clone.anchor().notes() == [note(1)]


def test_what_was_appended_and_not_committed_when_a_run_was_stopped_is_committed_by_the_next(clone: Clone) -> None:
    clone.anchor().publish(note(1))
    clone.write("checkpoints.txt", note(1) + "\n" + note(2)[:80])
    (clone.root / ".git" / "kbgov-anchor.index").write_bytes(b"torn")
    clone.anchor().publish(note(2))
    clone.anchor().publish(note(3))
    assert clone.anchor().notes() == [note(1), note(2), note(3)]
    assert clone("status", "--porcelain") == ""


def test_no_hook_no_filter_no_signature_and_no_editor_has_a_say(clone: Clone) -> None:
    ran = clone.root.parent / "ran"
    for hook in ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "pre-push", "post-index-change"):
        path = clone.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{ran}'\nexit 1\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    for key, value in {
        "commit.gpgSign": "true",
        "gpg.program": "false",
        "core.editor": "false",
        "core.fsmonitor": f"touch '{ran}'",
        "core.autocrlf": "true",
        "filter.loud.clean": f"touch '{ran}'; tr a-z A-Z",
        "filter.loud.required": "true",
        "user.useConfigOnly": "true",
    }.items():
        clone("config", key, value)
    clone.write(".gitattributes", "*.txt filter=loud\n")
    clone.anchor(GIT_EDITOR="false", GIT_DIR="/nowhere", GIT_INDEX_FILE="/nowhere").publish(note(1))
    assert clone.anchor().notes() == [note(1)]
    assert not ran.exists()


def test_other_files_of_the_clone_stay_in_the_commit(clone: Clone) -> None:
    clone.write("readme.md", "Words.")
    clone("add", "-A")
    clone("commit", "-q", "-m", "x")
    clone.anchor(file="log.txt").publish(note(1))
    assert clone("ls-tree", "--name-only", "HEAD").split() == ["log.txt", "readme.md"]
    assert clone.anchor(file="log.txt").notes() == [note(1)]


def test_nothing_leaves_the_clone_unless_a_remote_is_named(clone: Clone, upstream: Clone) -> None:
    clone.anchor().publish(note(1))
    assert upstream("for-each-ref") == ""
    clone.anchor("origin").publish(note(2))
    assert upstream("show", "main:checkpoints.txt") == note(1) + "\n" + note(2)


def test_a_push_that_failed_is_made_up_for_by_the_next_call(clone: Clone, upstream: Clone) -> None:
    away = upstream.root.rename(upstream.root.with_name("away"))
    with pytest.raises(AnchorFailed, match="anchor repo: git push ended with exit code") as failed:
        clone.anchor("origin").publish(note(1))
    assert failed.value.exit_code == 75
    assert clone.anchor().notes() == [note(1)]
    away.rename(upstream.root)
    clone.anchor("origin").publish(note(1))
    assert upstream("show", "main:checkpoints.txt") == note(1)
    assert clone("rev-list", "--count", "HEAD") == "1\n"


def test_a_push_never_rewrites_what_others_have_pushed(clone: Clone, upstream: Clone, tmp_path: Path) -> None:
    clone.anchor("origin").publish(note(1))
    other = Clone(tmp_path / "other")
    other("fetch", "-q", str(upstream.root), "main")
    other("reset", "-q", "--hard", "FETCH_HEAD")
    other.anchor().publish(note(2))
    other("push", "-q", str(upstream.root), "HEAD:main")
    with pytest.raises(AnchorFailed):
        clone.anchor("origin").publish(note(3))
    assert upstream("show", "main:checkpoints.txt") == note(1) + "\n" + note(2)


@pytest.mark.parametrize("url", ["ext::sh -c touch% ran", "/nowhere/at/all"])
def test_a_remote_that_names_a_program_is_not_asked(clone: Clone, url: str) -> None:
    clone("remote", "add", "origin", url)
    clone("config", "protocol.ext.allow", "always")
    with pytest.raises(AnchorFailed, match="git push"):
        clone.anchor("origin").publish(note(1))
    assert not (clone.root / "ran").exists()


def test_a_word_that_is_no_remote_is_not_taken_for_a_folder(clone: Clone) -> None:
    Clone(clone.root / "origin", "--bare")
    with pytest.raises(AnchorFailed, match="git remote ended with exit code"):
        clone.anchor("origin").publish(note(1))


def a_folder(root: Path) -> None:
    root.mkdir()


def inside_another(root: Path) -> None:
    Clone(root.parent)
    root.mkdir()


def bare(root: Path) -> None:
    Clone(root, "--bare")


def nothing(root: Path) -> None:
    del root


@pytest.mark.parametrize("make", [a_folder, inside_another, bare, nothing])
def test_what_is_no_clone_of_its_own_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    root = tmp_path / "here" / "anchor"
    root.parent.mkdir()
    make(root)
    anchor = GitAnchor("repo", root, "checkpoints.txt", None, NEUTRAL | {"GIT_CEILING_DIRECTORIES": str(tmp_path)})
    for call in (lambda: anchor.publish(note(1)), anchor.notes):
        with pytest.raises(AnchorFailed) as failed:
            call()
        assert failed.value.item == str(root)
    assert not (tmp_path / "here" / "checkpoints.txt").exists()


def test_a_link_in_the_file_s_place_is_refused(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (clone.root / "checkpoints.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AnchorFailed, match="it is a link"):
        clone.anchor().publish(note(1))
    clone("add", "-A")
    clone("commit", "-q", "-m", "x")
    with pytest.raises(AnchorFailed, match="something else than a plain file"):
        clone.anchor().notes()
    assert (tmp_path / "elsewhere").read_text() == ""


def test_without_git_there_is_no_anchor(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_module.shutil, "which", lambda _: None)
    with pytest.raises(AnchorFailed, match="git is not installed"):
        clone.anchor().notes()


def test_a_branch_that_somebody_moved_meanwhile_is_not_overwritten(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.anchor().publish(note(1))
    before = git_module.GitAnchor._asked

    def meddling(self: GitAnchor, *words: str, **more: object) -> bytes:
        if words[0] == "update-ref":
            clone("commit", "-q", "--allow-empty", "-m", "meanwhile")
        return before(self, *words, **more)

    monkeypatch.setattr(git_module.GitAnchor, "_asked", meddling)
    with pytest.raises(AnchorFailed, match="git update-ref"):
        clone.anchor().publish(note(2))
    monkeypatch.undo()
    clone.anchor().publish(note(2))
    assert clone.anchor().notes() == [note(1), note(2)]
    assert "meanwhile" in clone("log", "--format=%s")


def test_processes_that_commit_at_once_lose_nothing(
    clone: Clone, started_python: Callable[..., subprocess.Popen[str]]
) -> None:
    children = [started_python(PUBLISHING, str(clone.root), str(start), str(start + 4)) for start in (0, 2)]
    assert [child.wait(120) for child in children] == [0, 0]
    assert sorted(clone.anchor().notes()) == sorted(note(size) for size in range(6))
    assert clone("rev-list", "--count", "HEAD") == "6\n"
