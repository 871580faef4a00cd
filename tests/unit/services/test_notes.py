from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.errors import InputError
from governance.services.notes import LONGEST_NOTE, require_note, write_note
from tests.log_rows import known_names

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "kept"), [(None, ""), ("", ""), (" \n", ""), ("  é, 检查\tand\nmore ", "é, 检查\tand\nmore")]
)
def test_a_note_is_kept_without_the_blanks_around_it(typed: str | None, kept: str) -> None:
    assert require_note(typed) == kept


@pytest.mark.parametrize("typed", ["x" * (LONGEST_NOTE + 1), "a\0b", "a\x1b[31mb", "\udcff", "\u202eabc"])
def test_what_is_too_long_or_cannot_be_printed_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(InputError) as refused:
        require_note(typed)
    assert typed not in str(refused.value.as_json())


def test_an_empty_note_leaves_nothing(catalog_engine: Engine) -> None:
    catalog = Catalog(catalog_engine, known_names)
    with catalog.write() as uow:
        write_note(uow, "pause", "one", "", Actor(id="ada"), NOW)
        write_note(uow, "pause", "one", "Two words", Actor(id="ada"), NOW)
        assert [(item.text, item.actor, item.written_at) for item in uow.notes.of("pause", "one")] == [
            ("Two words", "ada", NOW)
        ]
