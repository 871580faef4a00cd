"""What a regular expression takes, as far as it can be said without running it: texts, and globs around them.

A text given here is an example that the pattern itself has confirmed. What a glob says is exact only where the answer
says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product
from typing import Final, NamedTuple

from governance.policy.globs import Glob, inside
from governance.policy.patterns import Pattern

_MOST: Final = 6
"""Examples of one pattern, and of any part of it."""
_DEEPEST: Final = 20
_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}")
_QUANTIFIER: Final = re.compile(r"[*+?]\??|\{([0-9]+)(?:,[0-9]*)?\}\??")
_CLASSES: Final = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_NOTHING: Final = frozenset("bBAzZ")
_TRIED: Final = "a1-_/. A"
_LONGEST_RUN: Final = 50


class Extent(NamedTuple):
    """What a pattern takes.

    Attributes:
        exact: The glob that takes just what it takes; None where no glob does.
        around: A glob that takes all that it takes and maybe more; None where nothing is known.
        examples: Texts in which it is found.

    """

    exact: Glob | None
    around: Glob | None
    examples: tuple[str, ...]


@lru_cache(maxsize=4096)
def extent_of(pattern: Pattern) -> Extent:
    """Give what a pattern takes."""
    found = (text for text in _samples(pattern.text) if text and pattern.found_in(text))
    return Extent(_exact(pattern.text), _around(pattern.text), tuple(dict.fromkeys(islice(found, _MOST))))


def _glob(text: str) -> Glob | None:
    try:
        return Glob(text)
    except ValueError:  # longer than a glob may be, or with what a glob cannot say
        return None


def _plain_run(text: str, at: int) -> tuple[str, int]:
    """Give the letters that stand for themselves from a place on, and where they end."""
    found: list[str] = []
    while at < len(text):
        width = 1
        letter = text[at]
        if letter == "\\" and at + 1 < len(text) and not text[at + 1].isalnum():
            letter, width = text[at + 1], 2
        elif letter in _SPECIAL:
            break
        following = text[at + width : at + width + 1]
        if following in {"*", "?", "{"} and following:
            break
        found.append(letter)
        at += width
        if following == "+":
            break
    return "".join(found), at


def _exact(text: str) -> Glob | None:
    """Give the glob of a pattern of plain letters and `.*`."""
    starts, at = text.startswith("^"), int(text.startswith("^"))
    pieces: list[str] = []
    while at < len(text):
        if text.startswith(".*", at) and text[at + 2 : at + 3] not in {"?", "+", "*", "{"}:
            pieces.append("")
            at += 2
            continue
        run, end = _plain_run(text, at)
        if end == at or text[end : end + 1] == "+":
            break
        pieces.append(run)
        at = end
    ends = text[at:] == "$"
    if (text[at:] and not ends) or len([piece for piece in pieces if piece]) > 1 or not any(pieces):
        return None
    run = next(piece for piece in pieces if piece)
    return _glob(inside(run, starts=starts and pieces[0] != "", ends=ends and pieces[-1] != ""))


def _around(text: str) -> Glob | None:
    """Give the glob of what begins as an anchored pattern does; what stands beside a bar may begin otherwise."""
    if not text.startswith("^") or "|" in text:
        return None
    run, _ = _plain_run(text, 1)
    return _glob(inside(run, starts=True)) if run else None


def _samples(text: str) -> Iterator[str]:
    try:
        found, at = _choices(text, 0, 0)
    except (ValueError, IndexError):  # something that this reader does not know
        return
    if at == len(text):
        yield from found


def _choices(text: str, at: int, depth: int) -> tuple[list[str], int]:
    """Give examples of what stands between two brackets, whichever branch is taken, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    branches: list[list[str]] = [[""]]
    found: list[str] = []
    while at < len(text) and text[at] != ")":
        if text[at] == "|":
            found += branches.pop()
            branches.append([""])
            at += 1
            continue
        parts, at = _item(text, at, depth)
        parts, at = _repeated(parts, text, at)
        branches[-1] = ["".join(pair) for pair in islice(product(branches[-1], parts), _MOST)]
    found += branches[-1]
    return found[:_MOST], at


def _item(text: str, at: int, depth: int) -> tuple[list[str], int]:
    letter = text[at]
    if letter in {"^", "$"}:
        return [""], at + 1
    if letter == ".":
        return ["a"], at + 1
    if letter == "\\":
        return _escape(text, at)
    if letter == "[":
        return _class(text, at)
    if letter == "(":
        head = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:)|\?[a-zA-Z-]+(?=\)))?").match(text, at)
        if head is None:
            raise ValueError("a kind of group that is not known here")
        found, end = _choices(text, head.end(), depth + 1)
        return found, end + 1
    return [letter], at + 1


def _escape(text: str, at: int) -> tuple[list[str], int]:
    letter = text[at + 1]
    if letter in _NOTHING:
        return [""], at + 2
    if letter in _CLASSES:
        return [_CLASSES[letter]], at + 2
    if letter.isalnum():
        raise ValueError("an escape that is not known here")
    return [letter], at + 2


def _class(text: str, at: int) -> tuple[list[str], int]:
    """Give letters that a class in brackets takes: asked of the pattern of that class alone."""
    end = re.compile(r"\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]").match(text, at)
    if end is None:
        raise ValueError("a class without an end")
    alone = Pattern(f"^{end[0]}$")
    letters = [letter for letter in _TRIED + end[0] if alone.found_in(letter)]
    return letters[:2] or [""], end.end()


def _repeated(parts: list[str], text: str, at: int) -> tuple[list[str], int]:
    hit = _QUANTIFIER.match(text, at)
    if hit is None:
        return parts, at
    if hit[1] is not None:
        return [part * min(int(hit[1]), _LONGEST_RUN) for part in parts], hit.end()
    return ([*parts] if hit[0][0] == "+" else [*parts, ""]), hit.end()
