"""Rules about code that no linter knows."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from statistics import median

import pytest
from sqlalchemy import JSON, Text

from governance.catalog.tables import metadata

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "asctime"},
}
READ_THE_CLOCK = ("governance/bootstrap", "governance/cli/", "jobs/")
LOG_WRITERS = {("governance/catalog/log.py", "Log.append"), ("governance/catalog/log.py", "<module>")}
LOG_TABLES = {"audit_entry", "audit_head", "event"}
LONGEST_MODULE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 500, 80, 12
IN_ONE_FILE = {"governance/outside/check_export.py"}
"""Handed to outsiders as one file, which imports nothing of ours."""

HOLDS_NO_IDENTIFIER = {
    "document.problems": "codes, field names and line numbers",
    "run.areas": "words of --only",
    "run.counts": "counts by name",
    "event.counts": "counts by name",
    "audit_entry.body": "codes, counts and pseudonyms from an allow-list, see domain.log_entry",
    "audit_checkpoint.note": "sizes, hashes and signatures",
    "log_key.verifier": "a public key",
    "finding_period.message": "a sentence of ours; owners and members of clusters have columns of their own",
}


def clock_readings(modules: Iterable) -> Iterator[str]:
    """Give every place that asks for the present moment."""
    for module in modules:
        for where, node in module.walk():
            if isinstance(node, ast.Attribute):
                receiver = ast.unparse(node.value).rpartition(".")[2]
                if node.attr in CLOCKS.get(receiver, ()):
                    yield f"{module.path} {where}: {ast.unparse(node)}"
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                for name in node.names:
                    if name.name in CLOCKS["time"]:
                        yield f"{module.path} {where}: from time import {name.name}"


def log_writings(modules: Iterable) -> Iterator[tuple[str, str]]:
    """Give every place that writes to the tables of the log."""
    for module in modules:
        for where, node in module.walk():
            if isinstance(node, ast.Call) and _writes_log(node):
                yield module.path, where
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _in_words(node.value.lower()):
                yield module.path, where


def _in_words(text: str) -> bool:
    return any(f"{verb} {table}" in text for table in LOG_TABLES for verb in ("insert into", "update", "delete from"))


def _writes_log(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    tables = {ast.unparse(part).rpartition(".")[2] for part in call.args}
    receiver = ast.unparse(call.func).split(".")
    return (name in {"insert", "update", "delete", "upsert", "make"} and LOG_TABLES & tables) or (
        len(receiver) > 1 and receiver[-2] in LOG_TABLES and name in {"insert", "update", "delete"}
    )


def test_services_are_told_what_time_it_is(modules: tuple) -> None:
    below = [module for module in modules if not module.path.startswith(READ_THE_CLOCK)]
    assert list(clock_readings(below)) == []


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import datetime, UTC\nnow = datetime.now(UTC)",
        "import datetime\nday = datetime.date.today()",
        "import time\n\ndef f():\n    return time.time()",
        "from time import time_ns",
        "from datetime import date\nclock = date.today",
    ],
)
def test_a_planted_reading_of_the_clock_is_seen(parsed: object, code: str) -> None:
    assert list(clock_readings([parsed("governance/services/planted.py", code)]))


def test_how_long_something_took_may_be_measured(parsed: object) -> None:
    code = "from time import perf_counter, monotonic\nstart = perf_counter()"
    assert not list(clock_readings([parsed("governance/indexes/planted.py", code)]))


def test_the_unit_of_work_is_the_only_way_into_the_log(modules: tuple) -> None:
    assert set(log_writings(modules)) == LOG_WRITERS
    makers = {
        (module.path, where)
        for module in modules
        for where, node in module.walk()
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Log"
    }
    assert makers == {("governance/catalog/unit_of_work.py", "UnitOfWork.__init__")}
    recorders = {
        (module.path, where)
        for module in modules
        for where, node in module.walk()
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "self.log.record"
    }
    assert recorders == {("governance/catalog/unit_of_work.py", "UnitOfWork.record")}


@pytest.mark.parametrize(
    "code",
    [
        "c.execute(insert(audit_entry).values(seq=1))",
        "c.execute(tables.audit_head.insert())",
        "c.execute(update(tables.audit_entry))",
        "upsert(c, audit_head, rows)",
        "c.execute(text('INSERT INTO audit_entry VALUES (1)'))",
        "c.execute(text('DELETE FROM event'))",
    ],
)
def test_a_planted_writing_to_the_log_is_seen(parsed: object, code: str) -> None:
    assert list(log_writings([parsed("governance/services/planted.py", code)]))


def test_every_column_that_may_hold_an_identifier_is_declared() -> None:
    wide = {
        f"{table.name}.{column.name}": bool(column.info.get("identifier"))
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, (Text, JSON))
    }
    undeclared = {name for name, declared in wide.items() if not declared}
    assert undeclared == set(HOLDS_NO_IDENTIFIER)
    assert len(wide) > len(undeclared)


def test_modules_and_functions_are_short(modules: tuple) -> None:
    long_modules = {
        module.path: module.lines
        for module in modules
        if module.lines > LONGEST_MODULE and module.path not in IN_ONE_FILE
    }
    assert long_modules == {}
    lengths = {
        f"{module.path} {where}": (node.end_lineno or 0) - node.lineno + 1
        for module in modules
        for where, node in module.functions()
    }
    assert {where: length for where, length in lengths.items() if length > LONGEST_FUNCTION} == {}
    assert median(lengths.values()) <= MEDIAN_FUNCTION


def test_no_module_imports_relatively_or_leaves_a_reminder(modules: tuple) -> None:
    relative = [m.path for m in modules for _, node in m.walk() if isinstance(node, ast.ImportFrom) and node.level]
    assert relative == []
    marks = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    assert [module.path for module in modules if any(mark in module.text for mark in marks)] == []
