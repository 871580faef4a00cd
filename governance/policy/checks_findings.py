"""Which findings the waivers and actions of the files name, and which personal data their settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from governance.domain.errors import PolicyError
from governance.domain.findings import FindingKind
from governance.domain.words import nearest, shown, suggestion
from governance.policy.globs import Glob
from governance.policy.kinds import FINDINGS_OF, FINDINGS_TO_COME, REPORTED_ONLY
from governance.policy.pii_kinds import KNOWN
from governance.policy.problems import Loc
from governance.policy.reading import Written

_STATED: Final = tuple(dict.fromkeys([*(kind.value for kind in FindingKind), *FINDINGS_TO_COME]))


def check_findings(written: Sequence[Written]) -> None:
    """Refuse what names a finding or a kind of personal data that nothing can ever state.

    Raises:
        PolicyError: About the first that is wrong.

    """
    stated = frozenset([*_STATED, *(f"pii.{kind}" for kind in KNOWN.union(*map(_own_kinds, written)))])
    decided = {kind: frozenset(_meant(globs, stated)) for kind, globs in FINDINGS_OF.items()}
    for policy in written:
        _check_pii_kinds(policy)
        _check_waivers(policy, stated)
        _check_actions(policy, stated, decided[policy.model.kind])


def _own_kinds(policy: Written) -> frozenset[str]:
    """Give the kinds of personal data that a policy's own recognizers find."""
    section = policy.model.pii
    return frozenset(recognizer.found() for recognizer in section.recognizers) if section else frozenset()


def _check_pii_kinds(policy: Written) -> None:
    known = KNOWN | _own_kinds(policy)
    for name, loc in _named_kinds(policy):
        if name not in known:
            near = nearest(name, known)
            raise policy.error(
                f"{shown(name)} is no kind of personal data",
                f"did you mean '{near}'?" if near else "write the kind that the recognizer finds, or add a recognizer",
                *loc,
            )


def _named_kinds(policy: Written) -> Iterator[tuple[str, Loc]]:
    section = policy.model.pii
    if section is None:
        return
    for name in section.kinds:
        yield name, ("pii", "kinds", name)
    for name in section.allowed.kinds or ():
        yield name, ("pii", "allowed", "kinds")


def _check_waivers(policy: Written, stated: Collection[str]) -> None:
    for place, waiver in enumerate(policy.model.waivers):
        for text in waiver.kinds or ():
            if not _meant([text], stated):
                raise _unknown(policy, text, stated, "waivers", place, "kinds")


def _check_actions(policy: Written, stated: Collection[str], own: Collection[str]) -> None:
    """Refuse an action about findings that its policy does not decide about, and one twice for a finding."""
    seen: dict[str, set[str]] = {}
    for place, entry in enumerate(policy.model.actions):
        action = entry.planned()
        name = action.action.value
        for glob in action.kinds:
            _check_own(policy, glob.text, stated, own, ("actions", place, name, "kinds"))
        about = {one for one in own if action.is_about(one)}
        if about & seen.setdefault(name, set()):
            raise policy.error(
                f"the action {name} stands here twice for the same findings",
                "keep one of the two, or give each the kinds that it is about",
                "actions",
                place,
            )
        seen[name] |= about


def _check_own(policy: Written, text: str, stated: Collection[str], own: Collection[str], loc: Loc) -> None:
    if not _meant([text], stated):
        raise _unknown(policy, text, stated, *loc)
    meant = _meant([text], own)
    if not meant:
        raise policy.error(
            f"a policy of the kind {policy.model.kind} does not decide about {shown(text)}",
            f"it decides about {', '.join(FINDINGS_OF[policy.model.kind])}",
            *loc,
        )
    if meant <= REPORTED_ONLY:
        raise policy.error(f"{shown(text)} is only reported: no action follows it", "leave it out", *loc)


def _meant(globs: Iterable[str], kinds: Collection[str]) -> set[str]:
    """Give those of the kinds that one of the globs matches."""
    tests = [Glob(text) for text in globs]
    return {kind for kind in kinds if any(glob.matches(kind) for glob in tests)}


def _unknown(policy: Written, text: str, stated: Collection[str], *loc: str | int) -> PolicyError:
    """Make the error about a finding that nobody states; of personal data the list would fill a screen."""
    near = nearest(text, stated) if text.startswith("pii.") else None
    next_step = f"did you mean '{near}'?" if near else suggestion(text, _STATED)
    return policy.error(f"{shown(text)} matches no kind of finding of this version", next_step, *loc)
