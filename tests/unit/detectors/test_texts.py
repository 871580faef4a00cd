from __future__ import annotations

from collections.abc import Callable

import pytest

from governance.detectors.texts import VERSION, ChunkVerdict, Critical, DocumentText, Way, compare_chunk
from tests.unit.detectors.builders import differs

PAGE = """# Annual leave

Every employee gets **25 days** of paid leave per year. Requests go to the [line manager](/people/managers.html)
at least 2 weeks before the first day. Leave that is left on 31 March 2026 is lost.

## Carrying over

You must not carry over more than 5 days. Part-time staff receive a pro rata share of the allowance, rounded up to
the next half day.

1. Open the form.
2. Fill in the dates.
3. Send it to payroll.
"""
BODY = " ".join(PAGE.split())


def verdict(chunk: str, body: str = PAGE, full_text: str | None = None) -> ChunkVerdict:
    return compare_chunk(DocumentText.of(body, full_text), chunk)


def edited(old: str, new: str) -> ChunkVerdict:
    """Compare a chunk of the page as it was with the page in which one place has changed."""
    assert PAGE.count(old) == 1
    return verdict(PAGE, PAGE.replace(old, new))


def test_a_version_goes_with_the_rules() -> None:
    assert VERSION >= 1


@pytest.mark.parametrize(
    "chunk",
    [
        PAGE,
        PAGE[40:300],
        PAGE.replace("\n", "\r\n"),
        "Every employee gets\u00a0**25 days** of paid\u200b leave",
        "Every   employee\tgets **25 days** of paid leave",
        "em\u00adployee gets **25 days**",
        "",
    ],
)
def test_white_space_and_invisible_characters_make_no_difference(chunk: str) -> None:
    assert verdict(chunk).way is Way.VERBATIM


def test_quotes_dashes_and_compatible_characters_are_one() -> None:
    body = "Don't use the \"old\" form - it isn't \ufb01led any more."
    assert (
        verdict("Don\u2019t use the \u201cold\u201d form \u2013 it isn\u2019t filed any more.", body).way
        is Way.VERBATIM
    )


@pytest.mark.parametrize(
    "chunk",
    [
        "Annual leave Every employee gets 25 days of paid leave per year. Requests go to the line manager at least",
        "EVERY EMPLOYEE GETS 25 DAYS OF PAID LEAVE PER YEAR",
        "**Carrying over**\n\nYou must not carry over more than 5 days.",
        "Open the form. Fill in the dates. Send it to payroll.",
        "<h2>Carrying over</h2><p>You must <em>not</em> carry over more than 5&nbsp;days.</p>",
        "1. *Open* the form. 2. Fill in the dates. 3. Send it",
        "* Open the form.\n* Fill in the dates.",
    ],
)
def test_markup_punctuation_and_case_make_no_difference(chunk: str) -> None:
    found = verdict(chunk)
    assert (found.way, found.critical, found.share) == (Way.WORDS, None, 0)
    assert found.contained


def test_a_splitter_may_cut_inside_words_links_and_fences() -> None:
    body = (
        "See [the handbook](https://example.org/a(b)/c.html#part) before.\n\n```yaml title\nkey: value\n```\n\nThe end."
    )
    document = DocumentText.of(body)
    for start in range(len(body)):
        for end in range(start, len(body) + 1):
            assert compare_chunk(document, body[start:end]).way is Way.VERBATIM


def test_a_cut_inside_a_word_is_told() -> None:
    assert verdict("mployee gets **25 days**").is_cut
    assert verdict("Every employee gets **25 da").is_cut
    assert not verdict("employee gets **25 days**").is_cut
    assert verdict("mployee gets 25 days").is_cut
    assert verdict("5 days** of paid").is_cut
    assert not verdict("5 days. Part-time").is_cut


def test_of_several_places_one_with_whole_words_counts() -> None:
    assert not verdict("able to", "We are unable to pay. We are able to pay.").is_cut


def test_a_part_of_a_number_is_cut_out_of_it() -> None:
    found = verdict("5 days of leave", "15 days of leave")
    assert (found.way, found.is_cut) == (Way.VERBATIM, True)
    assert not verdict("15 days of leave", "15 days of leave").is_cut


def test_characters_of_scripts_without_blanks_are_never_cut() -> None:
    body = "\u54e1\u5de5\u6bcf\u5e74\u6709\u4e94\u5929\u5047\u671f\u3002"
    assert verdict(body[2:6], body) == ChunkVerdict(Way.VERBATIM)


@pytest.mark.parametrize("chunk", ["---", "\u2026 \u2022 \u2022", "\U0001f600", "| --- | --- |", "\ufffd"])
def test_a_chunk_without_words_is_contained(chunk: str) -> None:
    assert verdict(chunk).contained


def test_halves_of_characters_at_the_ends_are_left_off() -> None:
    assert verdict("\ufffdEvery employee gets **25 days**\ud83d").way is Way.VERBATIM


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("25 days", "30 days", Critical.NUMBER),
        ("2 weeks", "three weeks", Critical.NUMBER),
        ("half day", "day", None),
        ("31 March 2026", "30 March 2026", Critical.DATE),
        ("31 March 2026", "31 April 2026", Critical.DATE),
        ("31 March 2026", "31 March 2027", Critical.DATE),
        ("2 weeks", "2 months", Critical.UNIT),
        ("than 5 days", "than 5", Critical.UNIT),
        ("must not carry", "must carry", Critical.NEGATION),
        ("is lost", "is not lost", Critical.NEGATION),
        ("is lost", "isn't lost", Critical.NEGATION),
        ("before the first", "after the first", Critical.ANTONYM),
        ("more than", "less than", Critical.ANTONYM),
        ("must not", "may not", Critical.ANTONYM),
        ("at least 2", "at least 2", None),
        ("employee", "member", None),
        ("You must not carry over more than 5 days. ", "", Critical.NUMBER),
        ("is lost.", "is lost. From 2027 on it is paid.", Critical.NUMBER),
    ],
)
def test_what_changed_in_the_document_is_told(old: str, new: str, code: Critical | None) -> None:
    found = edited(old, new)
    if old == new:
        assert found.way is Way.VERBATIM
        return
    assert (found.way, found.critical) == (Way.ALIGNED, code)
    assert not found.contained
    assert found.share > 0


def test_the_share_is_that_of_the_chunks_shingles() -> None:
    chunk = "apples pears plums figs dates GRAPES melons limes kiwis cherries"
    found = verdict(chunk, chunk.replace("GRAPES", "quinces"))
    assert (found.critical, found.share) == (None, round(5 / 6, 4))
    assert differs(found, 0.8333)
    assert not differs(found, 0.84)


def test_the_same_number_written_otherwise_is_no_critical_difference() -> None:
    body = "The limit for every project is 1,000 requests in two hours, whatever the plan says about the rest."
    assert verdict(body.replace("1,000", "1000").replace("two", "2"), body).critical is None


def test_a_text_that_has_nothing_in_common_is_foreign() -> None:
    found = verdict("Bananas ripen faster beside apples because apples give off ethylene.")
    assert found == ChunkVerdict(Way.FOREIGN, share=1.0)
    assert differs(found, 1)
    assert verdict("Passwords").way is Way.FOREIGN
    assert verdict("the", "Nothing of it").way is Way.FOREIGN
    assert verdict("word", "").way is Way.FOREIGN


def test_a_chunk_of_the_full_text_is_the_documents() -> None:
    full = "---\ntitle: Leave\nreviewed: 2026-01-05\n---\n" + PAGE.replace("**25 days**", "{{ days }}")
    assert verdict("title: Leave\nreviewed: 2026-01-05", full_text=full).way is Way.VERBATIM
    assert verdict("Leave reviewed 2026 01", full_text=full).way is not Way.VERBATIM
    assert verdict("employee gets {{ days }} of paid", full_text=full).way is Way.VERBATIM
    assert verdict("reviewed: 2026-01-05 --- Annual leave", full_text=full).way is Way.WORDS
    old = verdict("title: Leave\nreviewed: 2025-01-05\n---\n" + PAGE[:120], full_text=full)
    assert old.critical is Critical.DATE


def test_the_milder_of_body_and_full_text_counts() -> None:
    full = "---\nowner: People team of the whole house\n---\n" + PAGE
    chunk = (
        "owner: People team of the whole house --- Annual leave Every employee gets 25 days of paid holiday per year"
    )
    assert verdict(chunk, full_text=full).share < verdict(chunk).share


def test_moved_paragraphs_are_no_critical_difference() -> None:
    one = "Every employee gets 25 days of paid leave per year and asks for them in time."
    other = "Contractors receive no paid leave at all but may send an invoice for 3 days."
    found = verdict(f"{one}\n\n{other}", f"{other}\n\n{one}")
    assert (found.way, found.critical) == (Way.ALIGNED, None)
    assert found.share < 0.2


def test_what_lies_outside_the_chunks_region_does_not_count() -> None:
    chunk = PAGE.split("\n\n")[3].replace("rounded up", "rounded")
    changed = PAGE.replace("25 days", "30 days").replace("1. Open", "1. Never open")
    assert verdict(chunk, changed).critical is None


HEADS = [
    "Staff handbook > Leave > Carrying over",
    "Do not share this page",
    "Title: Leave\nSection: Carrying over\nLanguage: en",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("between", ["\n\n", "\n"])
@pytest.mark.parametrize(
    "chunk", [PAGE[200:420], "You must not carry over more than 5 days. Part-time staff receive a pro rata share"]
)
def test_a_title_put_before_a_chunk_is_no_critical_difference(head: str, between: str, chunk: str) -> None:
    found = verdict(head + between + chunk)
    assert (found.way, found.critical, found.share, found.unsaid) == (Way.VERBATIM, None, 0, True)


def test_a_title_put_before_words_without_markup_is_left_out_of_the_share() -> None:
    found = verdict("Staff rules and other things\n\nEvery employee gets 25 days of paid leave per year. Requests go")
    assert (found.critical, found.share) == (None, 0)
    same_line = verdict("Staff rules and other things: Every employee gets 25 days of paid leave per year. Requests go")
    assert same_line.critical is None
    assert same_line.share > 0


def test_a_number_in_a_title_that_the_document_holds_nowhere_is_critical() -> None:
    chunk = "You must not carry over more than 5 days. Part-time staff receive a pro rata share"
    assert verdict(f"Rules of 1999\n\n{chunk}").critical is Critical.NUMBER
    assert verdict(f"Rules of 2026\n\n{chunk}").critical is None
    assert verdict(f"Rules of 1999: {chunk}").critical is Critical.NUMBER


def test_a_changed_heading_is_not_taken_for_a_title_put_before() -> None:
    chunk = "## At most 25 days\n\nThe rest is paid out in January of the following year, after the audit."
    assert verdict(chunk, "# Page on 25\n\n" + chunk.replace("25", "30")).critical is Critical.NUMBER
    repeated = f"Rest:\n\n{chunk.replace('25', '30')}\n\nThe rest is paid out"
    assert verdict(chunk, repeated + " twice 25").critical is Critical.NUMBER


@pytest.mark.parametrize("between", ["\n\n", " \n"])
def test_a_first_paragraph_that_was_written_anew_is_no_title(between: str) -> None:
    rest = "The rest is paid out in January of the following year, after the audit of the books."
    found = verdict(
        f"Whoever falls ill calls the desk before nine.{between}{rest}", f"Call us when you are sick.\n\n{rest}"
    )
    assert found.share > 0.3


def test_a_heading_path_whose_headings_stand_far_above_is_no_insertion() -> None:
    body = (
        "# Rules for the use of company cars\n\nCars are lent for 3 days at most, and never on 24 December."
        " Ask the desk before you take one with you, and bring it back clean and with a full tank.\n\n"
        "## Fines\n\nWho parks in the wrong place pays the fine, also where the sign could not be seen at night."
    )
    chunk = "Rules for the use of company cars\n\nWho parks in the wrong place pays the fine, also where the sign"
    found = verdict(chunk, body)
    assert (found.critical, found.share) == (None, 0)


def test_an_insertion_after_a_short_heading_counts() -> None:
    body = "# Rules for the use of company cars\n\nAt most 3 days. Who parks in the wrong place pays the fine at once."
    assert verdict(body.replace("At most 3 days. ", ""), body).critical is Critical.NUMBER


@pytest.mark.parametrize(
    ("chunk", "body", "code"),
    [
        ("25 days per year is the rule for all", "Now 30 days per year is the rule for all.", Critical.NUMBER),
        ("Share the report with all other teams", "Do. Not share the report with all other teams", None),
        ("Not share the report with other teams", "Do share the report with other teams", Critical.NEGATION),
        ("maximum length of the name of a host", "The minimum length of the name of a host", Critical.ANTONYM),
        ("days are the most that anybody can ask for", "5 weeks are the most that anybody can ask for", Critical.UNIT),
        ("wizards are the most that anybody can ask for", "5 weeks are the most that anybody can ask for", None),
        ("The most that anybody can ask for is 5", "The most that anybody can ask for is 6", Critical.NUMBER),
        (
            "The most that anybody can ask for is 5 days now",
            "The most that anybody can ask for is 6 days now",
            Critical.NUMBER,
        ),
        ("Sharing is allowed", "Sharing is not allowed", Critical.NEGATION),
        ("5 GB limit", "The 6 GB limit", Critical.NUMBER),
        ("5 GB", "6 GB", Critical.NUMBER),
        ("all of it is currently possible here and now", "all of it is currently possible here and", None),
        ("is currently possible to expand it", "It is not currently possible to expand it", Critical.NEGATION),
        ("not", "A text in which nothing is denied", None),
        ("is the end of this old story no", "This is the end of this old story", Critical.NEGATION),
    ],
)
def test_edits_at_the_ends_of_a_chunk(chunk: str, body: str, code: Critical | None) -> None:
    assert verdict(chunk, body).critical is code


def test_a_partial_word_beside_an_edit_at_the_end_is_no_difference() -> None:
    body = "The backup is kept for 30 days and then it is erased completely by the archive service."
    found = verdict("kup is kept for 20 days and then it is erased comple", body)
    assert (found.critical, found.is_cut) == (Critical.NUMBER, True)
    assert found.share == round(4 / 6, 4)
    assert verdict("kept for 30 days and then it was erased compl", body) == ChunkVerdict(
        Way.ALIGNED, None, 0.4, is_cut=True
    )
    assert verdict("kept for 30 days and then it is completely era", body).critical is None
    assert verdict("it is erased compl", body.replace("then", "th en")).is_cut
    assert verdict("and afterwards it is erased compl", body).critical is None


def test_what_a_cut_left_of_a_number_is_held_by_the_document() -> None:
    body = "Tickets of the year are kept in archive 2026-03-04 of the east wing, see [a](https://e.org/v10/77.html)."
    assert verdict("26-03-04 of the east wing that we see", body).critical is None
    assert verdict("are kept in some archive 2026-0", body).critical is None
    assert verdict("0/77.html) and then: are kept in archive 2026-03-04 of the east wing", body).critical is None


def test_a_passage_that_the_page_has_twice_is_compared_with_its_own_place() -> None:
    twice = "Raise a request that updates the {} and wait for the review of the team before you go on with step {}."
    body = (
        f"First case of all.\n\n{twice.format('module', 2)}\n\nSecond case:\n\n{twice.format('cluster', 4)}\n\nThe end."
    )
    assert verdict(body, body.replace("before", "after", 1)).critical is Critical.ANTONYM
    assert verdict(body[:150], body.replace("before", "after", 1)).critical is Critical.ANTONYM
    assert verdict(body[140:], body.replace("cluster and", "cluster and not", 1)).critical is Critical.NEGATION


@pytest.mark.parametrize(
    "between", ["", "Here stand some other words that fill the room. " * 3, "Much more of it all. " * 90]
)
def test_a_copy_elsewhere_does_not_hide_an_edit_at_the_end_of_a_chunk(between: str) -> None:
    own = "Requests for new laptops are made with the green form that hangs beside the printer"
    other = "Travel to another town is booked by the office on the ground floor"
    twice = "and managers approve every single one within a working week"
    body = f"{own} {twice}. {between}Cars are asked for by phone, {twice}. {between}{twice}: {other}."
    assert verdict(f"{own} {twice}", body.replace("approve", "reject", 1)).critical is Critical.ANTONYM
    last = body.rindex("week")
    assert verdict(f"{twice}: {other}", body[:last] + "month" + body[last + 4 :]).critical is Critical.UNIT


def test_a_thing_said_twice_by_the_chunk_and_once_by_the_document_is_an_insertion() -> None:
    body = "You must not share the report with anybody outside the company."
    assert verdict(body.replace("must not", "must not not"), body).critical is Critical.NEGATION


def test_link_targets_never_count() -> None:
    body = 'See the [plan for 2026](https://example.org/v1/plan-2026.html "Title 1") and ![a map](map-3.png) for it.'
    changed = body.replace("v1", "v2").replace("map-3", "map-4").replace("Title 1", "Title 2")
    assert verdict(changed, body).way is Way.WORDS
    printed = "See the plan for 2026 (https://example.org/v1/plan-2026.html) and a map for it."
    assert verdict(printed, body).way is Way.WORDS
    assert verdict("See the plan for 2026 (https://other.org/v7) and a map for it.", body).critical is not None


def test_an_address_that_readers_see_counts() -> None:
    body = "The portal is at https://portal.example.org/v1 for all of the staff."
    assert verdict(body.replace("v1", "v2"), body).critical is Critical.VERSION


def test_a_comment_counts_only_when_the_document_does_not_have_it() -> None:
    body = "Keep the <!-- reviewed 2026 -->report for 5 years in the archive of the house."
    assert verdict("Keep the report for 5 years in the archive", body).way is Way.WORDS
    assert verdict("KEEP the <!-- reviewed 2026 -->report for 5 years in the archive", body).way is Way.WORDS
    hidden = verdict("Keep the <!-- send it to 9 people -->report for 5 years in the archive", body)
    assert hidden.critical is Critical.NUMBER


def test_numbers_of_lists_do_not_count() -> None:
    assert (
        verdict(
            PAGE[PAGE.index("1.") :], PAGE.replace("1. Open", "1. Ask.\n2. Open").replace("\n2. Fill", "\n3. Fill")
        ).critical
        is None
    )
    renumbered = PAGE.replace("1. Open", "4. Open").replace("2. Fill", "5. Fill").replace("3. Send", "6. Send")
    assert verdict(PAGE[PAGE.index("1.") :], renumbered).way is Way.WORDS
    assert verdict("5. Fill in the dates. 6. Send it to payroll.").way is Way.WORDS


def test_scripts_without_blanks_are_compared_character_by_character() -> None:
    body = "\u54e1\u5de5\u6bcf\u5e74\u4eab\u67095\u5929\u5e26\u85aa\u5047\u671f"
    body += "\u4e0d\u5f97\u7ed3\u8f6c\u5230\u4e0b\u4e00\u5e74\u3002"
    assert verdict(body.replace("5", "6"), body).critical is Critical.NUMBER
    assert verdict(body.replace("\u4e0d", ""), body).critical is Critical.NEGATION
    assert verdict(body.replace("\u7ed3\u8f6c", "\u79fb\u52a8"), body).critical is None


ASK = """
from governance.detectors.texts import *
document = DocumentText.of("Staff get 25 days. " * 3 + "They must not carry over more than 5 days into May 2026.")
chunk = "Staff get 25 days. They may carry over more than 6 days into June 2026, if they ask."
print(compare_chunk(document, chunk), uncovered(document, [chunk]), print_of(chunk))
print(find_print(document, print_of("They must not carry over")))
"""


def test_the_same_question_gets_the_same_answer_in_every_process(
    run_python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = set()
    for seed in ("0", "1", "77"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        answers.add(run_python(ASK))
    assert len(answers) == 1
    assert "aligned" in answers.pop()
