"""`kbgov init`: a configuration, shipped policies, keys and an empty catalog, so that the next command just works."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from governance.catalog.engine import create_catalog_engine, database_file
from governance.catalog.migrate import RevisionCheck, RevisionState, check, upgrade
from governance.config.load import load_settings
from governance.config.settings import DEFAULT_DATABASE, Settings
from governance.config.template import render_config, require_name
from governance.domain.errors import ConfigError, InputError, KbgovError, TryAgain
from governance.keyring.families import HeldKey
from governance.policy.shipped import SCHEMA, shipped_policies
from governance.services.detect_layout import check_layout_name
from governance.services.first_look import FirstLook, Parts, look_at
from governance.services.found_config import about_index
from governance.services.index_url import parse_index_url

DEFAULT_INDEX: Final = "main"
DEFAULT_SOURCE: Final = "docs"
POLICIES: Final = "policies"
DEFAULT_POLICIES: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """What to write.

    Attributes:
        config: The configuration file; everything else goes beside it.
        source: Folder with documents; None writes an example that is commented out.
        source_name: None makes a name from the folder's.
        from_index: URL of an index that exists already; None for one of our own, which need not be there yet.
        layout: Who fills that index; None to find out.
        policies: Name of the shipped policy set to begin with.

    """

    config: Path
    source: Path | None = None
    source_name: str | None = None
    index_name: str = DEFAULT_INDEX
    from_index: str | None = None
    layout: str | None = None
    policies: str = DEFAULT_POLICIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialized:
    """What is there now.

    Attributes:
        database: The catalog's file, or its URL without a password.
        created: Files that were not there before, absolute.
        look: What the existing index showed.

    """

    config: Path
    database: str
    source_name: str | None
    created: tuple[str, ...]
    look: FirstLook | None = None


def initialize(
    request: InitRequest,
    env: Mapping[str, str],
    keys: Callable[[Settings], Sequence[HeldKey]],
    parts: Callable[[Settings], Parts] | None = None,
) -> Initialized:
    """Write configuration and policies, with the schema that editors read, and bring the catalog to this version.

    Files that are there and say the same are left alone; nothing is written when one says something else. When
    anything fails, configuration and policies that this call wrote are taken away again.

    Args:
        request: What to write.
        env: The environment.
        keys: Makes the keys of the log that are missing, and gives the new ones.
        parts: Makes sources and indexes, for a look at an index that exists already.

    Raises:
        ConfigError: A name is no name, a path is no UTF-8, or the environment cannot be used.
        InputError: A file is there and says something else, the source is no folder, or the URL leads to no index.
        IndexUnreachable: The existing index does not answer.
        DatabaseRevisionError: The catalog is of another version.
        Refused: The log of the catalog knows keys that are not here.
        CatalogUnreachable: The catalog does not answer.

    """
    config = request.config.absolute()
    _require_utf8(config)
    source_name = _source_name(request)
    look = _look(request, parts)
    texts = {config: _config_text(request, config.parent, source_name, look)} | {
        config.parent / POLICIES / name: (shipped_policies() / name).read_text(encoding="utf-8")
        for name in (f"{request.policies}.yaml", SCHEMA)
    }
    missing = [path for path, text in texts.items() if not _is_there(path, text, config)]
    with _all_or_nothing() as written:
        for path in missing:
            _write(path, texts[path], written)
        settings = load_settings(config, env)
        database, made = _migrated(settings.resolved_database_url, settings.shown_database_url)
        new_keys = keys(settings)
    created = (*map(str, [*missing, *made]), *(key.where for key in new_keys))
    name = source_name if request.source is not None else None
    return Initialized(config=config, database=database, source_name=name, created=created, look=look)


def _look(request: InitRequest, parts: Callable[[Settings], Parts] | None) -> FirstLook | None:
    if request.from_index is None or parts is None:
        return None
    place = parse_index_url(request.from_index, Path.cwd())
    require_name(request.index_name)
    if request.layout is not None:
        check_layout_name(request.layout)
    source = _folder(request.source) if request.source is not None else None
    return look_at(place, request.index_name, source, request.layout, parts)


def _config_text(request: InitRequest, folder: Path, source_name: str, look: FirstLook | None) -> str:
    root = Path("docs") if request.source is None else _near(_folder(request.source), folder)
    text = render_config(
        source_name=source_name,
        source_root=root,
        index_name=request.index_name,
        index_path=f"{request.index_name}-index.db" if look is None else _near(look.place.path, folder),
        database_url=DEFAULT_DATABASE,
        policies=[POLICIES],
        foreign=about_index(look) if look is not None else None,
    )
    return text if request.source is not None else _without_source(text)


def _without_source(text: str) -> str:
    """Turn the section of the source into an example."""
    lines, inside = [], False
    for line in text.splitlines():
        inside = line.startswith("[sources.") or (inside and bool(line))
        lines.append(f"# {line}" if inside and not line.startswith("#") else line)
    return "\n".join(lines) + "\n"


def _folder(source: Path) -> Path:
    """Give the source's folder, absolute."""
    root = source.absolute()
    if not root.is_dir():
        raise InputError(
            "the source is no folder that can be read",
            item=str(source),
            next_step="give --source the documents' folder",
        )
    return Path(os.path.normpath(root))


def _near(path: Path, folder: Path) -> Path:
    """Give a path, relative where it lies below the configuration's folder."""
    path, folder = Path(os.path.normpath(path)), Path(os.path.normpath(folder))
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _source_name(request: InitRequest) -> str:
    if request.source_name is not None:
        return request.source_name
    if request.source is None:
        return DEFAULT_SOURCE
    made = re.sub(r"[^a-z0-9]+", "-", request.source.resolve().name.lower())[:64].strip("-")
    return made or DEFAULT_SOURCE


def _require_utf8(path: Path) -> None:
    """Refuse what neither a configuration nor a database's address could name."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(
            "a path that is not UTF-8 cannot be used; nothing was written",
            item=ascii(str(path)),
            next_step="rename the folder, or name another one: kbgov init DIR",
        ) from None


def _is_there(path: Path, text: str, config: Path) -> bool:
    """Say whether the file is there and says the same.

    Raises:
        InputError: It says something else.

    """
    try:
        if path.read_bytes() == text.encode("utf-8"):
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from None
    keep = "keep it and go on with kbgov ingest"
    rename = "rename it, type the same command again, then put it back in its place"
    raise InputError(
        "this file is there already and says something else; nothing was written",
        item=str(path),
        next_step=f"{keep if config.is_file() else rename}; or name another folder: kbgov init DIR",
    )


@contextmanager
def _all_or_nothing() -> Iterator[list[Path]]:
    """Give a list for files and folders that are made; after an error they are removed, where still as made."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):  # a folder that somebody has put something into stays
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def _write(path: Path, text: str, written: list[Path]) -> None:
    """Make a file and the folders that it needs; each is added to `written` as soon as it is there."""
    try:
        for folder in [each for each in reversed(path.parents) if not each.exists()]:
            folder.mkdir()
            written.append(folder)
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            written.append(path)
            stream.write(text)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"this cannot be written: {error.strerror}", item=str(path), next_step="name a folder that you may write into"
    )


def _migrated(url: str, shown_url: str) -> tuple[str, list[Path]]:
    """Bring the catalog to this version; give what it is called and the file that was made."""
    engine = create_catalog_engine(url)
    try:
        file = database_file(engine)
        fresh = file is not None and not file.exists()
        if _looked(lambda: check(engine), file).state is not RevisionState.OK:
            upgrade(engine)
        return str(file or shown_url), [file] if file is not None and fresh else []
    finally:
        engine.dispose()


def _looked(look: Callable[[], RevisionCheck], file: Path | None) -> RevisionCheck:
    """Look at the catalog; a file in its place that is none is told by name."""
    try:
        found = look()
    except (TryAgain, InputError):
        raise
    except KbgovError as error:
        raise _no_catalog(error.message, file) from None
    if found.foreign:
        raise _no_catalog("this is not a catalog of kbgov", file)
    return found


def _no_catalog(message: str, file: Path | None) -> InputError:
    return InputError(
        f"{message}; nothing was written",
        item=str(file or "database_url"),
        next_step="move it away, or name another folder: kbgov init DIR",
    )
