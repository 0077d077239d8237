"""Reports and documents of a disc as files that people can open: XHTML and PDF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.disc.disc_layout import Layout
from mediasvc.media.page.page_content import Document, SeriesContent, numbered
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.turns.batches import Item, run_batches

FOLDER = "REPORTS"
CHILD = "mediasvc.work.building.report_files:write_reports"
BATCH = 8


@dataclass(slots=True)
class Reports:
    """``files`` below REPORTS/, and whose they are: series number → documents."""

    files: list[DiscFile] = field(default_factory=list)
    documents: dict[int, list[Document]] = field(default_factory=dict)

    def add(self, files: Sequence[DiscFile], documents: Mapping[int, Sequence[Document]]) -> None:
        """Others of the kind."""
        self.files.extend(files)
        for number, more in documents.items():
            self.documents.setdefault(number, []).extend(more)

    def added(self, contents: Mapping[int, SeriesContent]) -> dict[int, SeriesContent]:
        return {number: replace(content, documents=(
                    *content.documents, *self.documents.get(number, ())))
                for number, content in contents.items()}


def draw_reports(sandbox: Sandbox, layout: Layout, scratch: Path) -> Reports:
    """Write every report and PDF that can be read below ``scratch``/REPORTS; the others stay what
    they are, DICOM objects."""
    found = Reports()
    items = list(_candidates(layout, scratch))
    if not items:
        return found
    (scratch / FOLDER).mkdir()
    done = {}
    for item, answer in run_batches(sandbox, CHILD, items, BATCH):
        if not answer.error and answer.value:
            done[item["number"]] = answer.value
    for item in items:
        if row := done.get(item["number"]):
            parts = (FOLDER, str(row["name"]))
            found.files.append(DiscFile(
                parts, Span(str(scratch / FOLDER / parts[1]), 0, int(row["length"])),
                str(row["sha256"]), dense=row["kind"] == "document"))
            found.documents.setdefault(item["series"], []).append(
                Document("/".join(parts), str(row["kind"]), str(row["title"])))
    return found


def _candidates(layout: Layout, scratch: Path) -> Iterator[Item]:
    """Objects without pixels: reports, documents, and what turns out to be neither."""
    number = 0
    for series, content in numbered(layout):
        for instance in content.instances:
            if not instance.header.rows:
                number += 1
                yield {"series": series, "number": number, "span": instance.span.as_json(),
                       "folder": str(scratch / FOLDER)}
