from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.sources.htmltext import html_to_text

PAGE = """<!DOCTYPE html>
<html><head><title>Leave &amp;
 absence | Handbook</title><style>p { color: red }</style>
<script>if (a < b) { document.write("<p>no</p>") }</script></head>
<body>
<!-- a note for editors -->
<h1 class="x">Leave <em>policy</em></h1>
<p>Everybody has
   25&nbsp;days. See <a class="l" href="/hr?a=1&amp;b=2">the <b>form</b></a>.</p>
<ul><li>one</li><li>two</li></ul>
<pre># not a heading
  indented</pre>
<table><tr><td>a</td><td>b</td></tr></table>
<p>1 < 2 &lt; 3<br/>done</p>
</body></html>"""


def test_a_page_becomes_text_with_headings_links_and_lists() -> None:
    page = html_to_text(PAGE)
    assert (page.title, page.refresh) == ("Leave & absence | Handbook", None)
    assert page.text == (
        "# Leave policy\n\nEverybody has 25 days. See [the form](/hr?a=1&b=2).\n\n- one\n- two\n\n"
        "```\n# not a heading\n  indented\n```\n\na b\n\n1 < 2 < 3\ndone"
    )


@pytest.mark.parametrize(
    ("tag", "target"),
    [
        ('<meta http-equiv="refresh" content="0; url=/new">', "/new"),
        ("<META CONTENT='5;URL=\"https://example.org/a?b&amp;c\"' HTTP-EQUIV=Refresh>", "https://example.org/a?b&c"),
        ('<meta http-equiv="refresh" content="300">', None),
        ('<meta name="refresh" content="0; url=/new">', None),
        ("<p>&lt;meta http-equiv=refresh content=0;url=/new&gt;</p>", None),
    ],
)
def test_a_meta_refresh(tag: str, target: str | None) -> None:
    assert html_to_text(f"<html><head>{tag}</head></html>").refresh == target


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("plain", "plain"),
        ("a <b", "a"),
        ("a < b", "a < b"),
        ("a<!-- never closed", "a"),
        ("a<script>never closed", "a"),
        ("a<svg/>b", "ab"),
        ("</p>a</a>", "a"),
        ("<a>a</a> <a href=/x>b</a>", "a [b](/x)"),
        ("<p>a</p>\n\n\n\n<p>b</p>", "a\n\nb"),
    ],
)
def test_anything_is_taken(page: str, text: str) -> None:
    assert html_to_text(page).text == text


@given(st.lists(st.sampled_from(["<", ">", "<p>", "</p>", "<a href='", "'", "<!--", "-->", "<pre>", "x", " ", "&#0;"])))
def test_no_text_makes_it_fail(pieces: list[str]) -> None:
    assert isinstance(html_to_text("".join(pieces)).text, str)
