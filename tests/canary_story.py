"""Some weeks of a knowledge base in which identifiers are planted, and all that goes wrong, by real commands."""

from __future__ import annotations

import io
import json
import shutil
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Integer, cast, insert, literal, select, update

from governance.catalog.engine import begin_read, begin_write
from governance.catalog.leases import acquire
from governance.catalog.tables import audit_checkpoint, audit_entry, document, finding_period, metadata
from governance.catalog.unit_of_work import Catalog
from governance.cli.main import run
from governance.config.scrypt import hash_of
from governance.domain.errors import KbgovError
from governance.services.runs import place_lock
from tests.canaries import Flock
from tests.canary_plants import plant, tenant
from tests.catalog_rows import NOW
from tests.catalog_rows import document as a_document
from tests.command_line import Result
from tests.log_attacks import drop_triggers
from tests.log_rows import known_names


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


def live(kbgov: Swept) -> None:
    """The routine of some weeks, by every command that has something to do."""
    flock, folder = kbgov.flock, kbgov.folder
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    (folder / "docs").mkdir()
    kbgov("init", "--source", "docs")
    kbgov("keys", "init")
    kbgov("db", "upgrade")
    kbgov("db", "check")
    plant(flock, folder)
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
    kbgov.refused("log", "checkpoint", codes=(75,), KBGOV_ANCHORS__PAPER__PATH=f"{email}/{iban}.txt")
    with acquire(kbgov.engine, place_lock("theirs", tenant(flock))):
        kbgov.refused("sync", codes=(75,))
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
    raising = "BEGIN RAISE EXCEPTION '%%', NEW.title USING DETAIL = NEW.document, HINT = NEW.owner; END"
    making = f"FUNCTION provoked() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$"
    firing = "TRIGGER provoked BEFORE INSERT ON document FOR EACH ROW EXECUTE FUNCTION provoked()"
    return [
        (f"{add} (CAST(title AS integer) > 0) NOT VALID", drop),
        (f"{add} (title = '') NOT VALID", drop),
        (f"{add} (CAST(owner AS date) IS NULL) NOT VALID", drop),
        (f"CREATE {making}; CREATE {firing}", "DROP FUNCTION provoked CASCADE"),
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
        head = f"title: {flock.person.text} {flock.iban.text}\nowner: {flock.email.text}\nredirect_to: /a\n"
        page.write_text(f"---\n{head}---\nWords.\n", "utf-8")
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
            uow.documents.save(
                [a_document(f"{email}.md", title=f"{person}\0", attributes={iban: (f"{email}\0",)})], NOW
            )
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
    secret, other = {"KBGOV_ACTOR_SECRET": "a-secret-of-the-tests"}, {"KBGOV_ACTOR_SECRET": "another"}
    kbgov.refused("ingest", codes=(6,), KBGOV_ACTOR=person, **secret)
    kbgov.refused("ingest", codes=(6,), KBGOV_ACTOR=email, **other)
    kbgov.refused("keys", "rotate", "audit", codes=(6,), KBGOV_ACTOR=email, **secret)
    kbgov("actors", "list", KBGOV_ACTOR=email, **secret)
    config.write_text(before, "utf-8")


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
        changed = {"note": (note or "").replace("kbgov.log", email), "signed_at": NOW - timedelta(days=900)}
        connection.execute(update(audit_checkpoint).values(**changed))
    kbgov.refused("log", "verify", codes=(5,))
    kbgov.refused("log", "checkpoint", codes=(5,))
    kbgov.refused("audit", "run", codes=(3,))
    kbgov("pause", "--reason", "other", "--note", email)  # a checkpoint is due, and nothing can be signed
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
