from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.anchors.notes import LARGEST, addition, require_size, whole_notes
from governance.domain.errors import AnchorFailed
from governance.domain.signed_note import SignedNote
from tests.signed_log import note

NOTES = [note(size) for size in (1, 7, 64)]
TWO_SIGNERS = note(99, None, "one", "two")


def grown(*notes: str, held: bytes = b"") -> bytes:
    for one in notes:
        held += addition(held, one)
    return held


def test_notes_stand_behind_each_other_with_an_empty_line_between() -> None:
    assert grown(*NOTES) == "\n".join(NOTES).encode()
    assert whole_notes(grown(*NOTES, TWO_SIGNERS)) == [*NOTES, TWO_SIGNERS]


def test_the_same_note_is_not_added_twice() -> None:
    assert addition(grown(*NOTES), NOTES[1]) == b""


def test_nothing_holds_no_note() -> None:
    assert whole_notes(b"") == []


@given(cut=st.integers(0, len(NOTES[1].encode()) - 1), signers=st.sampled_from([NOTES[2], TWO_SIGNERS]))
def test_wherever_a_write_was_broken_off_the_notes_before_and_behind_it_are_read(cut: int, signers: str) -> None:
    torn = (NOTES[0] + "\n").encode() + NOTES[1].encode()[:cut]
    assert whole_notes(torn) == [NOTES[0]]
    after = grown(NOTES[1], signers, held=torn)
    assert after.startswith(torn)
    assert dict.fromkeys(whole_notes(after)) == dict.fromkeys([NOTES[0], NOTES[1], signers])


@given(cut=st.integers(1, len(TWO_SIGNERS.encode()) - 1))
def test_a_note_of_two_signers_that_was_torn_is_left_out_or_bears_whole_signatures_only(cut: int) -> None:
    found = whole_notes(TWO_SIGNERS.encode()[:cut])
    whole = SignedNote.parse(TWO_SIGNERS)
    assert [SignedNote.parse(one) for one in found] in ([], [SignedNote(whole.text, whole.signatures[:1])])


@given(place=st.integers(0, len(NOTES[1]) - 2), letter=st.sampled_from("aZ9"))
def test_a_whole_note_that_was_changed_is_not_kept_from_whoever_verifies_it(place: int, letter: str) -> None:
    text = NOTES[1]
    if text[place] in "\n\N{EM DASH} " or text[place] == letter:
        return
    changed = text[:place] + letter + text[place + 1 :]
    assert whole_notes(grown(NOTES[0], changed, NOTES[2])) == [NOTES[0], changed, NOTES[2]]


def test_bytes_that_are_no_text_spoil_their_own_note_alone() -> None:
    spoiled = NOTES[1].encode().replace(b"kbgov", b"kb\xffov", 1)
    found = whole_notes("\n".join([NOTES[0], "*", NOTES[2]]).encode().replace(b"*", spoiled))
    assert [found[0], found[2]] == [NOTES[0], NOTES[2]]
    assert len(found) == 3


def test_a_file_that_cannot_be_read_any_more_is_refused() -> None:
    require_size("disk", LARGEST)
    with pytest.raises(AnchorFailed, match="anchor disk holds more than 64 MiB"):
        require_size("disk", LARGEST + 1)
