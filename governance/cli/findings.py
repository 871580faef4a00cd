"""`kbgov findings list|show|ack|waive|reopen|assign`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

from governance.cli.advice import Places, advice
from governance.cli.columns import brief, code, path, words
from governance.cli.completing import one_of
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.domain.actions import FindingAction
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus
from governance.domain.values import Json, rfc3339
from governance.policy.model import WaiverReason
from governance.services.decisions import (
    ShownFinding,
    acknowledge,
    assign,
    list_actions,
    list_findings,
    reopen,
    show_finding,
    waive,
)
from governance.services.runs import Desk

if TYPE_CHECKING:
    from governance.catalog.pauses import Note
    from governance.cli.output import Screen

NOTE = click.option(
    "--note", metavar="TEXT", help="What you want to say about it; kept beside the decision, and never in the log."
)
SHORT = 8
"""Digits of a fingerprint that tables show; commands take any unique beginning."""


@click.group(
    "findings",
    short_help="List findings; acknowledge, waive, reopen or assign them.",
    epilog="\b\nExample:\n  kbgov findings list --kind 'freshness.*' --status open",
)
def command() -> None:
    """List findings, and decide about them.

    A finding is named by its fingerprint; the beginning is enough where it is unique.
    """


@command.command(
    "list",
    short_help="List findings, the worst first.",
    epilog="\b\nExample:\n  kbgov findings list --status open\n"
    "  kbgov findings list --kind 'freshness.*' --as-of 2026-01-01 --json",
)
@click.option(
    "--kind",
    metavar="GLOB",
    shell_complete=one_of(FindingKind),
    help="Only kinds that match, such as 'freshness.*'.",
)
@click.option(
    "--status", type=click.Choice([word.value for word in FindingStatus]), help="Only findings of this status."
)
@click.option("--document", metavar="PATH", help="Only findings about this document.")
@click.option("--as-of", type=DAY, help="As they stood on this day; as they are now when not given.")
@answering
def list_(options: Options, kind: str | None, status: str | None, document: str | None, as_of: date | None) -> Answer:
    """List findings, the worst first. Resolved ones are in the JSON; tables show them for --status resolved."""
    wanted = FindingStatus(status) if status else None
    with opened(options) as app:
        found = list_findings(app.desk, kind=kind, status=wanted, document=document, as_of=as_of)
        actions = list_actions(app.desk) if options.as_json else {}
    return Answer(
        payload={"findings": [_finding_json(item, actions.get(item.fingerprint, ())) for item in found]},
        show=lambda screen: show_table(screen, found, with_resolved=wanted is not None),
    )


@command.command(
    "show",
    short_help="Show one finding and its history.",
    epilog="\b\nExample:\n  kbgov findings show 3fb1a0c2",
)
@click.argument("fingerprint")
@answering
def show(options: Options, fingerprint: str) -> Answer:
    """Show a finding, its evidence, what is to be done about it, and what became of it day by day."""
    with opened(options) as app:
        return _answer(app.desk, fingerprint)


@command.command(
    "ack",
    short_help="Say that somebody knows.",
    epilog="\b\nExample:\n  kbgov findings ack 3fb1a0c2",
)
@click.argument("fingerprint")
@NOTE
@answering
def ack(options: Options, fingerprint: str, note: str | None) -> Answer:
    """Acknowledge a finding: somebody knows. It stays in the counts."""
    with opened(options) as app:
        return _answer(app.desk, acknowledge(app.desk, fingerprint, note=note).fingerprint)


@command.command(
    "waive",
    short_help="Accept a finding until a day.",
    epilog="\b\nExample:\n  kbgov findings waive 3fb1a0c2 --reason accepted-risk --until 2027-01-31",
)
@click.argument("fingerprint")
@click.option(
    "--reason",
    required=True,
    metavar="CODE",
    shell_complete=one_of(WaiverReason),
    help=f"Why it may stand: {', '.join(WaiverReason)}, or a code that your policies add.",
)
@click.option("--until", required=True, type=DAY, help="Last day on which the waiver counts.")
@NOTE
@answering
def waive_(options: Options, fingerprint: str, reason: str, until: date, note: str | None) -> Answer:
    """Accept a finding until a day, for a reason of the list. It counts as waived, not as open."""
    with opened(options) as app:
        done = waive(app.desk, fingerprint, reason=reason, until=until, note=note)
        return _answer(app.desk, done.fingerprint)


@command.command(
    "reopen",
    short_help="Take back an acknowledgment or a waiver.",
    epilog="\b\nExample:\n  kbgov findings reopen 3fb1a0c2",
)
@click.argument("fingerprint")
@NOTE
@answering
def reopen_(options: Options, fingerprint: str, note: str | None) -> Answer:
    """Take back an acknowledgment or a waiver that a person gave: the finding counts as open again."""
    with opened(options) as app:
        return _answer(app.desk, reopen(app.desk, fingerprint, note=note).fingerprint)


@command.command(
    "assign",
    short_help="Say who has to act.",
    epilog="\b\nExample:\n  kbgov findings assign 3fb1a0c2 --to support-team",
)
@click.argument("fingerprint")
@click.option("--to", "assignee", required=True, metavar="OWNER", help="Who has to act.")
@answering
def assign_(options: Options, fingerprint: str, assignee: str) -> Answer:
    """Say who has to act, whatever owner the page names."""
    with opened(options) as app:
        return _answer(app.desk, assign(app.desk, fingerprint, assignee).fingerprint)


def show_table(screen: Screen, findings: Sequence[Finding], *, with_resolved: bool) -> None:
    """Print a list of findings."""
    shown = [item for item in findings if with_resolved or item.period.status is not FindingStatus.RESOLVED]
    if shown:
        first = [code("SEVERITY"), code("KIND"), code("STATUS"), code("FINGERPRINT"), brief("OWNER")]
        places = Places(shown)
        screen.table([*first, *places.columns], [[*_row(item), *places.cells(item)] for item in shown])
    hidden = len(findings) - len(shown)
    screen.line(plural(len(shown), "finding") + (f"; {hidden} more are resolved: --status resolved" if hidden else ""))


def _answer(desk: Desk, fingerprint: str) -> Answer:
    shown = show_finding(desk, fingerprint)
    body: dict[str, Json] = {
        "findings": [_finding_json(shown.finding, shown.actions)],
        "history": [_period_json(item) for item in shown.history],
        "notes": [_note_json(item) for item in shown.notes],
    }
    return Answer(payload=body, show=lambda screen: _show_one(screen, shown))


def _finding_json(finding: Finding, actions: Sequence[FindingAction]) -> dict[str, Json]:
    return {**finding.as_json(), "actions": [item.as_json() for item in actions]}


def _show_one(screen: Screen, shown: ShownFinding) -> None:
    finding = shown.finding
    screen.line(finding.period.message)
    screen.line(f"what to do: {advice(finding)}")
    facts = {name: value for name, value in finding.as_json().items() if name not in {"evidence", "message"}}
    rows: list[list[object]] = [[name, value] for name, value in facts.items() if value not in {None, ""}]
    rows += [[f"evidence.{name}", value] for name, value in finding.period.evidence.items()]
    screen.table([code("FACT"), path("VALUE")], rows)
    if shown.actions:
        screen.head("Actions")
        screen.table(
            [code("ACTION"), code("STATE"), code("DUE"), brief("POLICY")], [_action_row(item) for item in shown.actions]
        )
    if shown.notes:
        screen.head("Notes")
        screen.table([code("ON"), brief("BY"), words("NOTE")], [_note_row(item) for item in shown.notes])
    screen.head("History")
    screen.table(
        [code("FROM"), code("UNTIL"), code("STATUS"), code("SEVERITY"), brief("BY"), words("REASON"), code("RUN")],
        [_period_row(item) for item in shown.history],
    )


def _row(item: Finding) -> list[object]:
    period = item.period
    return [period.severity.value, item.kind.value, period.status.value, item.fingerprint[:SHORT], period.owner]


def _period_row(item: FindingPeriod) -> list[object]:
    reason = item.reason_code
    if item.waived_until is not None:
        reason = f"{reason}, to {item.waived_until}"
    return [item.from_day, item.until_day, item.status.value, item.severity.value, item.actor, reason, item.run_id]


def _action_row(item: FindingAction) -> list[object]:
    return [item.action.value, item.state.value, item.due, item.policy]


def _note_row(item: Note) -> list[object]:
    return [item.written_at.date(), item.actor, item.text]


def _note_json(item: Note) -> dict[str, Json]:
    return {"text": item.text, "actor": item.actor, "written_at": rfc3339(item.written_at)}


def _period_json(item: FindingPeriod) -> dict[str, Json]:
    return {
        "from": item.from_day.isoformat(),
        "until": item.until_day.isoformat() if item.until_day else None,
        "status": item.status.value,
        "severity": item.severity.value,
        "policy": item.policy,
        "policy_digest": item.policy_digest,
        "message": item.message,
        "owner": item.owner,
        "run_id": item.run_id,
        "actor": item.actor,
        "reason": item.reason_code,
        "waived_until": item.waived_until.isoformat() if item.waived_until else None,
    }
