"""HTML as text: headings, links and lists in Markdown's signs, scripts and markup off. Linear, and takes anything.

Not a parser of HTML: what it makes is read by chunkers and people, never by a browser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LONGEST_TAG: Final = 2_000
_NAME: Final = re.compile(r"/?[A-Za-z][A-Za-z0-9:-]{0,40}(?=[\s/>]|\Z)")
_ATTRIBUTE: Final = r"""(?:^|[\s"'/]){}\s{{0,9}}=\s{{0,9}}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
_HREF: Final = re.compile(_ATTRIBUTE.format("href"), re.IGNORECASE)
_CONTENT: Final = re.compile(_ATTRIBUTE.format("content"), re.IGNORECASE)
_HTTP_EQUIV: Final = re.compile(_ATTRIBUTE.format("http-equiv"), re.IGNORECASE)
_REFRESH: Final = re.compile(r"\s*[0-9]{0,6}(?:\.[0-9]*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?([^\"']+)", re.IGNORECASE)
_DROPPED: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style", "template", "svg", "title")
}
_BLOCKS: Final = (
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "head", "header", "hr", "html", "legend", "main", "nav", "ol",
    "p", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
)  # fmt: skip
_SIGNS: Final = (
    dict.fromkeys((mark + name for mark in ("", "/") for name in _BLOCKS), "\n\n")
    | {f"h{level}": f"\n\n{'#' * level} " for level in range(1, 7)}
    | {f"/h{level}": "\n\n" for level in range(1, 7)}
    | {"br": "\n", "li": "\n- ", "td": " ", "th": " ", "pre": "\n\n```\n", "/pre": "\n```\n\n"}
)
_GAPS: Final = re.compile(r"\n(?:[ \t]*\n){2,}")


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What a page says.

    Attributes:
        title: Words of the `title` element.
        refresh: Where a `meta` refresh sends the reader, None without one.

    """

    text: str = field(repr=False)
    title: str | None
    refresh: str | None


def html_to_text(page: str) -> HtmlText:
    """Read a page. Elements that are never closed and `<` that opens nothing are taken as they come."""
    reader = _Reader()
    for tag, piece in _tokens(page):
        reader.take(tag, piece)
    return HtmlText(reader.text(), reader.title, reader.refresh)


def _tokens(page: str) -> Iterator[tuple[str, str]]:
    """Give ("", text), or a tag's name in lower case ("/p" when it closes) with all that stands in the tag."""
    done = position = 0
    while (start := page.find("<", position)) >= 0:
        name = _NAME.match(page, start + 1)
        if not name and not page.startswith(("<!", "<?"), start):
            position = start + 1
            continue
        yield "", page[done:start]
        mark = "-->" if page.startswith("<!--", start) else ">"
        end = page.find(mark, start + 2)
        if end < 0:
            return  # never closed: a browser shows nothing of the rest either
        done = position = end + len(mark)
        if name:
            tag, inside = name[0].lower(), page[name.end() : end]
            yield tag, inside
            if tag in _DROPPED and not inside.endswith("/"):
                close = _DROPPED[tag].search(page, position)
                if not close:
                    return
                yield "#" + tag, page[position : close.start()]
                done = position = close.start()
    yield "", page[done:]


class _Reader:
    """Writes the text as tags come by."""

    def __init__(self) -> None:
        self.title: str | None = None
        self.refresh: str | None = None
        self._out: list[str] = []
        self._links: list[str] = []
        self._verbatim = False

    def text(self) -> str:
        return _GAPS.sub("\n\n", "".join(self._out)).strip()

    def take(self, tag: str, piece: str) -> None:
        if not tag:
            self._words(html.unescape(piece))
        elif tag == "#title":
            self.title = self.title or " ".join(html.unescape(piece).split()) or None
        elif tag == "meta":
            self.refresh = self.refresh or _refresh(piece)
        elif tag in {"a", "/a"}:
            self._link(tag, piece)
        else:
            self._block(tag)

    def _words(self, words: str) -> None:
        if words and not self._verbatim:
            before = "" if self._fresh() or not words[0].isspace() else " "
            after = " " if words[-1].isspace() and not words.isspace() else ""
            words = before + " ".join(words.split()) + after
        self._write(words)

    def _fresh(self) -> bool:
        return not self._out or self._out[-1][-1].isspace()

    def _write(self, piece: str) -> None:
        if piece:
            self._out.append(piece)

    def _block(self, tag: str) -> None:
        if tag in {"pre", "/pre"}:
            self._verbatim = tag == "pre"
        sign = _SIGNS.get(tag, "")
        self._write("" if sign == " " and self._fresh() else sign)

    def _link(self, tag: str, piece: str) -> None:
        if tag == "a":
            target = _attribute(_HREF, piece)
            self._links.append(target)
            self._write("[" if target else "")
        elif self._links:
            target = self._links.pop()
            self._write(f"]({target})" if target else "")


def _attribute(pattern: re.Pattern[str], tag: str) -> str:
    match = pattern.search(tag[:_LONGEST_TAG])
    return html.unescape(match[1] or match[2] or match[3] or "").strip() if match else ""


def _refresh(tag: str) -> str | None:
    if _attribute(_HTTP_EQUIV, tag).lower() != "refresh":
        return None
    match = _REFRESH.match(_attribute(_CONTENT, tag))
    return match[1].strip() if match else None
