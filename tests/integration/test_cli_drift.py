"""An index that another pipeline fills, from a first look to a clean audit, by the commands that people type."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from governance.catalog.engine import create_catalog_engine
from governance.catalog.leases import acquire
from governance.cli.invocation import program
from governance.domain.chunks import BatchResult
from governance.indexes.embedded import EmbeddedIndex
from governance.indexes.embedded.writer import EmbeddedWriter
from tests.command_line import COMMAND, InProcess, Result, environment, in_own_process
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import paragraphs

PAGES = ("hr/leave", "hr/pay", "it/vpn", "it/laptops", "office", "travel")


def their_index(folder: Path) -> EmbeddedIndex:
    return EmbeddedIndex("theirs", folder / "theirs.db")


def pipeline(folder: Path) -> Pipeline:
    return Pipeline(folder / "docs", their_index(folder), [by_words(60, 10)])


def write(folder: Path, name: str, text: str) -> None:
    path = folder / "docs" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def records(folder: Path) -> dict[str, str | None]:
    """Give the texts in the index by id."""
    with closing(their_index(folder).reader()) as reader:
        return {record.chunk_id: record.text for page in reader.stream() for record in page.records}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose pages a pipeline has brought into an index; looked at once, and edited since."""
    folder = tmp_path_factory.mktemp("template")
    for name in PAGES:
        write(folder, name, paragraphs(name, 3))
    pipeline(folder).run(pipeline(folder).documents())
    assert in_own_process(folder, "init", "--source", "docs", "--from-index", "sqlite:///theirs.db").code == 0
    assert in_own_process(folder, "sync").code == 0
    write(folder, "hr/leave", paragraphs("hr/leave", 3).replace("sentence 1.7 says", "sentence 1.8 says"))
    (folder / "docs" / "travel.md").unlink()
    write(folder, "new", paragraphs("new", 3))
    with closing(their_index(folder).writer()) as writer:
        writer.delete([max(pipeline(folder).ids_of("hr/pay.md"))])
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(base, capsys, monkeypatch)


@pytest.fixture
def planned(kbgov: InProcess) -> dict[str, Any]:
    """A plan, made after the removed page was absent twice."""
    assert kbgov("sync").code == 0
    return kbgov("drift", "plan", "--json").json


def drift(result: Result) -> dict[str, int]:
    """Give the open findings about drift by kind."""
    counts = result.json["findings"]["by_kind"]
    return {kind: count for kind, count in counts.items() if count and kind.startswith(("drift", "provenance"))}


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_whole_story_from_an_edited_page_to_a_clean_audit(kbgov: InProcess, base: Path) -> None:
    audited = kbgov("audit", "run", "--only", "drift", "--json")
    assert (audited.code, audited.json["worst"]) == (3, "high")
    assert drift(audited) == {"drift.content": 1, "drift.missing": 2}
    assert drift(kbgov("audit", "run", "--only", "drift", "--json")) == {
        "drift.content": 1,
        "drift.missing": 2,
        "drift.orphan": 1,
    }
    found = kbgov("findings", "list", "--kind", "drift.*", "--status", "open", "--json").json["findings"]
    assert {(item["document"], item["kind"]) for item in found} == {
        ("hr/leave.md", "drift.content"),
        ("hr/pay.md", "drift.missing"),
        ("new.md", "drift.missing"),
        ("travel.md", "drift.orphan"),
    }

    planned = kbgov("drift", "plan", "--json")
    assert planned.code == 0
    assert set(planned.json) == {"digest", "run_id", "policy_digest", "items", "counts", "not_planned", "out"}
    wrong = {item["chunk_id"] for item in planned.json["items"] if item["op"] == "delete"}
    assert wrong > set(pipeline(base).ids_of("travel.md"))
    before = records(base)

    digest = planned.json["digest"][:12]
    unconfirmed = kbgov("drift", "apply", digest, "--json")
    assert (unconfirmed.code, unconfirmed.json["error"]["code"]) == (2, "usage")
    assert f"would delete {len(wrong)} chunks" in unconfirmed.json["error"]["message"]
    assert "leave 3 documents to your pipeline" in unconfirmed.json["error"]["message"]
    assert records(base) == before

    done = kbgov("drift", "apply", digest, "--yes", "--out", "work.jsonl", "--json")
    assert done.code == 0
    told = {name: done.json[name] for name in ("complete", "deleted", "already_absent", "remaining", "indexed", "out")}
    assert told == {
        "complete": True,
        "deleted": len(wrong),
        "already_absent": 0,
        "remaining": 0,
        "indexed": 0,
        "out": "work.jsonl",
    }
    assert records(base).keys() == before.keys() - wrong
    work = lines(base / "work.jsonl")
    assert work == done.json["pipeline"]
    assert [set(item) for item in work] == [
        {"op", "index", "partition", "source", "document", "chunk_id", "uri", "reason"}
    ] * 3
    assert {(item["op"], item["document"], item["reason"]) for item in work} == {
        ("index", "hr/leave.md", "drift.content"),
        ("index", "hr/pay.md", "drift.missing"),
        ("index", "new.md", "drift.missing"),
    }

    pipeline(base).run(item["document"] for item in work)
    for _ in range(2):
        audited = kbgov("audit", "run", "--only", "drift", "--json")
        assert (audited.code, drift(audited)) == (0, {})
    assert kbgov("drift", "plan", "--json").json["items"] == []
    again = kbgov("drift", "apply", digest, "--yes", "--out", "work.jsonl", "--json")
    assert (again.code, again.json["already_applied"], again.json["out"]) == (0, True, None)
    assert lines(base / "work.jsonl") == work


def test_an_index_that_our_ingester_fills_is_repaired_without_anybodys_help(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kbgov = InProcess(tmp_path, capsys, monkeypatch)
    for name in PAGES:
        write(tmp_path, name, paragraphs(name, 3))
    assert kbgov("init", "--source", "docs").code == 0
    assert kbgov("ingest").code == 0
    write(tmp_path, "hr/leave", paragraphs("hr/leave", 3).replace("sentence 1.7 says", "sentence 1.8 says"))
    write(tmp_path, "new", paragraphs("new", 3))
    (tmp_path / "docs" / "travel.md").unlink()
    kbgov("sync")
    digest = kbgov("drift", "plan", "--json").json["digest"]
    told = kbgov("drift", "apply", digest).err
    assert "index 2 documents anew" in told
    done = kbgov("drift", "apply", digest, "--yes", "--json").json
    assert (done["complete"], done["indexed"], done["pipeline"]) == (True, 2, [])
    assert done["deleted"] > 0
    assert drift(kbgov("audit", "run", "--only", "drift", "--json")) == {}


def test_people_read_counts_items_and_what_to_type_next(kbgov: InProcess, planned: dict[str, Any]) -> None:
    out = kbgov("drift", "plan").out.splitlines()
    assert out[0] == f"Plan {planned['digest'][:12]}: {len(planned['items'])} items. Nothing was changed."
    assert out[1].split() == ["OP", "BY", "REASON", "ITEMS"]
    rows = [line.split() for line in out[2 : out.index("")]]
    assert sum(int(row[-1]) for row in rows) == len(planned["items"])
    assert ["index", "pipeline", "drift.missing", "2"] in rows
    content = sum(item["op"] == "delete" and item["reason"] == "drift.content" for item in planned["items"])
    assert ["delete", "kbgov", "drift.content", str(content)] in rows
    typed = out[-1].removeprefix("next: ").removeprefix(program()).split()
    assert typed == ["drift", "apply", planned["digest"][:12], "--yes", "--out", "work.jsonl"]
    done = kbgov(*typed)
    assert done.code == 0
    assert "3 lines for your pipeline went into work.jsonl." in done.out
    deleted = sum(item["op"] == "delete" for item in planned["items"])
    assert f"deleted, and looked for in vain: {deleted} chunks" in done.out
    assert "let your pipeline bring them in, then: kbgov audit run" in done.out
    assert "was applied before; nothing was done." in kbgov(*typed).out


def test_work_that_was_not_written_can_be_had_by_the_next_command(kbgov: InProcess, planned: dict[str, Any]) -> None:
    out = kbgov("drift", "apply", planned["digest"], "--yes").out
    assert "left to your pipeline: 3 documents; give --out FILE to have them as JSON Lines" in out
    typed = shlex.split(out.splitlines()[-1].removeprefix("next: ").removeprefix(program()))
    assert kbgov(*typed).code == 0
    assert {item["document"] for item in lines(kbgov.folder / "work.jsonl")} == {"hr/leave.md", "hr/pay.md", "new.md"}


def test_a_long_plan_shows_the_first_items_and_json_shows_all(kbgov: InProcess, base: Path) -> None:
    for name in ("it/vpn", "it/laptops", "office"):
        write(base, name, paragraphs(f"{name} anew", 3))
    kbgov("sync")
    out = kbgov("drift", "plan").out
    items = kbgov("drift", "plan", "--json").json["items"]
    assert len(items) > 20
    assert "The first 20" in out
    assert f"{len(items) - 20} more: --json shows them all." in out
    table = out.partition("The first 20\n")[2].partition(" more:")[0].splitlines()
    assert len(table) == 1 + 20 + 1


def test_an_index_that_is_right_needs_no_repair(kbgov: InProcess, base: Path, planned: dict[str, Any]) -> None:
    kbgov("drift", "apply", planned["digest"], "--yes", "--out", "work.jsonl")
    pipeline(base).run(item["document"] for item in lines(base / "work.jsonl"))
    assert kbgov("drift", "plan", "--out", "work.jsonl").out == (
        "Nothing is to be repaired: the indexes say what their sources say.\n"
    )
    assert (base / "work.jsonl").read_bytes() == b""


def test_a_listing_that_is_not_believed_deletes_nothing(kbgov: InProcess, base: Path) -> None:
    shutil.move(base / "docs", base / "elsewhere")
    (base / "docs").mkdir()
    made = kbgov("drift", "plan", "--json").json
    assert [item for item in made["items"] if item["op"] == "delete"] == []
    assert any("its listing was not complete, so nothing is deleted" in line for line in made["not_planned"])
    assert "Not planned" in kbgov("drift", "plan").out


def test_a_pipe_gets_the_lines_and_people_read_the_rest_on_stderr(base: Path) -> None:
    planned = in_own_process(base, "drift", "plan", "--out", "-")
    assert {json.loads(line)["op"] for line in planned.out.splitlines()} == {"index"}
    assert planned.err.startswith("Plan ")
    digest = planned.err.split()[1].rstrip(":")
    quiet = in_own_process(base, "drift", "plan", "--out", "-", "--quiet")
    assert (quiet.out, quiet.err) == (planned.out, "")
    logged = in_own_process(base, "drift", "plan", "--out", "-", KBGOV_LOG="json")
    assert logged.out == planned.out
    assert all(isinstance(json.loads(line), dict) for line in logged.err.splitlines())
    done = in_own_process(base, "drift", "apply", digest, "--yes", "--out", "-")
    assert (done.code, done.out) == (0, planned.out)
    assert "was applied." in done.err


def test_a_pipe_and_json_do_not_go_together(kbgov: InProcess, planned: dict[str, Any]) -> None:
    before = records(kbgov.folder)
    for arguments in (("plan",), ("apply", planned["digest"], "--yes")):
        result = kbgov("drift", *arguments, "--out", "-", "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert records(kbgov.folder) == before


def test_a_file_that_cannot_be_written_stops_it_before_anything_is_changed(
    kbgov: InProcess, planned: dict[str, Any]
) -> None:
    before = records(kbgov.folder)
    result = kbgov("drift", "apply", planned["digest"], "--yes", "--out", "nowhere/work.jsonl", "--json")
    assert (result.code, result.json["error"]["item"]) == (2, "nowhere/work.jsonl")
    assert records(kbgov.folder) == before


def test_work_that_could_not_be_handed_over_is_handed_over_again(
    kbgov: InProcess, planned: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("governance.cli.lines_out.os.fsync", full)
        failed = kbgov("drift", "apply", planned["digest"], "--yes", "--out", "work.jsonl", "--json")
    assert failed.code == 1
    assert not (kbgov.folder / "work.jsonl").exists()
    done = kbgov("drift", "apply", planned["digest"], "--yes", "--out", "work.jsonl", "--json")
    assert (done.code, done.json["complete"], done.json["deleted"]) == (0, True, 0)
    assert done.json["already_absent"] == sum(item["op"] == "delete" for item in planned["items"])
    assert len(lines(kbgov.folder / "work.jsonl")) == 3


@pytest.mark.parametrize("change", ["source", "index"])
def test_a_plan_whose_world_has_changed_is_6_and_changes_nothing(
    kbgov: InProcess, base: Path, planned: dict[str, Any], change: str
) -> None:
    if change == "source":
        write(base, "office", paragraphs("office", 3).replace("sentence 2.2 says", "sentence 2.3 says"))
    else:
        with closing(their_index(base).writer()) as writer:
            writer.delete([max(pipeline(base).ids_of("office.md"))])
    before = records(base)
    result = kbgov("drift", "apply", planned["digest"], "--yes", "--out", "work.jsonl", "--json")
    assert (result.code, result.json["error"]["code"]) == (6, "plan_changed")
    assert result.json["error"]["next"] == "kbgov drift plan"
    assert records(base) == before
    assert not (base / "work.jsonl").exists()
    fresh = kbgov("drift", "plan", "--json").json
    assert fresh["digest"] != planned["digest"]
    number = str(fresh["counts"]["delete"])
    assert kbgov("drift", "apply", fresh["digest"], "--yes", "--confirm-count", number).code == 0


@pytest.mark.parametrize("digest", ["0123456789abcdef", "0", "", "%", "a" * 64])
def test_a_digest_of_no_plan_is_a_usage_error(kbgov: InProcess, planned: dict[str, Any], digest: str) -> None:
    assert planned["items"]
    for more in ((), ("--yes",)):
        result = kbgov("drift", "apply", digest, *more, "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "usage")
        assert "no plan" in result.json["error"]["message"]


def test_the_next_command_names_the_configuration_that_was_typed(kbgov: InProcess, base: Path) -> None:
    (base / "kbgov.toml").rename(base / "other.toml")
    out = kbgov("drift", "plan", "--config", "other.toml").out
    assert out.splitlines()[-1].endswith("--yes --out work.jsonl --config other.toml")
    missing = kbgov("drift", "apply", "0123456789", "--config", "other.toml", "--json")
    assert missing.json["error"]["next"] == "kbgov drift plan --config other.toml"


def test_what_is_still_there_is_1_and_never_called_complete(
    kbgov: InProcess, planned: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(_writer: EmbeddedWriter, ids: list[str]) -> BatchResult:
        return BatchResult(requested=len(ids), existed=len(ids))

    deleted = sum(item["op"] == "delete" for item in planned["items"])
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedWriter, "delete", deaf)
        result = kbgov("drift", "apply", planned["digest"], "--yes", "--json")
        # The catalog takes them for deleted, so that they are too large a share of what it takes to be there.
        confirmed = ("--confirm-count", str(deleted))
        told = kbgov("drift", "apply", planned["digest"], "--yes", *confirmed)
    assert (result.code, result.json["complete"], result.json["remaining"]) == (1, False, deleted)
    assert told.code == 1
    assert "was applied, but not completely." in told.out
    assert f"STILL THERE: {deleted} chunks" in told.out
    assert told.out.splitlines()[-1] == f"next: kbgov drift apply {planned['digest'][:12]} --yes"
    done = kbgov("drift", "apply", planned["digest"], "--yes", *confirmed, "--json")
    assert done.json["deleted"] == deleted


def test_a_second_process_at_the_same_index_is_told_to_try_again(base: Path) -> None:
    digest = in_own_process(base, "drift", "plan", "--json").json["digest"]
    engine = create_catalog_engine(f"sqlite:///{base}/kbgov.db")
    before = records(base)
    with acquire(engine, "index:main/"):
        for arguments in (("plan",), ("apply", digest, "--yes")):
            result = in_own_process(base, "drift", *arguments, "--json")
            assert (result.code, result.json["error"]["code"]) == (75, "lock_held")
    engine.dispose()
    assert records(base) == before
    assert in_own_process(base, "drift", "apply", digest, "--yes").code == 0


def test_two_processes_apply_one_plan_and_one_of_them_does_it(base: Path) -> None:
    in_own_process(base, "sync")
    planned = in_own_process(base, "drift", "plan", "--json").json
    command = [*COMMAND, "drift", "apply", planned["digest"], "--yes", "--json"]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(command, cwd=base, env=environment(), stdout=pipe, stderr=pipe, text=True) for _ in range(2)
    ]
    told = [(child.communicate(timeout=120)[0], child.returncode) for child in started]
    done = [json.loads(out) for out, code in told if code == 0]
    assert {code for _, code in told} <= {0, 75}
    wrong = {item["chunk_id"] for item in planned["items"] if item["op"] == "delete"}
    assert sorted(answer["deleted"] for answer in done if not answer["already_applied"]) == [len(wrong)]
    assert wrong.isdisjoint(records(base))


def test_an_index_that_does_not_answer_is_75_and_not_a_changed_plan(kbgov: InProcess, planned: dict[str, Any]) -> None:
    file = kbgov.folder / "theirs.db"
    file.rename(kbgov.folder / "away.db")
    result = kbgov("drift", "apply", planned["digest"], "--yes", "--json")
    assert (result.code, result.json["error"]["code"]) == (75, "index_unreachable")
    assert "index main: it did not answer" in kbgov("drift", "plan", "--json").json["not_planned"]
    (kbgov.folder / "away.db").rename(file)
    assert kbgov("drift", "apply", planned["digest"], "--yes").code == 0


def test_chunks_are_marked_where_a_policy_says_so_and_no_longer_when_it_does_not(kbgov: InProcess, base: Path) -> None:
    policy = base / "policies" / "default.yaml"
    silent = policy.read_text()
    policy.write_text(silent.replace("write_back: nothing", "write_back: status"))
    first = kbgov("audit", "run", "--json")
    assert first.json["write_back"] == {
        "patched": len(records(base)),
        "put_back": 0,
        "failed": 0,
        "kept": 0,
        "paused": False,
        "refused": None,
    }
    assert set(marks(base)) == {"fresh", "stale"}
    assert kbgov("audit", "run", "--json").json["write_back"]["patched"] > 0  # the removed page is left over now
    pipeline(base).run(["office.md"])
    assert "put back after a rewrite." in kbgov("audit", "run").out
    assert kbgov("audit", "run", "--json").json["write_back"]["patched"] == 0
    assert kbgov("audit", "run", "--only", "freshness", "--json").json["write_back"] is None
    policy.write_text(silent)
    assert kbgov("audit", "run", "--json").json["write_back"]["patched"] == len(records(base))
    assert marks(base) == [None]
    assert kbgov("audit", "run", "--json").json["write_back"] is None


def test_chunks_that_could_not_be_marked_are_said_and_1(
    kbgov: InProcess, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(_writer: EmbeddedWriter, ids: list[str], _metadata: object) -> BatchResult:
        return BatchResult(requested=len(ids), existed=len(ids), failed=dict.fromkeys(ids, "read only"))

    policy = base / "policies" / "default.yaml"
    policy.write_text(policy.read_text().replace("write_back: nothing", "write_back: status"))
    monkeypatch.setattr(EmbeddedWriter, "patch", deaf)
    assert kbgov("audit", "run", "--fail-on", "never", "--json").code == 1
    told = kbgov("audit", "run")
    assert told.code == 3
    assert f"{len(records(base))} chunks could not be marked" in told.out


def marks(folder: Path) -> list[object]:
    """Give the different states that chunks carry."""
    with closing(their_index(folder).reader()) as reader:
        found = {record.metadata.get("kb_status") for page in reader.stream() for record in page.records}
    return sorted(found, key=str)


@pytest.fixture
def chunk_of(base: Path) -> Callable[[str], str]:
    return lambda name: min(pipeline(base).ids_of(f"{name}.md"))


def test_a_chunk_is_shown_with_its_document_and_what_is_wrong(
    kbgov: InProcess, base: Path, chunk_of: Callable[[str], str]
) -> None:
    kbgov("audit", "run", "--only", "drift")
    wrong = next(key for key, text in records(base).items() if "hr/leave sentence 1.7 says" in (text or ""))
    result = kbgov("chunks", "show", wrong, "--json")
    assert result.code == 0
    (place,) = result.json["places"]
    assert {name: place[name] for name in ("index", "partition", "state", "source", "document", "today")} == {
        "index": "main",
        "partition": "",
        "state": "present",
        "source": "docs",
        "document": "hr/leave.md",
        "today": "same",
    }
    assert [item["kind"] for item in place["findings"]] == ["drift.content"]
    assert place["document_then"]["state"] == "present"
    assert "text" not in place
    out = kbgov("chunks", "show", wrong).out
    assert "drift.content" in out
    assert "Today the index still has this very text." in out
    assert "sentence 1.7 says" not in out
    assert "sentence 1.7 says" in kbgov("chunks", "show", wrong, "--text").out
    right = kbgov("chunks", "show", chunk_of("office")).out
    assert "No finding about it or its document was open on that day." in right


def test_a_chunk_before_anybody_looked_is_not_yet_seen(kbgov: InProcess, chunk_of: Callable[[str], str]) -> None:
    chunk = chunk_of("office")
    result = kbgov("chunks", "show", chunk, "--at", "2020-01-01", "--text", "--json")
    assert result.json["at"] == "2020-01-01"
    (place,) = result.json["places"]
    assert (place["state"], place["document"], place["today"]) == ("not_yet_seen", None, None)
    assert "not yet seen" in kbgov("chunks", "show", chunk, "--at", "2020-01-01").out


def test_a_chunk_that_nobody_knows_is_a_usage_error(kbgov: InProcess, chunk_of: Callable[[str], str]) -> None:
    chunk = chunk_of("office")
    for arguments in (
        ("nonsense",),
        (chunk[:-1],),
        (chunk, "--index", "other"),
        (chunk, "--partition", "other"),
        (chunk, "--at", "2999-01-01"),
        (chunk, "--at", "soon"),
    ):
        result = kbgov("chunks", "show", *arguments, "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "usage"), arguments
    assert kbgov("chunks", "show", chunk, "--index", "main", "--partition", "").code == 0
