from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from governance.sources import git as git_module
from governance.sources.git import Change, Commit, Dating, History, commits, read_history

ADD = ":000000 100644 0000000000000000000000000000000000000000 1111111111111111111111111111111111111111 A"


class Checkout:
    """A temporary repository whose commits have chosen days."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, day: str = "2026-01-01", zone: str = "Z") -> str:
        names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        environment |= {"GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": f"{day}T23:30:00{zone}"}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, day: str, zone: str = "Z", **files: str) -> None:
        for name, text in files.items():
            self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x", day=day, zone=zone)

    def save(self, day: str, files: dict[str, str], zone: str = "Z") -> None:
        self.commit(day, zone, **files)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "repo")


def markdown(path: str) -> bool:
    return path.endswith(".md")


def days(root: Path, takes: Callable[[str], bool] = markdown) -> dict[str, str]:
    found = read_history(root, takes)
    assert found.note is None
    return {name: day.isoformat() for name, day in found.changed_on.items()}


def test_each_document_has_the_day_of_its_last_commit(checkout: Checkout) -> None:
    for number, day in enumerate(("2025-01-05", "2025-02-05", "2025-03-05"), 1):
        checkout.save(day, {f"{number}.md": "a", f"{number}.png": "a"})
    checkout.save("2025-04-05", {"1.md": "b"})
    assert days(checkout.root) == {"1.md": "2025-04-05", "2.md": "2025-02-05", "3.md": "2025-03-05"}


def first_days(root: Path) -> dict[str, str]:
    return {name: day.isoformat() for name, day in read_history(root, markdown).created_on.items()}


def test_each_document_has_the_day_of_its_first_commit(checkout: Checkout) -> None:
    checkout.save("2025-01-05", {"1.md": "a", "2.md": "a", "3.md": "a"})
    checkout.save("2025-02-05", {"4.md": "a"})
    checkout.save("2025-04-05", {"1.md": "b", "4.md": "b"})
    assert first_days(checkout.root) == {
        "1.md": "2025-01-05",
        "2.md": "2025-01-05",
        "3.md": "2025-01-05",
        "4.md": "2025-02-05",
    }


def test_the_first_commit_is_found_through_pure_renames(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "text of a\n" * 9})
    checkout.git("mv", "a.md", "b.md")
    checkout.commit("2025-01-01")
    checkout.save("2025-02-01", {"b.md": "changed\n" * 9})
    assert first_days(checkout.root) == {"b.md": "2024-01-01"}


def test_a_page_that_was_deleted_and_written_anew_was_made_on_the_later_day(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "a", "b.md": "b"})
    (checkout.root / "a.md").unlink()
    checkout.commit("2024-06-01")
    checkout.save("2025-01-01", {"a.md": "again"})
    assert first_days(checkout.root) == {"a.md": "2025-01-01", "b.md": "2024-01-01"}


def test_what_is_not_committed_was_made_on_no_known_day(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "a"})
    checkout.write("b.md", "b")
    assert first_days(checkout.root) == {"a.md": "2024-01-01"}


def test_beyond_the_edge_of_a_shallow_clone_the_edge_is_the_first_day(checkout: Checkout, tmp_path: Path) -> None:
    for number in range(3):
        checkout.save(f"2024-0{number + 1}-01", {f"{number}.md": "a"})
    checkout.git("clone", "-q", "--depth", "1", f"file://{checkout.root}", str(tmp_path / "shallow"))
    assert first_days(tmp_path / "shallow") == dict.fromkeys(("0.md", "1.md", "2.md"), "2024-03-01")


def test_the_day_is_the_committers_own(checkout: Checkout) -> None:
    checkout.save("2025-01-05", {"a.md": "a"}, zone="-08:00")
    assert days(checkout.root) == {"a.md": "2025-01-05"}


def test_a_commit_that_touches_more_than_half_dates_nothing(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {f"{n}.md": "a" for n in range(4)})
    checkout.save("2025-01-01", {"0.md": "b", "1.md": "b"})
    checkout.save("2026-01-01", {f"{n}.md": "reformatted" for n in range(3)})
    assert days(checkout.root) == {"0.md": "2025-01-01", "1.md": "2025-01-01"}


def test_an_early_import_stays_an_import_when_the_tree_has_grown(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {f"{n}.md": "imported" for n in range(4)})
    for n in range(4, 20):
        checkout.save(f"2025-01-{n:02}", {f"{n}.md": "a"})
    assert days(checkout.root) == {f"{n}.md": f"2025-01-{n:02}" for n in range(4, 20)}


def test_documents_deleted_since_count_among_those_of_their_time(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {f"{n}.md": "imported" for n in range(10)})
    checkout.save("2025-01-01", {"0.md": "b", "1.md": "b"})
    for n in range(2, 10):
        (checkout.root / f"{n}.md").unlink()
    checkout.commit("2026-01-01")
    assert days(checkout.root) == {"0.md": "2025-01-01", "1.md": "2025-01-01"}


def test_of_two_documents_one_is_not_more_than_half(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "a"})
    checkout.save("2025-01-01", {"b.md": "b"})
    assert days(checkout.root) == {"a.md": "2024-01-01", "b.md": "2025-01-01"}


def test_half_is_counted_among_the_documents_of_the_source(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"docs/a.md": "a", **{f"code/{n}.md": "x" for n in range(9)}})
    checkout.save("2024-02-01", {"docs/b.md": "a"})
    checkout.save("2025-01-01", {"docs/a.md": "b", "docs/b.md": "b"})
    assert days(checkout.root) == {"docs/a.md": "2025-01-01", "docs/b.md": "2025-01-01"}
    assert days(checkout.root / "docs") == {"a.md": "2024-01-01", "b.md": "2024-02-01"}


def test_a_pure_rename_dates_nothing_and_the_old_name_is_followed(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "text of a\n" * 9})
    checkout.save("2024-02-01", {"b.md": "text of b\n" * 9})
    checkout.git("mv", "a.md", "c.md")
    checkout.commit("2025-01-01")
    (checkout.root / "moved").mkdir()
    checkout.git("mv", "c.md", "moved/d.md")
    checkout.commit("2025-02-01")
    assert days(checkout.root) == {"moved/d.md": "2024-01-01", "b.md": "2024-02-01"}


def test_a_rename_with_a_change_is_a_change(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "text of a\n" * 9})
    checkout.save("2024-02-01", {"b.md": "text of b\n" * 9})
    checkout.git("mv", "a.md", "c.md")
    checkout.save("2025-01-01", {"c.md": "text of a\n" * 9 + "and more\n"})
    assert days(checkout.root) == {"c.md": "2025-01-01", "b.md": "2024-02-01"}


def test_a_page_written_anew_under_an_old_name_has_its_own_day(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "first\n" * 9})
    checkout.save("2024-01-02", {"x.md": "x"})
    checkout.git("mv", "a.md", "b.md")
    checkout.commit("2024-02-01")
    checkout.save("2025-01-01", {"a.md": "second"})
    assert days(checkout.root) == {"a.md": "2025-01-01", "b.md": "2024-01-01", "x.md": "2024-01-02"}


def test_a_change_of_the_mode_dates_nothing(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "a"})
    checkout.git("update-index", "--chmod=+x", "a.md")
    checkout.git("commit", "-q", "-m", "x", day="2025-01-01")
    assert days(checkout.root) == {"a.md": "2024-01-01"}


def test_changes_of_both_sides_of_a_merge_count_and_the_merge_does_not(checkout: Checkout) -> None:
    for number in range(4):
        checkout.save("2024-01-01", {f"{number}.md": "a"})
    checkout.git("checkout", "-q", "-b", "side")
    checkout.save("2025-01-01", {"0.md": "b"})
    checkout.git("checkout", "-q", "main")
    checkout.save("2025-02-01", {"1.md": "b"})
    checkout.git("merge", "-q", "--no-edit", "side", day="2025-03-01")
    assert days(checkout.root) == {
        "0.md": "2025-01-01",
        "1.md": "2025-02-01",
        "2.md": "2024-01-01",
        "3.md": "2024-01-01",
    }


def test_what_is_not_committed_has_no_day(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "a"})
    checkout.write("a.md", "changed")
    checkout.write("b.md", "new")
    checkout.git("add", "b.md")
    assert days(checkout.root) == {"a.md": "2024-01-01"}


@pytest.mark.parametrize(
    "name", ["line\nbreak.md", ":colon.md", " blank .md", "-dash.md", "ü.md", '"quoted".md', "*.md"]
)
def test_names_that_confuse_parsers(checkout: Checkout, name: str) -> None:
    folder = "sub\n:folder"
    checkout.save("2024-01-01", {f"{folder}/{name}": "a"})
    checkout.save("2025-01-01", {"other.md": "a"})
    assert days(checkout.root) == {f"{folder}/{name}": "2024-01-01", "other.md": "2025-01-01"}
    assert days(checkout.root / folder) == {name: "2024-01-01"}


def test_a_name_that_is_not_utf8_does_not_disturb(checkout: Checkout) -> None:
    checkout.save(
        "2024-01-01", {"bad\udcff.md".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"): "a"}
    )
    checkout.save("2025-01-01", {"a.md": "a"})
    assert days(checkout.root)["a.md"] == "2025-01-01"


def test_the_edge_of_a_shallow_clone_dates_nothing(checkout: Checkout, tmp_path: Path) -> None:
    for number in range(4):
        checkout.save(f"2024-0{number + 1}-01", {f"{number}.md": "a"})
    checkout.save("2025-01-01", {"0.md": "b"})
    checkout.git("clone", "-q", "--depth", "2", f"file://{checkout.root}", str(tmp_path / "shallow"))
    assert days(tmp_path / "shallow") == {"0.md": "2025-01-01"}


def test_the_checkouts_own_settings_run_nothing_and_change_nothing(checkout: Checkout, tmp_path: Path) -> None:
    checkout.save("2024-01-01", {"docs/a.md": "a"})
    checkout.save("2025-01-01", {"docs/b.md": "b"})
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n", encoding="utf-8")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "pager.log", "diff.external", "gpg.program", "core.sshCommand"):
        checkout.git("config", key, str(trap))
    for key in ("log.showSignature", "log.follow", "diff.relative", "core.quotePath"):
        checkout.git("config", key, "true")
    for key, value in (
        ("color.ui", "always"),
        ("log.showRoot", "false"),
        ("log.diffMerges", "on"),
        ("alias.log", "!x"),
    ):
        checkout.git("config", key, value)
    (checkout.root / ".gitattributes").write_text("*.md diff=trap filter=trap\n", encoding="utf-8")
    for key in ("diff.trap.textconv", "diff.trap.command", "filter.trap.smudge", "filter.trap.clean"):
        checkout.git("config", key, str(trap))
    assert days(checkout.root) == {"docs/a.md": "2024-01-01", "docs/b.md": "2025-01-01"}
    assert days(checkout.root / "docs") == {"a.md": "2024-01-01", "b.md": "2025-01-01"}
    assert not sprung.exists()


def test_the_callers_own_git_variables_do_not_lead_elsewhere(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.save("2024-01-01", {"a.md": "a"})
    other = Checkout(tmp_path / "other")
    other.save("2020-01-01", {"a.md": "a"})
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    assert days(checkout.root) == {"a.md": "2024-01-01"}


def test_a_folder_outside_any_checkout_has_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path, markdown) == History()


@pytest.mark.parametrize("state", ["no commit", "no document", "broken"])
def test_what_git_cannot_tell_is_a_note(checkout: Checkout, state: str) -> None:
    if state != "no commit":
        checkout.save("2024-01-01", {"a.png": "a"})
    if state == "broken":
        (checkout.root / ".git" / "HEAD").write_text("nonsense", encoding="utf-8")
    found = read_history(checkout.root, markdown)
    assert found.changed_on == {}
    assert found.note is not None


def test_a_damaged_history_gives_the_days_it_has(checkout: Checkout) -> None:
    checkout.save("2024-01-01", {"a.md": "a"})
    checkout.save("2025-01-01", {"b.md": "b"})
    first = checkout.git("rev-parse", "HEAD~1").strip()
    (checkout.root / ".git" / "objects" / first[:2] / first[2:]).unlink()
    found = read_history(checkout.root, markdown)
    assert found.note == "git log ended with an error, so older changes are not dated"


def test_without_git_there_is_a_note(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "not installed" in (read_history(checkout.root, markdown).note or "")


def test_a_git_that_cannot_be_started_is_a_note(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "git"
    program.write_text("no program", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(git_module.shutil, "which", lambda _: str(program))
    assert "could not be read" in (read_history(checkout.root, markdown).note or "")


def test_reading_stops_when_every_document_has_both_days() -> None:
    seen: list[int] = []

    def endless() -> object:
        for number in range(1_000):
            seen.append(number)
            yield Commit(date(2026, 1, 1), (Change(f"{number}.md", f"{number}.md", content=True, added=True),))

    dating = Dating({"0.md": "0.md", "1.md": "1.md"}, lambda _path: True)
    for commit in endless():
        dating.take(commit)
        if dating.done:
            break
    assert (len(seen), sorted(dating.days), sorted(dating.first_days)) == (2, ["0.md", "1.md"], ["0.md", "1.md"])


def test_tokens_become_commits() -> None:
    tokens = ["2026-01-02T00:00:00+00:00", "2026-01-01T00:00:00+00:00", f"\n{ADD}", "a.md", ADD, "2020-01-01", ""]
    assert list(commits(iter(tokens))) == [
        Commit(date(2026, 1, 2), ()),
        Commit(
            date(2026, 1, 1),
            (
                Change("a.md", "a.md", content=True, added=True),
                Change("2020-01-01", "2020-01-01", content=True, added=True),
            ),
        ),
    ]


@pytest.mark.parametrize("token", ["fatal: something", ":100644 A"])
def test_other_output_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        list(commits(iter(["2026-01-02T00:00:00Z", token])))
