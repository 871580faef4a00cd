from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from governance.anchors.command import CommandAnchor
from governance.domain.errors import AnchorFailed
from tests.signed_log import note

KEEPING = "import sys; open('taken', 'ab').write(sys.stdin.buffer.read())"
ENVIRONMENT = {**os.environ, "KBGOV_KEY_SIGNING": "secret", "KBGOV_ACTOR": "ada", "OWN": "mine"}


def anchor(folder: Path, *command: str, seconds: float = 60) -> CommandAnchor:
    return CommandAnchor("mail", command, folder, ENVIRONMENT, seconds=seconds)


def test_the_program_gets_the_note_in_the_folder_of_the_configuration(tmp_path: Path) -> None:
    made = anchor(tmp_path, sys.executable, "-c", KEEPING)
    made.publish(note(3))
    assert made.name == "mail"
    assert (tmp_path / "taken").read_text("utf-8") == note(3)
    assert made.notes() is None


def test_it_sees_nothing_of_ours(tmp_path: Path) -> None:
    telling = "import os; open('seen', 'w').write(' '.join(sorted(os.environ)))"
    anchor(tmp_path, sys.executable, "-c", telling).publish(note(1))
    seen = (tmp_path / "seen").read_text().split()
    assert "OWN" in seen
    assert [name for name in seen if name.startswith("KBGOV_")] == []


def test_no_shell_looks_at_its_words(tmp_path: Path) -> None:
    telling = "import sys; open('words', 'w').write(sys.argv[1])"
    anchor(tmp_path, sys.executable, "-c", telling, "$(touch shell); *").publish(note(1))
    assert (tmp_path / "words").read_text() == "$(touch shell); *"
    assert not (tmp_path / "shell").exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(3)", "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("import sys; print('a secret', file=sys.stderr); sys.exit(1)", "ended with exit code 1"),
    ],
)
def test_whatever_is_not_exit_code_0_was_not_taken(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(AnchorFailed) as failed:
        anchor(tmp_path, sys.executable, "-c", code).publish(note(1))
    assert failed.value.message == f"the command of anchor mail {said}"
    assert "secret" not in str(failed.value.as_json())


def test_a_program_that_does_not_read_the_note_may_still_say_that_it_took_it(tmp_path: Path) -> None:
    anchor(tmp_path, sys.executable, "-c", "").publish(note(1) * 2000)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnchorFailed, match="cannot be started: no such file or directory"):
        anchor(tmp_path, "no-such-program").publish(note(1))
    with pytest.raises(AnchorFailed, match="cannot be started"):
        anchor(tmp_path, "a\0b").publish(note(1))


def test_a_program_that_never_ends_is_ended_with_what_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reading = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    try:
        script = "exec 3>alive; echo up >&3; sleep 600 & wait"
        with pytest.raises(AnchorFailed, match="did not end within 3 seconds"):
            anchor(tmp_path, *shlex.split("bash -c"), script, seconds=3).publish(note(1))
        os.set_blocking(reading, True)
        assert os.read(reading, 100) == b"up\n"
        assert os.read(reading, 100) == b""  # nobody holds the other end any more
    finally:
        os.close(reading)
