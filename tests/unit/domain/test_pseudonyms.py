from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.pseudonyms import SECRET_BYTES, Kind, PseudonymKey, Pseudonyms, key_of, throwaway

OLD = PseudonymKey("00aa11bb", bytes(range(32)))
NEW = PseudonymKey("22cc33dd", bytes(range(32, 64)))

names = st.text(st.characters(), max_size=20)  # lone surrogates as well
kinds = st.sampled_from(Kind)


def test_a_pseudonym_is_the_keyed_digest_that_anybody_with_the_key_can_compute() -> None:
    expected = hmac.new(OLD.secret, b"partition\0Z\xc3\xbcrich", hashlib.sha256).hexdigest()
    assert Pseudonyms([OLD]).of(Kind.PARTITION, "Zürich") == f"h1:00aa11bb:{expected}"


def test_the_known_pseudonym_of_a_known_name_stays() -> None:
    """Whoever changes the form can no longer find what older entries speak of."""
    expected = "7a01217499a732c4d3db5a3aaa25a62aa6997f135aad3054fae3f063fffb1a05"  # made with OpenSSL
    assert Pseudonyms([OLD]).of(Kind.ACTOR, "ann") == f"h1:00aa11bb:{expected}"


def test_new_pseudonyms_are_made_with_the_newest_key_and_those_of_all_keys_are_recognized() -> None:
    both = Pseudonyms([OLD, NEW])
    assert (both.key_id, both.key_ids) == ("22cc33dd", ("00aa11bb", "22cc33dd"))
    assert both.of(Kind.ACTOR, "ann") == Pseudonyms([NEW]).of(Kind.ACTOR, "ann")
    assert both.every(Kind.ACTOR, "ann") == {Pseudonyms([key]).of(Kind.ACTOR, "ann") for key in (OLD, NEW)}
    assert key_of(both.of(Kind.ACTOR, "ann")) == "22cc33dd"


def test_without_a_key_there_are_no_pseudonyms() -> None:
    with pytest.raises(ValueError, match="need a key"):
        Pseudonyms([])


def test_a_key_is_not_shown_with_its_secret() -> None:
    assert repr(OLD) == "PseudonymKey(key_id='00aa11bb')"


def test_throwaway_pseudonyms_are_of_no_use_to_the_next_catalog() -> None:
    one, other = throwaway(), throwaway()
    assert one.of(Kind.ACTOR, "ann") == one.of(Kind.ACTOR, "ann") != other.of(Kind.ACTOR, "ann")
    assert len(one._keys[0].secret) == SECRET_BYTES


def test_a_list_of_keys_that_is_changed_later_changes_nothing() -> None:
    keys = [OLD]
    made = Pseudonyms(keys)
    keys.append(NEW)
    assert made.key_ids == ("00aa11bb",)


@settings(max_examples=80, deadline=None)
@given(kinds, names, kinds, names)
def test_only_the_same_name_of_the_same_kind_has_the_same_pseudonym(
    kind: Kind, name: str, other_kind: Kind, other: str
) -> None:
    made = Pseudonyms([OLD])
    same = (kind, name) == (other_kind, other)
    assert (made.of(kind, name) == made.of(other_kind, other)) is same
    assert made.of(kind, name) != Pseudonyms([PseudonymKey("00aa11bb", NEW.secret)]).of(kind, name)


@settings(max_examples=40, deadline=None)
@given(names)
def test_the_same_name_has_another_pseudonym_of_every_kind(name: str) -> None:
    assert len({Pseudonyms([OLD]).of(kind, name) for kind in Kind}) == len(Kind)


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "\ud800", "x" * 10_000])
def test_any_text_has_a_pseudonym_of_the_one_form(name: str) -> None:
    for kind in Kind:
        scheme, key_id, digest = Pseudonyms([OLD]).of(kind, name).split(":")
        assert (scheme, key_id, len(bytes.fromhex(digest))) == ("h1", "00aa11bb", 32)
