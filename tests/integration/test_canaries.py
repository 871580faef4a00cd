"""A sweep for planted identifiers: whatever is done with them and whatever goes wrong, they are told nowhere.

An address, a name and the number of an account are planted wherever people, pipelines and mistakes could put them.
Then every command runs, as people type it, on both databases. The log, its checkpoints, its exports, the application's
own log, tracebacks and the evidence of findings may hold none of them in any form; the catalog holds them in the
columns that are declared for identifiers and in no other.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Integer, cast, insert, literal, select, update

from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.tables import audit_checkpoint, audit_entry, document, finding_period, metadata
from governance.catalog.unit_of_work import Catalog
from governance.cli.main import run
from governance.config.scrypt import hash_of
from governance.domain.chunks import Record
from governance.domain.errors import KbgovError
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex
from tests.canaries import SHORTEST_DIGEST, Flock, digests_of
from tests.catalog_rows import NOW
from tests.catalog_rows import document as a_document
from tests.command_line import Result
from tests.conftest import DATABASES, PostgresDatabases, migrate, sqlite_url
from tests.foreign_layouts import WRITERS
from tests.log_attacks import drop_triggers
from tests.log_rows import known_names

CONTRACT_KEYS = {"members", "canonical", "sides"}
"""Of a finding's evidence: documents or chunk ids, as the contract of the command line says (cli-contract.md)."""
LISTED_CHUNKS = {"chunks"}
"""Of the evidence of drift.*: ids of the chunks that a finding about a whole document is about. Nothing else says
which they are, and the column of evidence is one of those that an erasure clears."""
ON_PURPOSE = {"actor"}
"""Of a line of the application's log: who acts is named there on purpose (KBGOV_ACTOR, see the guide on logs)."""
SHOWN_BESIDE = {"actor_name"}
"""Of what `log list` shows: it stands beside the log, in a column of its own that an erasure clears."""
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


@dataclass(frozen=True)
class Step:
    """A command that was run.

    Attributes:
        logged: Whether the application's log was asked for; else a traceback was.
    """

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    logged: bool


@dataclass
class Swept:
    """All that is swept, as it stood when everything was done and before anybody tampered with the log."""

    flock: Flock
    folder: Path
    engine: Engine
    steps: list[Step] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exported: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    evidence: list[tuple[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, codes: Sequence[int] = (0,), logged: bool = True, **env: str) -> Result:
        """Run a command and keep what it printed."""
        typed = (*arguments, "--json", "--debug")
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True) for _ in range(2)]
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(streams[0]),
            redirect_stderr(streams[1]),
        ):
            for name, value in {**({"KBGOV_LOG": "json"} if logged else {}), **env}.items():
                patch.setenv(name, value)
            code = run(typed)
        out, err = (stream.buffer.getvalue().decode("utf-8") for stream in streams)  # type: ignore[attr-defined]
        self.steps.append(Step(typed, code, out, err, logged))
        assert code in codes, (arguments, code, out, err)
        return Result(code, out, err)

    def refused(self, *arguments: str, codes: Sequence[int] = (1, 2, 6), **env: str) -> None:
        """Run a command that fails, once with the application's log and once with a traceback."""
        for logged in (True, False):
            self(*arguments, codes=codes, logged=logged, **env)


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


# What is planted


def pages(flock: Flock) -> dict[str, bytes]:
    """Give pages by their paths: canaries in names of folders and files, in front matter of every sort, in bodies."""
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    body = f"Write to {email}, which is {person}, or pay to {iban}. " + "Some more words stand here. " * 40
    facts = {
        "title": f"{person} and {iban}",
        "owner": email,
        "labels": f"[{person}, {iban}]",
        "department": f"{person} {email}",
        "last_reviewed_on": "2020-01-01",
        person: iban,
    }
    head = "".join(f"{key}: {value}\n" for key, value in facts.items())
    texts = {
        f"people/{person}/{email}.md": f"---\n{head}---\n{body}",
        f"people/{person}/{iban}.md": f"---\n{head}---\nAnother page. {body}",
        f"{iban}.md": f"---\ntitle: [{email}\n {person}: - {iban}\n---\n{body}",
        f"dates-{email}.md": f"---\nlast_reviewed_on: {iban}\nreview_in: {email}\ncreated_on: {person}\n---\n{body}",
        f"typed-{email}.md": f"---\ntitle: {{{person}: {iban}}}\nowner: [[{email}]]\ndepartment: {{a: {email}}}\n---\n{body}",
        f"moved-{person}.md": f"---\nredirect_to: /people/{person}/{iban}.html\n---\n",
        f"moved/{iban}.md": f"---\nredirect_to: https://wiki.example/{email}\n---\n",
        f"empty-{email}.md": f"---\nowner: {email}\n---\n",
        f"v1/{person}.md": f"---\nversion: 1 of {email}\n---\n{body}",
        f"v2/{person}.md": f"---\nversion: 2 of {email}\n---\n{body}",
        f"gone/{email}.md": f"---\n{head}---\nThis one goes. {body}",
    }
    broken = {
        f"broken-{email}.md": f"{person} \xff {iban}".encode("latin-1", "replace"),
        f"nul-{iban}.md": f"{person}\0{email}".encode(),
    }
    return {**{name: body.encode() for name, body in texts.items()}, **broken}


def plant(swept: Swept) -> None:
    """Write documents, a manifest, an index of somebody else, policies, counts, and the configuration of it all."""
    flock, folder = swept.flock, swept.folder
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    for root in ("docs", "wiki"):
        for name, body in pages(flock).items():
            path = folder / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        (folder / root / f"loop-{email}.md").symlink_to(f"loop-{email}.md")
    with suppress(OSError):  # file systems that take no such name
        (folder / "docs" / os.fsdecode(f"not-{iban}-".encode() + b"\xff.md")).write_text(email)
    lines = [
        {
            "id": f"{person}/{iban}",
            "title": person,
            "owner": email,
            "text": f"{email} {iban}",
            "metadata": {"department": iban},
        },
        {
            "id": f"{email}",
            "uri": f"https://wiki.example/{iban}",
            "text": "Words.",
            "reviewed_on": person,
            "version": email,
        },
        {"id": f"{iban}", "text": None, "labels": {person: email}},
    ]
    listed = [json.dumps(line, ensure_ascii=False) for line in lines]
    (folder / "list.jsonl").write_text("\n".join([*listed, f"{email} {{{iban}", ""]), "utf-8")
    fill_foreign_index(swept)
    policies = folder / "policies" / "default.yaml"
    waivers = [
        {"match": {"path": f"people/{person}/{iban}.md"}, "reason": "archive-copy", "until": "2999-01-01", "by": email},
        {"match": {"path": f"people/{person}/*"}, "reason": "other", "until": "2020-01-01", "by": person},
    ]
    first = {"name": "of-one", "kind": "freshness", "owner": person, "match": {"path": f"people/{person}/**"}}
    first |= {"freshness": {"review_every": "1 year"}, "waivers": waivers, "actions": ["annotate"]}
    body = policies.read_text("utf-8")
    policies.write_text(
        body.replace("policies:\n\n", f"policies:\n\n  - {json.dumps(first, ensure_ascii=False)}\n", 1), "utf-8"
    )
    config = folder / "kbgov.toml"
    config.write_text(
        config.read_text("utf-8").replace('# metadata = ["department"]', 'metadata = ["department"]')
        + '\n[sources.wiki]\nroot = "wiki"\nindex = "theirs"\nmetadata = ["department"]\n'
        + '\n[sources.wiki.document_key]\nfield = "source"\nstrip_prefix = "/app/docs/"\n'
        + '\n[sources.list]\ntype = "manifest"\npath = "list.jsonl"\nindex = "main"\nmetadata = ["department"]\n'
        + '\n[indexes.theirs]\ntype = "embedded"\npath = "theirs.db"\n'
        + '\n[indexes.theirs.fields]\nmodel = "model"\nmetadata = ["author"]\n'
        + '\n[anchors.paper]\ntype = "file"\npath = "anchored.txt"\n',
        "utf-8",
    )


def tenant(flock: Flock) -> str:
    return f"tenant {flock.person.text} {flock.email.text}"


def fill_foreign_index(swept: Swept) -> None:
    """Fill an index as other pipelines do, with canaries in ids, in keys and values of metadata, names of vectors."""
    flock = swept.flock
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    named = [f"people/{person}/{email}.md", f"people/{person}/{iban}.md", f"gone/{email}.md", f"moved-{person}.md"]
    common = {person: iban, iban: [email], "author": email, "model": f"{person}-model"}
    unit, longer = vector_of([1.0, 0.0]), vector_of([1.0, 0.0, 0.0])
    bodies = pages(flock)
    records = [
        Record(
            f"{email}#{at}",
            bodies[name].decode(),
            {**common, "source": f"/app/docs/{name}", "model": model},
            {"default": unit},
        )
        for at, (name, model) in enumerate(zip(named, (iban, person, email, "m"), strict=True))
    ]
    changed = bodies[named[0]].decode().replace("Some more words", "Some 17 other words")
    ours = {"kb_source": "docs", "kb_document": named[0], "kb_embedder": email, "kb_meta_hash": person}
    ours |= {"kb_position": 1, "kb_status": iban, "kb_review_due": person}
    records += [
        Record(f"{iban} changed", changed, {**common, "source": f"/app/docs/{named[0]}"}, {"default": unit}),
        Record(f"{person} bare", changed, {**common, "source": f"/app/docs/{named[1]}"}, {}),
        Record(f"{person} loose", "Nobody's words.", {person: email}, {"default": unit, email: unit}),
        Record(f"{email} loose", "Nobody's other words.", {iban: email}, {email: longer}),
        Record(f"{email} ours", "Words that look like ours.", {**common, **ours}, {"default": unit}),
        Record(
            f"{iban} unknown", f"Of {email}.", {**common, "source": f"/app/docs/never/{person}.md"}, {"default": unit}
        ),
        Record(f"{person} elsewhere", f"Of {email}.", {"source": f"{email}"}, {"default": unit}),
    ]
    layouts = [made for write in WRITERS.values() for made in write(f"/app/docs/{named[1]}")]
    theirs = [
        Record(f"{iban}:{name}", f"Of {person}.", {**found, **common}, {"default": unit}) for name, found in layouts
    ]
    for partition, group in (("", records), (tenant(flock), [*records[:6], *theirs])):
        with closing(EmbeddedIndex("theirs", swept.folder / "theirs.db").writer(partition)) as writer:
            assert not writer.put(group).failed


# What is done


def live(kbgov: Swept) -> None:
    """The routine of some weeks, by every command that has something to do."""
    flock, folder = kbgov.flock, kbgov.folder
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    (folder / "docs").mkdir()
    kbgov("init", "--source", "docs")
    plant(kbgov)
    kbgov("policy", "validate")
    kbgov("doctor", codes=(0, 1))
    for _ in range(2):
        ingest(kbgov)
    kbgov("sync", codes=(0, 3))
    kbgov("audit", "run", codes=(3,))
    kbgov("audit", "run", "--only", "freshness", "--as-of", "2026-01-01", "--record", codes=(0, 3))
    decide(kbgov)
    kbgov("policy", "explain", f"people/{person}/{email}.md", "--source", "docs")
    kbgov("policy", "diff", "policies", "policies", codes=(0, 1))
    kbgov("policy", "show")
    kbgov("damage", "load", str(counts(kbgov)))
    kbgov("damage", "load", str(counts(kbgov)), "--index", "theirs", "--partition", tenant(flock), "--add")
    kbgov("damage", "list")
    kbgov("chunks", "show", f"{email}#0", "--index", "theirs", "--partition", "", codes=(0, 2))
    for root in ("docs", "wiki"):
        shutil.rmtree(folder / root / "gone")
        path = folder / root / f"people/{person}/{iban}.md"
        path.write_text(path.read_text("utf-8").replace("Some more", f"13 {iban}"), "utf-8")
    for _ in range(2):
        ingest(kbgov)
        kbgov("audit", "run", "--record", codes=(3,))
    repair(kbgov)
    kbgov("audit", "run", "--full", "--fail-on", "never")
    keep_keys(kbgov)


def ingest(kbgov: Swept) -> None:
    for source in ("docs", "list"):
        kbgov("ingest", source, codes=(3,))
    kbgov("ingest", "wiki", codes=(6,))  # its index holds another pipeline's vectors


def decide(kbgov: Swept) -> None:
    flock = kbgov.flock
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    note = f"{person} of {email} pays from {iban}"
    page = f"people/{person}/{email}.md"
    found = kbgov("findings", "list", "--status", "open").json["findings"]
    about = [item["fingerprint"] for item in found if item["document"] == page]
    kbgov("findings", "list", "--document", page)
    kbgov("findings", "ack", about[0], "--note", note)
    kbgov("findings", "show", about[0])
    kbgov("findings", "reopen", about[0], "--note", note)
    kbgov("findings", "assign", about[0], "--to", person)
    kbgov("findings", "waive", about[1], "--reason", "accepted-risk", "--until", "2999-01-01", "--note", note)
    kbgov("documents", "list")
    kbgov("documents", "show", page, "--source", "docs")
    kbgov("documents", "verify", page, "--source", "docs")
    kbgov("pause", "--reason", "planned-work", "--note", note)
    kbgov.refused("ingest", "docs", codes=(6,))
    kbgov("resume")


def counts(kbgov: Swept) -> Path:
    flock = kbgov.flock
    path = kbgov.folder / f"counts-{flock.iban.core}.jsonl"
    ids = [f"{flock.email.text}#0", f"{flock.person.text} loose", f"{flock.iban.text} never seen"]
    lines = [{"chunk_id": name, "retrievals": 7, "index": "theirs", "partition": tenant(flock)} for name in ids]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def repair(kbgov: Swept) -> None:
    plan = kbgov("drift", "plan", "--out", "work.jsonl").json
    deleted = str(sum(item["op"] == "delete" for item in plan["items"]))
    kbgov.refused("drift", "apply", plan["digest"], codes=(2,))
    typed = ("drift", "apply", plan["digest"], "--yes", "--out", "again.jsonl")
    first = kbgov(*typed, codes=(0, 1, 6))
    if first.code == 6:
        kbgov(*typed, "--confirm-count", deleted, codes=(0, 1))


def keep_keys(kbgov: Swept) -> None:
    flock = kbgov.flock
    kbgov("log", "checkpoint")
    shutil.copy(kbgov.folder / "anchored.txt", kbgov.folder / f"kept of {flock.email.text}")
    for family in ("audit", "signing", "suppression"):
        kbgov("keys", "rotate", family)
    saved = f"saved by {flock.person.text}"
    kbgov("keys", "backup", saved)
    kbgov("keys", "restore", saved)
    listed = kbgov("keys", "list").json["keys"]
    old = next(key["key"] for key in listed if key["key"].startswith("audit") and key["state"] == "older")
    count = kbgov("keys", "destroy", old, codes=(6,)).json["error"]["next"].split()[-1]
    kbgov("keys", "destroy", old, "--confirm-count", count)


# What goes wrong


def go_wrong(kbgov: Swept) -> None:
    """Mistakes of people and pipelines, with canaries in what is typed and in what is read."""
    flock, folder = kbgov.flock, kbgov.folder
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    bad_policy = folder / f"policy {email}.yaml"
    bad_policy.write_text(f"policies:\n  - name: {email}\n    kind: [{iban}\n {person}: &a *b\n", "utf-8")
    odd_policy = folder / f"odd {email}.yaml"
    odd_policy.write_text(
        f"document: policies\nversion: 1\npolicies:\n  - {{name: {iban}, {person}: {email}}}\n", "utf-8"
    )
    bad_config = folder / f"config {email}.toml"
    bad_config.write_text(f'[sources."{person}"]\nroot = "{email}"\n', "utf-8")
    bad_toml = folder / f"toml {email}.toml"
    bad_toml.write_text(f'{person} = "{email}\n', "utf-8")
    bad_counts = folder / f"counts of {email}.csv"
    bad_counts.write_text(f'chunk_id,retrievals\n"{email}",{iban}x\n', "utf-8")
    for typed in (
        ("policy", "diff", str(bad_policy), "policies"),
        ("policy", "diff", str(odd_policy), "policies"),
        ("policy", "diff", str(folder / email), "policies"),
        ("policy", "explain", f"{person}/{iban}.md"),
        ("findings", "list", "--config", str(bad_config)),
        ("findings", "list", "--config", str(bad_toml)),
        ("findings", "list", "--config", str(folder / f"{iban}.toml")),
        ("findings", "show", email),
        ("findings", "waive", iban, "--reason", email, "--until", "2999-01-01"),
        ("findings", "list", "--as-of", iban),
        ("documents", "show", f"{person}.md"),
        ("documents", "verify", f"{email} never", "--on", "2020-01-01"),
        ("damage", "load", str(bad_counts)),
        ("damage", "load", str(folder / email)),
        ("damage", "load", str(counts(kbgov)), "--index", email),
        ("chunks", "show", f"{person} never"),
        ("chunks", "show", f"{iban} never", "--at", email),
        ("drift", "apply", email, "--yes"),
        ("pause", "--reason", email),
        ("pause", "--reason", "other", "--note", email * 100),
        ("ingest", email),
        ("ingest", "docs", "--index", iban),
        ("audit", "run", "--only", email),
        ("audit", "run", f"--{email}"),
        ("log", "show", email),
        ("log", "prove", iban),
        ("log", "verify", "--key", email),
        ("log", "verify", "--key", str(folder / email)),
        ("log", "export", str(folder / "docs")),
        ("keys", "destroy", email),
        ("keys", "backup", str(folder / email / iban)),
        ("keys", "restore", str(folder / f"policy {email}.yaml")),
        ("keys", "rotate", person),
        ("db", "grants", "--application", email * 3),
        ("init", "--source", str(folder / person)),
        ("init", "--from-index", f"sqlite:///{folder}/{email}.db"),
        (email,),
    ):
        kbgov.refused(*typed)
    kbgov.refused("log", "verify", "--checkpoint", str(folder / f"{email}.txt"), codes=(75,))
    kbgov.refused("log", "verify", "--checkpoint", str(bad_policy), codes=(75,))
    kbgov.refused("findings", "list", codes=(2, 75), KBGOV_DATABASE_URL=f"sqlite:///{folder}/{email}/catalog.db")
    kbgov.refused("findings", "list", codes=(1, 2), KBGOV_DATABASE_URL=f"sqlite:///{bad_policy}")
    kbgov.refused("findings", "list", codes=(2,), KBGOV_DATABASE_URL=f"{email}://{person}:{iban}@nowhere/db")
    kbgov.refused("findings", "list", codes=(2,), KBGOV_ACTOR=f"\x1b{email}")
    kbgov.refused("audit", "run", codes=(1, 3), KBGOV_SOURCES__DOCS__ROOT=str(folder / f"{email}.md"))
    (folder / f"damaged {iban}.db").write_text(f"{email} {person}")
    kbgov.refused("audit", "run", codes=(1, 3), KBGOV_INDEXES__THEIRS__PATH=str(folder / f"damaged {iban}.db"))


def break_the_database(kbgov: Swept) -> None:
    """Have the database refuse rows in words that quote them, through commands and through the catalog's rooms."""
    with provoked(kbgov, uniquely()):
        again(kbgov, "twice")
    for provocation in refusals(kbgov):
        with provoked(kbgov, provocation):
            again(kbgov, "checked")
    failures = rooms_refuse(kbgov)
    assert len(failures) == (5 if kbgov.engine.dialect.name == "postgresql" else 2)
    kbgov.failures += failures


def uniquely() -> tuple[str, str]:
    return "CREATE UNIQUE INDEX provoked ON document (title, source, redirect)", "DROP INDEX provoked"


def refusals(kbgov: Swept) -> list[tuple[str, str]]:
    """Give what makes the database refuse every page's row, and what takes it away again."""
    if kbgov.engine.dialect.name == "sqlite":
        words = f"{kbgov.flock.email.text} {kbgov.flock.person.text}"
        body = f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        return [(f"CREATE TRIGGER provoked BEFORE INSERT ON document {body}", "DROP TRIGGER provoked")]
    add, drop = "ALTER TABLE document ADD CONSTRAINT provoked CHECK", "ALTER TABLE document DROP CONSTRAINT provoked"
    raising = "BEGIN RAISE EXCEPTION '%', NEW.title USING DETAIL = NEW.document, HINT = NEW.owner; END"
    return [
        (f"{add} (CAST(title AS integer) > 0) NOT VALID", drop),
        (f"{add} (title = '') NOT VALID", drop),
        (f"{add} (CAST(owner AS date) IS NULL) NOT VALID", drop),
        (
            f"CREATE FUNCTION provoked() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$; "
            "CREATE TRIGGER provoked BEFORE INSERT ON document FOR EACH ROW EXECUTE FUNCTION provoked()",
            "DROP FUNCTION provoked CASCADE",
        ),
    ]


@contextmanager
def provoked(kbgov: Swept, statements: tuple[str, str]) -> Iterator[None]:
    for statement, when in zip(statements, (True, False), strict=True):
        if not when:
            yield
        with kbgov.engine.begin() as connection:
            connection.exec_driver_sql(statement)


def again(kbgov: Swept, word: str) -> None:
    """Add pages with the same title and have the commands meet the database's refusal."""
    flock = kbgov.flock
    for number in range(2):
        page = kbgov.folder / "docs" / f"{word}-{number}-{flock.email.text}.md"
        page.write_text(
            f"---\ntitle: {flock.person.text} {flock.iban.text}\nowner: {flock.email.text}\nredirect_to: /a\n---\nWords.\n",
            "utf-8",
        )
    kbgov.refused("ingest", "docs", codes=(1,))
    kbgov.refused("audit", "run", codes=(1,))
    for number in range(2):
        (kbgov.folder / "docs" / f"{word}-{number}-{flock.email.text}.md").unlink()


def rooms_refuse(kbgov: Swept) -> list[str]:
    """Give all that can be read of the errors that the catalog's rooms raise for values that they cannot keep."""
    flock = kbgov.flock
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    found: list[str] = []
    catalog = Catalog(kbgov.engine, known_names)

    @contextmanager
    def refusing() -> Iterator[Any]:
        try:
            with catalog.write() as uow:
                yield uow
        except KbgovError as error:
            found.append(told(error))

    with refusing() as uow:
        values = dict(uow.connection.execute(select(document).limit(1)).mappings().one())
        for _ in range(2):
            uow.connection.execute(insert(document).values({**values, "document": f"{email}/{person}", "title": iban}))
    with refusing() as uow:
        uow.documents.save([a_document(f"{email}\ud800.md", title=person, owner=iban)], NOW)
    if kbgov.engine.dialect.name == "postgresql":
        with refusing() as uow:
            uow.connection.execute(select(cast(literal(email), Integer))).all()
        with refusing() as uow:
            uow.documents.save([a_document(f"{email}.md", title=f"{person}\0", attributes={iban: (f"{email}\0",)})], NOW)
        with refusing() as uow:
            uow.documents.save([a_document(f"{email}.md", source=f"{person} {email} {iban} " * 5)], NOW)
    return found


def told(error: BaseException) -> str:
    """Give what an error and everything that it came from says, and its traceback."""
    parts = ["".join(traceback.format_exception(error))]
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None:
            parts += [str(one), repr(one), repr(one.args), repr(vars(one))]
            waiting += [one.__cause__, one.__context__]
    return "\n".join(parts)


def be_refused(kbgov: Swept) -> None:
    """Configure actors: who is none of them is refused, and so is who lacks a role."""
    email, person = kbgov.flock.email.text, kbgov.flock.person.text
    config = kbgov.folder / "kbgov.toml"
    before = config.read_text("utf-8")
    line = hash_of("a-secret-of-the-tests", log2_n=14, lanes=1).text
    section = f'\n[actors."{email}"]\nroles = ["reader"]\nscrypt = "{line}"\n'
    config.write_text(before + section, "utf-8")
    secret = {"KBGOV_ACTOR_SECRET": "a-secret-of-the-tests"}
    kbgov.refused("ingest", codes=(6,), KBGOV_ACTOR=person, **secret)
    kbgov.refused("ingest", codes=(6,), KBGOV_ACTOR=email, KBGOV_ACTOR_SECRET="another")
    kbgov.refused("keys", "rotate", "audit", codes=(6,), KBGOV_ACTOR=email, **secret)
    kbgov("actors", "list", KBGOV_ACTOR=email, **secret)
    config.write_text(before, "utf-8")


# What is looked at


def look(kbgov: Swept) -> None:
    """Have the log shown in every way, export it, and take down what the catalog holds."""
    flock = kbgov.flock
    page = f"people/{flock.person.text}/{flock.email.text}.md"
    kbgov("log", "list", "--limit", "100000")
    kbgov("log", "list", "--document", page)
    kbgov("log", "list", "--actor", flock.actor.text)
    kbgov("log", "list", "--action", flock.email.text)
    kbgov("log", "show", "1")
    kbgov("log", "checkpoint")
    kbgov("log", "prove", "3", "--out", f"proof for {flock.email.text}")
    kbgov("log", "verify", "--checkpoint", f"kept of {flock.email.text}")
    kbgov("log", "export", f"exported for {flock.email.text}")
    kbgov("log", "verify", "--export", f"exported for {flock.email.text}", codes=(0, 3))
    kbgov("doctor", codes=(0, 1))
    exported = kbgov.folder / f"exported for {flock.email.text}"
    kbgov.exported = {
        str(path.relative_to(exported)): path.read_text("utf-8") for path in exported.rglob("*") if path.is_file()
    }
    with begin_read(kbgov.engine) as connection:
        kbgov.bodies = list(connection.execute(select(audit_entry.c.body)).scalars())
        kbgov.notes = list(connection.execute(select(audit_checkpoint.c.note)).scalars())
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for name, value in row.items():
                    kbgov.columns.setdefault(f"{table.name}.{name}", []).append(as_text(value))
    kbgov.notes += [
        (kbgov.folder / "anchored.txt").read_text("utf-8"),
        (kbgov.folder / "keys" / "checkpoint").read_text("utf-8"),
    ]
    take_evidence(kbgov)


def take_evidence(kbgov: Swept) -> None:
    """Take down the evidence of every period of every finding, as the commands and as the catalog give it."""
    for item in kbgov("findings", "list").json["findings"]:
        shown = kbgov("findings", "show", item["fingerprint"]).json
        kbgov.evidence += [(item["kind"], item["evidence"]), (item["kind"], shown["findings"][0]["evidence"])]
        kbgov.evidence += [(item["kind"], {"said": period["message"]}) for period in shown["history"]]
        said = {
            name: item[name] for name in ("kind", "severity", "status", "source", "index", "rule", "policy", "message")
        }
        kbgov.evidence.append((item["kind"], said))
    with begin_read(kbgov.engine) as connection:
        kbgov.evidence += [
            ("stored", found) for found in connection.execute(select(finding_period.c.evidence)).scalars()
        ]


def tamper(kbgov: Swept) -> None:
    """Write canaries into the log as the owner of the database can, and have every command meet them."""
    flock, folder = kbgov.flock, kbgov.folder
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    drop_triggers(kbgov.engine)
    with begin_write(kbgov.engine) as connection:
        bodies = connection.execute(select(audit_entry.c.body).order_by(audit_entry.c.seq)).scalars().all()
        forged = {
            2: bodies[2].replace('"actor":"', f'"actor":"{email}'),
            3: bodies[3].replace('"outcome":"done"', f'"outcome":"{person}"'),
            4: f"{iban} {email}",
            5: json.dumps({**json.loads(bodies[5]), "action": person, "counts": {email: 1}, iban: email}),
            6: f"{email} \u2028 {person}\n",
        }
        for seq, body in forged.items():
            connection.execute(update(audit_entry).where(audit_entry.c.seq == seq).values(body=body))
    export, kept = f"exported for {email}", f"kept of {email}"
    kbgov.refused("log", "verify", codes=(5,))
    kbgov.refused("log", "verify", "--checkpoint", kept, codes=(5,))
    kbgov.refused("log", "list", "--limit", "100000", codes=(5,))
    kbgov.refused("log", "list", "--action", "no.such", codes=(5,))
    kbgov.refused("log", "show", "4", codes=(5,))
    kbgov.refused("log", "prove", "4", codes=(5,))
    kbgov.refused("log", "export", f"another {email}", codes=(5,))
    kbgov.refused("log", "export", export, codes=(5,))
    with (folder / export / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(f"{iban} {email}\n")
    kbgov.refused("log", "verify", "--export", export, "--checkpoint", kept, codes=(5, 75))
    cut = f"cut {iban}"
    kept_note = (folder / kept).read_text("utf-8")
    (folder / cut).write_text(kept_note.replace("\n", f"\n{email}\n", 1), "utf-8")
    kbgov.refused("log", "verify", "--checkpoint", cut, codes=(5, 75))
    with begin_write(kbgov.engine) as connection:
        note = connection.execute(select(audit_checkpoint.c.note)).scalars().first()
        connection.execute(update(audit_checkpoint).values(note=(note or "").replace("kbgov.log", email)))
    kbgov.refused("log", "verify", codes=(5,))
    kbgov.refused("log", "checkpoint", codes=(5,))
    kbgov.refused("audit", "run", codes=(3,))
    kbgov("doctor", codes=(0, 1))
    take_evidence(kbgov)


def as_text(value: object) -> str:
    """Give a value of a column as text: bytes as they stand and in hexadecimal digits, JSON with its letters."""
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        return raw.decode("latin-1") + raw.hex()
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# What is shown


def told_in(flock: Flock, told: Mapping[str, str]) -> dict[str, set[str]]:
    """Give where canaries stand, and in which forms."""
    return {where: found for where, text in told.items() if (found := flock.found(text))}


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
    digests = {found[:SHORTEST_DIGEST] for body in swept.bodies for found in HEX.findall(body)}
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
    assert {line["event"] for _, line in lines} >= {"command.failed", "run.finished", "index.change"}
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
