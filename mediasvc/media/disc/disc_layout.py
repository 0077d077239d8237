"""Where each instance stands on a disc: DICOM/PT000001/ST000001/SE000001/IM000001.

Names are counters in reading order, so no name says anything about a patient, File IDs are legal
on every medium (PS3.10 8.2), and a drive that reads in name order reads each series in one sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_file import DICOM_FOLDER, DiscFile
from mediasvc.media.long_list import LongList, in_order, runs
from mediasvc.model import HEADER_FIELDS, InstanceHeader
from mediasvc.span import Span

FileId = tuple[str, ...]
#: Six digits behind two letters (R10-3: components of at most eight characters).
MOST = 999_999


@dataclass(frozen=True, slots=True)
class DiscInstance:
    """One instance as it will be written: exactly the bytes of ``span``, whose hash is known."""

    header: InstanceHeader
    span: Span
    sha256: str
    dense: bool = False
    """Encapsulated: no use in compressing it again."""


#: All that a header says, as one tuple.
header_row = attrgetter(*HEADER_FIELDS)


def disc_instances(folder: Path | None = None) -> LongList[DiscInstance]:
    """An empty list for the instances of an order; ``folder``: where a long one waits."""
    return LongList(_packed, _unpacked, folder)


def _packed(one: DiscInstance) -> tuple[Any, ...]:
    span = one.span
    return (header_row(one.header), span.path, span.offset, span.length, span.seal, one.sha256,
            one.dense)


def _unpacked(row: tuple[Any, ...]) -> DiscInstance:
    header, path, offset, length, seal, sha256, dense = row
    return DiscInstance(InstanceHeader(*header), Span(path, offset, length, seal), sha256, dense)


@dataclass(frozen=True, slots=True)
class Series:
    """``instances`` in reading order; number n (from 1) stands in the file IM00000n."""

    folder: FileId
    instances: Sequence[DiscInstance]

    @property
    def header(self) -> InstanceHeader:
        return self.instances[0].header

    def files(self) -> Iterator[tuple[FileId, DiscInstance]]:
        for number, instance in enumerate(self.instances, 1):
            yield (*self.folder, _name("IM", number)), instance


@dataclass(frozen=True, slots=True)
class Study:
    series: tuple[Series, ...]

    @property
    def header(self) -> InstanceHeader:
        return self.series[0].header

    @property
    def instances(self) -> int:
        return sum(len(series.instances) for series in self.series)


@dataclass(frozen=True, slots=True)
class Patient:
    studies: tuple[Study, ...]

    @property
    def header(self) -> InstanceHeader:
        return self.studies[0].header


@dataclass(frozen=True, slots=True)
class Layout:
    patients: tuple[Patient, ...]

    def series(self) -> Iterator[Series]:
        for patient in self.patients:
            for study in patient.studies:
                yield from study.series

    def placed(self) -> Iterator[tuple[FileId, DiscInstance]]:
        """Every instance in the order of the disc."""
        for series in self.series():
            yield from series.files()

    def files(self) -> Iterator[DiscFile]:
        for file_id, instance in self.placed():
            yield DiscFile(file_id, instance.span, instance.sha256, instance.dense)


class HasHeader(Protocol):
    @property
    def header(self) -> InstanceHeader: ...


def reading_order(item: HasHeader) -> tuple[object, ...]:
    """Patient, studies by date, series and instances by number, each then by UID."""
    header = item.header
    return (header.patient_id, header.study_date, header.study_time, header.study_instance_uid,
            _number(header.series_number), header.series_instance_uid,
            _number(header.instance_number), header.sop_instance_uid)


def in_reading_order(instances: Sequence[DiscInstance]) -> Sequence[DiscInstance]:
    """Themselves where they are in it."""
    empty = (instances.empty() if isinstance(instances, LongList) else disc_instances())
    return in_order(instances, reading_order, empty)


def lay_out(instances: Sequence[DiscInstance]) -> Layout:
    """Give every instance its place. Raises BudgetError beyond 999,999 of anything."""
    everything = in_reading_order(instances)
    return Layout(tuple(
        Patient(_studies(rows, (DICOM_FOLDER, _name("PT", number))))
        for number, rows in enumerate(runs(everything, lambda i: i.header.patient_id), 1)))


def _studies(rows: Sequence[DiscInstance], folder: FileId) -> tuple[Study, ...]:
    groups = runs(rows, lambda i: i.header.study_instance_uid)
    return tuple(Study(_series(inside, (*folder, _name("ST", number))))
                 for number, inside in enumerate(groups, 1))


def _series(rows: Sequence[DiscInstance], folder: FileId) -> tuple[Series, ...]:
    groups = runs(rows, lambda i: i.header.series_instance_uid)
    found = []
    for number, inside in enumerate(groups, 1):
        _name("IM", len(inside))
        found.append(Series((*folder, _name("SE", number)), inside))
    return tuple(found)


def _name(letters: str, number: int) -> str:
    if number > MOST:
        raise BudgetError("more items than eight-character names can count")
    return f"{letters}{number:06d}"


def _number(text: str) -> int:
    """Instance and Series Numbers as numbers; what is none comes last."""
    try:
        return int(text)
    except ValueError:
        return 1 << 31
