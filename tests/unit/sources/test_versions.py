from __future__ import annotations

import re

import pytest

from governance.domain.errors import ConfigError
from governance.sources.versions import VersionRule

SHIPPED = VersionRule.of(None)


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("dsc-1.1", "1.1"),
        ("v2", "2"),
        ("V2", "2"),
        ("v2.3", "2.3"),
        ("2.0", "2.0"),
        ("1.9.x", "1.9.x"),
        ("release-1.9", "1.9"),
        ("release-v10", "10"),
        ("version-3.1.4", "3.1.4"),
        ("my_product_2.0", "2.0"),
        ("2.0-rc1", "2.0-rc1"),
        ("4.17.0-beta.2", "4.17.0-beta.2"),
    ],
)
def test_folders_that_are_versions(folder: str, version: str) -> None:
    found = SHIPPED.read(f"docs/{folder}/guide/start.md")
    assert (found.version, found.logical_id) == (version, "docs/*/guide/start.md")


@pytest.mark.parametrize(
    "folder",
    ["2024", "3", "01", "2024.03", "2024.03.15", "v", "release-", "1.2 introduction", "chapter-3", "vienna", "x.y"],
)
def test_folders_that_are_none(folder: str) -> None:
    found = SHIPPED.read(f"docs/{folder}/start.md")
    assert (found.version, found.logical_id) == (None, f"docs/{folder}/start.md")


def test_a_file_name_is_no_folder() -> None:
    assert SHIPPED.read("docs/v2.0").version is None


def test_the_outermost_folder_decides() -> None:
    found = SHIPPED.read("v1.28/apps/v1/deployment.md")
    assert (found.version, found.logical_id) == ("1.28", "*/apps/v1/deployment.md")


@pytest.mark.parametrize(
    ("pattern", "version"),
    [("(?P<version>[0-9]{4})-edition", "2024"), ("([0-9]{4})-edition", "2024"), (".*-edition", "2024-edition")],
)
def test_a_configured_pattern_gives_its_group_or_all(pattern: str, version: str) -> None:
    found = VersionRule.of(pattern).read("books/2024-edition/a.md")
    assert (found.version, found.logical_id) == (version, "books/*/a.md")


def test_switched_off() -> None:
    found = VersionRule.of(None, enabled=False).read("docs/v2/a.md")
    assert (found.version, found.logical_id) == (None, "docs/v2/a.md")


def test_a_pattern_that_is_none_names_the_key() -> None:
    with pytest.raises(ConfigError, match="no regular expression") as caught:
        VersionRule.of("(")
    assert caught.value.item == "version_path_pattern"


def test_the_shipped_pattern_is_quick_on_hostile_names() -> None:
    for name in ("a-" * 120, "1." * 120, "v" + "1" * 250, "a" * 255):
        assert SHIPPED.read(f"{name}/a.md").version is None
    assert isinstance(SHIPPED.pattern, re.Pattern)
