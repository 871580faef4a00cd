"""Cases of `kbgov policy test` as people write them: documents on a day, and exactly the findings expected of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import Field

from governance.domain.actions import ActionKind
from governance.domain.errors import PolicyError
from governance.domain.findings import FindingKind, FindingStatus, Severity
from governance.policy.problems import place_of, policy_error
from governance.policy.reading import read_strictly, text_of
from governance.policy.values import Day, Model, Name, Reads, Text, Texts, Wrong, one_of
from governance.policy.yaml_reader import MapNode

FILE: Final = "case.yaml"
SOURCE: Final = "docs"
"""The source of documents that name none."""
_TEXT: Final = "Some words that say something."
_STATUSES: Final = (FindingStatus.OPEN, FindingStatus.WAIVED)


def _page(value: str) -> str:
    path = PurePosixPath(value)
    odd = "\\" in value or "//" in value or value.endswith("/") or {".", ".."} & set(value.split("/"))
    if path.is_absolute() or odd or any(part.startswith(".") for part in path.parts):
        raise Wrong("must be a path below the source's folder, such as 'hr/leave.md'")
    if path.suffix not in {".md", ".html", ".txt", ".rst"}:
        raise Wrong("must end with .md, .html, .txt or .rst")
    return value


PagePath = Annotated[str, Reads(_page, {"type": "string"})]


class DocumentModel(Model):
    """A page as it stands in its folder, and what is known of its past."""

    path: PagePath = Field(description="Below the source's folder: `hr/leave.md`.")
    source: Name = SOURCE
    title: Text | None = None
    owner: Text | None = None
    reviewed_on: Text | None = Field(None, description="As in front matter, also what is no day.")
    review_interval: Text | None = None
    created_on: Text | None = None
    version: Text | None = None
    labels: Texts | None = None
    metadata: dict[str, Texts] = Field({}, description="Further front matter that policies look at.")
    text: str | None = Field(None, description="The page's text; a few words when left out.")
    before: str | None = Field(None, description="What the text was until `changed_on`, or until today.")
    first_seen: Day | None = Field(None, description="Day on which the catalog first saw it; today when left out.")
    changed_on: Day | None = Field(None, description="Day of the last change by the source's own history.")
    verified_on: Day | None = Field(None, description="Day on which somebody typed: kbgov documents verify.")
    gone_on: Day | None = Field(None, description="Day from which on the source has it no more.")


class ExpectedModel(Model):
    """A finding. What is left out is not compared."""

    kind: Annotated[str, one_of(FindingKind)]
    document: Text | None = Field(None, description="Left out where the finding is about no document.")
    severity: Annotated[str, one_of(Severity)] | None = None
    status: Annotated[str, one_of(_STATUSES)] = FindingStatus.OPEN.value
    policy: Text | None = None
    actions: list[Annotated[str, one_of(ActionKind)]] | None = None


class CaseModel(Model):
    """A case."""

    document: Annotated[str, one_of(("case",))]
    description: Text = Field(description="What the case shows, for the reader of a failure.")
    today: Day
    policies: Texts = Field(description="Files or folders, relative to the case's folder.")
    indexed: Day | None = Field(None, description="Day on which all pages of then were brought into an index.")
    documents: list[DocumentModel]
    expected: list[ExpectedModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case that was read.

    Attributes:
        name: Its folder, relative to the one that was searched.
        policies: The files, absolute or relative to the working directory.

    """

    name: str
    file: Path
    policies: Sequence[Path]
    today: date
    indexed: date | None
    model: CaseModel

    @property
    def sources(self) -> list[str]:
        """The names of all sources, one at least."""
        return sorted({item.source for item in self.model.documents} or {SOURCE})

    @property
    def metadata_keys(self) -> tuple[str, ...]:
        """The keys of metadata that documents use."""
        return tuple(sorted({key for item in self.model.documents for key in item.metadata}))

    def days(self) -> list[date]:
        """Give every day on which something happens, in order, the case's own last."""
        found = {self.today, *([self.indexed] if self.indexed else [])}
        for item in self.model.documents:
            found |= {self.seen_first(item)}
            found |= {date.fromisoformat(day) for day in (item.verified_on, item.gone_on) if day}
            found |= {self.changes_on(item)} if item.before is not None else set()
        return sorted(found)

    def seen_first(self, item: DocumentModel) -> date:
        """Give the day on which a page is first seen: with the index, where the case has one."""
        return date.fromisoformat(item.first_seen) if item.first_seen else self.indexed or self.today

    def changes_on(self, item: DocumentModel) -> date:
        """Give the day on which a page that was another one becomes what it is."""
        return date.fromisoformat(item.changed_on) if item.changed_on else self.today

    def pages(self, day: date) -> Iterator[tuple[DocumentModel, str]]:
        """Give the pages that are there on a day, with all that stands in their files."""
        for item in self.model.documents:
            gone = item.gone_on is not None and date.fromisoformat(item.gone_on) <= day
            if self.seen_first(item) <= day and not gone:
                was = item.before is not None and day < self.changes_on(item)
                yield item, _written(item, item.before if was else item.text)


def find_cases(folder: Path) -> list[Case]:
    """Read every case below a folder, by name.

    Raises:
        PolicyError: A case cannot be read, or says something that is not understood.

    """
    return [_read(file, folder) for file in sorted(folder.rglob(FILE))]


def _read(file: Path, folder: Path) -> Case:
    name = str(file)
    text = text_of(file, f"the case {name}", "correct the case, or name another folder: kbgov policy test FOLDER")
    model, root = read_strictly(name, text, CaseModel, "document: case")
    today = date.fromisoformat(model.today)
    case = Case(
        name=file.parent.relative_to(folder).as_posix() if file.parent != folder else folder.name,
        file=file,
        policies=[file.parent / path for path in model.policies],
        today=today,
        indexed=date.fromisoformat(model.indexed) if model.indexed else None,
        model=model,
    )
    _check_documents(case, root)
    return case


def _check_documents(case: Case, root: MapNode) -> None:
    """Refuse a page twice, what happens after the day that is judged, and a past that nobody could have seen."""
    if case.indexed is not None and case.indexed > case.today:
        raise _error(case, root, ("indexed",), "lies after the case's own day")
    known: set[tuple[str, str]] = set()
    for place, item in enumerate(case.model.documents):
        if (item.source, item.path) in known:
            raise _error(case, root, ("documents", place), "stands here a second time")
        known.add((item.source, item.path))
        first = case.seen_first(item)
        for key in ("first_seen", "changed_on", "verified_on", "gone_on"):
            written: str | None = getattr(item, key)
            day = date.fromisoformat(written) if written else None
            if day is not None and day > case.today:
                raise _error(case, root, ("documents", place, key), "lies after the case's own day")
            if day is not None and day < first and key in {"verified_on", "gone_on"}:
                raise _error(case, root, ("documents", place, key), f"lies before the page was first seen, {first}")


def _error(case: Case, root: MapNode, loc: tuple[str | int, ...], sentence: str) -> PolicyError:
    line, where = place_of(root, loc)
    return policy_error(str(case.file), line, f"{where}: {sentence}")


def _written(item: DocumentModel, text: str | None) -> str:
    """Give a page as it stands in its file, front matter first."""
    facts: dict[str, str | Sequence[str] | None] = {
        "title": item.title,
        "owner": item.owner,
        "reviewed_on": item.reviewed_on,
        "review_interval": item.review_interval,
        "created_on": item.created_on,
        "version": item.version,
        "labels": item.labels,
        **_metadata(item.metadata),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items() if value]
    body = _TEXT if text is None else text
    return "\n".join(["---", *lines, "---", body, ""]) if lines else f"{body}\n"


def _metadata(found: Mapping[str, Sequence[str]]) -> dict[str, str | Sequence[str]]:
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}
