from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor, Role
from governance.domain.errors import InputError, PolicyError, RoleRefused
from governance.domain.values import canonical_json, sha256_hex
from governance.policy.loader import parse_policies
from governance.policy.model import PolicySet
from governance.services.policy_sets import named_set, show_set
from governance.services.runs import Desk
from tests.log_rows import known_names

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ONE = parse_policies("version: 1\npolicies: [{name: one, kind: freshness}]\n")
TWO = parse_policies("version: 1\npolicies: [{name: two, kind: freshness}]\n")


@pytest.fixture
def catalog(catalog_engine: Engine) -> Iterator[Catalog]:
    made = Catalog(catalog_engine, known_names)
    with made.write() as uow:
        uow.policy_sets.adopt(ONE.digest, ONE.canonical, NOW)
        for end in "01":
            uow.policy_sets.adopt("abcdef12" + end * 56, '{"kind": "of another version"}', NOW)
    return made


def desk(catalog: Catalog, policies: PolicySet = TWO, role: Role = Role.READER) -> Desk:
    actor = Actor(id="reader", roles=frozenset({role}))
    return Desk(catalog=catalog, actor=actor, clock=lambda: NOW, today=date(2026, 11, 21), policies=policies)


def test_the_current_set_is_shown_whether_or_not_a_run_has_obeyed_it(catalog: Catalog) -> None:
    assert show_set(desk(catalog, ONE)).first_used == NOW
    shown = show_set(desk(catalog))
    assert (shown.digest, shown.current, shown.first_used) == (TWO.digest, True, None)
    assert parse_policies(shown.text).digest == TWO.digest
    assert show_set(desk(catalog), TWO.digest[:8]) == shown


def test_an_earlier_set_is_shown_by_the_beginning_of_its_digest(catalog: Catalog) -> None:
    shown = show_set(desk(catalog), ONE.digest[:8])
    assert (shown.digest, shown.current, shown.first_used) == (ONE.digest, False, NOW)
    assert parse_policies(shown.text).digest == ONE.digest


def test_a_set_that_this_version_cannot_read_is_shown_all_the_same(catalog: Catalog) -> None:
    assert show_set(desk(catalog), "abcdef120").text == "kind: of another version\n"


def test_a_beginning_that_several_sets_have_names_them(catalog: Catalog) -> None:
    with pytest.raises(InputError) as caught:
        show_set(desk(catalog), "abcdef12")
    assert caught.value.message == "2 policy sets begin like this"
    assert caught.value.next_step == "type more of it: abcdef1200000000, abcdef1211111111"


def test_a_set_is_named_by_file_folder_or_digest(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.yaml").write_text("version: 1\npolicies: [{name: two, kind: freshness}]\n")
    assert named_set(catalog, str(tmp_path)).digest == TWO.digest
    assert named_set(catalog, str(tmp_path / "p.yaml")).digest == TWO.digest
    assert named_set(catalog, ONE.digest[:8]).digest == ONE.digest
    monkeypatch.chdir(tmp_path)
    (tmp_path / ONE.digest[:8]).write_text("version: 1\n")
    assert named_set(catalog, ONE.digest[:8]).policies == ()


def test_a_stored_set_of_another_version_is_refused_by_name(catalog: Catalog) -> None:
    with pytest.raises(PolicyError, match="set abcdef12, line 1: unknown key 'kind'"):
        named_set(catalog, "abcdef120")
    with pytest.raises(InputError, match="no policy set of the catalog has this digest"):
        named_set(catalog, "0" * 64)
    with pytest.raises(PolicyError, match="cannot be read"):
        named_set(catalog, "no-such-file.yaml")


def test_a_stored_set_is_read_under_no_cap_and_with_every_character(catalog: Catalog) -> None:
    body = json.loads(ONE.canonical)
    labels = [*(f"{number:0400}" for number in range(3000)), "\U0001f600"]
    body["policies"][0]["match"] = {"field": "label", "op": "in", "value": labels}
    canonical = canonical_json(body)
    with catalog.write() as uow:
        uow.policy_sets.adopt(sha256_hex(canonical), canonical.decode(), NOW)
    assert named_set(catalog, sha256_hex(canonical)[:12]).digest == sha256_hex(canonical)


def test_a_role_is_needed(catalog: Catalog) -> None:
    with pytest.raises(RoleRefused):
        show_set(desk(catalog, role=Role.APPROVER))
