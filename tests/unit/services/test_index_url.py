from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.errors import InputError
from governance.services.index_url import LATER, RESERVED, parse_index_url

HERE = Path("/srv/kb")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///main.db", "/srv/kb/main.db"),
        ("sqlite:////data/main.db", "/data/main.db"),
        ("SQLite:///a%20b%3F.db", "/srv/kb/a b?.db"),
        ("sqlite:///sub/../x:y@z.db", "/srv/kb/sub/../x:y@z.db"),
    ],
)
def test_a_file_is_named_relative_to_where_it_was_typed(url: str, path: str) -> None:
    place = parse_index_url(url, HERE)
    assert (place.type, place.path) == ("embedded", Path(path))


@pytest.mark.parametrize("scheme", [*LATER, *RESERVED])
def test_stores_without_an_adapter_are_refused_with_a_sentence(scheme: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_index_url(f"{scheme}://host:8080/Collection", HERE)
    assert caught.value.exit_code == 2
    assert scheme in caught.value.message
    assert ("reserved" in caught.value.message) == (scheme in RESERVED)
    assert caught.value.item == f"{scheme}://"


@pytest.mark.parametrize(
    "url",
    [
        "weaviate://me:hush@host/C",
        "weaviate://:hush@host/C",
        "pinecone://index?api_key=hush",
        "pinecone://index?api%5Fkey=hush",
        "pgvector://u@h/d?table=t&password=hush",
        "sqlite:///x.db?token=hush",
        "hush:hush@host",
        "nowhere://hush",
        "sqlite://hush",
        "sqlite:///",
        "sqlite:///hush.db?cache=shared",
        "sqlite:///hush.db#x",
        "sqlite:///hush%00.db",
        "",
    ],
)
def test_what_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_index_url(url, HERE)
    assert "hush" not in str(caught.value.as_json())
    assert caught.value.next_step


def test_a_mistyped_kind_gets_the_nearest_known_one() -> None:
    with pytest.raises(InputError) as caught:
        parse_index_url("weavite://host/C", HERE)
    assert "did you mean 'weaviate'" in str(caught.value.next_step)


@given(st.text(max_size=80) | st.text(max_size=40).map("sqlite:///".__add__))
def test_any_text_is_a_place_or_refused(url: str) -> None:
    try:
        place = parse_index_url(url, HERE)
    except InputError:
        return
    assert place.path.is_absolute()
