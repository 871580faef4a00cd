"""Which files of a tree are documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from governance.domain.errors import ConfigError
from governance.domain.words import shown
from governance.policy.globs import Glob

_SKIPPED_FOLDERS: Final = frozenset({"node_modules"})
_SUFFIX: Final = re.compile(r"\*(\.[\w.-]+)")


class Selection:
    """Decides by name alone. Case does not matter, so that README.MD is no silent gap.

    Names that begin with a dot are left out, files as well as folders (histories, editors' lock files, companion
    files of other systems), and so is `node_modules`.

    Args:
        patterns: Globs of documents; see `FileTreeOptions`.
        exclude: Globs of files and folders to leave out. A trailing slash means folders only.

    Raises:
        ConfigError: A glob is none.

    """

    def __init__(self, patterns: Iterable[str], exclude: Iterable[str]) -> None:
        patterns = tuple(patterns)
        matches = {pattern: _SUFFIX.fullmatch(pattern) for pattern in patterns}
        self._suffixes = tuple(found[1].lower() for found in matches.values() if found)
        self._others = _Globs(pattern for pattern, found in matches.items() if not found)
        exclude = tuple(exclude)
        self._no_files = _Globs(glob for glob in exclude if not glob.endswith("/")) if exclude else None
        self._no_folders = _Globs(glob.rstrip("/") for glob in exclude)

    def takes(self, prefix: str, name: str) -> bool:
        """Say whether the file `prefix + name` is a document; `prefix` is "" or ends with a slash."""
        if name.startswith("."):
            return False
        if not name.lower().endswith(self._suffixes) and not self._others.match(prefix, name):
            return False
        return self._no_files is None or not self._no_files.match(prefix, name)

    def enters(self, prefix: str, name: str) -> bool:
        """Say whether the folder `prefix + name` may hold documents."""
        return not name.startswith(".") and name not in _SKIPPED_FOLDERS and not self._no_folders.match(prefix, name)

    def takes_path(self, path: str) -> bool:
        """Say the same of a whole path, folder by folder, as a walk would come to it."""
        *folders, name = path.split("/")
        prefix = ""
        for folder in folders:
            if not self.enters(prefix, folder):
                return False
            prefix += folder + "/"
        return self.takes(prefix, name)


class _Globs:
    """Several globs: those without a slash are held against names, the others against paths."""

    def __init__(self, globs: Iterable[str]) -> None:
        read = [_glob(text) for text in globs]
        self._names = tuple(glob for glob in read if "/" not in glob.text)
        self._paths = tuple(glob for glob in read if "/" in glob.text)

    def match(self, prefix: str, name: str) -> bool:
        if any(glob.matches(name.lower()) for glob in self._names):
            return True
        return bool(self._paths) and any(glob.matches((prefix + name).lower()) for glob in self._paths)


def _glob(text: str) -> Glob:
    try:
        return Glob(text.lower().removeprefix("./").lstrip("/"))
    except ValueError as error:
        raise ConfigError(
            f"a pattern of the source cannot be used: {error}",
            item=shown(text),
            next_step="correct `patterns` or `exclude` in the source's section of the configuration",
        ) from None
