"""INDEX.HTM and the pages below IHE_PDI/ (IHE PDI web content: XHTML and JPEG)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mediasvc.media.disc.disc_file import INDEX, MANIFEST, README, WEB_FOLDER
from mediasvc.media.disc.disc_layout import Layout, Patient, Study
from mediasvc.media.disc.disc_statement import PAGE as CHECKED_PAGE
from mediasvc.media.disc.disc_statement import TITLE as CHECKED
from mediasvc.media.page import words
from mediasvc.media.page.markup import Markup, element, join, page
from mediasvc.media.page.page_content import (
    CONFIDENTIAL,
    NOT_FOR_DIAGNOSIS,
    DiscFacts,
    Picture,
    SeriesContent,
    frames_of,
    numbered,
)
from mediasvc.media.page.page_style import STYLE
from mediasvc.model import InstanceHeader

THUMBNAIL = 80
CELL = 228
#: Reports and videos of a study that the start page lists; the page of the study has all.
LISTED = 12


def web_pages(facts: DiscFacts, layout: Layout, contents: Mapping[int, SeriesContent],
              ) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """(path on the disc, bytes) of INDEX.HTM and each page; ``contents`` by series number."""
    studies = [(patient, study) for patient in layout.patients for study in patient.studies]
    numbers = iter(numbered(layout))
    own = [[contents[next(numbers)[0]] for _ in study.series] for _, study in studies]
    yield (INDEX,), _index(facts, layout, own)
    for number, ((patient, study), series) in enumerate(zip(studies, own, strict=True), 1):
        yield (WEB_FOLDER, _study_name(number)), _study_page(facts, patient, study, series)
        for content in series:
            yield (WEB_FOLDER, content.page), _series_page(facts, patient, study, content, number)


def _document(facts: DiscFacts, title: str, trail: Markup | str, *body: object) -> bytes:
    bar = element("div", element("h1", title), element("p", trail), class_="bar")
    return page(f"{title} - {facts.institution}", STYLE, bar,
                element("div", *body, class_="main"))


def _index(facts: DiscFacts, layout: Layout, contents: list[list[SeriesContent]]) -> bytes:
    """``contents`` of each study of the layout."""
    studies = iter(enumerate(contents, 1))
    cards = [_patient_card(patient, studies) for patient in layout.patients]
    return _document(
        facts, "Medical images", facts.institution, *_viewer_card(facts), *_notes(facts), *cards,
        element("div", element("h2", "About this disc"), element("table", *_rows(
            ("Institution", facts.institution), ("Contact", facts.contact),
            ("For", facts.recipient),
            ("Created", f"{facts.created:%Y-%m-%d %H:%M}"), ("Disc", facts.part),
            ("File-set ID", facts.file_set_id), ("Profile", facts.profile),
            ("Created by", facts.creator))),
            *_site_viewer(facts),
            element("p", element("a", README, href=README), " | ",
                    element("a", "List of all files with their hashes", href=MANIFEST), " | ",
                    element("a", CHECKED, href=CHECKED_PAGE),
                    class_="small"), class_="card"),
        element("p", CONFIDENTIAL, class_="small"))


def _viewer_card(facts: DiscFacts) -> list[Markup]:
    """Large and first: what most people look for."""
    if not facts.viewer:
        return []
    detail = ("All images in full detail." if facts.viewer_factor == 1 else
              f"Its images are reduced to 1/{facts.viewer_factor} of their rows and columns for "
              "want of room; the DICOM files are complete.")
    return [element(
        "div", element("p", element("a", "Open the viewer", href=facts.viewer, class_="button")),
        element("p", "Opens in this browser; nothing is installed, nothing is sent. " + detail,
                class_="small"), class_="card first")]


def _notes(facts: DiscFacts) -> list[Markup]:
    notes = [element("div", NOT_FOR_DIAGNOSIS, class_="note")]
    notes += [element("div", remark, class_="note alert") for remark in facts.remarks]
    return notes


def _site_viewer(facts: DiscFacts) -> list[Markup]:
    if not facts.site_viewer:
        return []
    if facts.site_viewer.endswith("/"):
        return [element("p", f"Another viewer is in the folder {facts.site_viewer}",
                        class_="small")]
    return [element("p", element("a", f"The viewer of {facts.institution}",
                                 href=facts.site_viewer), class_="small")]


def _patient_card(patient: Patient, studies: Iterator[tuple[int, list[SeriesContent]]],
                  ) -> Markup:
    header = patient.header
    rows = [_study_row(*next(studies), study) for study in patient.studies]
    return element(
        "div", element("h2", words.person_name(header.patient_name)),
        element("p", _identity(header), class_="small"),
        element("table", element("tr", *(element("th", name) for name in
                                         ("Date", "Study", "Kind", "Series", "Content"))),
                *rows), class_="card")


def _study_row(number: int, contents: list[SeriesContent], study: Study) -> Markup:
    header = study.header
    kinds = sorted({series.header.modality for series in study.series} - {""})
    link = element("a", header.study_description or "Study without description",
                   href=f"{WEB_FOLDER}/{_study_name(number)}")
    files = [one for content in contents for one in _documents(content, "")][:LISTED]
    return element(
        "tr", element("td", words.date(header.study_date), class_="whole"),
        element("td", join((link, *files))), element("td", ", ".join(kinds)),
        element("td", len(study.series)),
        element("td", words.count(study.instances, "object"), class_="whole"), class_="line")


def _identity(header: InstanceHeader) -> str:
    parts = (("born " + words.date(header.patient_birth_date)) if header.patient_birth_date else "",
             words.SEX.get(header.patient_sex, header.patient_sex),
             f"Patient ID {header.patient_id}" if header.patient_id else "")
    return ", ".join(part for part in parts if part)


def _study_page(facts: DiscFacts, patient: Patient, study: Study,
                contents: list[SeriesContent]) -> bytes:
    header = study.header
    rows = [_series_row(content) for content in contents]
    return _document(
        facts, header.study_description or "Study",
        join((element("a", "Start", href=f"../{INDEX}"),
              words.person_name(patient.header.patient_name)), " / "),
        element("div", element("table", *_rows(
            ("Patient", words.person_name(patient.header.patient_name)),
            ("", _identity(patient.header)),
            ("Date", f"{words.date(header.study_date)} {words.time(header.study_time)}"),
            ("Accession number", header.accession_number),
            ("Institution", header.institution_name))), class_="card"),
        element("div", element("table", *rows), class_="card"))


def _series_row(content: SeriesContent) -> Markup:
    header = content.series.header
    shots = content.pictures
    thumb = _image(shots[len(shots) // 2], THUMBNAIL) if shots else ""
    return element(
        "tr", element("td", element("a", thumb, href=content.page) if thumb else "",
                      class_="thumb"),
        element("td", element("h3", element("a", _series_title(header), href=content.page)),
                element("p", _amount(content), class_="small"), *_documents(content)),
        class_="line")


def _series_page(facts: DiscFacts, patient: Patient, study: Study, content: SeriesContent,
                 number: int) -> bytes:
    header = content.series.header
    trail = join((
        element("a", "Start", href=f"../{INDEX}"),
        element("a", study.header.study_description or "Study", href=_study_name(number)),
        words.person_name(patient.header.patient_name)), " / ")
    shots = [_shot(picture) for picture in content.pictures]
    return _document(
        facts, _series_title(header), trail,
        element("div", element("table", *_rows(
            ("Kind", header.modality), ("Content", _amount(content)),
            ("Shown here", _shown(content)), ("Files", "/".join(content.series.folder)),
            ("Device", f"{header.manufacturer} {header.manufacturer_model_name}".strip()))),
            *_in_viewer(facts, content), class_="card"),
        element("div", NOT_FOR_DIAGNOSIS, class_="note"),
        *([element("div", *_documents(content), class_="card")] if content.documents else []),
        *([element("div", *shots, class_="grid")] if shots else []))


_OPEN = {"report": "Read the report", "document": "Open the PDF", "video": "Play the video"}


def _documents(content: SeriesContent, root: str = "../") -> list[Markup]:
    """A link to each ordinary file, from a page that sees the disc's root at ``root``."""
    return [element("p", element("a", _OPEN[one.kind], href=f"{root}{one.path}"),
                    f": {one.title}" if one.title else "", class_="small")
            for one in content.documents]


def _in_viewer(facts: DiscFacts, content: SeriesContent) -> list[Markup]:
    if not facts.viewer or not content.frames:
        return []
    return [element("p", element("a", "Open in the viewer",
                                 href=f"../{facts.viewer}#{content.number}"))]


def _series_title(header: InstanceHeader) -> str:
    title = header.series_description or f"{header.modality} series"
    return f"{header.series_number}. {title}" if header.series_number else title


def _amount(content: SeriesContent) -> str:
    images = sum(1 for instance in content.series.instances if frames_of(instance))
    others = len(content.series.instances) - images
    parts = []
    if images:
        parts.append(words.count(images, "image") + (
            f" with {words.count(content.frames, 'frame')}" if content.frames != images else ""))
    if others:
        parts.append(words.count(others, "report or other object", "reports or other objects"))
    return ", ".join(parts)


def _shown(content: SeriesContent) -> str:
    shown, frames = len(content.pictures), content.frames
    if not frames:
        return ("as a file of its own" if content.documents
                else "nothing; this content needs a DICOM viewer")
    if shown == frames:
        return "all of them"
    if not shown:
        return "nothing, because it could not be drawn; all is in the DICOM files"
    lost = ""
    if content.failed:
        lost = f" {words.count(content.failed, 'picture')} could not be drawn."
    return (f"{words.count(shown, 'picture')} of {frames:,}, evenly selected. "
            f"All are in the DICOM files.{lost}")


def _shot(picture: Picture) -> Markup:
    link = element("a", _image(picture, CELL), href=picture.name)
    return element("div", link, element("p", picture.caption), class_="shot")


def _image(picture: Picture, limit: int) -> Markup:
    scale = min(1.0, limit / max(picture.width, picture.height))
    return element("img", src=picture.name, alt=picture.caption,
                   width=max(1, round(picture.width * scale)),
                   height=max(1, round(picture.height * scale)))


def _rows(*rows: tuple[str, str]) -> list[Markup]:
    """Table rows of those facts that are known."""
    return [element("tr", element("th", name), element("td", value))
            for name, value in rows if value.strip()]


def _study_name(number: int) -> str:
    return f"ST{number:06d}.HTM"
