"""What stands beside the log: checkpoints, what anchors took, keys; alike on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from governance.catalog.failures import ConstraintViolated
from governance.catalog.log_marks import Anchored, LogKey, StoredCheckpoint
from governance.catalog.unit_of_work import Catalog
from tests.kept_log import HOUR, NOW
from tests.log_rows import known_names

LATER = NOW + HOUR


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def checkpoint(size: int, note: str = "a note\n") -> StoredCheckpoint:
    return StoredCheckpoint(size=size, note=note, signed_at=NOW)


def test_without_a_checkpoint_there_is_no_newest(catalog: Catalog) -> None:
    with catalog.read() as uow:
        assert uow.checkpoints.newest() is None
        assert uow.checkpoints.every() == []


def test_the_newest_checkpoint_is_the_one_that_covers_most_whenever_it_was_signed(catalog: Catalog) -> None:
    large = StoredCheckpoint(size=2**40, note="origin\n9\n\n\N{EM DASH} o sig\n", signed_at=NOW)
    small = StoredCheckpoint(size=9, note="", signed_at=LATER)
    with catalog.write() as uow:
        uow.checkpoints.add(large)
        uow.checkpoints.add(small)
        uow.checkpoints.add(checkpoint(100))
    with catalog.read() as uow:
        assert uow.checkpoints.newest() == large
        assert uow.checkpoints.every() == [small, checkpoint(100), large]


def test_of_a_size_there_is_one_checkpoint_and_the_first_one_stays(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.checkpoints.add(checkpoint(3, "first"))
    with pytest.raises(ConstraintViolated), catalog.write() as uow:
        uow.checkpoints.add(checkpoint(3, "second"))
    with catalog.read() as uow:
        assert uow.checkpoints.every() == [checkpoint(3, "first")]


def test_of_every_anchor_the_last_that_it_took_is_known(catalog: Catalog) -> None:
    disk = Anchored(anchor="disk", size=3, anchored_at=NOW)
    cloud = Anchored(anchor="cloud", size=2, anchored_at=NOW)
    with catalog.write() as uow:
        assert uow.anchors.every() == {}
        uow.anchors.note(disk)
        uow.anchors.note(cloud)
    newer = Anchored(anchor="disk", size=7, anchored_at=LATER)
    with catalog.write() as uow:
        uow.anchors.note(newer)
    with catalog.read() as uow:
        assert uow.anchors.every() == {"cloud": cloud, "disk": newer}
        assert list(uow.anchors.every()) == ["cloud", "disk"]


def test_a_key_is_new_once_and_stays_as_it_was_first_seen(catalog: Catalog) -> None:
    with catalog.write() as uow:
        assert uow.log_keys.seen("0a0a0a0a", "signing", "verifier", NOW)
        assert not uow.log_keys.seen("0a0a0a0a", "signing", "another", LATER)
        assert uow.log_keys.seen("0a0a0a0a", "audit", "", LATER)
    with catalog.write() as uow:
        assert not uow.log_keys.seen("0a0a0a0a", "audit", "", NOW)
        assert uow.log_keys.every() == [
            LogKey(key_id="0a0a0a0a", family="signing", verifier="verifier", created_at=NOW),
            LogKey(key_id="0a0a0a0a", family="audit", verifier="", created_at=LATER),
        ]


def test_what_becomes_of_a_key_is_noted_of_that_key_alone(catalog: Catalog) -> None:
    with catalog.write() as uow:
        for key_id in ("00000003", "00000001", "00000002"):
            uow.log_keys.seen(key_id, "audit", "", NOW)
        uow.log_keys.backed_up(["00000001", "00000002", "ffffffff"], LATER)
        uow.log_keys.backed_up([], LATER)
        uow.log_keys.retired("00000002", LATER)
        uow.log_keys.destroyed("00000003", LATER)
    with catalog.read() as uow:
        found = {key.key_id: (key.backed_up_at, key.retired_at, key.destroyed_at) for key in uow.log_keys.every()}
    assert list(found) == ["00000001", "00000002", "00000003"]
    assert found == {
        "00000001": (LATER, None, None),
        "00000002": (LATER, LATER, None),
        "00000003": (None, None, LATER),
    }
