"""What is odd about policies that can be read: they match nothing, never decide, contradict each other, are over."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from governance.domain.errors import PolicyError
from governance.domain.values import Json
from governance.domain.words import shown, suggestion
from governance.policy.match import All, AnyOf, Field, Match, Not, Subject
from governance.policy.model import Policy, PolicySet, Waiver
from governance.services.policy_pairs import Clash, Pairs, compare_policies
from governance.services.policy_shelf import Shelf
from governance.services.policy_witness import Witnesses


class Oddity(StrEnum):
    """What a warning is about."""

    MATCHES_NOTHING = "matches_nothing"
    UNKNOWN_KEY = "unknown_key"
    NEVER_DECIDES = "never_decides"
    CONTRADICTION = "contradiction"
    WAIVER_EXPIRED = "waiver_expired"
    NO_LEGAL_BASIS = "no_legal_basis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One warning.

    Attributes:
        next_step: What to do about it.

    """

    oddity: Oddity
    policy: str
    file: str
    line: int
    message: str
    next_step: str

    def as_json(self) -> dict[str, Json]:
        """Give the warning as `kbgov policy validate --json` prints it."""
        return {
            "kind": self.oddity.value,
            "policy": self.policy,
            "file": self.file,
            "line": self.line,
            "message": self.message,
            "next": self.next_step,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        remarks: In the order of the files.
        complete: False where there are so many contradictions that no further ones were looked for.

    """

    remarks: tuple[Remark, ...]
    complete: bool

    def require_no_contradiction(self) -> None:
        """Refuse policies that contradict each other.

        Raises:
            PolicyError: It names the first two, and says how many more there are.

        """
        found = [item for item in self.remarks if item.oddity is Oddity.CONTRADICTION]
        if not found:
            return
        first, more = found[0], len(found) - 1
        least = "" if self.complete else "at least "
        count = f" (and {least}{more} more contradiction{'' if more == 1 else 's'})" if more else ""
        raise PolicyError(
            f"{first.file}, line {first.line}: {first.message}{count}",
            item=f"{first.file}:{first.line}",
            next_step=first.next_step,
        )


def check_policies(
    policies: PolicySet, *, as_of: date, shelf: Shelf | None = None, declared: Collection[str] | None = None
) -> Checked:
    """Look for what is odd.

    Args:
        policies: The set.
        as_of: The day on which waivers are over or not.
        shelf: The documents of a catalog, arranged under this very set; None where there are none to compare with.
        declared: Keys of metadata that sources or indexes declare; None where nobody knows.

    """
    pairs = compare_policies(policies, shelf)
    remarks = [
        *_impossible(policies, pairs),
        *(_contradiction(clash) for clash in pairs.clashes),
        *(_never(policy, f"{_by(first)} stands above it and takes all of it") for policy, first in pairs.never_decide),
        *(_of_documents(policies, pairs, shelf) if shelf is not None and shelf.subjects else ()),
        *_keys(policies, declared),
        *(_expired(waiver) for waiver in policies.waivers if not waiver.in_force(as_of)),
        *_without_basis(policies),
    ]
    places = {file: number for number, file in enumerate(policies.files)}
    remarks.sort(key=lambda item: (places.get(item.file, 0), item.line))
    return Checked(tuple(remarks), pairs.complete)


def described(subject: Subject) -> str:
    """Give a document in words: where it is, and what else conditions look at."""
    facts = [f"source {subject.source}"]
    facts += [f"label {label}" for label in subject.labels]
    facts += [f"{key} {value}" for key, values in sorted(subject.metadata.items()) for value in values]
    facts += [f"index {subject.index}"] if subject.index is not None else []
    facts += [f"class {subject.class_name}"] if subject.class_name is not None else []
    return f"{subject.path} ({', '.join(facts)})"


def _remark(oddity: Oddity, about: Policy | Waiver, message: str, next_step: str) -> Remark:
    name = about.name if isinstance(about, Policy) else about.policy
    return Remark(oddity=oddity, policy=name, file=about.file, line=about.line, message=message, next_step=next_step)


def _by(policy: Policy) -> str:
    return f"policy '{policy.name}' ({policy.file}, line {policy.line})"


def _contradiction(clash: Clash) -> Remark:
    where = f"a document such as {described(clash.subject)}" if clash.made_up else described(clash.subject)
    return _remark(
        Oddity.CONTRADICTION,
        clash.second,
        f"policy '{clash.second.name}' contradicts {_by(clash.first)} on {where}: both match it, they decide "
        "differently, and neither is a special case of the other",
        "narrow one of the two, or write a policy for what both match above them",
    )


def _never(policy: Policy, why: str) -> Remark:
    message = f"policy '{policy.name}' never decides: {why}"
    return _remark(Oddity.NEVER_DECIDES, policy, message, "move it up, or take it out")


def _impossible(policies: PolicySet, pairs: Pairs) -> Iterator[Remark]:
    step = "correct the conditions: those of one match hold together"
    for policy in pairs.impossible:
        message = f"policy '{policy.name}' can match no document: its conditions exclude each other"
        yield _remark(Oddity.MATCHES_NOTHING, policy, message, step)
    impossible = {policy.name for policy in pairs.impossible}
    witnesses = Witnesses(policies)
    step = "move it into a policy that matches the document"
    for policy in policies.policies:
        for waiver in policy.waivers if policy.name not in impossible else ():
            found = witnesses.find([policy.match, waiver.match])
            if found.subject is None and found.sure:
                message = (
                    f"this waiver can never count: its match and that of policy '{policy.name}' exclude each other"
                )
                yield _remark(Oddity.MATCHES_NOTHING, waiver, message, step)


def _of_documents(policies: PolicySet, pairs: Pairs, shelf: Shelf) -> Iterator[Remark]:
    """Say which policies match no document of the catalog, and which match some and decide about none."""
    told = {policy.name for policy in pairs.impossible} | {policy.name for policy, _ in pairs.never_decide}
    told |= {clash.second.name for clash in pairs.clashes}
    above: dict[str, int] = {}
    known = f"{shelf.documents:,} document{'' if shelf.documents == 1 else 's'} of the catalog"
    for policy in policies.policies:
        taken, before = shelf.taken(policy.match), above.get(policy.kind, 0)
        above[policy.kind] = before | taken
        if policy.name in told:
            continue
        if not taken:
            message = f"policy '{policy.name}' matches none of the {known}"
            yield _remark(Oddity.MATCHES_NOTHING, policy, message, "correct its match, or leave it for what is to come")
        elif not taken & ~before:
            yield _never(policy, f"of the {known}, policies above it take all that it matches")


def _keys(policies: PolicySet, declared: Collection[str] | None) -> Iterator[Remark]:
    if declared is None:
        return
    for policy in policies.policies:
        abouts: list[Policy | Waiver] = [policy, *policy.waivers]
        for about in abouts:
            for key in sorted(_metadata_keys(about.match) - set(declared)):
                message = f"no source and no index declares the metadata key {shown(key)}, so the condition never holds"
                step = suggestion(key, declared) if declared else "write metadata = [...] into a source's section"
                yield _remark(Oddity.UNKNOWN_KEY, about, message, step)


def _metadata_keys(match: Match) -> frozenset[str]:
    match match:
        case All(parts) | AnyOf(parts):
            return frozenset[str]().union(*map(_metadata_keys, parts))
        case Not(part):
            return _metadata_keys(part)
        case leaf:
            return frozenset({leaf.key}) if leaf.field is Field.METADATA else frozenset()


def _expired(waiver: Waiver) -> Remark:
    return _remark(
        Oddity.WAIVER_EXPIRED,
        waiver,
        f"this waiver of policy '{waiver.policy}' ended on {waiver.until}: what it let stand is reported again",
        "take it out, or decide anew until when",
    )


def _without_basis(policies: PolicySet) -> Iterator[Remark]:
    for policy in policies.policies:
        if policy.retention is not None and policy.retention.legal_basis is None:
            message = f"class '{policy.retention.class_name}' of policy '{policy.name}' names no legal basis"
            yield _remark(Oddity.NO_LEGAL_BASIS, policy, message, "write legal_basis: why it may be kept so long")
