"""Older versions of a page that can be retrieved beside a newer one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from governance.detectors.base import Documents
from governance.detectors.versions import told_version, version_key
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.ports import Signature, SignatureStore
from governance.domain.values import canonical_json, text_hash

SCHEME: Final = "superseded/1"
_LONGEST_ID: Final = 500  # a database that keeps keys in an index page takes no longer ones


@dataclass(slots=True)
class _Cluster:
    versions: dict[str, str] = field(default_factory=dict)  # document -> its newest version
    places: set[tuple[str, str]] = field(default_factory=set)

    def add(self, place: tuple[str, str], versions: dict[str, str]) -> None:
        self.places.add(place)
        for document, version in versions.items():
            self.versions[document] = _newer(version, self.versions.get(document))

    def members(self) -> list[tuple[str, str]]:
        """Give (document, version), oldest version first, then by path."""
        return sorted(self.versions.items(), key=lambda item: (version_key(item[1]), item[0]))


def sign(document: Document, chunk: ChunkKey) -> Iterator[Signature]:
    """Give the signature of a chunk of a versioned page; nothing for other pages.

    The key holds source, logical id, index and partition: only what one search can find together competes.
    Whoever signs a chunk again after its document's logical id changed forgets the chunk first.
    """
    if document.version is None or not document.logical_id:
        return
    logical_id = document.logical_id
    if len(logical_id) > _LONGEST_ID:
        logical_id = f"sha256:{text_hash(logical_id)}"
    yield Signature(
        scheme=SCHEME,
        key=canonical_json([document.source, logical_id, chunk.index, chunk.partition]).decode("ascii"),
        value=document.version,
        chunk=chunk,
        source=document.source,
        document=document.document,
    )


def inspect(store: SignatureStore, documents: Documents) -> Iterator[Observation]:
    """Give one observation per logical id of which one partition holds more than one version.

    `evidence.members` are the documents, oldest version first, `evidence.versions` their versions in the same
    order, as far as they look like versions, `evidence.canonical` the newest version's document (of several, the
    first by path), which is the finding's place too. `evidence.indexes` names where they meet.

    A page that competes in several indexes or tenants is stated once, over all of them: the fingerprint holds source,
    canonical document and logical id, so an index more or less changes the evidence and not the identity.
    When a newer version arrives, the old statement ends and a new one begins: who waived "1.0 beside 2.0"
    has not waived "2.0 beside 3.0".
    """
    clusters: defaultdict[tuple[str, str], _Cluster] = defaultdict(_Cluster)
    for key, signatures in store.candidates(SCHEME):
        source, logical_id, index, partition = json.loads(key)
        versions = _versions(signatures)
        if len({version_key(version) for version in versions.values()}) > 1:
            clusters[source, logical_id].add((index, partition), versions)
    for (source, logical_id), cluster in sorted(clusters.items()):
        yield _observation(source, logical_id, cluster, documents)


def _versions(signatures: Sequence[Signature]) -> dict[str, str]:
    """Give each document's newest version: chunks that a half-done ingest left are not another page."""
    versions: dict[str, str] = {}
    for signature in signatures:
        versions[signature.document] = _newer(signature.value, versions.get(signature.document))
    return versions


def _newer(version: str, other: str | None) -> str:
    # The text decides between two spellings of one version, so that the order of reading does not.
    if other is None or other == version:
        return version
    return max(version, other, key=lambda text: (version_key(text), text))


def _observation(source: str, logical_id: str, cluster: _Cluster, documents: Documents) -> Observation:
    members = cluster.members()
    newest = version_key(members[-1][1])
    canonical = next(document for document, version in members if version_key(version) == newest)
    known = documents(source, canonical)
    return Observation(
        kind=FindingKind.SUPERSEDED,
        severity=Severity.MEDIUM,
        place=Place(source=source, document=canonical),
        rule="older_version_retrievable",
        policy="",
        message=f"Older versions of this page can be retrieved beside it, {len(members)} documents in all.",
        owner=known.owner if known else None,
        discriminator=logical_id,
        evidence={
            "members": [document for document, _ in members],
            "canonical": canonical,
            "versions": [told_version(version) for _, version in members],
            "indexes": sorted({index for index, _ in cluster.places}),
        },
    )
