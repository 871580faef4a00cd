"""`kbgov policy validate|schema|explain|test|diff|show`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from governance.cli.completing import WHICH_SOURCE, index_names, one_of
from governance.cli.options import DAY, Answer, Options, answering
from governance.cli.text import plural
from governance.config.load import FILE_NAME
from governance.config.settings import Settings
from governance.domain.errors import KbgovError
from governance.domain.values import Json
from governance.policy.json_schema import json_schema
from governance.policy.kinds import KINDS
from governance.policy.loader import load_policies
from governance.policy.model import PolicySet
from governance.services.policy_check import Checked, check_policies
from governance.services.policy_shelf import Shelf

if TYPE_CHECKING:
    from governance.bootstrap import App
    from governance.cli.output import Screen


SHORT: Final = 12
"""Digits of a digest that are shown."""


@click.group(
    "policy",
    short_help="Check, explain, test and compare policies.",
    epilog="\b\nExample:\n  kbgov policy validate --strict\n  kbgov policy explain security/vpn.md",
)
def command() -> None:
    """Check, explain, test and compare what the organization has decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What came of a validation.

    Attributes:
        documents: How many documents of the catalog the policies were held against; None where there is no catalog.

    """

    policies: PolicySet
    checked: Checked
    documents: int | None

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        return {
            "files": list(self.policies.files),
            "digest": self.policies.digest,
            "policies": len(self.policies.policies),
            "documents": self.documents,
            "warnings": [item.as_json() for item in self.checked.remarks],
            "complete": self.checked.complete,
            "errors": [],
        }


@command.command(
    "validate",
    short_help="Check policy files.",
    epilog="\b\nExample:\n  kbgov policy validate\n  kbgov policy validate --strict policies/new.yaml",
)
@click.argument("files", nargs=-1, metavar="[FILES]", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Policies that contradict each other on one document are an error.")
@answering
def validate(options: Options, files: Sequence[Path], *, strict: bool) -> Answer:
    """Check policy FILES or folders, those of the configuration when none is given.

    Whatever is not understood is an error, named with file and line (exit code 2). Warnings are about policies that
    match nothing, never decide, or contradict each other, about waivers that are over and classes without a legal
    basis. Where there is a catalog, its documents are held against the policies.
    """
    with _perhaps(options, needed=not files) as app:
        policies = load_policies(files) if files or app is None else app.policies
        shelf = _shelf(app, policies) if app is not None else None
        checked = check_policies(
            policies,
            as_of=app.today if app is not None else _today(),
            shelf=shelf,
            declared=_declared(app.settings) if app is not None else None,
        )
    if strict:
        checked.require_no_contradiction()
    done = Validated(policies=policies, checked=checked, documents=shelf.documents if shelf is not None else None)
    return Answer(payload=done.as_json(), show=lambda screen: _show(screen, done))


@command.command(
    "schema",
    short_help="Print the grammar of policy files as JSON Schema.",
    epilog="\b\nExample:\n  kbgov policy schema > policies/policies.schema.json\n  kbgov policy schema retention",
)
@click.argument("kind", required=False, shell_complete=one_of(KINDS))
@answering
def schema(options: Options, kind: str | None) -> Answer:
    """Print the JSON Schema of policy files, or of one policy of a KIND.

    An editor that knows YAML reads it when a file begins with: # yaml-language-server: $schema=policies.schema.json
    """
    del options
    found = json_schema(kind)
    return Answer(payload=found, show=lambda screen: screen.text(json.dumps(found, indent=2)))


@command.command(
    "explain",
    short_help="Say which policies apply to a document, and which decides.",
    epilog="\b\nExample:\n  kbgov policy explain security/vpn.md\n  kbgov policy explain security/vpn.md --index main",
)
@click.argument("document")
@WHICH_SOURCE
@click.option(
    "--index",
    metavar="NAME",
    shell_complete=index_names,
    help="The index in question, where several hold it; the first by name when not given.",
)
@click.option("--as-of", type=DAY, help="Day that is judged, today when not given.")
@answering
def explain(options: Options, document: str, *, source: str | None, index: str | None, as_of: date | None) -> Answer:
    """Say, kind by kind, which policy decides about DOCUMENT, where it is written, and what follows.

    DOCUMENT is a path relative to its source's folder, or what an index calls it.
    """
    from governance.cli import policy_catalog  # noqa: PLC0415 - who checks files alone does not wait for a catalog

    return policy_catalog.explain(options, document, source=source, index=index, as_of=as_of)


@command.command(
    "test",
    short_help="Run cases: documents, and the findings expected from them.",
    epilog="\b\nExample:\n  kbgov policy test\n  kbgov policy test policies/tests/hr",
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@answering
def test(options: Options, folder: Path | None) -> Answer:
    """Run the cases in FOLDER, the folder 'tests' beside the configured policies when not given.

    Each case is a folder with a case.yaml: policies, documents, a day, and exactly the findings that are expected. The
    real audit runs over them, in a catalog that is thrown away. Exit code 1 when a case fails, or when there is none.
    """
    from governance.cli import policy_catalog  # noqa: PLC0415 - as above

    return policy_catalog.test(options, folder)


@command.command(
    "diff",
    short_help="Say which findings would open and close under other policies.",
    epilog="\b\nExample:\n  kbgov policy diff policies new-policies\n  kbgov policy diff 3fb1a0c2 policies",
)
@click.argument("old")
@click.argument("new")
@answering
def diff(options: Options, old: str, new: str) -> Answer:
    """Say which findings would open, close or change severity if NEW were adopted in the place of OLD.

    Each is a file, a folder, or the digest of a set that was in force once. What the catalog holds is judged again;
    nothing is stored, and neither a source nor an index is looked at.
    """
    from governance.cli import policy_catalog  # noqa: PLC0415 - as above

    return policy_catalog.diff(options, old, new)


@command.command(
    "show",
    short_help="Print the policies in force, or a set that once was.",
    epilog="\b\nExample:\n  kbgov policy show\n  kbgov policy show 3fb1a0c2",
)
@click.argument("digest", required=False)
@answering
def show(options: Options, digest: str | None) -> Answer:
    """Print the policy set with this DIGEST, as one file; the current one when none is given.

    Findings, runs and plans carry the digest of the policies under which they were made. Its first eight digits are
    enough. Remarks are not kept.
    """
    from governance.cli import policy_catalog  # noqa: PLC0415 - as above

    return policy_catalog.show(options, digest)


@contextmanager
def _perhaps(options: Options, *, needed: bool) -> Iterator[App | None]:
    """Give the application where there is a configuration, or where there must be one."""
    if not needed and options.config is None and not Path(FILE_NAME).exists():
        yield None
        return
    from governance.cli.session import opened  # noqa: PLC0415 - half of the time that files alone take

    with opened(options, check_revision=False) as app:
        yield app


def _shelf(app: App, policies: PolicySet) -> Shelf | None:
    """Arrange the documents of the catalog; None where it cannot be read, which is no fault of the policies."""
    from governance.catalog.migrate import require_current  # noqa: PLC0415 - as above

    try:
        require_current(app.catalog.engine)
        with app.catalog.read() as uow:
            return Shelf.of(uow, policies)
    except KbgovError:
        return None


def _declared(settings: Settings) -> frozenset[str]:
    """Give the keys of metadata that policies may look at."""
    keys = [source.metadata for source in settings.sources.values()]
    keys += [index.fields.metadata for index in settings.indexes.values()]
    return frozenset(key for each in keys for key in each)


def _today() -> date:
    return datetime.now(UTC).date()


def _show(screen: Screen, done: Validated) -> None:
    for item in done.checked.remarks:
        screen.line(f"{item.file}, line {item.line}: {item.message}", "yellow")
        screen.line(f"  next: {item.next_step}")
    if not done.checked.complete:
        why = "So many policies contradict each other, or hold regular expressions,"
        screen.line(f"{why} that no further ones were compared.", "yellow")
    count, files = len(done.policies.policies), plural(len(done.policies.files), "file")
    found = plural(len(done.checked.remarks), "warning") if done.checked.remarks else "no warning"
    policies = "1 policy" if count == 1 else f"{count} policies"
    screen.line(f"{policies} in {files}, {found}; digest {done.policies.digest[:SHORT]}")
    if done.documents is None:
        screen.line("There is no catalog, so no documents were held against them.")
    else:
        screen.line(f"Held against {plural(done.documents, 'document')} of the catalog.")
