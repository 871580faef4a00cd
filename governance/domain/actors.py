"""Who acts, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from governance.domain.errors import RoleRefused


class Role(StrEnum):
    """What a person or job may do. Each command names the one it needs."""

    READER = "reader"
    STEWARD = "steward"
    OPERATOR = "operator"
    APPROVER = "approver"
    DPO = "dpo"
    ADMIN = "admin"


class ActorKind(StrEnum):
    """Whether a person or a scheduled job acts."""

    PERSON = "person"
    JOB = "job"


class Identity(StrEnum):
    """How sure we are that the actor is who they say."""

    ASSERTED = "asserted"
    AUTHENTICATED = "authenticated"


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
