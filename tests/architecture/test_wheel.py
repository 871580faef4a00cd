"""The wheel holds everything that the command needs, outside any checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]


def run(*arguments: str | Path, folder: Path, home: Path) -> str:
    """Run a program in a folder, as somebody with an empty home would, and give what it printed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KBGOV_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=kept | {"HOME": str(home), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> list[Path]:
    """Give all files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def wheel(root: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        folder,
        root,
        folder=folder,
        home=home,
    )
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the programs of a fresh environment with nothing but the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder / "venv", folder=folder, home=home)
    made = folder / "venv" / "bin"
    run(made / "python", "-m", "pip", "install", "--quiet", wheel, folder=folder, home=home)
    return made


def test_migrations_policies_guides_and_the_handbook_are_inside(wheel: Path, root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {
        "governance/_migrations/env.py",
        *(
            f"governance/_policies/{path.relative_to(root / 'policies').as_posix()}"
            for path in files(root / "policies")
        ),
        "governance/py.typed",
        *(f"governance/_migrations/versions/{path.name}" for path in (root / "migrations/versions").glob("*.py")),
        *("governance/outside/check_export.py", "governance/outside/export_readme.txt"),
        *(f"governance/guides/{path.name}" for path in (root / "governance/guides").glob("*.md")),
        *(path.relative_to(root).as_posix() for path in (root / "governance/demo").rglob("*.md")),
    }
    assert inside - names == set()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"governance", "jobs"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_demo_runs_from_an_empty_folder_and_leaves_an_empty_home_empty(bin_folder: Path, tmp_path: Path) -> None:
    kbgov, home, folder = bin_folder / "kbgov", tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    assert run(kbgov, "--version", folder=folder, home=home).startswith("kbgov ")
    shown = run(kbgov, "demo", folder=folder, home=home)
    assert "overdue for review" in shown
    typed = [line.strip() for line in shown.splitlines() if line.startswith(f"  {kbgov} ")]
    assert len(typed) == 3
    for line in typed:
        run("bash", "-c", line, folder=folder, home=home)
    assert [path.name for path in folder.iterdir()] == ["kbgov-demo"]
    assert list(home.iterdir()) == []


def test_a_folder_of_ones_own_works_and_the_guides_can_be_read(bin_folder: Path, home: Path, tmp_path: Path) -> None:
    kbgov = bin_folder / "kbgov"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "leave.md").write_text("# Leave\n\nTwenty-five days.\n", "utf-8")
    run(kbgov, "init", "--source", "docs", folder=tmp_path, home=home)
    run(kbgov, "ingest", folder=tmp_path, home=home)
    found = json.loads(run(kbgov, "audit", "run", "--json", folder=tmp_path, home=home))
    assert found["findings"]["by_kind"]["freshness.unknown"] == 1
    topics = json.loads(run(kbgov, "guide", "--json", folder=tmp_path, home=home))["topics"]
    assert {item["topic"] for item in topics} >= {"start", "policies", "freshness"}
