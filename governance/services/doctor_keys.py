"""Whether what an index that another pipeline fills calls documents meets what their source calls them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from governance.config.template import toml_table
from governance.domain.chunks import Metadata
from governance.domain.errors import KbgovError
from governance.domain.keys import ChunkFields, IndexLayout, KeyRule
from governance.domain.ports import Source
from governance.services.checks import Check, Verdict, fine, poor
from governance.services.doctor_index import IndexPatient
from governance.services.found_config import rule_settings
from governance.services.index_sample import Sample, sample_index
from governance.services.key_proposal import KeyProposal, measure_rule, path_by, propose_field
from governance.services.keys import Known, Resolver, key_in

_GUIDE: Final = "compare the keys in the index with the paths of the source: kbgov guide foreign-index"


class KeyPatient(IndexPatient, Protocol):
    """What is needed to compare the keys of an index with the paths of its sources."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """Configured sources; asking for one makes it."""

    def layout(self, index: str) -> IndexLayout:
        """Give how an index is read."""


@dataclass(slots=True)
class _Pair:
    """What one source's documents are called in one index.

    Attributes:
        own: Documents that our own chunks name.
        foreign: Metadata of the chunks of others.

    """

    own: set[str] = field(default_factory=set)
    foreign: list[Metadata] = field(default_factory=list)


def key_checks(patient: KeyPatient, names: Mapping[str, Known]) -> list[Check]:
    """Give a check for each source whose documents somebody else has put into an index.

    Args:
        patient: What to look at.
        names: By source what its documents are called; a source that could not be listed is not among them.

    """
    checks: list[Check] = []
    for index in patient.indexes:
        try:
            checks += _checks_of(patient, index, names)
        except KbgovError:  # the check of the index itself meets the same and says it
            continue
    return checks


def _checks_of(patient: KeyPatient, index: str, names: Mapping[str, Known]) -> Iterator[Check]:
    layout = patient.layout(index)
    if not layout.keys:
        return
    sample = sample_index(patient.indexes[index])
    pairs = _sorted_out(sample, Resolver(index, layout, names, list(patient.sources)), layout)
    for source, rule in layout.keys:
        pair = pairs[source]
        if pair.foreign and source in names:
            verdict = _verdict(source, pair, rule, names[source], layout.fields, complete=sample.complete)
            seen = "" if sample.complete else f"; from the first {len(sample.chunks)} chunks"
            yield Check(f"keys of {source} in {index}", verdict.status, verdict.detail + seen, verdict.next_step)


def _sorted_out(sample: Sample, resolver: Resolver, layout: IndexLayout) -> Mapping[str, _Pair]:
    """Give the chunks by source; one that no source takes counts for each that has none of our own chunks here."""
    pairs: dict[str, _Pair] = defaultdict(_Pair)
    nobodys: list[Metadata] = []
    for metadata in sample.metadata:
        found = resolver.resolve(metadata)
        if found.own:
            pairs[found.source].own.add(found.document)
        elif found.source:
            pairs[found.source].foreign.append(metadata)
        else:
            nobodys.append(metadata)
    for source, _ in layout.keys:
        if not pairs[source].own:
            pairs[source].foreign += nobodys
    return pairs


def _verdict(source: str, pair: _Pair, rule: KeyRule, known: Known, fields: ChunkFields, *, complete: bool) -> Verdict:
    name = rule.field or fields.document
    keys = [key for metadata in pair.foreign if (key := key_in(metadata, name)) is not None]
    found = _measured(rule, keys, pair.own, known)
    without = len(pair.foreign) - len(keys)
    detail = found.words + (f"; chunks without a key: {without} of {len(pair.foreign)}" if without else "")
    if 2 * found.met_keys < found.keys or 2 * without > len(pair.foreign):
        better = propose_field(pair.foreign, known, fields.document)
        helps = better.met_paths > measure_rule(rule, keys, known).met_paths
        return poor(detail, _advice(source, better) if helps else _GUIDE)
    # What is missing from a part of an index may stand in the rest of it.
    if complete and 2 * found.met_paths < found.paths:
        return poor(detail, f"let its pipeline put in the rest, or correct root and patterns of source {source}")
    return fine(detail)


def _measured(rule: KeyRule, keys: Sequence[str], own: set[str], known: Known) -> KeyProposal:
    """Give how much meets, our own chunks included: they name their documents by path."""
    paths = [path_by(rule, key, known) for key in set(keys)] + [known.path_of(document) for document in own]
    met = [path for path in paths if path is not None]
    return KeyProposal(
        rule=rule, met_keys=len(met), keys=len(paths), met_paths=len(set(met)), paths=max(len(known), len(set(met)))
    )


def _advice(source: str, better: KeyProposal) -> str:
    """Give what to paste into the configuration, with what it would change."""
    settings, section = rule_settings(better.rule), f"sources.{source}.document_key"
    if not settings:
        return f"take [{section}] away; then {better.words}"
    return f"{toml_table(section, settings)}\n# {better.words}"
