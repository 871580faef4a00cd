"""`kbgov doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from governance.cli.columns import code, words
from governance.cli.invocation import retyped
from governance.cli.options import Answer, Options, answering
from governance.cli.session import opened
from governance.domain.errors import InputError
from governance.services.checks import Check, Status, failed
from governance.services.doctor import examine

if TYPE_CHECKING:
    from governance.cli.output import Screen


@click.command(
    "doctor",
    short_help="Check configuration, database, sources and indexes.",
    epilog="\b\nExample:\n  kbgov doctor\n  kbgov doctor --json",
)
@answering
def command(options: Options) -> Answer:
    """Check configuration, policies, database, every source and every index, and say what to type next.

    In each index a record of its own is written, looked for, deleted and looked for again, apart from all others.
    Exit code 1 when a check fails.
    """
    try:
        with opened(options, check_revision=False) as app:
            checks = examine(app)
    except InputError as error:
        checks = [failed("configuration", error)]
    config = options.config if options.config_typed else None
    checks = [replace(check, next_step=check.next_step and retyped(check.next_step, config)) for check in checks]
    ok = all(check.status is not Status.FAIL for check in checks)
    return Answer(
        payload={"ok": ok, "checks": [check.as_json() for check in checks]},
        show=lambda screen: _show(screen, checks),
        exit_code=0 if ok else 1,
    )


def _show(screen: Screen, checks: Sequence[Check]) -> None:
    screen.table(
        [code("STATUS"), code("CHECK"), words("DETAIL"), words("NEXT")],
        [[check.status.value, check.name, check.detail, _brief(check.next_step or "")] for check in checks],
    )
    counts = {status: sum(check.status is status for check in checks) for status in Status}
    screen.line(", ".join(f"{count} {status.value}" for status, count in counts.items() if count))
    for check in checks:
        if "\n" in (check.next_step or ""):
            screen.head(f"For kbgov.toml, {check.name}")
            for line in (check.next_step or "").splitlines():
                screen.line(line, typed=True)


def _brief(next_step: str) -> str:
    return "paste what stands below into kbgov.toml" if "\n" in next_step else next_step
