"""Random matches and documents over a few words, so that they often meet."""

from __future__ import annotations

from itertools import chain, combinations, product

from hypothesis import strategies as st

from governance.policy.match import Field, Match, Not, Op, Subject, all_of, any_of, condition

PATHS = ("a", "b", "hr/a", "hr/b", "hr/x/a", "it/a", "it/x/b", "x/a")
LABELS = ("public", "secret")
KEY = "department"
VALUES = ("hr", "it")
INDEXES = (None, "main", "other")
SOURCES = ("docs", "wiki")

leaves = st.one_of(
    st.lists(
        st.sampled_from(["hr/**", "**/a", "*", "hr/*", "[ab]", "**", "hr/x/**", "hr/a", "it/**"]),
        min_size=1,
        max_size=2,
    ).map(lambda values: condition(Field.PATH, Op.GLOB, tuple(values))),
    st.sampled_from(["a", "x/", "hr"]).map(lambda text: condition(Field.PATH, Op.CONTAINS, (text,))),
    st.sampled_from(["^hr", "a$", "x", "^(hr|it)/[a-z]$", "^h.*/a$", "[ab]$"]).map(
        lambda text: condition(Field.PATH, Op.REGEX, (text,))
    ),
    st.sampled_from([*LABELS, "s*"]).map(lambda label: condition(Field.LABEL, Op.GLOB, (label,))),
    st.sampled_from([*VALUES, "h*"]).map(lambda value: condition(Field.METADATA, Op.GLOB, (value,), KEY)),
    st.sampled_from(["main", "other", "m*"]).map(lambda index: condition(Field.INDEX, Op.GLOB, (index,))),
    st.sampled_from([*SOURCES, "d*"]).map(lambda source: condition(Field.SOURCE, Op.GLOB, (source,))),
)
matches: st.SearchStrategy[Match] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(all_of),
        st.lists(inner, min_size=1, max_size=3).map(any_of),
        inner.map(Not),
    ),
    max_leaves=5,
)


def subject(path: str, source: str = "docs", index: str | None = None, department: str = "", *labels: str) -> Subject:
    metadata = {KEY: (department,)} if department else {}
    return Subject(source=source, path=path, labels=labels, index=index, metadata=metadata)


EVERY = [
    subject(path, source, index, department, *labels)
    for path, source, index, department in product(PATHS, SOURCES, INDEXES, ("", *VALUES))
    for labels in chain.from_iterable(combinations(LABELS, count) for count in range(3))
]
"""Every document that can be made of these words, where one value stands under a key of metadata."""

subjects = st.sampled_from(EVERY)
