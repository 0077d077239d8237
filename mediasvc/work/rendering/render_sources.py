"""Which instances are rendered: of files, folders, discs and zips, or of the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import NotFoundError
from mediasvc.media.ordinary.ordinary_names import Names, order_key
from mediasvc.model import InstanceHeader
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span
from mediasvc.work.intake.discover import Found, Report, Source, list_package, screen_package

if TYPE_CHECKING:
    from mediasvc.work.desk import Desk
    from mediasvc.work.rendering.render_order import RenderOrder


@dataclass(frozen=True, slots=True)
class Target:
    """One instance and the name that its files get; ``refused`` says why it is not even read.

    ``doubt``: why it may not enter an archive; its pictures may be looked at all the same.
    ``order`` is the identity that is current where the archive knows it, ``privacy`` what a child
    needs to de-identify it.
    """

    label: str
    header: InstanceHeader
    span: Span | None = None
    folder: str = ""
    stem: str = ""
    refused: str = ""
    doubt: str = ""
    order: dict[str, Any] | None = None
    privacy: dict[str, Any] | None = None


def of_packages(sandbox: Sandbox, order: RenderOrder, scratch: Path, settings: Settings,
                report: Report) -> list[Target]:
    """Everything that is DICOM in files, folders, disc images and zips. ``scratch`` keeps what
    had to be unpacked. Raises NotFoundError, DamagedError, PasswordNeeded, BudgetError."""
    found: list[Target] = []
    for number, path in enumerate(order.paths):
        if not path.exists():
            raise NotFoundError(f"{path} does not exist")
        inner = scratch / str(number)
        inner.mkdir()
        source = Source(path.absolute(), inner, settings.limits, settings.inbox.ignore,
                        order.password)
        listing = list_package(sandbox, source)
        for row in screen_package(sandbox, source, listing, report):
            label = str(path) if listing.kind == "file" else f"{path}/{row.member.label}"
            if row.role in ("instance", "refused"):
                found.append(_target(label, row))
    private = order.privacy.as_json() if order.privacy else None
    return named([replace(one, privacy=private) for one in found])


def of_archive(desk: Desk, order: RenderOrder) -> list[Target]:
    """Raises NotFoundError when the archive has no such study or patient."""
    from mediasvc.store import index, patients
    from mediasvc.work.planning.export_select import order_of_coercion

    found = []
    with desk.store.read() as connection:
        if order.patient is not None:
            person = patients.patient(connection, order.patient)
            studies = list(index.studies(connection, patient=person.row))
            if not studies:
                raise NotFoundError("The archive holds no study of this patient.")
        else:
            studies = list(index.studies(connection, uids=list(order.studies)))
            if len(studies) < len(set(order.studies)):
                raise NotFoundError("There is no such study in the archive.",
                                    "See mediasvc studies list.")
        for study in studies:
            private = order.privacy.as_json(study.patient) if order.privacy else None
            current = None if private else order_of_coercion(desk, study.patient).as_json()
            for row in index.study_instances(connection, study.study_instance_uid):
                path = desk.objects.path(row.object_sha256)
                found.append(Target(str(path), row.header or InstanceHeader(),
                                    Span.of_file(path) if path.is_file() else None,
                                    refused="" if path.is_file() else "its object is missing",
                                    order=current, privacy=private))
    return named(found)


def named(found: list[Target]) -> list[Target]:
    """In the order of their names."""
    names = Names()
    return [_named(one, names) for one in sorted(found, key=_key)]


def _key(one: Target) -> tuple[Any, ...]:
    return (*order_key(one.header), one.label)


def _named(one: Target, names: Names) -> Target:
    if one.refused:
        return one
    folder, stem = names.name(one.header)
    return replace(one, folder=folder, stem=stem)


def _target(label: str, row: Found) -> Target:
    header = row.header or InstanceHeader()
    if row.role == "instance" and row.span is not None:
        return Target(label, header, row.span)
    reasons = [finding.text for finding in row.findings if finding.severity == "error"]
    reason = reasons[0] if reasons else "it cannot be read"
    if row.span is None:
        return Target(label, header, refused=reason)
    return Target(label, header, row.span, doubt=reason)


def items_of(targets: list[Target], folder: Path) -> Iterator[dict[str, Any]]:
    """What the children are asked; each instance gets a folder of its own below ``folder``."""
    for number, one in enumerate(targets):
        if one.span is not None and not one.refused:
            yield {"span": one.span.as_json(), "folder": str(folder / str(number)),
                   "stem": one.stem, "order": one.order, "number": number,
                   "privacy": one.privacy}
