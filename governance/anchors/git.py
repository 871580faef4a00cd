"""A clone of a git repository that checkpoints are committed to; pushing takes them to another host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from governance.anchors.appending import append, growing, reason
from governance.anchors.notes import addition, require_size, whole_notes
from governance.anchors.processes import NotRun, run, without_ours
from governance.config.settings import DEFAULT_ANCHOR_FILE, AnchorSettings
from governance.domain.errors import AnchorFailed

MESSAGE: Final = "Take a checkpoint of the audit log"
_KEPT: Final = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXEC_PATH",
)
_WHO: Final = {f"GIT_{role}_{what}": "kbgov" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_HARDENED: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "SSH_ASKPASS_REQUIRE": "never",
    **_WHO,
}
_TRANSPORTS: Final = "file:git:http:https:ssh"
"""What a push may go over; a remote of another kind could name a program."""
# What a commit would heed in the clone's own configuration is overruled. How a push reaches its host (core.sshCommand,
# credential.helper, the remote's own keys) is left to whoever made the clone: rights on it are rights to run programs.
_OVERRULED: Final = (
    "commit.gpgSign=false",
    "core.askPass=",
    "core.autocrlf=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "safe.bareRepository=explicit",
)
_PLAIN_FILES: Final = frozenset({b"100644", b"100755"})


class GitAnchor:
    """Appends to one file of a clone, and commits that file and nothing else.

    The commit is put together beside the work tree's index, so that no filter changes what is committed and nothing
    that somebody else has staged gets in. What counts is what the newest commit holds.

    Args:
        name: Name of the configured anchor.
        repository: The clone's top folder.
        file: Name of the file there.
        push: The remote to push to; None to contact no host.
        environment: What git sees, ours and its own variables left out.

    """

    def __init__(
        self, name: str, repository: Path, file: str, push: str | None, environment: Mapping[str, str]
    ) -> None:
        self._name = name
        self._repository = repository
        self._file = file
        self._push = push
        kept = {key: value for key, value in environment.items() if not key.startswith("GIT_") or key in _KEPT}
        self._environment = without_ours(kept) | _HARDENED

    @classmethod
    def from_settings(cls, name: str, found: AnchorSettings, folder: Path, environment: Mapping[str, str]) -> Self:
        """Give the anchor of a section of the configuration."""
        return cls(name, folder / (found.repository or ""), found.file or DEFAULT_ANCHOR_FILE, found.push, environment)

    @property
    def name(self) -> str:
        """Name of the configured anchor."""
        return self._name

    def publish(self, note: str) -> None:
        """Commit the note, unless it is committed already, and push where that is configured.

        Raises:
            AnchorFailed: The folder is no clone, the file was changed there, or git refuses; what is committed and
                not pushed is pushed by the next call.

        """
        with self._told():
            inside = self._git_folder()
            with growing(inside / "kbgov-anchor.lock", self._name):
                committed = self._committed()
                content = self._grown(committed, note)
                if content != committed:
                    self._commit(inside, content)
            if self._push is not None:
                self._send(self._push)

    def notes(self) -> list[str]:
        """Give the notes that the newest commit holds, the oldest first.

        Raises:
            AnchorFailed: The folder is no clone, or git refuses.

        """
        with self._told():
            self._git_folder()
            return whole_notes(self._committed())

    def _git_folder(self) -> Path:
        """Give where the clone keeps what is its own; it must be a clone by itself, not a folder inside one."""
        words = self._asked("rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-prefix").split(b"\n")
        if len(words) < 3 or words[0] != b"true" or words[2]:  # noqa: PLR2004 - the three answers
            raise self._failed("its repository is not the top folder of a clone with a work tree")
        return Path(os.fsdecode(words[1]))

    def _committed(self) -> bytes:
        """Give what the newest commit holds in the file; b"" when it does not hold it."""
        if not self._head():
            return b""
        listed = self._asked("ls-tree", "-z", "--full-tree", "HEAD", "--", self._file)
        if not listed:
            return b""
        mode, kind, blob = listed.partition(b"\t")[0].split(b" ")
        if kind != b"blob" or mode not in _PLAIN_FILES:
            raise self._failed(f"{self._file} is committed there as something else than a plain file")
        require_size(self._name, int(self._asked("cat-file", "-s", blob.decode())))
        return self._asked("cat-file", "blob", blob.decode())

    def _head(self) -> str:
        """Give the newest commit, "" where there is none yet."""
        ended = run(self._words("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), *self._where, listen=True)
        return ended.out.decode().strip() if ended.code == 0 else ""

    def _grown(self, committed: bytes, note: str) -> bytes:
        """Append to the file in the work tree what it lacks, and give what it holds then."""
        with growing(self._repository / self._file, self._name) as (handle, held):
            if not held.startswith(committed) and not committed.startswith(held):
                raise self._failed(f"{self._file} was changed there and is not what is committed; git checkout it")
            missing = committed[len(held) :]
            missing += addition(held + missing, note)
            append(handle, missing)
            return held + missing

    def _commit(self, inside: Path, content: bytes) -> None:
        head = self._head()
        blob = self._asked("hash-object", "-w", "--no-filters", "--stdin", given=content).decode().strip()
        entry = ("update-index", "--add", "--cacheinfo", f"100644,{blob},{self._file}")
        beside = inside / "kbgov-anchor.index"
        beside.unlink(missing_ok=True)  # of somebody who was stopped in the middle
        if head:
            self._asked("read-tree", head, index=beside)
        self._asked(*entry, index=beside)
        tree = self._asked("write-tree", index=beside).decode().strip()
        beside.unlink(missing_ok=True)
        parent = ["-p", head] if head else []
        made = self._asked("commit-tree", "--no-gpg-sign", *parent, "-m", MESSAGE, tree).decode().strip()
        self._asked(*entry)  # first, so that whoever commits there next takes nothing back
        self._asked("update-ref", "-m", MESSAGE, "HEAD", made, head)

    def _send(self, remote: str) -> None:
        self._asked("remote", "get-url", "--push", remote)  # a word that is no remote would be taken for a path
        self._asked("push", "--quiet", "--no-verify", "--recurse-submodules=no", "--", remote, "HEAD", network=True)

    @property
    def _where(self) -> tuple[Path, Mapping[str, str]]:
        return self._repository, self._environment

    def _words(self, *words: str) -> list[str]:
        program = shutil.which("git")
        if program is None:
            raise self._failed("git is not installed")
        overruled = [word for setting in _OVERRULED for word in ("-c", setting)]
        return [program, "--no-pager", *overruled, *words]

    def _asked(self, *words: str, given: bytes = b"", index: Path | None = None, network: bool = False) -> bytes:
        """Run git, and give what it printed. Raises AnchorFailed when it refuses."""
        environment = dict(self._environment)
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        if network:
            environment["GIT_ALLOW_PROTOCOL"] = _TRANSPORTS
        ended = run(self._words(*words), self._repository, environment, given, listen=True)
        if ended.code:
            raise self._failed(f"git {words[0]} {ended.words}")
        return ended.out

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say which anchor it was that the system refused."""
        try:
            yield
        except NotRun as why:
            problem = f"git {why}"
        except (OSError, ValueError) as error:
            problem = f"a file of it cannot be used: {reason(error)}"
        else:
            return
        raise self._failed(problem)

    def _failed(self, problem: str) -> AnchorFailed:
        return AnchorFailed(
            f"anchor {self._name}: {problem}",
            item=str(self._repository),
            next_step=f"see to the clone that repository in [anchors.{self._name}] names, and try again",
        )
