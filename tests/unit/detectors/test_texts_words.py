from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.detectors.markup import FILLER, link_targets, without_markup
from governance.detectors.normal import BREAK, flat, lined, lowered, unlined
from governance.detectors.texts import DocumentText
from governance.detectors.words import Layer, Wording


def words(text: str) -> list[str]:
    return list(DocumentText.of(text).words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Title of *a* **page**", "title of a page"),
        ("Title\n=====", "title"),
        ("- one\n* two\n+ three\n> four", "one two three four"),
        ("1. one\n2) two\n\n## 3. three", "one two three"),
        ("at most\n30. Then more", "at most 30 then more"),
        ("| a | b |\n|---|:-:|\n| c | d |", "a b c d"),
        ("[text](https://e.org/a_(b) 'title 5') ![alt](<x y.png>)", "text alt"),
        ("[text][ref] and [one][] and row[1][2]", "text and one and row 1 2"),
        ("[ref]: https://e.org/5 here\nnot[^1] gone\n[^1]: note", "here not gone note"),
        ("[Note]: see 5", "note see 5"),
        ("`code` and ```inline``` and\n```python\nx = 1\n```", "code and inline and x 1"),
        ("<p class='a 5'>one<br/>two</p> <b>th</b>ree <namespace> a<b", "one two three namespace a b"),
        ("<!-- hidden 5 -->seen <!-- open", "seen open"),
        ("R&amp;D &lt;a&gt; caf&eacute; a&nbsp;b &unknown;", "r d a cafe\u0301 a b unknown"),
        ("don&#8217;t x&shy;y &#8205;z &lt;5", "don't xy z < 5"),
        ("snake_case snake\\_case \\*star\\* don\\'t", "snake case snake case star don't"),
        ("can**not** un**believ**able 2**3", "cannot unbelievable 2 3"),
        ("x -5 (+5) 3-5 1,000.50 1'000 0.5 .5 GPT-4 x-5 = -3", "x -5 +5 3-5 1,000.50 1'000 0.5 .5 gpt 4 x 5 -3"),
        ("v1.2.3 1.2.3-rc1 10:30 3/4/2026", "v1.2.3 1.2.3 rc1 10:30 3/4/2026"),
        ("2026-03-04T10:30:00Z", "2026-03-04t10:30:00 z"),
        ("5GB 5 GB 30min 1st k8s sha256 7d8c", "5 gb 5 gb 30 min 1 st k8s sha256 7 d8c"),
        ("5% 5 % 100%s $5 5\u20ac \u20ac 5 $HOME 20\u2030", "5 % 5 % 100 % s $ 5 5 \u20ac \u20ac 5 home 20 permille"),
        ("a <= 5 >= 6 \u2264 7 \u2265 8 x <9 y >= z\n> 5", "a <= 5 >= 6 <= 7 >= 8 x < 9 y >= z 5"),
        ("\u2705 yes \u274c no \u2714\ufe0f \u2718", "\u2713 yes \u2717 no \u2713 \u2717"),
        ("users' 'quoted' rock'n'roll O\u2019Neil", "users quoted rock'n'roll o'neil"),
        ("\u54e1\u5de5 5\u5929", "\u54e1 \u5de5 5 \u5929"),
        ("\u0e01\u0e34\u0e19", "\u0e01 \u0e34 \u0e19"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947\u0964", "\u0928\u092e\u0938\u094d\u0924\u0947"),
        ("\u0627\u0644\u0633\u0644\u0627\u0645\u060c", "\u0627\u0644\u0633\u0644\u0627\u0645"),
        ("\uff15 \u2460 \ufb01n", "5 1 fin"),
        ("\U0001f600 \u2014 \u2026 \u2022", ""),
    ],
)  # fmt: skip
def test_words_in_normal_form(text: str, expected: str) -> None:
    assert " ".join(words(text)) == expected


def test_a_document_without_words_says_so() -> None:
    assert not DocumentText.of("--- | --- <br>").has_words
    assert not DocumentText.of("").has_words
    assert DocumentText.of("a").has_words


def test_the_full_text_is_kept_only_where_it_is_more() -> None:
    assert DocumentText.of("a", "a").full is None
    assert DocumentText.of("a").full is None
    assert DocumentText.of("a", "b a").full is not None


def test_lines_and_blank_lines_are_told() -> None:
    assert lined("\n a \n b\r\nc\r\r  d\t e \n \n\n") == f"a\nb\nc{BREAK}d e"


def test_lower_case_keeps_every_offset() -> None:
    assert lowered("\u0130\u03a3 \u1e9e") == "\u0130\u03c3 \xdf"
    everything = "".join(map(chr, range(0x110000)))
    assert len(lowered(unicodedata.normalize("NFKD", everything))) == len(unicodedata.normalize("NFKD", everything))


def test_controls_and_joiners_are_no_characters() -> None:
    assert flat("a\x00b\u200dc\ufeffd\u202ee\U000e0041f") == "abcdef"


@given(st.text(max_size=300))
def test_offsets_hold_through_every_form(text: str) -> None:
    layer = Layer(text)
    assert unlined(layer.lined) == layer.everything.text
    assert layer.flat == flat(text)
    sizes = {len(form) for form in (layer.flat, layer.lined, layer.everything.text, layer.listed.text, layer.bare.text)}
    assert len(sizes) == 1
    assert len(layer.bare.spans) == len(layer.bare.words)


MARKS = st.text(alphabet=list("[]()<>!&;#`*\\/.:-'\"=ab15 \n" + FILLER), max_size=200)


@given(MARKS)
def test_taking_markup_off_keeps_the_length(text: str) -> None:
    assert len(without_markup(text)) == len(text)


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_flat_form_of_a_piece_is_a_piece_of_the_flat_form(one: str, other: str) -> None:
    # But for accents of one letter that a cut parts and the normal form puts in another order.
    if other and unicodedata.combining(unicodedata.normalize("NFKD", other)[0]):
        return
    assert flat(one) in flat(one + other)
    assert flat(other) in flat(one + other)


def test_words_are_found_by_offsets() -> None:
    wording = Wording("one two three")
    assert wording.within(0, 13) == (0, 3)
    assert wording.within(1, 12) == (1, 2)
    assert wording.within(5, 6) == (2, 2)
    assert wording.places(2) == {("one", "two"): [0], ("two", "three"): [1]}
    assert wording.places(2) is wording.places(2)
    assert wording.has_words


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("", 0, 0), ("one", 1, 0), ("8s_of 5gb", 2, 3), ("a b c", 1, 2), ("\u54e1\u5de5\u6bcf", 1, 2), ("5gb", 2, 0)],
)
def test_words_that_a_cut_may_have_touched(text: str, first: int, last: int) -> None:
    wording = Wording(text)
    assert (wording.first_whole, wording.last_whole) == (first, last)


def test_targets_that_also_stand_in_the_text_are_no_mere_targets() -> None:
    text = "[a](https://e.org/a) [b](<https://e.org/b>) and https://e.org/a itself"
    assert link_targets(text) == {"https://e.org/b"}


def test_every_character_is_a_mark_or_belongs_to_a_word() -> None:
    for code in range(0xA0, sys.maxunicode, 97):
        character = chr(code)
        if unicodedata.category(character) in {"Ll", "Lo", "Lm"}:
            decomposed = unicodedata.normalize("NFKD", character)
            if all(unicodedata.category(part)[0] in "LM" for part in decomposed):
                assert words(character), hex(code)
