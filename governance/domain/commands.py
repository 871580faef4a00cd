"""Which roles may give a command: any one of those that the table names is enough.

A command is called by its words without the program's name ("audit run"). One that stands neither in the table nor
among those that need no role cannot be given at all; a test walks the command line for such.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from governance.domain.actors import (
    ADMINISTERING,
    ANYBODY,
    CHANGING,
    DECIDING,
    LOOKING,
    PAUSING,
    RESUMING,
    Role,
)

ROLES: Final[Mapping[str, tuple[Role, ...]]] = MappingProxyType(
    {
        "actors list": ANYBODY,
        "audit run": DECIDING,
        "chunks show": LOOKING,
        "damage list": LOOKING,
        "damage load": DECIDING,
        "db check": ANYBODY,
        "db upgrade": ADMINISTERING,
        "doctor": CHANGING,  # it writes a record of its own into every index
        "documents list": LOOKING,
        "documents show": LOOKING,
        "documents verify": DECIDING,
        "drift apply": CHANGING,
        "drift plan": DECIDING,
        "findings ack": DECIDING,
        "findings assign": DECIDING,
        "findings list": LOOKING,
        "findings reopen": DECIDING,
        "findings show": LOOKING,
        "findings waive": DECIDING,
        "ingest": CHANGING,
        "keys backup": ADMINISTERING,
        "keys destroy": ADMINISTERING,
        "keys init": ADMINISTERING,
        "keys list": ANYBODY,
        "keys restore": ADMINISTERING,
        "keys rotate": ADMINISTERING,
        "log checkpoint": (Role.OPERATOR, Role.ADMIN),
        "log export": LOOKING,
        "log list": LOOKING,
        "log prove": LOOKING,
        "log show": LOOKING,
        "log verify": LOOKING,
        "pause": PAUSING,
        "policy diff": LOOKING,
        "policy explain": LOOKING,
        "policy show": LOOKING,
        "policy validate": LOOKING,  # where there is a configuration: it then looks into the catalog
        "resume": RESUMING,
        "sync": CHANGING,
    }
)
WITHOUT_ROLE: Final = frozenset(
    {
        "actors new",  # prints what somebody may paste
        "completion",
        "db grants",  # prints SQL; no database is asked
        "demo",  # in a folder and a catalog of its own
        "guide",
        "init",  # before there is a configuration that could name anybody
        "policy schema",
        "policy test",  # in a catalog that is thrown away
    }
)
"""Commands that touch no catalog of anybody's."""


def roles_for(command: str) -> tuple[Role, ...]:
    """Give the roles of which one is needed. Raises KeyError for a command that is not in the table."""
    return ROLES[command]
