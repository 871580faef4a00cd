"""What can be configured. Values are kept as they were written; the properties give them resolved."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from governance.config.scrypt import ScryptHash
from governance.config.values import is_name, zone_of
from governance.domain.actors import BY_POLICY, LONGEST_NAME, Role, is_actor_name
from governance.domain.words import shown, suggestion

DEFAULT_DATABASE: Final = "sqlite:///kbgov.db"
DEFAULT_ANCHOR_FILE: Final = "checkpoints.txt"
_SQLITE: Final = re.compile(r"(sqlite(?:\+pysqlite)?:///)([^?]+)(\?.*)?", re.DOTALL)
_MASKED: Final = re.compile(r"(://[^:/?#@]*:)[^@]+(@)")

MOST_METADATA_KEYS: Final = 20
DocumentField = Literal[
    "title", "reviewed_on", "created_on", "review_interval", "owner", "version", "logical_id", "labels", "redirect"
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"{shown(value)} is no name such as 'hr-handbook': small letters, digits, hyphens, at most 64")
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if "\0" in value:
        raise ValueError("must not hold a NUL character")
    return value


def _listed(value: object) -> object:
    """Let one text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _whole(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _truth(value: object) -> object:
    """Take true and false, and their words in the environment; a number is neither."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    found = value if isinstance(value, bool) else words.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be true or false")
    return found


def _zone(value: str) -> str:
    zone_of(value)
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        raise ValueError("is no regular expression") from None
    return value


def _actor_name(value: str) -> str:
    if not is_actor_name(value):
        raise ValueError(
            f"a name of up to {LONGEST_NAME} printable characters is needed, not beginning with {BY_POLICY}"
        )
    return value


def _roles(value: tuple[Role, ...]) -> tuple[Role, ...]:
    """Take roles, at least one and each once."""
    if not value:
        raise ValueError("must name a role")
    if len(set(value)) < len(value):
        raise ValueError("names a role twice")
    return value


def _hash(value: str) -> str:
    ScryptHash.parse(value)
    return value


def _plain_file(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", value) is None:
        raise ValueError("must be the name of a file, without a folder: letters, digits, hyphens, dots, underscores")
    return value


def _remote(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", value) is None:
        raise ValueError("must be the name of a remote of that clone, such as 'origin', not its address")
    return value


Name = Annotated[str, AfterValidator(_name)]
ActorName = Annotated[str, AfterValidator(_actor_name)]
Text = Annotated[str, AfterValidator(_text)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Truth = Annotated[bool, BeforeValidator(_truth)]


def _keys(value: tuple[str, ...]) -> tuple[str, ...]:
    """Take names of keys, each once."""
    if len(set(value)) < len(value):
        raise ValueError("names a key twice")
    if len(value) > MOST_METADATA_KEYS:
        raise ValueError(f"names more than {MOST_METADATA_KEYS} keys")
    return value


Keys = Annotated[Texts, AfterValidator(_keys)]


def _one_group(value: str) -> str:
    if re.compile(value).groups != 1:
        raise ValueError("needs exactly one group, which is the document's path")
    return value


class DocumentKeySettings(_Model):
    """How an index that another pipeline fills calls the documents of a source. See `governance.domain.keys.KeyRule`.

    Attributes:
        field: Metadata field that names the document; None for the one of the index.
        url_decode: Whether `%20` means a blank.
        strip_prefix: What every key of this source begins with.
        pattern: Regular expression with one group, which is the document's path; taken after the prefix is off.
        case: Whether capitals tell documents apart.

    """

    field: Text | None = None
    url_decode: Truth = False
    strip_prefix: str = ""
    pattern: Annotated[str, AfterValidator(_pattern), AfterValidator(_one_group)] | None = None
    case: Literal["keep", "ignore"] = "keep"


class IndexFieldSettings(_Model):
    """Which metadata field of an index says what. See `governance.domain.keys.ChunkFields`; "" for none.

    Attributes:
        metadata: Further fields whose values policies may look at, where no source stands behind the index.

    """

    document: str | None = None
    title: str | None = None
    uri: str | None = None
    owner: str | None = None
    reviewed_on: str | None = None
    review_interval: str | None = None
    modified: str | None = None
    created: str | None = None
    version: str | None = None
    labels: str | None = None
    position: str | None = None
    model: str | None = None
    text: str | None = None
    metadata: Keys = ()


class SourceSettings(_Model):
    """A place that documents come from.

    Attributes:
        type: Kind of source; files is a tree of files, manifest a list in JSON Lines.
        root: Folder, relative to the configuration's folder; for files alone.
        path: File with the list, relative to the configuration's folder, or "-" for standard input; for manifest alone.
        command: Program with its arguments that prints the list; for manifest alone. No shell is involved.
        document_key: How a foreign index calls the documents.
        index: Name of the index that the documents go into; None when they go into none by default.
        patterns: Globs of documents; None keeps the source's own.
        exclude: Globs of files and folders to leave out.
        fields: Front matter keys by our field, best first; fields that are not named keep the source's own.
        date_order: How `03/04/2026` is read; None as the source does by itself.
        version_from_path: Whether a folder's name may say a page's version.
        version_path_pattern: Regular expression over a folder's name; None keeps the source's own.
        max_file_bytes: Larger files are reported and not read.
        git: Whether git is asked for the days of each document's first commit and last change.
        metadata: Keys of the front matter, or of a manifest's line, whose values policies may look at.

    """

    type: Literal["files", "manifest"] = "files"
    root: Text | None = None
    path: Text | None = None
    command: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    document_key: DocumentKeySettings = DocumentKeySettings()
    index: Name | None = None
    patterns: Texts | None = None
    exclude: Texts = ()
    fields: dict[DocumentField, Texts] = {}
    date_order: Literal["mdy", "dmy"] | None = None
    version_from_path: Truth = True
    version_path_pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    max_file_bytes: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=1_000_000_000)] = 10_000_000
    git: Truth = True
    metadata: Keys = ()

    @model_validator(mode="after")
    def _check_place(self) -> SourceSettings:
        if self.type == "files":
            if self.root is None:
                raise ValueError("a source of type files needs 'root', the documents' folder")
            if self.path is not None or self.command is not None:
                raise ValueError("'path' and 'command' belong to a source of type manifest")
        elif self.root is not None or (self.path is None) == (self.command is None):
            raise ValueError("a source of type manifest needs either 'path' or 'command', and no 'root'")
        return self


class IndexSettings(BaseModel):
    """An index. `type` names its adapter; every other key is an option that the adapter checks itself.

    Attributes:
        fields: Which metadata field says what, for an index that another pipeline fills.

    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    type: Name = "embedded"
    fields: IndexFieldSettings = IndexFieldSettings()

    @property
    def options(self) -> Mapping[str, object]:
        """The adapter's own keys as they were written; see `Settings.index_options`."""
        return dict(self.model_extra or {})


class IngestSettings(_Model):
    """How documents are cut and embedded.

    Attributes:
        chunk_characters: About how long a chunk is.
        embedder: Name of the embedder.

    """

    chunk_characters: Annotated[int, BeforeValidator(_whole), Field(ge=100, le=20_000)] = 1000
    embedder: Name = "hashed"


class ActorSettings(_Model):
    """Somebody who may act.

    Attributes:
        roles: What they may do, at least one.
        scrypt: The hash of their secret; see `governance.config.scrypt`. Never printed.
        kind: Whether this is a person or a scheduled job.

    """

    roles: Annotated[tuple[Role, ...], BeforeValidator(_listed), AfterValidator(_roles)]
    scrypt: Annotated[str, AfterValidator(_hash), Field(repr=False)]
    kind: Literal["person", "job"] = "person"


class AnchorSettings(_Model):
    """A place outside the database that takes checkpoints of the log.

    Attributes:
        type: file appends to a file, git commits to a clone, command hands each to a program.
        path: The file, relative to the configuration's folder; for file alone.
        repository: Top folder of the clone, relative to the configuration's folder; for git alone.
        file: Name of the file in it, None for checkpoints.txt; for git alone.
        push: Remote that each commit is pushed to; None to contact no host. For git alone.
        command: Program with its arguments that takes a checkpoint on standard input; for command alone. No shell is
            involved.

    """

    type: Literal["file", "git", "command"]
    path: Text | None = None
    repository: Text | None = None
    file: Annotated[Text, AfterValidator(_plain_file)] | None = None
    push: Annotated[Text, AfterValidator(_remote)] | None = None
    command: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_place(self) -> AnchorSettings:
        needed, also = _ANCHOR_KEYS[self.type]
        given = {key for key in ("path", "repository", "file", "push", "command") if getattr(self, key) is not None}
        if needed not in given:
            raise ValueError(f"an anchor of type {self.type} needs '{needed}'")
        if strange := sorted(given - {needed, *also}):
            raise ValueError(f"an anchor of type {self.type} has no '{strange[0]}'")
        return self


_ANCHOR_KEYS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "file": ("path", ()),
    "git": ("repository", ("file", "push")),
    "command": ("command", ()),
}
"""By type of anchor: the key that it needs, and those that it may have beside it."""


class Settings(_Model):
    """The whole configuration.

    Attributes:
        database_url: The catalog's database as it was written; never printed, it may hold a password.
        timezone: Name of the zone whose calendar days count.
        policies: Policy files or folders, relative to the configuration's folder.
        keys_folder: Folder with the keys of the audit log, relative to the configuration's folder.
        sources: By name.
        indexes: By name.
        actors: Who may act, by name; empty where whoever says who they are may do everything.
        anchors: Places outside the database that take checkpoints of the log, by name.

    """

    database_url: Annotated[Text, Field(repr=False)] = DEFAULT_DATABASE
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    policies: Texts = ()
    keys_folder: Text = "keys"
    sources: dict[Name, SourceSettings] = {}
    indexes: dict[Name, IndexSettings] = {}
    ingest: IngestSettings = IngestSettings()
    actors: dict[ActorName, ActorSettings] = {}
    anchors: dict[Name, AnchorSettings] = {}
    _file: Path | None = PrivateAttr(default=None)
    _folder: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="after")
    def _check_indexes(self) -> Settings:
        for name, source in self.sources.items():
            if source.index is not None and source.index not in self.indexes:
                known = suggestion(source.index, self.indexes) if self.indexes else "there are no indexes yet"
                raise ValueError(f"sources.{name}.index names '{source.index}', which is no configured index; {known}")
        return self

    def located(self, file: Path | None, folder: Path) -> Settings:
        """Give the same settings with the file they came from and the folder that paths are relative to."""
        copy = self.model_copy()
        copy._file = file  # noqa: SLF001 - our own
        copy._folder = folder  # noqa: SLF001 - our own
        return copy

    @property
    def file(self) -> Path | None:
        """The file that was read; None when everything came from the environment."""
        return self._file

    @property
    def folder(self) -> Path:
        """What relative paths are relative to: the file's folder."""
        return self._folder

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose calendar days count."""
        return zone_of(self.timezone)

    @property
    def policy_paths(self) -> tuple[Path, ...]:
        """The policy files and folders, in the order in which they are loaded."""
        return tuple(self._folder / path for path in self.policies)

    @property
    def keys_path(self) -> Path:
        """The folder with the keys of the audit log."""
        return self._folder / self.keys_folder

    @property
    def metadata_keys(self) -> frozenset[str]:
        """Every key of metadata that is read anywhere: policies can look at no other."""
        of_sources = (found.metadata for found in self.sources.values())
        of_indexes = (found.fields.metadata for found in self.indexes.values())
        return frozenset(key for keys in (*of_sources, *of_indexes) for key in keys)

    @property
    def resolved_database_url(self) -> str:
        """The catalog's URL with a SQLite path made absolute. May hold a password: never print it."""
        match = _SQLITE.fullmatch(self.database_url)
        if match is None or match[2].startswith((":memory:", "file:")):
            return self.database_url
        path = os.fsencode(self._folder / unquote(match[2]))
        return f"{match[1]}{quote(path)}{match[3] or ''}"

    @property
    def shown_database_url(self) -> str:
        """The catalog's URL for people: parameters cut off, a password masked."""
        return _MASKED.sub(r"\1***\2", self.database_url).partition("?")[0]

    def source_root(self, name: str) -> Path:
        """Give a source's folder. Raises KeyError when there is no such source."""
        return self._folder / (self.sources[name].root or "")

    def index_options(self, name: str) -> dict[str, object]:
        """Give an index adapter's options; `path` is resolved against the configuration's folder.

        Raises:
            KeyError: There is no such index.

        """
        options = dict(self.indexes[name].options)
        if isinstance(path := options.get("path"), str) and path:
            options["path"] = str(self._folder / path)
        return options
