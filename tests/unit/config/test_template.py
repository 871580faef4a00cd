from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from governance.config.load import load_settings
from governance.config.template import ForeignIndex, render_config, toml_string
from governance.domain.errors import ConfigError

NAMES = st.from_regex(r"[a-z0-9]{1,10}(-[a-z0-9]{1,10}){0,3}", fullmatch=True)
PATHS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1).filter(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(NAMES, PATHS, NAMES, PATHS, st.lists(PATHS, max_size=3))
@example("a", 'quo"te\\back\nline\r\t\x7f\x00'.replace("\0", ""), "b", '"""\\u0041\x1b[2J\u202e', ["$HOME ${x} é 😀"])
def test_what_is_rendered_is_loaded_again(
    tmp_path: Path, source: str, root: str, index: str, index_path: str, policies: list[str]
) -> None:
    text = render_config(
        source_name=source,
        source_root=root,
        index_name=index,
        index_path=index_path,
        database_url="sqlite:///kb gov.db",
        policies=policies,
    )
    file = tmp_path / "kbgov.toml"
    file.write_bytes(text.encode())
    loaded = load_settings(file, {})
    assert list(loaded.sources) == [source]
    assert (loaded.sources[source].root, loaded.sources[source].index) == (root, index)
    assert loaded.indexes[index].type == "embedded"
    assert loaded.indexes[index].options == {"path": index_path}
    assert loaded.policies == tuple(policies)
    assert loaded.database_url == "sqlite:///kb gov.db"
    assert loaded.source_root(source) == tmp_path / root


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_any_text_survives_as_a_toml_string(text: str) -> None:
    written = toml_string(text)
    assert tomllib.loads(f"x = {written}")["x"] == text
    assert written.isprintable()


def rendered(**changes: object) -> str:
    blanks: dict[str, object] = {
        "source_name": "handbook",
        "source_root": Path("docs"),
        "index_name": "main",
        "index_path": Path("main.index"),
        "database_url": "sqlite:///kbgov.db",
        "policies": [Path("policies/default.yaml")],
    }
    return render_config(**(blanks | changes))  # type: ignore[arg-type]  # blanks of several types


def test_every_key_of_the_comments_is_one_that_is_known(tmp_path: Path) -> None:
    text = re.sub(r"^# (\w+ = .*)$", r"\1", rendered(), flags=re.MULTILINE)
    file = tmp_path / "kbgov.toml"
    file.write_text(text)
    handbook = load_settings(file, {}).sources["handbook"]
    assert handbook.fields == {"reviewed_on": ("checked",)}
    assert handbook.metadata == ("department",)
    assert (handbook.patterns, handbook.exclude, handbook.date_order) == (("*.md", "*.txt"), ("drafts/",), "dmy")


@pytest.mark.parametrize("key", ["source_name", "index_name"])
def test_a_name_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rendered(**{key: "HR]\nx = 1"})
    assert caught.value.message == "'HR]?x = 1' cannot be a name"
    assert caught.value.next_step == "use small letters, digits and hyphens"


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        rendered(source_root="caf\udce9")
    assert caught.value.message == "a path that is not UTF-8 cannot be written into the configuration"
    assert caught.value.item == "'caf\\udce9'"


def test_a_password_is_not_written_into_a_file() -> None:
    with pytest.raises(ConfigError) as caught:
        rendered(database_url="postgresql://me:hush@host/kb")
    assert caught.value.message == "a database URL with a password is not written into a file"
    assert caught.value.next_step == "set KBGOV_DATABASE_URL instead"
    assert "hush" not in str(caught.value.as_json())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PATHS, PATHS, st.booleans())
@example('quo"te\\', "\u2028]\n[x]", True)
def test_what_is_said_of_a_foreign_index_is_loaded_again(
    tmp_path: Path, document: str, prefix: str, url_decode: bool
) -> None:
    foreign = ForeignIndex(
        index_notes=["layout: custom"],
        fields={"document": document},
        key_notes=["keys that meet: 1 of 2"],
        document_key={"strip_prefix": prefix, "url_decode": url_decode},
    )
    text = rendered(foreign=foreign)
    file = tmp_path / "kbgov.toml"
    file.write_bytes(text.encode())
    loaded = load_settings(file, {})
    assert loaded.indexes["main"].fields.document == document
    key = loaded.sources["handbook"].document_key
    assert (key.strip_prefix, key.url_decode) == (prefix, url_decode)
    assert "\n# layout: custom\n[indexes.main.fields]\n" in text
    assert "\n# keys that meet: 1 of 2\n[sources.handbook.document_key]\n" in text


def test_comments_alone_make_no_section() -> None:
    text = rendered(foreign=ForeignIndex(index_notes=["layout: kbgov"], key_notes=["nothing was found"]))
    assert "# layout: kbgov\n" in text
    assert "# nothing was found\n" in text
    assert "fields]" not in text
    assert "document_key" not in text
