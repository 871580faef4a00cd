"""How a key is written, and that others can read it."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from governance.domain.pseudonyms import PseudonymKey
from governance.keyring.families import Family, FileName
from governance.keyring.lines import SigningKey, new_key, new_origin, pseudonym_key_id, read_line

# The example of the documentation of golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SECRET = bytes(range(32))
AUDIT_ID = pseudonym_key_id(Family.AUDIT, SECRET)
AUDIT_LINE = f"kbgov-audit+{AUDIT_ID}+{b64encode(SECRET).decode()}"


def read(family: Family, text: str) -> object:
    return read_line(family, SecretStr(text))


def test_a_private_key_of_go_is_read_and_has_the_verifier_that_go_gives_it() -> None:
    key = read(Family.SIGNING, GO_PRIVATE)
    assert isinstance(key, SigningKey)
    assert (key.verifier.text, key.key_id) == (GO_VERIFIER, "c74f20a3")


@pytest.mark.parametrize("family", Family)
def test_a_new_key_is_one_line_that_reads_back_with_its_own_id(family: Family) -> None:
    made = new_key(family, "kbgov.log/example")
    head = "PRIVATE+KEY+kbgov.log/example" if family is Family.SIGNING else f"kbgov-{family}"
    assert made.line.get_secret_value().startswith(f"{head}+{made.key_id}+")
    key = read_line(family, made.line)
    assert not isinstance(key, str)
    assert key.key_id == made.key_id


def test_two_new_keys_share_nothing_and_two_logs_have_two_names() -> None:
    assert len({new_key(family, "o").line.get_secret_value() for family in Family for _ in range(20)}) == 60
    assert len({new_origin() for _ in range(20)}) == 20


def test_the_id_of_a_key_depends_on_its_family() -> None:
    assert pseudonym_key_id(Family.AUDIT, SECRET) != pseudonym_key_id(Family.SUPPRESSION, SECRET)


def test_a_line_of_a_pseudonym_key_gives_its_secret() -> None:
    assert read(Family.AUDIT, AUDIT_LINE) == PseudonymKey(AUDIT_ID, SECRET)


@pytest.mark.parametrize(
    ("family", "text", "problem"),
    [
        (Family.AUDIT, "", "holds no key of the family audit"),
        (Family.AUDIT, AUDIT_LINE + "\n", "holds something else than the one line of a key"),
        (Family.AUDIT, AUDIT_LINE.replace("+", " ", 1), "holds something else than the one line of a key"),
        (Family.AUDIT, "x" * 2000, "holds something else than the one line of a key"),
        (Family.AUDIT, AUDIT_LINE.replace("audit", "suppression"), "holds no key of the family audit"),
        (Family.SUPPRESSION, AUDIT_LINE, "holds no key of the family suppression"),
        (Family.AUDIT, AUDIT_LINE[:-1], "holds no key of the family audit"),
        (Family.AUDIT, AUDIT_LINE[:-2] + "9=", "holds no key of the family audit"),
        (Family.AUDIT, f"kbgov-audit+{AUDIT_ID}+" + b64encode(SECRET + b"x").decode(), "holds no key of the family"),
        (Family.AUDIT, AUDIT_LINE.replace(AUDIT_ID, "00000000"), "holds a key id that does not fit its key"),
        (Family.AUDIT, AUDIT_LINE.replace(AUDIT_ID, AUDIT_ID.upper() + "0"), "holds a key id that does not fit"),
        (Family.SIGNING, AUDIT_LINE, "holds no signing key"),
        (Family.SIGNING, "PRIVATE+KEY+name+c74f20a3", "holds no signing key"),
        (Family.SIGNING, GO_PRIVATE.replace("PeterNeumann", ""), "holds no signing key of the kind Ed25519"),
        (Family.SIGNING, GO_PRIVATE.replace("Neumann", "Newman"), "holds a key id that does not fit its key"),
        (Family.SIGNING, GO_PRIVATE.replace("+AYEK", "+BYEK"), "holds no signing key of the kind Ed25519"),
        (Family.SIGNING, GO_PRIVATE.replace("+AYEK", "+AYEL"), "holds a key id that does not fit its key"),
        (Family.SIGNING, GO_VERIFIER, "holds no signing key"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_without_its_text(family: Family, text: str, problem: str) -> None:
    said = read(family, text)
    assert isinstance(said, str)
    assert said.startswith(problem)


@given(st.sampled_from(list(Family)), st.text(max_size=200))
def test_no_text_makes_reading_fail(family: Family, text: str) -> None:
    assert isinstance(read(family, text), str)
    assert isinstance(read(family, f"PRIVATE+KEY+{text}"), str)


@given(
    st.sampled_from([(Family.SIGNING, GO_PRIVATE), (Family.AUDIT, AUDIT_LINE)]),
    st.integers(0, 200),
    st.characters(codec="utf-8"),
)
def test_no_changed_character_gives_another_key(known: tuple[Family, str], place: int, other: str) -> None:
    family, line = known
    place %= len(line)
    changed = line[:place] + other + line[place + 1 :]
    assert isinstance(read(family, changed), str) == (changed != line)


def test_no_key_is_printed_with_its_secret() -> None:
    for family, line in ((Family.SIGNING, GO_PRIVATE), (Family.AUDIT, AUDIT_LINE)):
        key = read(family, line)
        assert line.rpartition("+")[2] not in repr(key) + str(key)
        assert repr(SECRET)[2:-1] not in repr(key)
    made = new_key(Family.AUDIT, "")
    assert made.line.get_secret_value() not in repr(made)


@pytest.mark.parametrize(
    "text",
    [
        "audit-0001-1a2b3c4d",
        "audit-1-1a2b3c4d.key",
        "audit-00001-1a2b3c4d.key",
        "audit-0000-1a2b3c4d.key",
        "audit-0001-1A2B3C4D.key",
        "audit-0001-1a2b3c4.key",
        "other-0001-1a2b3c4d.key",
        "audit-0001-1a2b3c4d.key\n",
        "../audit-0001-1a2b3c4d.key",
        "audit-٠٠٠١-1a2b3c4d.key",  # noqa: RUF001 - digits, but not these
    ],
)
def test_what_is_no_name_of_a_key_s_file(text: str) -> None:
    assert FileName.parse(text) is None


@given(st.sampled_from(list(Family)), st.integers(1, 9999), st.from_regex(r"[0-9a-f]{8}", fullmatch=True))
def test_a_name_reads_back(family: Family, number: int, key_id: str) -> None:
    name = FileName(family, number, key_id)
    assert FileName.parse(str(name)) == name
