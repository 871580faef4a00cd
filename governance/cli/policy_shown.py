"""How people see what `kbgov policy` found out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from governance.cli.advice import place
from governance.cli.columns import brief, code, number, path, words
from governance.cli.text import plural
from governance.detectors.base import Word
from governance.detectors.registry import not_yet_audited
from governance.domain.values import Json
from governance.services.policy_diff import Change, PolicyDiff
from governance.services.policy_explain import Explained, KindExplained
from governance.services.policy_sets import ShownSet
from governance.services.policy_trial import CaseResult

if TYPE_CHECKING:
    from governance.cli.output import Screen

_NOT_YET: Final = frozenset(word.value for word in not_yet_audited(tuple(Word)))
SHORT: Final = 12
"""Digits of a digest that are shown; commands take eight or more."""
SHOWN: Final = 20
"""Findings of one kind that a table shows."""


def show_explained(screen: Screen, found: Explained) -> None:
    """Print what policies say about one document."""
    subject = found.subject
    index = f"index {subject.index}" if subject.index else "no index"
    others = [name for name in found.indexes if name != subject.index]
    also = f" (also in {', '.join(others)}: --index NAME)" if others else ""
    screen.line(f"{subject.path} in source {subject.source or '-'}, {index}{also}", "bold")
    screen.line(f"retention class: {subject.class_name or 'none'}")
    facts = [[name, _text(value)] for name, value in found.facts.items() if value not in (None, [], {}, False)]
    if facts:
        screen.head("What it says of itself")
        screen.table([code("FACT"), path("VALUE")], facts)
    for item in found.kinds:
        if item.decides is not None or item.now:
            _show_kind(screen, item)
    silent = [item.kind for item in found.kinds if item.decides is None and item.settings and not item.now]
    if silent:
        screen.head("No policy matches")
        screen.line(f"{', '.join(silent)}: what is built in holds (--json shows it)")
    _show_waivers(screen, found)
    _show_actions(screen, found)


def show_cases(screen: Screen, results: Sequence[CaseResult], searched: Sequence[str]) -> None:
    """Print what came of cases."""
    for item in results:
        screen.line(f"{'PASS' if item.passed else 'FAIL'}  {item.name}", "green" if item.passed else "red")
        for line in item.differences:
            screen.line(f"      {line}")
    if not results:
        screen.line(f"There is no case: no case.yaml below {', '.join(searched)}.", "red")
        screen.line("next: see kbgov guide policies for how one is written")
        return
    failed = sum(not item.passed for item in results)
    screen.line(f"{plural(len(results), 'case')}, {f'{failed} failed' if failed else 'all passed'}")


def show_diff(screen: Screen, found: PolicyDiff) -> None:
    """Print what a change of policies would bring."""
    screen.line(f"{found.new[:SHORT]} in the place of {found.old[:SHORT]}, on {plural(found.documents, 'document')}")
    counts = found.by_kind()
    if counts:
        rows = [[kind, *(count or None for count in by.values())] for kind, by in counts.items()]
        screen.table([code("KIND"), number("WOULD OPEN"), number("WOULD CLOSE"), number("WOULD CHANGE")], rows)
    else:
        screen.line("No finding would open, close or change.")
    for title, items in (("Would open", found.opens), ("Would close", found.closes), ("Would change", found.changes)):
        if items:
            screen.head(f"{title}: {len(items)}")
            _show_changes(screen, items)
    if found.not_measured:
        screen.head("Not told by this comparison")
        for sentence in found.not_measured:
            screen.line(f"  {sentence}")


def show_set_(screen: Screen, found: ShownSet) -> None:
    """Print a policy set as a file that can be used again."""
    used = f"first obeyed on {found.first_used:%Y-%m-%d}" if found.first_used else "not obeyed by any run yet"
    state = "in force" if found.current else "no longer in force"
    screen.line(f"# digest {found.digest}", typed=True)
    screen.line(f"# {state}, {used}", typed=True)
    screen.text(found.text)


def _show_kind(screen: Screen, item: KindExplained) -> None:
    screen.head(item.kind)
    if item.decides is not None:
        where = f"{item.decides.file}:{item.decides.line}"
        screen.line(f"decided by {item.decides.name} ({where})", typed=True)
    else:
        screen.line("no policy matches: the built-in defaults hold")
    if item.kind in _NOT_YET:
        screen.line("this version does not look for it yet", "yellow")
    for name, value in {**item.settings, **{f"now: {key}": value for key, value in item.now.items()}}.items():
        if value not in (None, [], {}):
            screen.line(f"  {name}: {_text(value)}")
    for later in item.later:
        screen.line(f"  comes later and matches too: {later.name} ({later.file}:{later.line})", typed=True)


def _show_waivers(screen: Screen, found: Explained) -> None:
    if not found.waivers:
        return
    screen.head("Waivers that match")
    rows = [
        [
            "counts" if counts else "is over",
            waiver.until,
            ", ".join(glob.text for glob in waiver.kinds),
            waiver.reason,
            waiver.by,
            f"{waiver.file}:{waiver.line}",
        ]
        for waiver, counts in found.waivers
    ]
    columns = [code("STATE"), code("UNTIL"), words("KINDS"), code("REASON"), brief("BY"), path("WHERE")]
    screen.table(columns, rows)


def _show_actions(screen: Screen, found: Explained) -> None:
    if not found.actions:
        return
    screen.head("Actions that would follow a finding")
    rows = [
        [
            item.action,
            ", ".join(item.kinds) or "all of its kind",
            item.after_days or None,
            item.to,
            ", ".join(item.due_for) or None,
            item.policy,
        ]
        for item in found.actions
    ]
    columns = [code("ACTION"), words("FINDINGS"), number("AFTER DAYS"), code("TO"), words("OPEN NOW"), path("POLICY")]
    screen.table(columns, rows)


def _show_changes(screen: Screen, items: Sequence[Change]) -> None:
    rows = [
        [item.finding.kind.value, _severity(item), item.finding.period.policy or None, place(item.finding)]
        for item in _first_of_each_kind(items)
    ]
    screen.table([code("KIND"), code("SEVERITY"), code("POLICY"), path("WHERE")], rows)
    left = len(items) - len(rows)
    if left:
        screen.line(f"and {left} more: --json lists all")


def _first_of_each_kind(items: Iterable[Change]) -> list[Change]:
    shown: dict[str, list[Change]] = {}
    for item in items:
        shown.setdefault(item.finding.kind.value, []).append(item)
    return [item for each in shown.values() for item in each[:SHOWN]]


def _severity(item: Change) -> str:
    before, after = (severity.value if severity else "" for severity in (item.before, item.after))
    if item.waived:
        return f"{before}, waived"
    return f"{before} -> {after}" if before and after else before or after


def _text(value: Json) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(inner) for inner in value)
    return str(value)
