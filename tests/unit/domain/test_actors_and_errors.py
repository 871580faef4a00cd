from __future__ import annotations

import pytest

from governance.domain import errors
from governance.domain.actors import Actor, Identity, Role, is_actor_name
from governance.domain.errors import KbgovError, RoleRefused


def test_an_actor_without_the_role_is_refused_with_the_next_step() -> None:
    reader = Actor(id="dana", roles=frozenset({Role.READER}))
    reader.require(Role.READER)
    with pytest.raises(RoleRefused, match="role approver") as refused:
        reader.require(Role.APPROVER)
    assert refused.value.exit_code == 6
    assert refused.value.item == "dana"
    assert refused.value.next_step


def test_one_of_several_roles_is_enough_and_without_any_all_are_named() -> None:
    steward = Actor(id="dana", roles=frozenset({Role.STEWARD}))
    steward.require(Role.OPERATOR, Role.STEWARD)
    with pytest.raises(RoleRefused, match="the role operator or admin, which"):
        steward.require(Role.OPERATOR, Role.ADMIN)


def test_the_one_operator_of_a_new_installation_holds_every_role_by_assertion() -> None:
    operator = Actor(id="dana")
    for role in Role:
        operator.require(role)
    assert operator.identity is Identity.ASSERTED


@pytest.mark.parametrize("name", ["ann", "ann@example.com", "Ann Smith", "\u00c5sa", "x" * 200])
def test_whatever_can_be_printed_can_be_a_name(name: str) -> None:
    assert is_actor_name(name)


@pytest.mark.parametrize("name", ["", " ", " ann", "ann ", "a\nb", "\x1b[31m", "\udcff", "x" * 201, "policy:ann"])
def test_what_cannot_be_printed_or_is_a_policys_can_be_none(name: str) -> None:
    assert not is_actor_name(name)


@pytest.mark.parametrize(
    ("name", "code", "exit_code"),
    [
        ("KbgovError", "error", 1),
        ("InputError", "usage", 2),
        ("ConfigError", "config", 2),
        ("PolicyError", "policy", 2),
        ("DatabaseRevisionError", "database_revision", 2),
        ("Refused", "refused", 6),
        ("RoleRefused", "role", 6),
        ("NotAuthenticated", "not_authenticated", 6),
        ("ListingRefused", "listing_refused", 6),
        ("ForeignVectorsRefused", "foreign_vectors", 6),
        ("PlanChanged", "plan_changed", 6),
        ("Paused", "paused", 6),
        ("LimitExceeded", "limit_exceeded", 6),
        ("TryAgain", "try_again", 75),
        ("LockHeld", "lock_held", 75),
        ("IndexUnreachable", "index_unreachable", 75),
        ("CatalogUnreachable", "catalog_unreachable", 75),
        ("PurgeBusy", "purge_busy", 75),
        ("OutcomeUnknown", "outcome_unknown", 75),
        ("IndexDataError", "index_data", 1),
        ("SourceUnavailable", "source_unavailable", 1),
    ],
)
def test_every_error_has_the_contracts_exit_code_and_shape(name: str, code: str, exit_code: int) -> None:
    error: KbgovError = getattr(errors, name)("What happened.", item="a", next_step="Do this.")
    assert error.exit_code == exit_code
    assert error.as_json() == {"code": code, "message": "What happened.", "item": "a", "next": "Do this."}
    assert str(error) == "What happened."
