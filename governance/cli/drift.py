"""`kbgov drift plan|apply`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from governance.catalog.plans import PlanState, StoredPlan
from governance.cli.columns import brief, code, number, path
from governance.cli.invocation import relative, suggestion
from governance.cli.lines_out import LinesOut
from governance.cli.options import CONFIRM_COUNT, Answer, Options, answering
from governance.cli.session import opened
from governance.cli.text import plural
from governance.domain.errors import InputError
from governance.domain.values import Json
from governance.services.repair import Repaired, Repairer, RepairPlan, plan_repair, stored_plan
from governance.services.repair_items import RepairBy, RepairItem, RepairOp

if TYPE_CHECKING:
    from governance.cli.output import Screen

SHORT: Final = 12
"""Digits of a digest that are shown for typing; the command takes eight or more."""
SHOWN: Final = 20
"""Items of a plan that a table shows."""
NOT_COMPLETE: Final = 1
WORK: Final = "work.jsonl"
_OUT: Final = click.option(
    "--out",
    metavar="FILE|-",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write what is left to your own pipeline as JSON Lines.",
)


@click.group(
    "drift",
    short_help="Plan what makes an index right again, and do it.",
    epilog="\b\nExample:\n  kbgov drift plan\n  kbgov drift apply 3fb1a0c2d4e5 --yes --out work.jsonl",
)
def command() -> None:
    """Plan what would make the indexes right again, and do what may be done here."""


@command.command(
    "plan",
    short_help="List what would make the indexes right again.",
    epilog="\b\nExample:\n  kbgov drift plan\n  kbgov drift plan --out work.jsonl",
)
@_OUT
@answering
def plan(options: Options, out: Path | None) -> Answer:
    """Look at all sources and indexes, and list item by item what would make the indexes right again.

    Nothing is changed. The plan has a digest; 'kbgov drift apply' does it as long as nothing it speaks of has changed.
    """
    target = _target(options, out)
    with opened(options) as app:
        made = plan_repair(app.desk, app.world)
    if target is not None:
        target.write(item.as_line() for item in made.of(RepairBy.PIPELINE))
    return Answer(
        payload={**made.as_json(), "out": str(target) if target else None},
        show=lambda screen: _show_plan(screen, made, target, options),
        aside=target is not None and target.to_stdout,
    )


@command.command(
    "apply",
    short_help="Do what a plan says.",
    epilog="\b\nExample:\n  kbgov drift apply 3fb1a0c2d4e5 --yes --out work.jsonl",
)
@click.argument("digest")
@click.option("--yes", is_flag=True, help="Do it; without this nothing is changed.")
@_OUT
@CONFIRM_COUNT
@answering
def apply(options: Options, digest: str, *, yes: bool, out: Path | None, confirmed: int | None) -> Answer:
    """Do what the plan DIGEST says may be done here, and hand over the rest. Eight digits or more are enough.

    Chunks are deleted in every index; documents are indexed anew where kbgov fills the index itself. The rest is for
    your own pipeline. A plan whose sources or indexes have changed is refused, and one that was interrupted is
    finished. More deletions than the policies allow at once (limits.delete) need their number, typed after
    --confirm-count.

    Exit code 1 when something is still wrong, 6 when the plan was refused.
    """
    target = _target(options, out)
    with opened(options) as app:
        if not yes:
            raise _unconfirmed(stored_plan(app.desk, digest), options)
        repairer = Repairer(app.desk, app.world, app.gate, app.runner, app.embedder)
        done = repairer.apply(digest, lambda items: _hand_over(target, items), confirmed)
    written = target if target is not None and not done.already else None
    return Answer(
        payload={**done.as_json(), "out": str(written) if written else None},
        show=lambda screen: _show_applied(screen, done, written, options),
        exit_code=0 if done.complete else NOT_COMPLETE,
        aside=target is not None and target.to_stdout,
    )


def _target(options: Options, out: Path | None) -> LinesOut | None:
    """Give where lines go. Raises when that cannot be, before anything is looked at or changed."""
    if out is None:
        return None
    target = LinesOut(out)
    if target.to_stdout and options.as_json:
        raise click.UsageError("--json and --out - both write to standard output; give --out FILE")
    return target


def _hand_over(target: LinesOut | None, items: Sequence[RepairItem]) -> None:
    if target is not None:
        target.write(item.as_line() for item in items)


def _unconfirmed(stored: StoredPlan, options: Options) -> InputError:
    """Say what the plan would do, and that nobody has confirmed it."""
    would = " and ".join(_deeds(stored)) or "change nothing"
    if stored.state is PlanState.APPLIED:
        would = "change nothing, for it was applied already"
    return InputError(
        f"--yes is missing, and nothing was changed; this plan would {would}",
        item=stored.digest[:SHORT],
        next_step=suggestion(options, f"drift apply {stored.digest[:SHORT]} --yes"),
    )


def _deeds(stored: StoredPlan) -> Iterator[str]:
    counts = Counter((item.get("op"), item.get("by")) for item in _items(stored.body))
    deleted, indexed = (counts[op.value, RepairBy.KBGOV.value] for op in (RepairOp.DELETE, RepairOp.INDEX))
    left = sum(count for (_, by), count in counts.items() if by == RepairBy.PIPELINE)
    if deleted:
        yield f"delete {plural(deleted, 'chunk')}"
    if indexed:
        yield f"index {plural(indexed, 'document')} anew"
    if left:
        yield f"leave {plural(left, 'document')} to your pipeline"


def _items(body: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    items = body.get("items")
    if isinstance(items, Sequence):
        yield from (item for item in items if isinstance(item, Mapping))


def _show_plan(screen: Screen, made: RepairPlan, target: LinesOut | None, options: Options) -> None:
    """Print counts, items, what is not planned, and what to type next."""
    if made.items:
        screen.line(f"Plan {made.digest[:SHORT]}: {plural(len(made.items), 'item')}. Nothing was changed.")
        _show_counts(screen, made.items)
        _show_items(screen, made.items)
    elif not made.not_planned:
        screen.line("Nothing is to be repaired: the indexes say what their sources say.")
    else:
        screen.line("Nothing is planned.")
    if made.not_planned:
        screen.head("Not planned")
        for sentence in made.not_planned:
            screen.line(sentence)
    if made.items:
        _show_next(screen, made, target, options)


def _show_next(screen: Screen, made: RepairPlan, target: LinesOut | None, options: Options) -> None:
    left = len(made.of(RepairBy.PIPELINE))
    screen.line()
    if target is not None:
        screen.line(_written(left, target))
    file = f" --out {_typed(target)}" if left else ""
    screen.line(f"next: {suggestion(options, f'drift apply {made.digest[:SHORT]} --yes{file}')}", typed=True)


def _typed(target: LinesOut | None) -> str:
    return WORK if target is None or target.to_stdout else relative(Path(str(target)))


def _written(count: int, target: LinesOut) -> str:
    where = "to standard output" if target.to_stdout else f"into {target}"
    return f"{plural(count, 'line')} for your pipeline went {where}."


def _show_counts(screen: Screen, items: Sequence[RepairItem]) -> None:
    counts = Counter((item.op.value, item.by.value, item.reason) for item in items)
    columns = [code("OP"), code("BY"), code("REASON"), number("ITEMS")]
    screen.table(columns, [[*key, count] for key, count in sorted(counts.items())])


def _show_items(screen: Screen, items: Sequence[RepairItem]) -> None:
    first = items[:SHOWN]
    several = len({(item.index, item.partition) for item in items}) > 1
    place = [code("INDEX"), brief("PARTITION")] if several else []
    screen.head("What is to be done" if len(first) == len(items) else f"The first {SHOWN}")
    columns = [code("OP"), code("BY"), code("REASON"), *place, brief("CHUNK"), path("DOCUMENT")]
    rows: list[list[object]] = [
        [
            *(item.op.value, item.by.value, item.reason),
            *((item.index, item.partition or None) if several else ()),
            *(item.chunk_id or None, item.document),
        ]
        for item in first
    ]
    screen.table(columns, rows)
    if len(first) < len(items):
        screen.line(f"{len(items) - len(first)} more: --json shows them all.")


def _show_applied(screen: Screen, done: Repaired, written: LinesOut | None, options: Options) -> None:
    """Print what was done, what is left, and what to type next."""
    short = done.digest[:SHORT]
    if done.already:
        screen.line(f"Plan {short} was applied before; nothing was done.")
        screen.line(f"next: {suggestion(options, 'drift plan')}", typed=True)
        return
    screen.line(f"Plan {short} was applied{'' if done.complete else ', but not completely'}.")
    for sentence in _results(done):
        screen.line(sentence)
    _show_left(screen, done, written, options)


def _results(done: Repaired) -> Iterator[str]:
    yield f"deleted, and looked for in vain: {plural(done.deleted, 'chunk')}"
    if done.absent:
        yield f"gone before: {plural(done.absent, 'chunk')}"
    if done.remaining:
        yield f"STILL THERE: {plural(done.remaining, 'chunk')}"
    if done.indexed:
        yield f"indexed anew: {plural(done.indexed, 'document')}"
    if done.failed:
        yield f"COULD NOT BE INDEXED: {plural(done.failed, 'document')}"


def _show_left(screen: Screen, done: Repaired, written: LinesOut | None, options: Options) -> None:
    left = plural(len(done.pipeline), "document")
    if written is not None:
        screen.line(_written(len(done.pipeline), written))
    elif done.pipeline:
        screen.line(f"left to your pipeline: {left}; give --out FILE to have them as JSON Lines")
    if not done.complete:
        again = suggestion(options, f"drift apply {done.digest[:SHORT]} --yes")
        screen.line(f"next: {again}", typed=True)
    elif done.pipeline and written is None:
        screen.line(f"next: {suggestion(options, f'drift plan --out {WORK}')}", typed=True)
    elif done.pipeline:
        screen.line(f"next: let your pipeline bring them in, then: {suggestion(options, 'audit run')}", typed=True)
    else:
        screen.line(f"next: {suggestion(options, 'audit run')}", typed=True)
