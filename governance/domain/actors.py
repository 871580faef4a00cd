"""Who acts, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from governance.domain.errors import RoleRefused

LONGEST_NAME: Final = 200
BY_POLICY: Final = "policy:"
"""How the actor of a finding's period begins that a policy's waiver made; nobody may be called so."""


class Role(StrEnum):
    """What a person or job may do. Each command names the one it needs."""

    READER = "reader"
    STEWARD = "steward"
    OPERATOR = "operator"
    APPROVER = "approver"
    DPO = "dpo"
    ADMIN = "admin"


ANYBODY: Final = tuple(Role)
"""Whoever has a role at all."""
LOOKING: Final = (Role.READER, Role.STEWARD)
"""Who reads, and who decides: nobody can decide about what they may not see."""
DECIDING: Final = (Role.STEWARD,)
"""Who says what is wrong and what becomes of it."""
CHANGING: Final = (Role.OPERATOR,)
"""Who changes an index, or what is known of it."""
PAUSING: Final = tuple(role for role in Role if role is not Role.READER)
"""Everybody but those who only read: a pause loses nothing, and whoever sees something go wrong must be able to."""
RESUMING: Final = (Role.OPERATOR, Role.ADMIN)
"""Those who answer for changes: the operator, whose role every change needs, and the administrator."""
ADMINISTERING: Final = (Role.ADMIN,)
"""Who changes what everything else stands on."""


class ActorKind(StrEnum):
    """Whether a person or a scheduled job acts."""

    PERSON = "person"
    JOB = "job"


class Identity(StrEnum):
    """How sure we are that the actor is who they say.

    ASSERTED: they say so, and nothing else is asked for.
    AUTHENTICATED: they gave the secret that is configured for the name.
    CLAIMED: the secret was asked for and not given; who acts so is refused.
    """

    ASSERTED = "asserted"
    AUTHENTICATED = "authenticated"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody or something that acts; stands in every record."""

    id: str
    kind: ActorKind = ActorKind.PERSON
    roles: frozenset[Role] = frozenset(Role)
    identity: Identity = Identity.ASSERTED

    def require(self, *roles: Role) -> None:
        """Raise RoleRefused unless this actor holds one of the roles."""
        if self.roles.isdisjoint(roles):
            named = " or ".join(role.value for role in roles)
            raise RoleRefused(
                f"this needs the role {named}, which the acting person does not hold",
                item=self.id,
                next_step="ask an administrator for the role, or act as somebody who holds it (KBGOV_ACTOR)",
            )


def is_actor_name(text: str) -> bool:
    """Say whether a text can name an actor: printable, at most 200 characters, and not as policies are named."""
    fits = 0 < len(text) <= LONGEST_NAME and text == text.strip()
    return fits and text.isprintable() and not text.startswith(BY_POLICY)
