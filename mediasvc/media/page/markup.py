"""XHTML 1.0 built from parts, so that no text can become markup (FAULTS W01).

Every string that is not `Markup` already is escaped; characters that XML forbids become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

VOID = frozenset({"br", "hr", "img", "link", "meta"})
#: What XML 1.0 does not allow, and the controls that turn the direction of text.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
                        "|[\u202a-\u202e\u2066-\u2069\u200e\u200f]")


class Markup(str):
    """Text that is XHTML; only `element` and `join` make it."""

    __slots__ = ()


def text(words: object) -> Markup:
    """Escaped for element content and for attributes."""
    return words if isinstance(words, Markup) else Markup(
        escape(_FORBIDDEN.sub("\ufffd", str(words)), quote=True))


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """``element("p", "a < b", class_="x")``. A void element takes no children.

    An empty element that is not void gets a space, because browsers that read the page as HTML
    take ``<td />`` for an opening tag.
    """
    written = _written(attributes)
    if name in VOID:
        return Markup(f"<{name}{written} />")
    return Markup(f"<{name}{written}>{join(children) or ' '}</{name}>")


def flow(name: str, children: Iterable[object], /, **attributes: object) -> Iterator[Markup]:
    """As `element`, piece by piece, when the children are too many to be held at once."""
    yield Markup(f"<{name}{_written(attributes)}>")
    empty = True
    for child in children:
        written = text(child)
        empty &= not written
        yield written
    yield Markup(f"{' ' * empty}</{name}>")


def _written(attributes: dict[str, object]) -> str:
    return "".join(f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
                   for key, value in attributes.items())


def join(parts: object, separator: str = "") -> Markup:
    """Parts one after the other; a plain string is one part."""
    if isinstance(parts, str) or not hasattr(parts, "__iter__"):
        return text(parts)
    return Markup(separator.join(text(part) for part in parts))


def page(title: str, style: str, *body: object) -> bytes:
    """A whole XHTML 1.0 Strict document, UTF-8. ``style`` is our own CSS."""
    return b"".join(page_flow(title, style, body))


def page_flow(title: str, style: str, body: Iterable[object]) -> Iterator[bytes]:
    """As `page`, piece by piece."""
    head = element(
        "head",
        element("meta", http_equiv="Content-Type", content="text/html; charset=utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(style), type="text/css"))
    # no XML declaration: UTF-8 needs none, and old browsers drop into their quirks mode at it
    yield (b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
           b'"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n'
           b'<html xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en">')
    yield f"{head}\n".encode()
    for part in flow("body", body):
        yield part.encode()
    yield b"</html>\n"
