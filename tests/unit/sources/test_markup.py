from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.sources.markup import Kind, Template, kind_of, outline, without_template_tags


@pytest.mark.parametrize(
    ("name", "kind", "template"),
    [
        ("a.md", Kind.MARKDOWN, Template.NONE),
        ("a/b.mdx", Kind.MARKDOWN, Template.NONE),
        ("a.html", Kind.HTML, Template.NONE),
        ("a.rst", Kind.UNDERLINED, Template.NONE),
        ("A.TXT", Kind.UNDERLINED, Template.NONE),
        ("a.html.md.erb", Kind.MARKDOWN, Template.ERB),
        ("a.html.erb", Kind.HTML, Template.ERB),
        ("a.txt.j2", Kind.UNDERLINED, Template.BRACES),
        ("a.md.liquid", Kind.MARKDOWN, Template.BRACES),
        ("x.html/README", Kind.MARKDOWN, Template.NONE),
        ("a.erb", Kind.MARKDOWN, Template.ERB),
    ],
)
def test_how_a_name_says_to_read(name: str, kind: Kind, template: Template) -> None:
    assert kind_of(name) == (kind, template)


@pytest.mark.parametrize(
    ("template", "text", "bare"),
    [
        (Template.ERB, "a <%= b %> c", "a  c"),
        (Template.ERB, "a <%-\n b\n-%> c", "a  c"),
        (Template.ERB, "a <%# b %><% c %>d", "a d"),
        (Template.ERB, "a <% never closed", "a <% never closed"),
        (Template.ERB, "{{ stays }}", "{{ stays }}"),
        (Template.ERB, "# <%= title %>\n\nBody", "\nBody"),
        (Template.ERB, "# <%= title %> more\nBody", "#  more\nBody"),
        (Template.BRACES, "a {{ b }} c {%- if d -%}e{% endif %}{# f #}", "a  c e"),
        (Template.BRACES, "{% raw %}{{ stays }}{% endraw %} {{ goes }}", "{{ stays }} "),
        (Template.BRACES, "a{%- comment -%} hidden {{ x }} {% endcomment %}b", "ab"),
        (Template.BRACES, "a {% raw %} never closed {{ b }}", "a  never closed {{ b }}"),
        (Template.BRACES, "a {{ never closed", "a {{ never closed"),
        (Template.BRACES, "<% stays %>", "<% stays %>"),
        (Template.NONE, "{{ helm }} <% x %>\n# \n", "{{ helm }} <% x %>\n# \n"),
    ],
)
def test_template_tags_are_no_text(template: Template, text: str, bare: str) -> None:
    assert without_template_tags(text, template) == bare


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("# Title\ntext", "Title"),
        ("text\n\n### Deep title ###\n", "Deep title"),
        ("#\tTabbed", "Tabbed"),
        ("#hashtag\n\n# Title", "Title"),
        ("    # code\n\n# Title", "Title"),
        ("```sh\n# comment\n```\n# Title", "Title"),
        ("  - item\n\n    ~~~~\n    # comment\n    ~~~\n    # more\n    ~~~~\n# Title", "Title"),
        ("```\n# the fence never closes", None),
        ("Title\n=====\ntext", "Title"),
        ("Title\n---\ntext", "Title"),
        ("two lines\nof prose\n---\n\n# Title", "Title"),
        ("- item\n---\n# Title", "Title"),
        ("> quote\n---\n# Title", "Title"),
        ("| a |\n---\n# Title", "Title"),
        ("---\n===\n# Title", "Title"),
        ("# \n## Title", "Title"),
        ("# <%= current_page.data.title %>\n## Title", "Title"),
        ("# {{ page.title }}\n## Title", "Title"),
        ("# {{ page.title }} guide", "{{ page.title }} guide"),
        ("<!-- # Hidden -->\n# Title", "Title"),
        ("# [Title](https://example.org) of ![an *image*](x.png)", "Title of an image"),
        ("# `kbgov` **is** _here_, snake_case \\# stays {#anchor}", "kbgov is here, snake_case # stays"),
        ("# C# and F# basics #", "C# and F# basics"),
        ("# Fish &amp; <em>chips</em>", "Fish & chips"),
        ('<h1 align="center">Title</h1>\n', "Title"),
        ("# " + "x" * 5_000, "x" * 299 + "…"),
        ("", None),
        ("only text", None),
    ],
)
def test_the_first_heading_of_markdown(text: str, heading: str | None) -> None:
    assert outline(text, Kind.MARKDOWN).heading == heading


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("Title\n=====\n\ntext", "Title"),
        ("=====\nTitle\n=====\n", "Title"),
        ("Title\n~~~~~~~~\n", "Title"),
        ("A long title\n===\n\nShort\n-----", "Short"),
        ("# no heading here", None),
        ("text\n\n----\n\ntext", None),
    ],
)
def test_titles_that_are_underlined(text: str, heading: str | None) -> None:
    assert outline(text, Kind.UNDERLINED).heading == heading


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("# Only a heading\n\n## And another\n", 0),
        ("Setext\n------\n", 0),
        ("<!-- four words in here -->", 0),
        ("three words here", 3),
        ("a - b -- c | *** d.", 4),
        ("```python\nx = 1\n```", 2),
        ("[link text](https://example.org)", 2),
        ("<!-- never closed", 2),
        ("日本語の文章", 1),
    ],
)
def test_words_outside_headings(text: str, words: int) -> None:
    assert outline(text, Kind.MARKDOWN).words() == words


@given(st.lists(st.sampled_from(["# a", "b", "---", "===", "```", "~~~", "", "- x", "<!--", "-->", "    c"])))
def test_every_line_is_heading_fence_comment_or_prose(lines: list[str]) -> None:
    parts = outline("\n".join(lines), Kind.MARKDOWN)
    assert len(parts.prose) <= max(len(lines), 1)
    if "<!--" not in lines:
        assert set(parts.prose) <= {*lines, ""}
