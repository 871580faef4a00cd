"""`kbgov audit run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from governance.bootstrap import App
from governance.cli.advice import Places, advice
from governance.cli.columns import brief, code, number, words
from governance.cli.completing import in_a_list
from governance.cli.invocation import retyped, suggestion
from governance.cli.options import CONFIRM_COUNT, DAY, Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.detectors.base import Word
from governance.domain.findings import Finding, Severity
from governance.domain.values import Json, rfc3339
from governance.domain.words import shown
from governance.domain.words import suggestion as meant
from governance.services.actions import ActionCounts
from governance.services.audit import AuditResult, audit
from governance.services.audit_observe import AuditRequest
from governance.services.days import days_overdue
from governance.services.decisions import by_urgency
from governance.services.write_back import WrittenBack

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from governance.cli.output import Screen

FOUND = 3
NOT_MARKED = 1
REFUSED = 6
NEVER = "never"
SHOWN = 10
UNSEEN = {"index_unreachable": "did not answer", "index_damaged": "holds what cannot be right"}
"""The rules of findings about indexes that could not be looked at, and what they say."""


class Words(click.ParamType[tuple[Word, ...]]):
    """A list of areas with commas."""

    name = "areas"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Word, ...]:
        """Read the list; every area counts once."""
        if isinstance(value, tuple):
            return value
        typed = [text.strip() for text in str(value).split(",") if text.strip()]
        known = [word.value for word in Word]
        for text in typed:
            if text not in known:
                self.fail(f"{shown(text)} is no area of an audit; {meant(text, known)}", param, ctx)
        if not typed:
            self.fail("no area is named", param, ctx)
        return tuple(word for word in Word if word.value in typed)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Complete the last area of the list."""
        del ctx, param
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only when a shell asks

        return [CompletionItem(text) for text in in_a_list([word.value for word in Word], incomplete)]


@click.group(
    "audit",
    short_help="Find what is overdue, broken or unknown.",
    epilog="\b\nExample:\n  kbgov audit run --fail-on medium",
)
def command() -> None:
    """Find what is overdue, broken or unknown."""


@command.command(
    "run",
    short_help="Look at sources and indexes, and audit what is known.",
    epilog="\b\nExample:\n  kbgov audit run\n  kbgov audit run --only freshness --as-of 2026-01-01 --json",
)
@click.option("--only", type=Words(), metavar="AREA[,AREA...]", help=f"Areas: {', '.join(Word)}.")
@click.option("--as-of", type=DAY, help="Day that is judged, today when not given.")
@click.option("--record", is_flag=True, help="Store the result even when a later day was audited before.")
@click.option("--full", is_flag=True, help="Compare again what has not changed since it was compared.")
@click.option(
    "--fail-on",
    type=click.Choice([*(word.value for word in Severity), NEVER]),
    default=Severity.HIGH.value,
    show_default=True,
    help="Exit with 3 when the worst open finding is at or above this.",
)
@CONFIRM_COUNT
@answering
def run(
    options: Options,
    only: tuple[Word, ...] | None,
    as_of: date | None,
    *,
    record: bool,
    full: bool,
    fail_on: str,
    confirmed: int | None,
) -> Answer:
    """Audit what is known of documents and chunks against the policies.

    Where drift is among the areas and the day is today, sources and indexes are looked at first and compared; else the
    catalog is judged as the last look or ingest left it. Where a policy says so (write_back), chunks are then marked.
    More than the policies allow to quarantine at once (limits.quarantine) need their number after --confirm-count; else
    none of them is quarantined, and the exit code is 6 where no other is due. While changes are paused none is marked.

    An audit of a day before the last recorded one prints its result and stores nothing, unless --record is given.
    """
    with opened(options) as app:
        asked = replace(request(app, only, as_of or app.today, record=record, full=full), confirmed=confirmed)
        result = audit(app.desk, asked, app.world, app.gate, app.log.verify)
        now = app.clock()
    return Answer(
        payload=payload(result),
        show=lambda screen: _show(screen, result, now, options),
        exit_code=exit_code(result, fail_on),
    )


def request(
    app: App, only: tuple[Word, ...] | None, as_of: date, *, record: bool = False, full: bool = False
) -> AuditRequest:
    """Give the request for the sources of the configuration."""
    return AuditRequest(
        words=only or tuple(Word), sources=sorted(app.sources), as_of=as_of, record=record, full=full, zone=app.zone
    )


def exit_code(result: AuditResult, fail_on: str) -> int:
    """Give 3 when the worst open finding reaches the threshold.

    Else 1 when chunks could not be marked, else 6 when too many were to be quarantined. A pause changes nothing here.
    """
    worst = result.findings.worst
    if fail_on != NEVER and worst is not None and worst.reaches(Severity(fail_on)):
        return FOUND
    if result.written is None:
        return 0
    if result.written.failed:
        return NOT_MARKED
    return REFUSED if result.written.refused is not None else 0


def payload(result: AuditResult) -> dict[str, Json]:
    """Give the contract's document."""
    found = result.findings
    return {
        "run_id": result.run_id,
        "as_of": result.as_of.isoformat(),
        "policy_digest": result.policy_digest,
        "coverage": result.coverage.as_json(),
        "findings": {
            "opened": found.opened,
            "reopened": found.reopened,
            "open": found.open,
            "resolved": found.resolved,
            "waived": found.waived,
            "by_kind": dict(sorted(found.by_kind.items())),
        },
        "worst": found.worst.value if found.worst else None,
        "not_stored": result.not_stored,
        "write_back": result.written.as_json() if result.written else None,
        "actions": result.actions.as_json() if result.actions else None,
        "listed_at": {name: _moment(at) for name, at in result.listed_at.items()},
    }


def _show(screen: Screen, result: AuditResult, now: datetime, options: Options) -> None:
    """Print what was found, how old the catalog is, and what was not looked at."""
    found = result.findings
    worst = f", the worst is {found.worst.value}" if found.worst else ""
    counts = f"{plural(found.open, 'finding')} in {plural(result.coverage.documents, 'document')}"
    screen.line(f"Audit as of {result.as_of}: {counts}{worst}.")
    for name, at in result.listed_at.items():
        screen.line(f"{name}: {_age(at, now, options)}", typed=at is None)
    for name, rule in sorted({(item.place.index, item.rule) for item in found.live if item.rule in UNSEEN}):
        screen.line(f"{name}: the index {UNSEEN[rule]}; next: {suggestion(options, 'doctor')}", typed=True)
    if found.live:
        screen.head("By kind")
        show_counts(screen, found.live)
        screen.head(f"The worst {SHOWN}" if len(found.live) > SHOWN else "What was found")
        show_findings(screen, sorted(found.live, key=by_urgency)[:SHOWN], result.as_of)
    _show_rest(screen, result, options)


def _show_rest(screen: Screen, result: AuditResult, options: Options) -> None:
    found = result.findings
    screen.line()
    if found.opened or found.reopened or found.resolved or found.waived:
        screen.line(
            f"{found.opened} opened, {found.reopened} reopened, {found.resolved} resolved, {found.waived} waived."
        )
    if result.written is not None:
        _show_marks(screen, result.written, options)
    if result.actions is not None:
        _show_actions(screen, result.actions)
    for what in _not_covered(result.coverage.not_covered):
        screen.line(f"not looked at: {what}")
    if result.not_stored:
        screen.line(f"Nothing was stored: {result.not_stored}. --record stores it all the same.")
    elif found.live:
        screen.line(f"next: {suggestion(options, 'findings list --status open')}", typed=True)


def _show_marks(screen: Screen, written: WrittenBack, options: Options) -> None:
    back = f", {written.put_back} of them put back after a rewrite" if written.put_back else ""
    failed = f"; {plural(written.failed, 'chunk')} could not be marked" if written.failed else ""
    kept = f"; {plural(written.kept, 'chunk')} left in the stronger state that another set" if written.kept else ""
    screen.line(f"{plural(written.patched, 'chunk')} marked anew{back}{kept}{failed}.")
    for refused in (written.paused, written.refused):
        if refused is not None:
            screen.line(f"not marked: {refused.message}")
            config = options.config if options.config_typed else None
            screen.line(f"next: {retyped(refused.next_step or '', config)}", typed=True)


def _show_actions(screen: Screen, actions: ActionCounts) -> None:
    counts = [f"{count} {state}" for state, count in actions.as_json().items() if count]
    if counts:
        screen.line(f"Actions that policies ask for: {', '.join(counts)}.")


def show_counts(screen: Screen, findings: Sequence[Finding]) -> None:
    """Print how many findings there are by kind and severity."""
    counts = Counter((item.kind.value, item.period.severity) for item in findings)
    kinds = sorted({kind for kind, _ in counts}, key=lambda kind: [-counts[kind, word] for word in Severity])
    present = [word for word in Severity if any(counts[kind, word] for kind in kinds)]
    columns = [code("KIND"), *(number(word.value.upper()) for word in present)]
    screen.table(columns, [[kind, *(counts[kind, word] or None for word in present)] for kind in kinds])


def show_findings(screen: Screen, findings: Sequence[Finding], day: date) -> None:
    """Print findings with their owners and what to do."""
    first = [code("SEVERITY"), code("KIND"), number("DAYS LATE"), brief("OWNER"), words("WHAT TO DO")]
    places = Places(findings)
    screen.table([*first, *places.columns], [[*_row(item, day), *places.cells(item)] for item in findings])


def _row(item: Finding, day: date) -> list[object]:
    late, period = days_overdue(item, day), item.period
    return [period.severity.value, item.kind.value, late, period.owner, advice(item)]


def _not_covered(sentences: Sequence[str]) -> list[str]:
    """Join what was left out for one reason: "pii, quality (not yet audited by this version)"."""
    by_reason: dict[str, list[str]] = {}
    for sentence in sentences:
        what, _, reason = sentence.partition(": ")
        by_reason.setdefault(reason, []).append(what)
    return [f"{', '.join(names)} ({reason})" for reason, names in by_reason.items()]


def _age(at: datetime | None, now: datetime, options: Options) -> str:
    if at is None:
        return f"never listed to its end, so little is known of it; next: {suggestion(options, 'sync')}"
    return f"as listed {_ago(now - at)} ({_moment(at)})"


def _ago(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            return f"{plural(minutes // length, unit)} ago"
    return "just now"


def _moment(at: datetime | None) -> str | None:
    return rfc3339(at, "seconds") if at else None
