from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.domain.documents import ProblemCode
from governance.domain.errors import SourceUnavailable
from governance.domain.ports import Listed
from governance.services.ingest import IngestResult
from governance.sources.manifest import ManifestSource
from governance.sources.manifest_options import ManifestOptions
from tests.command_line import COMMAND, InProcess, environment
from tests.knowledge_base import KnowledgeBase, paragraphs

HEAD = """
import json, os, signal, subprocess, sys
def show(name, **more):
    print(json.dumps({"id": name, "text": "text of " + name, **more}), flush=True)
def end(count):
    print(json.dumps({"end": True, "count": count}), flush=True)
"""


def printing(folder: Path, script: str, **options: object) -> ManifestSource:
    """Give a source whose command is a Python script."""
    env = {**os.environ, **options.pop("environment", {})}
    command = (sys.executable, "-c", HEAD + script)
    return ManifestSource("wiki", ManifestOptions(folder=folder, command=command, environment=env, **options))


def seen(made: ManifestSource) -> tuple[dict[str, ProblemCode | None], str | None]:
    listing = made.listing()
    found = {listed.document: listed.unreadable for listed in listing}
    assert listing.complete == (listing.interruption is None)
    return found, listing.interruption


# A command


def test_what_a_command_prints_is_the_manifest(tmp_path: Path) -> None:
    made = printing(tmp_path, "show('b'); show('a', title='T'); end(2)")
    listed = list(made.listing())
    assert [item.document for item in listed] == ["a", "b"]
    assert [made.reread(item) for item in listed] == listed
    parsed = made.parse(made.reread(listed[0]))
    assert (parsed.body, parsed.record.title) == ("text of a", "T")
    assert seen(made) == ({"a": None, "b": None}, None)


def test_much_is_printed(tmp_path: Path) -> None:
    found, why = seen(printing(tmp_path, "[show(str(n), labels='x' * 5000) for n in range(1000)]; end(1000)"))
    assert (len(found), why) == (1_000, None)


def test_a_command_runs_anew_for_every_listing_and_not_for_reading_again(tmp_path: Path) -> None:
    script = "n = len(os.listdir()); open(str(n), 'w').close(); show('run ' + str(n)); end(1)"
    made = printing(tmp_path, script)
    assert seen(made) == ({"run 0": None}, None)
    assert made.reread(Listed("run 0", "")).unreadable is None
    assert seen(made) == ({"run 1": None}, None)
    assert made.reread(Listed("run 0", "")).unreadable is ProblemCode.CHANGED_WHILE_READ
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_a_command_runs_in_the_given_folder_without_our_variables_and_without_input(tmp_path: Path) -> None:
    script = """
for name in os.environ:
    if name.startswith(("KBGOV_", "THEIR_")):
        show(name)
show(os.getcwd())
show("input " + repr(sys.stdin.read()))
end(3)
"""
    ours = {"KBGOV_DATABASE_URL": "postgresql://user:word@host/db", "THEIR_TOKEN": "x"}
    found, why = seen(printing(tmp_path, script, environment=ours))
    assert (sorted(found), why) == (sorted([str(tmp_path), "THEIR_TOKEN", "input ''"]), None)


def test_a_program_beside_the_configuration_can_be_named_relatively(tmp_path: Path) -> None:
    program = tmp_path / "export.sh"
    program.write_text('#!/bin/sh\necho \'{"end": true, "count": 0}\'\n')
    program.chmod(0o755)
    assert seen(ManifestSource("wiki", ManifestOptions(folder=tmp_path, command=("./export.sh",)))) == ({}, None)


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    command = (sys.executable, "-c", HEAD + "show(sys.argv[1]); end(1)", "$(touch x); *")
    found, _ = seen(ManifestSource("wiki", ManifestOptions(folder=tmp_path, command=command)))
    assert list(found) == ["$(touch x); *"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_command_says_on_standard_error_goes_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, why = seen(printing(tmp_path, "show('a'); end(1); sys.exit('no access for jane.doe@example.org')"))
    assert why == "the command ended with exit code 1"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("script", "names", "why"),
    [
        ("show('a'); end(1); sys.exit(3)", ["a"], "the command ended with exit code 3"),
        (
            "show('a'); os.kill(os.getpid(), signal.SIGKILL)",
            ["a"],
            "the command was ended by signal 9; there is no end marker",
        ),
        ("show('a'); end(1); os.kill(os.getpid(), signal.SIGTERM)", ["a"], "the command was ended by signal 15"),
        ("show('a')", ["a"], "there is no end marker"),
        ("pass", [], "there is no end marker"),
        (
            "show('a'); end(2)",
            ["a"],
            "the end marker on line 2 gives another count than that of the lines before it, 1",
        ),
        ("end(0); show('a')", [], "line 2 follows the end marker on line 1"),
    ],
)
def test_a_command_that_does_not_end_well_makes_the_listing_incomplete(
    tmp_path: Path, script: str, names: list[str], why: str
) -> None:
    found, said = seen(printing(tmp_path, script))
    assert (sorted(found), said) == (names, why)


HANGS = """
script = "import fcntl, signal; fcntl.flock(open('lock', 'w'), fcntl.LOCK_EX); print(flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
child.stdout.readline()
show("a")
end(1)
signal.pause()
"""


@pytest.mark.parametrize("rest", ["", "os.close(1)\nsignal.pause()", "while True: os.write(1, b' ')"])
def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path, rest: str) -> None:
    script = HANGS.replace("\nsignal.pause()", "\n" + rest) if rest else HANGS
    _, why = seen(printing(tmp_path, script, command_seconds=1.5))
    assert why.startswith("the command did not end within 1.5 seconds")
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # comes back when nobody holds it any more


@pytest.mark.parametrize("command", [("./not-there", "--token=personal"), ("./folder",), ("./text",), ("a\0b",)])
def test_a_command_that_cannot_be_started_is_no_source(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("x")
    made = ManifestSource("wiki", ManifestOptions(folder=tmp_path, command=command))
    with pytest.raises(SourceUnavailable, match="command of source wiki cannot be started") as raised:
        made.listing()
    assert "personal" not in repr(raised.value.as_json())
    assert made.reread(Listed("a", "")).unreadable is ProblemCode.CHANGED_WHILE_READ


def test_a_full_disk_makes_the_listing_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = printing(tmp_path, "show('a'); end(1)")
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        found, why = seen(made)
    assert found == {}
    assert why.startswith("what the command printed could not be kept: no space left on device")


def test_without_a_folder_for_temporary_files_there_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not-there"))
    with pytest.raises(SourceUnavailable, match="no temporary file"):
        printing(tmp_path, "end(0)").listing()


# Ingest


@pytest.fixture
def base(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    """A knowledge base whose source is the manifest `pages/wiki.jsonl`."""
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    made.source = ManifestSource("wiki", ManifestOptions(folder=tmp_path / "pages", path="wiki.jsonl"))
    yield made
    assert made.unaccounted() == []
    made.close()


def lines(*names: str, **more: object) -> list[dict[str, object]]:
    return [{"id": name, "text": paragraphs(name, 2), "owner": "ann", **more} for name in names]


def put(base: KnowledgeBase, entries: list[dict[str, object]], *, marker: bool = True) -> None:
    all_lines = [*entries, {"end": True, "count": len(entries)}] if marker else entries
    (base.root / "wiki.jsonl").write_text("".join(json.dumps(line) + "\n" for line in all_lines), encoding="utf-8")


def counted(result: IngestResult) -> dict[str, int]:
    groups = result.tally.as_json()
    return {name: count for group in groups.values() for name, count in group.items() if count}


def states(base: KnowledgeBase) -> dict[str, str]:
    with base.catalog.read() as uow:
        return {name: item.state.value for name, item in uow.documents.known("wiki").items()}


def open_findings(base: KnowledgeBase) -> list[tuple[str, str | None, str]]:
    with base.catalog.read() as uow:
        found = [item for item in uow.findings.listed(None) if item.period.status != "resolved"]
        return sorted((item.kind.value, item.place.document, item.rule) for item in found)


def test_a_manifest_is_ingested_and_its_order_does_not_count(base: KnowledgeBase) -> None:
    entries = lines("hr/leave", "hr/pay", uri="https://wiki/x", reviewed_on="2026-01-01", labels=["hr"])
    put(base, entries)
    assert counted(base.ingest())["added"] == 2
    metadata = next(iter(base.records().values())).metadata
    assert (metadata["kb_source"], metadata["uri"], metadata["owner"]) == ("wiki", "https://wiki/x", "ann")
    assert (metadata["reviewed_on"], metadata["labels"]) == ("2026-01-01", "hr")
    before = base.state()
    put(base, [dict(reversed(entry.items())) for entry in reversed(entries)])
    assert counted(base.ingest()) == {"seen": 2, "unchanged": 2}
    assert base.state() == before


def test_a_new_owner_patches_and_a_new_text_embeds(base: KnowledgeBase) -> None:
    put(base, lines("a", "b"))
    base.ingest()
    chunks = len(base.texts()["a"])
    put(base, lines("a", owner="ben") + lines("b"))
    assert counted(base.ingest()) == {"seen": 2, "unchanged": 1, "metadata_changed": 1, "patched": chunks}
    put(base, lines("a", owner="ben", text="new") + lines("b"))
    assert counted(base.ingest()) == {
        "seen": 2,
        "unchanged": 1,
        "body_changed": 1,
        "written": 1,
        "embedded": 1,
        "deleted": chunks,
    }
    assert base.texts()["a"] == ["new"]


def test_a_document_must_be_absent_from_two_complete_manifests(base: KnowledgeBase) -> None:
    put(base, lines("a", "b"))
    base.ingest()
    half = lines("a")
    for _ in range(3):
        put(base, half, marker=False)
        assert base.ingest().interruption == "there is no end marker"
        assert states(base) == {"a": "present", "b": "present"}
    put(base, half)
    assert "deleted" not in counted(base.ingest())
    assert states(base) == {"a": "present", "b": "suspect"}
    put(base, half, marker=False)
    base.ingest()
    assert (states(base)["b"], set(base.texts())) == ("suspect", {"a", "b"})
    put(base, half)
    assert counted(base.ingest())["removed"] == 1
    assert (states(base)["b"], set(base.texts())) == ("gone", {"a"})
    put(base, lines("a", "b"))
    assert counted(base.ingest())["added"] == 1
    assert set(base.texts()) == {"a", "b"}


def test_an_empty_manifest_is_a_complete_listing_that_an_ingest_refuses(base: KnowledgeBase) -> None:
    put(base, lines("a"))
    base.ingest()
    put(base, [])
    result = base.ingest()
    assert (result.refused.reason, result.interruption) == ("empty", None)
    assert set(base.texts()) == {"a"}


def test_a_document_without_text_cannot_be_ingested_and_keeps_what_the_index_has(base: KnowledgeBase) -> None:
    put(base, lines("a", "b"))
    base.ingest()
    put(base, [*lines("a"), {"id": "b", "content_hash": "v2"}, {"id": "c", "content_hash": "v1", "owner": "ben"}])
    result = counted(base.ingest())
    assert (result["seen"], result["unchanged"], result["failed"]) == (3, 1, 2)
    assert set(base.texts()) == {"a", "b"}
    assert open_findings(base) == [("coverage.unreadable", "b", "no_text"), ("coverage.unreadable", "c", "no_text")]
    with base.catalog.read() as uow:
        (kept,) = [item for item in uow.documents.unreadable("wiki") if item.document == "c"]
    assert (kept.owner, kept.words) == ("ben", None)
    put(base, lines("a", "b", "c"))
    assert counted(base.ingest())["seen"] == 3
    assert (open_findings(base), set(base.texts())) == ([], {"a", "b", "c"})


def test_one_id_with_two_contents_is_a_finding_and_the_rest_is_done(base: KnowledgeBase) -> None:
    put(base, lines("a") + lines("b") + lines("a", title="T"))
    assert counted(base.ingest())["failed"] == 1
    assert set(base.texts()) == {"b"}
    assert open_findings(base) == [("coverage.unreadable", "a", "duplicate_id")]


def test_hostile_lines_do_not_stop_an_ingest(base: KnowledgeBase) -> None:
    hostile = [
        {"id": "nul", "text": "a\0b"},
        {"id": "half", "text": "a\ud800b"},
        {"id": "n" * 5_000, "text": "x"},
        {"id": "owners", "text": "words", "owner": {"deep": [1]}, "uri": "a\0\ud800b", "title": "\0", "version": 2.5},
    ]
    put(base, [*lines("a"), *hostile])
    result = counted(base.ingest())
    assert (result["added"], result["failed"]) == (2, 3)
    assert set(base.texts()) == {"a", "owners"}


# The command line


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(tmp_path, capsys, monkeypatch)


def configured(folder: Path, *keys: str) -> None:
    (folder / "kbgov.toml").write_text(
        "\n".join(['[sources.wiki]\ntype = "manifest"', *keys, '[indexes.main]\npath = "main.db"\n']), encoding="utf-8"
    )


def export(*names: str) -> str:
    entries = [*lines(*names), {"end": True, "count": len(names)}]
    return "".join(json.dumps(line) + "\n" for line in entries)


def test_a_file_end_to_end(kbgov: InProcess) -> None:
    configured(kbgov.folder, 'path = "export/wiki.jsonl"')
    (kbgov.folder / "export").mkdir()
    (kbgov.folder / "export" / "wiki.jsonl").write_text(export("a", "b"))
    (kbgov.folder / "elsewhere").mkdir()
    kbgov.env.chdir(kbgov.folder / "elsewhere")
    where = ("--config", "../kbgov.toml")
    assert kbgov("db", "upgrade", *where).code == 0
    assert kbgov("keys", "init", *where).code == 0
    done = kbgov("ingest", "--json", *where)
    assert (done.code, done.json["documents"]["added"]) == (0, 2)
    assert kbgov("ingest", "--json", *where).json["documents"]["unchanged"] == 2
    (kbgov.folder / "export" / "wiki.jsonl").write_text(export("a").splitlines()[0])
    half = kbgov("ingest", *where)
    assert half.code == 3
    assert "the listing was incomplete (there is no end marker); no absence was believed." in half.out
    (kbgov.folder / "export" / "wiki.jsonl").unlink()
    missing = kbgov("ingest", "--json", *where)
    assert (missing.code, missing.json["error"]["code"]) == (1, "source_unavailable")


def test_standard_input_end_to_end(kbgov: InProcess) -> None:
    configured(kbgov.folder, 'path = "-"')
    assert kbgov("db", "upgrade").code == 0
    assert kbgov("keys", "init").code == 0

    def piped(text: str) -> tuple[int, dict[str, object]]:
        done = subprocess.run(
            [*COMMAND, "ingest", "--json"],
            cwd=kbgov.folder,
            env=environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    code, body = piped(export("a", "b"))
    assert (code, body["documents"]["added"]) == (0, 2)
    code, body = piped("")
    assert (code, body["interruption"]) == (3, "there is no end marker")


def test_standard_input_in_this_process(kbgov: InProcess) -> None:
    configured(kbgov.folder, 'path = "-"')
    assert kbgov("db", "upgrade").code == 0
    assert kbgov("keys", "init").code == 0
    kbgov.env.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(export("a").encode())))
    assert kbgov("ingest", "--json").json["documents"]["added"] == 1


def test_a_command_end_to_end(kbgov: InProcess) -> None:
    (kbgov.folder / "wiki.txt").write_text(export("a", "b", "c"))
    command = [
        sys.executable,
        "-c",
        "import os; print(open('wiki.txt').read(), end=''); assert 'KBGOV_DATABASE_URL' not in os.environ",
    ]
    configured(kbgov.folder, f"command = {json.dumps(command)}")
    kbgov.env.setenv("KBGOV_DATABASE_URL", "sqlite:///other.db")
    assert kbgov("db", "upgrade").code == 0
    assert kbgov("keys", "init").code == 0
    done = kbgov("ingest", "--json")
    assert (done.code, done.json["documents"]["added"], done.json["interruption"]) == (0, 3, None)
    assert kbgov("documents", "list", "--json").json["documents"][0]["source"] == "wiki"
    assert {item["name"]: item["status"] for item in kbgov("doctor", "--json").json["checks"]}["source wiki"] == "ok"


@pytest.mark.parametrize("key", ['patterns = "*.md"', "git = false", "fields = {owner = ['who']}", "exclude = 'x'"])
def test_a_key_that_says_nothing_about_a_manifest_is_refused(kbgov: InProcess, key: str) -> None:
    configured(kbgov.folder, 'path = "wiki.jsonl"', key)
    assert kbgov("db", "upgrade").code == 0
    assert kbgov("keys", "init").code == 0
    done = kbgov("ingest", "--json")
    assert done.code == 2
    assert done.json["error"]["item"] == f"sources.wiki.{key.partition(' ')[0]}"
