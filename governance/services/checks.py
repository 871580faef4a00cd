"""How a check of the doctor comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from governance.domain.errors import KbgovError
from governance.domain.values import Json


class Status(StrEnum):
    """Whether something is as it should be."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Verdict(NamedTuple):
    """What a check found, and the next thing to do or type."""

    status: Status
    detail: str
    next_step: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's answer."""

    name: str
    status: Status
    detail: str
    next_step: str | None = None

    @classmethod
    def of(cls, name: str, verdict: Verdict) -> Self:
        """Give a verdict its name."""
        return cls(name, *verdict)

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        return {"name": self.name, "status": self.status.value, "detail": self.detail, "next": self.next_step}


def fine(detail: str) -> Verdict:
    """Say that all is well."""
    return Verdict(Status.OK, detail, None)


def poor(detail: str, next_step: str) -> Verdict:
    """Say that something wants attention."""
    return Verdict(Status.WARN, detail, next_step)


def bad(detail: str, next_step: str) -> Verdict:
    """Say that something is broken."""
    return Verdict(Status.FAIL, detail, next_step)


def failed(name: str, error: KbgovError) -> Check:
    """Give a check that an error ended."""
    item = f": {error.item}" if error.item and error.item not in error.message else ""
    return Check(name, Status.FAIL, f"{error.message}{item}", error.next_step)
