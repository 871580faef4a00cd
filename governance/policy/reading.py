"""Reads one policy file as far as it can be understood by itself."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from governance.domain.errors import PolicyError
from governance.domain.values import Json
from governance.domain.words import shown
from governance.policy.problems import Loc, explain, place_of, policy_error
from governance.policy.schema import FileModel, PolicyModel
from governance.policy.yaml_reader import BadNode, ListNode, MapNode, Node, Scalar, YamlError, read_yaml

MAX_BYTES: Final = 4_194_304
"""Of a file. What is decided by all files together has a limit of its own, in `sizes`."""
_Grammar = TypeVar("_Grammar", bound=BaseModel)
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_NEXT: Final = "correct 'policies' in kbgov.toml; 'kbgov init' writes the shipped files"


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read: its name, the grammar's view, and the nodes that know the lines."""

    name: str
    model: FileModel
    root: MapNode

    def line_of(self, *loc: str | int) -> int:
        """Give the line of a place."""
        return place_of(self.root, loc)[0]

    def error(self, loc: Loc, sentence: str, next_step: str | None = None) -> PolicyError:
        """Make the error about a place."""
        line, where = place_of(self.root, loc)
        return policy_error(self.name, line, f"{where}: {sentence}", next_step)


@dataclass(frozen=True, slots=True)
class Written:
    """A policy as it stands in its file."""

    file: File
    place: int
    model: PolicyModel

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.line_of()

    def line_of(self, *loc: str | int) -> int:
        """Give the line of a place in it."""
        return self.file.line_of("policies", self.place, *loc)

    def error(self, sentence: str, next_step: str | None, *loc: str | int) -> PolicyError:
        """Make the error about a place in it."""
        return self.file.error(("policies", self.place, *loc), sentence, next_step)


def written_policies(files: Sequence[File]) -> list[Written]:
    """Give every policy of the files, in load order."""
    return [Written(file, place, model) for file in files for place, model in enumerate(file.model.policies)]


def read_path(path: Path) -> File:
    """Read a file.

    Raises:
        PolicyError: It cannot be read, or says something that is not understood.

    """
    return read_text(str(path), text_of(path, f"the policies at {path}", _NEXT))


def read_text(name: str, text: str, max_bytes: int = MAX_BYTES) -> File:
    """Read the text of a file, which errors call by its name.

    Raises:
        PolicyError: As `read_path`.

    """
    return File(name, *read_strictly(name, text, FileModel, "version: 1", max_bytes))


def read_strictly(
    name: str, text: str, grammar: type[_Grammar], first: str, max_bytes: int = MAX_BYTES
) -> tuple[_Grammar, MapNode]:
    """Read a text by a grammar, and give the nodes as well, which know the lines.

    Args:
        name: What errors call the file.
        text: Its text.
        grammar: What it may say.
        first: What such a file begins with, for a message.
        max_bytes: The most that are read.

    Raises:
        PolicyError: The text says something that is not understood.

    """
    try:
        root = read_yaml(text, max_bytes=max_bytes)
    except YamlError as error:
        raise policy_error(name, error.line, error.message) from None
    if not isinstance(root, MapNode):
        what = "the file is empty" if isinstance(root, Scalar) and not root.text else "the file is not a mapping"
        raise policy_error(name, root.line, f"{what}: it starts with '{first}'")
    plain = _plain(name, root)
    try:
        return grammar.model_validate(plain), root
    except ValidationError as error:
        raise explain(name, root, error, grammar) from None


def files_at(paths: Sequence[Path]) -> list[Path]:
    """Give the policy files at these places: of a folder its `*.yaml` and `*.yml` by name.

    Raises:
        PolicyError: A folder cannot be listed, or holds no policy file.

    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = _inside(path)
        if not inside:
            raise PolicyError(
                f"the folder {path} holds no policy file (*.yaml)",
                item=str(path),
                next_step="correct 'policies' in kbgov.toml, or put a file there",
            )
        found.extend(inside)
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.suffix in _SUFFIXES)
    except OSError as error:
        message = f"the policies at {folder} cannot be read: {error.strerror}"
        raise PolicyError(message, item=str(folder), next_step=_NEXT) from None


def text_of(path: Path, called: str, next_step: str) -> str:
    """Give the text of a plain file; of one over the cap as many other characters, which the reader then refuses.

    Args:
        path: Where it stands.
        called: What errors call it.
        next_step: What to do when it cannot be read.

    Raises:
        PolicyError: It cannot be read, is no plain file, or is not in UTF-8.

    """
    try:
        raw = _bytes_of(path)
        return raw.decode("utf-8") if len(raw) <= MAX_BYTES else "x" * len(raw)
    except OSError as error:
        no_file = error.errno in {errno.EINVAL, errno.ENXIO}
        message = f"{path} is no plain file" if no_file else f"{called} cannot be read: {error.strerror}"
        raise PolicyError(message, item=str(path), next_step=next_step) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise policy_error(str(path), line, "this is not UTF-8", "save the file in UTF-8") from None


def _bytes_of(path: Path) -> bytes:
    """Read without waiting: a pipe may never have a writer, and a device may never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # of what was opened, as nobody can swap that any more
            raise OSError(errno.EINVAL, "no plain file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _plain(file: str, node: Node, key: str = "") -> Json:
    """Turn nodes into what the grammar reads. A key without a value is refused: its writer meant something."""
    match node:
        case MapNode(items=items):
            return {name: _plain(file, value, name) for name, value in items.items()}
        case ListNode(items=entries):
            return [_plain(file, entry, key) for entry in entries]
        case Scalar(text="", quoted=False, line=line):
            raise policy_error(file, line, f"{shown(key)} has no value: write one, or leave the key out")
        case Scalar(text=text):
            return text
        case BadNode(code=code, line=line):
            raise AssertionError(f"{file}, line {line}: a strict reading gave {code}")
