"""The conformance statement for people: as text and as one XHTML page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from mediasvc.media.page.markup import Markup, element, page

WIDTH = 96
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1b1b; background: #fff; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
         border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #888; }
.proof { color: #666; font-size: .8rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
"""
#: Chapters that have tables beside their claims: number → what stands there.
TABLES = {"7.2": "profiles", "7.2.1": "rules", "7.3": "private_profiles"}
HEAD = ("profile", "annex", "medium", "creator", "reader", "transfer syntaxes", "SOP classes")


def as_text(statement: dict[str, Any]) -> str:
    return "\n".join(_lines(statement)) + "\n"


def _lines(statement: dict[str, Any]) -> Iterator[str]:
    yield from ("DICOM conformance statement: media storage", "", _product(statement), "")
    for chapter in statement["chapters"]:
        yield from (f"{chapter['number']}  {chapter['title']}", "")
        for text in _paragraphs(statement, chapter):
            yield from (*textwrap.wrap(text, WIDTH), "")
        for row in _rows(statement, chapter["number"]):
            yield from textwrap.wrap("   ".join(row), WIDTH, initial_indent="  ",
                                     subsequent_indent="      ")
        if TABLES.get(chapter["number"]):
            yield ""
    yield from ("Not claimed", "")
    for text in statement["not_claimed"]:
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def as_page(statement: dict[str, Any]) -> bytes:
    parts: list[Markup] = [element("h1", "DICOM conformance statement: media storage"),
                           element("p", _product(statement))]
    for chapter in statement["chapters"]:
        parts.append(element("h2", f"{chapter['number']} {chapter['title']}"))
        said = [claim["text"] for claim in chapter["claims"]]
        parts += [element("p", claim["text"], " ", element(
            "span", "Proven by " + ", ".join(claim["proofs"]), class_="proof"))
            for claim in chapter["claims"]]
        parts += [element("p", text) for text in _paragraphs(statement, chapter)
                  if text not in said]
        rows = list(_rows(statement, chapter["number"]))
        if rows:
            head = ("rule", "level", "what holds") if chapter["number"] == "7.2.1" else HEAD
            parts.append(element(
                "table", element("tr", *(element("th", name) for name in head)),
                *(element("tr", *(element("td", cell) for cell in row)) for row in rows)))
    parts += [element("h2", "Not claimed"),
              element("ul", *(element("li", text) for text in statement["not_claimed"]))]
    return page("DICOM conformance statement", STYLE, *parts)


def _product(statement: dict[str, Any]) -> str:
    return (f"{statement['product']} {statement['version']}, Implementation Class UID "
            f"{statement['implementation_class_uid']}, Version Name "
            f"{statement['implementation_version_name']}")


def _paragraphs(statement: dict[str, Any], chapter: dict[str, Any]) -> list[str]:
    own = {
        "7.2": "FSC: File-set Creator, FSR: File-set Reader. File-sets are never updated.",
        "7.2.1": "Every file-set is judged by these rules; `must` decides, `should` is advice.",
        "7.3": "Declared profiles, which are not those of PS3.11, and the site's own:",
        "7.4": "Profiles of the site's own lie in HOME/profiles, recipients and what they can open "
               "in the configuration ([[recipients]]), the drive and robots in [burn] and "
               "[[robots]].",
    }
    more = [own[chapter["number"]]] if chapter["number"] in own else []
    return [claim["text"] for claim in chapter["claims"]] + more


def _rows(statement: dict[str, Any], number: str) -> Iterator[tuple[str, ...]]:
    table = TABLES.get(number, "")
    if table == "rules":
        for rule in statement["rules"]:
            yield rule["id"], rule["level"], rule["text"]
        return
    for role in statement[table] if table else ():
        yield (role["profile"], role["clause"], role["medium"],
               "FSC" if role["creator"] else f"no: {role['why']}", "FSR",
               ", ".join(statement["transfer_syntaxes"][uid]
                         for uid in role["transfer_syntaxes"]), role["sop_classes"])
