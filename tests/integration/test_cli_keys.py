"""`kbgov keys` as people type it, in processes of its own where that counts."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from governance.domain.signed_note import VerifierKey
from governance.keyring import Family, make_keys, open_keyring, saving
from tests.command_line import COMMAND, InProcess, Result, environment, in_own_process
from tests.key_leaks import tells

WORDS = "twelve characters"
ADA = "ada@example.org"
CONFIG = '[sources.docs]\nroot = "docs"\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration and an empty catalog, and no key yet."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "kbgov.toml").write_text(CONFIG)
    assert in_own_process(folder, "db", "upgrade").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(base, capsys, monkeypatch)
    monkeypatch.setenv("KBGOV_ACTOR", ADA)
    monkeypatch.setenv("KBGOV_BACKUP_PASSPHRASE", WORDS)
    monkeypatch.setattr(saving, "_derived", _derived)
    return made


def _derived(passphrase: SecretStr, salt: bytes) -> bytes:
    """Make little work of a passphrase; what is typed in processes of their own takes the real way."""
    return hashlib.sha256(passphrase.get_secret_value().encode() + salt).digest()


def key_lines(folder: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted((folder / "keys").glob("*.key"))]


def ids(kbgov: InProcess, family: Family) -> list[str]:
    found = kbgov("keys", "list", "--json").json["keys"]
    return [item["key"].partition(":")[2] for item in found if item["family"] == family]


def entries(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "kbgov.db")) as db:
        return [json.loads(row[0]) for row in db.execute("SELECT body FROM audit_entry ORDER BY seq")]


def test_a_first_command_makes_the_keys_and_says_what_comes_next(kbgov: InProcess, base: Path) -> None:
    made = kbgov("keys", "init", "--json")
    assert made.code == 0
    assert [item["family"] for item in made.json["made"]] == list(Family)
    assert {item["where"] for item in made.json["made"]} == {str(path) for path in (base / "keys").glob("*.key")}
    assert kbgov("keys", "init").out == "Every family has a key already.\n"
    assert kbgov("keys", "init", "--json").json["made"] == []
    listed = kbgov("keys", "list", "--json").json["keys"]
    assert [(item["state"], item["backed_up"]) for item in listed] == [("current", None)] * 3
    verifier = VerifierKey.parse(listed[0]["verifier"])
    assert verifier == open_keyring(base / "keys", {}).verifiers[0]
    assert f"verifier: {verifier.text}" in kbgov("keys", "list").out
    assert [body["action"] for body in entries(base)] == ["log.began", *["keys.made"] * 3]


def test_what_is_made_is_told_with_the_next_command_on_the_same_configuration(kbgov: InProcess, base: Path) -> None:
    (base / "kbgov.toml").rename(base / "other.toml")
    out = kbgov("keys", "init", "--config", "other.toml").out
    assert out.splitlines()[0].startswith("signing key ")
    assert out.splitlines()[-1] == "next: kbgov keys backup --config other.toml FILE"
    (base / "keys").rename(base / "away")
    refused = kbgov("keys", "init", "--config", "other.toml", "--json").json["error"]
    assert refused["next"].startswith("kbgov keys restore --config other.toml FILE brings them back")
    missing = kbgov("pause", "--reason", "other", "--config", "other.toml", "--json").json["error"]
    assert (missing["code"], missing["item"]) == ("config", str(base / "keys"))
    assert missing["next"].startswith("kbgov keys init --config other.toml makes one")


def test_processes_that_make_keys_at_once_end_with_one_of_each_family(base: Path) -> None:
    pipe = subprocess.PIPE
    command = [*COMMAND, "keys", "init", "--json"]
    children = [
        subprocess.Popen(command, cwd=base, env=environment(), stdout=pipe, stderr=pipe, text=True) for _ in range(3)
    ]
    answers = [child.communicate() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], answers
    made = [item for out, _ in answers for item in json.loads(out)["made"]]
    assert sorted(item["family"] for item in made) == sorted(Family)
    assert len(key_lines(base)) == 3
    assert [body["action"] for body in entries(base)] == ["log.began", *["keys.made"] * 3]


def test_a_key_that_everybody_may_read_stops_whatever_needs_it(kbgov: InProcess, base: Path) -> None:
    kbgov("keys", "init")
    file = next((base / "keys").glob("audit-*"))
    file.chmod(0o644)
    for command in (("keys", "list"), ("keys", "rotate", "audit"), ("pause", "--reason", "other")):
        result = kbgov(*command, "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "config")
        assert result.json["error"]["next"] == f"chmod 600 {file}"


def test_a_rotated_key_is_used_from_the_next_entry_on(kbgov: InProcess, base: Path) -> None:
    kbgov("keys", "init")
    kbgov("pause", "--reason", "other")
    before = ids(kbgov, Family.AUDIT)[0]
    rotated = kbgov("keys", "rotate", "audit", "--json")
    assert (rotated.code, rotated.json["before"]) == (0, f"audit:{before}")
    kbgov("resume")
    used = [(body["action"], body["actor"].split(":")[1]) for body in entries(base)]
    new = rotated.json["key"].partition(":")[2]
    assert used[-3:] == [("changes.paused", before), ("key.rotated", new), ("changes.resumed", new)]
    assert entries(base)[-2]["key"] == f"audit:{new}"
    assert kbgov("keys", "rotate", "signing").out.splitlines()[-1] == "next: kbgov keys backup FILE"
    assert kbgov("keys", "rotate", "nothing").code == 2


def test_keys_from_the_environment_are_used_and_not_rotated(kbgov: InProcess, base: Path, tmp_path: Path) -> None:
    make_keys(tmp_path / "other", Family)
    for copy in open_keyring(tmp_path / "other", {}).copies():
        kbgov.env.setenv(copy.name.family.variable, copy.line.get_secret_value())
    assert kbgov("keys", "init", "--json").json["made"] == []
    assert not (base / "keys").exists()
    found = kbgov("keys", "list", "--json").json["keys"]
    assert {item["where"] for item in found} == {family.variable for family in Family}
    refused = kbgov("keys", "rotate", "suppression", "--json")
    assert (refused.code, refused.json["error"]["item"]) == (6, "KBGOV_KEY_SUPPRESSION")
    assert kbgov("keys", "backup", "saved.txt").code == 0
    assert kbgov("pause", "--reason", "other").code == 0
    assert entries(base)[-1]["actor"].split(":")[1] == ids(kbgov, Family.AUDIT)[0]


def test_a_backup_brings_lost_keys_back_and_overwrites_nothing(kbgov: InProcess, base: Path) -> None:
    kbgov("keys", "init")
    saved = kbgov("keys", "backup", "saved.txt", "--json")
    assert saved.json == {"file": str(base / "saved.txt"), "keys": {"signing": 1, "audit": 1, "suppression": 1}}
    assert (base / "saved.txt").stat().st_mode & 0o777 == 0o600
    again = kbgov("keys", "backup", "saved.txt", "--json")
    assert (again.code, again.json["error"]["message"]) == (2, "this file is there already")
    before = key_lines(base)
    lost = next((base / "keys").glob("suppression-*"))
    lost.unlink()
    assert kbgov("keys", "init").code == 6
    back = kbgov("keys", "restore", "saved.txt", "--json")
    assert [item["where"] for item in back.json["restored"]] == [str(lost)]
    assert len(back.json["present"]) == 2
    assert key_lines(base) == before
    assert all(item["backed_up"] for item in kbgov("keys", "list", "--json").json["keys"])
    assert [body["action"] for body in entries(base)][-3:] == ["keys.backed_up", "command.refused", "keys.restored"]


def test_a_passphrase_comes_from_a_private_file_and_a_wrong_one_is_told_from_no_backup(
    kbgov: InProcess, base: Path
) -> None:
    kbgov("keys", "init")
    kbgov("keys", "backup", "saved.txt")
    kbgov.env.delenv("KBGOV_BACKUP_PASSPHRASE")
    kbgov.env.setenv("KBGOV_BACKUP_PASSPHRASE_FILE", str(base / "words"))
    for text, mode, file, problem in (
        (f"{WORDS}\n", 0o644, "saved.txt", "can be read or changed by everybody"),
        ("other characters", 0o600, "saved.txt", "the backup does not open"),
        (WORDS, 0o600, "kbgov.toml", "this is no backup of keys"),
        (WORDS, 0o600, "nowhere", "the backup cannot be read: No such file"),
    ):
        (base / "words").write_text(text)
        (base / "words").chmod(mode)
        result = kbgov("keys", "restore", file, "--json", "--debug")
        assert (result.code, result.json["error"]["code"]) in {(2, "config"), (2, "usage")}
        assert problem in result.json["error"]["message"]
        assert WORDS not in result.out + result.err
    assert kbgov("keys", "restore", "saved.txt").out.splitlines() == [
        "0 keys brought back, 3 were there already.",
    ]


@pytest.mark.parametrize("command", [("keys", "backup", "new.txt"), ("keys", "restore", "saved.txt")])
def test_without_a_passphrase_and_a_terminal_nothing_is_asked(base: Path, command: tuple[str, ...]) -> None:
    in_own_process(base, "keys", "init")
    in_own_process(base, "keys", "backup", "saved.txt", KBGOV_BACKUP_PASSPHRASE=WORDS)
    done = subprocess.run(
        [*COMMAND, *command, "--json"],
        cwd=base,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["item"] == "KBGOV_BACKUP_PASSPHRASE"
    assert not (base / "new.txt").exists()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Give the two ends of a terminal."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def typing(base: Path, terminal: tuple[int, int], dialog: dict[str, str], *command: str) -> Result:
    """Run a command at a terminal, and type each answer once its question stands there."""
    hand, seat = terminal
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*COMMAND, *command],
        cwd=base,
        env=environment(),
        stdin=seat,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as child:
        asked = ""
        for question, answer in dialog.items():
            while not asked.endswith(question):
                letter = child.stderr.read(1)
                assert letter, asked
                asked += letter
            os.write(hand, answer.encode() + b"\n")
        out, err = child.communicate()
    return Result(child.returncode, out, asked + err)


def shown_at(hand: int) -> str:
    """Give what stands on a terminal."""
    os.set_blocking(hand, False)
    try:
        return os.read(hand, 100_000).decode()
    except BlockingIOError:
        return ""


def test_at_a_terminal_a_new_passphrase_is_asked_for_twice_and_never_shown(
    base: Path, terminal: tuple[int, int]
) -> None:
    in_own_process(base, "keys", "init")
    first, second = "Passphrase of the backup: ", "Repeat for confirmation: "
    saved = typing(base, terminal, {first: WORDS, second: WORDS}, "keys", "backup", "saved.txt", "--json")
    assert (saved.code, saved.json["keys"]["signing"]) == (0, 1)
    back = typing(base, terminal, {first: WORDS}, "keys", "restore", "saved.txt", "--json")
    assert (back.code, len(back.json["present"])) == (0, 3)
    assert second not in back.err
    short = typing(base, terminal, {first: "short", second: "short"}, "keys", "backup", "other.txt")
    assert (short.code, (base / "other.txt").exists()) == (2, False)
    assert WORDS not in shown_at(terminal[0])
    assert WORDS not in saved.out + saved.err + back.out + back.err


def test_an_older_key_is_destroyed_by_the_number_of_its_entries(kbgov: InProcess, base: Path) -> None:
    kbgov("keys", "init")
    kbgov("keys", "backup", "saved.txt")
    kbgov("keys", "rotate", "audit")
    old, new = ids(kbgov, Family.AUDIT)
    asked = kbgov("keys", "destroy", old, "--json")
    count = str(sum(body["actor"].startswith(f"h1:{old}:") for body in entries(base)))
    assert (asked.code, asked.json["error"]["code"]) == (6, "refused")
    assert asked.json["error"]["next"] == f"to destroy it all the same, add --confirm-count {count}"
    for key, reason in (
        (new, "the key that the log is written with"),
        (ids(kbgov, Family.SUPPRESSION)[0], "a suppression key is never destroyed: without a suppression key nothing"),
        (ids(kbgov, Family.SIGNING)[0], "a signing key is never destroyed"),
    ):
        refused = kbgov("keys", "destroy", key, "--confirm-count", count, "--json")
        assert (refused.code, reason in refused.json["error"]["message"]) == (6, True)
    before = {body["seq"]: body for body in entries(base)}
    done = kbgov("keys", "destroy", old, "--confirm-count", count)
    assert done.code == 0
    assert f"linked to nobody now: {count}." in done.out
    assert "still has it: destroy that backup" in done.out
    after = {body["seq"]: body for body in entries(base)}
    assert {seq: after[seq] for seq in before} == before
    assert not list((base / "keys").glob(f"*{old}*"))
    assert kbgov("keys", "restore", "saved.txt", "--json").json["destroyed"] == [f"audit:{old}"]
    states = {item["key"]: item["state"] for item in kbgov("keys", "list", "--json").json["keys"]}
    assert (states[f"audit:{old}"], states[f"audit:{new}"]) == ("destroyed", "current")


def test_no_command_and_no_failure_ever_prints_a_key_or_a_passphrase(kbgov: InProcess, base: Path) -> None:
    kbgov.env.setenv("KBGOV_LOG", "json")
    shown: list[str] = []

    def typed(*arguments: str) -> Result:
        result = kbgov(*arguments, "--debug")
        shown.append(result.out + result.err)
        return result

    typed("keys", "init")
    typed("keys", "backup", "saved.txt")
    typed("keys", "rotate", "audit")
    typed("keys", "rotate", "signing", "--json")
    lines = key_lines(base)
    typed("keys", "list")
    typed("doctor", "--json")
    typed("keys", "destroy", lines[0].split("+")[1], "--confirm-count", "1")
    typed("keys", "restore", "saved.txt")
    for name, line in zip(sorted(path.name for path in (base / "keys").glob("*.key")), lines, strict=True):
        for spoilt in (line[:-2], line + line, line.replace("+", "-", 1), line[:-9] + "A" + line[-8:]):
            (base / "keys" / name).write_text(spoilt)
            result = typed("keys", "list")
            assert result.code == 2 or spoilt == line
        (base / "keys" / name).write_text(line + "\n")
    for family in Family:
        kbgov.env.setenv(family.variable, lines[-1][:-3])
        assert typed("keys", "list").code == 2
        assert typed("pause", "--reason", "other").code == (2 if family is Family.AUDIT else 0)
        kbgov.env.delenv(family.variable)
    assert typed("keys", "list").code == 0
    told = "".join(shown)
    assert len(lines) == 5
    assert not any(tells(told, line) for line in lines)
    assert WORDS not in told
    stored = b"".join(path.read_bytes() for path in base.glob("kbgov.db*")).decode("latin-1")
    assert not any(tells(stored, line) for line in lines)


WIPED_HALF_WAY = """
import os, signal, sys
from governance.keyring import folder as keyring_folder
real = os.unlink
def unlink(path, *args, **kwargs):
    if str(path) == ".wiped":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, *args, **kwargs)
os.unlink = unlink
sys.argv = ["kbgov", *sys.argv[1:]]
from governance.cli.main import main
main()
"""


def test_a_destruction_that_was_killed_half_way_blocks_nothing_and_is_finished(kbgov: InProcess, base: Path) -> None:
    kbgov("keys", "init")
    kbgov("keys", "rotate", "audit")
    old = min((base / "keys").glob("audit-0001-*.key")).stem.rpartition("-")[2]
    asked = kbgov("keys", "destroy", old)
    count = next(word for word in (asked.err + asked.out).replace(",", "").split() if word.isdigit())
    line = ["keys", "destroy", old, "--confirm-count", count]
    env = environment(KBGOV_ACTOR=ADA)
    # A refusal is an entry under the new key, so the number stays as it was told.
    done = subprocess.run([sys.executable, "-c", WIPED_HALF_WAY, *line], cwd=base, env=env, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert kbgov("pause", "--reason", "other").code == 0, "whoever writes needs the keys"
    assert kbgov("resume").code == 0
    assert kbgov("keys", "list").code == 0
    again = kbgov(*line)
    assert again.code == 0, again.err
    assert not list((base / "keys").glob(".wiped*"))
    assert not list((base / "keys").glob(f"audit-*-{old}.key"))


def test_a_lost_signing_key_is_replaced_under_the_same_name_and_what_it_signed_still_counts(
    kbgov: InProcess, base: Path
) -> None:
    with (base / "kbgov.toml").open("a") as config:
        config.write('[anchors.disk]\ntype = "file"\npath = "kept.txt"\n')
    kbgov("keys", "init")
    assert kbgov("log", "checkpoint").code == 0
    (key,) = (base / "keys").glob("signing-*.key")
    origin = key.read_text().split("+")[2]
    key.unlink()
    assert kbgov("keys", "init").code == 6
    assert kbgov("keys", "init", "--replace-lost").code == 0
    assert kbgov("log", "verify", "--json").code == 75, "no key that is here signed what the anchor has"
    made = kbgov("log", "checkpoint", "--json")
    assert made.code == 0, made.err
    assert made.json["checkpoint"].split("\n")[0] == origin
    found = kbgov("log", "verify", "--json")
    assert (found.code, found.json["covered"]) == (0, made.json["entries"])
    assert kbgov("log", "export", "out").code == 0
    assert len((base / "out" / "vkey").read_text().split()) == 2
