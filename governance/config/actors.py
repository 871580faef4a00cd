"""Who may act: a name and a secret have to belong together. Both come from outside, so neither is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from governance.config.scrypt import ScryptHash
from governance.config.settings import ActorSettings
from governance.domain.actors import Actor, ActorKind, Identity
from governance.domain.errors import NotAuthenticated

SECRET: Final = "KBGOV_ACTOR_SECRET"  # noqa: S105 - the variable's name
_NEXT: Final = f"set KBGOV_ACTOR to your name and {SECRET}_FILE to the private file with your secret"


def authenticated(actors: Mapping[str, ActorSettings], name: str, secret: SecretStr | None) -> Actor:
    """Give the actor whom a name and a secret prove.

    A name that is not configured costs as much time as the most costly of those that are, and is told the same as a
    wrong secret: nobody learns from here who is configured.

    Args:
        actors: Those who are configured, at least one.
        name: Who somebody says they are.
        secret: What proves it; None where nothing was given.

    Raises:
        NotAuthenticated: No secret was given, or it is not this name's.

    """
    if secret is None:
        raise NotAuthenticated(
            "this configuration names who may act, and no secret says who does", item="KBGOV_ACTOR", next_step=_NEXT
        )
    found = actors.get(name)
    hashes = [ScryptHash.parse(item.scrypt) for item in ([found] if found else actors.values())]
    proven = max(hashes, key=lambda item: item.cost).matches(secret.get_secret_value())
    if found is None or not proven:
        raise NotAuthenticated(
            "this name and this secret do not belong together",
            item="KBGOV_ACTOR",
            next_step=f"check KBGOV_ACTOR and the file that {SECRET}_FILE names, or ask an administrator",
        )
    return Actor(id=name, kind=ActorKind(found.kind), roles=frozenset(found.roles), identity=Identity.AUTHENTICATED)
