"""`kbgov log export`, `log prove` and `log verify --export` as people type them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from governance.domain.checkpoints import TlogProof
from tests.command_line import InProcess, in_own_process

CANARIES = ("ada.canary@example.org", "Ada Canary", "canary-page")
ANCHOR = """
[anchors.disk]
type = "file"
path = "kept.txt"
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page, an index, an audit's findings, and a log that says so."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "docs").mkdir()
    (folder / "docs" / "canary-page.md").write_text(
        "---\nowner: ada.canary@example.org\n---\n# Leave\n\nOf Ada Canary.\n"
    )
    for words in (["init", "--source", "docs"], ["ingest"], ["audit", "run", "--fail-on", "never"]):
        done = in_own_process(folder, *words, KBGOV_ACTOR="Ada Canary")
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def kbgov(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    folder = tmp_path / "here"
    shutil.copytree(template, folder)
    made = InProcess(folder, capsys, monkeypatch)
    monkeypatch.setenv("KBGOV_ACTOR", "Ada Canary")
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_exported_is_intact_under_a_checkpoint_that_was_kept(kbgov: InProcess) -> None:
    done = kbgov("log", "export", "out", "--json")
    assert done.code == 0, done.err
    assert done.json["entries"] == done.json["checkpoint"] > 5
    assert done.json["files"] == sorted(content(kbgov.folder / "out"))
    (kbgov.folder / "kept.txt").write_text(kbgov("log", "checkpoint").out, "utf-8")
    found = kbgov("log", "verify", "--export", "out", "--checkpoint", "kept.txt", "--json")
    assert found.code == 0
    assert found.json == kbgov("log", "verify", "--checkpoint", "kept.txt", "--json").json | {
        "against": ["kept.txt"],
    }
    assert kbgov("log", "verify", "--export", "out").code == 3


def test_exporting_records_nothing_and_is_the_same_every_time(kbgov: InProcess) -> None:
    first = kbgov("log", "export", "out", "--json").json
    before = content(kbgov.folder / "out")
    assert kbgov("log", "export", "out", "--json").json == first
    assert kbgov("log", "prove", "0").code == 0
    assert kbgov("log", "export", "elsewhere", "--json").json == first
    assert content(kbgov.folder / "out") == content(kbgov.folder / "elsewhere") == before


def test_an_export_is_checked_where_there_is_no_configuration(
    kbgov: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kbgov("log", "export", "out")
    away = tmp_path / "away"
    shutil.copytree(kbgov.folder / "out", away / "out")
    shutil.copy(away / "out" / "checkpoint", away / "kept.txt")
    shutil.copy(away / "out" / "vkey", away / "vkey")
    monkeypatch.chdir(away)
    monkeypatch.delenv("KBGOV_ACTOR")
    done = kbgov("log", "verify", "--export", "out", "--checkpoint", "kept.txt")
    assert done.code == 3
    assert "the public key came with the export" in done.out
    for key in ("vkey", (away / "vkey").read_text().strip()):
        assert kbgov("log", "verify", "--export", "out", "--checkpoint", "kept.txt", "--key", key).code == 0
    assert kbgov("log", "verify", "--export", "out", "--key", "nonsense").code == 2
    assert kbgov("log", "verify", "--export", "nowhere", "--json").json["outcome"] == "unknown"
    assert sorted(path.name for path in away.iterdir()) == ["kept.txt", "out", "vkey"]


def test_the_answer_of_kbgov_is_the_one_of_the_program_in_the_export(kbgov: InProcess) -> None:
    kbgov("log", "export", "out")
    shutil.copy(kbgov.folder / "out" / "checkpoint", kbgov.folder / "kept.txt")
    shutil.copy(kbgov.folder / "out" / "vkey", kbgov.folder / "vkey")
    words = ["--checkpoint", "kept.txt", "--key", "vkey"]
    for spoil in (b"", b"\n"):
        with (kbgov.folder / "out" / "log.jsonl").open("ab") as stream:
            stream.write(spoil)
        done = kbgov("log", "verify", "--export", "out", *words)
        theirs = subprocess.run(
            [sys.executable, "-I", "out/check_export.py", "out", *words],
            cwd=kbgov.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.code, done.out) == (theirs.returncode, theirs.stdout)
        assert done.code == (5 if spoil else 0)


def test_an_entry_is_proven_on_the_screen_and_in_a_file(kbgov: InProcess) -> None:
    printed = kbgov("log", "prove", "2")
    assert printed.code == 0, printed.err
    proof = TlogProof.parse(printed.out)
    assert proof.index == 2
    assert kbgov("log", "prove", "2", "--json").json == {"seq": 2, "proof": printed.out}
    done = kbgov("log", "prove", "2", "--out", "two.tlog-proof")
    assert (done.code, done.out) == (0, "Written: two.tlog-proof\n")
    assert (kbgov.folder / "two.tlog-proof").read_text("utf-8") == printed.out
    again = kbgov("log", "prove", "2", "--out", "two.tlog-proof")
    assert again.code == 2
    assert "name a file that is not there yet" in again.err


def test_a_proof_is_printed_to_the_letter_whatever_the_terminal_s_encoding(kbgov: InProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "governance.cli", "log", "prove", "1"],
        cwd=kbgov.folder,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=False,
    )
    assert TlogProof.parse(done.stdout.decode("utf-8")).index == 1


def test_an_entry_that_is_not_there_is_not_proven(kbgov: InProcess) -> None:
    done = kbgov("log", "prove", "999", "--json")
    assert done.code == 2
    assert json.loads(done.out)["error"]["message"] == "the log has no entry of this number"
    assert kbgov("log", "prove", "-1").code == 2


def test_a_folder_with_anything_else_in_it_is_refused(kbgov: InProcess) -> None:
    done = kbgov("log", "export", "docs")
    assert done.code == 2
    assert "is neither empty nor an earlier export of this log" in done.err
    assert sorted(path.name for path in (kbgov.folder / "docs").iterdir()) == ["canary-page.md"]


def test_an_export_hands_its_checkpoint_to_the_anchors_and_tells_who_did_not_take_it(kbgov: InProcess) -> None:
    with (kbgov.folder / "kbgov.toml").open("a") as stream:
        stream.write(ANCHOR)
    assert kbgov("audit", "run", "--fail-on", "never").code == 0
    done = kbgov("log", "export", "out")
    assert (done.code, done.err) == (0, "")
    newest = (kbgov.folder / "out" / "checkpoint").read_text("utf-8")
    assert (kbgov.folder / "kept.txt").read_text("utf-8").endswith(newest)
    assert kbgov("log", "verify", "--export", "out", "--checkpoint", "kept.txt").code == 0
    (kbgov.folder / "kept.txt").unlink()
    (kbgov.folder / "kept.txt").mkdir()
    assert kbgov("audit", "run", "--fail-on", "never").code == 0
    done = kbgov("log", "export", "out")
    assert done.code == 0
    assert "anchor disk did not take the checkpoint" in done.err


def test_nothing_that_names_anybody_or_anything_gets_out(kbgov: InProcess) -> None:
    findings = kbgov("findings", "list", "--json").json["findings"]
    assert kbgov("findings", "ack", findings[0]["fingerprint"]).code == 0
    assert kbgov("documents", "verify", "canary-page.md").code == 0
    kbgov("log", "export", "out")
    files = content(kbgov.folder / "out")
    assert b"finding.acknowledged" in files["log.jsonl"]
    assert [name for name, data in files.items() for word in CANARIES if word.encode() in data] == []


def shown_in_the_guide(beginning: str) -> str:
    """Give the commands of a block of `kbgov guide log`."""
    guide = (Path(__file__).parents[2] / "governance" / "guides" / "log.md").read_text("utf-8")
    [block] = [one for one in re.findall(r"^```sh\n(.*?)^```", guide, re.MULTILINE | re.DOTALL) if beginning in one]
    return block


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-ec", script], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_the_hash_of_an_entry_is_the_one_that_sha256sum_gives(kbgov: InProcess) -> None:
    kbgov("log", "export", "handed-over")
    script = shown_in_the_guide("sha256sum").replace("13p", "4p")
    leaf = shell(kbgov.folder, script).stdout.split()[0]
    assert f"leaf hash     {leaf}" in kbgov("log", "show", "3").out


def test_the_signature_is_one_that_openssl_accepts(kbgov: InProcess) -> None:
    """The commands of `kbgov guide log`, to the letter."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    script = shown_in_the_guide("# OpenSSL")
    kbgov("log", "export", "handed-over")
    done = shell(kbgov.folder, script)
    if "rawin" in done.stderr:
        pytest.skip("this OpenSSL is older than 3")
    assert (done.returncode, done.stdout) == (0, "Signature Verified Successfully\n"), done.stderr
    checkpoint = kbgov.folder / "handed-over" / "checkpoint"
    checkpoint.write_text(re.sub(r"\n(\d+)\n", r"\n1\1\n", checkpoint.read_text("utf-8"), count=1), "utf-8")
    done = shell(kbgov.folder, script)
    assert done.returncode != 0
    assert "Signature Verified Successfully" not in done.stdout


def test_after_a_rotation_it_is_the_newest_key_s(kbgov: InProcess) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    assert kbgov("keys", "rotate", "signing").code == 0
    kbgov("log", "export", "handed-over")
    assert len((kbgov.folder / "handed-over" / "vkey").read_text().split()) == 2
    done = shell(kbgov.folder, shown_in_the_guide("# OpenSSL"))
    if "rawin" in done.stderr:
        pytest.skip("this OpenSSL is older than 3")
    assert done.stdout == "Signature Verified Successfully\n", done.stderr


def test_who_may_only_look_signs_nothing(kbgov: InProcess) -> None:
    made = kbgov("actors", "new", "reader", "--role", "reader", "--secret-file", "reader.secret", "--json").json
    with (kbgov.folder / "kbgov.toml").open("a") as config:
        config.write("\n" + made["section"])
    kbgov.env.setenv("KBGOV_ACTOR", "reader")
    kbgov.env.setenv("KBGOV_ACTOR_SECRET_FILE", "reader.secret")
    assert kbgov("log", "checkpoint").code == 6
    newest = kbgov("log", "list", "--limit", "1", "--json").json["entries"][0]["seq"]
    refused = kbgov("log", "prove", str(newest), "--json")
    assert (refused.code, refused.json["error"]["code"]) == (6, "refused")
    assert kbgov("log", "prove", "0").code == 0
    done = kbgov("log", "export", "out", "--json")
    assert (done.code, done.json["checkpoint"] < done.json["entries"]) == (0, True)
