"""A sweep for planted identifiers: whatever is done with them and whatever goes wrong, they are told nowhere.

An address, a name and the number of an account are planted wherever people, pipelines and mistakes could put them.
Then every command runs, as people type it, on both databases. The log, its checkpoints, its exports, the application's
own log, tracebacks and the evidence of findings may hold none of them in any form; the catalog holds them in the
columns that are declared for identifiers and in no other.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import metadata
from tests.canaries import SHORTEST_DIGEST, Flock, digests_of
from tests.canary_story import (
    Swept,
    as_text,
    be_refused,
    break_the_database,
    go_wrong,
    live,
    look,
    tamper,
)
from tests.conftest import DATABASES, PostgresDatabases, migrate, sqlite_url

CONTRACT_KEYS = {"members", "canonical", "sides"}
"""Of a finding's evidence: documents or chunk ids, as the contract of the command line says (cli-contract.md)."""
LISTED_CHUNKS = {"chunks"}
"""Of the evidence of drift.*: ids of the chunks that a finding about a whole document is about. Nothing else says
which they are, and the column of evidence is one of those that an erasure clears."""
ON_PURPOSE = {"actor"}
"""Of a line of the application's log: who acts is named there on purpose (KBGOV_ACTOR, see the guide on logs)."""
SHOWN_BESIDE = {"actor_name"}
"""Of what `log list` shows: it stands beside the log, in a column of its own that an erasure clears."""
WHOLE_RULES = {"policy"}
"""Of an entry: the plain digest of all policies together, by which runs, findings and `policy show` name a set."""
HEX = re.compile(rf"[0-9a-f]{{{SHORTEST_DIGEST},}}")
EXPECTED_TO_HOLD = {
    *("document.document", "document.title", "document.owner", "document.labels", "document.attributes"),
    *("document.redirect", "document.uri", "document.logical_id", "document_history.document"),
    *("indexed_document.document", "chunk.chunk_id", "chunk.document", "chunk.partition", "chunk_history.chunk_id"),
    *("comparison.document", "retrieval.chunk_id", "retrieval.partition", "review.document", "review.actor"),
    *("run.actor", "policy_set.body", "finding.document", "finding.chunk_id", "finding.assignee"),
    *("finding.partition", "finding_period.evidence", "finding_period.owner", "finding_period.actor"),
    *("note.text", "note.actor", "audit_name.name", "partition_state.partition"),
}
"""Columns in which something is planted in any case; without them the sweep would show little."""


@pytest.fixture(scope="module", params=DATABASES)
def swept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    folder = tmp_path_factory.mktemp("canaries")
    with database(request, folder) as url, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("KBGOV_")]:
            patch.delenv(name)
        flock = Flock()
        patch.chdir(folder)
        patch.setattr("sys.argv", ["pytest"])
        patch.setenv("KBGOV_DATABASE_URL", url)
        patch.setenv("KBGOV_ACTOR", flock.actor.text)
        patch.setenv("KBGOV_BACKUP_PASSPHRASE", "twelve characters")
        engine = create_catalog_engine(url)
        made = Swept(flock, folder, engine)
        live(made)
        go_wrong(made)
        break_the_database(made)
        be_refused(made)
        look(made)
        tamper(made)
        yield made
        engine.dispose()


@contextmanager
def database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        url = sqlite_url(folder / "catalog.db")
        migrate(url)
        yield url
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    with databases.one(request.getfixturevalue("postgres_template")) as url:
        yield url


def told_in(flock: Flock, told: Mapping[str, str]) -> dict[str, set[str]]:
    """Give where canaries stand, and in which forms."""
    return {where: found for where, text in told.items() if (found := flock.found(text))}


FORMS: Mapping[str, Callable[[str], str]] = {
    "capitals": lambda text: f"before {text.upper()} behind",
    "URL": lambda text: quote(f"docs/{text}.md"),
    "form": lambda text: quote_plus(f"docs {text}"),
    "JSON": lambda text: json.dumps({"key": text}),
    "Python": lambda text: repr(text.encode("unicode_escape")),
    "hex": lambda text: text.encode().hex().upper(),
    **{
        f"base64 at {at}": lambda text, at=at: b64encode(b"x" * at + text.encode() + b"tail").decode()
        for at in range(6)
    },
    **{
        f"base64url at {at}": lambda text, at=at: urlsafe_b64encode(b"?" * at + text.encode()).decode()
        for at in range(3)
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_the_sweep_finds_each_of_them_in_every_form(form: str) -> None:
    flock, told = Flock(), FORMS[form]
    for canary in flock.all:
        assert flock.found(told(canary.text))
        assert flock.found(told(canary.core))
    assert not flock.found(told("Nobody at all, nobody@mail.example, DE12345678901234567890"))


def test_the_sweep_knows_a_digest_by_its_beginning() -> None:
    digest = sha256(b"jane.roe@example.org").hexdigest()
    assert digests_of(["Jane.Roe@example.org"])[digest[:SHORTEST_DIGEST]] == "Jane.Roe@example.org"


def test_what_was_planted_is_where_identifiers_belong_and_in_no_other_column(swept: Swept) -> None:
    held = {name for name, values in swept.columns.items() if swept.flock.found("\n".join(values))}
    declared = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get("identifier")
    }
    assert held - declared == set()
    assert EXPECTED_TO_HOLD - held == set(), "the sweep plants less than it says"


def test_no_entry_of_the_log_tells_any(swept: Swept) -> None:
    assert len(swept.bodies) > 100
    assert told_in(swept.flock, dict(zip(map(str, range(len(swept.bodies))), swept.bodies, strict=True))) == {}


def test_no_entry_holds_a_plain_digest_of_anything_that_names_somebody(swept: Swept) -> None:
    """Whoever has a list of names could try them all."""
    words = identifiers(swept)
    assert len(words) > 100
    known = digests_of(words)
    told = (
        {name: value for name, value in json.loads(body).items() if name not in WHOLE_RULES} for body in swept.bodies
    )
    digests = {found[:SHORTEST_DIGEST] for facts in told for found in HEX.findall(json.dumps(facts))}
    assert digests
    assert {known[digest] for digest in digests & set(known)} == set()


def test_no_entry_holds_an_id_or_a_path_to_the_letter(swept: Swept) -> None:
    """Also none in which no canary stands, such as the ids that our own ingester makes, and fingerprints."""
    log = "\n".join(swept.bodies)
    names = {"chunk.chunk_id", "chunk_history.chunk_id", "document.document", "chunk.document", "finding.fingerprint"}
    words = {word for name in names for word in swept.columns[name] if word}
    assert len(words) > 50
    assert {word for word in words if word in log} == set()


def identifiers(swept: Swept) -> set[str]:
    """Give every text of a declared column, what is in its lists, and documents together with their sources."""
    names = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get("identifier") and f"{table.name}.{column.name}" in swept.columns
    ]
    found = {value for name in names for value in swept.columns[name]} - {"", "null", "[]", "{}"}
    found |= {word for value in found for word in words_in(value)}
    for source in ("docs", "wiki", "list"):
        found |= {
            f"{source}{between}{path}" for path in swept.columns["document.document"] for between in ("\0", "/", ":")
        }
    return found | {canary.text for canary in swept.flock.all} | {canary.core for canary in swept.flock.all}


def words_in(value: str) -> Iterator[str]:
    with suppress(ValueError):
        waiting = [json.loads(value)]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                waiting += [*one, *one.values()]
            elif isinstance(one, list):
                waiting += one
            elif isinstance(one, str):
                yield one


def test_no_checkpoint_tells_any(swept: Swept) -> None:
    assert len(swept.notes) > 3
    assert told_in(swept.flock, {str(at): note for at, note in enumerate(swept.notes)}) == {}


def test_no_file_of_an_export_tells_any(swept: Swept) -> None:
    assert {"log.jsonl", "checkpoint", "checkpoints", "vkey"} <= set(swept.exported)
    assert any(name.endswith(".tlog-proof") for name in swept.exported)
    assert told_in(swept.flock, swept.exported) == {}


def test_no_line_of_the_applications_log_tells_any(swept: Swept) -> None:
    lines = [(step, json.loads(line)) for step in swept.steps if step.logged for line in step.err.splitlines()]
    assert len(lines) > 300
    assert {line["event"] for _, line in lines} >= {
        "command.failed",
        "run.finished",
        "index.change",
        "checkpoint.failed",
    }
    told = [
        (step.arguments, line)
        for step, line in lines
        if swept.flock.found(json.dumps({name: value for name, value in line.items() if name not in ON_PURPOSE}))
    ]
    assert told == []


def test_no_traceback_tells_any(swept: Swept) -> None:
    traced = [step for step in swept.steps if not step.logged]
    assert sum("Traceback" in step.err for step in traced) > 40
    told = {" ".join(step.arguments): (step.err, found) for step in traced if (found := swept.flock.found(step.err))}
    assert told == {}


def test_no_error_of_the_catalog_tells_any(swept: Swept) -> None:
    assert told_in(swept.flock, {str(at): words for at, words in enumerate(swept.failures)}) == {}


def test_the_evidence_of_findings_tells_no_more_than_the_contract_says(swept: Swept) -> None:
    kinds = {kind for kind, _ in swept.evidence}
    assert kinds >= {
        *("freshness.overdue", "freshness.malformed", "freshness.superseded", "coverage.unreadable", "drift.stub"),
        *("drift.orphan", "drift.content", "drift.unembedded", "drift.mixed_embeddings", "drift.empty"),
        *("provenance.unattributed", "policy.waiver_expired", "log.inconsistent"),
    }
    told = {
        (kind, name)
        for kind, evidence in swept.evidence
        for name, value in evidence.items()
        if name not in CONTRACT_KEYS | LISTED_CHUNKS and swept.flock.found(f"{name} {as_text(value)}")
    }
    assert told == set()


def test_what_the_commands_of_the_log_print_tells_only_who_acted(swept: Swept) -> None:
    shown = [step for step in swept.steps if step.arguments[:1] == ("log",) and step.code == 0]
    assert {step.arguments[1] for step in shown} == {"list", "show", "verify", "checkpoint", "export", "prove"}
    for step in shown:
        found = json.loads(step.out)
        entries = [*found.get("entries", []), found.get("entry")] if step.arguments[1] in {"list", "show"} else []
        for entry in filter(None, entries):
            for name in SHOWN_BESIDE:
                del entry[name]
        found.pop("against", None)  # names of files, as they were typed
        assert not swept.flock.found(json.dumps(found, ensure_ascii=False)), step.arguments
