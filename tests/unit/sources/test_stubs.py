from __future__ import annotations

import pytest

from governance.sources.markup import Kind, outline
from governance.sources.stubs import moved_to


def target(text: str) -> str | None:
    parts = outline(text, Kind.MARKDOWN)
    return moved_to(parts.prose, parts.words())


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("# Old\n\nThis page has now moved to [New](/new.html).", "/new.html"),
        ("This page has moved to [New](/new.html) .\n\nPlease update your bookmarks.", "/new.html"),
        ("This page has moved.\n\nYou find it [here](/new).", "/new"),
        ("This page has moved.", ""),
        ("Moved to [New](</new>).", "/new"),
        ("**Moved permanently to** https://example.org/new.", "https://example.org/new"),
        ("> [!NOTE]\n> This content has moved to <https://example.org/new>.", "https://example.org/new"),
        ("This article has been moved to [the new page][new].\n\n[new]: ../new.md", "../new.md"),
        ("This guide was replaced by [New].\n\n[new]: /new", "/new"),
        ("The documentation has been relocated to `guides/new.md`.", "guides/new.md"),
        ("Redirects to [New](/new)", "/new"),
        ("This page redirects to [New](/new)", "/new"),
        ("You can now find this at [New](/new)", "/new"),
        ("This page now lives at [New](/new)", "/new"),
        ("Please see the new page: [New](/new)", "/new"),
        ('This page has moved <a href="/new">here</a>.', "/new"),
        ("This page has moved, see `New <new.html>`_.", "new.html"),
        (":::note\nThis old page has been superseded by [New](/new)\n:::", "/new"),
    ],
)
def test_pages_that_only_say_that_they_moved(text: str, where: str) -> None:
    assert target(text) == where


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# This page has moved",
        "You should use the [official documentation](https://example.org/docs/home/).",
        "This tutorial has been deprecated.\n\nYou should use the [official documentation](https://example.org).",
        "To create a queue, follow the [example](https://example.org/examples) in the module.",
        "See [the guide](/guide).",
        "Our office has moved to 12 High Street. Ring the bell at gate B.",
        "Moved to the new office? Tell reception.",
        "Redirects to the login page happen when a session ends.",
        "If this page has moved, tell the owner.",
        "This guide is available in [PDF](/guide.pdf).",
        "This page has moved to [New](/new). " + "More words that say something else. " * 10,
        "This page has moved to [New](/new) " + "x" * 5_000,
    ],
)
def test_short_pages_that_say_something_are_no_stubs(text: str) -> None:
    assert target(text) is None
