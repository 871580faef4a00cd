from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.actors import Actor, ActorKind, Identity
from governance.domain.events import Action, Event, Thing, document_thing
from governance.domain.log_entry import ALLOWED, LARGEST, VERSION, EntryWriter
from governance.domain.pseudonyms import Kind, PseudonymKey, Pseudonyms
from governance.domain.values import canonical_json
from tests.log_rows import KEY, known_names

NOW = datetime(2026, 11, 21, 9, 30, 0, 250, tzinfo=UTC)
NONCE = "0123456789abcdef" * 2
OTHER_KEY = PseudonymKey("99999999", bytes(32))
NAMES = ("actor", "digest", "object", "partition")
"""Fields that hold what stands for a name."""
CODE = r"[a-z0-9][a-z0-9_.:-]{0,99}"
FULL = Event(
    action=Action.INDEX_CHANGE_OBSERVED,
    at=NOW,
    actor=Actor(id="Ann Smith", kind=ActorKind.JOB, identity=Identity.AUTHENTICATED),
    command="drift apply",
    run_id=12,
    intent_id=0,
    index="main-2",
    partition="Tenant of Ann",
    reason="put:ingest.new_body",
    outcome="done",
    counts={"chunks": 3, "a.b-c": 0},
    digest="whatever",
    policy="ab" * 32,
    about=Thing(Kind.DOCUMENT, "docs\0people/ann.md"),
    key="audit:1a2b3c4d",
)
BOUNDS = [datetime(year, 7, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 9998)]

anything = st.text(st.characters(), min_size=1, max_size=12)  # lone surrogates as well
codes = st.just("") | st.from_regex(CODE, fullmatch=True)
whole = st.none() | st.integers(0, LARGEST - 1)
events = st.builds(
    Event,
    action=st.sampled_from(Action),
    at=st.datetimes(*BOUNDS, timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))])),
    actor=st.builds(Actor, id=anything, kind=st.sampled_from(ActorKind), identity=st.sampled_from(Identity)),
    command=st.just("") | st.from_regex(r"[a-z]+(?:[ -][a-z]+){0,3}", fullmatch=True),
    run_id=whole,
    intent_id=whole,
    index=st.just("") | st.from_regex(r"[a-z0-9]+(?:-[a-z0-9]+)*", fullmatch=True),
    partition=st.just("") | anything,
    reason=codes,
    outcome=codes,
    counts=st.dictionaries(st.from_regex(CODE, fullmatch=True), st.integers(0, LARGEST - 1), max_size=4),
    digest=st.just("") | anything,
    policy=st.just("") | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    about=st.none() | st.builds(Thing, st.sampled_from(Kind), anything),
    key=st.just("") | st.from_regex(r"[a-z]+:[0-9a-f]{8}", fullmatch=True),
)


def body_of(event: Event, seq: int = 7, names: Pseudonyms | None = None) -> str:
    return EntryWriter(names or known_names()).body(event, seq, NONCE)


def fields_of(event: Event, **given_: Any) -> dict[str, Any]:
    return json.loads(body_of(event, **given_))


def without_pseudonyms(body: str) -> str:
    return re.sub(r"h1:[0-9a-f]{8}:[0-9a-f]{64}", "h1", body)


def check_body(event: Event, seq: int) -> None:
    body = body_of(event, seq)
    fields = json.loads(body)
    assert canonical_json(fields) == body.encode("ascii")
    assert fields.keys() <= ALLOWED.keys()
    assert [name for name, value in fields.items() if not ALLOWED[name](value)] == []
    assert (fields["v"], fields["seq"], fields["nonce"]) == (VERSION, seq, NONCE)
    assert (fields["action"], fields["actor_kind"]) == (event.action.value, event.actor.kind.value)
    assert datetime.fromisoformat(fields["at"]) == event.at
    for field, value in (("run", event.run_id), ("intent", event.intent_id)):
        assert fields.get(field) == value
    for field in ("command", "index", "reason", "outcome", "policy", "key"):
        assert fields.get(field, "") == getattr(event, field)
    assert fields.get("counts", {}) == event.counts


@settings(max_examples=40, deadline=None)
@given(events, st.integers(0, LARGEST - 1))
def test_every_body_is_canonical_json_of_allowed_fields_that_say_what_the_event_says(event: Event, seq: int) -> None:
    check_body(event, seq)


@pytest.mark.full
@settings(max_examples=800, deadline=None)
@given(events, st.integers(0, LARGEST - 1))
def test_a_great_many_bodies_are_canonical_json_of_allowed_fields(event: Event, seq: int) -> None:
    check_body(event, seq)


def check_names(event: Event, other: Event) -> None:
    renamed = replace(
        event,
        actor=replace(event.actor, id=other.actor.id),
        partition=event.partition and f"another {other.partition}",
        digest=event.digest and f"another {other.digest}",
        about=event.about and Thing(event.about.kind, f"another {event.about.name}"),
    )
    assert without_pseudonyms(body_of(renamed)) == without_pseudonyms(body_of(event))


@settings(max_examples=20, deadline=None)
@given(events, events)
def test_of_a_name_a_body_has_the_pseudonym_and_nothing_else_depends_on_it(event: Event, other: Event) -> None:
    check_names(event, other)


@pytest.mark.full
@settings(max_examples=400, deadline=None)
@given(events, events)
def test_of_many_more_names_a_body_has_the_pseudonym_alone(event: Event, other: Event) -> None:
    check_names(event, other)


@settings(max_examples=30, deadline=None)
@given(events, anything)
def test_nothing_of_a_name_stands_in_a_body(event: Event, more: str) -> None:
    name = f"Ann.Smith@example.org {more}"
    named = replace(
        event,
        actor=replace(event.actor, id=name),
        partition=name,
        digest=name,
        about=Thing(Kind.SUBJECT, name),
    )
    body = body_of(named)
    assert not any(part in body for part in ("smith@", "example.org", "Ann.Smith"))


def test_names_are_replaced_by_their_pseudonyms_each_of_its_kind() -> None:
    names, fields = known_names(), fields_of(FULL)
    assert fields["actor"] == names.of(Kind.ACTOR, "Ann Smith")
    assert fields["partition"] == names.of(Kind.PARTITION, "Tenant of Ann")
    assert fields["object"] == names.of(Kind.DOCUMENT, "docs\0people/ann.md")
    assert fields["digest"] == names.of(Kind.DIGEST, "whatever")
    assert document_thing("docs", "people/ann.md") == FULL.about


def test_one_name_of_two_kinds_has_two_pseudonyms_wherever_it_stands() -> None:
    event = replace(FULL, actor=Actor(id="acme"), partition="acme", digest="acme", about=Thing(Kind.CHUNK, "acme"))
    fields = fields_of(event)
    assert len({fields[name] for name in NAMES}) == 4
    about = {fields_of(replace(event, about=Thing(kind, "acme")))["object"] for kind in Kind}
    assert len(about) == len(Kind)


def test_another_key_gives_other_pseudonyms_and_changes_nothing_else() -> None:
    other = Pseudonyms([KEY, OTHER_KEY])
    ours, theirs = fields_of(FULL), fields_of(FULL, names=other)
    assert {name for name in ours if ours[name] != theirs[name]} == set(NAMES)
    assert all(theirs[name].startswith("h1:99999999:") for name in NAMES)


def test_the_same_event_nonce_and_key_give_the_same_bytes_whatever_was_written_before() -> None:
    writer = EntryWriter(known_names())
    first = writer.body(FULL, 7, NONCE)
    writer.body(replace(FULL, actor=Actor(id="bo"), reason="other", partition="x"), 8, NONCE)
    assert writer.body(FULL, 7, NONCE) == first == body_of(FULL)
    assert writer.body(FULL, 7, "f" * 32) != first


def test_a_writer_keeps_codes_and_names_of_different_fields_apart() -> None:
    writer = EntryWriter(known_names())
    texts = [
        writer.body(replace(FULL, reason=one, outcome=other, partition=one, actor=Actor(id=other)), 1, NONCE)
        for one, other in (("done", "failed"), ("failed", "done"), ("done", "done"))
    ]
    assert [(json.loads(text)["reason"], json.loads(text)["outcome"]) for text in texts] == [
        ("done", "failed"),
        ("failed", "done"),
        ("done", "done"),
    ]
    of = known_names().of
    assert [json.loads(text)["partition"] for text in texts] == [
        of(Kind.PARTITION, name) for name in ("done", "failed", "done")
    ]
    assert [json.loads(text)["actor"] for text in texts] == [
        of(Kind.ACTOR, name) for name in ("failed", "done", "done")
    ]


def test_a_field_that_says_nothing_is_left_out_and_a_zero_is_not() -> None:
    bare = Event(action=Action.PAUSED, at=NOW, actor=Actor(id="ann"))
    assert fields_of(bare).keys() == {"action", "actor", "actor_kind", "at", "identity", "nonce", "seq", "v"}
    zeros = fields_of(replace(bare, run_id=0, intent_id=0, counts={"chunks": 0}))
    assert (zeros["run"], zeros["intent"], zeros["counts"]) == (0, 0, {"chunks": 0})


def test_moments_are_written_in_utc_with_six_digits() -> None:
    assert fields_of(FULL)["at"] == "2026-11-21T09:30:00.000250Z"
    east = timezone(timedelta(hours=5, minutes=30))
    assert fields_of(replace(FULL, at=datetime(2026, 1, 1, 3, tzinfo=east)))["at"] == "2025-12-31T21:30:00.000000Z"


def test_the_longest_code_and_the_largest_number_are_taken() -> None:
    event = replace(FULL, reason="a" * 100, run_id=LARGEST - 1, counts={"b" * 100: LARGEST - 1})
    check_body(event, LARGEST - 1)


NO_CODE = (
    "Ann",
    "ann smith",
    "ANN",
    "änn",
    "ann@example.org",
    "docs/ann.md",
    "\N{FULLWIDTH LATIN SMALL LETTER A}nn",
    "a\n",
    "a\nb",
    "a\0",
    'a"b',
    "a\\b",
    " a",
    "a ",
    ".a",
    "-a",
    "a\N{LINE SEPARATOR}",
    "٣",
    "a" * 101,
    "\ud800",
    5,
    True,
    1.5,
    b"done",
)
NO_NUMBER = (-1, LARGEST, 10**30, 1.0, float("nan"), True, False, "5", b"5")
HEX = "0123456789abcdef" * 4
FORBIDDEN: dict[str, tuple[Any, ...]] = {
    "reason": NO_CODE,
    "outcome": NO_CODE,
    "command": (
        "Audit run",
        "audit  run",
        "audit run ",
        " audit",
        "a b c d e",
        "audit\nrun",
        'audit "x"',
        "audit_run",
        "audit 1",
        "audit é",
        "audit --since",
        "audit\trun",
        7,
        True,
    ),
    "index": ("Main", "main_2", "-main", "main-", "a--b", "ma in", "main\n", "mäin", 'a"', "٣", 7, True),
    "policy": (HEX[1:], HEX + "0", HEX.upper(), "g" + HEX[1:], HEX + "\n", f"sha256:{HEX}", "٣" * 64, 7),
    "key": (
        "audit:1a2b3c4",
        "audit:1a2b3c4d5",
        "audit1a2b3c4d",
        "Audit:1a2b3c4d",
        "audit:1A2B3C4D",
        ":1a2b3c4d",
        "audit:1a2b3c4d\n",
        "au dit:1a2b3c4d",
        7,
    ),
    "run_id": NO_NUMBER,
    "intent_id": NO_NUMBER,
    "counts": (
        *({name: 1} for name in ("", *(item for item in NO_CODE if isinstance(item, str)))),
        *({"chunks": value} for value in (*NO_NUMBER, None, {}, [1])),
        {"chunks": 1, "Ann": 1},
    ),
}


@pytest.mark.parametrize("field", FORBIDDEN)
def test_what_the_form_of_a_field_forbids_is_refused_and_not_quoted(field: str) -> None:
    writer, name = EntryWriter(known_names()), field.removesuffix("_id")
    written = writer.body(FULL, 1, NONCE)
    for value in FORBIDDEN[field]:
        with pytest.raises(ValueError, match=f"^what the field {name} of an event holds is not allowed in the log$"):
            writer.body(replace(FULL, **{field: value}), 1, NONCE)
        assert writer.body(FULL, 1, NONCE) == written


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event, bad: replace(event, action=bad),
        lambda event, bad: replace(event, actor=replace(event.actor, kind=bad)),
        lambda event, bad: replace(event, actor=replace(event.actor, identity=bad)),
    ],
    ids=["action", "actor_kind", "identity"],
)
@pytest.mark.parametrize("value", ["Ann Smith", 'a","seq":"1', "a\nb", "é"])
def test_not_even_words_of_our_own_lists_get_in_unchecked(spoil: Callable[[Event, Any], Event], value: str) -> None:
    with pytest.raises(ValueError, match="not allowed in the log"):
        body_of(spoil(FULL, StrEnum("Word", {"BAD": value}).BAD))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["reason", "outcome", "command", "index", "policy", "key"]), anything)
def test_whatever_text_gets_in_has_the_form_of_its_field(field: str, text: str) -> None:
    try:
        body = body_of(replace(FULL, **{field: text}))
    except ValueError:
        assert not ALLOWED[field](text)
    else:
        assert ALLOWED[field](text)
        assert json.loads(body)[field] == text
