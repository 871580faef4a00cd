"""What `policy diff` says is what an audit finds once the other policies are adopted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from governance.catalog.engine import create_catalog_engine
from governance.catalog.tables import metadata
from governance.catalog.unit_of_work import Catalog
from governance.detectors.base import Word
from governance.domain.actors import Actor, Role
from governance.domain.chunks import ChunkKey, Record
from governance.domain.errors import IndexUnreachable, RoleRefused
from governance.domain.findings import Finding, FindingKind, FindingStatus
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.values import vector_of
from governance.guard import Guard
from governance.indexes.memory import MemoryIndex
from governance.policy.loader import parse_policies
from governance.policy.model import PolicySet
from governance.services.audit import audit
from governance.services.audit_observe import AuditRequest
from governance.services.decisions import acknowledge, waive
from governance.services.gate import WriteGate
from governance.services.observe import World
from governance.services.policy_diff import PolicyDiff, diff_policies
from governance.services.runs import Desk
from governance.services.sync import sync
from governance.sources.files import FileTreeSource
from governance.sources.options import FileTreeOptions
from tests.conftest import sqlite_url
from tests.foreign_index import Pipeline, by_characters, by_words
from tests.log_rows import known_names

TODAY = date(2026, 11, 21)
PAGES = ("hr/leave.md", "hr/pay.md", "it/vpn.md", "it/old/vpn.md", "travel.md")
DAYS = ("2026-11-01", "2026-05-21", "2025-11-21", "2025-08-01", "2024-02-29", "2027-01-01", "soon", "")
LIVE = {FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED}

paths = st.sampled_from(["hr/**", "it/**", "**/vpn.md", "travel.md", "**"])
matches = st.one_of(
    paths.map(lambda path: f'{{path: "{path}"}}'),
    st.sampled_from(["public", "secret"]).map(lambda label: f"{{label: {label}}}"),
    st.sampled_from(["hr", "it"]).map(lambda value: f"{{metadata: {{department: {value}}}}}"),
    st.sampled_from(["main", "other"]).map(lambda index: f"{{index: {index}}}"),
    st.just("{not: {label: public}}"),
)
severities = st.sampled_from(["", ", severity: low", ", severity: critical"])
lengths = st.sampled_from(["1 month", "6 months", "12 months", "24 months"])
percents = st.sampled_from([0, 1, 10, 60, 100])
lags = st.sampled_from(["none", "1 day", "7 days", "30 days"])
kinds = st.sampled_from(["", ", kinds: ['drift.*']", ", kinds: ['*.*']", ", kinds: [freshness.overdue]"])
waivers = st.builds(
    "{{match: {}, reason: other, until: {}{}}}".format,
    matches,
    st.sampled_from(["2026-11-20", "2026-11-21", "2027-03-01"]),
    kinds,
)


def freshness(every: str, soon: int, unknown: str) -> str:
    return f"kind: freshness, freshness: {{review_every: {every}, due_soon: {soon} days, unknown: {unknown}}}"


def drift(rewritten: int, uncovered: int, lag: str) -> str:
    return f"kind: drift, drift: {{rewritten: {rewritten}, uncovered: {uncovered}, max_lag: {lag}}}"


def retention(event_: str, period: str, basis: str, name: str) -> str:
    return f"kind: retention, retention: {{event: {event_}, period: {period}, class: {name}{basis}}}"


sections = st.one_of(
    st.builds(freshness, lengths, st.sampled_from([0, 30, 200]), st.sampled_from(["report", "ignore"])),
    st.builds(drift, percents, percents, lags),
    st.builds(
        retention,
        st.sampled_from(["created", "modified", "reviewed"]),
        st.one_of(lengths, st.just("unlimited")),
        st.sampled_from(["", ", legal_basis: some law"]),
        st.just("CLASS"),
    ),
)


@st.composite
def policy_texts(draw: st.DrawFn) -> str:
    lines = ["version: 1", "policies:"]
    for number in range(draw(st.integers(0, 5))):
        section = draw(sections).replace("CLASS", f"class-{number}")
        match = f", match: {draw(matches)}" if draw(st.booleans()) else ""
        waived = f", waivers: [{draw(waivers)}]" if draw(st.booleans()) else ""
        actions = draw(st.sampled_from(["", ", actions: [annotate]", ", actions: [quarantine, {notify: {to: owner}}]"]))
        lines.append(f"- {{name: p{number}, {section}{draw(severities)}{match}{waived}{actions}}}")
    if len(lines) == 2:
        lines[1] = "policies: []"
    return "\n".join([*lines, "limits: {quarantine: {max_items: 1000, max_percent: 100}}"])


@dataclass(frozen=True)
class Page:
    name: str
    reviewed: str
    interval: str
    labels: str
    department: str

    def text(self, body: str) -> str:
        facts = {
            "reviewed_on": self.reviewed,
            "review_interval": self.interval,
            "labels": self.labels,
            "department": self.department,
        }
        lines = "".join(f"{key}: {value}\n" for key, value in facts.items() if value)
        return f"---\n{lines}---\n{body}" if lines else body


pages = st.lists(
    st.builds(
        Page,
        st.sampled_from(PAGES),
        st.sampled_from(DAYS),
        st.sampled_from(["", "6 months", "now and then"]),
        st.sampled_from(["", "public", "[public, secret]"]),
        st.sampled_from(["", "hr", "[hr, it]"]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda page: page.name,
)


def body_of(name: str) -> str:
    words = [" ".join(f"{name}{part}word{word}" for word in range(25)) for part in range(4)]
    return "\n\n".join(f"Part {part} of {name} has {part + 20} rules. {text}" for part, text in enumerate(words))


def edited(how: str, page: Page, text: str) -> str:
    added = f"{text}\n\nA part that is new and stands nowhere in the index so far, as everybody can see."
    return {
        "number": text.replace("21 rules", "22 rules"),
        "word": text.replace("1word7", "1changed7"),
        "rewrite": page.text(body_of(page.name + "x")),
        "drop": text.rpartition("\n\n")[0] or text,
        "add": added,
        "empty": page.text("# Only a heading"),
    }[how]


EDITS = ["number", "word", "rewrite", "drop", "add", "empty"]


changes = st.lists(
    st.tuples(
        st.sampled_from([*EDITS, "delete", "forget", "lose"]),
        st.sampled_from(PAGES),
    ),
    min_size=1,
    max_size=5,
)
decisions = st.lists(st.sampled_from(["ack", "waive", "waive for today"]), max_size=3)


class Base:
    """A folder, an index that a foreign pipeline fills from it, and a catalog, on days that pass."""

    def __init__(self, catalog: Catalog, folder: Path, policies: PolicySet) -> None:
        self.catalog = catalog
        self.folder = folder
        self.policies = policies
        self.day = TODAY - timedelta(days=40)
        self.minute = 0
        self.index = MemoryIndex("main")
        self.pipeline = Pipeline(folder, self.index, [by_words(40, 5), by_characters(200, 0)])
        source = FileTreeSource("pages", FileTreeOptions(root=folder, git=False, metadata=("department",)))
        self.world = World(
            sources={"pages": source},
            indexes={"main": self.index},
            layouts={"main": IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix="/app/docs/")),))},
            limits=policies.limits.listing,
        )

    @property
    def desk(self) -> Desk:
        self.minute += 1
        now = datetime.combine(self.day, time(12), UTC) + timedelta(minutes=self.minute)
        return Desk(
            catalog=self.catalog, actor=Actor(id="tester"), clock=lambda: now, today=self.day, policies=self.policies
        )

    def audit(self) -> None:
        request = AuditRequest(words=tuple(Word), sources=["pages"], as_of=self.day)
        gate = WriteGate(self.catalog, self.world.indexes, Guard(), lambda: self.policies.limits)
        audit(self.desk, request, self.world, gate)
        gate.close()

    def diff(self, new: PolicySet) -> PolicyDiff:
        return diff_policies(self.desk, self.policies, new, layouts=self.world.layouts, sources=["pages"], zone=UTC)

    def live(self) -> dict[str, str]:
        return {item.fingerprint: item.period.severity.value for item in self.findings()}

    def findings(self) -> list[Finding]:
        with self.catalog.read() as uow:
            return [item for item in uow.findings.listed(self.day) if item.period.status in LIVE]

    def change(self, how: str, page: Page) -> None:
        path = self.folder / page.name
        if how in EDITS and path.exists():
            path.write_text(edited(how, page, path.read_text(encoding="utf-8")), encoding="utf-8")
        elif how == "delete":
            path.unlink(missing_ok=True)
        elif how == "forget":
            self.pipeline.remove(page.name)
        elif how == "lose":
            self.index.writer().delete(self.pipeline.ids_of(page.name)[:1])


@pytest.fixture(scope="module")
def sqlite_catalog(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    file = tmp_path_factory.mktemp("diff") / "catalog.db"
    shutil.copy(sqlite_template, file)
    catalog = Catalog(create_catalog_engine(sqlite_url(file)), known_names)
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def postgres_catalog(postgres_databases, postgres_template: str) -> Iterator[Catalog]:
    with postgres_databases.one(postgres_template) as url:
        catalog = Catalog(create_catalog_engine(url), known_names)
        yield catalog
        catalog.close()


def unfold(
    catalog: Catalog,
    folder: Path,
    old: PolicySet,
    written: Sequence[Page],
    changed: Sequence[tuple[str, str]],
) -> Base:
    """Let an index be filled, things change, and weeks pass, all under the old policies."""
    with catalog.write() as uow:
        for table in metadata.sorted_tables:
            if not table.name.startswith("audit_"):  # the log only grows
                uow.connection.execute(delete(table))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    base = Base(catalog, folder, old)
    by_name = {page.name: page for page in written}
    for page in written:
        (folder / page.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / page.name).write_text(page.text(body_of(page.name)), encoding="utf-8")
    base.pipeline.run(base.pipeline.documents())
    base.audit()
    base.day += timedelta(days=20)
    for how, name in changed:
        if name in by_name:
            base.change(how, by_name[name])
    base.audit()
    base.day = TODAY
    base.audit()
    return base


def decide(base: Base, made: Sequence[str]) -> None:
    for how, fingerprint in zip(made, sorted(base.live()), strict=False):
        if how == "ack":
            acknowledge(base.desk, fingerprint)
        else:
            until = TODAY if how == "waive for today" else TODAY + timedelta(days=60)
            waive(base.desk, fingerprint, reason="other", until=until)


def holds(base: Base, new: PolicySet) -> PolicyDiff:
    """Hold the comparison against what an audit under the new policies finds."""
    before = base.live()
    found = base.diff(new)
    assert base.live() == before
    same = base.diff(base.policies)
    assert (same.opens, same.closes, same.changes) == ([], [], [])
    base.policies = new
    base.world = replace(base.world, limits=new.limits.listing)
    base.audit()
    after = base.live()
    told = {item.finding.fingerprint: item.after.value for item in found.opens if item.after}
    assert told == {key: after[key] for key in after.keys() - before.keys()}
    assert {item.finding.fingerprint for item in found.closes} == before.keys() - after.keys()
    changed = {item.finding.fingerprint: (item.before, item.after) for item in found.changes}
    both = {key: (before[key], after[key]) for key in before.keys() & after.keys() if before[key] != after[key]}
    assert changed == both
    assert [sentence for sentence in found.not_measured if sentence.startswith("drift")] == []
    return found


def tell(found: PolicyDiff) -> None:
    """Let hypothesis show how often each kind of finding was among the differences."""
    for name in ("opens", "closes", "changes"):
        for item in getattr(found, name):
            event(f"{name} {item.finding.kind.value}")


SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.explicit, Phase.generate]}
WORLD = {"old": policy_texts(), "new": policy_texts(), "written": pages, "changed": changes, "made": decisions}


@settings(max_examples=25, **SLOW)
@given(**WORLD)
def test_the_comparison_is_what_adopting_and_auditing_shows(
    sqlite_catalog: Catalog, tmp_path_factory: pytest.TempPathFactory, old, new, written, changed, made
) -> None:
    folder = tmp_path_factory.getbasetemp() / "diff-pages"
    base = unfold(sqlite_catalog, folder, parse_policies(old), written, changed)
    decide(base, made)
    tell(holds(base, parse_policies(new)))


@pytest.mark.full
@pytest.mark.timeout(1800)
@settings(max_examples=200, **SLOW)
@given(**WORLD)
def test_the_comparison_is_what_adopting_and_auditing_shows_many_times(
    sqlite_catalog: Catalog, tmp_path_factory: pytest.TempPathFactory, old, new, written, changed, made
) -> None:
    folder = tmp_path_factory.getbasetemp() / "diff-pages-many"
    base = unfold(sqlite_catalog, folder, parse_policies(old), written, changed)
    decide(base, made)
    tell(holds(base, parse_policies(new)))


@settings(max_examples=10, **SLOW)
@given(**WORLD)
def test_the_comparison_is_the_same_on_a_server(
    postgres_catalog: Catalog, tmp_path_factory: pytest.TempPathFactory, old, new, written, changed, made
) -> None:
    folder = tmp_path_factory.getbasetemp() / "diff-pages-server"
    base = unfold(postgres_catalog, folder, parse_policies(old), written, changed)
    decide(base, made)
    tell(holds(base, parse_policies(new)))


# What chance rarely makes


NEXT = "next: kbgov audit run --only drift"
PLAIN = parse_policies("version: 1\n")
WORSE = parse_policies("version: 1\npolicies:\n- {name: worse, kind: drift, severity: critical}\n")


def waived(kind: str, match: str = "{index: main}") -> PolicySet:
    return parse_policies(
        "version: 1\npolicies:\n- {name: w, kind: drift, waivers: "
        f"[{{match: {match}, kinds: ['{kind}'], reason: other, until: 2027-12-31}}]}}\n"
    )


@pytest.fixture
def base(catalog_url: str, tmp_path: Path) -> Iterator[Base]:
    """Two pages in a foreign index, never audited."""
    catalog = Catalog(create_catalog_engine(catalog_url), known_names)
    folder = tmp_path / "pages"
    made = Base(catalog, folder, PLAIN)
    for name in ("a.md", "b.md"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"---\nreviewed_on: 2026-11-01\nreview_interval: 6 months\n---\n{body_of(name)}")
    made.pipeline.run(made.pipeline.documents())
    made.day = TODAY
    yield made
    catalog.close()


def told(found: PolicyDiff) -> set[tuple[str, str, str | None, str | None]]:
    return {
        (name, item.finding.kind.value, item.before and item.before.value, item.after and item.after.value)
        for name in ("opens", "closes", "changes")
        for item in getattr(found, name)
    }


def chunk(base: Base, name: str) -> Record:
    reader = base.index.reader()
    (key, *_) = base.pipeline.ids_of(name)
    return reader.fetch([key], vectors=True)[key]


def test_chunks_without_a_vector_are_judged_as_they_were_found(base: Base) -> None:
    base.index.writer().put([replace(chunk(base, "a.md"), vectors={})])
    base.audit()
    holds(base, WORSE)
    assert told(base.diff(PLAIN)) == {("changes", "drift.unembedded", "critical", "medium")}
    holds(base, waived("drift.unembedded", "{path: a.md}"))
    assert told(base.diff(PLAIN)) == {("opens", "drift.unembedded", None, "medium")}


def test_a_chunk_without_a_vector_whose_document_nobody_knows_is_judged_too(base: Base) -> None:
    stray = replace(chunk(base, "a.md"), chunk_id="stray", metadata={"source": "elsewhere"}, vectors={})
    base.index.writer().put([stray])
    base.audit()
    holds(base, WORSE)


def test_vectors_of_two_kinds_can_be_waived(base: Base) -> None:
    odd = replace(chunk(base, "a.md"), vectors={"default": vector_of([1.0, 2.0, 3.0])})
    base.index.writer().put([odd])
    base.audit()
    assert told(base.diff(waived("drift.mixed_embeddings"))) == {("closes", "drift.mixed_embeddings", "medium", None)}
    holds(base, waived("drift.mixed_embeddings"))


def test_an_index_that_did_not_answer_can_be_waived(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    base.audit()

    def silent() -> NoReturn:
        raise IndexUnreachable("no answer", item="main")

    with monkeypatch.context() as patch:
        patch.setattr(base.index, "partitions", silent)
        base.audit()
        assert told(base.diff(waived("coverage.*"))) == {("closes", "coverage.unreadable", "high", None)}
        holds(base, waived("coverage.*"))


def test_names_that_do_not_meet_are_found_in_the_catalog_again(base: Base) -> None:
    base.world = replace(base.world, layouts={"main": IndexLayout(keys=(("pages", KeyRule(field="source")),))})
    base.audit()
    assert {item.kind for item in base.findings()} == {FindingKind.MAPPING}
    holds(base, waived("drift.mapping"))
    assert told(base.diff(PLAIN)) == {("opens", "drift.mapping", None, "high")}


def test_chunks_that_were_just_deleted_are_no_ghosts(base: Base) -> None:
    (base.folder / "b.md").unlink()
    base.audit()
    base.audit()
    assert {item.kind for item in base.findings()} == {FindingKind.ORPHAN}
    desk = base.desk
    with base.catalog.write() as uow:
        keys = [ChunkKey("main", "", key) for key in base.pipeline.ids_of("b.md")]
        uow.chunks.remove(keys, desk.clock())
    assert told(base.diff(WORSE)) == set()
    base.day += timedelta(days=1)
    base.audit()
    assert {item.kind for item in base.findings()} == {FindingKind.GHOST}
    assert told(base.diff(WORSE)) == {("changes", "drift.ghost", "high", "critical")}
    holds(base, WORSE)


def test_what_was_never_looked_at_is_told_and_not_guessed(base: Base) -> None:
    assert list(base.diff(WORSE).not_measured) == [f"drift of index main: it was never looked at to its end; {NEXT}"]
    sync(base.desk, base.world, sources=[], indexes=["main"])
    assert list(base.diff(WORSE).not_measured) == [f"drift of source pages: it was never listed to its end; {NEXT}"]
    sync(base.desk, base.world, sources=["pages"], indexes=["main"])
    assert list(base.diff(WORSE).not_measured) == [
        f"drift of source pages in index main: 2 documents not compared since their last change; {NEXT}"
    ]
    base.audit()
    assert list(base.diff(WORSE).not_measured) == []


def test_a_document_that_changed_since_it_was_compared_is_left_as_it_was_found(base: Base) -> None:
    base.change("number", Page("a.md", "2026-11-01", "6 months", "", ""))
    base.audit()
    assert {item.kind for item in base.findings()} == {FindingKind.CONTENT}
    base.change("add", Page("a.md", "2026-11-01", "6 months", "", ""))
    sync(base.desk, base.world, sources=["pages"], indexes=["main"])
    found = base.diff(WORSE)
    assert told(found) == set()
    assert "1 document not compared since its last change" in found.not_measured[0]


def test_a_threshold_that_ends_a_disagreement_ends_its_lag(base: Base) -> None:
    base.day -= timedelta(days=30)
    base.audit()
    base.change("add", Page("a.md", "2026-11-01", "6 months", "", ""))
    base.policies = parse_policies("version: 1\npolicies:\n- {name: p, kind: drift, drift: {uncovered: 1}}\n")
    base.audit()
    base.day = TODAY
    base.audit()
    assert {item.kind for item in base.findings()} == {FindingKind.UNCOVERED, FindingKind.LAG}
    assert {(name, kind) for name, kind, *_ in told(base.diff(PLAIN))} == {
        ("closes", "drift.uncovered"),
        ("closes", "drift.lag"),
    }
    holds(base, PLAIN)


def test_who_may_only_read_may_compare(base: Base) -> None:
    desk = replace(base.desk, actor=Actor(id="reader", roles=frozenset({Role.READER})))
    found = diff_policies(desk, PLAIN, WORSE, layouts=base.world.layouts, sources=["pages"], zone=UTC)
    assert found.documents == 0
    nobody = replace(desk, actor=Actor(id="nobody", roles=frozenset()))
    with pytest.raises(RoleRefused):
        diff_policies(nobody, PLAIN, WORSE, layouts=base.world.layouts, sources=["pages"], zone=UTC)
