"""The folder that `kbgov demo` works in: made when it is not there, made anew when it is the demo's own."""

from __future__ import annotations

import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from governance.domain.errors import ConfigError, InputError

MARKER: Final = ".kbgov-demo"
HANDBOOK: Final = "handbook"
_NOTE: Final = "Made by `kbgov demo`. The next `kbgov demo` makes the folders and files below anew:\n"
_OWN: Final = (HANDBOOK, "policies", "kbgov.toml")
_OWN_DATABASES: Final = ("kbgov.db", "main-index.db")


def prepare(folder: Path) -> Path:
    """Give the folder with a fresh copy of the shipped handbook in it, and nothing else of an earlier demo.

    Raises:
        InputError: Something that is not the demo's is in the folder.
        ConfigError: The folder cannot be written.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        names = [*_OWN, *(name + suffix for name in _OWN_DATABASES for suffix in ("", "-wal", "-shm"))]
        (folder / MARKER).write_text(_NOTE + "".join(f"{name}\n" for name in names), encoding="utf-8")
        for name in names:
            _remove(folder / name)
        _copy(files("governance").joinpath("demo", HANDBOOK), folder / HANDBOOK)
    except OSError as error:
        raise ConfigError(
            f"the demo's folder cannot be written: {error.strerror}",
            item=str(folder),
            next_step="name another one: kbgov demo --dir DIR",
        ) from None
    return folder.absolute()


def _refuse_foreign(folder: Path) -> None:
    if any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise InputError(
            "this folder is not empty, and no demo made it; nothing was changed",
            item=str(folder),
            next_step="name a new or an empty one: kbgov demo --dir DIR",
        )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        elif entry.name.endswith(".md"):
            (target / entry.name).write_bytes(entry.read_bytes())
