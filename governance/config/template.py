"""The `kbgov.toml` that `kbgov init` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Final

from governance.config.values import is_name, url_with_secret
from governance.domain.errors import ConfigError
from governance.domain.words import shown

_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TEMPLATE: Final = Template("""\
# What kbgov looks after. Paths are relative to this file's folder. Lines that start with # have no effect.
# Every key can be overridden by the environment: timezone by KBGOV_TIMEZONE, the root of a source by
# KBGOV_SOURCES__NAME__ROOT. A key that is not known stops every command, so that no typing error stays unnoticed.
# Secrets never stand here: they come from KBGOV_INDEX_<NAME>_API_KEY and KBGOV_INDEX_<NAME>_PASSWORD, or from the
# private file that the same variable with _FILE behind it names.

# The catalog: what is known about documents, chunks and findings, but never their text.
# For PostgreSQL: "postgresql://user@host/database", and KBGOV_DATABASE_URL where a password is needed.
database_url = $database_url

# Whose calendar days count when a review falls due, such as "Europe/Berlin".
timezone = "UTC"

# What your organization has decided: how long a page stays fresh, and so on. Files or folders, first match decides.
policies = $policies

# Where documents come from. There may be several such sections, each with a name of its own.
[sources.$source_name]
type = "files"
root = $source_root
index = $index_name_text
# patterns = ["*.md", "*.txt"]          # which files are documents; by default the usual text formats
# exclude = ["drafts/"]                 # files and folders to leave out
# date_order = "dmy"                    # how 03/04/2026 is meant: "mdy" (the default) or "dmy"
# version_from_path = true              # a folder such as v2 or 1.9.x says the version of its pages
# git = true                            # ask git when a page was made and when it changed last
# max_file_bytes = 10000000             # larger files are reported, not read
# metadata = ["department"]             # front matter keys that policies may look at, beside the fields below
# fields = {reviewed_on = ["checked"]}  # which front matter keys hold what; fields left out keep their defaults
$document_key
# What answers are looked up in. "embedded" is one file that this package brings along; `path` is an option of it.
[indexes.$index_name]
type = "embedded"
path = $index_path
$index_fields
[ingest]
chunk_characters = 1000                 # about how long a chunk is
embedder = "hashed"                     # for trying out and for finding copies, not for the quality of answers

# Who may act. Without [actors], whoever says who they are (KBGOV_ACTOR) may do everything; "kbgov actors new NAME"
# makes a secret and a section for a person or a job. Only this file says it, never the environment.
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignIndex:
    """What is written about an index that another pipeline fills.

    Attributes:
        index_notes: Comments above the index's fields, one line each.
        fields: `[indexes.NAME.fields]`.
        key_notes: Comments above the documents' keys.
        document_key: `[sources.NAME.document_key]`; empty for none.

    """

    index_notes: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    key_notes: Sequence[str] = ()
    document_key: Mapping[str, str | bool] = field(default_factory=dict)


def render_config(
    *,
    source_name: str,
    source_root: str | Path,
    index_name: str,
    index_path: str | Path,
    database_url: str,
    policies: Sequence[str | Path],
    foreign: ForeignIndex | None = None,
) -> str:
    """Give the text of a commented configuration; `load_settings` reads exactly these values back.

    Raises:
        ConfigError: A name is no name, a path cannot be written in TOML (it is no Unicode), or the URL has a password.

    """
    for name in (source_name, index_name):
        require_name(name)
    if url_with_secret(database_url):
        raise ConfigError(
            "a database URL with a password is not written into a file",
            item="database_url",
            next_step="set KBGOV_DATABASE_URL instead",
        )
    theirs = foreign or ForeignIndex()
    return _TEMPLATE.substitute(
        source_name=source_name,
        index_name=index_name,
        index_name_text=toml_string(index_name),
        source_root=toml_string(str(source_root)),
        index_path=toml_string(str(index_path)),
        database_url=toml_string(database_url),
        policies="[" + ", ".join(toml_string(str(path)) for path in policies) + "]",
        index_fields=_section(theirs.index_notes, f"indexes.{index_name}.fields", theirs.fields),
        document_key=_section(theirs.key_notes, f"sources.{source_name}.document_key", theirs.document_key),
    )


def require_name(name: str) -> None:
    """Let the name of a source or an index pass.

    Raises:
        ConfigError: It is none.

    """
    if not is_name(name):
        raise ConfigError(
            f"{shown(name)} cannot be a name", item=name, next_step="use small letters, digits and hyphens"
        )


def toml_table(name: str, values: Mapping[str, str | bool]) -> str:
    """Give a section of TOML: its name in brackets, then a line for each key."""
    written = {
        key: toml_string(value) if isinstance(value, str) else str(value).lower() for key, value in values.items()
    }
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in written.items())])


def _section(notes: Sequence[str], name: str, values: Mapping[str, str | bool]) -> str:
    """Give comments and a section behind an empty line; nothing where there is neither."""
    lines = ["", *(f"# {note}" for note in notes)] if notes or values else []
    if values:
        lines.append(toml_table(name, values))
    return "".join(f"{line}\n" for line in lines)


def toml_string(text: str) -> str:
    """Give a text as a basic TOML string, whatever it holds.

    Raises:
        ConfigError: It holds half a character pair, as paths do that are not UTF-8.

    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(
            "a path that is not UTF-8 cannot be written into the configuration",
            item=ascii(text),
            next_step="rename the folder, or reach it by a link with another name",
        ) from None
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    return char if char.isprintable() else f"\\U{ord(char):08x}"
