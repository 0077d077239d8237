"""Studies that were filed under the wrong patient are moved to the right one (FAULTS I11).

Whole studies move, so that one study never has two patients. Everything is checked before anything
changes; then objects are written and staged; then all rows change at once. The way back, to the
byte, is kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mediasvc.errors import MediasvcError, NotFoundError, StateError
from mediasvc.model import PatientKey
from mediasvc.settings import Decisions
from mediasvc.store import expected, index, ledger, refile_rows, refiles, removal
from mediasvc.store.expected import Procedure
from mediasvc.store.merges import family_rows
from mediasvc.store.patients import patient, patient_row
from mediasvc.store.refiles import Refile
from mediasvc.work.decide import Change
from mediasvc.work.desk import Desk
from mediasvc.work.discover import Report
from mediasvc.work.expect import answered_for
from mediasvc.work.provisional import remember_identifier
from mediasvc.work.refile_write import preview_changes, write_objects
from mediasvc.work.second_person import is_same_person, needs_second
from mediasvc.work.undo import forget_given_up

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for. ``what``: a package's number or a Study Instance UID."""

    what: str
    key: PatientKey
    by: str
    reason: str = ""
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """``refile.state`` is ``done``, or ``proposed`` when a second person must agree. ``discs``
    went out with some of the instances; ``packages`` brought them."""

    refile: Refile
    instances: int
    discs: tuple[int, ...]
    packages: tuple[int, ...]


def preview(desk: Desk, wanted: Wanted) -> tuple[list[Change], tuple[int, ...]]:
    """Every attribute that would change, and the discs that went out. Nothing is stored.

    Raises as `move` does.
    """
    with desk.store.read() as connection:
        one = _plan(connection, wanted)
        discs = _discs(connection, one)
        procedure = _procedure(connection, one)
    return preview_changes(desk, one, procedure), discs


def move(desk: Desk, wanted: Wanted, report: Report) -> Moved:
    """Move them, or note that a second person must agree (``decisions.second_person_below``).

    Raises NotFoundError for an unknown patient, package or study, StateError when there is nothing
    to move or it is that patient's already, DamagedError when the archive is damaged.
    """
    with desk.store.transaction() as connection:
        one = _begun(connection, _plan(connection, wanted), desk.settings.decisions)
        packages = tuple(sorted({package for package, *_ in refile_rows.groups_of(
            connection, one.studies)}))
        discs = _discs(connection, one)
        instances = refile_rows.filed_instances(connection, one.studies)
    if one.state == "running":
        one = finish(desk, one, report)
    return Moved(one, instances, discs, packages)


def finish(desk: Desk, one: Refile, report: Report) -> Refile:
    """From staged to done; also after a crash. Nothing is changed when it fails."""
    with desk.store.read() as connection:
        procedure = _procedure(connection, one)
    try:
        write_objects(desk, one, procedure, report)
        with desk.store.transaction() as connection:
            done = _switch(connection, one, procedure)
    except MediasvcError:
        _give_up(desk, one)
        raise
    forget_given_up(desk)
    return done


def finish_all(desk: Desk) -> None:
    """What a crash interrupted, at start."""
    from mediasvc.work.refile_undo import finish_return

    with desk.store.read() as connection:
        open_ = refiles.refiles(connection, ("running", "undoing"))
    for one in open_:
        if one.state == "running":
            finish(desk, one, lambda *_: None)
        else:
            finish_return(desk, one)


def _plan(connection: Connection, wanted: Wanted) -> Refile:
    """What would be written down, with number 0."""
    target = patient(connection, wanted.key).row
    studies = _studies(connection, wanted)
    owners = set(index.study_patients(connection, studies).values())
    if owners == {target}:
        raise StateError("It is filed under that patient already.")
    if len(owners) != 1:
        raise StateError("The studies are filed under different patients.",
                         "Move them one by one, or say which with --group.")
    groups = refile_rows.groups_of(connection, studies)
    for package, *_ in groups:
        if ledger.package(connection, package).state == "receiving":
            raise StateError(f"Package {package} is just being filed.",
                             "Try again when it is done.")
    source = ledger.package(connection, groups[0][0]).source if groups else ""
    order = answered_for(connection, target, source)
    return Refile(0, "running", owners.pop(), target, studies,
                  [[package, group] for package, group, whole in groups if whole],
                  order.id if order else None, by=wanted.by, reason=wanted.reason,
                  at=ledger.now())


def _studies(connection: Connection, wanted: Wanted) -> list[str]:
    if not wanted.what.isdecimal():
        if not index.study_patients(connection, [wanted.what]):
            raise NotFoundError("There is no such study in the archive.",
                                "See mediasvc studies list.")
        return [wanted.what]
    number = int(wanted.what)
    ledger.package(connection, number)
    found = {item.header.study_instance_uid for item in ledger.items(
        connection, number, state="archived", group=wanted.group) if item.header}
    if not found:
        raise StateError(f"Nothing of package {number} is filed"
                         + (f" for patient {wanted.group} of it." if wanted.group else "."))
    return sorted(found)


def _begun(connection: Connection, planned: Refile, policy: Decisions) -> Refile:
    """Written down with its events: running, or proposed."""
    same = [one for one in refiles.refiles(connection, ("proposed", "running"))
            if one.studies == planned.studies]
    if running := next((one for one in same if one.state == "running"), None):
        if running.target != planned.target:
            raise StateError(f"They are just being moved to somebody else (refile {running.id}).")
        return running
    agreed = next((one for one in same if one.target == planned.target
                   and not is_same_person(one.by, planned.by)), None)
    asks = agreed is None and _needs_second(connection, planned, policy)
    values = asdict(planned)
    del values["id"]
    for one in same:
        refiles.change(connection, one.id, expect="proposed", to="failed")
    one = refiles.add(connection, **values | {
        "state": "proposed" if asks else "running", "first": agreed.by if agreed else ""})
    _record(connection, one, "refile-proposed" if asks else "refile-begun")
    return one


def _needs_second(connection: Connection, one: Refile, policy: Decisions) -> bool:
    groups = refile_rows.groups_of(connection, one.studies)
    return any(needs_second(connection, policy, ledger.group(connection, package, number),
                            one.target, one.by) for package, number, _ in groups)


def _procedure(connection: Connection, one: Refile) -> Procedure:
    return expected.get(connection, one.expected).procedure if one.expected else Procedure()


def _discs(connection: Connection, one: Refile) -> tuple[int, ...]:
    from mediasvc.store.discs import discs_with

    return tuple(sorted(discs_with(connection, (
        stored.sop_instance_uid for uid in one.studies
        for stored in index.study_instances(connection, uid)))))


def _switch(connection: Connection, one: Refile, procedure: Procedure) -> Refile:
    """All rows at once. Raises StateError when something changed since it was written."""
    one = refiles.change(connection, one.id, expect="running", to="done",
                         before=refile_rows.take_down(connection, one))
    seq, count = _record(connection, one, "refiled"), 0
    for page in refiles.staged(connection, one.id):
        if not refile_rows.set_instances(connection, page, back=False):
            raise StateError("An instance changed while it was being moved.", "Try again.")
        count += len(page)
        removal.give_up(connection, {each.before.object_sha256 for each in page}, seq)
    if count != refile_rows.filed_instances(connection, one.studies):
        raise StateError("Instances came in while others were being moved.", "Try again.")
    _move_people(connection, one, procedure)
    return one


def _move_people(connection: Connection, one: Refile, procedure: Procedure) -> None:
    refile_rows.move_studies(connection, one, procedure.accession_number)
    numbers = {name: value for name, value in asdict(procedure).items() if value}
    owners = list(family_rows(connection, one.patient))
    for package, number in one.groups:
        refile_rows.move_group(connection, one, package, number, numbers)
        group = ledger.group(connection, package, number)
        refile_rows.forget_identifiers(connection, package, owners)
        remember_identifier(connection, one.target, PatientKey(group.patient_id, group.issuer),
                            package)
        refile_rows.reopen_expected(connection, package, owners)
    if one.expected is not None and one.groups:
        expected.answer(connection, expected.get(connection, one.expected), one.groups[0][0])


def _give_up(desk: Desk, one: Refile) -> None:
    """It failed: what was staged goes, and all is as it was."""
    with desk.store.transaction() as connection:
        if refiles.get(connection, one.id).state != "running":
            return
        refiles.change(connection, one.id, expect="running", to="failed")
        seq = _record(connection, one, "refile-failed")
        for digests in refiles.unstaged(connection, one.id):
            removal.give_up(connection, digests, seq)
    forget_given_up(desk)


def _record(connection: Connection, one: Refile, action: str) -> int:
    """One event for each package; returns the last one's number."""
    data = {"refile": one.id, "from": one.patient, "to": one.target, "studies": len(one.studies),
            "reason": one.reason} | ({"first": one.first} if one.first else {})
    packages = sorted({package for package, *_ in refile_rows.groups_of(connection, one.studies)})
    return ledger.record_many(connection, [
        ("patient", one.patient, action, data), ("patient", one.target, action, data),
        *(("package", package, action, data) for package in packages)], by=one.by)


def people_of(desk: Desk, one: Refile) -> tuple[PatientKey, PatientKey]:
    """From whom, to whom, for people."""
    with desk.store.read() as connection:
        return patient_row(connection, one.patient).key, patient_row(connection, one.target).key
