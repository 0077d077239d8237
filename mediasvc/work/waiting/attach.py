"""Reports and photos that lie beside DICOM on a package are filed with its patient.

A person says which, and under which patient of the package. The bytes come from the package itself
while it is still there, and must be those of the manifest. They become a package of their own that
goes down the ordinary line, so that they can be taken back alone; with the package they came from
they are taken back too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mediasvc.errors import DamagedError, MediasvcError, NotFoundError, SettingsError, StateError
from mediasvc.model import Patient
from mediasvc.span import Span
from mediasvc.store import item_headers, ledger
from mediasvc.store.ledger import Item, Package, PatientGroup
from mediasvc.store.patients import patient_row
from mediasvc.work.building.private_folder import private_folder
from mediasvc.work.desk import Desk
from mediasvc.work.intake.discover import Source
from mediasvc.work.turns.batches import run_batches
from mediasvc.work.waiting.attached import attached_of, note, require_new
from mediasvc.work.wrap import WrapOrder, wrap_files
from mediasvc.work.wrapping.wrap_file import SOURCE, placed, run_answered
from mediasvc.work.wrapping.wrap_identity import Identity, index_identity
from mediasvc.work.wrapping.wrapped_package import submit_wrapped

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

PLACE, FOLDER = "attach", "attached"


@dataclass(frozen=True, slots=True)
class AttachOrder:
    """``group`` None: the only one that is filed. ``study`` None: the only one of the group."""

    package: int
    labels: tuple[str, ...]
    by: str
    group: int | None = None
    study: str | None = None
    modality: str = ""
    password: str | None = None


@dataclass(frozen=True, slots=True)
class _Chosen:
    package: Package
    group: PatientGroup
    patient: Patient
    identity: Identity
    items: tuple[Item, ...]


def attach(desk: Desk, order: AttachOrder) -> tuple[list[dict[str, Any]], Package | None]:
    """(rows as of `wrap_files` with the label as ``path``, the package that they became).

    None when all were refused. Raises StateError while the patient is not decided, NotFoundError
    for a label that the package does not have or when the package is not there any more,
    SettingsError when group or study must be said.
    """
    with desk.store.read() as connection:
        chosen = _choose(connection, order)
    if not Path(chosen.package.location).exists():
        raise NotFoundError(f"What package {order.package} came from is not there any more.",
                            "Put the disc in again, or wrap a copy with mediasvc wrap.")
    # in staging, so that what is wrapped is claimed by a rename
    with private_folder(desk.home.staging / PLACE) as folder:
        files, rows = _fetched(desk, chosen, order.password, folder)
        out = folder / FOLDER
        out.mkdir()
        labels = {str(path): item.label for path, item in files.items()}
        made = list(wrap_files(WrapOrder(
            tuple(files), dict.fromkeys(files, chosen.identity), out, order.modality,
            numbered=True), desk.settings))
        rows += [row | {"path": labels[row["path"]]} for row in made]
        numbers = {str(path): item.number for path, item in files.items()}
        instances = {numbers[row["path"]]: row["sop_instance_uid"] for row in made
                     if row["type"] == "wrapped"}
        if not instances:
            return rows, None
        package = _submitted(desk, chosen, out, instances, order.by)
    done = run_answered(desk, package.id, chosen.patient, order.by)
    return placed(desk, rows), done


def _choose(connection: Connection, order: AttachOrder) -> _Chosen:
    package = ledger.package(connection, order.package)
    group = _group(connection, order)
    if group.target is None:
        raise StateError(f"Patient group {group.number} has no patient.")
    person = patient_row(connection, group.target)
    by_label = {item.label: item for item in ledger.items(connection, package.id,
                                                          role="non_dicom")}
    known = attached_of(connection, package.id)
    items = []
    for label in dict.fromkeys(order.labels):
        if label not in by_label:
            raise NotFoundError(f"Package {package.id} has no such file beside its images.",
                                f"See mediasvc queue show {package.id}.")
        require_new(known.get(by_label[label].number), label)
        items.append(by_label[label])
    identity = index_identity(connection, person.key,
                              order.study or _study(connection, package.id, group.number))
    if not identity.attributes.get("StudyDate"):  # a text needs a day; nobody knows another one
        arrived = package.arrived_at[:10].replace("-", "")
        identity = Identity(identity.attributes | {"ContentDate": arrived}, identity.patient)
    return _Chosen(package, group, person, identity, tuple(items))


def _group(connection: Connection, order: AttachOrder) -> PatientGroup:
    filed = [group for group in ledger.groups(connection, order.package)
             if group.state == "filed"]
    if order.group is not None:
        group = ledger.group(connection, order.package, order.group)
        if group.state != "filed":
            raise StateError(f"Patient group {group.number} is {group.state}, not filed.",
                             f"First: mediasvc queue decide {order.package} --group "
                             f"{group.number} …")
        return group
    if not filed:
        raise StateError(f"No patient of package {order.package} is filed yet.",
                         f"First: mediasvc queue decide {order.package} …")
    if len(filed) > 1:
        raise SettingsError(f"Package {order.package} has several patients.",
                            "Say whose the files are with --group.")
    return filed[0]


def _study(connection: Connection, package: int, group: int) -> str:
    studies = sorted({study for study, _ in item_headers.series_of(connection, package, group)})
    if len(studies) != 1:
        raise SettingsError(f"The patient has {len(studies)} studies on the package.",
                            "Say with --study to which the files belong: "
                            + ", ".join(studies[:8]))
    return studies[0]


def _fetched(desk: Desk, chosen: _Chosen, password: str | None, folder: Path,
             ) -> tuple[dict[Path, Item], list[dict[str, Any]]]:
    """(copies of the files as the manifest has them, rows of those that are not)."""
    scratch = folder / "scratch"
    scratch.mkdir()
    source = Source(Path(chosen.package.location), scratch, desk.settings.limits,
                    desk.settings.inbox.ignore, password)
    by_number = {item.number: item for item in chosen.items}
    files, rows = {}, []
    for request, answer in run_batches(desk.sandbox, "mediasvc.work.intake.screen:hash_members",
                                       [{"number": number} for number in by_number], 1,
                                       **source.arguments()):
        item = by_number[int(request["number"])]
        try:
            if answer.error or answer.value["sha256"] != item.sha256:
                raise DamagedError("it is not what the manifest says any more")
            path = folder / "files" / str(item.number) / PurePosixPath(item.label).name
            _copy(Span.from_json(answer.value["span"]), path, item.sha256)
        except MediasvcError as trouble:
            rows.append({"type": "refused", "path": item.label, "reason": trouble.text,
                         "advice": trouble.advice})
            continue
        files[path] = item
    return dict(sorted(files.items(), key=lambda pair: pair[1].number)), rows


def _copy(span: Span, path: Path, sha256: str) -> None:
    from mediasvc.direct_write import write_new

    path.parent.mkdir(parents=True)
    digest, _ = write_new(path, span.chunks(4 << 20))
    if digest != sha256:
        raise DamagedError("it changed while it was read")


def _submitted(desk: Desk, chosen: _Chosen, folder: Path, instances: dict[int, str], by: str,
               ) -> Package:
    """The package of the wrapped files, with the events that say where it is from."""
    return submit_wrapped(
        desk, folder, path=f"{chosen.package.path} (attached)", source=SOURCE, by=by,
        also=lambda connection, package: note(connection, chosen.package.id, chosen.group.number,
                                              package.id, instances, by))
