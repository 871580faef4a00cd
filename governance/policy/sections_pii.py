"""The section of the kind `pii`: which personal data is looked for, and which may stand where."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, field_validator, model_validator

from governance.domain.values import Json
from governance.domain.words import shown
from governance.policy.kinds import SHIPPED_PII_KINDS, Allowed, Checksum, Pii, PiiKind, Recognizer
from governance.policy.patterns import Pattern
from governance.policy.pii_kinds import COUNTRIES, KNOWN, LANGUAGES
from governance.policy.section import Section
from governance.policy.values import (
    TEXT_SCHEMA,
    Model,
    Name,
    Percent,
    Reads,
    Several,
    Share,
    SpecificRegex,
    Wrong,
    YesNo,
    one_of,
)

_KIND: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_LONGEST_KIND: Final = 64
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*")


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise Wrong(f"{shown(value)} is no language code", "write the two small letters of ISO 639-1, such as en or de")
    return value


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise Wrong(
            f"{shown(value)} is no country code",
            "write the two capitals of ISO 3166-1, such as DE or US; the United Kingdom is GB",
        )
    return value


def _kind(value: str) -> str:
    if len(value) > _LONGEST_KIND or not _KIND.fullmatch(value):
        raise Wrong("must be a kind such as 'email_address': small letters, digits and underscores, at most 64")
    return value


def _domain(value: str) -> str:
    domain = value.lower()
    if not _DOMAIN.fullmatch(domain):
        raise Wrong("must be a domain such as example.org, without @ or a path; those below it are meant too")
    return domain


def _any_case(value: str) -> str:
    return value.casefold()


KindName = Annotated[
    str, Reads(_kind, {"anyOf": [{"enum": sorted(KNOWN)}, {"type": "string", "pattern": f"^{_KIND.pattern}$"}]})
]
Folded = Annotated[list[Annotated[str, Reads(_any_case, TEXT_SCHEMA)]], Several()]
Patterns = Annotated[list[SpecificRegex], Several()]


class KindModel(Model):
    """What is done about one kind of personal data."""

    threshold: Percent | None = Field(None, description="Score, in percent, from which on it counts: 40 when left out.")
    report: YesNo | None = Field(None, description="no looks away; what is noise in documentation is no when left out.")

    def setting(self, name: str) -> PiiKind:
        """Give what the entry says; what it leaves out is as shipped."""
        shipped = SHIPPED_PII_KINDS.get(name, PiiKind())
        return PiiKind(
            threshold_percent=shipped.threshold_percent if self.threshold is None else self.threshold,
            report=shipped.report if self.report is None else self.report == "yes",
        )


class AllowedModel(Model):
    """Personal data that may stand in the documents of this policy."""

    kinds: Annotated[list[KindName], Several()] | None = Field(None, description="Whole kinds: `role_address`.")
    domains: Annotated[list[Annotated[str, Reads(_domain, {"type": "string", "minLength": 1})]], Several()] | None = (
        Field(None, description="Domains of addresses and links, and those below them: `example.org`.")
    )
    values: Folded | None = Field(None, description="Single values; case does not matter.")
    patterns: Patterns | None = Field(None, description="Values in which such a regular expression (RE2) is found.")
    private_ranges: YesNo = Field("yes", description="Network addresses that are private or kept for documentation.")
    reserved_domains: YesNo = Field("yes", description="Domains that are kept for examples, such as example.com.")

    def setting(self) -> Allowed:
        """Give what the entry says, as it is obeyed."""
        return Allowed(
            kinds=tuple(self.kinds or ()),
            domains=tuple(self.domains or ()),
            values=tuple(self.values or ()),
            patterns=tuple(Pattern(text) for text in self.patterns or ()),
            private_ranges=self.private_ranges == "yes",
            reserved_domains=self.reserved_domains == "yes",
        )


class RecognizerModel(Model):
    """A recognizer of your own, for numbers and names that only your organization has."""

    name: Name = Field(description="Small letters, digits and hyphens; each name once in a policy.")
    kind: KindName | None = Field(
        None, description="Kind of what it finds: `customer_number`; from the name if left out."
    )
    patterns: Patterns | None = Field(None, description="Regular expressions (RE2), any of which is a hit.")
    deny: Folded | None = Field(None, description="Texts that must not stand here; case does not matter.")
    context: Folded | None = Field(None, description="Words near a hit that raise its score.")
    checksum: Annotated[str, one_of(Checksum)] | None = Field(None, description="How the digits of a hit are checked.")
    score: Percent = Field(50, description="Score of a pattern's hit, in percent, before context and checksum.")

    @model_validator(mode="after")
    def _check(self) -> RecognizerModel:
        if self.patterns is None and self.deny is None:
            raise Wrong("a recognizer needs 'patterns' or 'deny'", "write what it is to find")
        if self.patterns is None and self.checksum is not None:
            raise Wrong("'checksum' says nothing without 'patterns'", "leave it out, or write a pattern")
        if not _KIND.fullmatch(self.found()):
            raise Wrong(
                "a recognizer whose name begins with a digit needs the key 'kind'", "write kind: customer_number"
            )
        return self

    def setting(self) -> Recognizer:
        """Give what the entry says, as it is obeyed."""
        return Recognizer(
            name=self.name,
            kind=self.found(),
            patterns=tuple(Pattern(text) for text in self.patterns or ()),
            deny=tuple(self.deny or ()),
            context=tuple(self.context or ()),
            checksum=Checksum(self.checksum) if self.checksum else None,
            score_percent=self.score,
        )

    def found(self) -> str:
        """Give the kind of what it finds."""
        return self.kind or self.name.replace("-", "_")


class PiiModel(Section):
    """Which personal data is looked for, and which may stand here."""

    languages: Annotated[list[Annotated[str, Reads(_language, {"enum": sorted(LANGUAGES)})]], Several()] = Field(
        list(Pii().languages), description="ISO 639-1: `[en, de]`."
    )
    countries: Annotated[list[Annotated[str, Reads(_country, {"enum": sorted(COUNTRIES)})]], Several()] = Field(
        list(Pii().countries),
        description="ISO 3166-1: whose telephone numbers and national identifiers are looked for.",
    )
    kinds: dict[KindName, KindModel] = Field(
        {}, description="By kind, its threshold and whether it is reported: `{phone_number: {threshold: 60}}`."
    )
    allowed: AllowedModel = Field(AllowedModel(), description="What may stand in the documents of this policy.")
    recognizers: list[RecognizerModel] = Field([], description="Recognizers of your own.")
    sample: Share = Field(100, description="Percent of the chunks that a run looks at.")

    @field_validator("recognizers")
    @classmethod
    def _distinct(cls, recognizers: list[RecognizerModel]) -> list[RecognizerModel]:
        names = [recognizer.name for recognizer in recognizers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Wrong(f"two recognizers are called {shown(twice)}", "give one of the two another name")
        return sorted(recognizers, key=lambda recognizer: recognizer.name)

    def settings(self, policy: str) -> Pii:  # noqa: ARG002 - no setting is named after the policy
        """Give what the section says, as it is obeyed."""
        return Pii(
            languages=tuple(self.languages),
            countries=tuple(self.countries),
            kinds=tuple(self._decided().items()),
            allowed=self.allowed.setting(),
            recognizers=tuple(recognizer.setting() for recognizer in self.recognizers),
            sample_percent=self.sample,
        )

    def canonical(self, policy: str) -> dict[str, Json]:
        """Give the normal form: of every kind both settings, and no kind that is as shipped anyhow."""
        kinds: dict[str, Json] = {
            name: {"threshold": kind.threshold_percent, "report": "yes" if kind.report else "no"}
            for name, kind in self._decided().items()
        }
        recognizers: list[Json] = [
            {**entry.model_dump(exclude_none=True), "kind": entry.found()} for entry in self.recognizers
        ]
        return {**super().canonical(policy), "kinds": kinds, "recognizers": recognizers}

    def _decided(self) -> dict[str, PiiKind]:
        """Give, by name, the kinds about which something else is said than what is shipped."""
        decided = {name: entry.setting(name) for name, entry in sorted(self.kinds.items())}
        return {name: kind for name, kind in decided.items() if kind != SHIPPED_PII_KINDS.get(name, PiiKind())}
