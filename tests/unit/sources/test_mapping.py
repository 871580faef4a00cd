from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from governance.domain.documents import Problem, ProblemCode
from governance.sources.frontmatter import read_front_matter
from governance.sources.mapping import Facts, facts_of, wanted_keys
from governance.sources.options import DEFAULT_FIELDS, DateOrder


def facts(block: str, fields: Mapping[str, tuple[str, ...]] = DEFAULT_FIELDS, order: DateOrder | None = None) -> Facts:
    return facts_of(read_front_matter(f"---\n{block}\n---\n", wanted_keys(fields)), fields, order)


def codes(found: Facts) -> list[tuple[ProblemCode, str | None, int | None]]:
    return [(problem.code, problem.field, problem.line) for problem in found.problems]


def test_no_front_matter_says_nothing() -> None:
    assert facts("") == Facts()


def test_the_fields_of_a_govuk_page() -> None:
    found = facts("title: A page\nlast_reviewed_on: 2026-03-02\nreview_in: 6 months\nowner_slack: '#team'")
    assert found == Facts(title="A page", reviewed_on=date(2026, 3, 2), review_interval="6 months", owner="#team")


def test_the_fields_of_a_microsoft_page() -> None:
    found = facts("title: A\nms.date: 03/22/2022\nms.author: someone\nauthor: somebody")
    assert (found.reviewed_on, found.owner) == (date(2022, 3, 22), "someone")


def test_a_dotted_key_may_be_nested() -> None:
    assert facts("ms:\n  date: 03/22/2022").reviewed_on == date(2022, 3, 22)
    assert facts("ms: 03/22/2022").reviewed_on is None


@pytest.mark.parametrize("key", DEFAULT_FIELDS["reviewed_on"])
def test_every_default_key_of_the_review_date(key: str) -> None:
    assert facts(f"{key}: 2026-03-02").reviewed_on == date(2026, 3, 2)


def test_the_better_key_wins_wherever_it_stands() -> None:
    assert facts("lastmod: 2026-01-01\ndate: 2026-02-02\nreviewed: 2026-03-02").reviewed_on == date(2026, 3, 2)


@pytest.mark.parametrize("key", DEFAULT_FIELDS["created_on"])
def test_every_default_key_of_the_day_of_making(key: str) -> None:
    found = facts(f"{key}: 2026-03-02\nlastmod: 2026-04-01")
    assert (found.created_on, found.reviewed_on) == (date(2026, 3, 2), date(2026, 4, 1))


def test_a_broken_day_of_making_is_a_problem_of_its_own() -> None:
    found = facts("created: soon\ndate_created: 2026-01-01\nlast_reviewed_on: 2026-03-02")
    assert (found.created_on, found.reviewed_on) == (None, date(2026, 3, 2))
    assert codes(found) == [(ProblemCode.BAD_DATE, "created_on", 2)]


def attributes(block: str, *keys: str) -> tuple[Mapping[str, tuple[str, ...]], list[tuple[ProblemCode, str | None]]]:
    front = read_front_matter(f"---\n{block}\n---\n", wanted_keys(DEFAULT_FIELDS, keys))
    found = facts_of(front, DEFAULT_FIELDS, None, keys)
    return found.attributes, [(problem.code, problem.field) for problem in found.problems]


def test_only_the_keys_that_are_named_become_attributes() -> None:
    block = "department: HR\ncountries: [DE,  FR , DE]\nlevel: 3\npublic: yes\nother: x\nms: {topic: how-to}"
    assert attributes(block, "department", "countries", "level", "public", "ms.topic", "absent") == (
        {
            "department": ("HR",),
            "countries": ("DE", "FR"),
            "level": ("3",),
            "public": ("yes",),
            "ms.topic": ("how-to",),
        },
        [],
    )
    assert attributes(block) == ({}, [])


@pytest.mark.parametrize("empty", ["", "~", '""', "[]", "{}", "['', ' ']"])
def test_an_empty_attribute_is_none(empty: str) -> None:
    assert attributes(f"department: {empty}", "department") == ({}, [])


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("{name: HR}", ProblemCode.NOT_A_SCALAR),
        ("[HR, {name: IT}]", ProblemCode.NOT_A_SCALAR),
        ("[HR, [IT]]", ProblemCode.NOT_A_SCALAR),
        ("&a HR", ProblemCode.FRONT_MATTER_SYNTAX),
        ("x" * 201, ProblemCode.TOO_LARGE),
        (str([f"d{number}" for number in range(21)]), ProblemCode.TOO_LARGE),
    ],
)
def test_an_attribute_that_cannot_be_used_is_a_problem_and_not_half_used(written: str, code: ProblemCode) -> None:
    assert attributes(f"department: {written}", "department") == ({}, [(code, "metadata.department")])


def test_an_attribute_may_be_as_long_and_as_many_as_is_allowed() -> None:
    many = [f"d{number}" for number in range(20)]
    found, problems = attributes(f"one: {'x' * 200}\nmany: {many}", "one", "many")
    assert (found, problems) == ({"one": ("x" * 200,), "many": tuple(many)}, [])


def test_a_named_key_is_saved_from_front_matter_that_is_broken_elsewhere() -> None:
    assert attributes("title: a: b\ndepartment: HR", "department")[0] == {"department": ("HR",)}


@pytest.mark.parametrize("empty", ["", "~", "null", '""', "'  '", "[]", "{}"])
def test_an_empty_value_is_no_value_and_no_problem(empty: str) -> None:
    found = facts(f"last_reviewed_on: {empty}\nowner: {empty}\nlabels: {empty}\ntitle: {empty}\nreview_in: {empty}")
    assert found == Facts()
    assert facts(f"last_reviewed_on: {empty}\ndate: 2026-03-02").reviewed_on == date(2026, 3, 2)


def test_a_broken_review_date_is_not_replaced_by_a_weaker_key() -> None:
    found = facts("title: A\nlast_reviewed_on: 2026-02-30\nowner: B\ndate: 2026-01-01")
    assert (found.title, found.owner, found.reviewed_on) == ("A", "B", None)
    assert codes(found) == [(ProblemCode.BAD_DATE, "reviewed_on", 3)]


@pytest.mark.parametrize(
    ("written", "interval"),
    [
        ("6 months", "6 months"),
        ("6 month", "6 months"),
        ("6  month", "6 months"),
        ("1 year", "1 year"),
        ("191 days", "191 days"),
        ("12 MONTHS", "12 months"),
        ("2w", "2 weeks"),
    ],
)
def test_intervals(written: str, interval: str) -> None:
    assert facts(f"review_in: {written}").review_interval == interval


@pytest.mark.parametrize("written", ["soon", "never", "none", "n/a", "0 months", "6", "six months", "-1 days"])
def test_what_is_no_interval_is_malformed(written: str) -> None:
    found = facts(f"title: A\nreview_in: {written}")
    assert (found.title, found.review_interval) == ("A", None)
    assert codes(found) == [(ProblemCode.BAD_INTERVAL, "review_interval", 3)]


@pytest.mark.parametrize("value", ["[2026-01-01]", "{day: 2026-01-01}"])
def test_a_list_or_mapping_where_a_text_belongs(value: str) -> None:
    found = facts(f"reviewed: {value}\ntitle: {value}\nversion: {value}\nreview_in: {value}")
    assert {code for code, _, _ in codes(found)} == {ProblemCode.NOT_A_SCALAR}
    assert [field for _, field, _ in codes(found)] == ["reviewed_on", "title", "version", "review_interval"]


@pytest.mark.parametrize("value", ["*anchor", "&anchor x", "!!str x"])
def test_what_the_reader_refuses_spoils_its_own_field(value: str) -> None:
    found = facts(f"title: A\nowner: {value}\nreviewed: 2026-03-02")
    assert (found.title, found.owner, found.reviewed_on) == ("A", None, date(2026, 3, 2))
    assert codes(found) == [(ProblemCode.FRONT_MATTER_SYNTAX, "owner", 3)]


def test_trouble_in_a_key_that_fills_no_field_is_reported_without_its_name() -> None:
    found = facts("title: A\nJane Doe: *x\nother:\n  deep: [&y z, *y]\nms:\n  date: *z")
    assert codes(found) == [
        (ProblemCode.FRONT_MATTER_SYNTAX, None, 3),
        (ProblemCode.FRONT_MATTER_SYNTAX, None, 5),
        (ProblemCode.FRONT_MATTER_SYNTAX, "reviewed_on", 7),
    ]
    assert "Jane" not in repr(found)


def test_problems_hold_no_value() -> None:
    found = facts("owner: {phone: 555-0100}\nreviewed: jane@example.org")
    assert all(isinstance(problem, Problem) for problem in found.problems)
    assert "555" not in repr(found.problems)
    assert "jane" not in repr(found.problems)


@pytest.mark.parametrize(
    ("written", "owner"),
    [
        ("Team A", "Team A"),
        ("[Team A, Team B]", "Team A, Team B"),
        ("{name: Team A, email: a@example.org}", "Team A"),
        ("{email: a@example.org}", "a@example.org"),
        ("[{name: Team A}, Team B]", "Team A, Team B"),
        ("true", "true"),
        ("007", "007"),
    ],
)
def test_owners(written: str, owner: str) -> None:
    assert facts(f"owner: {written}").owner == owner


def test_labels_are_a_list_or_commas() -> None:
    assert facts("labels: [b, a, b, '']").labels == ("b", "a")
    assert facts("tags: b, a ,,b").labels == ("b", "a")
    found = facts("labels: [a, [b], {c: d}]")
    assert found.labels == ("a",)
    assert [code for code, _, _ in codes(found)] == [ProblemCode.NOT_A_SCALAR]


@pytest.mark.parametrize(
    ("written", "target"),
    [("/new", "/new"), ("[/new, /other]", "/new"), ("{to: /new}", "/new"), ("false", None), ("No", None), ("true", "")],
)
def test_redirects(written: str, target: str | None) -> None:
    assert facts(f"redirect_to: {written}").redirect == target


def test_a_list_of_old_names_is_no_redirect() -> None:
    assert facts("redirect_from: [/old]").redirect is None


def test_texts_are_one_printable_line() -> None:
    found = facts('title: "a\\nb\\e[31m\\0c"\nowner: "x\\u202ey"\nversion: >\n  1.0\n')
    assert (found.title, found.owner, found.version) == ("a b [31m c", "xy", "1.0")


def test_a_title_that_a_template_fills_in_is_none() -> None:
    assert facts("title: <%= current_page.data.title %>").title is None
    assert facts("title: '{{ page.title }} {% x %}'").title is None
    assert facts("title: '{{ site.name }} handbook'").title == "{{ site.name }} handbook"


def test_a_long_title_is_shortened() -> None:
    title = facts("title: " + "x" * 5_000).title
    assert title is not None
    assert (len(title), title[-1]) == (300, "…")


def test_configured_keys_and_order() -> None:
    fields = {**DEFAULT_FIELDS, "reviewed_on": ("checked",)}
    assert facts("checked: 02/03/2026", fields, DateOrder.DMY).reviewed_on == date(2026, 3, 2)
    assert facts("last_reviewed_on: 2026-03-02", fields).reviewed_on is None
