"""One web page of a disc: is it well-formed, and where do its links lead? (sandbox child)"""

from __future__ import annotations

import posixpath
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit
from xml.parsers.expat import ExpatError, ParserCreate

from mediasvc.model import Finding

LINKS = ("href", "src")
CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f\x7f]")
_PAGE = re.compile(r".*\.HTML?", re.IGNORECASE)


def is_page(parts: tuple[str, ...]) -> bool:
    """INDEX.HTM in the root, and every page of IHE_PDI."""
    return bool(_PAGE.fullmatch(parts[-1])) and (
        len(parts) == 1 or parts[0].upper() == "IHE_PDI")


def check_page(view: memoryview, parts: tuple[str, ...]) -> tuple[list[Finding], list[str]]:
    """(findings, paths on the disc that it links to) of the page that stands at ``parts``."""
    links: list[str] = []
    scripts = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal scripts
        scripts += tag.lower() == "script" or any(name.lower().startswith("on")
                                                  for name in attributes)
        linked = [value for name, value in attributes.items() if name.lower() in LINKS]
        scripts += any(urlsplit(link.strip()).scheme == "javascript" for link in linked)
        links.extend(linked)

    parser = ParserCreate()
    parser.StartElementHandler = start
    try:
        parser.Parse(bytes(view), True)
    except (ExpatError, ValueError):
        return [_finding("it is not well-formed XHTML")], []
    findings = [_finding("it holds scripts")] if scripts else []
    return findings, sorted(set(_local(links, "/".join(parts[:-1]))))


def _finding(text: str) -> Finding:
    return Finding("error", "rule-pdi-3", "", text, "PDI-3")


def _local(links: list[str], folder: str) -> Iterator[str]:
    for link in links:
        split = urlsplit(link)
        if split.path and not split.scheme and not split.netloc:
            yield posixpath.normpath(posixpath.join(folder, unquote(split.path)))


def check_readme(view: memoryview) -> list[Finding]:
    """Text that every program shows: ASCII, UTF-8, or one byte for each sign; never UTF-16."""
    data = bytes(view)
    text = data.removeprefix(BOM_UTF8)
    if not any(sign.isalnum() for sign in text.decode("latin-1")):
        return [_of_readme("there is nothing in it")]
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in data:
        return [_of_readme("it is not plain text, but UTF-16 or something else")]
    if CONTROLS.search(text):
        return [_of_readme("it is not plain text: it holds control characters")]
    return []


def _of_readme(words: str) -> Finding:
    return Finding("error", "rule-pdi-8", "", words, "PDI-8")
