from __future__ import annotations

from pathlib import Path

import pytest

from governance.cli.invocation import retyped

OTHER = Path("other.toml")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("kbgov ingest", "kbgov ingest --config other.toml"),
        ("kbgov findings list --status open", "kbgov findings list --status open --config other.toml"),
        (
            "kbgov findings list --kind 'coverage.*'",
            "kbgov findings list --kind 'coverage.*' --config other.toml",
        ),
        (
            "move the file away; kbgov ingest then builds it again",
            "move the file away; kbgov ingest --config other.toml then builds it again",
        ),
        ("kbgov init --source PATH writes one", "kbgov init --source PATH writes one"),
        ("install a newer kb-governance", "install a newer kb-governance"),
    ],
)
def test_commands_in_a_next_step_name_the_configuration_that_was_typed(step: str, expected: str) -> None:
    assert retyped(step, OTHER) == expected
    assert retyped(step, None) == step
