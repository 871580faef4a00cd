from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.errors import ConfigError
from governance.domain.merkle import Frontier, leaf_hash, leaf_hashes
from governance.domain.signed_note import notes_in
from governance.domain.values import canonical_json
from governance.keyring.signing import sign_note
from governance.services.log_export_check import KEY_CAME_ALONG, NO_KEY, UNSIGNED, verify_export
from governance.services.log_verify import Outcome, Verification
from tests.exported_log import EVIDENCE, Handed, hand_over
from tests.signed_log import ORIGIN, signer

OWN = [signer().verifier]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Handed:
    return hand_over(tmp_path_factory.mktemp("log"), sqlite_template)


@pytest.fixture
def handed(template: Handed, tmp_path: Path) -> Handed:
    return template.copy(tmp_path / "kept")


def verified(handed: Handed, *checkpoints: Path, key: str | None = None, trusted: object = OWN) -> Verification:
    return verify_export(handed.export, checkpoints or [handed.newest], key, trusted)


def signed_over(bodies: list[bytes], word: str = "one", origin: str = ORIGIN) -> str:
    frontier = Frontier()
    frontier.extend(leaf_hashes(bodies))
    return sign_note(Checkpoint(origin, len(bodies), frontier.root).text, [signer(word, origin)])


def test_an_export_is_intact_when_a_checkpoint_and_a_key_came_another_way(handed: Handed) -> None:
    found = verified(handed)
    root = handed.newest.read_text("utf-8").split("\n")[2]
    assert found.as_json() == {
        "outcome": "intact",
        "entries": 24,
        "root": root,
        "covered": 24,
        "problems": [],
        "against": [str(handed.newest)],
    }
    assert found.exit_code == 0
    for key in (handed.key.read_text(), str(handed.key)):
        assert verified(handed, key=key, trusted=()) == found


def test_an_older_checkpoint_covers_what_it_was_signed_over(handed: Handed) -> None:
    found = verified(handed, handed.older)
    assert (found.outcome, found.entries, found.covered) == (Outcome.INTACT, 24, 9)
    assert found.against == [str(handed.older)]


def test_without_a_checkpoint_from_outside_it_is_self_consistent_only(handed: Handed) -> None:
    found = verify_export(handed.export, [], None, OWN)
    assert (found.outcome, found.exit_code, found.problems) == (Outcome.SELF_CONSISTENT, 3, [])


def test_without_a_key_from_outside_it_is_self_consistent_only(handed: Handed) -> None:
    found = verified(handed, trusted=())
    assert (found.outcome, found.covered, found.against) == (Outcome.SELF_CONSISTENT, 0, [])
    assert found.problems == [KEY_CAME_ALONG]


def test_what_lies_in_the_export_vouches_for_nothing(handed: Handed) -> None:
    checkpoint, key = handed.export / "checkpoint", handed.export / "vkey"
    found = verified(handed, checkpoint)
    assert found.outcome is Outcome.SELF_CONSISTENT
    assert found.problems == [f"{checkpoint} lies in the export, so it vouches for nothing"]
    found = verified(handed, key=str(key))
    assert (found.outcome, found.problems) == (Outcome.SELF_CONSISTENT, [KEY_CAME_ALONG])
    link = handed.export.parent / "link"
    link.symlink_to(checkpoint)
    assert verified(handed, link).outcome is Outcome.SELF_CONSISTENT


@pytest.mark.parametrize("typed", ["nothing", "", "a\0b", "a+00000000+AAAA", "checkpoint"])
def test_what_is_no_key_is_refused(handed: Handed, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(handed.export)
    with pytest.raises(ConfigError) as failed:
        verified(handed, key=typed)
    assert failed.value.item == "--key"


def test_several_keys_may_be_named_at_once(handed: Handed) -> None:
    keys = f"{signer('other').verifier.text}\n{signer().verifier.text}\n"
    assert verified(handed, key=keys).outcome is Outcome.INTACT
    handed.key.write_text(keys)
    assert verified(handed, key=str(handed.key)).outcome is Outcome.INTACT


def test_another_key_than_the_one_that_signed_leaves_it_unknown(handed: Handed) -> None:
    found = verified(handed, key=signer("other").verifier.text)
    assert (found.outcome, found.exit_code) == (Outcome.UNKNOWN, 75)
    assert found.problems == [
        "the checkpoint of 24 entries is signed by none of the keys that are trusted here",
        f"{handed.newest} is signed by none of the keys that are trusted here",
    ]


def test_who_is_handed_the_newest_key_need_not_know_those_of_old_checkpoints(handed: Handed) -> None:
    bodies = [line.removesuffix(b"\n") for line in handed.lines()]
    notes = notes_in((handed.export / "checkpoints").read_text("utf-8"))
    notes[0] = signed_over(bodies[:5], "old")
    (handed.export / "checkpoints").write_text("\n".join(notes), "utf-8")
    told = verified(handed)
    assert told.problems == ["the checkpoint of 5 entries is signed by none of the keys that are trusted here"]
    (handed.export / "vkey").write_text("".join(f"{signer(word).verifier.text}\n" for word in ("one", "old")))
    assert verified(handed).outcome is Outcome.INTACT
    notes[0] = signed_over([b"other", *bodies[:4]], "old")
    (handed.export / "checkpoints").write_text("\n".join(notes), "utf-8")
    told = verified(handed)
    assert told.outcome is Outcome.INCONSISTENT
    assert "the checkpoint of 5 entries was signed over 5 other entries than the first 5 here" in told.problems


def test_a_checkpoint_over_nothing_vouches_for_nothing(handed: Handed) -> None:
    handed.newest.write_text(signed_over([]), "utf-8")
    assert verified(handed).outcome is Outcome.SELF_CONSISTENT


def changed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:8], lines[8].replace(b"done", b"gone"), *lines[9:]]


def renumbered(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"seq":%d,' % old, b'"seq":%d,' % new) for new, (old, line) in enumerate(lines)]


def without(lines: list[bytes]) -> list[bytes]:
    numbered = list(enumerate(lines))
    del numbered[8]
    return renumbered(numbered)


def with_one_more(lines: list[bytes]) -> list[bytes]:
    numbered = list(enumerate(lines))
    return renumbered([*numbered[:8], (7, lines[7]), *numbered[8:]])


def swapped(lines: list[bytes]) -> list[bytes]:
    numbered = list(enumerate(lines))
    numbered[8], numbered[9] = numbered[9], numbered[8]
    return renumbered(numbered)


def cut(lines: list[bytes]) -> list[bytes]:
    return lines[:20]


def cut_and_filled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:20], *(line.replace(b"done", b"gone") for line in lines[20:])]


ATTACKS = {
    changed: "the checkpoint of 9 entries was signed over 9 other entries than the first 9 here",
    without: "the checkpoint of 9 entries was signed over 9 other entries than the first 9 here",
    with_one_more: "the checkpoint of 9 entries was signed over 9 other entries than the first 9 here",
    swapped: "the checkpoint of 9 entries was signed over 9 other entries than the first 9 here",
    cut: "the log is cut: the checkpoint of 24 entries was signed over 24 entries, and there are 20",
    cut_and_filled: "the checkpoint of 24 entries was signed over 24 other entries than the first 24 here",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("trusted", [OWN, ()], ids=["own key", "key of the export"])
def test_no_entry_is_changed_left_out_put_in_or_moved_unnoticed(
    handed: Handed, attack: Callable, trusted: object
) -> None:
    handed.write(attack(handed.lines()))
    found = verified(handed, trusted=trusted)
    assert (found.outcome, found.exit_code) == (Outcome.INCONSISTENT, 5)
    assert ATTACKS[attack] in found.problems
    assert found.covered == 0


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_who_writes_all_of_it_anew_and_signs_it_is_caught_by_a_kept_checkpoint(
    handed: Handed, attack: Callable
) -> None:
    """The signing key is theirs as well; only what left the house earlier tells."""
    lines = attack(handed.lines())
    forge(handed, lines, "one")
    assert verify_export(handed.export, [], None, OWN).outcome is Outcome.SELF_CONSISTENT
    found = verified(handed)
    assert found.outcome is Outcome.INCONSISTENT
    assert str(handed.newest) in "".join(found.problems)


def test_who_signs_with_a_key_of_their_own_is_not_believed(handed: Handed) -> None:
    forge(handed, changed(handed.lines()), "theirs")
    assert verify_export(handed.export, [], None, ()).outcome is Outcome.SELF_CONSISTENT
    found = verified(handed)
    assert found.outcome is Outcome.INCONSISTENT  # by the kept checkpoint
    assert verify_export(handed.export, [], None, OWN).outcome is Outcome.UNKNOWN


def forge(handed: Handed, lines: list[bytes], word: str) -> None:
    """Put a whole export in the place of another one, with one checkpoint and all the proofs it needs."""
    bodies = [line.removesuffix(b"\n") for line in lines]
    note = signed_over(bodies, word)
    handed.write(lines)
    for name in ("checkpoint", "checkpoints"):
        (handed.export / name).write_text(note, "utf-8")
    (handed.export / "consistency.jsonl").write_bytes(b"")
    (handed.export / "vkey").write_text(f"{signer(word).verifier.text}\n")
    for file in (handed.export / "proofs").iterdir():
        file.unlink()
    for seq, body in enumerate(bodies):
        if json.loads(body)["action"] == "policy.adopted":
            proof = TlogProof(seq, inclusion(bodies, seq), note)
            (handed.export / "proofs" / f"{seq}.tlog-proof").write_text(proof.render(), "utf-8")


def inclusion(bodies: list[bytes], seq: int) -> tuple[bytes, ...]:
    """Give a path by the definition of RFC 9162, section 2.1.3.1."""
    if len(bodies) == 1:
        return ()
    half = 1 << (len(bodies) - 1).bit_length() - 1
    left, right = bodies[:half], bodies[half:]
    inner, other, place = (left, right, seq) if seq < half else (right, left, seq - half)
    frontier = Frontier()
    frontier.extend(leaf_hashes(other))
    return (*inclusion(inner, place), frontier.root)


def test_entries_that_are_missing_are_named(handed: Handed) -> None:
    lines = handed.lines()
    handed.write([*lines[:3], *lines[5:9], *lines[10:]])
    assert "entries 3 to 4 are missing" in verified(handed).problems
    handed.write([*lines[:3], *lines[4:]])
    assert "entry 3 is missing" in verified(handed).problems
    handed.write([*lines[:3], *lines[2:]])
    assert "entry 2 stands twice" in verified(handed).problems
    assert verified(handed).root == ""


@pytest.mark.parametrize("name", [*EVIDENCE, "README.txt", "check_export.py"])
def test_what_is_missing_is_not_called_damaged(handed: Handed, name: str) -> None:
    (handed.export / name).unlink()
    found = verified(handed)
    if name in {"README.txt", "check_export.py"}:
        assert found.outcome is Outcome.INTACT
    else:
        assert (found.outcome, found.problems) == (Outcome.UNKNOWN, [f"{name} is missing"])


def folder(path: Path) -> None:
    path.mkdir()


def link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "newest")


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("name", EVIDENCE)
@pytest.mark.parametrize("make", [folder, link, endless, nowhere, os.mkfifo])
def test_what_is_no_plain_file_is_not_opened(handed: Handed, name: str, make: Callable[[Path], None]) -> None:
    (handed.export / name).unlink()
    make(handed.export / name)
    found = verified(handed)
    assert (found.outcome, found.problems) == (Outcome.UNKNOWN, [f"{name} is damaged: it is no plain file"])


def test_a_file_in_the_place_of_the_proofs_is_told(handed: Handed) -> None:
    for file in (handed.export / "proofs").iterdir():
        file.unlink()
    (handed.export / "proofs").rmdir()
    assert verified(handed).problems == [f"proofs/{seq}.tlog-proof is missing" for seq in (13, 21)]
    (handed.export / "proofs").write_text("")
    assert verified(handed).problems == ["proofs is damaged: it is no folder"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("checkpoint", b"x" * (64 << 10), "checkpoint is damaged"),
        ("checkpoint", b"x" * (64 << 10) + b"x", "checkpoint is damaged: it has more than 65536 bytes"),
        ("checkpoint", b"\xff", "checkpoint is damaged"),
        ("vkey", b"key\n", "vkey is damaged"),
        ("vkey", signer().verifier.text.encode(), "vkey is damaged"),
        ("checkpoints", b"\n", "checkpoints is damaged"),
        ("consistency.jsonl", b"", "consistency.jsonl is damaged"),
        ("consistency.jsonl", b"{" * 300_000 + b"\n", "consistency.jsonl is damaged"),
        ("consistency.jsonl", b'{"from":5,"proof":7,"to":9}\n', "consistency.jsonl is damaged"),
        ("proofs/13.tlog-proof", b"", "proofs/13.tlog-proof is damaged"),
        ("proofs/13.tlog-proof", b"x" * 300_000, "proofs/13.tlog-proof is damaged: it has more than 262144 bytes"),
    ],
)
def test_what_is_damaged_is_not_called_missing(handed: Handed, name: str, data: bytes, said: str) -> None:
    (handed.export / name).write_bytes(data)
    found = verified(handed)
    assert (found.outcome, found.problems) == (Outcome.UNKNOWN, [said])


def test_one_checkpoint_too_many_or_too_few_is_told(handed: Handed) -> None:
    path = handed.export / "checkpoints"
    text = path.read_text("utf-8")
    path.write_text(text.rpartition("\n\n" + ORIGIN)[0] + "\n", "utf-8")
    told = verified(handed).problems
    assert told == ["checkpoint and checkpoints do not belong together", "consistency.jsonl is damaged"]
    path.write_text(text + "\n" + text, "utf-8")
    assert verified(handed).problems == ["checkpoints is damaged"]


def test_proofs_that_do_not_hold_are_told(handed: Handed) -> None:
    lines = (handed.export / "consistency.jsonl").read_bytes().splitlines()
    first = json.loads(lines[0])
    first["proof"] = first["proof"][:-1]
    (handed.export / "consistency.jsonl").write_bytes(b"\n".join([canonical_json(first), *lines[1:], b""]))
    proof = handed.export / "proofs" / "13.tlog-proof"
    (handed.export / "proofs" / "14.tlog-proof").write_bytes(proof.read_bytes())
    (handed.export / "proofs" / "99.tlog-proof").write_text(proof.read_text("utf-8").replace("index 13", "index 99"))
    other = TlogProof.parse((handed.export / "proofs" / "21.tlog-proof").read_text("utf-8"))
    proof.write_text(TlogProof(13, other.path, other.checkpoint).render(), "utf-8")
    found = verified(handed)
    assert found.outcome is Outcome.INCONSISTENT
    assert found.problems == [
        "consistency.jsonl does not prove that the checkpoint of 5 goes on in that of 9",
        "proofs/13.tlog-proof does not prove entry 13",
        "proofs/14.tlog-proof is of another entry",
        "proofs/99.tlog-proof is of an entry that is not there",
    ]


def test_a_proof_under_a_checkpoint_that_nobody_signed_is_told(handed: Handed) -> None:
    bodies = [line.removesuffix(b"\n") for line in handed.lines()]
    forged = signed_over(bodies, "theirs")
    path = handed.export / "proofs" / "13.tlog-proof"
    path.write_text(TlogProof(13, inclusion(bodies, 13), forged).render(), "utf-8")
    found = verified(handed)
    assert found.problems == ["proofs/13.tlog-proof is signed by none of the keys that are trusted here"]
    bodies[3] = bodies[3].replace(b"done", b"gone")
    path.write_text(TlogProof(13, inclusion(bodies, 13), signed_over(bodies)).render(), "utf-8")
    assert "proofs/13.tlog-proof was signed over 24 other entries than the first 24 here" in verified(handed).problems


def test_lines_that_were_converted_are_told_once(handed: Handed) -> None:
    handed.write([line.replace(b"\n", b"\r\n") for line in handed.lines()])
    problems = verified(handed).problems
    assert problems[0] == "log.jsonl is damaged: its lines end with CR LF, so something has converted it"
    assert not [problem for problem in problems[1:] if "CR LF" in problem or problem.startswith("line")]


def test_a_last_line_that_was_cut_off_is_told(handed: Handed) -> None:
    lines = handed.lines()
    handed.write([*lines[:-1], lines[-1].removesuffix(b"\n")])
    found = verified(handed)
    assert (found.outcome, found.entries) == (Outcome.INCONSISTENT, 24)
    assert found.problems == ["log.jsonl is damaged: its last line is cut off"]
    handed.write([*lines[:-1], lines[-1][:50]])
    assert verified(handed).problems[:3] == [
        "entry 23 says that it is another one",
        "log.jsonl is damaged: its last line is cut off",
        "line 24 of log.jsonl is no entry of this log",
    ]


def test_a_line_without_end_is_not_read_to_its_end(handed: Handed) -> None:
    with handed.log.open("r+b") as stream:
        stream.truncate(1 << 40)  # no byte of it is on the disk
    tracemalloc.start()
    found = verify_export(handed.export, [], None, OWN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.outcome is Outcome.INCONSISTENT
    assert "log.jsonl is damaged: line 25 has more than 262144 bytes" in found.problems
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b'"text"\n',
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b"9" * 100_000 + b"\n",
        b'{"seq":1e999}\n',
        b"\xff\xfe\n",
        '{"actor":"Zoë"}\n'.encode(),
    ],
)
def test_a_line_that_is_no_entry_is_told(handed: Handed, line: bytes) -> None:
    lines = handed.lines()
    if line:
        handed.write([*lines, line])
        found = verified(handed)
        assert (found.outcome, found.entries) == (Outcome.INCONSISTENT, 25)
        assert "line 25 of log.jsonl is no entry of this log" in found.problems


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("note", "for Ada", "holds what no entry may hold"),
        ("actor", "ada@example.org", "holds what no entry may hold"),
        ("reason", "She asked for it.", "holds what no entry may hold"),
        ("counts", {"pages of Ada": 1}, "holds what no entry may hold"),
        ("run", 1.5, "holds what no entry may hold"),
        ("run", 2**53, "holds what no entry may hold"),
        ("seq", True, "is no entry of this log"),
        ("seq", "24", "is no entry of this log"),
        ("seq", -1, "is no entry of this log"),
        ("nonce", None, "is no entry of this log"),
    ],
)
def test_an_entry_that_holds_more_than_entries_may_is_told_though_it_is_signed(
    handed: Handed, field: str, value: object, said: str
) -> None:
    lines = handed.lines()
    body = json.loads(lines[-1]) | {"seq": 24, field: value}
    if value is None:
        del body[field]
    lines.append(canonical_json(body) + b"\n")
    handed.write(lines)
    handed.newest.write_text(signed_over([line.removesuffix(b"\n") for line in lines]), "utf-8")
    found = verified(handed)
    assert found.outcome is Outcome.INCONSISTENT
    assert f"line 25 of log.jsonl {said}" in found.problems


@pytest.mark.parametrize("spelling", ['{"v": 1}', '{"a":1,"a":1}', '{"b":1,"a":1}', '{"a":"\\u0041"}'])
def test_two_spellings_of_one_entry_do_not_exist(handed: Handed, spelling: str) -> None:
    lines = handed.lines()
    body = lines[-1].replace(b'"seq":23,', b'"seq":24,').decode()
    twisted = {
        '{"v": 1}': body.replace('"v":1', '"v": 1'),
        '{"a":1,"a":1}': body.replace('"v":1', '"v":1,"v":1'),
        '{"b":1,"a":1}': body.replace('{"action"', '{"v":1,"action"').replace(',"v":1}', "}"),
        '{"a":"\\u0041"}': body.replace('"done"', '"\\u0064one"'),
    }[spelling]
    assert twisted != body
    assert json.loads(twisted) == json.loads(body)
    handed.write([*lines, twisted.encode()])
    assert "line 25 of log.jsonl is no entry of this log" in verified(handed).problems


def test_entries_of_a_later_version_are_unknown_not_wrong(handed: Handed) -> None:
    lines = handed.lines()
    body = canonical_json(json.loads(lines[-1]) | {"seq": 24, "v": 2, "something": "new"})
    handed.write([*lines, body + b"\n"])
    found = verified(handed)
    assert (found.outcome, found.entries, found.covered) == (Outcome.UNKNOWN, 25, 24)
    assert found.problems == ["log.jsonl holds entries of a version that is not known here"]


def test_many_problems_are_counted(handed: Handed) -> None:
    handed.write([b"nothing\n"] * 40)
    assert "and 20 more" in verified(handed).problems
    assert len(verified(handed).problems) < 60


def test_an_export_that_is_not_there_is_unknown(handed: Handed, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", handed.newest, Path("a\0b")):
        found = verify_export(path, [], None, OWN)
        assert found.outcome is Outcome.UNKNOWN
        assert found.problems == [f"{path} is missing, or is no folder"]


def test_a_file_with_checkpoints_that_cannot_be_read_leaves_it_unknown(handed: Handed, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    found = verified(handed, handed.newest, gone)
    assert (found.outcome, found.covered) == (Outcome.UNKNOWN, 24)
    assert found.problems == [f"{gone} cannot be read: No such file or directory"]
    (tmp_path / "empty").touch()
    assert verified(handed, tmp_path / "empty").outcome is Outcome.UNKNOWN


def test_a_checkpoint_of_another_log_is_not_held_against_this_one(handed: Handed) -> None:
    bodies = [line.removesuffix(b"\n") for line in handed.lines()]
    handed.newest.write_text(signed_over(bodies, "one", "kbgov.log/ffff"), "utf-8")
    found = verified(handed)
    assert found.problems == [f"{handed.newest} is signed by none of the keys that are trusted here"]


def test_an_export_without_a_signature_is_self_consistent_and_says_why(handed: Handed) -> None:
    for name in ("checkpoint", "checkpoints", "consistency.jsonl", "vkey"):
        (handed.export / name).write_bytes(b"")
    for file in (handed.export / "proofs").iterdir():
        file.unlink()
    found = verify_export(handed.export, [], None, ())
    assert (found.outcome, found.problems) == (Outcome.SELF_CONSISTENT, [NO_KEY, UNSIGNED])
    assert verify_export(handed.export, [], None, OWN).problems == [UNSIGNED]
    assert verified(handed).outcome is Outcome.INTACT


def test_memory_does_not_grow_with_the_entries(handed: Handed) -> None:
    body = json.loads(handed.lines()[-1])

    def peak(count: int) -> int:
        with handed.log.open("wb") as stream:
            for seq in range(count):
                stream.write(canonical_json(body | {"seq": seq}) + b"\n")
        tracemalloc.start()
        assert verify_export(handed.export, [], None, OWN).entries == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(9000) < 1.2 * peak(3000)


def test_a_leaf_is_what_outsiders_compute(handed: Handed) -> None:
    """`sha256sum` over a zero byte and the line without its newline."""
    line = handed.lines()[0].removesuffix(b"\n")
    assert leaf_hash(line) == leaf_hashes([line])[0]
