from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from governance.bootstrap import App
from governance.config.settings import Settings
from governance.domain.errors import InputError
from governance.domain.keys import ChunkFields, IndexLayout, KeyCase, KeyRule
from governance.services.layout import index_layout


def settings(sources: Mapping[str, Any], indexes: Mapping[str, Any]) -> Settings:
    places = {name: {"root": "docs", **given} for name, given in sources.items()}
    return Settings.model_validate({"sources": places, "indexes": indexes})


def test_without_any_word_about_it_an_index_is_read_by_our_own_habits() -> None:
    found = settings({"docs": {}}, {"main": {}})
    assert index_layout(found, "main") == IndexLayout(fields=ChunkFields(), keys=(("docs", KeyRule()),))


def test_an_empty_text_means_none_and_what_is_not_set_keeps_its_default() -> None:
    found = settings({}, {"main": {"fields": {"document": "file_path", "owner": "", "title": "heading"}}})
    assert index_layout(found, "main").fields == ChunkFields(document="file_path", owner=None, title="heading")


def test_fields_of_metadata_are_named_by_a_list_or_by_one_word() -> None:
    found = settings({}, {"main": {"fields": {"created": "born", "metadata": ["team", "level"]}}})
    assert index_layout(found, "main").fields == ChunkFields(created="born", metadata=("team", "level"))
    assert index_layout(settings({}, {"main": {"fields": {"metadata": "team"}}}), "main").fields.metadata == ("team",)


def test_every_part_of_a_document_key_is_taken_over() -> None:
    key = {"field": "url", "url_decode": True, "strip_prefix": "https://wiki/", "pattern": "(.+)", "case": "ignore"}
    found = settings({"docs": {"document_key": key}}, {"main": {}})
    rule = KeyRule(field="url", url_decode=True, strip_prefix="https://wiki/", pattern="(.+)", case=KeyCase.IGNORE)
    assert index_layout(found, "main").keys == (("docs", rule),)


def test_a_source_without_an_index_goes_into_the_only_one_and_into_none_of_several() -> None:
    sources = {"b": {}, "a": {"index": "main"}}
    assert [name for name, _ in index_layout(settings(sources, {"main": {}}), "main").keys] == ["a", "b"]
    several = settings(sources, {"main": {}, "other": {}})
    assert [name for name, _ in index_layout(several, "main").keys] == ["a"]
    assert index_layout(several, "other").keys == ()


@pytest.mark.parametrize("pattern", ["no group", "(two) (groups)", "("])
def test_a_pattern_without_exactly_one_group_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        settings({"docs": {"document_key": {"pattern": pattern}}}, {"main": {}})


def test_the_application_knows_the_layout_of_each_index_and_names_the_known_ones() -> None:
    app = App(settings({"docs": {}}, {"main": {}}), {}, lambda: None, lambda *_: None)  # type: ignore[arg-type]
    assert app.layout("main").keys == (("docs", KeyRule()),)
    with pytest.raises(InputError, match="there is no index 'mian'") as caught:
        app.layout("mian")
    assert "did you mean 'main'" in str(caught.value.next_step)


def test_keys_of_metadata_reach_either_kind_of_source(tmp_path: Path) -> None:
    found = Settings.model_validate(
        {
            "sources": {
                "files": {"root": str(tmp_path), "metadata": ["team"], "fields": {"created_on": "born"}},
                "list": {"type": "manifest", "path": str(tmp_path / "x.jsonl"), "metadata": "team"},
            }
        }
    )
    app = App(found, {}, lambda: None, lambda *_: None)  # type: ignore[arg-type]
    (tmp_path / "a.md").write_text("---\nteam: HR\nborn: 2020-01-02\n---\nText", encoding="utf-8")
    (tmp_path / "x.jsonl").write_text(
        '{"id": "a", "text": "x", "team": "HR", "created": "2020-01-02"}\n{"end": true, "count": 1}\n'
    )
    for name in ("files", "list"):
        (listed,) = app.sources[name].listing()
        record = app.sources[name].parse(listed).record
        assert (record.attributes, record.created_on) == ({"team": ("HR",)}, date(2020, 1, 2))
