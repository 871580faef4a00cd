"""Puts the application together: the one place that names adapters.

Everything is made when it is first asked for, so that `kbgov findings list` opens no index and imports no embedder.
"""

from __future__ import annotations

import getpass
import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from governance.catalog.engine import create_catalog_engine, database_file
from governance.catalog.migrate import require_current
from governance.catalog.unit_of_work import Catalog
from governance.config.actors import SECRET, authenticated
from governance.config.load import load_settings
from governance.config.secrets import read_secret
from governance.config.settings import Settings
from governance.domain.actors import BY_POLICY, LONGEST_NAME, Actor, Identity, is_actor_name
from governance.domain.errors import ConfigError, InputError, LogInconsistent
from governance.domain.keys import IndexLayout
from governance.domain.ports import Anchor, Embedder, Index, Source
from governance.domain.words import shown, suggestion
from governance.guard import Guard
from governance.keyring.families import Family, HeldKey
from governance.keyring.ring import Keyring, open_keyring
from governance.policy.loader import load_policies
from governance.policy.model import PolicySet
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob
from governance.services.key_care import make
from governance.services.layout import index_layout
from governance.services.log_keep import LogKeeper
from governance.services.observe import World
from governance.services.runner import OpenIndexes, SerialRunner
from governance.services.runs import Desk, silent

if TYPE_CHECKING:
    from governance.services.policy_trial import ScratchParts
    from governance.sources.manifest_options import ManifestOptions
    from governance.sources.options import FileTreeOptions

T = TypeVar("T")
Progress = Callable[[str, int, int | None], None]

BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "governance.indexes": {
            "embedded": "governance.indexes.embedded:EmbeddedIndex",
            "memory": "governance.indexes.memory:MemoryIndex",
        },
        "governance.sources": {
            "files": "governance.sources.files:FileTreeSource",
            "manifest": "governance.sources.manifest:ManifestSource",
        },
        "governance.embedders": {"hashed": "governance.embedders.hashed:HashedEmbedder"},
        "governance.anchors": {
            "file": "governance.anchors.file:FileAnchor",
            "git": "governance.anchors.git:GitAnchor",
            "command": "governance.anchors.command:CommandAnchor",
        },
    }
)
"""What a checkout without installed metadata still finds; entry points of the same name win."""
FOR_FILES_ALONE: Final = frozenset(
    {"patterns", "exclude", "fields", "version_from_path", "version_path_pattern", "git"}
)
"""Keys of a source that would say nothing about a manifest."""


class ByName(Mapping[str, T]):
    """Things that are configured by name and made when first asked for."""

    def __init__(self, names: Mapping[str, object], make: Callable[[str], T]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """Make the thing, or give the one made before; KeyError for an unknown name."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Give the names; makes nothing."""
        return iter(self._names)

    def __len__(self) -> int:
        """Give how many there are; makes nothing."""
        return len(self._names)


class App:
    """One process's view of one configuration.

    Args:
        settings: What is configured.
        env: The environment: who acts, and secrets.
        clock: Gives the present moment, aware.
        progress: Told what is being done.

    """

    def __init__(
        self, settings: Settings, env: Mapping[str, str], clock: Callable[[], datetime], progress: Progress
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.progress = progress
        self._env = env
        self.sources: Mapping[str, Source] = ByName(settings.sources, self._make_source)
        self.indexes: Mapping[str, Index] = ByName(settings.indexes, self._make_index)

    @property
    def zone(self) -> tzinfo:
        """The configured time zone."""
        return self.settings.zone

    @property
    def today(self) -> date:
        """The present calendar day in the configured time zone."""
        return self.clock().astimezone(self.zone).date()

    @cached_property
    def actor(self) -> Actor:
        """Who acts: KBGOV_ACTOR or the user of the operating system.

        Where the configuration names actors, theirs are the roles, and a secret proves who acts. Else whoever acts says
        so themselves and holds every role.

        Raises:
            NotAuthenticated: Actors are configured, and the secret is not this one's, or there is none.
            ConfigError: The name or the secret cannot be read.

        """
        name = actor_name(self._env)
        if not self.settings.actors:
            return Actor(id=name)
        return authenticated(self.settings.actors, name, read_secret(self._env, SECRET))

    @property
    def claimant(self) -> Actor:
        """Who acts by their own account, which has proven nothing: they hold no role."""
        return Actor(id=actor_name(self._env), roles=frozenset(), identity=Identity.CLAIMED)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog, whatever its revision."""
        return Catalog(create_catalog_engine(self.settings.resolved_database_url), lambda: self.keyring.audit)

    @cached_property
    def keyring(self) -> Keyring:
        """The keys of the audit log; none is read before it is needed."""
        return open_keyring(self.settings.keys_path, self._env)

    @cached_property
    def log(self) -> LogKeeper:
        """What signs and checks the audit log."""
        return LogKeeper(catalog=self.catalog, keyring=self.keyring, anchors=lambda: self.anchors, clock=self.clock)

    @cached_property
    def anchors(self) -> Mapping[str, Anchor]:
        """Where checkpoints of the log go. Raises ConfigError."""
        return ByName(self.settings.anchors, self._make_anchor)

    @property
    def database(self) -> str:
        """Where the catalog is: a SQLite file, or a server's URL without a password."""
        return str(database_file(self.catalog.engine) or self.settings.shown_database_url)

    @cached_property
    def policies(self) -> PolicySet:
        """The loaded policies. Raises PolicyError."""
        return load_policies(self.settings.policy_paths)

    @cached_property
    def embedder(self) -> Embedder:
        """The configured embedder."""
        made: Embedder = adapter("governance.embedders", self.settings.ingest.embedder)()
        return made

    @cached_property
    def gate(self) -> WriteGate:
        """The only way to change an index."""
        return WriteGate(self.catalog, self.indexes, Guard(), lambda: self.policies.limits)

    @cached_property
    def runner(self) -> SerialRunner:
        """What carries out work over indexes."""
        return SerialRunner(OpenIndexes(self.indexes))

    @property
    def desk(self) -> Desk:
        """What every command works with."""
        return Desk(
            catalog=self.catalog,
            actor=self.actor,
            clock=self.clock,
            today=self.today,
            policies=self.policies,
            progress=self.progress,
        )

    def source(self, name: str) -> Source:
        """Give a configured source. Raises InputError."""
        return _named(self.sources, name, "source")

    def index(self, name: str) -> Index:
        """Give a configured index. Raises InputError."""
        return _named(self.indexes, name, "index")

    def layout(self, index: str) -> IndexLayout:
        """Give how an index is read, and how the sources that go into it call their documents. Raises InputError."""
        _named(self.settings.indexes, index, "index")
        return index_layout(self.settings, index)

    @cached_property
    def world(self) -> World:
        """Everything that can be looked at."""
        return World(
            sources=self.sources,
            indexes=self.indexes,
            layouts={name: self.layout(name) for name in self.settings.indexes},
            limits=self.policies.limits.listing,
            chunk_characters=self.settings.ingest.chunk_characters,
        )

    def jobs(self, source: str | None = None, index: str | None = None) -> list[IngestJob]:
        """Give what to ingest: one source, or every one that is configured, each into its own index or `index`.

        Raises:
            InputError: A name is unknown, no source is configured, or it is not said where a source goes.

        """
        if not self.sources:
            raise InputError(
                "no source is configured",
                item=self._where,
                next_step="add a section [sources.NAME] to the configuration; kbgov init --source PATH writes one",
            )
        names = [source] if source is not None else sorted(self.sources)
        return [self._job(name, index) for name in names]

    @property
    def config_file(self) -> Path | None:
        """The configuration that was read; None when everything came from the environment."""
        return self.settings.file

    @property
    def folders(self) -> Mapping[str, Path]:
        """Folders that need free space, by what lies in them."""
        found: dict[str, Path] = {}
        file = database_file(self.catalog.engine)
        if file is not None:
            found["the catalog"] = file.parent
        for name in self.settings.indexes:
            path = self.settings.index_options(name).get("path")
            if isinstance(path, str):
                found[f"index {name}"] = Path(path).parent
        return found

    def at_end(self, met: Callable[[LogInconsistent], None]) -> list[str]:
        """Do what is due at the end of a command; see `LogKeeper.at_end`."""
        return self.log.at_end(met) if "catalog" in self.__dict__ else []

    def close(self) -> None:
        """Let go of the indexes and of the database."""
        if "gate" in self.__dict__:
            self.gate.close()
        if "catalog" in self.__dict__:
            self.catalog.close()

    @property
    def _where(self) -> str:
        return str(self.settings.file or "the environment")

    def _job(self, name: str, index: str | None) -> IngestJob:
        source = self.source(name)
        target = self._target(name, index)
        self.index(target)
        return IngestJob(
            source=source,
            place=(target, ""),
            embedder=self.embedder,
            chunk_characters=self.settings.ingest.chunk_characters,
            limits=self.policies.limits.listing,
        )

    def _target(self, name: str, index: str | None) -> str:
        configured = index or self.settings.sources[name].index
        if configured is not None:
            return configured
        if len(self.indexes) == 1:
            return next(iter(self.indexes))
        raise InputError(
            "it is not said which index the documents of this source go into",
            item=name,
            next_step=f"give --index NAME, or set index in [sources.{name}]",
        )

    def _make_source(self, name: str) -> Source:
        found = self.settings.sources[name]
        options = self._manifest_options(name) if found.type == "manifest" else self._file_options(name)
        made: Source = adapter("governance.sources", found.type)(name, options)
        return made

    def _file_options(self, name: str) -> FileTreeOptions:
        from governance.sources.options import DateOrder, FileTreeOptions  # noqa: PLC0415 - only who reads sources

        found = self.settings.sources[name]
        given: dict[str, Any] = {
            "exclude": found.exclude,
            "fields": dict(found.fields),
            "version_from_path": found.version_from_path,
            "version_path_pattern": found.version_path_pattern,
            "max_file_bytes": found.max_file_bytes,
            "git": found.git,
            "metadata": found.metadata,
        }
        if found.patterns is not None:
            given["patterns"] = found.patterns
        if found.date_order is not None:
            given["date_order"] = DateOrder(found.date_order)
        return FileTreeOptions(root=self.settings.source_root(name), **given)

    def _manifest_options(self, name: str) -> ManifestOptions:
        from governance.sources.manifest_options import ManifestOptions  # noqa: PLC0415 - only who reads sources
        from governance.sources.options import DateOrder  # noqa: PLC0415 - the same

        found = self.settings.sources[name]
        for key in sorted(FOR_FILES_ALONE & found.model_fields_set):
            raise ConfigError(
                "a source of type manifest has no such key",
                item=f"sources.{name}.{key}",
                next_step="take it out, and let the manifest say what it should; see kbgov guide manifest",
            )
        return ManifestOptions(
            folder=self.settings.folder,
            path=found.path,
            command=found.command,
            environment=self._env,
            date_order=None if found.date_order is None else DateOrder(found.date_order),
            max_line_bytes=found.max_file_bytes,
            metadata=found.metadata,
        )

    def _make_index(self, name: str) -> Index:
        kind = self.settings.indexes[name].type
        options = self.settings.index_options(name)
        made: Index = adapter("governance.indexes", kind).from_config(name, options, self.settings.folder)
        return made

    def _make_anchor(self, name: str) -> Anchor:
        found = self.settings.anchors[name]
        kind = adapter("governance.anchors", found.type)
        made: Anchor = kind.from_settings(name, found, self.settings.folder, self._env)
        return made


def scratch_parts() -> ScratchParts:
    """Give what makes the surroundings of a case of policies: files in a folder, and an index in memory."""
    from governance.services.policy_trial import ScratchParts  # noqa: PLC0415 - only who tests policies
    from governance.sources.options import FileTreeOptions  # noqa: PLC0415 - only who reads sources

    files, memory = adapter("governance.sources", "files"), adapter("governance.indexes", "memory")
    return ScratchParts(
        source=lambda name, root, keys: files(name, FileTreeOptions(root=root, git=False, metadata=keys)),
        index=memory,
        embedder=adapter("governance.embedders", "hashed")(),
    )


def missing_keys_made(settings: Settings, env: Mapping[str, str]) -> list[HeldKey]:
    """Make the keys of the audit log that a configuration lacks, and give the new ones.

    Raises:
        Refused: The log knows keys that are not here, or whoever acts may not make any.
        ConfigError: The folder of the keys, or a key, cannot be used.

    """
    app = App(settings, env, _now, silent)
    try:
        if all(app.keyring.held(family) for family in Family):
            return []
        return make(app.catalog, app.keyring, app.actor, now=app.clock())
    finally:
        app.close()


def unsaved_app(settings: Settings) -> App:
    """Give the application of settings that stand in no file yet. Its catalog must not be asked for."""
    return App(settings, os.environ, _now, silent)


@contextmanager
def open_app(
    config: Path | None,
    *,
    env: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] | None = None,
    check_revision: bool = True,
    progress: Progress = silent,
) -> Iterator[App]:
    """Give the application of a configuration, and close it at the end.

    Args:
        config: The file; None for the one that KBGOV_CONFIG names, else `kbgov.toml` in the working directory.
        env: The environment; None for this process's own.
        clock: None for the system's.
        check_revision: Refuse a catalog that is not at this version's revision.
        progress: Told what is being done.

    Raises:
        ConfigError: The configuration cannot be used.
        DatabaseRevisionError: The catalog has no tables, older ones, or ones of another version.
        CatalogUnreachable: The catalog does not answer.

    """
    variables = os.environ if env is None else env
    app = App(load_settings(config, variables), variables, clock or _now, progress)
    try:
        if check_revision:
            require_current(app.catalog.engine)
        yield app
    finally:
        app.close()


def adapter(group: str, name: str) -> Any:  # noqa: ANN401 - each group has a protocol of its own
    """Give an adapter's class by name, and import no other.

    Raises:
        ConfigError: No installed package brings it, or it cannot be imported.

    """
    built_in = BUILT_IN.get(group, {})
    found = next(iter(entry_points(group=group, name=name)), None)
    target = found.value if found is not None else built_in.get(name)
    if target is None:
        known = {*built_in, *(entry.name for entry in entry_points(group=group))}
        kind = group.rpartition(".")[2]
        raise ConfigError(
            f"no package brings {shown(name)} among the {kind}", item=name, next_step=suggestion(name, known)
        )
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise ConfigError(
            f"the adapter {shown(name)} cannot be imported", item=target, next_step="install the package again"
        ) from None


def actor_name(env: Mapping[str, str]) -> str:
    """Give the name of whoever acts.

    Raises:
        ConfigError: KBGOV_ACTOR is too long or holds what cannot be printed.

    """
    given = env.get("KBGOV_ACTOR", "").strip()
    if given and not is_actor_name(given):
        raise ConfigError(
            f"a name of up to {LONGEST_NAME} printable characters is needed, not beginning with {BY_POLICY}",
            item="KBGOV_ACTOR",
            next_step="set it to your name or login",
        )
    return given or _login()


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _named(things: Mapping[str, T], name: str, kind: str) -> T:
    if name not in things:
        known = suggestion(name, things) if things else f"no {kind} is configured"
        raise InputError(f"there is no {kind} {shown(name)}", item=name, next_step=known)
    return things[name]


def _now() -> datetime:
    return datetime.now(UTC)
