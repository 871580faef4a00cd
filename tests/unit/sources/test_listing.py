from __future__ import annotations

import errno
import hashlib
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.documents import ProblemCode
from governance.domain.errors import ConfigError, SourceUnavailable
from governance.domain.ports import Listed, Listing, Source
from governance.sources import tree
from governance.sources.files import FileTreeSource
from governance.sources.options import FileTreeOptions

NOBODY = 65_534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def guarded_root() -> Iterator[Path]:
    """A folder in which permissions mean something, also when root runs the tests."""
    as_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "root"
        path.mkdir()
        if as_root:
            os.chown(folder, NOBODY, -1)
            os.chown(path, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield path
        finally:
            if as_root:
                os.seteuid(0)


def source(root: Path, **options: object) -> FileTreeSource:
    return FileTreeSource("pages", FileTreeOptions(root=root, **options))


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {path.name}", encoding="utf-8")


def documents(listing: Iterable[Listed]) -> list[str]:
    return [listed.document for listed in listing]


def unreadable(root: Path, **options: object) -> dict[str, ProblemCode | None]:
    return {listed.document: listed.unreadable for listed in source(root, **options).listing()}


def test_it_is_what_the_ports_ask_for(root: Path) -> None:
    tree_source: Source = source(root)
    listing: Listing = tree_source.listing()
    assert (tree_source.name, list(listing), listing.complete, listing.interruption) == ("pages", [], True, None)


def test_each_document_carries_its_bytes_and_their_hash(root: Path) -> None:
    write(root, "sub/a.md", "b.png")
    (listed,) = source(root).listing()
    assert listed.raw == b"text of a.md"
    assert (listed.document, listed.raw_hash) == ("sub/a.md", hashlib.sha256(listed.raw).hexdigest())
    assert (listed.changed_on, listed.unreadable) == (None, None)


def test_the_order_is_that_of_the_whole_paths(root: Path) -> None:
    names = ["a.md", "a/b.md", "a-b/c.md", "a0.md", "a/b/c.md", "B.md", "ä.md", "a b.md", "z/z.md", "a.b/x.md"]
    write(root, *names)
    assert documents(source(root).listing()) == sorted(names)


@settings(max_examples=40)
@given(
    st.sets(
        st.lists(st.text("aB.- é", min_size=1, max_size=4).filter(lambda part: part[0] != "."), min_size=1, max_size=3)
        .map("/".join)
        .map(lambda path: path + "x.md"),
        max_size=8,
    )
)
def test_every_file_once_and_in_order(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), *names)
        assert documents(source(Path(folder)).listing()) == sorted(names)


def test_it_can_be_walked_again(root: Path) -> None:
    write(root, "a.md")
    listing = source(root).listing()
    assert documents(listing) == ["a.md"]
    write(root, "b.md")
    assert documents(listing) == ["a.md", "b.md"]


def test_a_pass_that_was_not_read_to_its_end_is_incomplete(root: Path) -> None:
    write(root, "a.md", "b.md")
    listing = source(root).listing()
    assert not listing.complete
    walk = iter(listing)
    next(walk)
    walk.close()
    assert (listing.complete, listing.interruption) == (False, "the listing was not read to its end")


def test_no_handle_is_left_open(root: Path) -> None:
    write(root, "a/b/c/d.md", "a/b/e.md")
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("this system does not show a process its handles")
    before = len(list(handles.iterdir()))
    walk = iter(source(root).listing())
    next(walk)
    walk.close()
    list(source(root).listing())
    assert len(list(handles.iterdir())) == before


def test_hidden_and_excluded_folders_are_not_entered(root: Path) -> None:
    write(root, ".git/a.md", "node_modules/x/a.md", "x/.cache/a.md", "drafts/a.md", "x/a.md", "x/.a.md")
    assert documents(source(root, exclude=("drafts/",)).listing()) == ["x/a.md"]


def test_links_are_skipped_wherever_they_point(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/secret.md")
    write(root, "in/a.md")
    (root / "out.md").symlink_to(tmp_path / "outside" / "secret.md")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "again.md").symlink_to(root / "in" / "a.md")
    (root / "in" / "loop").symlink_to(root)
    (root / "self.md").symlink_to("self.md")
    (root / "nowhere.md").symlink_to("nothing.md")
    listing = source(root).listing()
    assert (documents(listing), listing.complete) == (["in/a.md"], True)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    write(root, "a.md")
    (tmp_path / "link").symlink_to(root)
    assert documents(source(tmp_path / "link").listing()) == ["a.md"]


def test_a_folder_swapped_for_a_link_during_the_walk_leads_nowhere(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/b.md")
    write(root, "a.md", "sub/b.md")
    listing = source(root).listing()
    walk = iter(listing)
    assert next(walk).document == "a.md"
    (root / "sub" / "b.md").unlink()
    (root / "sub").rmdir()
    (root / "sub").symlink_to(tmp_path / "outside")
    assert (documents(walk), listing.complete) == ([], False)


def test_a_file_swapped_for_a_link_or_a_pipe_is_not_read(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "secret.md")
    write(root, "a.md", "b.md", "c.md", "d.md")
    listing = source(root).listing()
    walk = iter(listing)
    assert next(walk).document == "a.md"
    for name in ("b.md", "c.md", "d.md"):
        (root / name).unlink()
    (root / "b.md").symlink_to(tmp_path / "secret.md")
    os.mkfifo(root / "c.md")
    assert documents(walk) == []
    assert listing.interruption == "files that went away during the listing: 3"


def test_pipes_sockets_and_folders_with_a_documents_name_are_ignored(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(root / "pipe.md")
    (root / "folder.md").mkdir()
    write(root, "folder.md/a.md")
    monkeypatch.chdir(root)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.md")
        listing = source(root).listing()
        assert (documents(listing), listing.complete) == (["folder.md/a.md"], True)


def test_a_file_beyond_the_limit_is_listed_and_not_read(root: Path) -> None:
    with (root / "big.md").open("wb") as file:
        file.truncate(50_000_000)
    (root / "fits.md").write_bytes(b"x" * 100)
    assert unreadable(root) == {"big.md": ProblemCode.TOO_LARGE, "fits.md": None}
    assert unreadable(root, max_file_bytes=99)["fits.md"] is ProblemCode.TOO_LARGE
    assert unreadable(root, max_file_bytes=100)["fits.md"] is None


def test_a_file_that_may_not_be_read_is_listed(guarded_root: Path) -> None:
    write(guarded_root, "a.md", "b.md")
    (guarded_root / "a.md").chmod(0)
    listing = source(guarded_root).listing()
    found = {listed.document: (listed.unreadable, listed.raw, listed.raw_hash) for listed in listing}
    assert found["a.md"] == (ProblemCode.NO_ACCESS, None, "")
    assert found["b.md"][0] is None
    assert listing.complete


def test_a_folder_that_may_not_be_listed_makes_the_listing_incomplete(guarded_root: Path) -> None:
    write(guarded_root, "a.md", "locked/b.md", "z.md")
    (guarded_root / "locked").chmod(0)
    listing = source(guarded_root).listing()
    assert documents(listing) == ["a.md", "z.md"]
    assert (listing.complete, listing.interruption) == (False, "folders that could not be listed: 1")
    (guarded_root / "locked").chmod(0o755)
    assert documents(listing) == ["a.md", "locked/b.md", "z.md"]
    assert (listing.complete, listing.interruption) == (True, None)


def test_a_folder_that_goes_away_makes_the_listing_incomplete(root: Path) -> None:
    write(root, "a.md", "sub/b.md", "z.md")
    listing = source(root).listing()
    walk = iter(listing)
    next(walk)
    (root / "sub" / "b.md").unlink()
    (root / "sub").rmdir()
    assert (documents(walk), listing.complete) == (["z.md"], False)


def test_a_root_that_goes_away_makes_the_listing_incomplete(root: Path) -> None:
    listing = source(root).listing()
    root.rmdir()
    assert (list(listing), listing.complete) == ([], False)


def test_a_failing_file_system_is_reported_and_the_rest_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "a.md", "b.md")
    real = tree.read_file

    def read_file(name: str, most: int, folder: int) -> bytes | ProblemCode:
        if name == "a.md":
            raise OSError(errno.EIO, "input/output error")
        return real(name, most, folder)

    monkeypatch.setattr(tree, "read_file", read_file)
    listing = source(root).listing()
    assert {listed.document: listed.unreadable for listed in listing} == {"a.md": ProblemCode.NO_ACCESS, "b.md": None}
    assert listing.interruption == "files that could not be read because of a failing file system: 1"


def test_a_folder_whose_listing_breaks_in_the_middle(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "a.md", "sub/b.md")
    real = os.scandir

    class Broken:
        def __init__(self, handle: object) -> None:
            self.inner = real(handle)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return self.entries()

        def __exit__(self, *_: object) -> None:
            self.inner.close()

        def entries(self) -> Iterator[os.DirEntry[str]]:
            for entry in self.inner:
                yield entry
                if entry.name == "b.md":
                    raise OSError(errno.EIO, "input/output error")

    listing = source(root).listing()
    monkeypatch.setattr(os, "scandir", Broken)
    assert documents(listing) == ["a.md"]
    assert listing.interruption == "folders that could not be listed: 1"


@pytest.mark.parametrize("kind", ["grows", "same size", "shrinks"])
def test_a_file_that_changes_while_it_is_read(root: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = root / "a.md"
    path.write_bytes(b"before")
    real, turns = os.read, iter(range(100))

    def read(handle: int, size: int) -> bytes:
        if kind == "shrinks":
            path.write_bytes(b"x" * (4 - next(turns)))
        raw = real(handle, size)
        if kind != "shrinks":
            path.write_bytes(b"after!" + (b"x" * next(turns) if kind == "grows" else b""))
            os.utime(path, ns=(0, next(turns)))
        return raw

    monkeypatch.setattr(os, "read", read)
    assert unreadable(root, git=False) == {"a.md": ProblemCode.CHANGED_WHILE_READ}


def test_a_file_that_settles_is_read_at_the_second_try(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "a.md"
    path.write_bytes(b"before")
    real, turns = os.read, iter(range(100))

    def read(handle: int, size: int) -> bytes:
        raw = real(handle, size)
        if next(turns) == 0:
            path.write_bytes(b"after, and longer")
        return raw

    monkeypatch.setattr(os, "read", read)
    (listed,) = source(root, git=False).listing()
    assert (listed.raw, listed.unreadable) == (b"after, and longer", None)


def test_a_short_read_is_continued(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "a.md")
    real = os.read
    monkeypatch.setattr(os, "read", lambda handle, size: real(handle, min(size, 5)))
    (listed,) = source(root, git=False).listing()
    assert listed.raw == b"text of a.md"


@pytest.mark.parametrize(
    "name", ["new\nline.md", "tab\t.md", "esc\x1b[31m.md", "\u202egnp.md", "é.md", "e\u0301.md", "\\x.md"]
)
def test_strange_names_survive_as_they_are(root: Path, name: str) -> None:
    write(root, name)
    (listed,) = source(root).listing()
    assert listed.document == name
    assert source(root).parse(listed).record.document == name


def test_composed_and_decomposed_names_are_two_documents(root: Path) -> None:
    write(root, "é.md", "e\u0301.md")
    assert documents(source(root).listing()) == ["e\u0301.md", "é.md"]


def test_names_that_are_not_utf8_are_listed_in_print_and_not_read(root: Path) -> None:
    raw = os.fsencode(root)
    for name in (b"bad\xff.md", b"dir\xfe/a.md", b"bad\xff.png"):
        path = Path(os.fsdecode(raw + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    write(root, "bad\\xff.md", "ok.md")
    listing = source(root).listing()
    found = [(listed.document, listed.unreadable) for listed in listing]
    assert found == [
        ("bad\\xff.md", None),
        ("dir\\xfe/a.md", ProblemCode.NAME_NOT_UTF8),
        ("ok.md", None),
        ("~bad\\xff.md", ProblemCode.NAME_NOT_UTF8),
    ]
    assert listing.complete
    for document, _ in found:
        document.encode("utf-8")


def test_very_deep_folders_are_read_or_reported(root: Path) -> None:
    handle = os.open(root, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("deep", dir_fd=handle)
        below = os.open("deep", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("a.md", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    listing = source(root).listing()
    found = [(entry.document[:10], entry.unreadable) for entry in listing]
    assert found == [("deep/deep/", ProblemCode.NAME_TOO_LONG)] or not listing.complete


@pytest.mark.parametrize("state", ["missing", "file"])
def test_a_root_that_cannot_be_listed_is_an_error_that_names_the_source(root: Path, state: str) -> None:
    if state == "file":
        write(root, "x")
    with pytest.raises(SourceUnavailable) as caught:
        source(root / "x").listing()
    assert caught.value.item == "pages"
    assert str(root) not in f"{caught.value.message} {caught.value.next_step}"


def test_a_root_without_permission_is_an_error(guarded_root: Path) -> None:
    guarded_root.chmod(0)
    try:
        with pytest.raises(SourceUnavailable, match="permission denied"):
            source(guarded_root).listing()
    finally:
        guarded_root.chmod(0o755)


def test_reading_again_sees_the_document_as_it_is_now(root: Path) -> None:
    write(root, "sub/a.md")
    tree_source = source(root)
    (listed,) = tree_source.listing()
    dated = Listed(listed.document, listed.raw_hash, date(2026, 3, 2))
    assert tree_source.reread(dated) == Listed("sub/a.md", listed.raw_hash, date(2026, 3, 2), None, listed.raw)
    (root / "sub" / "a.md").write_text("new", encoding="utf-8")
    assert tree_source.reread(dated).raw == b"new"
    (root / "sub" / "a.md").unlink()
    assert tree_source.reread(dated).unreadable is ProblemCode.CHANGED_WHILE_READ


def test_reading_again_never_leaves_the_root(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "secret.md", "outside/a.md")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "link.md").symlink_to(tmp_path / "secret.md")
    for document in ("../secret.md", "link/a.md", "link.md", str(tmp_path / "secret.md"), "./x/../../secret.md"):
        again = source(root).reread(Listed(document, ""))
        assert again.raw is None
        assert again.unreadable is not None


def test_reading_again_may_lack_the_permission(guarded_root: Path) -> None:
    write(guarded_root, "a.md")
    (guarded_root / "a.md").chmod(0)
    assert source(guarded_root).reread(Listed("a.md", "")).unreadable is ProblemCode.NO_ACCESS


def test_a_name_that_is_not_utf8_is_not_read_again(root: Path) -> None:
    listed = Listed("bad\\xff.md", "", unreadable=ProblemCode.NAME_NOT_UTF8)
    assert source(root).reread(listed) == listed


def test_reading_again_when_the_root_is_gone(root: Path) -> None:
    root.rmdir()
    assert source(root).reread(Listed("a.md", "")).unreadable is ProblemCode.CHANGED_WHILE_READ


@pytest.mark.parametrize(
    "options",
    [{"patterns": ("{a}",)}, {"exclude": ("..",)}, {"version_path_pattern": "["}, {"fields": {"titel": ("t",)}}],
)
def test_settings_that_cannot_be_used_are_refused_at_once(root: Path, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        source(root, **options)
    assert caught.value.next_step


def test_the_note_of_a_checkout_that_git_cannot_read_is_passed_on(root: Path) -> None:
    (root / ".git").mkdir()
    listing = source(root).listing()
    assert (list(listing), listing.complete) == ([], True)
    assert listing.history_note
    quiet = source(root, git=False).listing()
    assert (list(quiet), quiet.history_note) == ([], None)


def test_a_path_longer_than_a_key_is_listed_short_and_not_read(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(6):
        folder = folder / ("deep" * 50)
        folder.mkdir()
    (folder / "page.md").write_text("text", encoding="utf-8")
    (tmp_path / "near.md").write_text("text", encoding="utf-8")
    listing = FileTreeSource("pages", FileTreeOptions(root=tmp_path, git=False)).listing()
    long, near = list(listing)
    assert (near.document, near.unreadable) == ("near.md", None)
    assert long.unreadable is ProblemCode.NAME_TOO_LONG
    assert len(long.document.encode()) < 300
    assert listing.complete
