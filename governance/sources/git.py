"""Days of each document's first commit and of its last change, from one pass of `git log` over a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Final, cast

_BLOCK: Final = 65_536
_WORDS: Final = 5
_KEPT: Final = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXEC_PATH",
)
_HARDENED: Final = {
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone must not fetch what it lacks
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# The checkout's own configuration may name programs and change what `log` prints: each such key is overruled.
_OVERRULED: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "color.ui=false",
    "diff.relative=false",
    "diff.orderFile=/dev/null",
    "log.diffMerges=off",
    "log.follow=false",
    "log.showRoot=true",
    "log.showSignature=false",
    "safe.bareRepository=explicit",
)
_LOG: Final = (
    "log",
    "-z",
    "--format=%cI",
    "--raw",
    "--no-abbrev",
    "-M100%",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
)


@dataclass(frozen=True, slots=True)
class History:
    """What a source's history knows.

    Attributes:
        changed_on: Day of the last change by document.
        created_on: Day of the first commit by document.
        note: Why there are no days, or fewer than there could be; None when all is well or there is no checkout.

    """

    changed_on: Mapping[str, date] = field(default_factory=dict)
    created_on: Mapping[str, date] = field(default_factory=dict)
    note: str | None = None

    def days_of(self, document: str) -> tuple[date | None, date | None]:
        """Give the days of a document's last change and of its first commit; None for what is not known."""
        return self.changed_on.get(document), self.created_on.get(document)


def read_history(root: Path, takes: Callable[[str], bool]) -> History:
    """Ask git for the first commit and the last change of every document below `root` that `takes(path)`.

    A day is that of the commit, in the committer's own zone. No change is dated by a commit that touches more than
    one and more than half of the documents of its time (an import, a reformat, the edge of a shallow clone), by a
    pure rename (the old name is followed) or by a change of the file mode. Merge commits date nothing by themselves.
    Changes that are not committed are not dated.

    The first commit is the one that added the file, followed through pure renames; an import counts, as the document
    was there by then at the latest. Reading stops as soon as every document has both days.

    Never raises: what git refuses is the note. Git runs without hooks, filters, pagers, prompts and network.
    """
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return History()
    git = shutil.which("git")
    if git is None:
        return History(note="git is not installed, so no document has a day of last change from history")
    try:
        return _read(_Git(git, root), takes)
    except (OSError, ValueError):
        return History(note="git could not be read, so no document has a day of last change from history")


def _read(git: _Git, takes: Callable[[str], bool]) -> History:
    prefix = git.prefix()
    if prefix is None:
        return History(note="git does not take this folder for a checkout of this user (see git's safe.directory)")
    tracked = {path: path.removeprefix(prefix) for path in git.tracked(prefix)}
    documents = {path: name for path, name in tracked.items() if takes(name)}
    if not documents:
        return History(note="git tracks none of the documents")
    dating = Dating(documents, lambda path: path.startswith(prefix) and takes(path.removeprefix(prefix)))
    with git.run(*_LOG, *(["--", f":(top,literal){prefix}"] if prefix else [])) as answer:
        for commit in commits(answer.tokens("\0")):
            dating.take(commit)
            if dating.done:
                break
        whole = dating.done or answer.ended_well()
    note = None if whole else "git log ended with an error, so older changes are not dated"
    return History(dating.days, dating.first_days, note)


@dataclass(frozen=True, slots=True)
class Change:
    """One path in one commit.

    Attributes:
        before: The old name in a pure rename, else the path.
        content: Whether the bytes changed.
        added: Whether the file did not exist before.
        deleted: Whether it does not exist any more.

    """

    path: str
    before: str
    content: bool
    added: bool
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit's day and what it changed."""

    day: date
    changes: tuple[Change, ...]


class Dating:
    """Walks history backwards and gives each document the day of the first change that it meets, and of its adding.

    What a commit touches is held against the documents that there were at that commit, those deleted since included:
    an early import stays an import when the tree has grown tenfold.

    Args:
        documents: Path in the checkout's newest commit -> name of the document.
        was_document: Says of a path in the checkout that was deleted since whether it held a document.

    """

    def __init__(self, documents: Mapping[str, str], was_document: Callable[[str], bool]) -> None:
        self.days: dict[str, date] = {}
        self.first_days: dict[str, date] = {}
        self._was_document = was_document
        self._names = {path: [name] for path, name in documents.items()}
        self._undated = {path: [name] for path, name in documents.items()}
        self._count = len(documents)

    @property
    def done(self) -> bool:
        """True when every document has both its days."""
        return not self._undated and len(self.first_days) == self._count

    def take(self, commit: Commit) -> None:
        """Look at the next older commit."""
        touched = [c for c in commit.changes if c.content and c.path in self._names]
        for change in commit.changes:
            if change.deleted and self._was_document(change.path):
                self._names.setdefault(change.path, [])
        dates = len(touched) <= max(1, len(self._names) // 2)
        for change in touched if dates else ():
            for name in self._undated.pop(change.path, ()):
                self.days[name] = commit.day
        for change in commit.changes:
            if change.added:
                self.first_days.update(dict.fromkeys(self._names.get(change.path, ()), commit.day))
            for names in (self._names, self._undated):
                _go_back(names, change)


def _go_back(names: dict[str, list[str]], change: Change) -> None:
    """Make `names` say which documents each path held before the change."""
    if change.added:
        names.pop(change.path, None)
    elif change.before != change.path and change.path in names:
        names.setdefault(change.before, []).extend(names.pop(change.path))


def commits(tokens: Iterator[str]) -> Iterator[Commit]:
    """Read what `git log -z --raw --format=%cI` prints, cut at its NULs. Paths may hold anything but NUL.

    Raises:
        ValueError: Git printed something else.

    """
    day: date | None = None
    changes: list[Change] = []
    for token in tokens:
        head = token.removeprefix("\n")
        if head.startswith(":"):
            changes.append(_change(head.split(" "), tokens))
        elif head:
            if day:
                yield Commit(day, tuple(changes))
            day, changes = date.fromisoformat(head[:10]), []
    if day:
        yield Commit(day, tuple(changes))


def _change(words: list[str], tokens: Iterator[str]) -> Change:
    """Read `:MODE MODE OBJECT OBJECT STATUS` and the one or two paths that follow it."""
    if len(words) != _WORDS:
        raise ValueError("this is not what git log --raw prints")
    status = words[4]
    before = path = next(tokens, "")
    if status.startswith("R"):
        path = next(tokens, "")
    return Change(path, before, content=words[2] != words[3], added=status == "A", deleted=status == "D")


class _Git:
    """Git in one folder."""

    def __init__(self, program: str, root: Path) -> None:
        overruled = [word for setting in _OVERRULED for word in ("-c", setting)]
        self._command = [program, "--no-pager", *overruled]
        self._root = root

    def prefix(self) -> str | None:
        """Give the path of the root within the checkout, "" or ending with a slash; None when git refuses."""
        with self.run("rev-parse", "--is-inside-work-tree", "--show-prefix") as answer:
            inside, _, prefix = "".join(answer.tokens("\0")).partition("\n")
        return prefix.removesuffix("\n") if inside == "true" else None

    def tracked(self, prefix: str) -> list[str]:
        """Give the paths below the prefix in the newest commit."""
        below = [prefix] if prefix else []
        with self.run("ls-tree", "-r", "-z", "--full-tree", "--name-only", "HEAD", "--", *below) as answer:
            return list(answer.tokens("\0"))

    @contextmanager
    def run(self, *arguments: str) -> Iterator[_Answer]:
        """Start git; on the way out it is over, whether its answer was read to the end or not."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "KBGOV_")) or key in _KEPT
        }
        process = subprocess.Popen(  # noqa: S603 - a fixed program and fixed words; the root is the working directory
            [*self._command, *arguments],
            cwd=self._root,
            env=kept | _HARDENED,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        answer = _Answer(process)
        try:
            yield answer
        finally:
            answer.close()


class _Answer:
    """What a running git prints."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def tokens(self, cut: str) -> Iterator[str]:
        """Give the output as it comes, cut at this character; names that are not UTF-8 keep their bytes."""
        pipe, rest = cast("IO[bytes]", self._process.stdout), b""
        while block := os.read(pipe.fileno(), _BLOCK):
            *whole, rest = (rest + block).split(cut.encode())
            yield from (token.decode("utf-8", "surrogateescape") for token in whole)
        if rest:
            yield rest.decode("utf-8", "surrogateescape")
        self._process.wait()

    def ended_well(self) -> bool:
        """Say whether git came to its end, and without an error."""
        return self._process.poll() == 0

    def close(self) -> None:
        """Stop git if it is still at work."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        cast("IO[bytes]", self._process.stdout).close()
