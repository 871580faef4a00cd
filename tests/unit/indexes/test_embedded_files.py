"""Which files the embedded index opens, creates and refuses."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from governance.domain.chunks import DEFAULT_VECTOR, Proof, PurgeKind, Record, SearchMode
from governance.domain.errors import ConfigError, IndexDataError, IndexUnreachable, InputError
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex, local, schema, session

RECORD = Record("id", "some text", {"a": 1}, {DEFAULT_VECTOR: vector_of([1, 2])})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def index(path: Path) -> EmbeddedIndex:
    return EmbeddedIndex("main", path, busy_seconds=0.05)


def write_one(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer:
        writer.put([RECORD])


def altered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(statement)


def test_a_reader_on_a_missing_file_says_so_and_creates_nothing(index: EmbeddedIndex, path: Path) -> None:
    with pytest.raises(IndexUnreachable, match="no file yet") as caught:
        index.reader()
    assert caught.value.next_step == "kbgov ingest"
    assert index.partitions() == ("",)
    assert list(path.parent.iterdir()) == []


def test_a_reader_takes_an_empty_file_for_a_missing_one(index: EmbeddedIndex, path: Path) -> None:
    path.touch()
    with pytest.raises(IndexUnreachable, match="no file yet"):
        index.reader()
    write_one(index)
    with closing(index.reader()) as reader:
        assert reader.count().value == 1


def test_the_first_writer_creates_file_and_folder_for_their_owner_only(tmp_path: Path) -> None:
    index = EmbeddedIndex("main", tmp_path / "a" / "b" / "index.db")
    with closing(index.writer()) as writer:
        writer.put([RECORD])
        files = [Path(path) for path in index.capabilities.scan_paths]
        assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * 3
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["index.db"]


def test_every_connection_overwrites_what_it_deletes(index: EmbeddedIndex) -> None:
    with closing(index.writer()) as writer, closing(index.reader()) as reader:
        for port in writer, reader:
            with port._session.plain() as db:
                assert db.execute("PRAGMA secure_delete").fetchone() == (1,)
                assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_reader_cannot_write(index: EmbeddedIndex) -> None:
    write_one(index)
    with closing(index.reader()) as reader, pytest.raises(IndexUnreachable), reader._session.writing() as db:
        db.execute("DELETE FROM chunk")


class DeafConnection(sqlite3.Connection):
    """A SQLite that was built without the wish to erase: it answers, and does not obey."""

    def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
        return super().execute("PRAGMA secure_delete = FAST" if "secure_delete = ON" in sql else sql, *rest)


def test_a_sqlite_that_does_not_obey_is_refused(
    index: EmbeddedIndex, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one(index)
    connect = sqlite3.connect
    monkeypatch.setattr(session.sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=DeafConnection))
    for open_port in index.reader, index.writer:
        with pytest.raises(IndexUnreachable, match="does not overwrite"):
            open_port()
    path.unlink()
    with pytest.raises(IndexUnreachable, match="does not overwrite"):
        index.writer()


def test_a_sqlite_without_full_text_search_is_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as db, pytest.raises(sqlite3.OperationalError) as caught:
        db.execute("CREATE VIRTUAL TABLE t USING nosuch(text)")
    error = session.translated("main", caught.value)
    assert isinstance(error, IndexUnreachable)
    assert "FTS5" in error.message


def garbage(path: Path) -> None:
    path.write_bytes(b"This is a letter, not a database. " * 300)


def foreign(path: Path) -> None:
    altered(path, "CREATE TABLE letters (body TEXT)")


def foreign_and_empty(path: Path) -> None:
    altered(path, "PRAGMA application_id = 7")


def newer(path: Path) -> None:
    write_one(EmbeddedIndex("main", path))
    altered(path, "PRAGMA user_version = 2")


def beheaded(path: Path) -> None:
    write_one(EmbeddedIndex("main", path))
    path.write_bytes(path.read_bytes()[: schema.PAGE_SIZE * 2])


def tables_gone(path: Path) -> None:
    write_one(EmbeddedIndex("main", path))
    altered(path, "DROP TABLE meta")


@pytest.mark.parametrize("spoil", [garbage, foreign, foreign_and_empty, newer, tables_gone, beheaded])
def test_a_file_that_is_no_index_of_this_version_is_refused_and_left_alone(
    index: EmbeddedIndex, path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    before = path.read_bytes()
    for open_port in index.reader, index.writer:
        with pytest.raises(IndexDataError) as caught, closing(open_port()) as port:
            (port.fetch if hasattr(port, "fetch") else port.delete)(["id"])
        assert "letter" not in caught.value.message
        assert caught.value.next_step
    assert path.read_bytes() == before


def test_a_page_that_was_overwritten_is_reported_as_damage(index: EmbeddedIndex, path: Path) -> None:
    with closing(index.writer()) as writer:
        writer.put([Record(f"id-{number}", "secret words " * 200, {"a": number}) for number in range(500)])
    data = bytearray(path.read_bytes())
    for page in range(3, len(data) // schema.PAGE_SIZE):
        data[page * schema.PAGE_SIZE : page * schema.PAGE_SIZE + 64] = b"\xff" * 64
    path.write_bytes(data)
    with closing(index.reader()) as reader, pytest.raises(IndexDataError) as caught:
        list(reader.stream())
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chunk SET metadata = 'no json secret'",
        "UPDATE chunk SET vector = x'010203'",
        "UPDATE chunk SET text = CAST(x'ff73656372657420fe' AS TEXT)",
        "UPDATE chunk SET metadata = CAST(x'7b22ff' AS TEXT)",
    ],
)
def test_a_row_that_somebody_else_changed_is_reported_without_its_content(
    index: EmbeddedIndex, path: Path, statement: str
) -> None:
    write_one(index)
    altered(path, statement)
    with closing(index.reader()) as reader, pytest.raises(IndexDataError) as caught:
        list(reader.stream())
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_metadata_that_somebody_else_changed_stops_a_patch(index: EmbeddedIndex, path: Path) -> None:
    write_one(index)
    altered(path, "UPDATE chunk SET metadata = 'no json'")
    with closing(index.writer()) as writer, pytest.raises(IndexDataError):
        writer.patch(["id"], {"b": 1})


def test_a_folder_or_a_device_is_no_index(tmp_path: Path) -> None:
    for place in tmp_path, Path("/dev/null"):
        index = EmbeddedIndex("main", place)
        for open_port in index.reader, index.writer:
            with pytest.raises(ConfigError, match="no file"):
                open_port()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    index = EmbeddedIndex("main", tmp_path / "file" / "index.db")
    with pytest.raises(IndexUnreachable, match="cannot be opened"):
        index.writer()


def test_names_with_special_characters_are_just_names(tmp_path: Path) -> None:
    for name in ("with blank.db", "100%25?mode=memory#x.db", "ünïcode.db", "a'b\"c.db"):
        write_one(EmbeddedIndex("main", tmp_path / name))
        assert (tmp_path / name).stat().st_size > 0


def test_a_symbolic_link_is_followed_once_so_that_scans_look_at_the_real_files(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "index.db")
    index = EmbeddedIndex("main", tmp_path / "link.db")
    write_one(index)
    assert index.path == tmp_path / "real" / "index.db"
    assert index.capabilities.scan_paths[1] == str(tmp_path / "real" / "index.db-wal")


def test_many_processes_may_be_the_first_writer_at_once(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from governance.domain.chunks import Record
from governance.indexes.embedded import EmbeddedIndex
sys.stdin.readline()
writer = EmbeddedIndex("main", Path(sys.argv[1]), 60).writer(sys.argv[2])
for number in range(5):
    assert not writer.put([Record(f"{sys.argv[2]}-{number}", "text", {})]).failed
writer.close()
"""
    command = [sys.executable, "-c", script, str(tmp_path / "new" / "index.db")]
    children = [
        subprocess.Popen([*command, f"p{number % 3}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(6)
    ]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert (child.communicate()[1], child.returncode) == ("", 0)
    index = EmbeddedIndex("main", tmp_path / "new" / "index.db")
    assert index.partitions() == ("", "p0", "p1", "p2")
    for name in index.partitions()[1:]:
        with closing(index.reader(name)) as reader:
            assert reader.count().value == 5


MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /mnt/files rw - nfs4 server:/files rw
31 30 0:27 / /mnt/files/local rw - xfs /dev/vdb rw
32 22 0:28 / /mnt/with\\040blank rw shared:3 master:2 - cifs //server/share rw
33 22 0:29 / /home rw - fuse.sshfs host: rw
34 22 0:30 / /home rw - btrfs /dev/vdc rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/index.db", None),
        ("/mnt/files/index.db", "nfs4"),
        ("/mnt/files", "nfs4"),
        ("/mnt/files/local/index.db", None),
        ("/mnt/files-not/index.db", None),
        ("/mnt/with blank/index.db", "cifs"),
        ("/home/index.db", None),
    ],
)
def test_the_deepest_mount_tells_whether_a_path_is_on_the_network(path: str, kind: str | None) -> None:
    assert local.network_file_system(Path(path), MOUNTS) == kind


def test_where_mounts_cannot_be_read_a_path_counts_as_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_MOUNTS", tmp_path / "absent")
    assert local.network_file_system(tmp_path) is None


def test_a_network_file_system_is_refused(
    tmp_path: Path, index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text(f"22 1 0:26 / {tmp_path} rw - nfs server:/files rw\n")
    monkeypatch.setattr(local, "_MOUNTS", tmp_path / "mounts")
    for open_port in index.reader, index.writer:
        with pytest.raises(ConfigError, match="network file system"):
            open_port()
    assert not index.path.exists()


def test_options_of_the_configuration(tmp_path: Path) -> None:
    index = EmbeddedIndex.from_config("docs", {"path": "data/index.db", "busy_seconds": 2}, tmp_path)
    assert (index.name, index.path) == ("docs", tmp_path / "data" / "index.db")
    assert EmbeddedIndex.from_config("docs", {"path": "/elsewhere/x.db"}, tmp_path).path == Path("/elsewhere/x.db")


@pytest.mark.parametrize(
    ("options", "item", "hint"),
    [
        ({"pth": "x"}, "pth", "did you mean `path`?"),
        ({"path": "x", "busy": 1}, "busy", "did you mean `busy_seconds`?"),
        ({}, "path", None),
        ({"path": ""}, "path", None),
        ({"path": "a\0b"}, "path", None),
        ({"path": 7}, "path", None),
        ({"path": "x", "busy_seconds": "5"}, "busy_seconds", None),
        ({"path": "x", "busy_seconds": True}, "busy_seconds", None),
        ({"path": "x", "busy_seconds": -1}, "busy_seconds", None),
        ({"path": "x", "busy_seconds": float("nan")}, "busy_seconds", None),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict, item: str, hint: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        EmbeddedIndex.from_config("docs", options, tmp_path)
    assert caught.value.item == item
    assert hint is None or caught.value.next_step == hint


def test_a_partition_needs_a_name_that_can_be_stored(index: EmbeddedIndex) -> None:
    for open_port in index.reader, index.writer:
        with pytest.raises(InputError):
            open_port("\ud800")


def test_capabilities_are_what_the_file_can_do(index: EmbeddedIndex, path: Path) -> None:
    capabilities = index.capabilities
    assert capabilities.purge_kind is PurgeKind.IN_PLACE
    assert capabilities.proof is Proof.BYTES
    assert capabilities.search_modes == {SearchMode.FULL_TEXT}
    assert capabilities.scan_paths == (str(path), f"{path}-wal", f"{path}-shm")
