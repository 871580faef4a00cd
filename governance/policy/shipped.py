"""Where the policy files are that come with this package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SETS: Final = ("default", "gdpr")
"""Names of the sets: each is a file with the ending .yaml, and a folder of cases below `tests`."""
SCHEMA: Final = "policies.schema.json"
"""What the files name for editors, as `kbgov policy schema` prints it."""

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_policies() -> Path:
    """Give the folder with the shipped policy files: inside the installed package, else the checkout's."""
    installed = _PACKAGE / "_policies"
    return installed if installed.is_dir() else _PACKAGE.parent / "policies"
