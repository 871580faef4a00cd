"""The main job on real documents, through the command line, with no edit of the configuration."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DAYS = ("2025-09-30", "2026-01-01", "2026-05-01", "2026-11-21")
STATUS = {
    "fresh": "fresh",
    "reviewed_after_as_of": "fresh",
    "due_in_30d": "due_soon",
    "overdue": "overdue",
    "due_today": "overdue",
    "no_rule": "unknown",
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Kbgov:
    """Runs `kbgov` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> dict[str, Any]:
        command = [sys.executable, "-m", "governance.cli", *arguments, "--json"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode in expect, (arguments, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)


@pytest.fixture
def kbgov(tmp_path: Path) -> Kbgov:
    folder = tmp_path / "work"
    folder.mkdir()
    return Kbgov(folder)


@pytest.fixture
def moj(shared_data: Callable[[str], Path]) -> Path:
    return shared_data("moj-cloud-platform-user-guide")


@pytest.fixture
def powershell(shared_data: Callable[[str], Path]) -> Path:
    return shared_data("powershell-dsc-docs")


def members(kbgov: Kbgov, kind: str) -> list[str]:
    found = kbgov("findings", "list", "--kind", kind, "--status", "open")["findings"]
    return sorted(item["document"] for item in found)


def test_every_page_of_the_user_guide_has_its_status_on_four_days(kbgov: Kbgov, moj: Path) -> None:
    kbgov("init", "--source", str(moj / "pages"))
    assert kbgov("ingest")["documents"]["added"] == 119
    table = rows(moj / "expected-staleness.csv")
    stubs = sorted(row["path"] for row in rows(moj / "expected-redirect-stubs.csv"))
    for day in DAYS:
        listed = kbgov("documents", "list", "--as-of", day)["documents"]
        expected = {row["path"]: STATUS[row[f"status_{day}"]] for row in table}
        assert {item["document"]: item["status"] for item in listed} == expected, day
        kbgov("audit", "run", "--as-of", day, expect=(0, 3))
        assert members(kbgov, "drift.stub") == stubs, day
        assert members(kbgov, "drift.empty") == [], day
        for status in ("overdue", "due_soon", "unknown"):
            of_table = sorted(path for path, word in expected.items() if word == status)
            assert members(kbgov, f"freshness.{status}") == of_table, (day, status)


def test_pages_of_the_user_guide_changed_since_their_review(kbgov: Kbgov, moj: Path, tmp_path: Path) -> None:
    tree = tmp_path / "checkout"
    tree.mkdir()
    table = rows(moj / "expected-staleness.csv")
    commit_one_by_one(tree, moj / "pages", {row["path"]: row["git_last_change"] for row in table})
    kbgov("init", "--source", str(tree))
    kbgov("ingest")
    kbgov("audit", "run", "--as-of", "2026-11-21", expect=(0, 3))
    assert len(members(kbgov, "freshness.changed_since_review")) == 18
    policy = kbgov.folder / "policies" / "default.yaml"
    policy.write_text(policy.read_text().replace("changed_grace: 7 days", "changed_grace: 0 days"))
    kbgov("audit", "run", "--as-of", "2026-11-21", expect=(0, 3))
    assert len(members(kbgov, "freshness.changed_since_review")) == 24


def commit_one_by_one(tree: Path, pages: Path, days: dict[str, str]) -> None:
    """Make a repository in which each page has one commit, dated as the table says."""
    stream = bytearray()
    previous = b""
    for number, (path, day) in enumerate(sorted(days.items(), key=lambda item: (item[1], item[0])), start=1):
        content = (pages / path).read_bytes()
        message = f"add {number}".encode()
        stream += b"commit refs/heads/main\nmark :%d\n" % number
        moment = subprocess.run(
            ["date", "-u", "-d", f"{day} 12:00", "+%s"], capture_output=True, text=True, check=True
        ).stdout.strip()
        stream += f"committer Tester <tester@example.org> {moment} +0000\n".encode()
        stream += b"data %d\n%s\n" % (len(message), message)
        stream += previous
        stream += b"M 100644 inline " + path.encode() + b"\ndata %d\n" % len(content) + content + b"\n"
        previous = b""
    subprocess.run(["git", "init", "-q", "-b", "main", str(tree)], check=True)
    subprocess.run(["git", "-C", str(tree), "fast-import", "--quiet"], input=bytes(stream), check=True)
    subprocess.run(["git", "-C", str(tree), "reset", "-q", "--hard", "main"], check=True)


def test_dates_and_versions_of_the_powershell_documentation(kbgov: Kbgov, powershell: Path) -> None:
    kbgov("init", "--source", str(powershell / "pages"))
    assert kbgov("ingest")["documents"]["added"] == 345
    audit = kbgov("audit", "run", "--as-of", "2026-11-21", expect=(0, 3))
    expected = {row["path"]: row["ms_date_iso"] for row in rows(powershell / "expected-dates.csv")}
    listed = kbgov("documents", "list", "--as-of", "2026-11-21")["documents"]
    assert {item["document"]: item["reviewed_on"] for item in listed} == expected
    assert audit["findings"]["by_kind"]["freshness.overdue"] == 199
    clusters = kbgov("findings", "list", "--kind", "freshness.superseded")["findings"]
    assert len(clusters) == 6
    assert len({member for item in clusters for member in item["evidence"]["members"]}) == 17
    assert all(item["evidence"]["canonical"] in item["evidence"]["members"] for item in clusters)
