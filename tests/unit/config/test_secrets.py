from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.config.secrets import SecretKind, index_secret, read_secret, secret_variable
from governance.domain.errors import ConfigError

VARIABLE = "KBGOV_INDEX_HR_PAGES_API_KEY"


def private(path: Path, raw: bytes, mode: int = 0o600) -> dict[str, str]:
    path.write_bytes(raw)
    path.chmod(mode)
    return {f"{VARIABLE}_FILE": str(path)}


def error_of(env: dict[str, str]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_secret(env, VARIABLE)
    return caught.value


def test_a_secret_s_variable_is_named_after_the_index() -> None:
    assert secret_variable("hr-pages", SecretKind.API_KEY) == VARIABLE
    assert secret_variable("main", SecretKind.PASSWORD) == "KBGOV_INDEX_MAIN_PASSWORD"


def test_a_secret_comes_from_its_variable_and_is_never_printed() -> None:
    found = index_secret({VARIABLE: "hush"}, "hr-pages", SecretKind.API_KEY)
    assert found is not None
    assert found.get_secret_value() == "hush"
    assert "hush" not in repr(found) + str(found)


@pytest.mark.parametrize("env", [{}, {VARIABLE: ""}, {f"{VARIABLE}_FILE": ""}, {"KBGOV_INDEX_OTHER_API_KEY": "x"}])
def test_an_unset_or_empty_variable_is_no_secret(env: dict[str, str]) -> None:
    assert read_secret(env, VARIABLE) is None


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_secret_comes_from_a_private_file_without_its_line_end(tmp_path: Path, mode: int) -> None:
    found = read_secret(private(tmp_path / "key", b" hush \r\n\n", mode), VARIABLE)
    assert found is not None
    assert found.get_secret_value() == " hush "


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_file_that_everybody_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    error = error_of(private(tmp_path / "key", b"hush", mode))
    assert error.message == f"the file that {VARIABLE}_FILE names can be read or changed by everybody"
    assert error.item == str(tmp_path / "key")
    assert error.next_step == f"chmod o-rwx {tmp_path / 'key'}"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 65_537, "is longer than 65,536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    assert error_of(private(tmp_path / "key", raw)).message == f"the file that {VARIABLE}_FILE names {message}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = error_of({f"{VARIABLE}_FILE": str(tmp_path / "none")})
    assert error.message == f"the file that {VARIABLE}_FILE names cannot be read: No such file or directory"
    assert error_of({f"{VARIABLE}_FILE": "a\0b"}).message.endswith("cannot be read: not a path")


def test_a_folder_or_a_pipe_is_no_secret_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (tmp_path, pipe):
        assert error_of({f"{VARIABLE}_FILE": str(path)}).message.endswith("is no regular file")


def test_a_variable_and_its_file_at_once_are_refused() -> None:
    error = error_of({VARIABLE: "hush", f"{VARIABLE}_FILE": "/x"})
    assert error.message == f"{VARIABLE} and {VARIABLE}_FILE are both set"
    assert "hush" not in str(error.as_json())
