"""What findings are about, as policies look at it."""

from __future__ import annotations

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.documents import Document
from governance.domain.findings import Place
from governance.policy.match import Subject
from governance.policy.model import PolicySet
from governance.policy.resolve import class_of


class Subjects:
    """Looks up the documents that findings are about; lives as long as a transaction."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._documents = {(item.source, item.document): item for item in uow.documents.every()}
        self._indexes = uow.chunks.index_of()

    def of(self, place: Place) -> tuple[Document | Subject, str | None]:
        """Give the document at a place, also one that is gone, and the index in question.

        Where the catalog knows no document, what the place itself says stands for it.
        """
        key = (place.source, place.document)
        index = place.index or self._indexes.get(key)
        document = self._documents.get(key)
        if document is None and place.document:
            document = self._uow.documents.get(*key)
        return document or Subject(source=place.source, path=place.document, index=index), index

    def subject(self, place: Place, policies: PolicySet) -> Subject:
        """Give what conditions are held against, the class included."""
        about, index = self.of(place)
        if isinstance(about, Subject):
            return about
        return Subject.of(about, index, class_of(policies, about, index))
