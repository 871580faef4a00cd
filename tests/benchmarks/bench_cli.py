"""`kbgov --version` against a bare import of click, and how long the everyday commands and the demo take."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.command_line import COMMAND, environment

pytestmark = pytest.mark.benchmark
ROUNDS = 15


def seconds(command: Sequence[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def test_version_against_a_bare_import_of_click(tmp_path: Path) -> None:
    bare = [sys.executable, "-c", "import click"]
    version = [sys.executable, "-c", "from governance.cli.main import run; run(['--version'])"]
    times: dict[str, list[float]] = {"bare": [], "version": []}
    for _ in range(ROUNDS):
        times["bare"].append(seconds(bare, tmp_path))
        times["version"].append(seconds(version, tmp_path))
    low = {name: min(values) for name, values in times.items()}
    mid = {name: statistics.median(values) for name, values in times.items()}
    print(
        f"\nkbgov --version: {low['version'] / low['bare']:.2f}x a bare `import click` by minimum, "
        f"{mid['version'] / mid['bare']:.2f}x by median (bound 3.00); "
        f"{mid['version'] * 1000:.0f} ms against {mid['bare'] * 1000:.0f} ms, load {os.getloadavg()[0]:.1f}"
    )


def test_everyday_commands_and_the_demo(tmp_path: Path) -> None:
    print()
    for words in (["demo"], ["findings", "list"], ["documents", "list"], ["audit", "run", "--fail-on", "never"]):
        config = [] if words == ["demo"] else ["--config", "kbgov-demo/kbgov.toml"]
        taken = statistics.median(seconds([*COMMAND, *words, *config], tmp_path) for _ in range(5))
        print(f"kbgov {' '.join(words)}: {taken:.2f} s" + (" (bound 20 s)" if words == ["demo"] else ""))
