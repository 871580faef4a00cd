"""The address of an index that exists already, as it is typed: which adapter, with which options."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from governance.config.values import url_with_secret
from governance.domain.errors import InputError
from governance.domain.words import shown, suggestion

EMBEDDED: Final = "sqlite"
LATER: Final = ("weaviate", "pgvector", "chroma", "pinecone")
"""Their adapters are announced."""
RESERVED: Final = ("qdrant", "lancedb")
"""Their names are kept free."""
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,40})://(.*)", re.DOTALL)
_FILE: Final = "give the file of an embedded index: --from-index sqlite:///PATH"


@dataclass(frozen=True, slots=True)
class IndexPlace:
    """Where an index is.

    Attributes:
        type: Name of its adapter.
        path: Its file, absolute.

    """

    type: str
    path: Path


def parse_index_url(url: str, folder: Path) -> IndexPlace:
    """Give the place that a URL names. The URL itself is never repeated in a message: it may hold a secret.

    Args:
        url: Such as `sqlite:///main-index.db`; four slashes begin an absolute path.
        folder: What a relative path is relative to.

    Raises:
        InputError: It holds a secret, names what this version has no adapter for, or is no such URL.

    """
    if url_with_secret(url) or url_with_secret(unquote(url)):
        raise InputError(
            "a URL with a secret in it is not used: it would stay in the history of the shell",
            item="--from-index",
            next_step="leave the secret out; it is read from KBGOV_INDEX_<NAME>_API_KEY or KBGOV_INDEX_<NAME>_PASSWORD",
        )
    match = _URL.fullmatch(url)
    if match is None:
        raise InputError("this is no URL of an index", item="--from-index", next_step=_FILE)
    scheme = match[1].lower()
    if scheme != EMBEDDED:
        raise _without_adapter(scheme)
    return IndexPlace("embedded", folder / _path_of(match[2]))


def _without_adapter(scheme: str) -> InputError:
    if scheme in LATER:
        return InputError(f"this version has no adapter for {scheme} yet", item=f"{scheme}://", next_step=_FILE)
    if scheme in RESERVED:
        message = f"{scheme} is reserved for an adapter that does not exist yet"
        return InputError(message, item=f"{scheme}://", next_step=_FILE)
    known = suggestion(scheme, [EMBEDDED, *LATER, *RESERVED])
    return InputError(f"{shown(scheme)} is no kind of index", item="--from-index", next_step=known)


def _path_of(rest: str) -> str:
    path = unquote(rest.removeprefix("/"))
    if not rest.startswith("/") or not path or "\0" in path:
        raise InputError("sqlite needs three slashes and a path", item="--from-index", next_step=_FILE)
    if "?" in rest or "#" in rest:
        raise InputError(
            "the URL of a file takes no parameters",
            item="--from-index",
            next_step="write %3F for a question mark and %23 for a hash sign in the file's name",
        )
    return path
