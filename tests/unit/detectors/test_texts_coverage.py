from __future__ import annotations

import pytest

from governance.detectors.texts import DocumentText, TextPrint, covered_span, find_print, print_of, uncovered

BODY = """# Annual leave

Every employee gets **25 days** of paid leave per year. Requests go to the [manager](https://example.org/m/1) first.

Leave that is left at the end of March is lost. You must not carry over more than 5 days.
"""
WORDS = len(DocumentText.of(BODY).words)


def missing(*chunks: str, body: str = BODY, full_text: str | None = None) -> int:
    left, words = uncovered(DocumentText.of(body, full_text), chunks)
    assert words == len(DocumentText.of(body).words)
    return left


def test_without_chunks_every_word_is_uncovered() -> None:
    assert missing() == WORDS
    assert missing("", "   ") == WORDS
    assert missing("Nothing of this stands in the document at all") == WORDS


def test_a_document_without_words_has_nothing_to_cover() -> None:
    assert uncovered(DocumentText.of("---"), ["---"]) == (0, 0)
    assert uncovered(DocumentText.of(""), []) == (0, 0)


def test_pieces_cover_the_whole_however_they_are_cut() -> None:
    for size in (3, 7, 40, 100):
        assert missing(*(BODY[at : at + size] for at in range(0, len(BODY), size))) == 0


def test_what_no_chunk_has_is_counted_by_words() -> None:
    start = BODY.index("Leave that")
    assert missing(BODY[:start]) == len(DocumentText.of(BODY[start:]).words)
    assert missing(BODY[:start], "Leave that is left at") == 15


def test_words_without_their_markup_cover_them() -> None:
    start = BODY.index("Requests")
    assert missing("Annual leave Every employee gets 25 days of paid leave per year.", BODY[start:]) == 0
    assert missing("Annual leave Every employee gets 25 days of paid holiday per year.", BODY[start:]) == 3


def test_text_that_is_repeated_is_covered_by_one_chunk() -> None:
    passage = "Read the rules of the house before you come. "
    body = passage + "Middle part here. " + passage.upper() + "The end of it all."
    assert missing(passage, "Middle part here. READ", "The end of it all.", body=body) == 0
    assert (
        missing("Read the rules of the house", " before you come. Middle part here.", "The end of it all.", body=body)
        == 0
    )


def test_a_short_chunk_covers_its_words_where_they_stand_as_a_run() -> None:
    body = "Read the rules. Nobody can read THE RULES too often: the Rules are long."
    assert missing("the rules", body=body) == 8
    assert missing("rules", body=body) == 11
    assert missing("the of", body=body) == 14


def test_a_short_chunk_covers_every_repetition() -> None:
    body = "note of the day " * 40
    assert missing("note of", body=body) == 80
    assert missing("E OF THE DAY NOTE OF", body=body) == 0


def test_a_fragment_that_stands_in_many_words_covers_its_own_place_too() -> None:
    body = "omi emi ami imi umi " * 30 + "and lemi"
    assert missing(body[:-2], "mi", body=body) == 0


def test_a_text_that_repeats_itself_is_covered_by_what_repeats() -> None:
    body = "a " * 150_000
    assert missing("a a", "a a a", "a a a a", body=body) == 0


def test_a_short_chunk_may_be_cut_inside_words_and_without_markup() -> None:
    body = "Please *never* share **the key** with others."
    assert missing("lease never share the k", body=body) == 4


def test_chunks_of_the_full_text_cover_the_body() -> None:
    full = "---\ntitle: Leave\n---\n" + BODY.replace("# Annual", "# {{ x }} Annual").replace(
        "of paid", "of {{ kind }} paid"
    )
    body = BODY.replace("of paid", "of  paid")
    for size in (9, 30, 300):
        assert missing(*(full[at : at + size] for at in range(0, len(full), size)), body=body, full_text=full) == 0
    assert missing(full[:60], body=body, full_text=full) > 0
    assert missing("title: Leave", body=body, full_text=full) == WORDS


def test_words_of_the_full_text_are_found_in_the_body_across_tags() -> None:
    body = "Ask  for  before  the day."
    full = "Ask {{ whom }} for {{ what }} before {{ when }} the day {{ of the year }}."
    document = DocumentText.of(body, full)
    assert document.body_of_full == [0, -1, 1, -1, 2, -1, 3, 4, -1, -1, -1]
    assert uncovered(document, ["Ask {{ whom }} for {{ wh", "at }} before {{ when }} the"]) == (1, 5)
    assert DocumentText.of("a b").body_of_full == [0, 1]


def test_a_span_is_covered_when_each_of_its_words_is() -> None:
    document = DocumentText.of(BODY)
    assert covered_span(document, (0, 2), ["# Annual leave"])
    assert not covered_span(document, (0, 3), ["# Annual leave"])
    assert covered_span(document, (3, 3), [])


def test_a_print_holds_no_text() -> None:
    print_ = print_of(BODY)
    assert print_ == print_of(BODY.replace("Annual", "Yearly").replace("\n\nLeave", " Leave"))
    assert (len(print_.anchor), len(print_.inner)) == (16, 32)
    assert int(print_.anchor + print_.inner, 16) > 0
    assert print_.words == len(DocumentText.of(BODY).words) - 2 - 2 + 5


def test_a_print_is_found_where_its_text_stands() -> None:
    document = DocumentText.of(BODY)
    chunk = "ery employee gets **25 days** of paid lea"
    span = find_print(document, print_of(chunk))
    assert span == (3, 9)
    assert document.words[3:9] == ["employee", "gets", "25", "days", "of", "paid"]
    assert covered_span(document, span, [chunk])
    assert find_print(document, print_of("every employee gets 26 days of paid leave")) is None


@pytest.mark.parametrize(
    ("chunk", "span"),
    [
        ("Annual leave", (0, 2)),
        ("leave", (1, 2)),
        ("", None),
        ("---", None),
        ("to the manager first. Leave that", (15, 19)),
        ("TO THE MANAGER FIRST. LEAVE", (15, 18)),
        ("[manager](https://example.org/m/1)", (17, 17)),
        ("nual leave Every empl", (1, 3)),
        ("no such words in it", None),
        ("that is left at the end of March is gone. You", None),
    ],
)
def test_prints_of_many_kinds_of_chunks(chunk: str, span: tuple[int, int] | None) -> None:
    assert find_print(DocumentText.of(BODY), print_of(chunk)) == span


@pytest.mark.parametrize(
    "head",
    [
        "Title of another kind\n",
        "Handbook\nHandbook > Leave > Annual leave\n\n",
        "Handbook\r\nLeave\r\n\r\n",
        "one\ntwo\nthree\nfour\n",
    ],
)
def test_lines_that_a_pipeline_put_before_a_chunk_are_no_part_of_its_print(head: str) -> None:
    chunk = "Every employee gets **25 days** of paid leave per year. Requests go"
    assert find_print(DocumentText.of(BODY), print_of(head + chunk)) == (3, 13)


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ("A sentence of its own.\nEvery employee gets 25 days of paid leave per year", 13),
        ("# Annual leave\nshort", 1),
        ("word " * 60 + "\nEvery employee gets 25 days of paid leave per year", 68),
        ("a heading of many words " * 6 + "\nEvery employee gets 25 days of", 34),
    ],
)
def test_what_may_be_all_that_a_chunk_says_stays_in_its_print(chunk: str, words: int) -> None:
    assert print_of(chunk).words == words


def test_a_print_is_found_with_and_without_markup_and_numbers_of_lists() -> None:
    body = "Steps:\n\n1. Open **the** form.\n2. Fill [in](x.md) the date.\n"
    for chunk in (body, "Steps: 1. Open the form. 2. Fill in the date.", "Steps: Open the form. Fill in the date."):
        assert find_print(DocumentText.of(body), print_of(chunk)) == (1, 7)


def test_a_print_of_the_full_text_is_told_as_a_span_of_the_body() -> None:
    full = "---\ntitle: Leave\nowner: People\n---\n" + BODY.replace("gets", "{{ verb }} gets")
    document = DocumentText.of(BODY, full)
    assert find_print(document, print_of(full[8:])) == (3, WORDS - 1)
    assert find_print(document, print_of(full[8:].replace("\n", " "))) == (0, WORDS - 1)
    assert find_print(document, print_of("title: Leave\nowner: People")) == (0, 0)
    assert find_print(document, print_of("Every employee {{ verb }} gets **25 days**")) == (3, 6)


def test_a_search_for_a_print_in_a_text_that_repeats_itself_ends() -> None:
    document = DocumentText.of("a b c d e " * 20_000)
    real = print_of("a b c d e " * 300 + "a")
    assert find_print(document, real) == (1, 1500)
    forged = TextPrint(real.words, real.anchor, "0" * 32)
    assert find_print(document, forged) is None
    assert find_print(document, TextPrint(90_000, real.anchor, "0" * 32)) is None
    assert find_print(DocumentText.of("a b c d e f g"), TextPrint(600, real.anchor, "0" * 32)) is None
