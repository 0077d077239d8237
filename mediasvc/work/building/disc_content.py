"""What a disc holds for people: pages with pictures, reports, and the viewer with its data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mediasvc.media.disc.disc_file import README, WEB_FOLDER, DiscFile
from mediasvc.media.disc.disc_layout import Layout
from mediasvc.media.disc.readme import readme
from mediasvc.media.iso.iso_write import file_size
from mediasvc.media.page.page_content import DiscFacts, SeriesContent
from mediasvc.media.page.pages import web_pages
from mediasvc.media.viewer.viewer_plan import START_PAGE, VIEWER_FOLDER
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.building.disc_reports import draw_reports
from mediasvc.work.building.previews import draw_previews, make_folders
from mediasvc.work.building.viewer import ViewerData, draw_viewer

Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``room``: bytes that are left for the viewer's data, None without limit; ``udf``: its
    revision, in which files take room too; 0: none. ``site_viewer``: files of the site's own
    viewer."""

    viewer: bool = True
    least_factor: int = 1
    videos: bool = True
    room: int | None = None
    udf: int = 0
    site_viewer: tuple[DiscFile, ...] = ()
    icons: int = 0
    """Side of the icons in DICOMDIR, in pixels; 0: those that the profile asks for."""


PAGES_ONLY = Wanted(viewer=False, videos=False)


def make_content(sandbox: Sandbox, layout: Layout, facts: DiscFacts, scratch: Path, wanted: Wanted,
                 report: Report) -> list[DiscFile]:
    """Every file of the disc but DICOMDIR, the list of hashes and the instances, in the order in
    which they are wanted; they lie below ``scratch`` and have their final size."""
    web = scratch / WEB_FOLDER
    web.mkdir()
    make_folders(layout, web)
    reports = draw_reports(sandbox, layout, scratch)
    room = _left(wanted.room, reports.files, wanted.udf)
    if wanted.videos:
        from mediasvc.work.building.disc_videos import draw_videos

        videos = draw_videos(sandbox, layout, scratch, room, wanted.udf,
                             lambda done, total: report(done, total, "making videos"))
        reports.add(videos.files, videos.documents)
        room = _left(room, videos.files, wanted.udf)
    data = ViewerData()
    if wanted.viewer:
        data = draw_viewer(sandbox, layout, scratch, room, wanted.udf, wanted.least_factor,
                           lambda done, total: report(done, total, "making the viewer"))
    contents = draw_previews(sandbox, layout, web,
                             lambda done, total: report(done, total, "drawing pictures"),
                             data.sizes)
    contents = reports.added(contents)
    facts = replace(facts, site_viewer=_start(wanted.site_viewer),
                    folders=tuple(sorted({file.parts[0] for file in reports.files})))
    if data.files:
        facts = replace(facts, viewer=f"{VIEWER_FOLDER}/{START_PAGE}", viewer_factor=data.factor)
    files = list(_pages(scratch, facts, layout, contents))
    files += reports.files
    if data.files:
        from mediasvc.media.viewer.viewer_listing import viewer_files

        missing = frozenset(chunk.name for chunk in data.chunks) - {
            "/".join(file.parts[1:]) for file in data.files}
        files += [_written(scratch, parts, text) for parts, text in viewer_files(
            facts, layout, contents, data.chunks, data.factor, missing)]
    return [*files, *data.files, *wanted.site_viewer]


def _left(room: int | None, files: list[DiscFile], udf: int) -> int | None:
    if room is None:
        return None
    return room - sum(file_size(file.span.length, udf) for file in files)


def _pages(scratch: Path, facts: DiscFacts, layout: Layout, contents: dict[int, SeriesContent],
           ) -> Iterator[DiscFile]:
    yield _written(scratch, (README,), readme(facts))
    for parts, data in web_pages(facts, layout, contents):
        yield _written(scratch, parts, data)
    for content in contents.values():
        for picture in content.pictures:
            parts = (WEB_FOLDER, *picture.name.split("/"))
            span = Span.of_file(scratch.joinpath(*parts))
            yield DiscFile(parts, span, span.sha256(), dense=True)


def _written(scratch: Path, parts: tuple[str, ...], data: bytes) -> DiscFile:
    path = scratch.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return DiscFile(parts, Span(str(path), 0, len(data)), hashlib.sha256(data).hexdigest())


def _start(files: tuple[DiscFile, ...]) -> str:
    """The page that a browser can open, or else the folder."""
    for file in files:
        if len(file.parts) == 2 and file.parts[1] in ("INDEX.HTM", "START.HTM"):
            return file.path
    return f"{files[0].parts[0]}/" if files else ""
