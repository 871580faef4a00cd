"""Signatures, alone and in notes; also as others make and check them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from governance.domain.signed_note import NoteSignature, SignedNote, VerifierKey
from governance.keyring.families import Family
from governance.keyring.lines import SigningKey, new_key, read_line
from governance.keyring.signing import BadSignature, Signer, sign_note, verified_by, verify

GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of the documentation of golang.org/x/mod/sumdb/note."""
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
"""The example of c2sp.org/signed-note."""
TEXT = "kbgov.log/example\n3\nAAAA\n"
SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before a public key in the form that OpenSSL reads (RFC 8410, section 4)."""


def signer(line: str | None = None, origin: str = "kbgov.log/example") -> Signer:
    found = new_key(Family.SIGNING, origin).line if line is None else SecretStr(line)
    key = read_line(Family.SIGNING, found)
    assert isinstance(key, SigningKey)
    return Signer(key)


def changed(note: SignedNote, text: str) -> SignedNote:
    return SignedNote(text, note.signatures)


def test_a_note_is_signed_as_go_signs_it() -> None:
    text, _, _ = GO_NOTE.rpartition("\n\n")
    assert sign_note(text + "\n", [signer(GO_PRIVATE)]) == GO_NOTE


def test_a_note_of_the_specification_verifies() -> None:
    key = VerifierKey.parse(C2SP_KEY)
    assert verified_by(SignedNote.parse(C2SP_NOTE), [key]) == (key,)


def test_a_signature_verifies_only_for_its_message_and_its_key() -> None:
    one, other = signer(), signer()
    signature = one.sign(b"message")
    assert len(signature) == 64
    assert verify(one.verifier, b"message", signature)
    assert not verify(one.verifier, b"messagf", signature)
    assert not verify(other.verifier, b"message", signature)


@pytest.mark.parametrize("signature", [b"", b"x", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_what_is_no_signature_does_not_verify_and_raises_nothing(signature: bytes) -> None:
    assert not verify(signer().verifier, b"message", signature)


@pytest.mark.parametrize("public", [bytes(32), b"\xff" * 32, b"\x02" + bytes(31)])
def test_what_is_no_point_of_the_curve_verifies_nothing(public: bytes) -> None:
    assert not verify(VerifierKey("name", public), b"message", b"\x01" * 64)


def test_every_changed_bit_of_a_signature_is_noticed() -> None:
    one = signer()
    signature = one.sign(b"message")
    for bit in range(len(signature) * 8):
        broken = bytearray(signature)
        broken[bit // 8] ^= 1 << bit % 8
        assert not verify(one.verifier, b"message", bytes(broken))


def test_two_signers_sign_in_their_order_and_either_verifier_is_content() -> None:
    new, old = signer(), signer()
    note = SignedNote.parse(sign_note(TEXT, [new, old]))
    assert [one.key_id for one in note.signatures] == [new.verifier.key_id, old.verifier.key_id]
    assert verified_by(note, [old.verifier]) == (old.verifier,)
    assert verified_by(note, [old.verifier, new.verifier]) == (old.verifier, new.verifier)
    assert verified_by(note, [signer().verifier]) == ()
    assert verified_by(note, []) == ()


def test_a_wrong_signature_of_a_known_key_spoils_the_whole_note() -> None:
    new, old = signer(), signer()
    note = SignedNote.parse(sign_note(TEXT, [new, old]))
    forged = NoteSignature(old.verifier.name, old.verifier.key_id, new.sign(note.signed))
    spoiled = SignedNote(note.text, (note.signatures[0], forged))
    with pytest.raises(BadSignature, match=old.verifier.key_id.hex()):
        verified_by(spoiled, [new.verifier, old.verifier])
    assert verified_by(spoiled, [new.verifier]) == (new.verifier,)
    with pytest.raises(BadSignature):
        verified_by(changed(note, TEXT.replace("3", "4")), [new.verifier])


def test_a_good_signature_beside_a_wrong_one_of_the_same_key_does_not_help() -> None:
    one = signer()
    note = SignedNote.parse(sign_note(TEXT, [one]))
    wrong = NoteSignature(one.verifier.name, one.verifier.key_id, bytes(64))
    for signatures in ((*note.signatures, wrong), (wrong, *note.signatures)):
        with pytest.raises(BadSignature):
            verified_by(SignedNote(note.text, signatures), [one.verifier])


def test_a_signature_that_shares_only_the_name_or_only_the_id_is_ignored() -> None:
    one = signer()
    note = SignedNote.parse(sign_note(TEXT, [one]))
    strangers = (
        NoteSignature(one.verifier.name, b"\0\0\0\0", bytes(64)),
        NoteSignature("another.name", one.verifier.key_id, bytes(64)),
    )
    mixed = SignedNote(note.text, (*strangers, *note.signatures))
    assert verified_by(mixed, [one.verifier]) == (one.verifier,)
    assert verified_by(SignedNote(note.text, strangers), [one.verifier]) == ()


def test_a_signer_is_printed_without_its_key() -> None:
    assert "AYEK" not in repr(signer(GO_PRIVATE))
    assert "seed" not in repr(signer(GO_PRIVATE))


def test_openssl_verifies_what_was_signed_and_refuses_what_was_changed(tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    one = signer()
    for name, body in {
        "key.der": SPKI + one.verifier.public,
        "text": TEXT.encode(),
        "changed": TEXT.replace("3", "4").encode(),
        "signature": one.sign(TEXT.encode()),
    }.items():
        (tmp_path / name).write_bytes(body)

    def code(text: str) -> int:
        command = [program, "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", "key.der"]
        arguments = ["-in", text, "-sigfile", "signature"]
        return subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, check=False).returncode

    assert code("text") == 0
    assert code("changed") != 0
