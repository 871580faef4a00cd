from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.keys import ChunkFields, IndexLayout, KeyCase, KeyRule
from governance.services.keys import (
    DEFAULT_FIELDS,
    LONGEST_KEY,
    Attribution,
    Known,
    Resolver,
    apply_rule,
    default_key,
    key_text,
    normal_key,
    usable,
)

PREFIX = KeyRule(strip_prefix="/app/docs/")
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60)
PATHS = TEXTS.map(normal_key).filter(usable)
PREFIXES = st.text(st.sampled_from("abcXYZ/:.-_ äß"), max_size=20)


def known(*paths: str) -> Known:
    return Known((path, path) for path in paths)


def resolver(
    sources: Mapping[str, tuple[KeyRule, Known]], *configured: str, fields: ChunkFields | None = None
) -> Resolver:
    layout = IndexLayout(
        fields=fields or ChunkFields(), keys=tuple((name, rule) for name, (rule, _) in sources.items())
    )
    names = {name: each for name, (_, each) in sources.items()}
    return Resolver("main", layout, names, {*sources, *configured})


@pytest.mark.parametrize(
    ("rule", "key", "path"),
    [
        (KeyRule(), "hr/leave.md", "hr/leave.md"),
        (KeyRule(), "./hr/leave.md", "hr/leave.md"),
        (KeyRule(), "hr\\leave.md", "hr/leave.md"),
        (KeyRule(), unicodedata.normalize("NFD", "hr/zurück.md"), "hr/zurück.md"),
        (PREFIX, "/app/docs/hr/leave.md", "hr/leave.md"),
        (PREFIX, "/app/other/leave.md", None),
        (PREFIX, "/app/docs/", None),
        (KeyRule(strip_prefix="C:\\docs\\"), "C:\\docs\\hr\\leave.md", "hr/leave.md"),
        (KeyRule(strip_prefix="./docs/"), "./docs/leave.md", "leave.md"),
        (KeyRule(url_decode=True, strip_prefix="https://wiki/"), "https://wiki/hr%20desk/leave", "hr desk/leave"),
        (KeyRule(url_decode=True), "100%/a+b%zz.md", "100%/a+b%zz.md"),
        (KeyRule(url_decode=True), "caf%E9.md", "caf%E9.md"),
        (KeyRule(url_decode=True), "a%00.md", None),
        (KeyRule(pattern=r"(.+)#\d+"), "leave.md#12", "leave.md"),
        (KeyRule(pattern=r"(.+)#\d+"), "leave.md#12 and more", None),
        (KeyRule(pattern=r"(.*)#\d+"), "#12", None),
        (KeyRule(pattern=r"x(y)?"), "x", None),
        (KeyRule(strip_prefix="s3://kb/", pattern=r"(.+)\?v=\d+"), "s3://kb/a.md?v=3", "a.md"),
        (KeyRule(case=KeyCase.IGNORE), "HR/Leave.md", "HR/Leave.md"),
    ],
)
def test_a_rule_turns_a_key_into_a_path_step_by_step(rule: KeyRule, key: str, path: str | None) -> None:
    assert apply_rule(rule, key) == path


@given(PREFIXES, PATHS)
def test_a_prefix_that_was_put_on_comes_off_again(prefix: str, path: str) -> None:
    prefix = "/" + normal_key(prefix) + "/"
    if usable(prefix + path):
        assert apply_rule(KeyRule(strip_prefix=prefix), prefix + path) == normal_key(prefix + path)[len(prefix) :]


@given(PATHS)
def test_a_path_that_was_url_encoded_comes_back(path: str) -> None:
    key = "https://wiki.example/" + quote(path)
    if usable(key):
        assert apply_rule(KeyRule(url_decode=True, strip_prefix="https://wiki.example/"), key) == path


@given(st.text(max_size=3000) | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.text()))
def test_whatever_stands_in_a_field_a_key_is_short_and_can_be_stored(value: object) -> None:
    key = key_text(value)  # type: ignore[arg-type]  # whatever a store gives
    if key is not None:
        assert "\0" not in key
        assert key.strip()
        assert len(unicodedata.normalize("NFC", key).encode()) <= LONGEST_KEY


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("a", "a"),
        (12, "12"),
        (12.0, "12"),
        (12.5, None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
        (10**30, None),
        (" ", None),
        ("", None),
        ("\ud800", None),
        ("a\0b", None),
        ("x" * LONGEST_KEY, "x" * LONGEST_KEY),
        ("x" * (LONGEST_KEY + 1), None),
        ("é" * LONGEST_KEY, None),
        (["a"], None),
        (None, None),
    ],
)
def test_only_texts_and_whole_numbers_of_a_bounded_length_are_keys(value: object, key: str | None) -> None:
    assert key_text(value) == key  # type: ignore[arg-type]  # whatever a store gives


def test_the_default_fields_are_asked_in_their_order() -> None:
    metadata = {name: f"by {name}" for name in DEFAULT_FIELDS}
    for name in DEFAULT_FIELDS:
        assert default_key(metadata) == f"by {name}"
        del metadata[name]
    assert default_key(metadata) is None


def test_the_word_none_of_an_orphaned_node_is_no_key_but_a_page_may_be_called_so() -> None:
    assert default_key({"ref_doc_id": "None", "source_id": "7"}) == "7"
    assert default_key({"source": "None"}) == "None"


def test_a_configured_field_is_the_only_one_that_counts() -> None:
    fields = ChunkFields(document="page")
    assert default_key({"page": "b", "source": "a"}, fields) == "b"
    assert default_key({"source": "a"}, fields) is None


def test_our_own_chunk_belongs_where_it_says_even_in_another_sources_index() -> None:
    found = resolver({"docs": (PREFIX, known("a.md"))}, "wiki")
    metadata = {"kb_source": "wiki", "kb_document": "./a\\b.md", "source": "/app/docs/a.md"}
    assert found.resolve(metadata) == Attribution("wiki", "./a\\b.md", own=True)


def test_a_chunk_of_a_source_that_is_no_longer_configured_is_nobodys_unless_a_rule_accepts_it() -> None:
    metadata = {"kb_source": "old", "kb_document": "a.md"}
    assert resolver({"docs": (KeyRule(), known("a.md"))}).resolve(metadata) == Attribution("", "", own=False)
    taking = KeyRule(field="kb_document", pattern="(.+)")
    assert resolver({"docs": (taking, known("a.md"))}).resolve(metadata) == Attribution("docs", "a.md", own=False)


@pytest.mark.parametrize("document", [None, 7, "", "a\0b", ["a.md"]])
def test_what_claims_to_be_ours_without_a_usable_document_is_judged_by_its_other_keys(document: object) -> None:
    found = resolver({"docs": (KeyRule(), known("b.md"))})
    metadata = {"kb_source": "docs", "kb_document": document, "source": "b.md"}
    expected = "7" if document == 7 else "b.md"
    assert found.resolve(metadata) == Attribution("docs", expected, own=False)  # type: ignore[arg-type]


def test_explicit_rules_come_first_and_the_one_that_knows_the_document_wins() -> None:
    found = resolver(
        {
            "all": (KeyRule(strip_prefix="/app/"), known("x.md")),
            "open": (KeyRule(), known("/app/wiki/a.md")),
            "wiki": (KeyRule(strip_prefix="/app/wiki/"), known("a.md")),
        }
    )
    assert found.resolve({"source": "/app/wiki/a.md"}) == Attribution("wiki", "a.md", own=False)
    assert found.resolve({"source": "/app/wiki/gone.md"}) == Attribution("all", "wiki/gone.md", own=False)
    assert found.resolve({"source": "elsewhere.md"}) == Attribution("open", "elsewhere.md", own=False)


def test_of_several_sources_that_refuse_nothing_only_one_that_knows_the_document_takes_it() -> None:
    found = resolver({"a": (KeyRule(), known("x.md", "both.md")), "b": (KeyRule(), known("y.md", "both.md"))})
    assert found.resolve({"source": "y.md"}).source == "b"
    assert found.resolve({"source": "both.md"}).source == "a"
    assert found.resolve({"source": "./z.md"}) == Attribution("", "./z.md", own=False)
    assert found.resolve({"text": "no key"}) == Attribution("", "", own=False)


def test_each_source_may_be_named_by_a_field_of_its_own() -> None:
    found = resolver(
        {"a": (KeyRule(field="page"), known("1")), "b": (KeyRule(field="ticket", pattern=r"T-(\d+)"), known("1"))}
    )
    assert found.resolve({"page": 1, "source": "x"}) == Attribution("a", "1", own=False)
    assert found.resolve({"page": 1, "ticket": "T-1"}) == Attribution("b", "1", own=False)
    assert found.resolve({"source": "x"}) == Attribution("", "x", own=False)


def test_a_document_is_known_by_its_uri_as_well_unless_several_share_it() -> None:
    pages = Known([("1", "https://wiki/a%20b"), ("2", "https://wiki/"), ("3", "https://wiki/"), ("4", "")])
    found = resolver({"docs": (KeyRule(url_decode=True), pages)})
    assert found.resolve({"url": "https://wiki/a%20b"}).document == "1"
    assert found.resolve({"url": "https://wiki/"}).document == "https://wiki/"


def test_capitals_count_unless_the_rule_says_otherwise_and_the_source_spells_the_name() -> None:
    pages = known("HR/Leave.md", "HR/leave.md", "hr/x.md")
    keeping = resolver({"docs": (KeyRule(), pages)})
    ignoring = resolver({"docs": (KeyRule(case=KeyCase.IGNORE), pages)})
    assert keeping.resolve({"source": "hr/X.md"}).document == "hr/X.md"
    assert ignoring.resolve({"source": "hr/X.md"}).document == "hr/x.md"
    assert ignoring.resolve({"source": "HR/leave.md"}).document == "HR/leave.md"
    assert ignoring.resolve({"source": "hr/LEAVE.md"}).document == "HR/Leave.md"
    assert ignoring.resolve({"source": "hr/Gone.md"}).document == "hr/Gone.md"


@pytest.mark.parametrize("name", [unicodedata.normalize("NFD", "zurück.md"), "a\\b.md", "./c.md"])
def test_the_sources_own_spelling_is_given_back(name: str) -> None:
    found = resolver({"docs": (KeyRule(), known(name))})
    assert found.resolve({"source": name}).document == name
    assert found.resolve({"source": normal_key(name)}).document == name


def test_of_names_that_only_differ_in_their_slashes_the_one_spelled_like_the_key_is_meant() -> None:
    for order in (("a/b", "a\\b"), ("a\\b", "a/b")):
        assert known(*order).path_of("a/b") == "a/b"
    assert len(known("a/b", "a\\b")) == 1


def test_an_index_without_sources_calls_its_documents_by_their_keys() -> None:
    found = resolver({}, "other")
    assert found.resolve({"source": "/app/a.md"}) == Attribution("index:main", "/app/a.md", own=False)
    assert found.resolve({}) == Attribution("", "", own=False)
    assert found.resolve({"kb_source": "old", "kb_document": "a.md"}) == Attribution("index:main", "a.md", own=False)
    assert found.resolve({"kb_source": "other", "kb_document": "a.md"}) == Attribution("other", "a.md", own=True)


def test_a_kept_key_is_resolved_like_the_chunk_it_came_from() -> None:
    found = resolver({"docs": (PREFIX, known("a.md"))})
    for key in ("/app/docs/a.md", "/app/docs/b.md", "elsewhere"):
        assert found.resolve_key(key) == found.resolve({"source": key})
    assert found.resolve_key("") == Attribution("", "", own=False)


METADATA = st.dictionaries(
    st.sampled_from(["kb_source", "kb_document", "source", "page", "doc_id"]),
    st.sampled_from(["docs", "gone", "/app/docs/a.md", "a.md", "A.MD", "x%20y", "", 7, True, None]) | TEXTS,
)


@given(METADATA, st.permutations(["a", "docs", "z"]))
def test_the_order_in_which_sources_are_configured_changes_nothing(metadata, order: list[str]) -> None:
    sources = {
        "a": (KeyRule(), known("a.md", "x y")),
        "docs": (PREFIX, known("a.md")),
        "z": (KeyRule(field="page", url_decode=True, case=KeyCase.IGNORE), known("a.md", "x y")),
    }
    first = resolver(sources).resolve(metadata)
    assert resolver({name: sources[name] for name in order}).resolve(metadata) == first
    assert first.source in {"", *sources}
    assert first.document or not first.source
