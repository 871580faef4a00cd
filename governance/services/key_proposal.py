"""Finds, from a sample, the rule by which an index's document keys become a source's paths.

Nothing is guessed that the sample does not show: a rule is proposed for the number of keys that it makes meet, simpler
ones first, and the same sample always gives the same rule.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from governance.domain.chunks import Metadata
from governance.domain.keys import KeyCase, KeyRule
from governance.services.keys import DEFAULT_FIELDS, Known, apply_rule, key_in

LEARNING: Final = 300
"""From so many keys a rule is learned; its shares are measured on all of them."""
MOST_FIELDS: Final = 40
"""Fields beside the habitual ones that are looked at."""
_PREFIXES: Final = 3
_PATTERN_COST: Final = 0.95
"""A pattern can make a wrong key meet by chance, so it has to show 5 % more than a rule without one."""
_ENDINGS: Final = (
    r"(.+?)#.*",
    r"(.+?)[?#].*",
    r"(.+?)/?",
    r"(.+?)_part_\d+",
    r"(.+?)(?:[-_:#/.]\d+)?",
    r"(.+?)(?:\.html?)?",
)
"""What pipelines put behind a page: an anchor, a query, a slash, LlamaIndex's `_part_0`, a chunk's number, a suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyProposal:
    """A rule, and how much of a sample it makes meet.

    Attributes:
        met_keys: Distinct keys that name a document of the source.
        keys: All distinct keys.
        met_paths: Documents that are named by a key.
        paths: All documents of the source.

    """

    rule: KeyRule
    met_keys: int
    keys: int
    met_paths: int
    paths: int

    @property
    def key_share(self) -> float:
        """Share of the keys that meet, 0 to 1; 0 without any key."""
        return self.met_keys / self.keys if self.keys else 0.0

    @property
    def path_share(self) -> float:
        """Share of the documents that meet, 0 to 1; 0 without any document."""
        return self.met_paths / self.paths if self.paths else 0.0

    @property
    def words(self) -> str:
        """Both shares for people."""
        return f"keys that meet: {self.met_keys} of {self.keys}, documents: {self.met_paths} of {self.paths}"


def measure_rule(rule: KeyRule, keys: Iterable[str], known: Known) -> KeyProposal:
    """Give how many keys and documents meet by a rule."""
    distinct = set(keys)
    met = [path for key in distinct if (path := path_by(rule, key, known)) is not None]
    paths = set(met)
    return KeyProposal(
        rule=rule, met_keys=len(met), keys=len(distinct), met_paths=len(paths), paths=max(len(known), len(paths))
    )


def path_by(rule: KeyRule, key: str, known: Known) -> str | None:
    """Give the document of the source that a raw key names by a rule, None for none that is known."""
    path = apply_rule(rule, key)
    if path is None:
        return None
    ignore_case = rule.case is KeyCase.IGNORE
    return known.path_of(path, ignore_case=ignore_case) or known.path_of(key, ignore_case=ignore_case)


def propose_key(keys: Iterable[str], known: Known, field: str | None = None, *, patterns: bool = True) -> KeyProposal:
    """Give the rule that makes most of the keys meet; the one without any step when none does.

    Args:
        keys: Raw keys of one field; the same key may come several times.
        known: The source's documents.
        field: What the rule's `field` shall be.
        patterns: Whether a regular expression may be proposed where no key meets without one.

    """
    distinct = sorted(set(keys))
    few = _spread(distinct, LEARNING)
    best = _best(few, known, patterns=patterns)
    return measure_rule(replace(best.rule, field=field), distinct, known)


def propose_field(sample: Sequence[Metadata], known: Known, usual: str | None = None) -> KeyProposal:
    """Give the rule and the field that make most documents meet.

    Of fields that do so equally well the usual one wins, then the one that stands first in `DEFAULT_FIELDS`, then the
    first by name.

    Args:
        sample: Metadata of some chunks.
        known: The source's documents.
        usual: The index's own field for documents; None for whatever is found there without being configured. The
            rule's field is None for it.

    """
    habitual = {usual, *DEFAULT_FIELDS}
    proposals = [
        propose_key(keys, known, None if field == usual else field, patterns=field in habitual)
        for field, keys in _keys_by_field(sample, usual)
    ]
    return min(proposals, key=lambda found: (-found.met_paths, -found.key_share, found.rule.pattern is not None))


def _keys_by_field(sample: Sequence[Metadata], usual: str | None) -> Iterator[tuple[str | None, list[str]]]:
    names = {name for metadata in sample for name in metadata}
    others = sorted(names.difference(DEFAULT_FIELDS))[:MOST_FIELDS]
    for field in dict.fromkeys([usual, *(name for name in DEFAULT_FIELDS if name in names), *others]):
        keys = [key for metadata in sample if (key := key_in(metadata, field)) is not None]
        if keys or field == usual:
            yield field, keys


def _best(keys: Sequence[str], known: Known, *, patterns: bool) -> KeyProposal:
    """Give the best rule of the simplest kind that makes every key meet, else the best of all kinds."""
    best = measure_rule(KeyRule(), keys, known)
    decodings = (False, True) if any("%" in key for key in keys) else (False,)
    for case in KeyCase:
        rules = [KeyRule(url_decode=url_decode, case=case) for url_decode in decodings]
        best = _better(best, rules, keys, known)
    if patterns or best.met_keys:
        for pattern in _ENDINGS:
            rules = [KeyRule(url_decode=url_decode, pattern=pattern, case=best.rule.case) for url_decode in decodings]
            best = _better(best, rules, keys, known)
    return best


def _better(best: KeyProposal, rules: Iterable[KeyRule], keys: Sequence[str], known: Known) -> KeyProposal:
    """Give what is best: what was best so far, these rules, or these rules behind a prefix that the keys show."""
    if best.met_keys == best.keys:
        return best
    tried = [each for rule in rules for each in (rule, *_behind_prefixes(rule, keys, known))]
    return min([best, *(measure_rule(rule, keys, known) for rule in tried)], key=_cost)


def _cost(found: KeyProposal) -> tuple[float, bool, bool, bool, int, str, str]:
    """Give a sort key: what makes more meet first, then what is simpler."""
    rule = found.rule
    # A sample of an index need not name every document, and not every key need be a document's.
    share = found.key_share + found.met_paths / max(1, min(found.keys, found.paths))
    return (
        -share * (_PATTERN_COST if rule.pattern is not None else 1),
        rule.pattern is not None,
        rule.case is KeyCase.IGNORE,
        rule.url_decode,
        len(rule.strip_prefix),
        rule.strip_prefix,
        rule.pattern or "",
    )


def _behind_prefixes(rule: KeyRule, keys: Sequence[str], known: Known) -> Iterator[KeyRule]:
    """Give the rule with each prefix that enough keys have, and with what prefixes that differ have in common."""
    votes: Counter[str] = Counter()
    for key in keys:
        text = apply_rule(rule, key)
        if text is not None:
            votes.update(_prefixes(text, known, ignore_case=rule.case is KeyCase.IGNORE))
    ranked = sorted(votes, key=lambda prefix: (-votes[prefix], not prefix.endswith("/"), len(prefix), prefix))
    for prefix in ranked[:_PREFIXES]:
        yield replace(rule, strip_prefix=prefix)
    folder = _common_folder(votes)
    if folder is not None and rule.pattern is None:
        yield replace(rule, pattern=rf"(?:.*?/)?{re.escape(folder)}/(.+)")


def _prefixes(text: str, known: Known, *, ignore_case: bool) -> Iterator[str]:
    """Give what stands before each known path that the text ends with; it ends in no letter and no digit."""
    for place in range(1, len(text)):
        if not text[place - 1].isalnum() and known.path_of(text[place:], ignore_case=ignore_case) is not None:
            yield text[:place]


def _common_folder(votes: Mapping[str, int]) -> str | None:
    """Give the last folder that prefixes share which differ before it, as those of temporary folders do."""
    folders: Counter[str] = Counter()
    prefixes: Counter[str] = Counter()
    for prefix, count in votes.items():
        before, slash, _ = prefix.rpartition("/")
        folder = before.rpartition("/")[2]
        if slash and folder and prefix.endswith("/"):
            folders[folder] += count
            prefixes[folder] += 1
    shared = [folder for folder in folders if prefixes[folder] > 1]
    return min(shared, key=lambda folder: (-folders[folder], folder), default=None)


def _spread(keys: Sequence[str], most: int) -> Sequence[str]:
    """Give at most so many keys, taken evenly from the whole list."""
    return keys if len(keys) <= most else [keys[place * len(keys) // most] for place in range(most)]
