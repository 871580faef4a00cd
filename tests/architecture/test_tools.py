"""The linters and the type checker, as tests: `pytest` is the only gate."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "arguments",
    [("-m", "ruff", "check"), ("-m", "ruff", "format", "--check"), ("-m", "mypy"), ("-c", LINT_IMPORTS)],
    ids=["ruff check", "ruff format", "mypy strict", "import contracts"],
)
def test_the_tools_have_nothing_to_say(root: Path, arguments: tuple[str, ...]) -> None:
    done = run(root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


PLANTED = {
    "floors": ("governance/policy/planted.py", "from governance.catalog import tables\n"),
    "adapters do not know each other": ("governance/indexes/memory.py", "import governance.indexes.embedded\n"),
    "the ground stands on the standard library": ("governance/domain/planted.py", "import pydantic\n"),
    "SQLAlchemy only in the catalog": ("governance/services/planted.py", "import sqlalchemy\n"),
    "the terminal only in the command line": ("governance/services/planted.py", "import click\n"),
}


@pytest.mark.parametrize("contract", PLANTED)
def test_each_import_contract_catches_a_planted_violation(root: Path, tmp_path: Path, contract: str) -> None:
    for package in ("governance", "jobs"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    name, code = PLANTED[contract]
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write(code)
    done = run(tmp_path, "-c", LINT_IMPORTS)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in " ".join(done.stdout.split())
