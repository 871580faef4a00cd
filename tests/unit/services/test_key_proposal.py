from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.domain.keys import KeyCase, KeyRule
from governance.services.key_proposal import LEARNING, measure_rule, path_by, propose_field, propose_key
from governance.services.keys import LONGEST_KEY, Known, apply_rule, normal_key, usable

PAGES = ["hr/leave.md", "hr/desk rules.md", "it/vpn.md", "it/a/b.md", "index.md"]
SEGMENTS = st.text(st.sampled_from("abcdefgh XYZ0123456789.-_äé%+()"), min_size=1, max_size=8).filter(
    lambda segment: segment.strip(" .") == segment
)
PATHS = st.lists(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=25, unique=True)
PREFIXES = st.one_of(
    st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts) + "/"),
    st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda parts: "C:\\" + "\\".join(parts) + "\\"),
    st.sampled_from(["", "https://wiki.example/", "s3://bucket/kb/", "file:///srv/docs/", "docs:"]),
)


def known(*paths: str) -> Known:
    return Known((path, path) for path in paths)


def met_by(keys: list[str], paths: list[str] = PAGES) -> KeyRule:
    """Give the proposed rule, having seen that every key and every document meets by it."""
    found = propose_key(keys, known(*paths))
    assert (found.met_keys, found.keys) == (len(set(keys)), len(set(keys)))
    assert found.met_paths == len(paths)
    return found.rule


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        (PAGES, KeyRule()),
        (["./" + page for page in PAGES], KeyRule()),
        (["/app/docs/" + page for page in PAGES], KeyRule(strip_prefix="/app/docs/")),
        (["C:\\docs\\" + page.replace("/", "\\") for page in PAGES], KeyRule(strip_prefix="C:/docs/")),
        ([page.upper() for page in PAGES], KeyRule(case=KeyCase.IGNORE)),
        (
            ["https://wiki/" + quote(page) for page in PAGES],
            KeyRule(url_decode=True, strip_prefix="https://wiki/"),
        ),
        (
            ["/Srv/" + page.title() for page in PAGES],
            KeyRule(strip_prefix="/Srv/", case=KeyCase.IGNORE),
        ),
        ([f"kb/{page}_part_{n}" for page in PAGES for n in (0, 1)], r"(.+?)_part_\d+"),
        ([f"{page}#{anchor}" for page in PAGES for anchor in ("top", "end")], r"(.+?)#.*"),
        ([f"https://wiki/{page}?v={n}#x" for n, page in enumerate(PAGES)], r"(.+?)[?#].*"),
        ([f"{page}-{n}" for page in PAGES for n in range(3)], r"(.+?)(?:[-_:#/.]\d+)?"),
        ([f"/job/run-{n}/docs/{page}" for n, page in enumerate(PAGES)], r"(?:.*?/)?docs/(.+)"),
    ],
)
def test_the_simplest_rule_by_which_all_keys_meet_is_proposed(keys: list[str], rule: KeyRule | str) -> None:
    found = met_by(keys)
    assert (found.pattern if isinstance(rule, str) else found) == rule


def test_a_page_on_the_web_without_its_suffix_meets_a_page_that_is_called_so() -> None:
    rule = met_by(["https://wiki/hr/leave.html", "https://wiki/it/vpn.html"], ["hr/leave", "it/vpn"])
    assert (rule.strip_prefix, rule.pattern) == ("https://wiki/", r"(.+?)(?:\.html?)?")


@given(PATHS, PREFIXES, st.booleans())
def test_a_prefix_that_was_put_on_all_paths_is_found_and_every_path_comes_back(
    paths: list[str], prefix: str, encoded: bool
) -> None:
    names = {normal_key(path): path for path in paths}
    keys = {path: prefix + (quote(path) if encoded else path) for path in names.values()}
    # A path that a prefix or a decoded percent sign turns into another one's cannot be told from that one.
    assume(all(usable(key) for key in keys.values()))
    everything = known(*names.values())
    truth = KeyRule(url_decode=encoded, strip_prefix=prefix)
    assume(all(path_by(truth, key, everything) == path for path, key in keys.items()))
    found = propose_key(keys.values(), everything)
    assert (found.met_keys, found.keys) == (len(keys), len(keys))
    assert found.met_paths >= len({path_by(found.rule, key, everything) for key in keys.values()})


@given(st.lists(st.text(max_size=30).filter(usable), max_size=20), PATHS)
def test_whatever_the_keys_are_the_answer_is_measured_and_no_worse_than_no_rule(keys, paths: list[str]) -> None:
    everything = known(*paths)
    found = propose_key(keys, everything)
    assert found == measure_rule(found.rule, keys, everything)
    assert 0 <= found.key_share <= 1
    assert 0 <= found.path_share <= 1
    plain = measure_rule(KeyRule(), keys, everything)
    assert found.key_share + found.path_share >= 0.9 * (plain.key_share + plain.path_share)


@given(st.permutations(["/app/" + page for page in PAGES] + ["noise", "/app/none.md"]))
def test_the_order_of_the_keys_changes_nothing(keys: list[str]) -> None:
    found = propose_key(keys, known(*PAGES))
    assert found == propose_key(sorted(keys), known(*PAGES))
    assert (found.rule, found.met_keys, found.keys) == (KeyRule(strip_prefix="/app/"), 5, 7)


def test_a_prefix_is_not_mistaken_for_a_part_of_a_path_that_ends_like_another() -> None:
    paths = ["leave.md", "hr/leave.md", "hr/old/leave.md"]
    found = propose_key(["/app/" + path for path in paths], known(*paths))
    assert (found.rule, found.met_paths) == (KeyRule(strip_prefix="/app/"), 3)


def test_one_key_that_a_pattern_makes_meet_by_chance_is_no_reason_for_it() -> None:
    paths = [f"page-{n}" for n in range(50)] + ["page"]
    keys = [f"page-{n}" for n in range(50)] + ["page-99"]
    assert propose_key(keys, known(*paths)).rule == KeyRule()


def test_addresses_are_compared_as_well() -> None:
    pages = Known([("1", "https://wiki/a"), ("2", "https://wiki/b")])
    found = propose_key(["https://wiki/a", "https://wiki/b"], pages)
    assert (found.rule, found.met_paths) == (KeyRule(), 2)


def test_a_rule_that_was_learned_from_a_part_is_measured_on_all_keys() -> None:
    paths = [f"{n}.md" for n in range(10 * LEARNING)]
    found = propose_key(["/x/" + path for path in paths], known(*paths))
    assert (found.met_keys, found.keys) == (len(paths), len(paths))


def test_without_keys_or_documents_no_step_is_proposed() -> None:
    assert propose_key([], known("a")).rule == KeyRule()
    assert propose_key(["a"], known()).rule == KeyRule()
    assert (propose_key([], known()).key_share, propose_key([], known()).path_share) == (0, 0)


def test_the_field_that_names_most_documents_is_found_whatever_it_is_called() -> None:
    sample = [
        {"source": "handbook", "doc_id": str(n), "Origin": "/app/" + page, "category": "index.md"}
        for n, page in enumerate(PAGES)
    ]
    found = propose_field(sample, known(*PAGES))
    assert found.rule == KeyRule(field="Origin", strip_prefix="/app/")
    assert (found.met_paths, found.keys) == (5, 5)


def test_the_usual_field_wins_where_it_does_as_well() -> None:
    sample = [{"source": page, "file_path": page, "page": page} for page in PAGES]
    assert propose_field(sample, known(*PAGES)).rule == KeyRule()
    assert propose_field(sample, known(*PAGES), "page").rule == KeyRule()
    assert propose_field(sample, known(*PAGES), "gone").rule == KeyRule(field="source")


def test_where_nothing_meets_the_usual_field_stays() -> None:
    assert propose_field([{"source": "x"}, {}], known(*PAGES)).rule == KeyRule()
    assert propose_field([], known(*PAGES), "page").rule == KeyRule()


def test_a_learned_rule_never_needs_longer_than_its_longest_key_allows() -> None:
    keys = ["/" * (LONGEST_KEY - 5) + "a.md", "((((a" * 400, "docs/" * 400]
    found = propose_key(keys, known("a.md"))
    assert apply_rule(found.rule, keys[0]) is not None
