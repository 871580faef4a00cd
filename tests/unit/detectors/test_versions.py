from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.detectors.versions import told_version, version_key

OLDEST_TO_NEWEST = [
    "legacy",
    "main",
    "next",
    "0.9",
    "1.0-dev",
    "1.0-alpha",
    "1.0a1",
    "1.0a2",
    "1.0-beta.2",
    "1.0-beta.10",
    "1.0-preview",
    "1.0-rc1",
    "v1.0.0",
    "1.0.0-lts",
    "1.x86",
    "1.0.2",
    "1.0.2a",
    "1.0.2b",
    "1.0.x",
    "1.9",
    "1.9.5",
    "1.9.x",
    "1.10",
    "1.x",
    "2",
    "2024-06",
    "2024-11",
    "latest",
]


def test_versions_order_as_people_mean_them() -> None:
    for older, newer in pairwise(OLDEST_TO_NEWEST):
        assert version_key(older) < version_key(newer), (older, newer)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("v2", "2"),
        ("V2.0", "2"),
        ("version 2", "2"),
        ("ver. 2", "2"),
        ("release-2.1", "2.1"),
        ("2.0.0", "2"),
        ("02", "2"),
        (" 2.1 ", "2.1"),
        ("1.9.*", "1.9.x"),
        ("1.9.X", "1.9.x"),
        ("1.0-RC1", "1.0rc1"),
        ("1.0 rc 1", "1.0rc1"),
        ("Latest", "current"),
        ("0", "0.0"),
    ],
)
def test_spellings_of_one_version_are_equal(text: str, same: str) -> None:
    assert version_key(text) == version_key(same)


@pytest.mark.parametrize(("text", "other"), [("1.x86", "1.x"), ("1.0", "1"), ("٣", "3"), ("!!!", "???"), ("v", "1")])
def test_odd_spellings_have_a_place(text: str, other: str) -> None:
    assert (version_key(text) == version_key(other)) is (text == "1.0")


def test_a_number_longer_than_the_interpreter_converts_is_compared_all_the_same() -> None:
    assert version_key("1." + "9" * 5000) < version_key("1.1" + "0" * 5000)


texts = st.text(max_size=12) | st.from_regex(
    r"v?[0-9]{1,3}(\.([0-9]{1,3}|x)){0,3}([-. ]?(rc|beta|a|b|lts)[0-9]?)?", fullmatch=True
)


@given(st.lists(texts, max_size=8), st.randoms())
def test_any_texts_have_one_order_however_they_arrive(versions: list[str], random: object) -> None:
    ordered = sorted(version_key(text) for text in versions)
    shuffled = versions[:]
    random.shuffle(shuffled)
    assert sorted(version_key(text) for text in shuffled) == ordered


@given(texts, texts, texts)
def test_the_order_is_total(first: str, second: str, third: str) -> None:
    a, b, c = (version_key(text) for text in (first, second, third))
    assert (a < b) + (a == b) + (a > b) == 1
    if a <= b <= c:
        assert a <= c


numbers = st.lists(st.integers(0, 10**30), min_size=1, max_size=4)


def without_trailing_zeros(parts: list[int]) -> list[int]:
    while len(parts) > 1 and parts[-1] == 0:
        parts = parts[:-1]
    return parts


@given(numbers, numbers)
def test_dotted_numbers_order_as_lists_of_numbers(first: list[int], second: list[int]) -> None:
    a, b = (version_key(".".join(map(str, parts))) for parts in (first, second))
    left, right = without_trailing_zeros(first), without_trailing_zeros(second)
    assert (a < b) is (left < right)
    assert (a == b) is (left == right)


@given(numbers, st.sampled_from(["dev", "alpha", "beta", "preview", "rc"]), st.integers(0, 99))
def test_a_pre_release_is_older_than_its_release_and_newer_than_what_came_before(
    parts: list[int], phase: str, count: int
) -> None:
    release = ".".join(map(str, parts))
    assert version_key(f"{release}-{phase}{count}") < version_key(release) < version_key(f"{release}.1")


@pytest.mark.parametrize(
    "text",
    [
        *("1", "v2", "2.0-rc1", "1.9.x", "Version 3", "release-1.9", "2024-03-01"),
        *("1.0.2a", "2.0-lts", "latest", "3 draft 2"),
    ],
)
def test_what_looks_like_a_version_is_told(text: str) -> None:
    assert told_version(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("2 of jane.roe@example.org", "jane.roe@example.org", "Jane Roe", "2 (Jane)", "DE12345678901234567890"),
        *("1234 5678 9012 3456", "1234-5678-901234", "+49 170 1234567", "draft of Jane", "", "v"),
    ],
)
def test_what_says_more_than_a_version_is_not_told(text: str) -> None:
    assert told_version(text) == "other"


def test_no_text_takes_long_to_tell() -> None:
    for text in ("1" * 100_000, "1." * 50_000, "a" * 100_000, "1 a" * 30_000, " " * 100_000, "1.x" * 30_000):
        assert told_version(text) == "other"
