"""From front matter to the facts of a document: which key fills which field, and what a value may look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from governance.domain.calendar import Interval
from governance.domain.documents import Problem, ProblemCode
from governance.policy.yaml_reader import BadNode, ListNode, MapNode, Node, Scalar
from governance.sources.dates import read_day
from governance.sources.frontmatter import FrontMatter
from governance.sources.options import DateOrder
from governance.sources.wording import clean, is_template_only, shortened

_NO: Final = frozenset({"false", "no", "off"})
_YES: Final = frozenset({"true", "yes", "on"})
MOST_VALUES: Final = 20
"""Values of one attribute."""
LONGEST_VALUE: Final = 200
"""Characters of a value of an attribute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the front matter says. None where it says nothing, or nothing that can be used: then `problems` knows."""

    title: str | None = None
    owner: str | None = None
    reviewed_on: date | None = None
    created_on: date | None = None
    review_interval: str | None = None
    version: str | None = None
    logical_id: str | None = None
    labels: tuple[str, ...] = ()
    redirect: str | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def wanted_keys(fields: Mapping[str, Sequence[str]], metadata: Sequence[str] = ()) -> frozenset[str]:
    """Give every top-level key that may hold a value that is asked for; `ms.date` may also be `date` below `ms`."""
    keys = {key for names in (*fields.values(), metadata) for key in names}
    return frozenset(keys | {key.partition(".")[0] for key in keys})


def facts_of(
    front: FrontMatter,
    fields: Mapping[str, Sequence[str]],
    order: DateOrder | None = None,
    metadata: Sequence[str] = (),
) -> Facts:
    """Read every field. A value that cannot be used becomes a problem of its field, and of that field only.

    The first key that has a value decides: a `last_reviewed_on` that is no date is malformed, it is not
    replaced by `date`. An empty value is no value. The keys of `metadata` become attributes: a text, or a list of
    texts and numbers; a value of which any part cannot be used is not used at all.
    """
    return _Reader(front, fields, order, metadata).facts()


class _Reader:
    """Collects values and problems of one document."""

    def __init__(
        self,
        front: FrontMatter,
        fields: Mapping[str, Sequence[str]],
        order: DateOrder | None,
        metadata: Sequence[str],
    ) -> None:
        self._front = front
        self._fields = fields
        self._order = order
        self._metadata = metadata
        self._problems: list[Problem] = [*front.problems]
        self._reported: set[int] = set()

    def facts(self) -> Facts:
        facts = Facts(
            title=self._title(),
            owner=self._owner(),
            reviewed_on=self._day("reviewed_on"),
            created_on=self._day("created_on"),
            review_interval=self._interval(),
            version=self._text("version"),
            logical_id=self._text("logical_id"),
            labels=self._labels(),
            redirect=self._redirect(),
            attributes={key: values for key in self._metadata if (values := self._attribute(key))},
        )
        self._report_unread()
        problems = sorted(set(self._problems), key=lambda p: (p.line or 0, p.code, p.field or ""))
        return replace(facts, problems=tuple(problems))

    def _value(self, field: str) -> Node | None:
        for key in self._fields.get(field, ()):
            node = _look_up(self._front.values, key)
            if node is not None and not _is_empty(node):
                return node
        return None

    def _scalar(self, field: str) -> Scalar | None:
        node = self._value(field)
        if node is None or isinstance(node, Scalar):
            return node
        self._report_node(field, node)
        return None

    def _text(self, field: str) -> str | None:
        scalar = self._scalar(field)
        return clean(scalar.text) or None if scalar else None

    def _title(self) -> str | None:
        title = self._text("title")
        return None if title is None or is_template_only(title) else shortened(title)

    def _day(self, field: str) -> date | None:
        scalar = self._scalar(field)
        try:
            return read_day(scalar.text, self._order) if scalar else None
        except ValueError:
            self._report(ProblemCode.BAD_DATE, field, scalar)
            return None

    def _interval(self) -> str | None:
        scalar = self._scalar("review_interval")
        try:
            return str(Interval.parse(scalar.text)) if scalar else None
        except ValueError:
            self._report(ProblemCode.BAD_INTERVAL, "review_interval", scalar)
            return None

    def _owner(self) -> str | None:
        node = self._value("owner")
        return ", ".join(self._texts("owner", node, of_mapping=("name", "email"))) or None

    def _labels(self) -> tuple[str, ...]:
        node = self._value("labels")
        if isinstance(node, Scalar):
            return _distinct(clean(part) for part in node.text.split(","))
        return _distinct(self._texts("labels", node))

    def _redirect(self) -> str | None:
        node = self._value("redirect")
        targets = list(self._texts("redirect", node, of_mapping=("to", "url")))
        if not targets or targets[0].lower() in _NO:
            return None
        return "" if targets[0].lower() in _YES else targets[0]

    def _attribute(self, key: str) -> tuple[str, ...]:
        """Give the values of a key; none, and a problem, where any of them cannot be used."""
        node, name = _look_up(self._front.values, key), attribute_field(key)
        if node is None or _is_empty(node):
            return ()
        items = node.items if isinstance(node, ListNode) else (node,)
        odd = next((item for item in items if not isinstance(item, Scalar)), None)
        if odd is not None:
            self._report_node(name, odd)
            return ()
        values = _distinct(clean(item.text) for item in items if isinstance(item, Scalar))
        if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
            self._report(ProblemCode.TOO_LARGE, name, node)
            return ()
        return values

    def _texts(self, field: str, node: Node | None, of_mapping: Sequence[str] = ()) -> Iterator[str]:
        """Give a scalar's text, each text of a list, and of a mapping the first of these keys that it has."""
        for item in node.items if isinstance(node, ListNode) else (node,):
            named = item
            if isinstance(item, MapNode):
                named = next((item.items[key] for key in of_mapping if key in item.items), item)
            if isinstance(named, Scalar):
                yield clean(named.text)
            elif named is not None:
                self._report_node(field, named)

    def _report_node(self, field: str, node: Node) -> None:
        code = ProblemCode.FRONT_MATTER_SYNTAX if isinstance(node, BadNode) else ProblemCode.NOT_A_SCALAR
        self._reported.add(id(node))
        self._report(code, field, node)

    def _report(self, code: ProblemCode, field: str, node: Node | None) -> None:
        self._problems.append(Problem(code, field, node.line if node else None))

    def _report_unread(self) -> None:
        """Name what is broken in keys that fill no field: where it stands, not what it is called."""
        for node in self._front.values.values():
            bad = next((bad for bad in _broken(node) if id(bad) not in self._reported), None)
            if bad is not None:
                self._problems.append(Problem(ProblemCode.FRONT_MATTER_SYNTAX, line=bad.line))


def attribute_field(key: str) -> str:
    """Give what a problem calls the attribute of a key: no field of a document is called so."""
    return f"metadata.{key}"


def _look_up(values: Mapping[str, Node], key: str) -> Node | None:
    """Give the value of a key as written, else that of the path it spells."""
    if key in values:
        return values[key]
    head, _, rest = key.partition(".")
    below = values.get(head)
    return _look_up(below.items, rest) if rest and isinstance(below, MapNode) else None


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return not node.text.strip()
    return isinstance(node, ListNode | MapNode) and not node.items


def _broken(node: Node) -> Iterator[BadNode]:
    todo = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, BadNode):
            yield node
        elif isinstance(node, ListNode):
            todo.extend(node.items)
        elif isinstance(node, MapNode):
            todo.extend(node.items.values())


def _distinct(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
