"""What `kbgov policy explain|test|diff|show` do: those that need a catalog, or make one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from governance.bootstrap import open_app, scratch_parts
from governance.cli.options import Answer, Options
from governance.cli.policy_shown import show_cases, show_diff, show_explained, show_set_
from governance.cli.session import opened
from governance.domain.errors import InputError
from governance.domain.values import Json
from governance.services.policy_cases import find_cases
from governance.services.policy_diff import diff_policies
from governance.services.policy_explain import explain_document
from governance.services.policy_sets import named_set, show_set
from governance.services.policy_trial import run_cases

FAILED: Final = 1
TESTS: Final = "tests"
"""Folder beside the policies in which their cases are looked for."""


def explain(options: Options, document: str, *, source: str | None, index: str | None, as_of: date | None) -> Answer:
    """Say which policies apply to a document."""
    with opened(options) as app:
        day = as_of or app.today
        found = explain_document(app.desk, document, source=source, index=index, as_of=day, zone=app.zone)
    return Answer(payload=found.as_json(), show=lambda screen: show_explained(screen, found))


def test(options: Options, folder: Path | None) -> Answer:
    """Run the cases in a folder, or in those beside the configured policies."""
    if folder is not None and not folder.is_dir():
        next_step = "name the folder that holds the cases: kbgov policy test FOLDER"
        raise InputError("there is no such folder", item=str(folder), next_step=next_step)
    folders = [folder] if folder is not None else _tests_of(options)
    cases = [case for each in folders for case in find_cases(each)]
    with TemporaryDirectory(prefix="kbgov-policy-test-") as scratch:
        results = run_cases(cases, scratch_parts(), Path(scratch))
    failed = sum(not item.passed for item in results)
    body: dict[str, Json] = {
        "cases": len(results),
        "passed": len(results) - failed,
        "failed": failed,
        "results": [item.as_json() for item in results],
    }
    searched = [str(each) for each in folders]
    return Answer(
        payload=body,
        show=lambda screen: show_cases(screen, results, searched),
        exit_code=FAILED if failed or not results else 0,
    )


def diff(options: Options, old: str, new: str) -> Answer:
    """Compare what is found under two sets of policies."""
    with opened(options) as app:
        found = diff_policies(
            app.desk,
            named_set(app.catalog, old),
            named_set(app.catalog, new),
            layouts={name: app.layout(name) for name in app.settings.indexes},
            sources=sorted(app.settings.sources),
            zone=app.zone,
        )
    return Answer(payload=found.as_json(), show=lambda screen: show_diff(screen, found))


def show(options: Options, digest: str | None) -> Answer:
    """Print a policy set."""
    with opened(options) as app:
        found = show_set(app.desk, digest)
    return Answer(payload=found.as_json(), show=lambda screen: show_set_(screen, found))


def _tests_of(options: Options) -> list[Path]:
    with open_app(options.config, check_revision=False) as app:
        paths = app.settings.policy_paths
    if not paths:
        raise InputError(
            "no policies are configured, so there is no folder with their cases",
            item="policies",
            next_step="name the folder: kbgov policy test FOLDER",
        )
    return list(dict.fromkeys((path if path.is_dir() else path.parent) / TESTS for path in paths))
