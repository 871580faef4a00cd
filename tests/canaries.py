"""Made-up identifiers to plant and look for, in every form in which a careless line of code would tell them."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, quote_plus

DIGESTS = ("sha256", "sha1", "md5")
SHORTEST_DIGEST = 16
"""Hexadecimal digits of a digest that give it away: fingerprints are often cut."""


@dataclass(frozen=True)
class Canary:
    """An identifier of nobody, another one in each run.

    Attributes:
        text: As people write it.
        core: The part that no other text has by chance.

    """

    text: str
    core: str

    @cached_property
    def forms(self) -> Mapping[str, str]:
        """What to look for in a text, by what it is called. What is in small letters is looked for in any case."""
        spellings = {self.text, self.core, *(unicodedata.normalize(form, self.text) for form in ("NFC", "NFD"))}
        found: dict[str, str] = {}
        for word in sorted(spellings):
            raw = word.encode("utf-8")
            found[f"plain {word}"] = word.casefold()
            found[f"hex of {word}"] = raw.hex()
            found[f"URL-encoded {word}"] = quote(word, safe="").casefold()
            found[f"form-encoded {word}"] = quote_plus(word).casefold()
            found[f"escaped {word}"] = json.dumps(word)[1:-1].casefold()
            found[f"escaped by Python {word}"] = word.encode("unicode_escape").decode("ascii").casefold()
            found[f"HTML {word}"] = html.escape(word).casefold()
        return found

    @cached_property
    def encoded(self) -> Mapping[str, str]:
        """The forms in which capitals count: base64, wherever the text begins in what was encoded."""
        found: dict[str, str] = {}
        for word in (self.text, self.core, self.text.casefold()):
            for place in range(3):
                raw = b"\0" * place + word.encode("utf-8")
                whole = base64.b64encode(raw).decode("ascii")
                inner = whole[4 if place else 0 : len(raw) // 3 * 4]  # what is made of the word's bytes alone
                found[f"base64 of {word} at {place}"] = inner
                found[f"base64url of {word} at {place}"] = inner.replace("+", "-").replace("/", "_")
        return found


def _letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(count))


def _address(word: str) -> Canary:
    core = f"zq{_letters(12)}"
    return Canary(f"{word}.{core}@mail.example", core)


def _person() -> Canary:
    core = f"Qz{_letters(10)}"
    return Canary(f"Ágnes {core}", core)


def _iban() -> Canary:
    digits = "".join(secrets.choice(string.digits) for _ in range(20))
    return Canary(f"DE{digits}", digits)


@dataclass(frozen=True)
class Flock:
    """The canaries of one run.

    Attributes:
        email: An address.
        person: A name.
        iban: The number of an account.
        actor: The address of whoever acts, who is named in the lines of the application's log on purpose.

    """

    email: Canary = field(default_factory=lambda: _address("canary"))
    person: Canary = field(default_factory=_person)
    iban: Canary = field(default_factory=_iban)
    actor: Canary = field(default_factory=lambda: _address("actor"))

    @property
    def all(self) -> tuple[Canary, ...]:
        """Every one of them."""
        return (self.email, self.person, self.iban, self.actor)

    def found(self, text: str) -> set[str]:
        """Give in which forms which canaries stand in a text; empty when none does."""
        small = text.casefold()
        return {
            *(name for canary in self.all for name, form in canary.forms.items() if form in small),
            *(name for canary in self.all for name, form in canary.encoded.items() if form in text),
        }


def digests_of(words: Iterable[str]) -> dict[str, str]:
    """Give the beginnings of the plain digests of words, with what each is the digest of."""
    return {digest: word for word in words for digest in _digests(word)}


def _digests(word: str) -> Iterator[str]:
    for spelling in {word, word.casefold()}:
        for name in DIGESTS:
            made = hashlib.new(name, spelling.encode("utf-8", "surrogatepass"), usedforsecurity=False)
            yield made.hexdigest()[:SHORTEST_DIGEST]
