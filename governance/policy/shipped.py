"""Where the policy files are that come with this package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_policies() -> Path:
    """Give the folder with the shipped policy files: inside the installed package, else the checkout's."""
    installed = _PACKAGE / "_policies"
    return installed if installed.is_dir() else _PACKAGE.parent / "policies"
