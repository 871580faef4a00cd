from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from governance.config.load import load_settings
from governance.config.settings import DEFAULT_DATABASE, IngestSettings, Settings, SourceSettings
from governance.domain.errors import ConfigError

FULL = """\
database_url = "sqlite:///data/kb.db"
timezone = "Europe/Berlin"
policies = ["policies/default.yaml", "/etc/kb/policies"]

[sources.handbook]
root = "../docs"
index = "main"
patterns = ["*.md"]
exclude = ["drafts/"]
fields = {reviewed_on = ["checked", "ms.date"], owner = "contact"}
date_order = "dmy"
version_from_path = false
version_path_pattern = "v[0-9]+"
max_file_bytes = 5
git = false

[sources.wiki]
root = "wiki"

[indexes.main]
path = "main.index"
busy = 3

[indexes.hr-pages]
type = "memory"

[ingest]
chunk_characters = 800
embedder = "other"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(folder: Path, text: str, **env: str) -> Settings:
    path = folder / "kbgov.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, env)


def error_of(folder: Path, text: str, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **env)
    return caught.value


def test_every_key_arrives_as_it_was_written(folder: Path) -> None:
    settings = load(folder, FULL)
    assert settings.sources["handbook"] == SourceSettings(
        type="files",
        root="../docs",
        index="main",
        patterns=("*.md",),
        exclude=("drafts/",),
        fields={"reviewed_on": ("checked", "ms.date"), "owner": ("contact",)},
        date_order="dmy",
        version_from_path=False,
        version_path_pattern="v[0-9]+",
        max_file_bytes=5,
        git=False,
    )
    assert settings.sources["wiki"] == SourceSettings(root="wiki")
    assert (settings.indexes["main"].type, settings.indexes["hr-pages"].type) == ("embedded", "memory")
    assert settings.indexes["main"].options == {"path": "main.index", "busy": 3}
    assert settings.ingest == IngestSettings(chunk_characters=800, embedder="other")
    assert settings.timezone == "Europe/Berlin"


def test_paths_are_relative_to_the_folder_of_the_file(folder: Path) -> None:
    settings = load(folder, FULL)
    assert settings.file == folder / "kbgov.toml"
    assert settings.folder == folder
    assert settings.zone == ZoneInfo("Europe/Berlin")
    assert settings.policy_paths == (folder / "policies/default.yaml", Path("/etc/kb/policies"))
    assert settings.source_root("handbook") == folder / "../docs"
    assert settings.index_options("main") == {"path": str(folder / "main.index"), "busy": 3}
    assert settings.index_options("hr-pages") == {}
    assert settings.resolved_database_url == f"sqlite:///{folder}/data/kb.db"


def test_an_empty_file_has_the_defaults(folder: Path) -> None:
    settings = load(folder, "")
    assert settings.database_url == DEFAULT_DATABASE
    assert (settings.timezone, settings.policies, settings.sources, settings.indexes) == ("UTC", (), {}, {})
    assert settings.ingest == IngestSettings(chunk_characters=1000, embedder="hashed")
    source = SourceSettings(root="x")
    assert (source.type, source.index, source.patterns, source.exclude) == ("files", None, None, ())
    assert (source.version_from_path, source.max_file_bytes, source.git) == (True, 10_000_000, True)


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///kb.db", "sqlite:///{folder}/kb.db"),
        ("sqlite:///kb.db?timeout=3", "sqlite:///{folder}/kb.db?timeout=3"),
        ("sqlite:///a%20b?x=1", "sqlite:///{folder}/a%20b?x=1"),
        ("sqlite+pysqlite:///kb.db", "sqlite+pysqlite:///{folder}/kb.db"),
        ("sqlite:////var/kb.db", "sqlite:////var/kb.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://me@host/kb", "postgresql://me@host/kb"),
    ],
)
def test_a_relative_sqlite_path_is_resolved_and_nothing_else_is(folder: Path, url: str, resolved: str) -> None:
    assert load(folder, f'database_url = "{url}"').resolved_database_url == resolved.format(folder=folder)


def test_a_folder_with_hostile_characters_is_still_a_url(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100% #1 é"
    folder.mkdir()
    url = load(folder, "").resolved_database_url
    assert url == f"sqlite:///{tmp_path}/what%3F%20100%25%20%231%20%C3%A9/kbgov.db"


def test_the_environment_wins_over_the_file(folder: Path) -> None:
    settings = load(
        folder,
        FULL,
        KBGOV_DATABASE_URL="postgresql://me:hush@host/kb",
        KBGOV_TIMEZONE="UTC",
        KBGOV_POLICIES='["other.yaml"]',
        KBGOV_SOURCES__HANDBOOK__ROOT="/docs",
        KBGOV_SOURCES__HANDBOOK__GIT="true",
        KBGOV_SOURCES__HANDBOOK__MAX_FILE_BYTES="77",
        KBGOV_INDEXES__MAIN__PATH="/elsewhere",
        KBGOV_INDEXES__HR_PAGES__PATH="hr.index",
        KBGOV_INGEST__CHUNK_CHARACTERS="500",
    )
    assert settings.database_url == "postgresql://me:hush@host/kb"
    assert settings.timezone == "UTC"
    assert settings.policies == ("other.yaml",)
    handbook = settings.sources["handbook"]
    assert (handbook.root, handbook.git, handbook.max_file_bytes, handbook.index) == ("/docs", True, 77, "main")
    assert settings.index_options("main") == {"path": "/elsewhere", "busy": 3}
    assert settings.index_options("hr-pages") == {"path": str(folder / "hr.index")}
    assert settings.ingest == IngestSettings(chunk_characters=500, embedder="other")


def test_the_file_is_the_one_given_else_the_variable_s_else_the_working_folder_s(folder: Path) -> None:
    for name in ("given", "variable"):
        (folder / name).mkdir()
        (folder / name / "c.toml").write_text('timezone = "UTC"\n')
    (folder / "kbgov.toml").write_text("")
    env = {"KBGOV_CONFIG": str(folder / "variable" / "c.toml")}
    assert load_settings(Path("given/c.toml"), env).file == folder / "given" / "c.toml"
    assert load_settings(None, env).folder == folder / "variable"
    assert load_settings(None, {"KBGOV_CONFIG": ""}).file == folder / "kbgov.toml"


def test_without_a_file_the_environment_alone_is_enough(folder: Path) -> None:
    settings = load_settings(None, {"KBGOV_SOURCES__WIKI__ROOT": "wiki"})
    assert settings.file is None
    assert settings.source_root("wiki") == folder / "wiki"


@pytest.mark.parametrize("env", [{}, {"KBGOV_ACTOR": "me"}, {"KBGOV_CONFIG": "none.toml", "KBGOV_TIMEZONE": "UTC"}])
def test_without_anything_the_next_command_is_named(folder: Path, env: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, env)
    name = env.get("KBGOV_CONFIG", "kbgov.toml")
    assert caught.value.message == f"the configuration {folder / name} cannot be read: No such file or directory"
    assert caught.value.next_step == (
        "kbgov init --source PATH writes one; --config FILE or KBGOV_CONFIG names another"
    )


MISTAKES = [
    (
        'databse_url = "x"',
        "unknown key 'databse_url'",
        "databse_url",
        "did you mean 'database_url'? Known here: " + ", ".join(sorted(Settings.model_fields)),
    ),
    (
        '[sources.a]\nrot = "x"\nroot = "y"',
        "unknown key 'sources.a.rot'",
        "sources.a.rot",
        "did you mean 'root'? Known here: command, date_order, document_key, exclude, fields, git, index, ",
    ),
    (
        '[sources.a]\nroot = "y"\nfields = {reviewed = "x"}',
        "unknown key 'sources.a.fields.reviewed'",
        "sources.a.fields.reviewed",
        "did you mean 'reviewed_on'? Known here: created_on, labels, logical_id, owner, redirect, review_interval, ",
    ),
    ("[ingest]\nchunk = 1", "unknown key 'ingest.chunk'", "ingest.chunk", "known here: chunk_characters, embedder"),
    (
        "[sources.a]",
        "'sources.a': a source of type files needs 'root', the documents' folder",
        "sources.a",
        None,
    ),
    (
        '[sources.a]\nroot = "x"\npath = "y"',
        "'sources.a': 'path' and 'command' belong to a source of type manifest",
        "sources.a",
        None,
    ),
    (
        '[sources.a]\ntype = "manifest"\npath = "y"\ncommand = ["z"]',
        "'sources.a': a source of type manifest needs either 'path' or 'command', and no 'root'",
        "sources.a",
        None,
    ),
    (
        '[sources.a]\nroot = "x"\n[sources.a.document_key]\npattern = "a(b)(c)"',
        "'sources.a.document_key.pattern': needs exactly one group, which is the document's path",
        "sources.a.document_key.pattern",
        None,
    ),
    ('[sources.a]\nroot = ""', "'sources.a.root': must not be empty", "sources.a.root", None),
    ('[sources.a]\nroot = "a\\u0000b"', "'sources.a.root': must not hold a NUL character", "sources.a.root", None),
    ("[sources.a]\nroot = 3", "'sources.a.root' must be a text in quotes", "sources.a.root", None),
    (
        '[sources."HR docs"]\nroot = "x"',
        "'sources.HR docs': 'HR docs' is no name such as 'hr-handbook': small letters, digits, hyphens, at most 64",
        "sources.HR docs",
        None,
    ),
    (
        "[indexes.a_b]",
        "'indexes.a_b': 'a_b' is no name such as 'hr-handbook': small letters, digits, hyphens, at most 64",
        "indexes.a_b",
        None,
    ),
    ('sources = "x"', "'sources' must be a table of keys and values", "sources", None),
    ('[sources]\na = "x"', "'sources.a' must be a table of keys and values", "sources.a", None),
    ("policies = 1", "'policies' must be a list of texts", "policies", None),
    ("policies = [1]", "'policies' must be a text in quotes", "policies", None),
    ('[sources.a]\nroot = "x"\ntype = "web"', "'sources.a.type' must be 'files' or 'manifest'", "sources.a.type", None),
    (
        '[sources.a]\nroot = "x"\ndate_order = "ymd"',
        "'sources.a.date_order' must be 'mdy' or 'dmy'",
        "sources.a.date_order",
        None,
    ),
    (
        '[sources.a]\nroot = "x"\nversion_path_pattern = "("',
        "'sources.a.version_path_pattern': is no regular expression",
        "sources.a.version_path_pattern",
        None,
    ),
    ('[sources.a]\nroot = "x"\ngit = "maybe"', "'sources.a.git': must be true or false", "sources.a.git", None),
    ('[sources.a]\nroot = "x"\ngit = 1', "'sources.a.git': must be true or false", "sources.a.git", None),
    (
        '[sources.a]\nroot = "x"\nmax_file_bytes = 0',
        "'sources.a.max_file_bytes' must be at least 1",
        "sources.a.max_file_bytes",
        None,
    ),
    (
        "[ingest]\nchunk_characters = 20001",
        "'ingest.chunk_characters' must be at most 20,000",
        "ingest.chunk_characters",
        None,
    ),
    (
        "[ingest]\nchunk_characters = true",
        "'ingest.chunk_characters': must be a whole number",
        "ingest.chunk_characters",
        None,
    ),
    (
        '[ingest]\nchunk_characters = "many"',
        "'ingest.chunk_characters' must be a whole number",
        "ingest.chunk_characters",
        None,
    ),
    (
        'timezone = "Europe/Berln"',
        "'timezone': 'Europe/Berln' is no time zone; did you mean 'Europe/Berlin'?",
        "timezone",
        None,
    ),
    (
        'timezone = "../etc/passwd"',
        "'timezone': '../etc/passwd' is no time zone, such as Europe/Berlin",
        "timezone",
        None,
    ),
    ('timezone = ""', "'timezone': '' is no time zone, such as Europe/Berlin", "timezone", None),
    (
        '[sources.a]\nroot = "x"\nindex = "mian"\n[indexes.main]',
        "sources.a.index names 'mian', which is no configured index; did you mean 'main'? Known here: main",
        None,
        None,
    ),
    (
        '[sources.a]\nroot = "x"\nindex = "main"',
        "sources.a.index names 'main', which is no configured index; there are no indexes yet",
        None,
        None,
    ),
    ('a = "1"\nb = 2', "unknown key 'a' (and 1 more)", "a", "known here: "),
]


@pytest.mark.parametrize(("text", "message", "item", "next_step"), MISTAKES)
def test_a_mistake_names_file_key_and_nearest_word(
    folder: Path, text: str, message: str, item: str | None, next_step: str | None
) -> None:
    error = error_of(folder, text)
    file = str(folder / "kbgov.toml")
    assert error.message == f"{file}: {message}"
    assert error.item == (item or file)
    assert error.next_step is not None
    assert error.next_step.startswith(next_step or f"correct it in {file}")
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("raw", "line", "reason"),
    [
        (b'a = 1\nb = "x\n', 2, "this is not TOML: Illegal character '\\n'"),
        (b"a = 1\na = 2\n", 2, "this is not TOML: Cannot overwrite a value"),
        (b"a = 1\nb = [\n", 3, "this is not TOML: Invalid value (at end of document)"),
        (b"# caf\xe9\n", 1, "this is not UTF-8"),
        (b"a = " + b"[" * 100_000, 1, "this is not TOML that can be read: nested too deep"),
    ],
)
def test_a_file_that_is_no_toml_names_the_line(folder: Path, raw: bytes, line: int, reason: str) -> None:
    path = folder / "kbgov.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert caught.value.message == f"{path}, line {line}: {reason}"
    assert caught.value.item == f"{path}:{line}"


def test_an_oversize_file_is_refused(folder: Path) -> None:
    assert error_of(folder, "#" * 1_048_577).message.endswith("has more than 1,048,576 bytes")


SECRETS = [
    (
        'database_url = "postgresql://me:hush-hush@host/kb"',
        "a URL with a password does not belong into the configuration: 'database_url'",
        "take it out of the file and set KBGOV_DATABASE_URL, or KBGOV_DATABASE_URL_FILE to a private file",
    ),
    (
        'database_url = "postgresql://host/kb?password=hush-hush"',
        "a URL with a password does not belong into the configuration: 'database_url'",
        "take it out of the file and set KBGOV_DATABASE_URL, or KBGOV_DATABASE_URL_FILE to a private file",
    ),
    (
        'database_url = "postgresql://me:hush/hush-hush@host/kb"',
        "a URL with a password does not belong into the configuration: 'database_url'",
        "take it out of the file and set KBGOV_DATABASE_URL, or KBGOV_DATABASE_URL_FILE to a private file",
    ),
    (
        '[indexes.hr-pages]\nAPI-Key = "hush-hush"',
        "a secret does not belong into the configuration: 'indexes.hr-pages.API-Key'",
        "take it out of the file and set KBGOV_INDEX_HR_PAGES_API_KEY or KBGOV_INDEX_HR_PAGES_PASSWORD",
    ),
    (
        '[indexes.a]\nurls = [{x = "https://me:hush-hush@host/"}]',
        "a URL with a password does not belong into the configuration: 'indexes.a.urls.x'",
        "take it out of the file and set KBGOV_INDEX_A_API_KEY or KBGOV_INDEX_A_PASSWORD",
    ),
    (
        'secret = "hush-hush"',
        "a secret does not belong into the configuration: 'secret'",
        "take it out of the file; secrets come from the environment (KBGOV_INDEX_<NAME>_API_KEY, _PASSWORD)",
    ),
]


@pytest.mark.parametrize(("text", "message", "next_step"), SECRETS)
def test_a_secret_in_the_file_is_refused_without_being_repeated(
    folder: Path, text: str, message: str, next_step: str
) -> None:
    error = error_of(folder, text)
    assert error.message == f"{folder / 'kbgov.toml'}: {message}"
    assert error.next_step == next_step
    assert "hush" not in str(error.as_json())


@pytest.mark.parametrize(
    "text",
    [
        'database_url = "postgresql://me@host:5432/kb?sslmode=require"',
        '[indexes.a]\nurl = "https://host:8080/path"',
        '[indexes.a]\ntokenizer = "x"\nmax_tokens = 3\nkeyspace = "y"',
    ],
)
def test_what_only_resembles_a_secret_is_taken(folder: Path, text: str) -> None:
    load(folder, text)


VARIABLES = [
    ("KBGOV_DATABSE_URL", "did you mean 'KBGOV_DATABASE_URL'?"),
    ("KBGOV_SOURCE__A__ROOT", "did you mean 'KBGOV_SOURCES'?"),
    ("KBGOV_CONFIG__X", "did you mean 'KBGOV_CONFIG'?"),
    ("KBGOV_ACTER", "did you mean 'KBGOV_ACTOR'?"),
    ("KBGOV_INDEX_MAIN_APIKEY", "did you mean 'KBGOV_INDEX_<NAME>_API_KEY'?"),
    ("KBGOV_KEYS_AUDIT", "did you mean 'KBGOV_KEY_AUDIT'?"),
    ("KBGOV_", "did you mean 'KBGOV_LOG'? Known here: KBGOV_ACTOR, "),
]


@pytest.mark.parametrize(("name", "next_step"), VARIABLES)
def test_a_misspelt_variable_is_named_with_the_nearest_one(folder: Path, name: str, next_step: str) -> None:
    error = error_of(folder, "", **{name: "x"})
    assert error.message == f"the environment variable '{name}' is none that kbgov knows"
    assert error.item == name
    assert error.next_step is not None
    assert error.next_step.startswith(next_step)


def test_our_variables_that_are_no_settings_and_those_of_others_are_left_alone(folder: Path) -> None:
    names = ["KBGOV_ACTOR", "KBGOV_ACTOR_SECRET", "KBGOV_LOG", "KBGOV_TEST_POSTGRES_URL", "KBGOV_INDEX_MAIN_API_KEY"]
    names += ["KBGOV_KEY_SIGNING", "KBGOV_KEY_AUDIT_FILE", "KBGOV_BACKUP_PASSPHRASE", "KBGOV_BACKUP_PASSPHRASE_FILE"]
    load(folder, "", **dict.fromkeys([*names, "KBGOV_INDEX_HR_PAGES_PASSWORD_FILE", "PATH", "kbgov_timezone"], "x"))


def test_a_mistake_in_a_variable_blames_the_variable(folder: Path) -> None:
    error = error_of(folder, "", KBGOV_TIMEZONE="Mars")
    assert error.message == "KBGOV_TIMEZONE: 'timezone': 'Mars' is no time zone, such as Europe/Berlin"
    assert error.next_step == "correct it in KBGOV_TIMEZONE"
    error = error_of(folder, '[sources.hr-docs]\nroot = "x"', KBGOV_SOURCES__HR_DOCS__ROT="y")
    assert error.message == "KBGOV_SOURCES__HR_DOCS__ROT: unknown key 'sources.hr-docs.rot'"


def test_a_list_in_a_variable_must_be_json(folder: Path) -> None:
    error = error_of(folder, "", KBGOV_POLICIES="a.yaml")
    assert error.message == "an environment variable for a list or a table is not JSON"
    assert error.item == "KBGOV_POLICIES"
    assert error.next_step == """write it like KBGOV_POLICIES='["policies/default.yaml"]'"""


def test_a_secret_among_the_settings_of_the_environment_is_refused(folder: Path) -> None:
    error = error_of(folder, "", KBGOV_INDEXES__HR_PAGES__API_KEY="hush")
    assert error.message == "KBGOV_INDEXES__HR_PAGES__API_KEY: a secret does not belong among the settings"
    assert error.next_step == "set KBGOV_INDEX_HR_PAGES_API_KEY or KBGOV_INDEX_HR_PAGES_PASSWORD instead"
    assert "hush" not in str(error.as_json())


def test_the_database_url_may_come_from_a_private_file(folder: Path) -> None:
    path = folder / "url"
    path.write_text("postgresql://me:hush@host/kb\n")
    path.chmod(0o600)
    settings = load(folder, "", KBGOV_DATABASE_URL_FILE=str(path))
    assert settings.database_url == "postgresql://me:hush@host/kb"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush@host/kb?sslpassword=hush", "postgresql://me:***@host/kb"),
        ("sqlite:///kb.db", "sqlite:///kb.db"),
    ],
)
def test_a_password_is_never_printed(folder: Path, url: str, shown: str) -> None:
    settings = load(folder, "", KBGOV_DATABASE_URL=url)
    assert settings.shown_database_url == shown
    assert "hush" not in repr(settings) + str(settings)


def test_settings_cannot_be_changed(folder: Path) -> None:
    settings = load(folder, FULL)
    with pytest.raises(ValueError, match="frozen"):
        settings.timezone = "UTC"  # type: ignore[misc]  # that is what is shown
    options = settings.index_options("main")
    options["path"] = "changed"
    assert settings.indexes["main"].options["path"] == "main.index"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('["a", "b", "a"]', "names a key twice"),
        (str([f"k{number}" for number in range(21)]), "names more than 20 keys"),
        ('["a", " "]', "must not be empty"),
    ],
)
@pytest.mark.parametrize("section", ['[sources.a]\nroot = "x"\n', "[indexes.a]\n[indexes.a.fields]\n"])
def test_keys_of_metadata_are_named_once_and_are_not_many(
    folder: Path, section: str, written: str, message: str
) -> None:
    assert message in error_of(folder, f"{section}metadata = {written}").message


def test_every_key_of_metadata_that_is_read_anywhere_is_known(folder: Path) -> None:
    text = (
        '[sources.a]\nroot = "x"\nmetadata = ["team", "level"]\n[sources.b]\nroot = "y"\n'
        '[indexes.main.fields]\nmetadata = ["team", "space"]\n'
    )
    assert load(folder, text).metadata_keys == {"team", "level", "space"}
    assert load(folder, "").metadata_keys == frozenset()
