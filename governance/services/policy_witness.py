"""Documents made up to show what conditions have in common, and in what they differ.

Nothing is guessed: a made-up document counts only when the conditions themselves, held against it, say what was asked
for. So what is shown is always true. That there is no such document is known only where the answer says so: of a
regular expression that is more than plain text, a few examples are tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, permutations, product
from typing import Final, NamedTuple, TypeAlias

from governance.policy.globs import Example, Glob, escaped, example_of, inside
from governance.policy.match import All, AnyOf, Contains, Equals, Field, Finds, Match, Matches, Not, Subject, looks_at
from governance.policy.model import PolicySet
from governance.policy.resolve import class_of
from governance.services.policy_regex import extent_of

Leaf: TypeAlias = Equals | Matches | Contains | Finds
Way: TypeAlias = tuple[tuple[Leaf, bool], ...]
"""Conditions that hold or do not: one way in which a group of conditions can be met."""

_MOST_WAYS: Final = 64
_MOST_PATTERNS: Final = 64
_ANY: Final = Glob("**")
_MAGIC_END: Final = re.compile(r"^.*[*?\]}]", re.DOTALL)
_USUAL: Final = {Field.SOURCE: "docs", Field.PATH: "page.md"}


class Witness(NamedTuple):
    """A made-up document.

    Attributes:
        subject: None where none was found.
        sure: False where there may be one all the same.

    """

    subject: Subject | None
    sure: bool


class Witnesses:
    """Makes documents up under one set of policies, which say of what retention class each is."""

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies
        self._classes = [(item.retention.class_name, item.match) for item in policies.policies if item.retention]
        asking = [item.match for item in policies.policies] + [item.match for item in policies.waivers]
        self._classed = any(looks_at(match, Field.CLASS) for match in asking)

    def find(self, wanted: Sequence[Match], unwanted: Sequence[Match] = ()) -> Witness:
        """Give a document that every wanted match takes and no unwanted one does.

        Its class is filled in where any condition asks for one.
        """
        classed = self._classed or any(looks_at(item, Field.CLASS) for item in (*wanted, *unwanted))
        parts = [(self._unclassed(item) if classed else item, True) for item in wanted]
        parts += [(self._unclassed(item) if classed else item, False) for item in unwanted]
        sure, count = True, 0
        for way in islice(_every(parts), _MOST_WAYS):
            count += 1
            found, certain = _meet(way)
            if found is not None:
                subject = replace(found, class_name=class_of(self._policies, found)) if classed else found
                if all(item.holds(subject) for item in wanted) and not any(item.holds(subject) for item in unwanted):
                    return Witness(subject, sure=True)
                certain = False
            sure &= certain
        return Witness(None, sure and count < _MOST_WAYS)

    def within(self, small: Match, large: Match) -> bool:
        """Say whether it is known that one match takes all that another one takes.

        It is where each condition of the large one is a condition of the small one, or follows from one of them. Of a
        regular expression that stands for itself, all that is known is how what it takes begins.
        """
        loosened = [loose for part in _parts(small) if (loose := _loosened(part)) is not None]
        parts: list[Match] = [*_parts(small), *loosened]
        return all(
            wanted in parts or any(found.subject is None and found.sure for found in self._outside(parts, wanted))
            for wanted in _parts(large)
        )

    def _outside(self, parts: Sequence[Match], wanted: Match) -> Iterator[Witness]:
        return (self.find([part], [wanted]) for part in parts)

    def _unclassed(self, match: Match) -> Match:
        """Say a condition on the class in the words of the policies that make it: the first that matches."""
        match match:
            case All(parts):
                return All(tuple(map(self._unclassed, parts)))
            case AnyOf(parts):
                return AnyOf(tuple(map(self._unclassed, parts)))
            case Not(part):
                return Not(self._unclassed(part))
            case leaf if leaf.field is Field.CLASS:
                return AnyOf(tuple(self._of_class(leaf)))
            case leaf:
                return leaf

    def _of_class(self, leaf: Leaf) -> Iterator[Match]:
        for place, (name, match) in enumerate(self._classes):
            if leaf.holds(alone(Field.CLASS, "", name)):
                others = [Not(earlier) for other, earlier in self._classes[:place] if other != name]
                yield All((match, *others))


def _parts(match: Match) -> tuple[Match, ...]:
    return match.parts if isinstance(match, All) else (match,)


def _loosened(match: Match) -> Match | None:
    """Give a condition of globs that takes all that a regular expression takes, and maybe more."""
    if not isinstance(match, Finds):
        return None
    globs = frozenset(glob for pattern in match.patterns if (glob := extent_of(pattern).around) is not None)
    return Matches(match.field, globs, match.key) if len(globs) == len(match.patterns) else None


def _every(parts: Sequence[tuple[Match, bool]]) -> Iterator[Way]:
    """Give the ways in which all of these hold, or do not."""
    if not parts:
        yield ()
        return
    (first, holds), *rest = parts
    for head in _ways(first, holds=holds):
        for tail in _every(rest):
            yield head + tail


def _ways(match: Match, *, holds: bool) -> Iterator[Way]:
    match match:
        case Not(part):
            yield from _ways(part, holds=not holds)
        case All(parts) if holds:
            yield from _every([(part, True) for part in parts])
        case AnyOf(parts) if not holds:
            yield from _every([(part, False) for part in parts])
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _ways(part, holds=holds)
        case leaf:
            yield ((leaf, holds),)


def _meet(way: Way) -> Witness:
    """Make a document for one way, field by field. Of metadata it has one value per key, of labels as many as asked."""
    groups: dict[tuple[Field, str], tuple[list[Leaf], list[Leaf]]] = {}
    for leaf, holds in way:
        groups.setdefault((leaf.field, leaf.key), ([], []))[not holds].append(leaf)
    subject, sure = Subject(source=_USUAL[Field.SOURCE], path=_USUAL[Field.PATH]), True
    for (field, key), (wanted, unwanted) in groups.items():
        lists = [[leaf] for leaf in wanted] if field is Field.LABEL else [wanted]
        found = [_text(field, key, items, unwanted) for items in lists if items or field in _USUAL]
        sure = all(example.sure for example in found)
        texts = tuple(dict.fromkeys(example.text for example in found if example.text is not None))
        if None in {example.text for example in found}:
            return Witness(None, sure)
        subject = _with(subject, field, key, texts)
    return Witness(subject, sure)


def _with(subject: Subject, field: Field, key: str, texts: tuple[str, ...]) -> Subject:
    match field:
        case Field.LABEL:
            return replace(subject, labels=texts)
        case Field.METADATA:
            return replace(subject, metadata={**subject.metadata, key: texts}) if texts else subject
        case Field.SOURCE:
            return replace(subject, source=texts[0])
        case Field.PATH:
            return replace(subject, path=texts[0])
        case _:
            return replace(subject, index=texts[0]) if texts else subject


def alone(field: Field, key: str, value: str) -> Subject:
    """Give a document with one value under one field, and with no other that a condition on that field looks at."""
    return Subject(
        source=value if field is Field.SOURCE else "",
        path=value if field is Field.PATH else "",
        labels=(value,) if field is Field.LABEL else (),
        index=value if field is Field.INDEX else None,
        metadata={key: (value,)} if field is Field.METADATA else {},
        class_name=value if field is Field.CLASS else None,
    )


def _text(field: Field, key: str, wanted: Sequence[Leaf], unwanted: Sequence[Leaf]) -> Example:
    """Give a text that all wanted conditions take and no unwanted one does."""

    def fits(text: str) -> bool:
        subject = alone(field, key, text)
        return all(leaf.holds(subject) for leaf in wanted) and not any(leaf.holds(subject) for leaf in unwanted)

    named = [leaf.values for leaf in wanted if isinstance(leaf, Equals)]
    if named:
        return Example(next(filter(fits, sorted(frozenset.intersection(*named))), None))
    usual = _USUAL.get(field, "")
    if not wanted and fits(usual):
        return Example(usual)
    if any(isinstance(leaf, Finds) and _is_open(leaf) for leaf in wanted):
        return Example(next(filter(fits, _around_examples(wanted)), None), sure=False)
    found = _by_globs(wanted, unwanted, fits)
    if found.text is not None and field is Field.PATH and fits(pretty := _pretty(found.text)):
        return Example(pretty)
    return found


def _by_globs(wanted: Sequence[Leaf], unwanted: Sequence[Leaf], fits: Callable[[str], bool]) -> Example:
    choices, sure = [], True
    for leaf in wanted:
        globs, certain = _globs([leaf])
        choices.append(globs)
        sure &= certain
    plain = next(filter(fits, (_plain(glob) for globs in choices for glob in globs[:1])), None)
    if plain is not None:
        return Example(plain)
    avoided, certain = _globs(unwanted)
    return _searched(choices, avoided, fits, sure=sure and certain)


def _searched(
    choices: Sequence[Sequence[Glob]], avoided: Sequence[Glob], fits: Callable[[str], bool], *, sure: bool
) -> Example:
    """Look for a text that one glob of each choice matches and none that is to be avoided."""
    tried = 0
    for chosen in islice(product(*choices), _MOST_PATTERNS):
        tried += 1
        found = example_of(chosen or (_ANY,), avoided)
        if found.text is not None and fits(found.text):
            return found
        sure &= found.sure and found.text is None
    return Example(None, sure and tried < _MOST_PATTERNS)


def has_open_pattern(match: Match) -> bool:
    """Say whether a match holds a regular expression that takes more than globs can say."""
    match match:
        case All(parts) | AnyOf(parts):
            return any(map(has_open_pattern, parts))
        case Not(part):
            return has_open_pattern(part)
        case leaf:
            return isinstance(leaf, Finds) and _is_open(leaf)


def _is_open(leaf: Finds) -> bool:
    """Say whether a regular expression takes more than globs can say."""
    return any(extent_of(pattern).exact is None for pattern in leaf.patterns)


def _around_examples(wanted: Sequence[Leaf]) -> Iterator[str]:
    """Give the examples of regular expressions, with what the other conditions want before and behind."""
    opened = [leaf for leaf in wanted if isinstance(leaf, Finds) and _is_open(leaf)]
    globs, _ = _globs([leaf for leaf in wanted if leaf not in opened])
    ends = [(glob.prefix, _MAGIC_END.sub("", glob.text)) for glob in globs]
    texts = [text for leaf in opened for pattern in leaf.patterns for text in extent_of(pattern).examples]
    for text in texts:
        yield text
        yield from (f"{head}{text}{tail}" for begin, end in ends for head in ("", begin) for tail in ("", end))
        yield f"{text}page.md" if text.endswith("/") else f"{text}/page.md"
    yield from (one + other for one, other in permutations(texts, 2))


def _plain(glob: Glob) -> str:
    """Give the text that a glob most plainly means, which it need not match: its stars stand for a name each."""
    return glob.text.replace("**/", "").replace("**", "page.md").replace("*", "page")


def _globs(leaves: Iterable[Leaf]) -> tuple[list[Glob], bool]:
    """Give what conditions take as globs, and whether these say all of it."""
    found: list[Glob] = []
    sure = True
    for leaf in leaves:
        match leaf:
            case Matches(globs=globs):
                found += sorted(globs, key=lambda glob: glob.text)
            case Equals(values=texts):
                sure &= _add(found, [escaped(text) for text in sorted(texts)])
            case Contains(texts=texts):
                sure &= _add(found, [inside(text) for text in sorted(texts)])
            case Finds(patterns=patterns):
                exact = [extent_of(pattern).exact for pattern in patterns]
                found += [glob for glob in exact if glob is not None]
                sure &= None not in exact
    return found, sure


def _add(found: list[Glob], texts: Iterable[str]) -> bool:
    """Add globs; say whether all of them are some."""
    good = True
    for text in texts:
        try:
            found.append(Glob(text))
        except ValueError:  # longer than a glob may be, or with what a glob cannot say
            good = False
    return good


def _pretty(path: str) -> str:
    """Give names to folders and pages that are called by one letter, or have an ending alone."""
    *folders, name = path.split("/")
    named = [folder if len(folder) > 1 else "folder" for folder in folders]
    page = f"page{name}" if name.startswith(".") else "page.md" if len(name) == 1 else name
    return "/".join([*named, page])
