from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.signed_note import (
    LONGEST_NOTE,
    MOST_SIGNATURES,
    Malformed,
    NoteSignature,
    SignedNote,
    VerifierKey,
    from_base64,
    is_key_name,
    notes_in,
    to_base64,
)

# The examples of the specification.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
POEM = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed è subito sera.\n"
    "\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
ENCODED = to_base64(b"\x01\x02\x03\x04" + b"s" * 64)
CONTROLS = [chr(code) for code in range(32) if chr(code) != "\n"]
BLANKS = [" ", "\t", "\n", "\v", "\f", "\r", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u3000"]

key_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(is_key_name)
signature_lines = st.builds(
    NoteSignature, key_names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=70)
)
texts = st.text(st.characters(codec="utf-8", min_codepoint=32) | st.just("\n"), max_size=40).map(lambda it: it + "\n")
notes = st.builds(SignedNote, texts, st.lists(signature_lines, min_size=1, max_size=16).map(tuple))


def note(text: str = "origin\n7\n", *, name: str = "log.example/a", encoded: str = ENCODED) -> str:
    return f"{text}\n— {name} {encoded}\n"


@given(notes)
def test_a_note_comes_back_as_it_was_written(one: SignedNote) -> None:
    assert SignedNote.parse(one.render()) == one
    assert SignedNote.parse(one.render()).render() == one.render()


def test_the_examples_of_the_specification_come_back_to_the_letter() -> None:
    for example in (EXAMPLE, POEM):
        assert SignedNote.parse(example).render() == example
    assert VerifierKey.parse(EXAMPLE_KEY).text == EXAMPLE_KEY


def test_the_text_holds_its_last_newline_and_the_blank_lines_before_the_last() -> None:
    assert SignedNote.parse(EXAMPLE).text == "This is an example message.\n"
    poem = SignedNote.parse(POEM)
    assert poem.text.endswith("di sole:\n\ned è subito sera.\n")
    assert poem.signed == poem.text.encode("utf-8")
    assert SignedNote.parse(note("a\n\n\n")).text == "a\n\n\n"


def test_the_example_is_signed_by_the_example_key() -> None:
    key, example = VerifierKey.parse(EXAMPLE_KEY), SignedNote.parse(EXAMPLE)
    [signature] = example.signatures_of(key)
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature.signature, example.signed)
    assert (key.name, key.key_id.hex()) == ("example.com/foo", "530d903a")


def test_only_signatures_with_both_name_and_key_id_are_the_keys() -> None:
    key = VerifierKey.parse(EXAMPLE_KEY)
    own = NoteSignature(key.name, key.key_id, b"own")
    others = (NoteSignature(key.name, b"\0\0\0\0", b"x"), NoteSignature("example.com/bar", key.key_id, b"x"))
    assert SignedNote("a\n", (others[0], own, others[1], own)).signatures_of(key) == (own, own)
    assert SignedNote("a\n", others).signatures_of(key) == ()


def test_sixteen_large_signatures_are_read() -> None:
    lines = tuple(NoteSignature(f"w{number}.example", bytes(4), b"s" * 2420) for number in range(16))
    assert SignedNote.parse(SignedNote("a\n", lines).render()).signatures == lines


MALFORMED = {
    "nothing": "",
    "only a newline": "\n",
    "only a text": "a\n",
    "no signature": "a\n\n",
    "no blank line": f"a\n— log.example/a {ENCODED}\n",
    "no text": f"\n— log.example/a {ENCODED}\n",
    "only a signature": f"— log.example/a {ENCODED}\n",
    "no final newline": note().removesuffix("\n"),
    "a blank line at the end": note() + "\n",
    "two blank lines at the end": note() + "\n\n",
    "a line after the signatures": note() + "b\n",
    "carriage returns and newlines": note().replace("\n", "\r\n"),
    "carriage returns for newlines": note().replace("\n", "\r"),
    "a carriage return at the end": note().removesuffix("\n") + "\r\n",
    "no dash": note().replace("— ", ""),
    "a hyphen": note().replace("—", "-"),
    "two hyphens": note().replace("—", "--"),
    "an en dash": note().replace("—", "\N{EN DASH}"),
    "no blank after the dash": note().replace("— ", "—"),
    "two blanks after the dash": note().replace("— ", "—  "),
    "a blank before the dash": note().replace("— ", " — "),
    "a no-break space after the dash": note().replace("— ", "—\xa0"),
    "a key name and nothing": note().replace(f" {ENCODED}", ""),
    "a key name and a blank": note().replace(f" {ENCODED}", " "),
    "two blanks before the signature": note().replace(f" {ENCODED}", f"  {ENCODED}"),
    "a blank after the signature": note().replace(f" {ENCODED}", f" {ENCODED} "),
    "a word after the signature": note().replace(f" {ENCODED}", f" {ENCODED} x"),
    "a no-break space before the signature": note().replace(f" {ENCODED}", f"\xa0{ENCODED}"),
    "no key name": note(name=""),
    "a plus sign in the key name": note(name="log.example/a+b"),
    "a blank in the key name": note(name="log.example a"),
    "an em space in the key name": note(name="log.example\u2003a"),
    "a next-line character in the key name": note(name="log.example\x85a"),
    "a key id and no signature": note(encoded=to_base64(b"1234")),
    "less than a key id": note(encoded=to_base64(b"123")),
    "half a character in the text": note("a\n\ud800\n"),
    "half a character in the key name": note(name="a\udcff"),
}


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_note_is_refused(malformed: str) -> None:
    with pytest.raises(Malformed):
        SignedNote.parse(malformed)


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_character_but_the_newline_stands_anywhere_in_a_note(control: str) -> None:
    whole = note()
    for at in range(len(whole) + 1):
        with pytest.raises(Malformed):
            SignedNote.parse(whole[:at] + control + whole[at:])


def test_one_spelling_of_base64_is_read() -> None:
    assert from_base64("AQIDBP8=") == b"\x01\x02\x03\x04\xff"
    assert from_base64("") == b""


@pytest.mark.parametrize(
    "spelling",
    [
        "AQIDBP9=",  # stray bits
        "AQIDBP8",
        "AQIDBP8==",
        "AQIDBP8=\n",
        "AQID BP8=",
        "AQIDBP8=AQID",
        "=AQIDBP8",
        "====",
        "AQIDB",
        "-_8=",
        "AQIDBPé=",
        "\ud800QID",
        "A",
    ],
)
def test_any_other_spelling_of_base64_is_refused(spelling: str) -> None:
    with pytest.raises(Malformed):
        from_base64(spelling)
    with pytest.raises(Malformed):
        SignedNote.parse(note(encoded=spelling))


@given(st.binary())
def test_base64_is_the_standard_one_and_comes_back(data: bytes) -> None:
    assert to_base64(data) == base64.standard_b64encode(data).decode()
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize(
    "name", ["", "a+b", "+", *(f"a{blank}b" for blank in BLANKS), *BLANKS, "a\x00", "\x1f", "\ud800"]
)
def test_a_key_name_has_no_blank_plus_sign_or_control_character(name: str) -> None:
    assert not is_key_name(name)
    with pytest.raises(Malformed):
        VerifierKey(name, bytes(32))
    with pytest.raises(Malformed):
        NoteSignature(name, bytes(4), b"s")


@pytest.mark.parametrize("name", ["a", "log.example/büro", "kbgov.log/0123456789abcdef", "—", "日本"])
def test_any_other_key_name_will_do(name: str) -> None:
    key = VerifierKey(name, bytes(range(32)))
    assert VerifierKey.parse(key.text) == key
    assert NoteSignature.parse(NoteSignature(name, key.key_id, b"s").line) == NoteSignature(name, key.key_id, b"s")


@given(key_names, st.binary(min_size=32, max_size=32))
def test_a_verifier_key_comes_back_from_its_text(name: str, public: bytes) -> None:
    key = VerifierKey(name, public)
    assert VerifierKey.parse(key.text) == key
    assert key.key_id == sha256(name.encode() + b"\n\x01" + public).digest()[:4]


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "example.com/foo",
        EXAMPLE_KEY.replace("+530d903a", ""),
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("530d903a", "0x530d903a"),
        EXAMPLE_KEY.replace("530d903a", "530d903"),
        EXAMPLE_KEY.replace("530d903a", ""),
        EXAMPLE_KEY.replace("example.com/foo", "example.com/fop"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        EXAMPLE_KEY.replace("example.com/foo", "example.com/f oo"),
        EXAMPLE_KEY.replace("/foo", "+foo"),
        EXAMPLE_KEY + "\n",
        " " + EXAMPLE_KEY,
        EXAMPLE_KEY + "=",
        EXAMPLE_KEY[:-1],
        EXAMPLE_KEY[:-4],
        EXAMPLE_KEY[:-1] + "l",
        EXAMPLE_KEY.replace("+Ae", "+Be"),  # another kind of key
        "PRIVATE+KEY+" + EXAMPLE_KEY,
    ],
)
def test_a_malformed_verifier_key_is_refused(malformed: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(malformed)


@pytest.mark.parametrize("kind", [b"", b"\x02", b"\x04", b"\xff"])
def test_a_verifier_key_of_another_kind_is_refused_even_with_the_right_id(kind: bytes) -> None:
    public = bytes(32)
    key_id = sha256(b"a\n" + kind + public).hexdigest()[:8]
    with pytest.raises(Malformed, match="another kind"):
        VerifierKey.parse(f"a+{key_id}+{to_base64(kind + public)}")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_public_key_of_another_length_is_refused_even_with_the_right_id(length: int) -> None:
    public = bytes(length)
    encoded = b"\x01" + public
    key_id = sha256(b"a\n" + encoded).hexdigest()[:8]
    with pytest.raises(Malformed, match="32 bytes"):
        VerifierKey.parse(f"a+{key_id}+{to_base64(encoded)}")
    with pytest.raises(Malformed, match="32 bytes"):
        VerifierKey("a", public)


@pytest.mark.parametrize(("key_id", "signature"), [(b"", b"s"), (b"123", b"s"), (b"12345", b"s"), (b"1234", b"")])
def test_a_signature_is_a_whole_key_id_and_something_more(key_id: bytes, signature: bytes) -> None:
    with pytest.raises(Malformed):
        NoteSignature("a", key_id, signature)


@pytest.mark.parametrize("line", ["— a QUJDREU=", "— a QUJDREU=\n\n", "a QUJDREU=\n", "— a\n", "— a b QUJDREU=\n", ""])
def test_what_is_not_exactly_one_signature_line_is_refused(line: str) -> None:
    with pytest.raises(Malformed):
        NoteSignature.parse(line)


@pytest.mark.parametrize("text", ["", "a", "a\n\nb", "a\x00\n", "a\r\n", "\t\n", "\ud800\n"])
def test_a_text_that_could_not_be_read_back_is_no_note(text: str) -> None:
    with pytest.raises(Malformed):
        SignedNote(text, (NoteSignature("a", bytes(4), b"s"),))


def test_a_note_without_a_signature_is_none() -> None:
    with pytest.raises(Malformed, match="between 1"):
        SignedNote("a\n", ())


def test_a_note_has_a_hundred_signatures_and_no_more() -> None:
    line = NoteSignature("a", bytes(4), b"s")
    whole = SignedNote("a\n", (line,) * MOST_SIGNATURES).render()
    assert len(SignedNote.parse(whole).signatures) == MOST_SIGNATURES
    with pytest.raises(Malformed, match="at most 100"):
        SignedNote.parse(whole + line.line)
    with pytest.raises(Malformed, match="between 1 and 100"):
        SignedNote("a\n", (line,) * (MOST_SIGNATURES + 1))


@pytest.mark.parametrize("letter", ["a", "ä", "日"])
def test_a_note_has_64_kibibytes_and_not_one_more(letter: str) -> None:
    room = LONGEST_NOTE - len(note("\n").encode())
    width = len(letter.encode())
    text = letter * (room // width) + "x" * (room % width) + "\n"
    assert len(note(text).encode()) == LONGEST_NOTE
    assert SignedNote.parse(note(text)).text == text
    with pytest.raises(Malformed, match="65536 bytes"):
        SignedNote.parse(note("x" + text))
    with pytest.raises(Malformed, match="65536 bytes"):
        SignedNote("x" + text, SignedNote.parse(note(text)).signatures)


def test_what_is_refused_is_not_quoted() -> None:
    personal = "anna.example"
    for malformed in (personal, note(personal + "\x00\n"), note(name=f"{personal}+"), note(encoded=personal)):
        with pytest.raises(Malformed) as refusal:
            SignedNote.parse(malformed)
        assert personal not in str(refusal.value)
        assert refusal.value.__context__ is None or personal not in str(refusal.value.__context__)


plain_lines = st.text(st.characters(codec="utf-8", min_codepoint=32), min_size=1, max_size=8)
checkpoint_like = st.builds(
    SignedNote,
    st.lists(plain_lines.filter(lambda it: it[0] != "—"), min_size=1, max_size=4).map(lambda it: "\n".join(it) + "\n"),
    st.lists(signature_lines, min_size=1, max_size=3).map(tuple),
).map(SignedNote.render)


@given(st.lists(st.tuples(checkpoint_like, st.integers(0, 3)), max_size=4))
def test_notes_one_after_the_other_come_apart_with_or_without_blank_lines_between(found: list[tuple[str, int]]) -> None:
    assert notes_in("".join(one + "\n" * blank for one, blank in found)) == [one for one, _ in found]


def test_a_file_without_a_note_holds_none() -> None:
    assert notes_in("") == notes_in("\n\n") == []


def test_notes_with_several_signatures_and_blank_lines_in_their_text_come_apart() -> None:
    two_hands = note("a\n") + NoteSignature("witness.example", bytes(4), b"w").line
    assert notes_in(POEM + two_hands + EXAMPLE) == [POEM, two_hands, EXAMPLE]


@given(st.data())
def test_a_note_that_was_cut_off_at_the_end_is_refused_and_those_before_are_read(data: st.DataObject) -> None:
    whole = note("b\n8\n")
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    first, last = notes_in(note() + cut)
    assert (first, last) == (note(), cut)
    with pytest.raises(Malformed):
        SignedNote.parse(last)


@given(st.data())
def test_a_note_after_one_that_was_cut_off_is_damaged_like_it_and_the_next_is_whole(data: st.DataObject) -> None:
    whole, follower = note("b\n8\n"), note("c\n9\n")
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    first, *damaged, last = notes_in(note() + cut + follower + EXAMPLE)
    assert (first, last) == (note(), EXAMPLE)
    assert "".join(damaged) == cut + follower
    assert not {whole, follower}.intersection(damaged)


def test_only_newlines_end_a_line() -> None:
    text = "a\u2028b\x85c\n"
    assert notes_in(note(text) + EXAMPLE) == [note(text), EXAMPLE]
    assert notes_in(EXAMPLE.replace("\n", "\r\n")) == [EXAMPLE.replace("\n", "\r\n")]


@pytest.mark.parametrize("text", ["a\n— b\nc\n", "a\u2028\n— b\nc\n", "— a\n— b\nc\n"])
def test_a_dash_without_a_blank_line_before_it_ends_no_text(text: str) -> None:
    assert notes_in(note(text) + EXAMPLE) == [note(text), EXAMPLE]


@given(st.text(st.sampled_from("a—\n ") | st.sampled_from(["\r", "Q"])))
def test_splitting_loses_nothing_but_blank_lines(text: str) -> None:
    found = notes_in(text)
    assert "".join(found).replace("\n", "") == text.replace("\n", "")
    assert all(one and one[0] != "\n" for one in found)
