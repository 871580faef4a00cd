"""Runs `kbgov` for tests: in this process where only the answer counts, as a process of its own where more does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from governance.cli.main import run

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "governance.cli"]


@dataclass(frozen=True)
class Result:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """Give the environment without anything of kbgov's or about colors, and with what is asked for."""
    ours = ("KBGOV_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


class InProcess:
    """Runs commands in this process, in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.env = patch
        self._capsys = capsys
        for name in [name for name in os.environ if name.startswith("KBGOV_")]:
            patch.delenv(name)
        patch.chdir(folder)
        patch.setattr("sys.argv", ["pytest"])  # what is suggested must not depend on how the tests were started

    def __call__(self, *arguments: str) -> Result:
        self._capsys.readouterr()
        code = run(arguments)
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def page(self, name: str, body: str = "Some words.", **front_matter: str) -> Path:
        """Write a page below `docs`."""
        path = self.folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{key}: {value}\n" for key, value in front_matter.items())
        path.write_text(f"---\n{lines}---\n{body}" if lines else body, encoding="utf-8")
        return path


def in_own_process(folder: Path, *arguments: str, **env: str) -> Result:
    """Run a command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
