"""What a first look at an index puts into the configuration, and how sure it is of that."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from governance.config.template import ForeignIndex
from governance.domain.keys import KeyCase, KeyRule
from governance.services.detect_layout import CUSTOM, HAYSTACK, KBGOV, LANGCHAIN, LLAMAINDEX
from governance.services.first_look import FirstLook

_DOUBT: Final = "check that these fields say what they should"
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        KBGOV: "kbgov itself fills it; its own fields need no word here.",
        LLAMAINDEX: f"By its marks LlamaIndex fills it; {_DOUBT}.",
        HAYSTACK: f"By its marks Haystack fills it; {_DOUBT}.",
        LANGCHAIN: f"LangChain may fill it, which leaves no certain mark: {_DOUBT}.",
        CUSTOM: f"Who fills it was not recognized; fields are proposed by their names: {_DOUBT}.",
    }
)


def about_index(look: FirstLook) -> ForeignIndex:
    """Give the comments and sections for an index that was looked at."""
    theirs, proposal = look.layout.name != KBGOV, look.proposal
    return ForeignIndex(
        index_notes=index_words(look),
        fields=_fields(look) if theirs else {},
        key_notes=key_words(look),
        document_key=rule_settings(proposal.rule) if proposal is not None and proposal.met_keys else {},
    )


def index_words(look: FirstLook) -> list[str]:
    """Give sentences about who fills the index, and from how much that was concluded."""
    share = round(look.layout.confidence * 100)
    seen = "all" if look.complete else "the first"
    return [f"layout: {look.layout.name}, {share} % sure, from {seen} {look.chunks} chunks.", _WORDS[look.layout.name]]


def key_words(look: FirstLook) -> list[str]:
    """Give sentences about how the index calls the documents of the source; none without a source."""
    proposal = look.proposal
    if proposal is None:
        return []
    part = "" if look.complete else ", in this part of the index"
    shares = [f"{proposal.words}{part}."]
    if not proposal.keys:
        return ["How the index calls these documents was not found: no chunk has a usable key."]
    if not proposal.met_keys:
        return ["How the index calls these documents was not found.", *shares]
    if proposal.rule == KeyRule():
        return ["The index calls these documents as the source does.", *shares]
    return ["How the index calls these documents.", *shares]


def rule_settings(rule: KeyRule) -> dict[str, str | bool]:
    """Give the keys of `document_key` that say a rule; none for the rule without any step."""
    found: dict[str, str | bool] = {}
    if rule.field is not None:
        found["field"] = rule.field
    if rule.url_decode:
        found["url_decode"] = True
    if rule.strip_prefix:
        found["strip_prefix"] = rule.strip_prefix
    if rule.pattern is not None:
        found["pattern"] = rule.pattern
    if rule.case is not KeyCase.KEEP:
        found["case"] = rule.case.value
    return found


def _fields(look: FirstLook) -> dict[str, str]:
    named = {"document": look.layout.document, "text": look.layout.text}
    return {name: field for name, field in named.items() if field is not None} | dict(look.layout.fields)
