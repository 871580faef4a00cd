from __future__ import annotations

import unicodedata

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from governance.detectors.texts import (
    DocumentText,
    Way,
    compare_chunk,
    covered_span,
    find_print,
    print_of,
    uncovered,
)
from tests.unit.detectors.builders import differs

SYLLABLES = ["ba", "ke", "lo", "mi", "nu", "ra", "so", "ti", "vu", "zy"]
VOCABULARY = [one + two + three for one in SYLLABLES for two in SYLLABLES for three in SYLLABLES]
DRESS = [
    "{}",
    "{}",
    "{}",
    "{}",
    "**{}**",
    "`{}`",
    "[{}](https://e.org/{}.html)",
    "{},",
    "{}.",
    "{}.\n\n",
    "{}\n",
    "\n\n## {}\n\n",
]
TOKENS = [
    *"ab5 .,:-/'*`#<>[]()!&;|\n\t",
    "1.",
    "not ",
    "\u4e2d",
    "\xe9",
    "\U0001f600",
    "<!--",
    "-->",
    "](",
    "```",
    "<b>",
    "&#39;",
]
NASTY = st.lists(st.sampled_from(TOKENS), max_size=150).map("".join)


@st.composite
def prose(draw: st.DrawFn, least: int = 30) -> list[str]:
    """Give the dressed words of a page in which no word but the numbers comes twice."""
    words = draw(st.lists(st.sampled_from(VOCABULARY), min_size=least, max_size=80, unique=True))
    dressed = [draw(st.sampled_from(DRESS)).format(word, word) for word in words]
    for _ in range(draw(st.integers(1, 4))):
        dressed.insert(draw(st.integers(1, len(dressed))), str(draw(st.integers(10, 99_999))))
    return dressed


@st.composite
def cuts(draw: st.DrawFn, text: str) -> list[str]:
    """Give overlapping pieces of a text that begin and end anywhere."""
    pieces, start, end = [], 0, 0
    while end < len(text):
        end = draw(st.integers(end + 1, min(len(text), end + 300)))
        pieces.append(text[start:end])
        start = draw(st.integers(max(start, end - 80), end))
    return pieces


def parts_no_letter(text: str, at: int) -> bool:
    """Say whether a cut leaves the accents of each letter together: their order is the normal form's."""
    return not (0 < at < len(text) and unicodedata.combining(unicodedata.normalize("NFKD", text[at])[0]))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_every_cut_of_a_page_is_contained_and_all_cuts_cover_it(data: st.DataObject) -> None:
    body = " ".join(data.draw(prose()))
    pieces = data.draw(cuts(body))
    document = DocumentText.of(body)
    assert {compare_chunk(document, piece).way for piece in pieces} == {Way.VERBATIM}
    assert uncovered(document, pieces)[0] == 0


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_every_cut_of_a_full_text_is_contained_and_all_cuts_cover_the_body(data: st.DataObject) -> None:
    words = data.draw(prose())
    tagged = [
        data.draw(st.sampled_from(["{}", "{}", "{}", "{{{{ tag.of(5) }}}} {}", "{}{{{{ x }}}}"])).format(word)
        for word in words
    ]
    full = "---\ntitle: A page of 2026\n---\n" + " ".join(tagged)
    body = " ".join(words)
    pieces = data.draw(cuts(full))
    document = DocumentText.of(body, full)
    assert {compare_chunk(document, piece).way for piece in pieces} == {Way.VERBATIM}
    assert uncovered(document, pieces)[0] == 0


@settings(deadline=None)
@given(st.data(), st.one_of(NASTY, st.text(max_size=200)))
def test_every_cut_of_any_text_is_contained_and_its_print_is_found(data: st.DataObject, body: str) -> None:
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, len(body)))
    assume(parts_no_letter(body, start) and parts_no_letter(body, end))
    document = DocumentText.of(body)
    chunk = body[start:end]
    assert compare_chunk(document, chunk).way is Way.VERBATIM
    print_ = print_of(chunk)
    assert print_.words <= 2 or find_print(document, print_) is not None


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_print_of_a_cut_is_found_in_its_place_while_its_text_stands(data: st.DataObject) -> None:
    words = data.draw(prose())
    body = " ".join(words)
    start = data.draw(st.integers(0, len(body) - 1))
    chunk = body[start : data.draw(st.integers(start + 1, len(body)))]
    print_ = print_of(chunk)
    assume(print_.words > 2)
    before = " ".join(data.draw(prose())).upper()
    span = find_print(DocumentText.of(body), print_)
    moved = find_print(DocumentText.of(f"{before}\n\n{body}"), print_)
    assert span is not None
    assert covered_span(DocumentText.of(body), span, [chunk])
    assert moved is not None
    assert moved[1] - moved[0] == span[1] - span[0]
    assume(span[0] < span[1])
    word = DocumentText.of(body).words[(span[0] + span[1]) // 2]
    assert find_print(DocumentText.of(body.replace(word, "qqq")), print_) is None


@settings(deadline=None)
@given(st.data())
def test_one_changed_digit_inside_a_chunk_is_drift_whatever_the_threshold(data: st.DataObject) -> None:
    words = data.draw(prose(least=40))
    places = [at for at, word in enumerate(words) if word.isdigit() and 5 <= at < len(words) - 5]
    assume(places)
    at = data.draw(st.sampled_from(places))
    digit = data.draw(st.integers(0, len(words[at]) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != words[at][digit]]))
    changed = [*words[:at], words[at][:digit] + other + words[at][digit + 1 :], *words[at + 1 :]]
    start, end = data.draw(st.integers(0, at - 5)), data.draw(st.integers(at + 6, len(words)))
    chunk = " ".join(words[start:end])
    assert compare_chunk(DocumentText.of(" ".join(words)), chunk).contained
    assert differs(compare_chunk(DocumentText.of(" ".join(changed)), chunk), 1)


@settings(deadline=None)
@given(st.data())
def test_a_not_more_or_less_inside_a_chunk_is_drift_whatever_the_threshold(data: st.DataObject) -> None:
    words = data.draw(prose(least=40))
    at = data.draw(st.integers(5, len(words) - 5))
    denied = [*words[:at], data.draw(st.sampled_from(["not", "never", "cannot", "**not**"])), *words[at:]]
    start, end = data.draw(st.integers(0, at - 5)), data.draw(st.integers(at + 5, len(words)))
    affirmed = compare_chunk(DocumentText.of(" ".join(denied)), " ".join(words[start:end]))
    assert differs(affirmed, 1)
    assert affirmed.critical == "negation"
    negated = compare_chunk(DocumentText.of(" ".join(words)), " ".join(denied[start : end + 1]))
    assert differs(negated, 1)
    assert negated.critical == "negation"


@settings(deadline=None)
@given(st.data())
def test_a_title_of_words_put_before_is_never_critical(data: st.DataObject) -> None:
    words = data.draw(prose(least=40))
    title = data.draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12))
    between = data.draw(st.sampled_from(["\n\n", "\n", ": "]))
    start = data.draw(st.integers(0, len(words) - 10))
    found = compare_chunk(DocumentText.of(" ".join(words)), " > ".join(title) + between + " ".join(words[start:]))
    assert found.critical is None
    assert found.way in {Way.ALIGNED, Way.WORDS, Way.VERBATIM}


@settings(deadline=None)
@given(NASTY, NASTY, st.none() | NASTY)
@example("a", "1. a", None)
@example("5", "5 not", "not")
def test_any_two_texts_can_be_compared(body: str, chunk: str, full_text: str | None) -> None:
    document = DocumentText.of(body, full_text)
    found = compare_chunk(document, chunk)
    assert 0 <= found.share <= 1
    assert not found.contained or (found.share == 0 and (found.critical is None or found.unsaid))
    left, words = uncovered(document, [chunk])
    assert 0 <= left <= words == len(document.words)
    span = find_print(document, print_of(chunk))
    assert span is None or 0 <= span[0] <= span[1] <= words
    assert bool(words) is document.has_words
