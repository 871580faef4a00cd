from __future__ import annotations

import pytest

from governance.detectors.antonyms import PAIRS, are_opposite, bases
from governance.detectors.facts import Critical, critical_difference, facts_of, values_in
from governance.detectors.texts import DocumentText


def difference(one: str, other: str) -> Critical | None:
    """Compare two sentences as wholes."""
    ours, others = DocumentText.of(one).words, DocumentText.of(other).words
    found = critical_difference(ours, (0, len(ours)), others, (0, len(others)))
    assert critical_difference(others, (0, len(others)), ours, (0, len(ours))) == found
    return found


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("keep 5 files", "keep 6 files", "number"),
        ("keep 5 files", "keep files", "number"),
        ("keep five files", "keep six files", "number"),
        ("keep five files", "keep 5 files", None),
        ("fünf Tage", "sechs Tage", "number"),
        ("a limit of 1,000", "a limit of 1000", None),
        ("a limit of 1'000'000", "a limit of 1000000", None),
        ("a limit of 1,000", "a limit of 1.000", "number"),
        ("a rise of +5", "a rise of 5", None),
        ("a rise of -5", "a rise of 5", "number"),
        ("min 5 max 10", "min 10 max 5", "number"),
        ("this one is good", "this is good", None),
        ("this one is good", "this two is good", "number"),
        ("the first try", "the third try", "number"),
        ("a third party", "a party", None),
        ("once a day", "twice a day", "number"),
        ("on 2026-03-04", "on 2026-03-05", "date"),
        ("on 3/4/2026", "on 3/5/2026", "date"),
        ("on 03.04.26", "on 03.05.26", "date"),
        ("on 3 March 2026", "on 3 April 2026", "date"),
        ("on 3 March 2026", "on 4 March 2026", "date"),
        ("on 3 Mar 2026", "on 3 March 2026", None),
        ("on Monday", "on Friday", "date"),
        ("am Montag", "am Dienstag", "date"),
        ("at 10:30", "at 11:30", "date"),
        ("it may be 5", "it can be 5", None),
        ("on 5 May", "on 5 June", "date"),
        ("march on", "walk on", None),
        ("use 1.2.3", "use 1.2.4", "version"),
        ("use v1.2", "use v1.3", "version"),
        ("use v1.2.3", "use 1.2.3", None),
        ("use sha256", "use sha512", "version"),
        ("use python3", "use python", "version"),
        ("5 GB", "5 MB", "unit"),
        ("5 gb", "5 gigabytes", None),
        ("5 days", "5 hours", "unit"),
        ("5 day", "5 days", None),
        ("5 working days", "5 working weeks", "unit"),
        ("5 days", "5", "unit"),
        ("500m", "500Mi", "unit"),
        ("5 %", "5 percent", None),
        ("5 %", "5", "unit"),
        ("$ 5", "\u20ac 5", "unit"),
        ("pay $5", "pay 5", "unit"),
        ("for days on end", "for weeks on end", "unit"),
        ("for days on end", "for ages on end", None),
        ("daily report", "weekly report", "unit"),
        ("in 5 in", "in 5 cm", "unit"),
        ("a second try", "a try", None),
        ("it is shared", "it is not shared", "negation"),
        ("it is shared", "it isn't shared", "negation"),
        ("never share it", "do not share it", None),
        ("you cannot go", "you can not go", None),
        ("with no delay", "without delay", None),
        ("with delay", "without delay", "negation"),
        ("das ist erlaubt", "das ist nicht erlaubt", "negation"),
        ("kein Zugriff", "ein Zugriff", "negation"),
        ("non-production", "production", "negation"),
        ("you must go", "you may go", "antonym"),
        ("you must go", "you have to go", None),
        ("access is allowed", "access is denied", "antonym"),
        ("access is allowed", "access is disallowed", "antonym"),
        ("enabled by default", "disabled by default", "antonym"),
        ("before lunch", "after lunch", "antonym"),
        ("a < 5", "a > 5", "antonym"),
        ("a <= 5", "a >= 5", "antonym"),
        ("\u2705 guests", "\u274c guests", "antonym"),
        ("das ist erlaubt", "das ist verboten", "antonym"),
        ("the encrypted disk", "the unencrypted disk", "antonym"),
        ("the public page", "the page", None),
        ("a cat", "a dog", None),
        ("", "", None),
    ],
)
def test_what_two_sentences_differ_in(one: str, other: str, code: str | None) -> None:
    assert difference(one, other) == code


def test_what_stands_beside_a_difference_tells_what_it_is() -> None:
    ours, others = ["for", "5", "days"], ["for", "5", "hours"]
    assert critical_difference(ours, (2, 3), others, (2, 3)) is Critical.UNIT
    assert critical_difference(["3", "march"], (0, 1), ["4", "march"], (0, 1)) is Critical.DATE
    assert facts_of(["5", "s"], 1, 2).bound_units == {"seconds"}
    assert facts_of(["the", "s"], 1, 2).units == ()


def test_values_that_count_by_themselves() -> None:
    words = ["one", "of", "3", "or", "v2", "on", "monday"]
    assert [(at, value.code.value, value.text) for at, value in values_in(words, 0, len(words))] == [
        (2, "number", "3"),
        (4, "version", "2"),
        (6, "date", "monday"),
    ]


def test_the_table_of_opposites_has_some_hundred_pairs() -> None:
    assert PAIRS > 500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("permits", "denied"),
        ("increases", "reducing"),
        ("applied", "unapplied"),
        ("stopped", "starting"),
        ("entries", "exits"),
        ("nonlinear", "linear"),
        ("min", "max"),
    ],
)
def test_opposites_in_any_form(one: str, other: str) -> None:
    assert are_opposite(one, other)
    assert are_opposite(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("allow", "allow"), ("der", "under"), ("cat", "dog"), ("it", "unit"), ("a" * 40, "un" + "a" * 40)],
)
def test_words_that_are_no_opposites(one: str, other: str) -> None:
    assert not are_opposite(one, other)


def test_base_forms() -> None:
    assert {"stop", "stopp"} <= bases("stopped")
    assert "deny" in bases("denied")
    assert bases("is") == {"is"}
