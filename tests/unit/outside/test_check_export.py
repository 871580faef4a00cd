"""Two programs check an export, which share no line: they must say the same about whatever is put before them."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain import merkle
from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.errors import ConfigError
from governance.domain.log_entry import ALLOWED, VERSION
from governance.domain.signed_note import Malformed, NoteSignature, SignedNote, VerifierKey, notes_in
from governance.keyring.signing import sign_note
from governance.outside import check_export as outside
from governance.services import log_check, log_export_check, log_export_files
from governance.services.log_export_check import verify_export
from governance.services.log_verify import EXIT_CODES
from tests.exported_log import EVIDENCE, Handed, hand_over
from tests.signed_log import ORIGIN, note, signer

SCRIPT = Path(outside.__file__)
ALL = (*EVIDENCE, "README.txt", "check_export.py")
KEY = signer().verifier
HASHES = [sha256(b"%d" % number).digest() for number in range(4)]


@dataclass(frozen=True)
class Said:
    """What one of the two programs says."""

    outcome: str
    entries: int
    root: str
    covered: int
    problems: tuple[str, ...]
    against: tuple[str, ...]

    @property
    def gist(self) -> tuple[object, ...]:
        """All but the sentences."""
        return self.outcome, self.entries, self.root, self.covered, self.against


def ours(export: Path, checkpoints: list[Path], key: str | None) -> Said:
    found = verify_export(export, checkpoints, key, ()).as_json()
    return Said(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def theirs(export: Path, checkpoints: list[Path], key: str | None) -> Said:
    found = outside.check(export, checkpoints, key)
    return Said(*found[:4], tuple(found.problems), tuple(found.against))


def both(handed: Handed, *checkpoints: Path, key: str | None = "") -> Said:
    """Ask both, see that they say the same to the letter, and give it."""
    asked = (handed.export, list(checkpoints or [handed.newest]), KEY.text if key == "" else key)
    first, second = ours(*asked), theirs(*asked)
    assert first == second
    return first


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Handed:
    return hand_over(tmp_path_factory.mktemp("log"), sqlite_template)


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Handed:
    """Give an export whose checkpoints bear the signatures of two keys."""
    return hand_over(tmp_path_factory.mktemp("rotated"), sqlite_template, "one", "two")


@pytest.fixture
def handed(template: Handed, tmp_path: Path) -> Handed:
    return template.copy(tmp_path / "kept")


def test_both_say_the_same_about_an_export_that_is_as_it_was(handed: Handed) -> None:
    assert both(handed).gist == ("intact", 24, both(handed).root, 24, (str(handed.newest),))
    assert both(handed, handed.older).covered == 9
    assert both(handed, key=None).outcome == "self_consistent"
    assert both(handed, key=str(handed.key)).outcome == "intact"
    assert both(handed, key=str(handed.export / "vkey")).outcome == "self_consistent"
    assert both(handed, handed.export / "checkpoint").outcome == "self_consistent"
    assert both(handed, key=signer("other").verifier.text).outcome == "unknown"


def test_after_a_rotation_either_key_is_enough(rotated: Handed) -> None:
    for word in ("one", "two"):
        assert both(rotated, key=signer(word).verifier.text).outcome == "intact"
    assert both(rotated, key=" ".join(signer(word).verifier.text for word in ("one", "two"))).outcome == "intact"


def spoiled(path: Path, spoil: Callable[[bytes], bytes], ask: Callable[[], Said]) -> Said:
    """Ask about an export one of whose files was spoiled, and put the file back."""
    before = path.read_bytes()
    path.write_bytes(spoil(before))
    try:
        return ask()
    finally:
        path.write_bytes(before)


def one_byte(place: int, value: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:place] + bytes([value]) + data[place + 1 :]


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_no_single_byte_of_what_counts_can_be_another_one(template: Handed, data: st.DataObject) -> None:
    """False accepts: none. And both programs say the same about every one of them."""
    name = data.draw(st.sampled_from(ALL))
    path = template.export / name
    size = path.stat().st_size
    place, value = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 255))
    same = path.read_bytes()[place] == value
    said = spoiled(path, one_byte(place, value), lambda: both(template))
    assert (said.outcome == "intact") == (same or name not in EVIDENCE)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_both_say_the_same_about_any_single_byte_after_a_rotation(rotated: Handed, data: st.DataObject) -> None:
    path = rotated.export / data.draw(st.sampled_from(EVIDENCE))
    place = data.draw(st.integers(0, path.stat().st_size - 1))
    spoiled(path, one_byte(place, data.draw(st.integers(0, 255))), lambda: both(rotated))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_both_say_the_same_about_a_kept_checkpoint_that_was_spoiled(template: Handed, data: st.DataObject) -> None:
    """Only the details of what is wrong with a checkpoint differ."""
    path = data.draw(st.sampled_from([template.newest, template.older]))
    place, value = data.draw(st.integers(0, path.stat().st_size - 1)), data.draw(st.integers(0, 255))
    same = path.read_bytes()[place] == value

    def ask() -> Said:
        first = ours(template.export, [path], KEY.text)
        assert first.gist == theirs(template.export, [path], KEY.text).gist
        return first

    assert (spoiled(path, one_byte(place, value), ask).outcome == "intact") == same


BYTES = st.one_of(
    st.binary(max_size=6), st.sampled_from([b"\n", b"\r\n", b"\n\n", b'"', b"{}", b"=", b"\xe2\x80\x94 "])
)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_both_say_the_same_about_any_piece_that_was_cut_out_or_put_in(template: Handed, data: st.DataObject) -> None:
    path = template.export / data.draw(st.sampled_from(EVIDENCE))
    before = path.read_bytes()
    start = data.draw(st.integers(0, len(before)))
    end = min(len(before), start + data.draw(st.one_of(st.integers(0, 5), st.integers(0, len(before)))))
    after = before[:start] + data.draw(BYTES) + before[end:]
    said = spoiled(path, lambda _: after, lambda: both(template))
    assert (said.outcome == "intact") == (after == before)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_both_say_the_same_about_lines_in_any_order_and_number(template: Handed, data: st.DataObject) -> None:
    lines = template.lines()
    chosen = data.draw(st.lists(st.sampled_from(range(len(lines))), max_size=30))
    start = data.draw(st.integers(0, len(lines)))
    after = [*lines[:start], *(lines[place] for place in chosen)]
    said = spoiled(template.log, lambda _: b"".join(after), lambda: both(template))
    assert (said.outcome == "intact") == (after == lines)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", EVIDENCE)
def test_no_byte_at_any_place_can_be_another_one(template: Handed, name: str) -> None:
    path = template.export / name
    before = path.read_bytes()
    for place, byte in enumerate(before):
        for value in {byte ^ 1, 10} - {byte}:
            assert spoiled(path, one_byte(place, value), lambda: both(template)).outcome != "intact", (place, value)


def folder(path: Path) -> None:
    path.mkdir()


def link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "newest")


def nothing(path: Path) -> None:
    del path


def empty(path: Path) -> None:
    path.touch()


def endless(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


def unending(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = [nothing, empty, folder, link, unending, endless, os.mkfifo]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("make", KINDS)
def test_both_say_the_same_about_what_is_no_plain_file(handed: Handed, name: str, make: Callable[[Path], None]) -> None:
    (handed.export / name).unlink()
    make(handed.export / name)
    said = both(handed)
    known = name not in EVIDENCE or (name == "vkey" and make is empty)  # an installation may know no key to name
    assert (said.outcome == "intact") == known
    assert all(len(problem) < 200 for problem in said.problems)


@pytest.mark.parametrize("make", KINDS)
def test_both_say_the_same_about_what_stands_for_the_folder_of_proofs(
    handed: Handed, make: Callable[[Path], None]
) -> None:
    shutil.rmtree(handed.export / "proofs")
    make(handed.export / "proofs")
    assert both(handed).outcome == "unknown"


@pytest.mark.parametrize("make", KINDS)
def test_both_say_the_same_about_what_is_no_export(handed: Handed, make: Callable[[Path], None]) -> None:
    shutil.rmtree(handed.export)
    make(handed.export)
    assert both(handed).outcome == "unknown"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"null\n",
        b"[" * 100_000 + b"\n",
        b"9" * 4000 + b"\n",
        b'{"seq":1e999}\n',
        b"\xff\xfe\n",
        b'{"a":NaN}\n',
        b"x" * 300_000 + b"\n",
        b'{"a":"\\ud800"}\n',
    ],
)
def test_both_say_the_same_about_a_line_that_is_no_entry(handed: Handed, line: bytes) -> None:
    handed.write([*handed.lines(), line])
    assert both(handed).outcome == "inconsistent"
    handed.write([*handed.lines()[:5], line, *handed.lines()[5:]])
    assert both(handed).outcome == "inconsistent"


@pytest.mark.parametrize("field", ["actor", "counts", "run", "seq", "v", "at", "note", "nonce", "reason", "outcome"])
@pytest.mark.parametrize(
    "value", [None, True, -1, 0, 2, 2**53, 1.5, "", "done", "Ada L.", [], {}, {"a b": 1}, {"a": 1}]
)
def test_both_say_the_same_about_whatever_an_entry_holds(handed: Handed, field: str, value: object) -> None:
    body = json.loads(handed.lines()[-1]) | {"seq": 24, field: value}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    handed.write([*handed.lines(), text.encode() + b"\n"])
    both(handed)


@pytest.mark.parametrize("line", ["", "null", "{}", '{"from":5,"proof":{},"to":9}', '{"from":true,"proof":[],"to":9}'])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_both_say_the_same_about_what_stands_among_the_proofs(handed: Handed, line: str, place: int) -> None:
    path = handed.export / "consistency.jsonl"
    lines = path.read_text().splitlines()
    for after in ([*lines[:place], line, *lines[place:]], [*lines[:place], line, *lines[place + 1 :]]):
        path.write_text("".join(f"{one}\n" for one in after))
        assert both(handed).outcome == "unknown"


def test_a_proof_with_data_that_nobody_vouches_for_is_refused_by_both(handed: Handed) -> None:
    path = handed.export / "proofs" / "13.tlog-proof"
    found = TlogProof.parse(path.read_text("utf-8"))
    path.write_text(TlogProof(found.index, found.path, found.checkpoint, b"extra").render(), "utf-8")
    assert both(handed).problems == ("proofs/13.tlog-proof is damaged",)


@pytest.mark.parametrize("typed", ["", "nothing", "a\0b", "a+b+c", KEY.text[:-1], KEY.text + "x"])
def test_both_refuse_what_is_no_key(handed: Handed, typed: str) -> None:
    with pytest.raises(ConfigError):
        ours(handed.export, [], typed)
    with pytest.raises(outside.Bad):
        theirs(handed.export, [], typed)


# The parts, one by one


def tree(count: int) -> merkle.Frontier:
    frontier = merkle.Frontier()
    frontier.extend([leaf(place) for place in range(count)])
    return frontier


def leaf(place: int) -> bytes:
    return merkle.leaf_hash(b"%d" % place)


class Known:
    """A tree's nodes by the definition, for proofs."""

    def hash(self, level: int, index: int) -> bytes:
        if level == 0:
            return leaf(index)
        return merkle.node_hash(self.hash(level - 1, 2 * index), self.hash(level - 1, 2 * index + 1))

    def folded(self, parts: list[list[tuple[int, int]]]) -> list[bytes]:
        return [merkle.fold([self.hash(*subtree) for subtree in part]) for part in parts]


@pytest.mark.parametrize("size", range(34))
def test_roots_and_proofs_are_the_same(size: int) -> None:
    theirs = outside.Tree()
    for place in range(size):
        theirs.add(outside.hash_leaf(b"%d" % place))
    assert theirs.root() == tree(size).root
    for place in range(size):
        path = Known().folded(merkle.inclusion_subtrees(place, size))
        for spoiled_path in ([*path], path[:-1], [*path, HASHES[0]], path[::-1], [HASHES[0], *path[1:]]):
            for index in (place, place + 1):
                asked = (leaf(place), index, size, spoiled_path, theirs.root())
                assert outside.proves_inclusion(*asked) == merkle.verify_inclusion(*asked)
    for old in range(size + 1):
        path = Known().folded(merkle.consistency_subtrees(old, size))
        roots = tree(old).root, tree(size).root
        for spoiled_path in ([*path], path[:-1], [*path, HASHES[0]], path[::-1], [HASHES[0], *path[1:]]):
            assert consistent(old, size, *roots, spoiled_path) == merkle.verify_consistency(
                old, size, *roots, spoiled_path
            )


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    return outside.proves_consistency(
        outside.Checkpoint("", old, old_root), outside.Checkpoint("", new, new_root), path
    )


@given(
    old=st.integers(0, 12),
    new=st.integers(0, 12),
    roots=st.tuples(*[st.sampled_from([*HASHES, outside.NO_LEAVES])] * 2),
    path=st.lists(st.sampled_from([*HASHES, b"", b"short"]), max_size=5),
)
def test_made_up_proofs_are_judged_the_same(old: int, new: int, roots: tuple[bytes, bytes], path: list[bytes]) -> None:
    assert consistent(old, new, *roots, path) == merkle.verify_consistency(old, new, *roots, path)
    assert outside.proves_inclusion(roots[0], old, new, path, roots[1]) == merkle.verify_inclusion(
        roots[0], old, new, path, roots[1]
    )


def refused(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (outside.Bad, Malformed):
        return True
    return False


ODD = st.sampled_from(
    ["\n", " ", "+", "=", "\u2014 ", "\u2028", "\u00a0", "\x7f", "\x00", "\ud800", "0", "-1", "a", "A"]
)
SIGNED = [note(3), note(99, None, "one", "two"), sign_note(Checkpoint(ORIGIN, 0, HASHES[0]).text, [signer()])]


@given(data=st.data())
@settings(max_examples=500)
def test_the_same_notes_keys_and_proofs_are_refused(data: st.DataObject) -> None:
    proof = TlogProof(3, tuple(HASHES), SIGNED[0]).render()
    text = data.draw(st.sampled_from([*SIGNED, KEY.text, proof]))
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 3)))
    text = text[:start] + data.draw(ODD) + text[end:]
    assert refused(outside.read_checkpoint, text) == refused(lambda t: Checkpoint.parse(SignedNote.parse(t).text), text)
    assert refused(outside.read_key, text) == refused(VerifierKey.parse, text)
    assert refused(outside.read_proof, text) == refused(TlogProof.parse, text)


def test_the_same_limits_hold_for_notes() -> None:
    one = NoteSignature("a", b"1234", b"x")
    for count in (100, 101):
        text = Checkpoint(ORIGIN, 1, HASHES[0]).text + "\n" + one.line * count
        assert refused(outside.read_note, text) == refused(SignedNote.parse, text) == (count > 100)
    for size in (64 * 1024 - len("\n" + one.line), 64 * 1024):
        text = "x" * (size - 1) + "\n\n" + one.line
        assert refused(outside.read_note, text) == refused(SignedNote.parse, text)


@given(st.lists(st.sampled_from([*SIGNED, "\n", "\n\n", "words\n", "\u2014 a b\n", "torn"]), max_size=6).map("".join))
def test_files_with_many_notes_are_cut_at_the_same_places(text: str) -> None:
    def whole(notes: list[str]) -> list[str]:
        return [one for one in notes if not refused(outside.read_checkpoint, one)]

    assert whole(outside.split_notes(text)) == whole(notes_in(text))
    assert bool(outside.split_notes(text)) == bool(notes_in(text))


def test_limits_words_and_fields_are_the_same() -> None:
    assert outside.FIELDS.keys() == ALLOWED.keys()
    assert {outcome.value: code for outcome, code in EXIT_CODES.items()} == outside.EXIT_CODES
    assert outside.ENTRY_VERSION == VERSION
    assert set(outside.ALWAYS) == log_export_check._NEEDED
    assert outside.SENTENCES_TOLD == log_check.TOLD
    assert outside.LARGEST_LINE == log_export_files.LONGEST_LINE
    assert [outside.KEY_CAME_ALONG, outside.NO_KEY, outside.UNSIGNED] == [
        log_export_check.KEY_CAME_ALONG,
        log_export_check.NO_KEY,
        log_export_check.UNSIGNED,
    ]
    assert {
        "checkpoint": outside.LARGEST_NOTE,
        "checkpoints": outside.LARGEST_LIST,
        "consistency.jsonl": outside.LARGEST_LIST,
        "proofs": outside.LARGEST_PROOF,
        "vkey": outside.LARGEST_NOTE,
    } == log_export_files.LARGEST


@given(
    name=st.sampled_from(sorted(ALLOWED)),
    value=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2**54),
        st.floats(),
        st.text("abz09._:- AZ", max_size=12),
        st.from_regex(r"h1:[0-9a-f]{8}:[0-9a-f]{63,65}", fullmatch=True),
        st.from_regex(r"[0-9a-f]{31,33}|[0-9a-f]{63,65}|[a-z]+:[0-9a-f]{8}", fullmatch=True),
        st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z?", fullmatch=True),
        st.dictionaries(st.text("ab. ", max_size=3), st.integers(-1, 3), max_size=2),
    ),
)
def test_fields_are_judged_the_same(name: str, value: object) -> None:
    assert bool(outside.FIELDS[name](value)) == bool(ALLOWED[name](value))


# The program


def test_it_knows_nothing_of_kbgov_and_is_written_for_an_old_python() -> None:
    found = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(found)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}
    newer = {"bit_count", "pairwise", "batched", "strict", "slots", "kw_only", "UTC", "StrEnum", "removeprefix"}
    names = {node.attr for node in ast.walk(found) if isinstance(node, ast.Attribute)}
    names |= {node.arg for node in ast.walk(found) if isinstance(node, ast.keyword) and node.arg}
    assert names & (newer - {"removeprefix"}) == set()


def run(handed: Handed, *words: str | Path, script: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the copy that came with the export, with nothing of this project in reach."""
    command = [sys.executable, "-I", script or handed.export / "check_export.py", handed.export, *words]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=120)


def test_the_copy_in_the_export_answers_in_the_words_of_kbgov(handed: Handed) -> None:
    done = run(handed, "--checkpoint", handed.older, "--key", handed.key)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Intact: 24 entries.\nHeld against: {handed.older}.\n"
        f"15 entries after it: not covered by this checkpoint.\nroot {both(handed).root}\n"
    )
    done = run(handed, "--checkpoint", handed.newest)
    assert done.returncode == 3
    assert done.stdout.startswith("Self-consistent only: 24 entries fit together, but there is no checkpoint from")
    (handed.export / "vkey").unlink()
    assert run(handed, "--key", handed.key).returncode == 75
    handed.write(handed.lines()[1:])
    done = run(handed, "--key", handed.key)
    assert done.returncode == 5
    assert done.stdout.splitlines()[:2] == ["Inconsistent: this log is not what it was.", "- entry 0 is missing"]


def test_it_answers_programs_as_kbgov_does(handed: Handed) -> None:
    done = run(handed, "--checkpoint", handed.newest, "--key", KEY.text, "--json")
    assert json.loads(done.stdout) == verify_export(handed.export, [handed.newest], KEY.text, ()).as_json()


@pytest.mark.parametrize("words", [(), ("--key", "nothing"), ("--colour",)])
def test_what_it_does_not_understand_ends_with_2(handed: Handed, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-I", str(SCRIPT), *([str(handed.export), *words] if words else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_without_cryptography_it_says_what_is_needed(handed: Handed) -> None:
    code = "import runpy, sys; sys.modules['cryptography'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, SCRIPT, handed.export],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "the package cryptography is needed" in done.stderr
