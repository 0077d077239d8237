"""Who handed out what to whom, as one printable page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mediasvc import __version__
from mediasvc.media.page.markup import Markup, element, page
from mediasvc.media.page.page_style import STYLE
from mediasvc.media.page.words import count
from mediasvc.store.burns import Burn, Handed

TITLE = "Exported discs"
#: Names and times are not parted in the middle, as long texts on a disc's pages are.
_STYLE = (STYLE + "table{font-size:13px}td{overflow-wrap:break-word}"
          "td:nth-child(2){white-space:nowrap}@media print{div.main{max-width:none}}")
HEAD = ("Disc", "When (UTC)", "By", "For", "Patients", "Content", "Profile", "Onto")


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A released disc with every burn of it."""

    handed: Handed
    burns: tuple[Burn, ...]

    @property
    def people(self) -> str:
        """As on the disc, and whose that is now."""
        row = self.handed
        since = f" (now {', '.join(map(str, row.now))})" if row.now else ""
        return ", ".join(map(str, row.patients)) + since

    @property
    def content(self) -> str:
        """Of a de-identified disc or of copies with loss the index does not know the studies."""
        row = self.handed
        words = [count(row.instances, "instance")]
        if row.studies:
            words.insert(0, "1 study" if row.studies == 1 else f"{row.studies} studies")
        if "deidentified" in row.noted:
            words.append("de-identified")
        if "encrypted" in row.noted:
            words.append("encrypted")
        return ", ".join(words)

    @property
    def onto(self) -> str:
        done = [one for one in self.burns if one.state == "released"]
        return "; ".join([self.handed.disc.path.rpartition("/")[2], *(
            f"{one.method} {one.changed_at[:16].replace('T', ' ')}" for one in done)])


def export_page(rows: Sequence[ExportRow], institution: str, asked: str, now: datetime) -> bytes:
    """``asked``: which discs these are, in words. Names patients by their Patient ID only."""
    lines = [element("tr", *(element("td", cell) for cell in _cells(row)), class_="line")
             for row in rows]
    people = {str(key) for row in rows for key in row.handed.patients}
    total = (f"{count(len(rows), 'disc')}, {count(len(people), 'patient')}, "
             f"{count(sum(row.handed.instances for row in rows), 'instance')}. {asked}")
    return page(
        TITLE, _STYLE,
        element("div", element("h1", TITLE), element("p", institution), class_="bar"),
        element("div", element("div", element("p", total), _table(lines), class_="card"),
                element("p", f"mediasvc {__version__}, {now:%Y-%m-%d %H:%M} UTC", class_="small"),
                class_="main"))


def _table(lines: list[Markup]) -> Markup:
    return element("table", element("tr", *(element("th", word) for word in HEAD)), *lines)


def _cells(row: ExportRow) -> tuple[str, ...]:
    disc = row.handed.disc
    part = f", {disc.part}" if disc.part else ""
    return (f"{disc.id} ({disc.file_set_id}{part})", disc.created_at[:16].replace("T", " "),
            disc.by, disc.recipient, row.people or "unknown",
            row.content, disc.profile, row.onto)
