"""Series of the archive as files to join."""

from __future__ import annotations

from mediasvc.errors import NotFoundError
from mediasvc.span import Span
from mediasvc.store import index
from mediasvc.work.desk import Desk
from mediasvc.work.joining.join_sources import Source


def archived(desk: Desk, series: str | None, study: str | None,
             ) -> tuple[tuple[Source, ...], dict[str, tuple[str, str, str]]]:
    """The objects of a series or a study as the archive has them, and class, study and series of
    every instance of the study. Raises NotFoundError."""
    with desk.store.read() as connection:
        if series is not None:
            study = index.series_studies(connection, [series]).get(series)
            if study is None:
                raise NotFoundError("There is no such series in the archive.")
        stored = list(index.study_instances(connection, study or ""))
    sources = tuple(
        Source(one.sop_instance_uid, Span.of_file(desk.objects.path(one.object_sha256)))
        for one in stored if series in (None, one.series_instance_uid))
    return sources, {one.sop_instance_uid: (one.sop_class_uid, study or "",
                                            one.series_instance_uid) for one in stored}
