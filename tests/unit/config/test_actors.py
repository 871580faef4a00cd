from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from governance.config import actors as module
from governance.config.actors import authenticated
from governance.config.load import load_settings
from governance.config.scrypt import LOG2_N, ScryptHash, hash_of
from governance.config.settings import ActorSettings, Settings
from governance.domain.actors import ActorKind, Identity, Role
from governance.domain.errors import ConfigError, NotAuthenticated

WORD = "correct-horse-battery"
SALT = bytes(range(16))
DIGEST = hashlib.scrypt(WORD.encode(), salt=SALT, n=1 << 14, r=8, p=1, maxmem=1 << 25, dklen=32)
LINE = f"scrypt$14$8$1${b64encode(SALT).decode()}${b64encode(DIGEST).decode()}"
TYPED = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
ANN = f'[actors."ann@example.com"]\nroles = ["reader", "steward"]\nscrypt = "{LINE}"\n'


def read(folder: Path, text: str, **env: str) -> Settings:
    (folder / "kbgov.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "kbgov.toml", env)


def error_of(folder: Path, text: str, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **env)
    told = repr(caught.value.as_json())
    assert WORD not in told
    assert LINE.rpartition("$")[2] not in told
    return caught.value


def configured(**roles: tuple[Role, ...]) -> dict[str, ActorSettings]:
    return {name: ActorSettings(roles=found, scrypt=LINE) for name, found in roles.items()}


def test_a_line_that_another_program_computed_is_understood() -> None:
    found = ScryptHash.parse(LINE)
    assert (found.log2_n, found.lanes, found.salt, found.text) == (14, 1, SALT, LINE)
    assert found.matches(WORD)
    assert not found.matches(WORD + " ")


def test_a_new_hash_has_a_salt_of_its_own_and_what_is_recommended() -> None:
    one, two = hash_of(WORD), hash_of(WORD)
    assert one.text.startswith(f"scrypt${LOG2_N}$8$3$")
    assert one.salt != two.salt
    assert ScryptHash.parse(one.text).matches(WORD)


def test_a_hash_is_not_printed() -> None:
    found = ScryptHash.parse(LINE)
    assert repr(found) == "ScryptHash(log2_n=14, lanes=1)"
    (actor,) = configured(ann=(Role.ADMIN,)).values()
    assert LINE.rpartition("$")[2] not in repr(actor) + str(actor)


@settings(max_examples=20, deadline=None)
@given(TYPED, TYPED)
def test_a_hash_matches_its_secret_and_no_other(secret: str, other: str) -> None:
    found = hash_of(secret, log2_n=14, lanes=1)
    assert found.matches(secret)
    assert found.matches(other) == (normalize("NFC", secret) == normalize("NFC", other))


def test_a_letter_counts_the_same_however_it_is_composed() -> None:
    assert hash_of("gru\u0308\u00dfe-aus-ulm", log2_n=14, lanes=1).matches("gr\u00fc\u00dfe-aus-ulm")


def test_bytes_of_the_environment_that_are_no_utf_8_are_a_secret_like_any_other() -> None:
    assert hash_of("\udcff\udcfe-secret", log2_n=14, lanes=1).matches("\udcff\udcfe-secret")


SALT64, HASH64 = LINE.split("$")[4:]
NO_LINES = {
    "nothing": "",
    "a secret": WORD,
    "another scheme": LINE.replace("scrypt", "bcrypt"),
    "n too small": LINE.replace("$14$", "$13$"),
    "n too large": LINE.replace("$14$", "$21$"),
    "n of a hostile configuration": LINE.replace("$14$", "$99$"),
    "n with a zero before it": LINE.replace("$14$", "$014$"),
    "digits of another script": LINE.replace("$14$", "$\u0661\u0664$"),
    "another r": LINE.replace("$8$", "$9$"),
    "no p": LINE.replace("$8$1$", "$8$0$"),
    "p too large": LINE.replace("$8$1$", "$8$5$"),
    "salt too short": LINE.replace(SALT64, b64encode(SALT[:15]).decode()),
    "salt too long": LINE.replace(SALT64, b64encode(SALT * 5).decode()),
    "hash too short": LINE.replace(HASH64, b64encode(DIGEST[:31]).decode()),
    "hash too long": LINE.replace(HASH64, b64encode(DIGEST + b"x").decode()),
    "no padding": LINE.rstrip("="),
    "more padding": LINE + "=",
    "padding inside": LINE.replace(SALT64, "=" + SALT64[1:]),
    "bits that no byte has": LINE.replace(SALT64, SALT64[:-3] + "x=="),
    "a line end": LINE + "\n",
    "another field": LINE + "$",
    "endless": LINE + "A" * 100_000,
}


@pytest.mark.parametrize("line", NO_LINES.values(), ids=NO_LINES)
def test_what_is_no_line_of_ours_is_refused_and_not_quoted(line: str) -> None:
    with pytest.raises(ValueError, match="must be a line that kbgov actors new makes") as caught:
        ScryptHash.parse(line)
    assert not line or line not in str(caught.value)


def test_actors_are_read_with_roles_and_kind(tmp_path: Path) -> None:
    nightly = f'[actors.nightly]\nroles = "operator"\nkind = "job"\nscrypt = "{LINE}"\n'
    found = read(tmp_path, ANN + nightly).actors
    assert {name: (item.roles, item.kind) for name, item in found.items()} == {
        "ann@example.com": ((Role.READER, Role.STEWARD), "person"),
        "nightly": ((Role.OPERATOR,), "job"),
    }
    assert read(tmp_path, "").actors == {}


MISTAKES = {
    "roles": (ANN.replace('["reader", "steward"]', "[]"), "must name a role"),
    "twice": (ANN.replace('"steward"', '"reader"'), "names a role twice"),
    "a role that is none": (ANN.replace('"steward"', '"stuart"'), "must be 'reader', 'steward', "),
    "a number": (ANN.replace('"steward"', "7"), "must be 'reader', 'steward', "),
    "no roles": (ANN.replace("roles", "rolls"), "unknown key|is missing"),
    "no hash": ('[actors.ann]\nroles = ["admin"]\n', "the key 'actors.ann.scrypt' is missing"),
    "a secret for a hash": (ANN.replace(LINE, WORD), "must be a line that kbgov actors new makes"),
    "a kind that is none": (ANN + 'kind = "robot"\n', "must be 'person' or 'job'"),
    "an unknown key": (ANN + f'scrypd = "{LINE}"\n', "unknown key 'actors.ann@example.com.scrypd'"),
    "no table": (f'[actors]\nann = "{LINE}"\n', "must be a table"),
    "a policy's name": (ANN.replace("ann@example.com", "policy:ann"), "not beginning with policy:"),
    "blanks around": (ANN.replace("ann@example.com", " ann"), "a name of up to 200 printable characters"),
    "a line end": (ANN.replace("ann@example.com", "ann\\n"), "a name of up to 200 printable characters"),
    "no name": (ANN.replace("ann@example.com", ""), "a name of up to 200 printable characters"),
    "a long name": (ANN.replace("ann@example.com", "a" * 201), "a name of up to 200 printable characters"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_an_actor_is_told_without_hash_and_secret(tmp_path: Path, text: str, message: str) -> None:
    error = error_of(tmp_path, text)
    assert any(part in error.message for part in message.split("|"))


@pytest.mark.parametrize("key", ["secret", "password", "passphrase", "api_key", "token"])
def test_a_secret_itself_does_not_belong_there(tmp_path: Path, key: str) -> None:
    for text in (ANN + f'{key} = "{WORD}"\n', f'[actors]\n{key} = "{WORD}"\n'):
        error = error_of(tmp_path, text)
        assert "a secret does not belong into the configuration" in error.message
        assert error.next_step is not None
        assert "kbgov actors new" in error.next_step


def test_an_actor_may_be_called_like_a_secret(tmp_path: Path) -> None:
    assert set(read(tmp_path, ANN.replace("ann@example.com", "reset-password")).actors) == {"reset-password"}


@pytest.mark.parametrize(
    "variable", ["KBGOV_ACTORS", "KBGOV_ACTORS__ANN__ROLES", "KBGOV_ACTORS__ANN__SCRYPT", "KBGOV_ACTORS__"]
)
@pytest.mark.parametrize("value", ["{}", '["admin"]', "", LINE])
def test_the_environment_cannot_say_who_may_act(tmp_path: Path, variable: str, value: str) -> None:
    error = error_of(tmp_path, ANN, **{variable: value})
    assert (error.message, error.item) == ("who may act cannot be said by the environment", variable)


@pytest.mark.parametrize("variable", ["KBGOV_actors", "KBGOV_Actors__ANN__ROLES", "KBGOV_ACTOR__X"])
def test_nor_can_another_spelling(tmp_path: Path, variable: str) -> None:
    assert "is none that kbgov knows" in error_of(tmp_path, ANN, **{variable: "{}"}).message


def test_both_variables_of_the_secret_are_known(tmp_path: Path) -> None:
    read(tmp_path, ANN, KBGOV_ACTOR_SECRET=WORD)
    read(tmp_path, ANN, KBGOV_ACTOR_SECRET_FILE=str(tmp_path / "secret"))


def test_name_and_secret_prove_who_acts() -> None:
    found = authenticated(configured(ann=(Role.READER, Role.DPO), bo=(Role.ADMIN,)), "ann", SecretStr(WORD))
    assert (found.id, found.kind, found.identity) == ("ann", ActorKind.PERSON, Identity.AUTHENTICATED)
    assert found.roles == {Role.READER, Role.DPO}
    job = ActorSettings(roles=(Role.OPERATOR,), scrypt=LINE, kind="job")
    assert authenticated({"nightly": job}, "nightly", SecretStr(WORD)).kind is ActorKind.JOB


def told(name: str, secret: str | None) -> tuple[dict[str, str | None], str]:
    with pytest.raises(NotAuthenticated) as caught:
        authenticated(configured(ann=(Role.READER,), bo=(Role.ADMIN,)), name, SecretStr(secret) if secret else None)
    return caught.value.as_json(), str(caught.value)


def test_an_unknown_name_is_told_the_same_as_a_wrong_secret() -> None:
    wrong = told("ann", "wrong")
    assert wrong == told("nobody", "wrong") == told("nobody", WORD) == told("Ann", WORD)
    assert wrong[0]["code"] == "not_authenticated"
    assert "ann" not in repr(wrong).replace("cannot", "")
    assert WORD not in repr(wrong)


def test_without_a_secret_the_next_step_says_where_it_comes_from_and_names_nobody() -> None:
    none = told("ann", None)
    assert none == told("nobody", None)
    assert "KBGOV_ACTOR_SECRET_FILE" in str(none[0]["next"])
    assert "ann" not in repr(none)


def looks(monkeypatch: pytest.MonkeyPatch, actors: dict[str, ActorSettings], name: str, secret: str) -> list[int]:
    """Try a name and a secret, and give what each computation cost."""
    looked: list[int] = []

    class Counting(ScryptHash):
        __slots__ = ()

        def matches(self, secret: str) -> bool:
            looked.append(self.cost)
            return super().matches(secret)

    monkeypatch.setattr(module, "ScryptHash", Counting)
    with suppress(NotAuthenticated):
        authenticated(actors, name, SecretStr(secret))
    return looked


@pytest.mark.parametrize("name", ["ann", "bo", "nobody"])
@pytest.mark.parametrize("secret", [WORD, "wrong"])
def test_every_try_costs_one_computation(monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> None:
    actors = configured(ann=(Role.ADMIN,), bo=(Role.READER,))
    assert looks(monkeypatch, actors, name, secret) == [ScryptHash.parse(LINE).cost]


def test_an_unknown_name_costs_as_much_as_the_most_costly_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    costly = ActorSettings(roles=(Role.ADMIN,), scrypt=hash_of("other", log2_n=14, lanes=2).text)
    assert looks(monkeypatch, configured(ann=(Role.ADMIN,)) | {"bo": costly}, "nobody", WORD) == [2 << 14]
