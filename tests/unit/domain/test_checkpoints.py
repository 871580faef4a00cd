from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.checkpoints import LARGEST_SIZE, LONGEST_EXTRA, LONGEST_PATH, Checkpoint, TlogProof
from governance.domain.merkle import EMPTY_ROOT, Frontier, fold, inclusion_subtrees, leaf_hash, verify_inclusion
from governance.domain.signed_note import Malformed, NoteSignature, SignedNote, to_base64

ROOT = sha256(b"root").digest()
ROOT_TEXT = to_base64(ROOT)
PATH = tuple(sha256(bytes([number])).digest() for number in range(3))

# The example of the specification; its root and its size are a real log's.
EXAMPLE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)

origins = st.text(st.characters(codec="utf-8", min_codepoint=32), min_size=1, max_size=30)
roots = st.binary(min_size=32, max_size=32)
checkpoints = st.builds(Checkpoint, origins, st.integers(0, LARGEST_SIZE), roots)


def signed(text: str) -> str:
    return SignedNote(text, (NoteSignature("log.example/a", bytes(4), b"s" * 64),)).render()


@given(checkpoints)
def test_a_checkpoint_comes_back_from_its_text(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse(checkpoint.text) == checkpoint


def test_the_example_of_the_specification_comes_back_to_the_letter() -> None:
    note = SignedNote.parse(EXAMPLE)
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.text == note.text
    assert note.render() == EXAMPLE


def test_a_checkpoint_is_three_lines() -> None:
    assert Checkpoint("log.example/a", 0, EMPTY_ROOT).text == (
        "log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )


def test_extension_lines_are_passed_over_and_never_written() -> None:
    checkpoint = Checkpoint("a b", 7, ROOT)
    assert Checkpoint.parse(checkpoint.text + "more of it\n0\n") == checkpoint
    assert Checkpoint.parse(checkpoint.text + "more of it\n0\n").text == checkpoint.text


@pytest.mark.parametrize(
    "size",
    [
        *("", "00", "01", "007", "-1", "-0", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "1_000", "None", "seven"),
        *("½", "٣", "\N{FULLWIDTH DIGIT ONE}", "²"),
        *("9223372036854775808", "9999999999999999999", "18446744073709551616", "1" * 20),
        pytest.param("1" * 5000, id="more digits than Python reads"),
    ],
)
def test_a_size_that_is_no_plain_decimal_number_in_range_is_refused(size: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(f"log.example/a\n{size}\n{ROOT_TEXT}\n")


def test_the_largest_size_is_that_of_signed_64_bits() -> None:
    assert Checkpoint.parse(f"a\n9223372036854775807\n{ROOT_TEXT}\n").size == LARGEST_SIZE == 2**63 - 1


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_root_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(f"a\n7\n{to_base64(bytes(length))}\n")
    with pytest.raises(Malformed):
        Checkpoint("a", 7, bytes(length))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        f"\n7\n{ROOT_TEXT}\n",
        f"7\n{ROOT_TEXT}\n",
        "a\n7\n",
        f"a\n7\n{ROOT_TEXT}",
        f"a\n7\n{ROOT_TEXT}\n\n",
        f"a\n7\n{ROOT_TEXT}\n\nextension\n",
        f"a\n7\n{ROOT_TEXT}\nextension",
        f"a\n7\n\n{ROOT_TEXT}\n",
        f"a\n{ROOT_TEXT}\n7\n",
        f"a\n7\n{ROOT_TEXT[:-1]}\n",
        f"a\n7\n{ROOT_TEXT} \n",
        f"a\n7\n{ROOT.hex()}\n",
        f"a\r\n7\r\n{ROOT_TEXT}\r\n",
        f"a\x00\n7\n{ROOT_TEXT}\n",
        f"a\n7\n{ROOT_TEXT}\next\tension\n",
        f"\ud800\n7\n{ROOT_TEXT}\n",
        f"a\n7\n{ROOT_TEXT}\n\udcff\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


def test_stray_bits_in_the_root_are_refused() -> None:
    last = ROOT_TEXT[-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = ROOT_TEXT[:-2] + alphabet[alphabet.index(last) ^ 1] + "="
    with pytest.raises(Malformed):
        Checkpoint.parse(f"a\n7\n{twin}\n")


@pytest.mark.parametrize(("origin", "size"), [("", 1), ("a\nb", 1), ("a\r", 1), ("\ud800", 1), ("a", -1), ("a", 2**63)])
def test_a_checkpoint_that_could_not_be_read_back_is_none(origin: str, size: int) -> None:
    with pytest.raises(Malformed):
        Checkpoint(origin, size, ROOT)


CHECKPOINT = signed(Checkpoint("log.example/a", 8, ROOT).text)
PROOF = TlogProof(5, PATH, CHECKPOINT).render()
EXTRA = TlogProof(5, PATH, CHECKPOINT, b"nonce").render()


def test_a_proof_is_written_as_the_specification_says() -> None:
    hashes = "".join(to_base64(one) + "\n" for one in PATH)
    assert f"c2sp.org/tlog-proof@v1\nindex 5\n{hashes}\n{CHECKPOINT}" == PROOF
    assert f"c2sp.org/tlog-proof@v1\nextra bm9uY2U=\nindex 5\n{hashes}\n{CHECKPOINT}" == EXTRA
    assert TlogProof(0, (), CHECKPOINT).render() == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}"


@given(
    st.integers(0, LARGEST_SIZE - 1),
    st.lists(roots, max_size=LONGEST_PATH).map(tuple),
    checkpoints,
    st.none() | st.binary(min_size=1),
)
def test_a_proof_comes_back_from_its_text(
    index: int, path: tuple[bytes, ...], checkpoint: Checkpoint, extra: bytes | None
) -> None:
    proof = TlogProof(index, path, signed(checkpoint.text), extra)
    assert TlogProof.parse(proof.render()) == proof
    assert TlogProof.parse(proof.render()).render() == proof.render()


def test_the_checkpoint_of_a_proof_is_kept_to_the_letter_with_all_it_holds() -> None:
    checkpoint = signed("log.example/a\n8\n" + ROOT_TEXT + "\nextension\n") + NoteSignature("w", bytes(4), b"w").line
    assert TlogProof.parse(TlogProof(5, PATH, checkpoint).render()).checkpoint == checkpoint


def test_a_proof_read_from_a_file_proves_its_entry_and_no_other() -> None:
    bodies = [f'{{"seq":{number}}}'.encode() for number in range(5)]
    frontier = Frontier()
    carried = frontier.extend([leaf_hash(body) for body in bodies])
    path = [
        fold([carried[((index + 1) << level) - 1][level * 32 :][:32] for level, index in part])
        for part in inclusion_subtrees(3, 5)
    ]
    file = TlogProof(3, tuple(path), signed(Checkpoint("a", 5, frontier.root).text)).render()
    proof = TlogProof.parse(file)
    head = Checkpoint.parse(SignedNote.parse(proof.checkpoint).text)
    proven = [verify_inclusion(leaf_hash(body), proof.index, head.size, proof.path, head.root) for body in bodies]
    assert proven == [False, False, False, True, False]


MALFORMED = {
    "nothing": "",
    "no final newline": PROOF.removesuffix("\n"),
    "a blank line at the end": PROOF + "\n",
    "carriage returns": PROOF.replace("\n", "\r\n"),
    "another version": PROOF.replace("@v1", "@v2"),
    "another case": PROOF.replace("c2sp", "C2SP"),
    "a blank line first": "\n" + PROOF,
    "a blank first": " " + PROOF,
    "no first line": PROOF.split("\n", 1)[1],
    "no index": PROOF.replace("index 5\n", ""),
    "no number": PROOF.replace("index 5", "index"),
    "a blank for a number": PROOF.replace("index 5", "index "),
    "two blanks": PROOF.replace("index 5", "index  5"),
    "a leading zero": PROOF.replace("index 5", "index 05"),
    "a negative index": PROOF.replace("index 5", "index -1"),
    "a plus sign": PROOF.replace("index 5", "index +5"),
    "a blank after the index": PROOF.replace("index 5", "index 5 "),
    "a digit of another script": PROOF.replace("index 5", "index ٣"),
    "an index beyond every tree": PROOF.replace("index 5", f"index {2**63 - 1}"),
    "an index beyond 64 bits": PROOF.replace("index 5", f"index {2**64}"),
    "a number alone": PROOF.replace("index 5", "5"),
    "a capital": PROOF.replace("index 5", "Index 5"),
    "two indexes": PROOF.replace("index 5", "index 5\nindex 5"),
    "extra data after the index": PROOF.replace("index 5", "index 5\nextra bm9uY2U="),
    "empty extra data": PROOF.replace("index 5", "extra \nindex 5"),
    "extra and no data": PROOF.replace("index 5", "extra\nindex 5"),
    "stray bits in the extra data": PROOF.replace("index 5", "extra bm9uY2V=\nindex 5"),
    "extra data twice": PROOF.replace("index 5", "extra bm9uY2U=\nextra bm9uY2U=\nindex 5"),
    "a blank line before the index": PROOF.replace("index 5", "\nindex 5"),
    "a blank line after the index": PROOF.replace("index 5\n", "index 5\n\n"),
    "a short hash": PROOF.replace(to_base64(PATH[0]), to_base64(PATH[0][:31])),
    "a long hash": PROOF.replace(to_base64(PATH[0]), to_base64(PATH[0] + b"\0")),
    "a hash without its padding": PROOF.replace(to_base64(PATH[0]), to_base64(PATH[0])[:-1]),
    "a hash in hexadecimal digits": PROOF.replace(to_base64(PATH[0]), PATH[0].hex()),
    "a blank before a hash": PROOF.replace(to_base64(PATH[0]), " " + to_base64(PATH[0])),
    "no blank line before the checkpoint": PROOF.replace("\n\nlog.example", "\nlog.example"),
    "two blank lines before the checkpoint": PROOF.replace("\n\nlog.example", "\n\n\nlog.example"),
    "a malformed checkpoint": PROOF.replace("\n8\n", "\n08\n"),
    "a malformed signature line": PROOF.replace("—", "-"),
    "no checkpoint": PROOF.replace(CHECKPOINT, ""),
    "a note that is no checkpoint": PROOF.replace(CHECKPOINT, signed("no checkpoint\n")),
    "two checkpoints": PROOF.replace(CHECKPOINT, CHECKPOINT + CHECKPOINT),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_proof_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        TlogProof.parse(text)


def test_a_path_has_63_hashes_and_not_one_more() -> None:
    longest = TlogProof(5, (ROOT,) * LONGEST_PATH, CHECKPOINT).render()
    assert len(TlogProof.parse(longest).path) == LONGEST_PATH
    for more in (1, 2, 1000):
        with pytest.raises(Malformed):
            TlogProof.parse(longest.replace("index 5\n", "index 5\n" + (ROOT_TEXT + "\n") * more))


def test_extra_data_has_64_kibibytes_and_not_one_more() -> None:
    longest = TlogProof(5, PATH, CHECKPOINT, bytes(LONGEST_EXTRA))
    assert TlogProof.parse(longest.render()) == longest
    with pytest.raises(Malformed):
        TlogProof.parse(PROOF.replace("index 5", f"extra {to_base64(bytes(LONGEST_EXTRA + 1))}\nindex 5"))


@pytest.mark.parametrize(
    ("index", "path", "checkpoint", "extra"),
    [
        (-1, PATH, CHECKPOINT, None),
        (2**63 - 1, PATH, CHECKPOINT, None),
        (5, (b"",), CHECKPOINT, None),
        (5, (bytes(31),), CHECKPOINT, None),
        (5, (bytes(32), bytes(33)), CHECKPOINT, None),
        (5, (ROOT,) * 64, CHECKPOINT, None),
        (5, PATH, "", None),
        (5, PATH, signed("no checkpoint\n"), None),
        (5, PATH, CHECKPOINT.removesuffix("\n"), None),
        (5, PATH, CHECKPOINT, b""),
        (5, PATH, CHECKPOINT, bytes(LONGEST_EXTRA + 1)),
    ],
)
def test_a_proof_that_could_not_be_read_back_is_none(
    index: int, path: tuple[bytes, ...], checkpoint: str, extra: bytes | None
) -> None:
    with pytest.raises(Malformed):
        TlogProof(index, path, checkpoint, extra)
