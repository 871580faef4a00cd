"""What can only be judged when every file has been read: names, limits, reasons and classes together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from governance.domain.actions import LIMITED_AS, ActionKind, Deed
from governance.domain.words import shown, suggestion
from governance.policy.checks_findings import check_findings
from governance.policy.globs import Glob
from governance.policy.kinds import AfterRetention, Retention
from governance.policy.match import Field, Op
from governance.policy.model import BUILT_IN_LIMITS, BUILT_IN_REASONS
from governance.policy.problems import Loc, policy_error
from governance.policy.reading import File, Written, written_policies
from governance.policy.schema_match import MatchModel


def check(files: Sequence[File]) -> None:
    """Refuse what the files say only together.

    Raises:
        PolicyError: About the first thing that is wrong.

    """
    written = written_policies(files)
    _check_names(written)
    _check_limits_stand_once(files)
    _check_reasons(files, written)
    check_findings(written)
    _check_limited(files, written)
    _check_classes(written)


def _check_names(written: Sequence[Written]) -> None:
    seen: dict[str, str] = {}
    for policy in written:
        name = policy.model.name
        if name in seen:
            raise policy_error(
                policy.file.name,
                policy.line,
                f"the name '{name}' belongs to a policy already, at {seen[name]}",
                "give one of the two another name",
            )
        seen[name] = f"{policy.file.name}, line {policy.line}"


def _check_limits_stand_once(files: Sequence[File]) -> None:
    where = ""
    for file in files:
        if file.model.limits is None:
            continue
        line = file.line_of("limits")
        if where:
            raise policy_error(file.name, line, f"there are limits already, at {where}", "keep one of the two")
        where = f"{file.name}, line {line}"


def _check_reasons(files: Sequence[File], written: Sequence[Written]) -> None:
    """Refuse a code twice, and a waiver with a code that stands nowhere."""
    seen = {reason.code: "among the built-in reasons" for reason in BUILT_IN_REASONS}
    for file in files:
        for place, reason in enumerate(file.model.reasons):
            loc: Loc = ("reasons", place, "code")
            if reason.code in seen:
                raise file.error(loc, f"'{reason.code}' stands {seen[reason.code]} already", "leave one of the two out")
            seen[reason.code] = f"at {file.name}, line {file.line_of(*loc)}"
    for policy in written:
        for place, waiver in enumerate(policy.model.waivers):
            if waiver.reason not in seen:
                sentence = f"{shown(waiver.reason)} is no word for it"
                raise policy.error(sentence, suggestion(waiver.reason, seen), "waivers", place, "reason")


def _check_limited(files: Sequence[File], written: Sequence[Written]) -> None:
    """Refuse an action that takes chunks away while nobody has said how many at once."""
    limited = {deed for deed in Deed if deed in BUILT_IN_LIMITS or any(_limits(file, deed) for file in files)}
    for policy in written:
        for action, loc in _asked(policy):
            deed = LIMITED_AS.get(action)
            if deed is not None and deed not in limited:
                raise policy.error(
                    f"the action {action.value} needs a limit, and no file says how many may be changed at once",
                    f"write limits: {deed.value}: {{max_items: 200, max_percent: 10}}, with numbers of your own",
                    *loc,
                )


def _limits(file: File, deed: Deed) -> bool:
    return file.model.limits is not None and getattr(file.model.limits, deed.value) is not None


def _asked(policy: Written) -> Iterator[tuple[ActionKind, Loc]]:
    """Give what a policy asks for, also after a period, and where it says so."""
    for place, entry in enumerate(policy.model.actions):
        yield entry.planned().action, ("actions", place)
    retention = policy.model.retention
    if retention and retention.after == AfterRetention.PROPOSE_ERASURE:
        yield ActionKind.PROPOSE_ERASURE, ("retention", "after")


def _check_classes(written: Sequence[Written]) -> None:
    """Refuse a class that is kept in two ways, that depends on itself, or that no document can be of."""
    known = _classes(written)
    for policy in written:
        for loc, op, names in _conditions_on_class(policy):
            if policy.model.kind == "retention" and loc[0] == "match":
                raise policy.error(
                    "the match of a retention policy makes the class, and cannot ask for it",
                    "match by source, path, label, index or metadata",
                    *loc,
                )
            for name in names:
                if not _may_hold(op, name, known):
                    next_step = suggestion(name, known) if known else "write a policy of the kind retention for it"
                    raise policy.error(f"no retention policy makes the class {shown(name)}", next_step, *loc)


def _classes(written: Sequence[Written]) -> Collection[str]:
    """Give the classes that documents can be of."""
    known: dict[str, tuple[Retention, Written]] = {}
    for policy in written:
        if policy.model.retention is None:
            continue
        rule = policy.model.retention.settings(policy.model.name)
        first, where = known.setdefault(rule.class_name, (rule, policy))
        if first != rule:
            raise policy.error(
                f"the class '{rule.class_name}' is kept in another way by the policy '{where.model.name}', "
                f"at {where.file.name}, line {where.line}",
                "let both say the same, or give one of them a class of its own",
                "retention",
            )
    return known.keys()


def _may_hold(op: Op, name: str, known: Collection[str]) -> bool:
    """Say whether a condition can hold for one of the classes; what only a search can tell is let pass."""
    if op is Op.GLOB:
        glob = Glob(name)
        return any(glob.matches(each) for each in known)
    return op in {Op.CONTAINS, Op.REGEX} or name in known


def _conditions_on_class(policy: Written) -> Iterator[tuple[Loc, Op, Sequence[str]]]:
    """Give every condition on the class, of the policy and its waivers: where, how, and with what it compares."""
    if policy.model.match:
        yield from _inside(policy.model.match, ("match",))
    for place, waiver in enumerate(policy.model.waivers):
        yield from _inside(waiver.match, ("waivers", place, "match"))


def _inside(match: MatchModel, loc: Loc) -> Iterator[tuple[Loc, Op, Sequence[str]]]:
    if match.class_ is not None:
        yield (*loc, "class"), Op.GLOB, match.class_
    if match.field == Field.CLASS:
        yield (*loc, "field"), Op(match.op or Op.EQ), match.value or ()
    for key in ("all", "any"):
        for place, part in enumerate(getattr(match, key) or ()):
            yield from _inside(part, (*loc, key, place))
    if match.not_ is not None:
        yield from _inside(match.not_, (*loc, "not"))
