"""What tests of the code's shape read: the tree of files, parsed once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Module:
    """One file of code, and where in it things stand."""

    path: str
    text: str = field(repr=False)
    tree: ast.Module = field(repr=False)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def walk(self) -> Iterator[tuple[str, ast.AST]]:
        """Give every node with the name of what it stands in ("Class.method", "<module>")."""
        return _walk(self.tree, ())

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Give every function with its whole name."""
        for where, node in self.walk():
            if isinstance(node, Function):
                yield where, node


def _walk(node: ast.AST, inside: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    here = (*inside, node.name) if isinstance(node, Named) else inside
    yield ".".join(here) or "<module>", node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, here)


def parse(path: str, text: str) -> Module:
    return Module(path, text, ast.parse(text, path))


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def parsed() -> Callable[[str, str], Module]:
    """Give the function that reads planted code as it reads the project's."""
    return parse


@pytest.fixture(scope="session")
def modules() -> tuple[Module, ...]:
    """Give every module of the packages, tests and migrations not among them."""
    files = sorted(path for package in ("governance", "jobs") for path in (ROOT / package).rglob("*.py"))
    assert len(files) > 50, "the packages are not where they should be"
    return tuple(parse(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in files)


@pytest.fixture(scope="session")
def tracked() -> tuple[Path, ...]:
    """Give every file that is or would be committed, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this copy of the project is no git checkout")
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return tuple(Path(name) for name in names if (ROOT / name).is_file())
