"""The file-tree source on real documents, against the truth tables that lie beside them."""

from __future__ import annotations

import csv
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from governance.domain.documents import Document
from governance.sources.files import FileTreeSource
from governance.sources.options import FileTreeOptions

REDACTED_AFTER_HASHING = "documentation/other-topics/rds-external-access.html.md.erb"
WITHOUT_TITLE = "includes/dsc-resources.md"


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def read(root: Path, *, git: bool = False) -> dict[str, Document]:
    source = FileTreeSource("pages", FileTreeOptions(root=root, git=git))
    listing = source.listing()
    found = {listed.document: source.parse(listed).record for listed in listing}
    assert (listing.complete, listing.history_note) == (True, None)
    return found


@pytest.fixture(scope="module")
def moj(shared_data: Callable[[str], Path]) -> Path:
    return shared_data("moj-cloud-platform-user-guide")


@pytest.fixture(scope="module")
def moj_pages(moj: Path) -> dict[str, Document]:
    return read(moj / "pages")


@pytest.fixture(scope="module")
def moj_truth(moj: Path) -> dict[str, dict[str, str]]:
    return table(moj / "expected-staleness.csv")


@pytest.fixture(scope="module")
def dsc(shared_data: Callable[[str], Path]) -> Path:
    return shared_data("powershell-dsc-docs")


@pytest.fixture(scope="module")
def dsc_pages(dsc: Path) -> dict[str, Document]:
    return read(dsc / "pages")


@pytest.fixture(scope="module")
def dsc_truth(dsc: Path) -> dict[str, dict[str, str]]:
    return table(dsc / "expected-dates.csv")


def test_every_page_of_the_user_guide_is_read(
    moj_pages: dict[str, Document], moj_truth: dict[str, dict[str, str]]
) -> None:
    assert len(moj_pages) == 119
    assert {path: (page.title, page.owner or "") for path, page in moj_pages.items()} == {
        path: (row["title"], row["owner"]) for path, row in moj_truth.items()
    }
    assert {page.problems for page in moj_pages.values()} == {()}


def test_every_review_date_and_interval_of_the_user_guide(
    moj_pages: dict[str, Document], moj_truth: dict[str, dict[str, str]]
) -> None:
    assert {path: (str(page.reviewed_on or ""), page.review_interval or "") for path, page in moj_pages.items()} == {
        path: (row["last_reviewed_on"], row["review_in"]) for path, row in moj_truth.items()
    }


def test_every_body_hash_of_the_user_guide(
    moj_pages: dict[str, Document], moj_truth: dict[str, dict[str, str]]
) -> None:
    differing = [path for path, row in moj_truth.items() if moj_pages[path].body_hash != row["body_sha256"]]
    assert differing == [REDACTED_AFTER_HASHING]


def test_exactly_the_ten_pages_that_moved_are_stubs(moj: Path, moj_pages: dict[str, Document]) -> None:
    stubs = {path: page.redirect for path, page in moj_pages.items() if page.redirect is not None}
    assert set(stubs) == set(table(moj / "expected-redirect-stubs.csv"))
    assert all(target and target.startswith("/documentation/") for target in stubs.values())


def test_no_page_of_either_set_is_empty(moj_pages: dict[str, Document], dsc_pages: dict[str, Document]) -> None:
    assert [path for path, page in (moj_pages | dsc_pages).items() if page.words == 0] == []


def test_every_page_of_the_reference_is_read(
    dsc_pages: dict[str, Document], dsc_truth: dict[str, dict[str, str]]
) -> None:
    assert len(dsc_pages) == 345
    titles = {path: row["title"] for path, row in dsc_truth.items()} | {WITHOUT_TITLE: "dsc-resources.md"}
    assert {path: page.title for path, page in dsc_pages.items()} == titles
    assert {page.problems for page in dsc_pages.values()} == {()}


def test_every_date_of_the_reference_also_where_day_and_month_could_be_swapped(
    dsc_pages: dict[str, Document], dsc_truth: dict[str, dict[str, str]]
) -> None:
    assert {path: str(page.reviewed_on) for path, page in dsc_pages.items()} == {
        path: row["ms_date_iso"] for path, row in dsc_truth.items()
    }
    assert sum(row["day_month_ambiguous"] == "1" for row in dsc_truth.values()) == 128


def test_every_body_hash_of_the_reference(dsc_pages: dict[str, Document], dsc_truth: dict[str, dict[str, str]]) -> None:
    assert {path: page.body_hash for path, page in dsc_pages.items()} == {
        path: row["body_sha256"] for path, row in dsc_truth.items()
    }


def test_no_page_of_the_reference_is_a_stub(dsc_pages: dict[str, Document]) -> None:
    assert [path for path, page in dsc_pages.items() if page.redirect is not None] == []


def test_six_pages_of_the_reference_lie_there_in_more_than_one_version(dsc_pages: dict[str, Document]) -> None:
    versions: dict[str, set[str | None]] = defaultdict(set)
    for page in dsc_pages.values():
        versions[page.logical_id].add(page.version)
    several = {logical_id: found for logical_id, found in versions.items() if len(found) > 1}
    assert (len(several), sum(map(len, several.values()))) == (6, 17)
    assert several["docs-conceptual/*/overview.md"] == {"1.1", "2.0", "3.0"}


def committed(pages: Path, truth: dict[str, dict[str, str]]) -> Iterator[bytes]:
    """Give a stream for `git fast-import`: one commit per page, in the order of the table's days."""
    for path, row in sorted(truth.items(), key=lambda item: (item[1]["git_last_change"], item[0])):
        noon = (date.fromisoformat(row["git_last_change"]) - date(1970, 1, 1)) / timedelta(seconds=1) + 43_200
        raw = (pages / path).read_bytes()
        yield b"commit refs/heads/main\ncommitter x <x@example.org> %d +0000\ndata 0\n" % noon
        yield b"M 100644 inline pages/%s\ndata %d\n%s\n" % (path.encode(), len(raw), raw)


@pytest.mark.parametrize("name", ["moj", "dsc"])
def test_the_last_change_of_every_page_comes_from_git(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pages, truth = request.getfixturevalue(name) / "pages", request.getfixturevalue(f"{name}_truth")
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    stream = b"".join(committed(pages, truth))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=tmp_path, input=stream, check=True)
    subprocess.run(["git", "reset", "-q", "--hard", "main"], cwd=tmp_path, check=True)
    found = read(tmp_path / "pages", git=True)
    assert {path: str(page.changed_on) for path, page in found.items()} == {
        path: row["git_last_change"] for path, row in truth.items()
    }
