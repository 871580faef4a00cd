"""Every place that could change an index is named here; a new one has to be added on purpose."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest

CHANGING = frozenset({"put", "patch", "delete", "purge", "writer"})
BY_NAME = frozenset({"getattr", "methodcaller", "attrgetter"})
GATE = "governance/services/gate.py"

THE_GATE = {
    f"{GATE} WriteGate.put: writer.put",
    f"{GATE} WriteGate.delete: writer.delete",
    f"{GATE} WriteGate.purge: writer.purge",
    f"{GATE} WriteGate._writer: self._indexes[index].writer",
    f"{GATE} _patch_all: writer.patch",
}
"""The only calls of a mutating method of an index in this project."""

THROUGH_THE_GATE = {
    "governance/services/ingest_write.py DocumentWriter._put: self._parts.gate.put",
    "governance/services/ingest_write.py DocumentWriter._patch: self._parts.gate.patch",
    "governance/services/ingest_write.py delete_chunks: gate.delete",
    "governance/services/repair.py Repairer._delete_some: self._gate.delete",
    "governance/services/write_back.py _patch: gate.patch",
    "governance/services/doctor_index.py _after_delete: patient.gate.put",
    "governance/services/doctor_index.py _after_delete: patient.gate.delete",
    "governance/services/doctor_index.py _tidy: patient.gate.purge",
}
"""Services that ask the gate for a change."""

OTHER_THINGS_OF_THE_SAME_NAME = {
    # the memory of set-wise detectors, a table of the catalog
    "governance/services/audit_observe.py sign: uow.signatures.put",
    # files of keys
    "governance/keyring/making.py put_back: opened.put",
    "governance/keyring/making.py _make: opened.put",
    # what is to be put, a field of a plan
    "governance/services/ingest_plan.py DocumentChange.nothing_to_do: self.put",
    "governance/services/ingest_plan.py DocumentChange.nothing_to_do: self.delete",
    "governance/services/ingest_write.py DocumentWriter._embed: change.put",
    "governance/services/ingest_write.py DocumentWriter._embed_one_by_one: change.put",
    "governance/services/ingest_write.py DocumentWriter._put: change.put",
    "governance/services/ingest_write.py DocumentWriter._delete: change.delete",
}


INSIDE_ADAPTERS = {
    # the rows of the in-memory index, in its own writer
    "governance/indexes/memory.py MemoryWriter.put: store.put",
    "governance/indexes/memory.py MemoryWriter.patch: store.put",
}


PERMITTED_BY = {"governance/services/gate.py WriteGate.permit"}
"""The only place that gives out a permit."""


def mentions(modules: Iterable) -> Iterator[str]:
    """Give every mention of a changing method, called or handed on, as "file function: receiver.method"."""
    for module in modules:
        for where, node in module.walk():
            text = _mention(node)
            if text is not None:
                yield f"{module.path} {where}: {text}"


def _mention(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and node.attr in CHANGING:
        return ast.unparse(node)
    if isinstance(node, ast.Call) and _last_name(node.func) in BY_NAME:
        named = {part.value for part in node.args if isinstance(part, ast.Constant)}
        return ast.unparse(node) if named & CHANGING else None
    return None


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def test_only_the_write_gate_calls_a_mutating_method_of_an_index(modules: tuple) -> None:
    inside_adapters = "governance/indexes/"
    found = {item for item in mentions(modules) if not item.startswith(inside_adapters)}
    known = THE_GATE | THROUGH_THE_GATE | OTHER_THINGS_OF_THE_SAME_NAME
    assert found - known == set(), "a new mention: go through the gate, then name the place here"
    assert known - found == set(), "named here, and no longer in the code"


def test_an_adapter_changes_nothing_but_itself(modules: tuple) -> None:
    adapters = [module for module in modules if module.path.startswith("governance/indexes/")]
    assert adapters
    assert {item for item in mentions(adapters) if ": self." not in item} == INSIDE_ADAPTERS


@pytest.mark.parametrize(
    "code",
    [
        "def f(index):\n    index.writer('').put([])",
        "def f(writer, ids):\n    for one in map(writer.delete, ids):\n        print(one)",
        "class A:\n    async def f(self):\n        self.port.purge()",
        "f = lambda w: w.patch([], {})",
        "def f(index):\n    getattr(index, 'writer')()",
        "from operator import methodcaller\nerase = methodcaller('purge')",
        "import operator\nerase = operator.attrgetter('delete')",
    ],
)
def test_the_scan_sees_a_planted_change(parsed: object, code: str) -> None:
    assert list(mentions([parsed("governance/services/planted.py", code)]))


def test_the_scan_names_file_function_and_receiver(parsed: object) -> None:
    code = "class A:\n    def f(self):\n        self.main.writer().put([])"
    assert set(mentions([parsed("jobs/planted.py", code)])) == {
        "jobs/planted.py A.f: self.main.writer().put",
        "jobs/planted.py A.f: self.main.writer",
    }


def permits(modules: Iterable) -> Iterator[str]:
    """Give every place that makes a permit, as "file function"."""
    for module in modules:
        for where, node in module.walk():
            if isinstance(node, ast.Call) and _last_name(node.func) == "Permit":
                yield f"{module.path} {where}"


def test_the_gate_alone_gives_out_permits(modules: tuple) -> None:
    assert set(permits(modules)) == PERMITTED_BY


@pytest.mark.parametrize("code", ["Permit(deed, {})", "import governance.services.blast_radius as b\nb.Permit(1, {})"])
def test_a_planted_permit_is_seen(parsed: object, code: str) -> None:
    assert list(permits([parsed("governance/services/planted.py", code)]))
