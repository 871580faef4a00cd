"""Who may do what, once the configuration names actors: every command, refused and allowed, in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from governance.config.scrypt import hash_of
from governance.domain.actors import Role
from governance.domain.commands import ROLES, WITHOUT_ROLE
from governance.policy.shipped import shipped_policies
from tests.command_line import COMMAND, InProcess, Result, environment, in_own_process

WORD = "a-secret-of-the-tests"
LINE = hash_of(WORD, log2_n=14, lanes=1).text
HASH = LINE.rpartition("$")[2]
WORDS = {"KBGOV_BACKUP_PASSPHRASE": "a-passphrase-of-the-tests"}
LEFT_OUT = ("audit_", "event", "lease", "alembic_version", "sqlite_sequence")
"""What names of tables begin with that hold the log itself, or no decision and no finding."""


@dataclass(frozen=True)
class Typed:
    """How a command is typed so that it has something to do.

    Attributes:
        codes: Exit codes of somebody who may.

    """

    arguments: tuple[str, ...] = ()
    codes: frozenset[int] = field(default=frozenset({0}))


def typed(*arguments: str, codes: tuple[int, ...] = (0,)) -> Typed:
    return Typed(arguments, frozenset(codes))


SELF_CONSISTENT = 3
TYPED: Mapping[str, Typed] = {
    "actors list": typed(),
    "audit run": typed("--fail-on", "never"),
    "chunks show": typed("CHUNK"),
    "damage list": typed(),
    "damage load": typed("counts.csv"),
    "db check": typed(),
    "db upgrade": typed(),
    "doctor": typed(),
    "documents list": typed(),
    "documents show": typed("a.md"),
    "documents verify": typed("a.md"),
    "drift apply": typed("PLAN", "--yes"),
    "drift plan": typed(),
    "findings ack": typed("FINDING"),
    "findings assign": typed("FINDING", "--to", "support"),
    "findings list": typed(),
    "findings reopen": typed("KNOWN"),
    "findings show": typed("FINDING"),
    "findings waive": typed("FINDING", "--reason", "accepted-risk", "--until", "2999-01-01"),
    "ingest": typed(),
    "keys backup": typed("keys.backup"),
    "keys destroy": typed("KEY", codes=(2, 6)),  # the current one is never destroyed
    "keys init": typed(),
    "keys list": typed(),
    "keys restore": typed("kept.backup"),
    "keys rotate": typed("audit"),
    "log checkpoint": typed(),
    "log export": typed("exported"),
    "log list": typed(),
    "log prove": typed("1"),
    "log show": typed("1"),
    "log verify": typed(codes=(0, SELF_CONSISTENT)),
    "pause": typed("--reason", "planned-work"),
    "policy diff": typed("policies", "policies"),
    "policy explain": typed("a.md"),
    "policy show": typed(),
    "policy validate": typed(),
    "resume": typed(),
    "sync": typed(),
}
LACKING = [(command, role) for command, roles in ROLES.items() for role in Role if role not in roles]
ALLOWED = [(command, role) for command, roles in ROLES.items() for role in roles]
ONE_LACKING = dict(reversed(LACKING))
ONE_ALLOWED = dict(reversed(ALLOWED))


def section(name: str, *roles: Role, kind: str = "person") -> str:
    listed = ", ".join(f'"{role.value}"' for role in roles)
    return f'\n[actors."{name}"]\nroles = [{listed}]\nkind = "{kind}"\nscrypt = "{LINE}"\n'


def name_of(role: Role) -> str:
    return f"{role.value}@example.com"


def acting(role: Role) -> dict[str, str]:
    return {"KBGOV_ACTOR": name_of(role), "KBGOV_ACTOR_SECRET": WORD, **WORDS}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder in which everything was done once; then one actor for each role was configured."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "docs").mkdir()
    for page in ("a", "b"):
        (folder / "docs" / f"{page}.md").write_text(
            f"---\nlast_reviewed_on: 2020-01-01\n---\n# Page {page}\n\nWords.\n"
        )

    def done(*arguments: str) -> Result:
        found = in_own_process(folder, *arguments, **WORDS)
        assert found.code in {0, 3}, (arguments, found)
        return found

    for command in (["init", "--source", "docs"], ["ingest"], ["audit", "run"], ["keys", "backup", "kept.backup"]):
        done(*command)
    (folder / "docs" / "c.md").write_text("# Another\n\nMore words.\n")
    with closing(sqlite3.connect(folder / "kbgov.db")) as db:
        (chunk,) = db.execute("SELECT chunk_id FROM chunk").fetchone()
    (folder / "counts.csv").write_text(f"chunk_id,retrievals\n{chunk},7\n")
    keys = done("keys", "list", "--json").json["keys"]
    open_, known = (item["fingerprint"] for item in done("findings", "list", "--json").json["findings"])
    done("findings", "ack", known)
    stands_for = {
        "PLAN": done("drift", "plan", "--json").json["digest"],
        "FINDING": open_,
        "KNOWN": known,
        "CHUNK": chunk,
        "KEY": next(item["key"].partition(":")[2] for item in keys if item["family"] == "audit"),
    }
    with (folder / "kbgov.toml").open("a") as config:
        config.writelines(section(name_of(role), role) for role in Role)
    return folder, stands_for


@pytest.fixture
def base(tmp_path: Path, template: tuple[Path, dict[str, str]]) -> Path:
    """The same folder for a test of its own."""
    return shutil.copytree(template[0], tmp_path / "base")


@pytest.fixture
def words(template: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """Give what stands for the words in capitals."""
    return template[1]


def line_of(command: str, words: Mapping[str, str]) -> list[str]:
    return [*command.split(), *(words.get(word, word) for word in TYPED[command].arguments), "--json"]


def world(folder: Path) -> dict[str, Any]:
    """Give all that a command could change, the log aside."""
    with closing(sqlite3.connect(folder / "kbgov.db")) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        kept = [name for name in names if not name.startswith(LEFT_OUT)]
        tables = {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}"))) for name in kept}
    with closing(sqlite3.connect(folder / "main-index.db")) as db:
        index = list(db.iterdump())
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("kbgov.db", "main-index.db"))
    }
    return {"tables": tables, "index": index, "files": files}


def entries(folder: Path) -> list[dict[str, Any]]:
    """Give the entries of the log, with the actor's name for its pseudonym."""
    with closing(sqlite3.connect(folder / "kbgov.db")) as db:
        names = dict(db.execute("SELECT pseudonym, name FROM audit_name"))
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM audit_entry ORDER BY seq")]
    return [{**body, "actor": names.get(body["actor"])} for body in bodies]


def told_of_refusal(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("action", "actor", "identity", "command", "reason", "outcome")}


def test_every_command_that_needs_a_role_is_tried_here() -> None:
    assert set(TYPED) == set(ROLES)
    assert {command for command, _ in ALLOWED} == set(ROLES)


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(base, capsys, monkeypatch)


def become(kbgov: InProcess, env: Mapping[str, str]) -> None:
    for name, value in env.items():
        kbgov.env.setenv(name, value)


def require_refused(result: Result, folder: Path, known: int, command: str, role: Role) -> None:
    """Hold an answer and the log behind the first `known` entries against what a refusal must look like."""
    assert (result.code, result.json["error"]["code"]) == (6, "role"), (command, role, result)
    assert result.json["error"]["item"] == name_of(role)
    assert [told_of_refusal(body) for body in entries(folder)[known:]] == [
        {
            "action": "command.refused",
            "actor": name_of(role),
            "identity": "authenticated",
            "command": command,
            "reason": "role",
            "outcome": "refused",
        }
    ]


def require_done(result: Result, folder: Path, known: int, command: str, role: Role) -> None:
    """Hold an answer and the log behind the first `known` entries against what is done by somebody who may."""
    assert result.code in TYPED[command].codes, (command, role, result)
    new = entries(folder)[known:]
    assert {(body["actor"], body["identity"]) for body in new} <= {(name_of(role), "authenticated")}
    assert result.code == 6 or "command.refused" not in {body["action"] for body in new}


def test_without_the_role_each_command_is_refused_and_nothing_changes(kbgov: InProcess, words: dict[str, str]) -> None:
    before = world(kbgov.folder)
    for command, role in ONE_LACKING.items():
        known = len(entries(kbgov.folder))
        become(kbgov, acting(role))
        require_refused(kbgov(*line_of(command, words)), kbgov.folder, known, command, role)
    assert world(kbgov.folder) == before


@pytest.mark.parametrize("command", ONE_ALLOWED)
def test_with_the_role_a_command_does_its_work(kbgov: InProcess, words: dict[str, str], command: str) -> None:
    role, known = ONE_ALLOWED[command], len(entries(kbgov.folder))
    become(kbgov, acting(role))
    require_done(kbgov(*line_of(command, words)), kbgov.folder, known, command, role)


@pytest.mark.full
@pytest.mark.parametrize("command", ROLES)
def test_in_processes_of_their_own_each_role_is_refused_or_may(
    tmp_path: Path, base: Path, words: dict[str, str], command: str
) -> None:
    before, known = world(base), len(entries(base))
    for role in Role:
        folder = shutil.copytree(base, tmp_path / role.value)
        result = in_own_process(folder, *line_of(command, words), **acting(role))
        if role in ROLES[command]:
            require_done(result, folder, known, command, role)
        else:
            require_refused(result, folder, known, command, role)
            assert world(folder) == before


@pytest.mark.parametrize(
    ("command", "role"),
    [("ingest", Role.READER), ("findings ack", Role.OPERATOR), ("keys rotate", Role.STEWARD), ("doctor", Role.ADMIN)],
)
def test_a_process_of_its_own_is_refused_with_6(base: Path, words: dict[str, str], command: str, role: Role) -> None:
    before, known = world(base), len(entries(base))
    require_refused(in_own_process(base, *line_of(command, words), **acting(role)), base, known, command, role)
    assert world(base) == before


WRONG = {
    "no secret": {"KBGOV_ACTOR": name_of(Role.ADMIN)},
    "a wrong secret": {"KBGOV_ACTOR": name_of(Role.ADMIN), "KBGOV_ACTOR_SECRET": "wrong"},
    "the hash for the secret": {"KBGOV_ACTOR": name_of(Role.ADMIN), "KBGOV_ACTOR_SECRET": LINE},
    "nobody": {"KBGOV_ACTOR": "nobody@example.com", "KBGOV_ACTOR_SECRET": WORD},
    "another case": {"KBGOV_ACTOR": name_of(Role.ADMIN).upper(), "KBGOV_ACTOR_SECRET": WORD},
}


FEW = ["ingest", "findings list", "actors list"]


@pytest.mark.parametrize(("env", "commands"), [(WRONG["no secret"], [*ROLES]), *((env, FEW) for env in WRONG.values())])
def test_whoever_does_not_prove_who_they_are_can_give_no_command(
    kbgov: InProcess, words: dict[str, str], env: dict[str, str], commands: list[str]
) -> None:
    become(kbgov, env)
    before, known = world(kbgov.folder), len(entries(kbgov.folder))
    for command in commands:
        result = kbgov(*line_of(command, words))
        assert (result.code, result.json["error"]["code"]) == (6, "not_authenticated"), command
        said = (result.out + result.err).replace(env["KBGOV_ACTOR"], "")
        for hidden in (WORD, HASH, "wrong", "example.com"):
            assert hidden not in said
    assert world(kbgov.folder) == before
    assert [told_of_refusal(body) for body in entries(kbgov.folder)[known:]] == [
        {
            "action": "command.refused",
            "actor": None,  # a claim may be anything, so its name is not kept
            "identity": "claimed",
            "command": command,
            "reason": "not_authenticated",
            "outcome": "refused",
        }
        for command in commands
    ]


def test_an_unknown_name_and_a_wrong_secret_are_told_the_same(base: Path) -> None:
    wrong, nobody = (in_own_process(base, "findings", "list", **WRONG[name]) for name in ("a wrong secret", "nobody"))
    assert (wrong.code, wrong.out, wrong.err) == (nobody.code, nobody.out, nobody.err)
    assert wrong.code == 6


@pytest.mark.parametrize("log", ["json", "text"])
def test_no_log_and_no_traceback_shows_secret_or_hash(base: Path, log: str) -> None:
    for word in (WORD, "wrong-secret"):
        env = {"KBGOV_ACTOR": name_of(Role.READER), "KBGOV_ACTOR_SECRET": word, "KBGOV_LOG": log}
        result = in_own_process(base, "ingest", "--debug", **env)
        assert result.code == 6
        for hidden in (word, HASH, *(name_of(role) for role in Role if role is not Role.READER)):
            assert hidden not in result.out + result.err


def test_a_secret_comes_from_a_private_file(base: Path) -> None:
    file = base / "secret"
    file.write_text(f"{WORD}\n")
    file.chmod(0o600)
    env = {"KBGOV_ACTOR": name_of(Role.READER), "KBGOV_ACTOR_SECRET_FILE": str(file)}
    assert in_own_process(base, "findings", "list", **env).code == 0
    file.chmod(0o644)
    result = in_own_process(base, "findings", "list", "--json", **env)
    assert (result.code, result.json["error"]["code"]) == (2, "config")
    assert WORD not in result.out
    both = in_own_process(base, "findings", "list", "--json", **env, KBGOV_ACTOR_SECRET=WORD)
    assert both.json["error"]["message"] == "KBGOV_ACTOR_SECRET and KBGOV_ACTOR_SECRET_FILE are both set"


def test_the_environment_is_no_way_around(base: Path) -> None:
    for variable in ("KBGOV_ACTORS", "KBGOV_ACTORS__EVE__ROLES"):
        result = in_own_process(base, "ingest", "--json", **{variable: "{}"})
        assert (result.code, result.json["error"]["item"]) == (2, variable)


def test_the_login_counts_where_no_name_is_given(base: Path) -> None:
    with (base / "kbgov.toml").open("a") as config:
        config.write(section("the-login", Role.READER))
    result = in_own_process(base, "actors", "list", "--json", LOGNAME="the-login", KBGOV_ACTOR_SECRET=WORD)
    assert result.json["acting"] == {"name": "the-login", "identity": "authenticated", "roles": ["reader"]}


def test_a_catalog_that_does_not_answer_hides_no_refusal(kbgov: InProcess) -> None:
    base = kbgov.folder
    (base / "kbgov.db").unlink()
    become(kbgov, WRONG["a wrong secret"])
    for command in ("doctor", "db upgrade", "policy validate"):
        result = kbgov(*command.split(), "--json")
        assert (result.code, result.json["error"]["code"]) == (6, "not_authenticated")
        assert not (base / "kbgov.db").exists()
    with closing(sqlite3.connect(base / "kbgov.db")) as db:
        db.execute("CREATE TABLE theirs (x)")
    become(kbgov, acting(Role.READER))
    assert kbgov("db", "upgrade", "--json").json["error"]["code"] == "role"


def test_what_a_pause_refuses_is_an_entry_as_well(base: Path) -> None:
    assert in_own_process(base, "pause", "--reason", "planned-work", **acting(Role.DPO)).code == 0
    assert in_own_process(base, "ingest", **acting(Role.OPERATOR)).code == 6
    told = told_of_refusal(entries(base)[-1])
    assert (told["command"], told["reason"], told["actor"]) == ("ingest", "paused", name_of(Role.OPERATOR))


def test_what_a_pause_refuses_of_several_sources_is_one_entry(base: Path) -> None:
    (base / "more").mkdir()
    (base / "more" / "c.md").write_text("# More\n\nWords.\n")
    with (base / "kbgov.toml").open("a") as config:
        config.write('\n[sources.more]\nroot = "more"\nindex = "main"\n')
    assert in_own_process(base, "pause", "--reason", "planned-work", **acting(Role.DPO)).code == 0
    assert in_own_process(base, "ingest", **acting(Role.OPERATOR)).code == 6
    refused = [body for body in entries(base) if body["action"] == "command.refused"]
    assert [(body["command"], body["reason"]) for body in refused] == [("ingest", "paused")]


def test_whoever_may_not_change_an_index_runs_no_audit_that_marks_chunks(base: Path) -> None:
    shutil.copy(shipped_policies() / "gdpr.yaml", base / "policies" / "default.yaml")
    before = world(base)
    result = in_own_process(base, "audit", "run", "--fail-on", "never", "--json", **acting(Role.STEWARD))
    assert (result.code, result.json["error"]["code"]) == (6, "role")
    assert "operator" in result.json["error"]["message"]
    assert world(base) == before
    with (base / "kbgov.toml").open("a") as config:
        config.write(section("nightly", Role.STEWARD, Role.OPERATOR, kind="job"))
    env = {"KBGOV_ACTOR": "nightly", "KBGOV_ACTOR_SECRET": WORD}
    assert in_own_process(base, "audit", "run", "--fail-on", "never", **env).code in {0, 6}
    assert {body["actor_kind"] for body in entries(base) if body["actor"] == "nightly"} == {"job"}


def test_commands_that_touch_no_catalog_ask_nobody(kbgov: InProcess, tmp_path: Path) -> None:
    base = kbgov.folder
    case = next(path.parent for path in sorted((shipped_policies() / "tests").rglob("case.yaml")))
    lines = {
        "actors new": ["eve", "--role", "admin", "--secret-file", str(tmp_path / "eve.secret")],
        "completion": ["bash"],
        "db grants": ["--application", "kbgov_app"],
        "demo": ["--dir", str(tmp_path / "demo")],
        "guide": ["configuration"],
        "init": [str(tmp_path / "elsewhere"), "--source", "docs"],
        "policy schema": [],
        "policy test": [str(case)],
    }
    assert set(lines) == WITHOUT_ROLE
    known = len(entries(base))
    for command, arguments in lines.items():
        result = kbgov(*command.split(), *arguments)
        assert result.code == 0, (command, result)
    assert len(entries(base)) == known


def test_nobody_is_asked_where_no_actor_is_configured(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    in_own_process(tmp_path, "init", "--source", "docs")
    result = in_own_process(tmp_path, "actors", "list", "--json", KBGOV_ACTOR="ann", KBGOV_ACTOR_SECRET=WORD)
    assert result.json == {
        "actors": [],
        "acting": {"name": "ann", "identity": "asserted", "roles": [role.value for role in Role]},
    }
    shown = in_own_process(tmp_path, "actors", "list", KBGOV_ACTOR="ann").out
    assert "ann acts now, by their own account" in shown
    assert "next: kbgov actors new NAME --role ROLE --secret-file FILE" in shown


def test_who_may_act_is_listed_without_hashes(base: Path) -> None:
    result = in_own_process(base, "actors", "list", "--json", **acting(Role.DPO))
    assert result.json == {
        "actors": [
            {"name": name_of(role), "roles": [role.value], "kind": "person"} for role in sorted(Role, key=name_of)
        ],
        "acting": {"name": name_of(Role.DPO), "identity": "authenticated", "roles": ["dpo"]},
    }
    shown = in_own_process(base, "actors", "list", **acting(Role.DPO))
    assert "dpo@example.com acts now, authenticated by a secret." in shown.out
    assert HASH not in shown.out + result.out


def test_a_new_actor_is_configured_by_appending_what_was_printed(base: Path) -> None:
    line = ["actors", "new", "Eve O'Nell <eve@example.com>", "--role", "reader", "--secret-file", "eve.secret"]
    config = base / "kbgov.toml"
    before = config.read_text()
    made = in_own_process(base, *line)
    assert made.code == 0
    assert config.read_text() == before
    secret = (base / "eve.secret").read_text().strip()
    assert secret not in made.out + made.err
    config.write_text(before.rstrip("\n") + made.out)
    env = {"KBGOV_ACTOR": "Eve O'Nell <eve@example.com>", "KBGOV_ACTOR_SECRET_FILE": "eve.secret"}
    assert in_own_process(base, "actors", "list", "--json", **env).json["acting"]["identity"] == "authenticated"
    again = in_own_process(base, *line, "--json")
    assert (again.code, again.json["error"]["code"]) == (2, "usage")
    assert (base / "eve.secret").read_text().strip() == secret


def test_a_new_actor_as_json(base: Path) -> None:
    line = ["actors", "new", "nightly", "--role", "steward", "--role", "operator", "--kind", "job"]
    made = in_own_process(base, *line, "--secret-file", "job.secret", "--json").json
    assert set(made) == {"name", "roles", "kind", "scrypt", "section", "secret_file"}
    assert (made["name"], made["roles"], made["kind"]) == ("nightly", ["steward", "operator"], "job")
    assert made["scrypt"] in made["section"]
    assert made["secret_file"] == str(base / "job.secret")


MISTYPED = {
    "no role": ["ann", "--secret-file", "x"],
    "no file": ["ann", "--role", "reader"],
    "an unknown role": ["ann", "--role", "root", "--secret-file", "x"],
    "quiet": ["ann", "--role", "reader", "--secret-file", "x", "--quiet"],
    "nobody at a terminal": ["ann", "--role", "reader", "--ask"],
    "a policy's name": ["policy:ann", "--role", "reader", "--secret-file", "x"],
}


@pytest.mark.parametrize("arguments", MISTYPED.values(), ids=MISTYPED)
def test_a_new_actor_that_cannot_be_made_leaves_nothing(tmp_path: Path, arguments: list[str]) -> None:
    result = in_own_process(tmp_path, "actors", "new", *arguments, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert list(tmp_path.iterdir()) == []


@dataclass
class Terminal:
    """A pseudo-terminal at which somebody types blindly."""

    folder: Path
    shown: str = ""

    def __call__(self, *arguments: str, types: list[str]) -> tuple[int, str]:
        """Run a command, type a line whenever it asks; give its exit code and what went to stdout."""
        main, other = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=environment(TERM="dumb"),
            stdin=other,
            stdout=subprocess.PIPE,
            stderr=other,
            start_new_session=True,
            text=True,
        ) as process:
            os.close(other)
            for line in types:
                self.shown += self._until(main, ":")
                os.write(main, f"{line}\n".encode())
            out, _ = process.communicate(timeout=60)
            self.shown += "".join(self._rest(main))
        os.close(main)
        return process.returncode, out

    @staticmethod
    def _until(main: int, mark: str) -> str:
        shown = ""
        while mark not in shown:
            shown += os.read(main, 1024).decode()
        return shown

    @staticmethod
    def _rest(main: int) -> Iterator[str]:
        try:
            while part := os.read(main, 1024):
                yield part.decode()
        except OSError:  # Linux: the other side is closed
            return


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_secret_that_is_typed_twice_is_taken_and_not_shown(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    word = "typed-by-a-person"
    line = ["actors", "new", "ann", "--role", "reader", "--ask", "--json"]
    code, out = terminal(*line, types=[word, word])
    assert code == 0
    assert json.loads(out)["secret_file"] is None
    assert word not in terminal.shown + out
    (tmp_path / "kbgov.toml").write_text(json.loads(out)["section"])
    env = {"KBGOV_ACTOR": "ann", "KBGOV_ACTOR_SECRET": word}
    assert in_own_process(tmp_path, "actors", "list", "--json", **env).json["acting"]["identity"] == "authenticated"


def test_a_typed_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    line = ["actors", "new", "ann", "--role", "reader", "--ask", "--json"]
    code, out = Terminal(tmp_path)(*line, types=["short", "short"])
    assert (code, json.loads(out)["error"]["code"]) == (2, "usage")
