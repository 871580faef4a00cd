from __future__ import annotations

import random
from datetime import date

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from governance.policy.json_schema import json_schema
from governance.policy.loader import dump_policies, parse_policies, parse_stored

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
    st.fixed_dictionaries(
        {
            "field": st.just("metadata"),
            "key": TEXTS,
            "op": st.sampled_from(["in", "glob", "contains"]),
            "value": st.lists(TEXTS, min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(["path", "label"]),
            "op": st.just("regex"),
            "value": st.lists(st.sampled_from(["^a", "b+$", "(?i)c"]), min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries({"metadata": st.dictionaries(TEXTS.filter(lambda key: key != "<<"), GLOBS, min_size=1)}),
)
CLASS_LEAVES = st.fixed_dictionaries(
    {"field": st.just("class"), "op": st.sampled_from(["regex", "contains"]), "value": st.just(["^a", "b"])}
)


def matches(leaves: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        leaves,
        lambda inner: (
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)})
            | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3), "path": GLOBS})
            | st.fixed_dictionaries({"not": inner})
        ),
        max_leaves=6,
    )


MATCHES = matches(LEAVES | CLASS_LEAVES)
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
YES = st.sampled_from(["yes", "no"])
SLUGS = st.from_regex(r"[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
REGEXES = st.sampled_from(["^hr/", "[0-9]{4}", r"\.md$", "(?i)plan|minutes", "a+b", "\\bx", "'\""])
ISO_DAYS = st.dates(date(2000, 1, 1)).map(date.isoformat)
LEVELS = st.sampled_from(["L1", "L2", "L3", "L4"])


def section(**optional: st.SearchStrategy) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional={key.rstrip("_"): value for key, value in optional.items()})


def few(strategy: st.SearchStrategy, least: int = 1) -> st.SearchStrategy:
    return st.lists(strategy, min_size=least, max_size=3)


def words(*known: str) -> st.SearchStrategy:
    return st.lists(st.sampled_from(known), min_size=1, unique=True)


def shares(least: int = 1) -> st.SearchStrategy:
    return st.integers(least, 100).map(str)


RETENTION = st.one_of(
    st.fixed_dictionaries(
        {"period": LENGTHS | st.just("unlimited")},
        optional={"event": st.sampled_from(["created", "modified", "reviewed"]), "legal_basis": TEXTS},
    ),
    st.fixed_dictionaries(
        {"period": LENGTHS, "event": st.just("labeled"), "label": TEXTS},
        optional={"after": st.sampled_from(["review", "propose_erasure"])},
    ),
)
ERASURE = section(
    required_level=LEVELS,
    required_level_of=st.dictionaries(GLOBS.filter(lambda glob: glob != "<<"), LEVELS, max_size=3),
    identity=st.sampled_from(["required", "optional"]),
    grace=DAYS,
    single_operator=YES,
    regime=st.sampled_from(["gdpr", "ccpa"]),
    holidays=few(ISO_DAYS),
    roll_to_working_day=YES,
    plan_expires=st.integers(1, 99).map("{} days".format),
    verify_again=st.lists(st.sampled_from(["1 hour", "24 h", "1 day", "2 weeks"]), max_size=3),
)
PII_KINDS = st.sampled_from(["email_address", "url", "person", "own_number"])
RECOGNIZERS = st.fixed_dictionaries(
    {"name": st.just("own-number"), "deny": few(TEXTS)},
    optional={"patterns": few(REGEXES), "context": few(TEXTS), "score": PERCENT},
)
ALLOWED = section(
    kinds=few(PII_KINDS),
    domains=few(st.sampled_from(["example.org", "Example.ORG", "team.example.org", "büro.example"])),
    values=few(TEXTS),
    patterns=few(REGEXES),
    private_ranges=YES,
    reserved_domains=YES,
)
PII = st.fixed_dictionaries(
    {"recognizers": st.tuples(RECOGNIZERS).map(list)},
    optional={
        "languages": few(st.sampled_from(["en", "no", "de"])),
        "countries": few(st.sampled_from(["NO", "US", "GB"])),
        "kinds": st.dictionaries(PII_KINDS, section(threshold=PERCENT, report=YES), max_size=3),
        "allowed": ALLOWED,
        "sample": shares(),
    },
)
VERSIONED = st.one_of(
    st.fixed_dictionaries({"source": GLOBS, "from": st.just("path")}, optional={"pattern": REGEXES}),
    st.fixed_dictionaries({"source": GLOBS, "from": st.just("metadata"), "key": TEXTS}),
)
DUPLICATES = section(
    near=shares(),
    contained=shares(),
    semantic=shares() | st.just("none"),
    authority=few(GLOBS),
    versioned=few(VERSIONED, 0),
)
CONFLICTS = section(
    report=words("value", "negation", "antonym"),
    dated=few(st.sampled_from(["news/**", "**/a?.md"]), 0),
    most_readings=st.integers(2, 1000).map(str),
    names=few(TEXTS),
    successive=st.sampled_from(["report", "ignore"]),
)
QUALITY = section(
    report=words("oversize", "fragment", "cut", "garbled"),
    max_tokens=shares() | st.just("model"),
    max_characters=shares() | st.just("none"),
    fragment_words=shares(),
    garbled=PERCENT,
)
PLAIN = section(kinds=st.sampled_from(["*.*", "**"]))
ACTIONS = st.lists(
    st.one_of(
        st.sampled_from(["annotate", "quarantine", "notify", "propose_erasure"]),
        st.fixed_dictionaries({"annotate": PLAIN}),
        st.fixed_dictionaries({"notify": section(to=SLUGS, kinds=st.just("*.*"))}),
        st.fixed_dictionaries({"retire": st.fixed_dictionaries({"after": st.just("2 weeks")})}),
    ),
    max_size=4,
    unique_by=lambda action: action if isinstance(action, str) else next(iter(action)),
)
WAIVERS = st.fixed_dictionaries(
    {"match": MATCHES, "reason": st.sampled_from(["other", "accepted-risk", "board-decision"]), "until": ISO_DAYS},
    optional={"by": TEXTS, "kinds": st.just("drift.*") | st.just(["freshness.overdue", "pii.email_address"])},
)


def policies_of(kind: str, settings: st.SearchStrategy, *, required: bool = False) -> st.SearchStrategy:
    written = {kind: settings}
    return st.fixed_dictionaries(
        {"name": SLUGS, "kind": st.just(kind)} | (written if required else {}),
        optional={
            "owner": TEXTS,
            "severity": st.sampled_from(["critical", "high", "medium", "low"]),
            "match": matches(LEAVES) if kind == "retention" else MATCHES,
            "actions": ACTIONS,
            "waivers": st.lists(WAIVERS, max_size=2),
        }
        | ({} if required else written),
    )


SETTINGS = {
    "freshness": FRESHNESS,
    "drift": DRIFT,
    "pii": PII,
    "duplicates": DUPLICATES,
    "conflicts": CONFLICTS,
    "quality": QUALITY,
    "retention": RETENTION,
    "erasure": ERASURE,
}
POLICIES = st.one_of(
    policies_of(kind, settings, required=kind in {"retention", "pii"}) for kind, settings in SETTINGS.items()
)
LIMIT = st.fixed_dictionaries({"max_items": st.integers(0, 1_000_000).map(str), "max_percent": PERCENT})
LIMITS = st.fixed_dictionaries(
    {"quarantine": LIMIT, "erase": LIMIT},
    optional={
        "delete": LIMIT | st.just({"max_items": "1000", "max_percent": "20"}),
        "redact": LIMIT,
        "listing": st.fixed_dictionaries({"absent_percent": PERCENT}),
    },
)
FILES = st.fixed_dictionaries(
    {
        "version": st.just("1"),
        "reasons": st.lists(
            st.fixed_dictionaries({"code": st.sampled_from(["b", "a"])}, optional={"meaning": TEXTS}),
            max_size=2,
            unique_by=lambda reason: reason["code"],
        ).map(lambda reasons: [{"code": "board-decision"}, *reasons]),
        "policies": st.lists(POLICIES, max_size=3, unique_by=lambda policy: policy["name"]),
        "limits": LIMITS,
    },
    optional={"document": st.just("policies")},
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
    assert again.digest == loaded.digest == parse_stored(loaded.canonical, "stored").digest
    assert [(policy.name, policy.match, policy.settings) for policy in again.policies] == [
        (policy.name, policy.match, policy.settings) for policy in loaded.policies
    ]


@settings(deadline=None)
@given(FILES, st.randoms(use_true_random=False))
def test_key_order_and_quoting_never_change_the_digest(body: object, rng: random.Random) -> None:
    written, other = write(body), write(shuffled(body, rng), "'")
    assert parse_policies(written).digest == parse_policies("# remark\n" + other, "other.yaml").digest


VALIDATOR = Draft202012Validator(json_schema())


@settings(deadline=None)
@given(FILES)
def test_an_editor_has_nothing_to_say_about_any_accepted_policy_once_it_is_dumped(body: object) -> None:
    dumped = yaml.safe_load(dump_policies(parse_policies(write(body))))
    assert [error.json_path for error in VALIDATOR.iter_errors(dumped)] == []
