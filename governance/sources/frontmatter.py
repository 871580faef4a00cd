"""Front matter: cut off by a small splitter, read by the strict YAML reader, one bad value spoiling only itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from governance.domain.documents import Problem, ProblemCode
from governance.policy.yaml_reader import MAX_BYTES, BadNode, MapNode, Node, Scalar, YamlError, read_yaml

_OPEN: Final = re.compile(r"---[ \t]*(?:\n|\Z)")
_CLOSE: Final = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_TOML_OPEN: Final = re.compile(r"\+\+\+[ \t]*(?:\n|\Z)")
_TOML_CLOSE: Final = re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE)
_KEY: Final = re.compile(
    r"""^(?:"([^"\n]{1,200})"|'([^'\n]{1,200})'|([^\s#"'\[\]{}>|*&!%@`,?:-][^:\n]{0,200}))[ \t]*:(?=\s|\Z)""",
    re.MULTILINE,
)
_NO_ENTRY: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_ENTRY: Final = re.compile(r"[^\n]*(?:\n(?:[ -][^\n]*)?)*")
_FIRST_LINE: Final = 2


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stood before the text.

    Attributes:
        values: By key; a value that cannot be used is a BadNode.
        key_lines: Line of each key in the file.
        body: The text without it, or the whole text when there is none.
        problems: What is wrong with the block as a whole. Values speak for themselves.

    """

    body: str = field(repr=False)
    values: Mapping[str, Node] = field(default_factory=dict, repr=False)
    key_lines: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_front_matter(text: str, wanted: Collection[str]) -> FrontMatter:
    r"""Cut and read the front matter of a text whose line ends are `\n`.

    It starts on the first line with `---` and ends with the next `---` or `...` line. A text may as well start
    with a thematic break. So a block that starts with an empty line is text (as Pandoc's manual has it) unless it
    holds a wanted key; and an opening line without a closing one is reported only when a key follows it. What was not
    understood as metadata stays in the body: nothing is lost in silence. TOML (`+++`) is cut off and reported.

    Args:
        text: The whole text.
        wanted: Keys worth saving when the block as a whole is no YAML; each is then read on its own.

    """
    if _TOML_OPEN.match(text):
        return _toml(text)
    opening = _OPEN.match(text)
    if not opening:
        return FrontMatter(text)
    closing = _CLOSE.search(text, opening.end())
    if not closing:
        unclosed = _KEY.match(text, opening.end())
        return FrontMatter(text, problems=_whole(ProblemCode.FRONT_MATTER_UNCLOSED) if unclosed else ())
    block, body = text[opening.end() : closing.start()], text[closing.end() + 1 :]
    if len(block) > MAX_BYTES or len(block.encode()) > MAX_BYTES:
        return FrontMatter(body, problems=_whole(ProblemCode.FRONT_MATTER_TOO_LARGE))
    return _read_block(block, body, text, wanted)


def _read_block(block: str, body: str, text: str, wanted: Collection[str]) -> FrontMatter:
    root = _root(block, _FIRST_LINE)
    if isinstance(root, Scalar) and not root.text:
        return FrontMatter(body)
    if isinstance(root, MapNode):
        found = FrontMatter(body, root.items, root.key_lines)
    elif isinstance(root, BadNode) and _starts_with_key(block):
        found = _salvage(block, body, root.line, wanted)
    else:
        bad = isinstance(root, BadNode)
        code = ProblemCode.FRONT_MATTER_SYNTAX if bad else ProblemCode.FRONT_MATTER_NOT_A_MAPPING
        found = FrontMatter(text, problems=(Problem(code, line=root.line),))
    spaced = not block.partition("\n")[0].strip()
    return FrontMatter(text) if spaced and not any(key in wanted for key in found.values) else found


def _root(text: str, line: int) -> Node:
    try:
        return read_yaml(text, tolerant=True, first_line=line)
    except YamlError as error:
        return BadNode(error.code, error.line)


def _starts_with_key(block: str) -> bool:
    before = _NO_ENTRY.match(block)
    return _KEY.match(block, before.end() if before else 0) is not None


def _salvage(block: str, body: str, bad_line: int, wanted: Collection[str]) -> FrontMatter:
    """Read each wanted top-level key on its own, so that a colon in a title does not cost the review date."""
    values: dict[str, Node] = {}
    lines: dict[str, int] = {}
    blamed = False
    for key, line, entry in _entries(block):
        if key in wanted:
            values[key] = BadNode("duplicate_key", line) if key in values else _single(key, line, entry)
            lines.setdefault(key, line)
            blamed = blamed or isinstance(values[key], BadNode)
    problems = () if blamed else (Problem(ProblemCode.FRONT_MATTER_SYNTAX, line=bad_line),)
    return FrontMatter(body, values, lines, problems)


def _entries(block: str) -> Iterator[tuple[str, int, str]]:
    """Give key, line and text of each entry that starts at the left margin."""
    starts = list(_KEY.finditer(block))
    ends = [start.start() for start in starts[1:]] + [len(block)]
    line, counted = _FIRST_LINE, 0
    for start, end in zip(starts, ends, strict=True):
        line += block.count("\n", counted, start.start())
        counted = start.start()
        yield (start[1] or start[2] or start[3]).rstrip(), line, block[start.start() : end]


def _single(key: str, line: int, entry: str) -> Node:
    """Read one entry; if that fails, without the stray lines behind it that belong to nothing."""
    root = _root(entry, line)
    if isinstance(root, MapNode):
        return root.items.get(key, BadNode("syntax", line))
    belongs = _ENTRY.match(entry)
    if belongs and belongs[0] != entry:
        return _single(key, line, belongs[0])
    return BadNode("syntax", root.line)


def _toml(text: str) -> FrontMatter:
    closing = _TOML_CLOSE.search(text, 3)
    if not closing:
        return FrontMatter(text)
    return FrontMatter(text[closing.end() + 1 :], problems=_whole(ProblemCode.FRONT_MATTER_SYNTAX))


def _whole(code: ProblemCode) -> tuple[Problem, ...]:
    return (Problem(code, line=1),)
