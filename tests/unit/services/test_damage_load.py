from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from governance.catalog.chunks import ChunkRow
from governance.catalog.tables import retrieval, run
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor, Role
from governance.domain.chunks import ChunkKey
from governance.domain.errors import InputError, RoleRefused
from governance.policy.loader import load_policies
from governance.services import damage_load
from governance.services.damage_load import LoadRequest, LoadResult, load_counts
from governance.services.retrieval_file import MOST
from governance.services.runs import Desk
from tests.log_rows import digest_pseudonym, known_names, log_bodies

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CHUNKS = [
    ChunkKey("main", "", "only-main"),
    ChunkKey("main", "", "both"),
    ChunkKey("other", "", "both"),
    ChunkKey("other", "acme", "tenants"),
    ChunkKey("other", "globex", "tenants"),
    ChunkKey("other", "acme", "only-acme"),
]
INDEXES = ("main", "other")


@pytest.fixture
def desk(catalog_engine: Engine) -> Desk:
    catalog = Catalog(catalog_engine, known_names)
    with catalog.write() as uow:
        uow.chunks.save([row(key) for key in CHUNKS], NOW)
    return desk_of(catalog)


def row(key: ChunkKey) -> ChunkRow:
    return ChunkRow(
        index_name=key.index,
        partition=key.partition,
        chunk_id=key.chunk_id,
        source="docs",
        document="a.md",
        position=0,
        body_hash="0" * 64,
        meta_hash="0" * 64,
    )


def desk_of(catalog: Catalog, *roles: Role) -> Desk:
    actor = Actor(id="ada", roles=frozenset(roles or Role))
    policies = load_policies([])
    return Desk(catalog=catalog, actor=actor, clock=lambda: NOW, today=date(2026, 11, 21), policies=policies)


def load(desk: Desk, *rows: str, header: str = "chunk_id,retrievals", **request: object) -> LoadResult:
    lines = [f"{line}\n".encode() for line in (header, *rows)]
    return load_counts(desk, lines, LoadRequest(**{"indexes": INDEXES, **request}))


def stored(desk: Desk) -> dict[tuple[str, str, str], int]:
    with desk.catalog.read() as uow:
        return {(r[0], r[1], r[2]): r[3] for r in uow.connection.execute(select(retrieval))}


def test_a_chunk_is_counted_where_the_catalog_knows_it(desk: Desk) -> None:
    done = load(desk, "only-main,3", "only-acme,4", "nobody,5")
    assert stored(desk) == {("main", "", "only-main"): 3, ("other", "acme", "only-acme"): 4, ("", "", "nobody"): 5}
    assert (done.lines, done.retrievals, done.loaded) == (3, 12, (NOW, 3, 1))


def test_the_same_chunk_twice_adds_up_however_it_is_named(desk: Desk) -> None:
    load(desk, "only-main,3,", "only-main,4,main", "only-main,0,", header="chunk_id,retrievals,index")
    assert stored(desk) == {("main", "", "only-main"): 7}


def test_it_adds_up_across_what_is_stored_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage_load, "_TOGETHER", 2)
    load(desk, *["only-main,1", "only-acme,2"] * 5)
    assert stored(desk) == {("main", "", "only-main"): 5, ("other", "acme", "only-acme"): 10}


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("both,1", {}),
        ("tenants,1", {}),
        ("tenants,1", {"index": "other"}),
    ],
)
def test_an_id_that_means_several_chunks_is_refused_by_its_line(desk: Desk, line: str, request_: dict) -> None:
    with pytest.raises(InputError, match=r"^line 3: several indexes or partitions") as caught:
        load(desk, "only-acme,1", line, line, **request_)
    assert "--index" in (caught.value.next_step or "")
    assert stored(desk) == {}


def test_whoever_says_where_is_understood(desk: Desk) -> None:
    load(desk, "both,1", index="main")
    assert stored(desk) == {("main", "", "both"): 1}
    load(desk, "tenants,2", partition="acme")
    assert stored(desk) == {("main", "", "both"): 1, ("other", "acme", "tenants"): 2}
    load(desk, "tenants,3,other,globex", "both,4,other,", header="chunk_id,retrievals,index,partition")
    assert stored(desk) == {("other", "globex", "tenants"): 3, ("other", "", "both"): 4}
    load(desk, "unseen,5", index="other", partition="new")
    assert stored(desk)["other", "new", "unseen"] == 5


def test_a_chunk_that_is_gone_somewhere_is_the_one_that_is_there(desk: Desk) -> None:
    with desk.catalog.write() as uow:
        uow.chunks.mark_gone([ChunkKey("other", "", "both"), ChunkKey("main", "", "only-main")], NOW)
    load(desk, "both,1", "only-main,2")
    assert stored(desk) == {("main", "", "both"): 1, ("main", "", "only-main"): 2}


def test_with_one_index_an_unknown_chunk_is_taken_for_its_own(desk: Desk) -> None:
    done = load(desk, "nobody,5", indexes=("main",))
    assert stored(desk) == {("main", "", "nobody"): 5}
    assert done.loaded.unknown == 1


def test_a_load_replaces_everything_or_what_it_speaks_of_or_adds(desk: Desk) -> None:
    load(desk, "only-main,3", "only-acme,4")
    load(desk, "only-main,5", add=True)
    assert stored(desk) == {("main", "", "only-main"): 8, ("other", "acme", "only-acme"): 4}
    load(desk, "both,1", index="main")
    assert stored(desk) == {("main", "", "both"): 1, ("other", "acme", "only-acme"): 4}
    load(desk, "tenants,1", index="other", partition="globex")
    assert ("other", "acme", "only-acme") in stored(desk)
    load(desk, "only-main,1")
    assert stored(desk) == {("main", "", "only-main"): 1}
    load(desk)
    assert stored(desk) == {}


@pytest.mark.parametrize(
    ("line", "request_", "message"),
    [
        ("a,1,nowhere,", {}, "not configured"),
        ("a,1,other,", {"index": "main"}, "another index than"),
        ("a,1,,acme", {"partition": "globex"}, "another partition than"),
        (f"only-main,{MOST},main,", {}, "add up to more than"),
        ("a,many,,", {}, "no whole number"),
    ],
)
def test_a_bad_line_leaves_everything_as_it_was(
    desk: Desk, line: str, request_: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damage_load, "_TOGETHER", 2)
    load(desk, "only-acme,4")
    rows = ["x,1,,", "y,1,,", "z,1,,", "only-main,1,main,"]
    if request_:
        rows = [row.replace("main,1,main", "main,1,") for row in rows]
    with pytest.raises(InputError, match=rf"^line 6: .*{message}"):
        load(desk, *rows, line, header="chunk_id,retrievals,index,partition", **request_)
    assert stored(desk) == {("other", "acme", "only-acme"): 4}
    with desk.catalog.read() as uow:
        states = uow.connection.execute(select(run.c.state).order_by(run.c.run_id)).scalars().all()
    assert states == ["done", "failed"]


def test_what_is_added_may_not_become_too_much_either(desk: Desk) -> None:
    load(desk, f"only-main,{MOST}")
    with pytest.raises(InputError, match=r"^line 2: .*add up to more than"):
        load(desk, "only-main,1", add=True)
    assert stored(desk) == {("main", "", "only-main"): MOST}


@pytest.mark.parametrize(
    "request_", [{"index": "mian"}, {"index": "main", "indexes": ()}, {"partition": ""}, {"partition": "a\0"}]
)
def test_a_request_that_cannot_be_meant_is_refused_before_anything_is_read(desk: Desk, request_: dict) -> None:
    def unread() -> Iterator[bytes]:
        raise AssertionError("read")
        yield b""

    with pytest.raises(InputError):
        load_counts(desk, unread(), LoadRequest(**{"indexes": INDEXES, **request_}))


def test_the_log_holds_counts_and_the_digest_of_the_file(desk: Desk) -> None:
    load(desk, "only-main,3", index="main")
    with desk.catalog.read() as uow:
        (told,) = log_bodies(uow.connection, "retrievals.loaded")
    body = b"chunk_id,retrievals\nonly-main,3\n"
    assert told["counts"] == {"lines": 1, "retrievals": 3}
    assert told["digest"] == digest_pseudonym(hashlib.sha256(body).hexdigest())
    assert (told["index"], told["reason"], told["outcome"]) == ("main", "replaced", "done")


def test_only_a_steward_may_load(desk: Desk) -> None:
    with pytest.raises(RoleRefused):
        load(desk_of(desk.catalog, Role.READER), "only-main,3")


LINES = st.lists(st.tuples(st.sampled_from(["only-main", "only-acme", "nobody", "new"]), st.integers(0, 10**9)))


@given(LINES, st.integers(1, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_whatever_the_order_sums_are_sums(desk: Desk, lines: list[tuple[str, int]], together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(damage_load, "_TOGETHER", together)
        done = load(desk, *(f"{name},{count}" for name, count in lines))
    expected: dict[str, int] = {}
    for name, count in lines:
        expected[name] = expected.get(name, 0) + count
    assert {key[2]: count for key, count in stored(desk).items()} == expected
    assert (done.lines, done.retrievals) == (len(lines), sum(expected.values()))


GROWTH = """
import resource, sys
from datetime import UTC, datetime
from governance.catalog.engine import create_catalog_engine
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.policy.loader import load_policies
from governance.services.damage_load import LoadRequest, load_counts
from governance.services.runs import Desk
from governance.domain.pseudonyms import throwaway

now = datetime(2026, 11, 21, tzinfo=UTC)
catalog = Catalog(create_catalog_engine(sys.argv[1]), throwaway)
desk = Desk(catalog=catalog, actor=Actor(id="a"), clock=lambda: now, today=now.date(), policies=load_policies([]))

def lines(count):
    yield b"chunk_id,retrievals\\n"
    for number in range(count):
        yield b"chunk-%09d-with-a-long-name,1\\n" % number

def peak(count):
    assert load_counts(desk, lines(count), LoadRequest(indexes=("main",))).lines == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

small = peak(20_000)
print(peak(200_000) - small)
"""


@pytest.mark.full
def test_memory_does_not_grow_with_the_file(
    run_python: Callable[..., str], sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "catalog.db")
    grown = int(run_python(GROWTH, f"sqlite:///{tmp_path}/catalog.db"))
    print(f"\n200,000 lines took {grown} KiB more than 20,000")
    assert grown < 16_384
