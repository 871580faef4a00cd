from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import yaml_reader
from governance.policy.yaml_reader import BadNode, ListNode, MapNode, Node, Scalar, YamlError, read_yaml

ALIAS_BOMB = "a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + "".join(
    f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in ("ab", "bc", "cd", "de")
)


def values(node: Node) -> object:
    match node:
        case Scalar(text=text):
            return text
        case ListNode(items=items):
            return [values(item) for item in items]
        case MapNode(items=items):
            return {key: values(item) for key, item in items.items()}
        case BadNode(code=code):
            return f"<{code}>"


def error_of(text: str, **options: int) -> YamlError:
    with pytest.raises(YamlError) as caught:
        read_yaml(text, **options)
    return caught.value


@pytest.fixture(params=["fast", "plain"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers, so that a build without libyaml reads the same."""
    if request.param == "plain":
        monkeypatch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)


def test_scalars_have_no_implicit_types() -> None:
    text = "country: NO\ntime: 22:30\noctal: 0123\nday: 2026-02-30\nyes: off\nfloat: 1e3\n"
    assert values(read_yaml(text)) == {
        "country": "NO",
        "time": "22:30",
        "octal": "0123",
        "day": "2026-02-30",
        "yes": "off",
        "float": "1e3",
    }


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL"])
def test_a_plain_null_is_the_empty_text(written: str) -> None:
    assert read_yaml(f"a: {written}") == MapNode({"a": Scalar("", 1, quoted=False)}, {"a": 1}, 1)


@pytest.mark.parametrize(("written", "text"), [("'null'", "null"), ('"~"', "~"), ("''", ""), ("|-\n  null", "null")])
def test_a_quoted_null_is_a_text(written: str, text: str) -> None:
    node = read_yaml(f"a: {written}")
    assert isinstance(node, MapNode)
    assert node.items["a"] == Scalar(text, 1, quoted=True)


def test_an_empty_document_is_the_empty_scalar() -> None:
    assert read_yaml("# nothing\n", first_line=2) == Scalar("", 2, quoted=False)


def test_every_node_knows_its_line_counted_from_the_first_line_given() -> None:
    node = read_yaml("a: x\nb:\n  - y\n  - c: z\n", first_line=2)
    assert isinstance(node, MapNode)
    assert node.line == 2
    assert node.key_lines == {"a": 2, "b": 3}
    entries = node.items["b"]
    assert isinstance(entries, ListNode)
    assert (entries.line, entries.items[0].line, entries.items[1].line) == (4, 4, 5)


def test_a_byte_order_mark_at_the_start_is_no_part_of_the_first_key() -> None:
    assert values(read_yaml("\ufeffa: 1")) == {"a": "1"}


def test_document_marks_around_one_document_are_taken() -> None:
    assert values(read_yaml("---\na: 1\n...\n")) == {"a": "1"}


TOO_DEEP = "a: " + "[" * 40 + "]" * 40
REFUSED = [
    ("a: &x 1", "alias", 1, 4, "anchors (&name) are not taken: write the value out where it is needed"),
    ("b: *x", "alias", 1, 4, "aliases (*name) are not taken: write the value out"),
    ("days: 30\ndays: 99999", "duplicate_key", 2, 1, "the key 'days' stands here a second time"),
    ("a:\n  - 'k': 1\n    k: 2", "duplicate_key", 3, 5, "the key 'k' stands here a second time"),
    ("? [a]\n: b", "complex_key", 1, 3, "a key must be a plain word, not a list, a mapping or an alias"),
    ("a: {{ site.title }}", "complex_key", 1, 5, "a key must be a plain word, not a list, a mapping or an alias"),
    ("*a : b", "complex_key", 1, 1, "a key must be a plain word, not a list, a mapping or an alias"),
    ("a: !!python/name:os.system x", "tag", 1, 4, "tags (!name) are not taken"),
    ("a: ! x", "tag", 1, 4, "tags (!name) are not taken"),
    ("a: ! 'x'", "tag", 1, 4, "tags (!name) are not taken"),
    ("a: !!map {}", "tag", 1, 4, "tags (!name) are not taken"),
    ("!k a: 1", "tag", 1, 1, "tags (!name) are not taken"),
    ("é: ü\na:\n  - ! x", "tag", 3, 5, "tags (!name) are not taken"),
    ("<<: {a: 1}", "merge_key", 1, 1, "merge keys (<<) are not taken: write the keys out"),
    ("a: 1\n---\nb: 2", "multiple_documents", 2, 1, "a second document starts here; one is the limit"),
    ("# x\n%YAML 1.1\n---\na: 1", "directive", 2, 1, "directives (lines that start with %) are not taken"),
    ("%WHATEVER\n---\na: 1", "directive", 1, 1, "directives (lines that start with %) are not taken"),
    (TOO_DEEP, "too_deep", 1, 35, "nested deeper than 32 levels"),
    ("a: 1\nb: \x07", "control_character", 2, 4, "a control character or half a character pair"),
    ("a: \ud800", "control_character", 1, 4, "a control character or half a character pair"),
    ("a: \x00", "control_character", 1, 4, "a control character or half a character pair"),
    ("a: x\ufeff", "control_character", 1, 5, "a control character or half a character pair"),
]


@pytest.mark.parametrize(("text", "code", "line", "column", "message"), REFUSED)
def test_what_is_not_taken_is_named_with_line_and_column(
    text: str, code: str, line: int, column: int, message: str
) -> None:
    error = error_of(text)
    assert (error.code, error.line, error.column, error.message) == (code, line, column, message)
    assert str(error) == f"line {line}, column {column}: {message}"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: b: c", 1, "a colon cannot stand here: put the value in quotes, or check the indentation"),
        ("a: 1\nsecret\nb: 2", 3, "a key without its colon, or a line that belongs to nothing"),
        ("\ta: 1", 1, "a character that cannot stand here: put the value in quotes; a tab cannot indent"),
        ("a: @x", 1, "a character that cannot stand here: put the value in quotes; a tab cannot indent"),
        ("a:\n  - b\n  c", 3, "a key without its colon, or a line that belongs to nothing"),
        ("a: 'secret", 1, "a quotation mark that is never closed"),
        ('a: "\\q"', 1, "a backslash sequence that YAML does not know: use single quotes"),
        ("a: - b", 1, "a list cannot start here: put it on lines of its own"),
        ("a: [1, 2", 1, "a bracket that is never closed, or a comma that is missing"),
    ],
)
def test_broken_syntax_is_explained_without_quoting_it(text: str, line: int, message: str) -> None:
    error = error_of(text)
    assert error.code == "syntax"
    assert "secret" not in str(error)
    assert error.message in {message, "this is not YAML"}
    assert abs(error.line - line) <= 1  # the two parsers disagree about the end of a text


def test_a_text_over_the_cap_is_refused_by_bytes_not_characters() -> None:
    assert values(read_yaml("a: éé", max_bytes=7)) == {"a": "éé"}
    assert error_of("a: éé", max_bytes=6).code == "too_large"
    error = error_of("x" * 262_145)
    assert (error.code, error.message) == ("too_large", "more than 262,144 bytes")


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    assert len(ALIAS_BOMB) < 300
    assert (error_of(ALIAS_BOMB).code, error_of(ALIAS_BOMB).line) == ("alias", 1)


def test_an_alias_bomb_is_never_expanded_in_tolerant_mode() -> None:
    read = read_yaml("title: Here\n" + ALIAS_BOMB, tolerant=True)
    assert values(read) == {"title": "Here"} | dict.fromkeys("abcde", "<alias>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x\nc: 3", {"a": "<alias>", "b": "<alias>", "c": "3"}),
        ("a: 1\nb: 2\na: 3\n", {"a": "<duplicate_key>", "b": "2"}),
        ("a: 1\na: 2\na: 3\n", {"a": "<duplicate_key>"}),
        ("a: !t {x: 1, y: [2]}\nb: 2", {"a": "<tag>", "b": "2"}),
        ("&k a: 1\nb: 2", {"a": "<alias>", "b": "2"}),
        ("<<: {a: 1}\nb: 2", {"<<": "<merge_key>", "b": "2"}),
        ("t: {{ site.title }}\nb: 2", {"t": "<complex_key>", "b": "2"}),
        ("t: {[x, y]: [z, w], u: 1}\nb: 2", {"t": "<complex_key>", "b": "2"}),
        ("t: {*x : *y}\nb: [1, *x, 2]", {"t": "<complex_key>", "b": ["1", "<alias>", "2"]}),
    ],
)
def test_in_tolerant_mode_one_bad_value_spoils_only_itself(text: str, expected: object) -> None:
    assert values(read_yaml(text, tolerant=True)) == expected


def test_a_bad_node_knows_the_line_of_the_second_key() -> None:
    node = read_yaml("a: 1\nb: 2\na: 3\n", tolerant=True, first_line=2)
    assert isinstance(node, MapNode)
    assert node.items["a"] == BadNode("duplicate_key", 4)
    assert node.key_lines["a"] == 2


@pytest.mark.parametrize("text", [TOO_DEEP, "a: 'x", "a: 1\n---\nb: 1", "a: \x07"])
def test_what_spoils_the_whole_text_is_an_error_in_tolerant_mode_too(text: str) -> None:
    with pytest.raises(YamlError):
        read_yaml(text, tolerant=True)


def test_a_long_key_is_shortened_in_messages() -> None:
    key = "k" * 60
    assert error_of(f"{key}: 1\n{key}: 2").message == f"the key '{'k' * 39}…' stands here a second time"


def test_a_key_cannot_move_the_cursor_in_messages() -> None:
    assert error_of('"a\\e[2J": 1\n"a\\e[2J": 2').message == "the key 'a?[2J' stands here a second time"


MARKS = "ab:-?&*![]{},'\"#|>~\\%<é\n\t\r\x85\u2028\ufeff\0"
PIECES = st.sampled_from(MARKS) | st.sampled_from((": ", "- ", "? ", "|\n", "---\n", "...\n", "%YAML 1.1\n", "  "))


def outcome(text: str, *, tolerant: bool) -> Node | YamlError:
    try:
        return read_yaml(text, tolerant=tolerant)
    except YamlError as error:
        return error


@given(st.text() | st.lists(PIECES, max_size=40).map("".join))
def test_any_text_gives_a_node_or_a_yaml_error(text: str) -> None:
    strict, tolerant = outcome(text, tolerant=False), outcome(text, tolerant=True)
    for result in (strict, tolerant):
        assert not isinstance(result, YamlError) or (result.line >= 1 and result.column >= 1)
    assert isinstance(strict, YamlError) or strict == tolerant


def nested(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8).filter(lambda k: k != "<<"), children)


PRINTABLE = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(st.recursive(PRINTABLE, nested, max_leaves=12))
def test_what_pyyaml_writes_with_quotes_is_read_back(value: object) -> None:
    text = yaml.safe_dump(value, default_style='"', allow_unicode=False)
    assert values(read_yaml(text.replace("!!null", ""))) == value


@pytest.mark.parametrize("piece", ["[", "- ", "{a: ", "? ", "*a ", "'\n", "a: ", "- &a ", "%", "!"])
def test_hostile_repetition_up_to_the_cap_is_answered(piece: str) -> None:
    result = outcome((piece * 262_144)[:262_144], tolerant=True)
    assert isinstance(result, YamlError | BadNode)
    assert result.code in {"too_deep", "complex_key", "syntax", "directive", "tag"}
