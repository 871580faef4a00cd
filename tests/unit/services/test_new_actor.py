from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.config.load import load_settings
from governance.config.scrypt import ScryptHash
from governance.config.secrets import read_secret
from governance.domain.actors import ActorKind, Role, is_actor_name
from governance.domain.errors import ConfigError, InputError
from governance.services.new_actor import NewActor, new_actor

LINE = f"scrypt$14$8$1${'A' * 22}==${'A' * 43}="


def made(name: str, *roles: Role, kind: ActorKind = ActorKind.PERSON) -> NewActor:
    return NewActor(name=name, roles=roles, kind=kind, scrypt=LINE, secret_file=None)


def test_a_secret_of_256_bits_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "ann.secret"
    found = new_actor("ann", {Role.STEWARD, Role.READER}, ActorKind.PERSON, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = read_secret({"KBGOV_ACTOR_SECRET_FILE": str(file)}, "KBGOV_ACTOR_SECRET")
    assert secret is not None
    assert len(secret.get_secret_value()) == 43
    assert ScryptHash.parse(found.scrypt).matches(secret.get_secret_value())
    assert found.roles == (Role.READER, Role.STEWARD)
    assert secret.get_secret_value() not in repr(found) + repr(found.as_json())


def test_a_typed_secret_needs_no_file_and_may_have_one(tmp_path: Path) -> None:
    typed = "long enough \u00e4\u00f6\u00fc"
    assert ScryptHash.parse(new_actor("ann", [Role.READER], ActorKind.PERSON, None, typed).scrypt).matches(typed)
    assert list(tmp_path.iterdir()) == []
    new_actor("ann", [Role.READER], ActorKind.PERSON, tmp_path / "ann.secret", typed)
    assert (tmp_path / "ann.secret").read_text("utf-8") == f"{typed}\n"


@pytest.mark.parametrize("typed", ["short", "elevenchars", " " * 20, "long enough but ", "long enough\x07bell"])
def test_a_typed_secret_that_is_too_short_or_cannot_be_typed_again_is_refused(tmp_path: Path, typed: str) -> None:
    with pytest.raises(InputError) as caught:
        new_actor("ann", [Role.READER], ActorKind.PERSON, tmp_path / "ann.secret", typed)
    assert typed not in repr(caught.value.as_json())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "policy:ann", "a\nb", "x" * 201])
def test_a_name_that_cannot_be_configured_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="a name of up to 200 printable characters"):
        new_actor(name, [Role.READER], ActorKind.PERSON, tmp_path / "secret")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_ever_overwritten_and_no_link_is_followed(tmp_path: Path) -> None:
    there, link, dangling = tmp_path / "there", tmp_path / "link", tmp_path / "dangling"
    there.write_text("precious")
    link.symlink_to(there)
    dangling.symlink_to(tmp_path / "made by a link")
    for path in (there, link, dangling, tmp_path):
        with pytest.raises(InputError, match="this file is there already"):
            new_actor("ann", [Role.READER], ActorKind.PERSON, path)
    assert there.read_text() == "precious"
    assert not (tmp_path / "made by a link").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        new_actor("ann", [Role.READER], ActorKind.PERSON, tmp_path / "none" / "secret")


def test_half_a_secret_is_taken_away_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, *_args: object, **_more: object) -> None:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        new_actor("ann", [Role.READER], ActorKind.PERSON, tmp_path / "secret")
    assert list(tmp_path.iterdir()) == []


def test_the_section_is_what_the_configuration_takes() -> None:
    assert made("nightly", Role.STEWARD, Role.OPERATOR, kind=ActorKind.JOB).section == (
        f'[actors.nightly]\nroles = ["steward", "operator"]\nkind = "job"\nscrypt = "{LINE}"'
    )
    assert made("ann@example.com", Role.READER).section.startswith('[actors."ann@example.com"]\nroles = ["reader"]\n')


@given(st.text(min_size=1, max_size=50).filter(is_actor_name), st.sets(st.sampled_from(Role), min_size=1))
def test_every_name_and_set_of_roles_comes_back_from_the_section(
    tmp_path_factory: pytest.TempPathFactory, name: str, roles: set[Role]
) -> None:
    section = made(name, *roles).section
    assert list(tomllib.loads(section)["actors"]) == [name]
    file = tmp_path_factory.mktemp("section") / "kbgov.toml"
    file.write_text(section, encoding="utf-8")
    found = load_settings(file, {}).actors
    assert (set(found), set(found[name].roles), found[name].scrypt) == ({name}, roles, LINE)
