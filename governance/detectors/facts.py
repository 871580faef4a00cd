"""What in a run of words must not differ: numbers, dates, versions, units, negations, opposites.

English throughout; German for small numbers, months, days, units and negations. Numbers are equal when they are the
same number written otherwise ("1,000" and "1000", "two" and "2"); dates are not recognized across formats.
Negations are counted and not placed, so that "do not ever" and "never" are alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Final, NamedTuple

from governance.detectors.antonyms import bases, opposites
from governance.detectors.normal import characters


class Critical(StrEnum):
    """Of what kind a difference is that counts whatever its share."""

    NUMBER = "number"
    DATE = "date"
    UNIT = "unit"
    VERSION = "version"
    NEGATION = "negation"
    ANTONYM = "antonym"


def _classes(table: str) -> dict[str, str]:
    """Give for each word of a line the line's first word."""
    lines = [line.split() for line in characters(table).strip().splitlines()]
    return {word: line[0] for line in lines for word in line}


_NUMBERS: Final = _classes("""
0 zero
2 two zwei
3 three drei
4 four vier
5 five f\xfcnf
6 six sechs
7 seven sieben
8 eight acht
9 nine neun
10 ten zehn
11 eleven elf
12 twelve zw\xf6lf
13 thirteen
14 fourteen
15 fifteen
16 sixteen
17 seventeen
18 eighteen
19 nineteen
20 twenty zwanzig
30 thirty drei\xdfig
40 forty
50 fifty
60 sixty
70 seventy
80 eighty
90 ninety
100 hundred hundert
1000 thousand tausend
1000000 million
1000000000 billion
""")
# Words that count things only where another such word, or a number, stands in their place: the "one" of "this one"
# and the "third" of "third party" come and go with the style of a sentence.
_SOFT_NUMBERS: Final = _classes("""
1 one
#1 first
#3 third dritte dritten dritter
#4 fourth vierte vierten vierter
#5 fifth
#6 sixth
#7 seventh
#8 eighth
#9 ninth
#10 tenth
1x once einmal
2x twice double zweimal
3x thrice triple dreimal
1/2 half halb halbe halber
1/4 quarter viertel
dozen
""")
_MONTHS: Final = _classes("""
january jan januar
february feb februar
march mar m\xe4rz
april apr
may mai
june jun juni
july jul juli
august aug
september sep sept
october oct oktober
november nov
december dec dezember
""")
_WEEKDAYS: Final = _classes("""
monday mondays montag montags
tuesday tuesdays dienstag dienstags
wednesday wednesdays mittwoch mittwochs
thursday thursdays donnerstag donnerstags
friday fridays freitag freitags
saturday saturdays samstag samstags
sunday sundays sonntag sonntags
""")
_MEANS_MORE: Final = frozenset({"may", "march", "mar", "jan", "dec", "sep", "mai", "jun"})
"""Months' names that are months only beside a number."""

_UNITS: Final = _classes("""
millisecond milliseconds millis msec msecs millisekunden
microsecond microseconds usec
seconds secs sekunde sekunden
minute minutes mins minuten
hour hours hrs hourly stunde stunden st\xfcndlich
day days daily tag tage tagen t\xe4glich
week weeks weekly fortnightly woche wochen w\xf6chentlich
month months monthly monat monate monaten monatlich
quarterly quarters quartal
year years yearly annual annually jahr jahre jahren j\xe4hrlich
decade decades
byte bytes
kilobyte kilobytes kb
megabyte megabytes mb
gigabyte gigabytes gb
terabyte terabytes tb
petabyte petabytes pb
kibibyte kib
mebibyte mib
gibibyte gib
tebibyte tib
kbps kbit
mbps mbit
gbps gbit
hertz hz
khz kilohertz
mhz megahertz
ghz gigahertz
percent % prozent pct
permille
basis bps
euro euros eur \u20ac
dollar dollars usd $
gbp \xa3 sterling
yen jpy \xa5
chf francs franken
cent cents
kilometer kilometers kilometre kilometres km
meter meters metre metres
centimeter centimeters centimetre cm
millimeter millimeters millimetre mm
mile miles meile meilen
yard yards
foot feet ft
inch inches zoll
kilogram kilograms kg kilo kilos
gram grams gramm
milligram milligrams mg
pound pounds lb lbs
ounce ounces
tonne tonnes ton tons
liter liters litre litres
milliliter milliliters ml
gallon gallons
celsius
fahrenheit
kelvin
watt watts
kilowatt kilowatts kw
kwh
megawatt megawatts mw
volt volts
ampere amperes amp amps
millicores millicore
""")
_SHORT_UNITS: Final = _classes("""
millisecond ms
microsecond us \u03bcs
seconds s sec second
minute m min
hour h hr
day d
week w
year y yr
byte b
kilobyte k
megabyte
gigabyte g
terabyte t
kibibyte ki
mebibyte mi
gibibyte gi
tebibyte ti
celsius c
fahrenheit f
inch in
volt v
ampere a
liter l
bit bits
core cores cpu cpus vcpu vcpus
times x
am
pm
quarterly quarter
""")
"""Words that are units only right after a number."""

_NEGATING: Final = """
not no never none nothing nobody nowhere neither nor without cannot non unless except
dont cant wont isnt arent doesnt didnt
nicht kein keine keinen keinem keiner keines nie niemals niemand nichts nirgends ohne weder
\u4e0d \u6ca1 \u672a \u65e0 \u7121 \u52ff
"""
_NEGATIONS: Final = frozenset(characters(_NEGATING).split())
_DATE: Final = re.compile(
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}(?:t.*)?|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})|\d{1,2}(?::\d{2}){1,2}"
)
_VERSION: Final = re.compile(r"v\d.*|\d+(?:\.\d+){2,}.*")
_THOUSANDS: Final = re.compile(r"[-+]?\d{1,3}(?:([,'])\d{3})(?:\1\d{3})*(?:\.\d+)?")


class Value(NamedTuple):
    """A number, date or version as it is compared."""

    code: Critical
    text: str
    is_soft: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run of words says that must not differ."""

    values: tuple[Value, ...]
    units: tuple[str, ...]
    bound_units: frozenset[str]
    negations: int


def is_negation(word: str) -> bool:
    """Say whether the word turns a sentence into its opposite."""
    return word in _NEGATIONS or word.endswith("n't")


def value_at(words: Sequence[str], at: int) -> Value | None:
    """Give the number, date or version that a word is; None for other words."""
    word = words[at]
    if has_digit(word):
        return _written_value(words, at)
    if word in _MONTHS or word in _WEEKDAYS:
        known = _MONTHS.get(word) or _WEEKDAYS[word]
        return Value(Critical.DATE, known) if word not in _MEANS_MORE or _is_beside_number(words, at) else None
    if word in _NUMBERS:
        return Value(Critical.NUMBER, _NUMBERS[word])
    if word in _SOFT_NUMBERS:
        return Value(Critical.NUMBER, _SOFT_NUMBERS[word], is_soft=True)
    return None


def _written_value(words: Sequence[str], at: int) -> Value:
    word = words[at]
    if _VERSION.fullmatch(word):
        return Value(Critical.DATE if _DATE.fullmatch(word) else Critical.VERSION, word.removeprefix("v"))
    if _DATE.fullmatch(word) or _is_beside_month(words, at):
        return Value(Critical.DATE, word)
    if word[0].isalpha():
        return Value(Critical.VERSION, word)
    if _THOUSANDS.fullmatch(word):
        word = word.replace(",", "").replace("'", "")
    return Value(Critical.NUMBER, word.removeprefix("+"))


def has_digit(word: str) -> bool:
    """Say whether a digit of any script is in the word."""
    return not word.isalpha() and any(map(str.isdigit, word))


def _is_beside_number(words: Sequence[str], at: int) -> bool:
    return any(has_digit(words[place]) for place in (at - 1, at + 1) if 0 <= place < len(words))


def _is_beside_month(words: Sequence[str], at: int) -> bool:
    return any(words[place] in _MONTHS for place in (at - 1, at + 1) if 0 <= place < len(words))


def unit_at(words: Sequence[str], at: int) -> tuple[str, bool] | None:
    """Give the unit that a word is, and whether a number stands within the two words before it, or after a sign."""
    word = words[at]
    if word in _UNITS:
        return _UNITS[word], any(value_at(words, place) for place in range(max(0, at - 2), at)) or _is_sign(words, at)
    if word in _SHORT_UNITS and at and has_digit(words[at - 1]):
        return _SHORT_UNITS[word], True
    return None


def _is_sign(words: Sequence[str], at: int) -> bool:
    return not words[at].isalnum() and at + 1 < len(words) and has_digit(words[at + 1])


def facts_of(words: Sequence[str], start: int, end: int) -> Facts:
    """Give what words[start:end] says; the words beside them are looked at to tell units and months from others."""
    places = range(start, end)
    units = [unit for place in places if (unit := unit_at(words, place))]
    return Facts(
        values=tuple(value for place in places if (value := value_at(words, place))),
        units=tuple(unit for unit, _ in units),
        bound_units=frozenset(unit for unit, is_bound in units if is_bound),
        negations=sum(map(is_negation, words[start:end])),
    )


def critical_difference(
    ours: Sequence[str], here: tuple[int, int], others: Sequence[str], there: tuple[int, int]
) -> Critical | None:
    """Say what two runs of words that stand in each other's place differ in, None when in nothing critical.

    Args:
        ours: All words of one text.
        here: Start and end of the run in it.
        others: All words of the other text.
        there: Start and end of the run in that.

    """
    mine, theirs = facts_of(ours, *here), facts_of(others, *there)
    if code := _differing_value(mine.values, theirs.values):
        return code
    if _units_differ(mine, theirs):
        return Critical.UNIT
    if mine.negations != theirs.negations:
        return Critical.NEGATION
    return Critical.ANTONYM if _has_opposites(ours[slice(*here)], others[slice(*there)]) else None


def _differing_value(mine: Sequence[Value], theirs: Sequence[Value]) -> Critical | None:
    if _texts(mine) == _texts(theirs):
        return None
    hard, other_hard = ([value for value in values if not value.is_soft] for values in (mine, theirs))
    if _texts(hard) == _texts(other_hard) and (len(hard) == len(mine) or len(other_hard) == len(theirs)):
        return None
    pairs = zip_longest(mine, theirs)
    return next((one or other).code for one, other in pairs if not one or not other or one.text != other.text)


def _texts(values: Sequence[Value]) -> list[str]:
    return [value.text for value in values]


def _units_differ(mine: Facts, theirs: Facts) -> bool:
    if mine.units == theirs.units:
        return False
    if mine.units and theirs.units:
        return True
    return bool(mine.bound_units or theirs.bound_units)


def _has_opposites(ours: Sequence[str], others: Sequence[str]) -> bool:
    here, there = Counter(ours), Counter(others)
    other_bases = frozenset[str]().union(*(bases(word) for word in there - here))
    return any(not opposites(word).isdisjoint(other_bases) for word in here - there)


def values_in(words: Sequence[str], start: int, end: int) -> Iterator[tuple[int, Value]]:
    """Give every number, date and version of words[start:end] that counts by itself, with its place."""
    for at in range(start, end):
        value = value_at(words, at)
        if value and not value.is_soft:
            yield at, value
