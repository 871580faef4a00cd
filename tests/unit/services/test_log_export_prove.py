from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, update

from governance.catalog.tables import audit_checkpoint, audit_entry
from governance.domain.checkpoints import Checkpoint, TlogProof
from governance.domain.errors import ConfigError, InputError, LogInconsistent
from governance.domain.merkle import leaf_hash, verify_inclusion
from governance.domain.signed_note import SignedNote
from governance.keyring.signing import verified_by
from governance.services.log_prove import inclusion_path, prove
from tests.log_attacks import drop_triggers
from tests.signed_log import Installation, note, signer


@pytest.fixture
def there(catalog_url: str, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(catalog_url, tmp_path / "keys", "one")
    yield made
    made.catalog.close()


def checkpoint(proof: TlogProof) -> Checkpoint:
    signed = SignedNote.parse(proof.checkpoint)
    assert verified_by(signed, [signer().verifier])
    return Checkpoint.parse(signed.text)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 21])
def test_every_entry_is_proven_under_the_newest_checkpoint(there: Installation, size: int) -> None:
    there.fill(size)
    there.sign()
    for seq, body in enumerate(there.bodies):
        proof = TlogProof.parse(prove(there.keeper, seq))
        stated = checkpoint(proof)
        assert (proof.index, stated.size, proof.extra) == (seq, size + 1, None)
        assert verify_inclusion(leaf_hash(body.encode()), seq, stated.size, proof.path, stated.root)


def test_an_entry_that_no_checkpoint_covers_gets_one(there: Installation) -> None:
    there.fill(3)
    there.sign()
    there.fill(3)
    assert checkpoint(TlogProof.parse(prove(there.keeper, 3))).size == 4
    assert checkpoint(TlogProof.parse(prove(there.keeper, 5))).size == 7
    assert checkpoint(TlogProof.parse(prove(there.keeper, 3))).size == 7


def test_without_a_signing_key_what_is_covered_can_still_be_proven(there: Installation) -> None:
    there.fill(3)
    there.sign()
    there.fill(1)
    there.hold()
    assert TlogProof.parse(prove(there.keeper, 2)).index == 2
    with pytest.raises(ConfigError):
        prove(there.keeper, 4)


def test_an_entry_that_is_not_there_is_not_proven(there: Installation) -> None:
    with pytest.raises(InputError):
        prove(there.keeper, 0)
    there.fill(2)
    with pytest.raises(InputError, match="the log has no entry of this number"):
        prove(there.keeper, 3)


def test_the_hashes_of_a_path_come_from_one_query(there: Installation) -> None:
    there.fill(40)
    asked: list[str] = []
    event.listen(there.catalog.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with there.catalog.read() as uow:
        before = len(asked)
        assert inclusion_path(uow.log, 17, 41)
        assert len(asked) == before + 1


def changed_body(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 3).values(body=there.bodies[3] + " "))


def changed_neighbor(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 2).values(hashes=bytes(32)))


def lost_hashes(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.seq == 2).values(hashes=b""))


def forged_checkpoint(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_checkpoint).values(note=note(9, None, "theirs")))


def no_checkpoint(there: Installation) -> None:
    with there.catalog.engine.begin() as connection:
        connection.execute(update(audit_checkpoint).values(note="nothing"))


@pytest.mark.parametrize(
    "attack", [changed_body, changed_neighbor, lost_hashes, forged_checkpoint, no_checkpoint], ids=lambda a: a.__name__
)
@pytest.mark.parametrize("held", [("one",), ()], ids=["with key", "without"])
def test_no_proof_is_given_out_that_does_not_hold(
    there: Installation, attack: Callable[[Installation], None], held: tuple[str, ...]
) -> None:
    there.fill(8)
    there.sign()
    drop_triggers(there.catalog.engine)
    attack(there)
    there.hold(*held)
    with pytest.raises(LogInconsistent) as failed:
        prove(there.keeper, 3)
    assert failed.value.exit_code == 5
