"""An empty index of every adapter, with its ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from governance.domain.ports import Index, IndexReader, IndexWriter
from tests.contract.adapters import ADAPTERS, Adapter


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return request.param


@pytest.fixture
def index(adapter: Adapter, tmp_path: Path) -> Index:
    return adapter.make(tmp_path)


@pytest.fixture
def writer(index: Index) -> Iterator[IndexWriter]:
    with closing(index.writer()) as port:
        yield port


@pytest.fixture
def reader(index: Index, writer: IndexWriter) -> Iterator[IndexReader]:
    """Give a reader; the writer comes first, because some stores only exist once somebody wrote to them."""
    del writer
    with closing(index.reader()) as port:
        yield port
