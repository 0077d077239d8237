"""VIEWER/: the page with its code, and the list of patients, studies and series (STUDY.JS)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mediasvc.dicom.text import display
from mediasvc.media.disc.disc_layout import Layout, Patient, Series, Study
from mediasvc.media.page import words
from mediasvc.media.page.page_content import DiscFacts, Document, SeriesContent, numbered
from mediasvc.media.viewer.viewer_plan import START_PAGE, VIEWER_FOLDER, ChunkPlan, shown_frames

#: Our own code, in the order in which it is put together.
SCRIPTS = ("data.js", "inflate.js", "frame.js", "draw.js", "view.js", "tools.js", "panel.js",
           "start.js")
_SOURCE = Path(__file__).parents[2] / "viewer"


def viewer_files(facts: DiscFacts, layout: Layout, contents: Mapping[int, SeriesContent],
                 chunks: Sequence[ChunkPlan], factor: int, missing: frozenset[str] = frozenset(),
                 ) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """(path on the disc, bytes) of everything below VIEWER/ but the chunks.

    ``factor``: how much these are reduced. ``missing``: names of chunks that could not be made.
    """
    yield (VIEWER_FOLDER, START_PAGE), _page()
    told = json.dumps(_listing(facts, layout, contents, chunks, factor, missing),
                      separators=(",", ":"))
    yield (VIEWER_FOLDER, "STUDY.JS"), f"MV.disc({told});\n".encode()


@lru_cache(maxsize=1)
def _page() -> bytes:
    """One file, so that a slow drive seeks once."""
    scripts = "".join(_code(name) for name in SCRIPTS)
    page = _code("viewer.html").replace("/* STYLE */", _code("viewer.css"), 1)
    return page.replace("/* CODE */", scripts, 1).encode()


def _code(name: str) -> str:
    return (_SOURCE / name).read_text("utf-8")


def _listing(facts: DiscFacts, layout: Layout, contents: Mapping[int, SeriesContent],
             chunks: Sequence[ChunkPlan], factor: int, missing: frozenset[str]) -> dict[str, Any]:
    starts: dict[int, list[int]] = {}
    lost: dict[int, list[int]] = {}
    for chunk in chunks:
        starts.setdefault(chunk.series, []).append(chunk.start)
        if chunk.name in missing:
            lost.setdefault(chunk.series, []).append(chunk.number)
    numbers = iter(numbered(layout))

    def of_series(_: Series) -> dict[str, Any]:
        number, series = next(numbers)
        row = _series(number, series, contents[number], starts.get(number, []))
        return row | ({"lost": lost[number]} if number in lost else {})

    return {
        "institution": _shown(facts.institution), "created": f"{facts.created:%Y-%m-%d}",
        "creator": facts.creator, "factor": factor, "part": facts.part,
        "remarks": [_shown(remark) for remark in facts.remarks],
        "patients": [_patient(patient) | {"studies": [
            _study(study) | {"series": [of_series(series) for series in study.series]}
            for study in patient.studies]} for patient in layout.patients]}


def _patient(patient: Patient) -> dict[str, str]:
    header = patient.header
    return {"name": _shown(words.person_name(header.patient_name)),
            "id": _shown(header.patient_id), "born": _shown(words.date(header.patient_birth_date)),
            "sex": _shown(words.SEX.get(header.patient_sex, header.patient_sex))}


def _study(study: Study) -> dict[str, str]:
    header = study.header
    return {"date": _shown(words.date(header.study_date)),
            "time": _shown(words.time(header.study_time)),
            "text": _shown(header.study_description), "order": _shown(header.accession_number),
            "place": _shown(header.institution_name)}


def _series(number: int, series: Series, content: SeriesContent, starts: list[int],
            ) -> dict[str, Any]:
    header, shots = series.header, content.pictures
    row: dict[str, Any] = {
        "n": number, "number": _shown(header.series_number), "kind": _shown(header.modality),
        "text": _shown(header.series_description), "images": len(series.instances),
        "frames": sum(map(shown_frames, series.instances)) if starts else 0, "starts": starts}
    if shots:
        row["thumb"] = shots[len(shots) // 2].name
    if content.documents:
        row["documents"] = [_document(one) for one in content.documents]
    return row


def _document(document: Document) -> dict[str, str]:
    return {"path": document.path, "kind": document.kind, "text": _shown(document.title)}


def _shown(text: str) -> str:
    return display(text, 200)
