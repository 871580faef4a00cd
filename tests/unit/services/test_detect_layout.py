from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.errors import InputError
from governance.services.detect_layout import LAYOUTS, check_layout_name, detect_layout
from governance.services.index_sample import SampledChunk
from tests.foreign_layouts import WRITERS

PAGES = ["hr/leave.md", "hr/desk.md", "it/vpn.md"]


def chunks(layout: str, pages: list[str] = PAGES, **more: Any) -> list[SampledChunk]:
    return [
        SampledChunk(name, {**metadata, **more}, has_text=True)
        for page in pages
        for name, metadata in WRITERS[layout](page)
    ]


def of(*metadata: Mapping[str, Any], has_text: bool = True) -> list[SampledChunk]:
    return [SampledChunk(str(place), each, has_text) for place, each in enumerate(metadata)]


@pytest.mark.parametrize(
    ("layout", "confidence", "document", "fields"),
    [
        ("kbgov", 1.0, "kb_document", {"title": "title", "owner": "owner", "position": "kb_position"}),
        ("llamaindex", 1.0, "file_path", {"title": "file_name", "modified": "last_modified_date"}),
        ("haystack", 0.9, "file_path", {"position": "split_id"}),
        ("langchain", 0.7, "source", {"title": "title", "owner": "author", "position": "start_index"}),
        ("custom", 0.4, "page", {"uri": "link", "labels": "tags", "modified": "updated"}),
    ],
)
def test_each_layout_is_recognized_with_its_fields_and_says_how_sure_it_is(
    layout: str, confidence: float, document: str, fields: dict[str, str]
) -> None:
    found = detect_layout(chunks(layout)).as_json()
    assert (found["name"], found["confidence"], found["text"], found["document"]) == (
        layout,
        confidence,
        None,
        document,
    )
    assert fields.items() <= found["fields"].items()  # type: ignore[union-attr]


def test_a_library_that_only_has_ids_of_its_own_is_still_recognized() -> None:
    bare = [{k: v for k, v in each.metadata.items() if k != "file_path"} for each in chunks("llamaindex")]
    assert detect_layout(of(*bare)).document == "ref_doc_id"
    bare = [{k: v for k, v in each.metadata.items() if k != "file_path"} for each in chunks("haystack")]
    assert detect_layout(of(*bare)).document == "source_id"


def test_haystacks_own_id_that_recomputes_is_a_certain_mark() -> None:
    name = str(uuid.uuid5(uuid.NAMESPACE_DNS, "doc-1"))
    found = detect_layout([SampledChunk(name, {"_original_id": "doc-1", "file_path": "a.md"}, has_text=True)])
    assert (found.name, found.confidence) == ("haystack", 1.0)


def test_parent_and_child_ids_without_node_content_are_not_llamaindex() -> None:
    assert detect_layout(of({"doc_id": "1", "document_id": "1", "ref_doc_id": "1", "source": "a"})).name == "langchain"
    broken = {
        "_node_content": "{" * 5000,
        "_node_type": "TextNode",
        "doc_id": "1",
        "document_id": "1",
        "ref_doc_id": "1",
    }
    assert detect_layout(of(broken)).name == "custom"


def test_in_a_mixed_index_the_larger_share_counts_and_the_rest_lowers_the_confidence() -> None:
    found = detect_layout([*chunks("llamaindex"), *chunks("kbgov", PAGES[:1])])
    assert (found.name, round(found.confidence, 2)) == ("llamaindex", 0.75)


def test_a_layout_that_was_named_is_taken_and_the_sample_still_says_how_likely_it_is() -> None:
    found = detect_layout(chunks("langchain"), "llamaindex")
    assert (found.name, found.confidence, found.document) == ("llamaindex", 0.0, "source")
    assert detect_layout([], "haystack").as_json() == {
        "name": "haystack",
        "confidence": 0.0,
        "text": None,
        "document": None,
        "fields": {},
    }


def test_a_text_among_the_metadata_is_found_where_the_store_keeps_none() -> None:
    assert detect_layout(of({"source": "a", "page_content": "Words."}, has_text=False)).text == "page_content"
    assert detect_layout(of({"source": "a", "page_content": "Words."})).text is None


def test_a_field_with_one_value_for_everything_names_a_place_and_no_page() -> None:
    sample = of(*({"source": "confluence", "origin": f"hr/{n}.html"} for n in range(5)))
    assert detect_layout(sample).document == "origin"
    assert detect_layout(of(*({"source": "confluence"} for _ in range(5)))).document == "source"


def test_an_address_in_source_is_where_a_person_finds_the_page() -> None:
    assert detect_layout(of({"source": "https://wiki/a"})).fields["uri"] == "source"
    assert "uri" not in detect_layout(of({"source": "hr/a.md"})).fields


def test_a_field_that_hardly_any_chunk_has_or_that_holds_something_else_is_left_out() -> None:
    sample = of({"source": "a", "title": "A", "owner": "kim"}, *({"source": "b", "updated": "soon"} for _ in range(20)))
    assert detect_layout(sample).fields == {}


def test_an_unknown_layout_names_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        check_layout_name("lama-index")
    assert "did you mean 'llamaindex'" in str(caught.value.next_step)
    for name in LAYOUTS:
        check_layout_name(name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["source", "kb_source", "kb_document", "_node_content", "_node_type", "doc_id", "split_id", "source_id", "title"]
)


@given(
    st.lists(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=6), max_size=8),
    st.sampled_from([None, *LAYOUTS]),
    st.booleans(),
)
def test_whatever_an_index_holds_there_is_an_answer(metadata, name: str | None, has_text: bool) -> None:
    found = detect_layout(of(*metadata, has_text=has_text), name)
    assert found.name in LAYOUTS
    assert 0 <= found.confidence <= 1
    used = {found.document, found.text, *found.fields.values()} - {None}
    assert found.name == "kbgov" or all(any(field in each for each in metadata) for field in used)
