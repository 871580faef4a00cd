from __future__ import annotations

import random
from datetime import date

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy.loader import dump_policies, parse_policies

WORDS = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp"), exclude_characters="{}[]\\/.*?"), min_size=1, max_size=12
)
TEXTS = WORDS.filter(lambda text: bool(text.strip()))
GLOBS = st.one_of(
    TEXTS, st.sampled_from(["hr/**", "*.md", "**/a?", "[a-z]x", "a/*/b", "no", "~", "null", "0123", "1e3"])
)
LEAVES = st.one_of(
    st.fixed_dictionaries(
        {}, optional={k: st.lists(GLOBS, min_size=1, max_size=3) | GLOBS for k in ("path", "label")}
    ).filter(bool),
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(["source", "path", "label", "index"]),
            "op": st.sampled_from(["in", "glob", "contains"]),
            "value": st.lists(TEXTS, min_size=1, max_size=3),
        }
    ),
)
MATCHES = st.recursive(
    LEAVES,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3), "path": GLOBS})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=6,
)
UNITS = st.sampled_from(["days", "weeks", "months", "years", "d", "w", "mo", "y"])
LENGTHS = st.builds("{} {}".format, st.integers(1, 8000), UNITS)
DAYS = st.builds("{} {}".format, st.integers(0, 8000), st.sampled_from(["day", "weeks"]))


def in_order(freshness: dict[str, str]) -> dict[str, str]:
    """Leave out a `warn_after` that may be later than `error_after`, which is refused."""
    longest, shortest = {"d": 1, "w": 7, "m": 31, "y": 366}, {"d": 1, "w": 7, "m": 28, "y": 365}
    warn, error = (
        freshness.get(key, default).split() for key, default in (("warn_after", "0 d"), ("error_after", "90 d"))
    )
    if int(warn[0]) * longest[warn[1][0]] > int(error[0]) * shortest[error[1][0]]:
        return {key: value for key, value in freshness.items() if key != "warn_after"}
    return freshness


FRESHNESS = st.fixed_dictionaries(
    {},
    optional={
        "review_every": LENGTHS,
        "due_soon": DAYS,
        "warn_after": DAYS | LENGTHS,
        "error_after": DAYS | LENGTHS,
        "changed_grace": DAYS,
        "unknown": st.sampled_from(["report", "ignore"]),
    },
).map(in_order)
PERCENT = st.integers(0, 100).map(str)
DRIFT = st.fixed_dictionaries(
    {},
    optional={
        "rewritten": PERCENT,
        "uncovered": PERCENT,
        "max_lag": LENGTHS | st.just("none"),
        "write_back": st.sampled_from(["nothing", "status"]),
    },
)
WAIVERS = st.fixed_dictionaries(
    {
        "match": MATCHES,
        "reason": st.sampled_from(["other", "accepted-risk"]),
        "until": st.dates(date(2000, 1, 1)).map(date.isoformat),
    },
    optional={"by": TEXTS, "kinds": st.just("drift.*") | st.just(["freshness.overdue", "drift.stub"])},
)


def policies_of(kind: str, section: st.SearchStrategy) -> st.SearchStrategy:
    return st.fixed_dictionaries(
        {"name": st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True), "kind": st.just(kind)},
        optional={
            "owner": TEXTS,
            "severity": st.sampled_from(["critical", "high", "medium", "low"]),
            "match": MATCHES,
            kind: section,
            "actions": st.just([]),
            "waivers": st.lists(WAIVERS, max_size=2),
        },
    )


POLICIES = policies_of("freshness", FRESHNESS) | policies_of("drift", DRIFT)
FILES = st.fixed_dictionaries(
    {"version": st.just("1"), "policies": st.lists(POLICIES, max_size=3, unique_by=lambda policy: policy["name"])},
    optional={
        "document": st.just("policies"),
        "limits": st.fixed_dictionaries(
            {}, optional={"listing": st.fixed_dictionaries({"absent_percent": st.integers(0, 100).map(str)})}
        ),
    },
)


def separate(value: object) -> object:
    """Copy so that no two places share an object: the writer would make an alias of it."""
    if isinstance(value, dict):
        return {key: separate(item) for key, item in value.items()}
    return [separate(item) for item in value] if isinstance(value, list) else value


def write(value: object, style: str = '"') -> str:
    return yaml.safe_dump(separate(value), default_style=style, allow_unicode=True, sort_keys=False)


def shuffled(value: object, rng: random.Random) -> object:
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(FILES)
def test_any_accepted_policy_survives_a_dump_and_a_reload(body: object) -> None:
    loaded = parse_policies(write(body))
    again = parse_policies(dump_policies(loaded))
    assert again.canonical == loaded.canonical
    assert again.digest == loaded.digest
    assert [(policy.name, policy.match, policy.settings) for policy in again.policies] == [
        (policy.name, policy.match, policy.settings) for policy in loaded.policies
    ]


@settings(deadline=None)
@given(FILES, st.randoms(use_true_random=False))
def test_key_order_and_quoting_never_change_the_digest(body: object, rng: random.Random) -> None:
    written, other = write(body), write(shuffled(body, rng), "'")
    assert parse_policies(written).digest == parse_policies("# remark\n" + other, "other.yaml").digest
