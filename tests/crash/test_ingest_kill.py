from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.domain.documents import DocumentState
from tests.knowledge_base import KnowledgeBase, paragraphs

CHILD = Path(__file__).with_name("gate_child.py")
MOMENTS = 20


def lay_out(base: KnowledgeBase) -> None:
    """Bring a knowledge base to where the next ingest adds, edits, patches, suspects and removes."""
    for number in range(24):
        base.page(f"page-{number:02}.md", paragraphs(f"topic {number}"), title=f"Page {number}")
    base.ingest()
    for number in range(4):
        (base.root / f"page-{number:02}.md").unlink()
    base.ingest()
    for number in range(4, 7):
        (base.root / f"page-{number:02}.md").unlink()
    for number in range(7, 13):
        base.page(f"page-{number:02}.md", paragraphs(f"topic {number} edited"), title=f"Page {number}")
    for number in range(13, 18):
        base.page(f"page-{number:02}.md", paragraphs(f"topic {number}"), title=f"Page {number}", owner="docs-team")
    for number in range(30, 34):
        base.page(f"page-{number:02}.md", paragraphs(f"topic {number}"), title=f"Page {number}")


def child(folder: Path, url: str, moment: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(folder), url, str(moment), "ingest"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def split_pages(base: KnowledgeBase, before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """Give the pages of which neither the whole old version nor the whole new one can be retrieved."""
    now = {name: set(texts) for name, texts in base.texts().items()}
    lost = []
    for name in before.keys() & after.keys():
        has = now.get(name, set())
        if not (set(before[name]) <= has or set(after[name]) <= has):
            lost.append(name)
    return lost


def noted_absence(base: KnowledgeBase) -> bool:
    """Say whether the killed run still came to count its listing: the next one is then the second."""
    with base.catalog.read() as uow:
        return uow.documents.known("pages")["page-04.md"].state is DocumentState.SUSPECT


@pytest.mark.crash
@pytest.mark.parametrize("part", range(4))
def test_a_killed_ingest_is_finished_by_the_next_as_if_undisturbed(
    part: int, tmp_path: Path, spare_catalog_urls: Iterator[str]
) -> None:
    calm = KnowledgeBase(tmp_path / "calm" / "pages", tmp_path / "calm" / "index.db", next(spare_catalog_urls))
    lay_out(calm)
    before = calm.texts()
    undisturbed = child(tmp_path / "calm", calm.catalog_url, 0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    after, undisturbed_once = calm.texts(), calm.state()
    calm.ingest()
    undisturbed_twice = calm.state()
    moments = int(undisturbed.stdout)
    assert moments >= MOMENTS
    for number in range(part, MOMENTS, 4):
        kill_at = 1 + number * (moments - 1) // (MOMENTS - 1)
        folder = tmp_path / f"killed-{number}"
        base = KnowledgeBase(folder / "pages", folder / "index.db", next(spare_catalog_urls))
        lay_out(base)
        killed = child(folder, base.catalog_url, kill_at)
        assert killed.returncode == -signal.SIGKILL, (kill_at, killed.stderr)
        assert split_pages(base, before, after) == [], kill_at
        expected = undisturbed_twice if noted_absence(base) else undisturbed_once
        base.ingest()
        assert base.state() == expected, kill_at
        assert base.unaccounted() == [], kill_at
        base.close()
    calm.close()
