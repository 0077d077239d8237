"""Studies that were filed under the wrong patient are moved to the right one (FAULTS I11).

Whole studies move, so that one study never has two patients. Everything is checked before anything
changes; then objects are written and staged; then the studies change sides at once, and the rows of
their instances after them (`refile_turns`). The way back, to the byte, is kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mediasvc.errors import MediasvcError, NotFoundError, StateError
from mediasvc.model import PatientKey
from mediasvc.settings import Decisions
from mediasvc.store import expected, index, ledger, refile_rows, refiles
from mediasvc.store.discs import discs_of
from mediasvc.store.expected import Procedure
from mediasvc.store.merges import family_rows
from mediasvc.store.patients import patient, patient_row
from mediasvc.store.refiles import Refile
from mediasvc.work.decide import Change
from mediasvc.work.desk import Desk
from mediasvc.work.index.expect import answered_for
from mediasvc.work.intake.discover import Report
from mediasvc.work.placing.at_rest import just_moving, require_at_rest, require_not_moving
from mediasvc.work.placing.provisional import remember_identifier
from mediasvc.work.refiling.refile_turns import turn_all, unstage_all
from mediasvc.work.refiling.refile_write import preview_changes, write_objects
from mediasvc.work.undo import forget_given_up
from mediasvc.work.waiting.second_person import is_same_person, needs_second

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

#: Events; their numbers are the delete-intents of what is not needed any more.
REFILED, FAILED = "refiled", "refile-failed"


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
        one = _plan(connection, wanted, _studies(connection, wanted))
        discs = discs_of(connection, one.studies)
        procedure = _procedure(connection, one)
    return preview_changes(desk, one, procedure), discs


def move(desk: Desk, wanted: Wanted, report: Report) -> Moved:
    """Move them, or note that a second person must agree (``decisions.second_person_below``).

    Raises NotFoundError for an unknown patient, package or study, StateError when there is nothing
    to move or it is that patient's already, DamagedError when the archive is damaged.
    """
    with desk.store.read() as connection:
        studies = _studies(connection, wanted)
        one = _interrupted(connection, wanted, studies) or _plan(connection, wanted, studies)
        packages = refile_rows.packages_of(connection, studies)
        groups = refile_rows.groups_of(connection, studies)
        discs = discs_of(connection, one.studies)
        instances = refile_rows.filed_instances(connection, studies)
    if not one.id:
        with desk.store.transaction() as connection:
            _require_unchanged(connection, one, packages)
            one = _begun(connection, one, groups, desk.settings.decisions)
            _record(connection, one, packages,
                    "refile-proposed" if one.state == "proposed" else "refile-begun")
    if one.state != "proposed":
        one = finish(desk, one, report)
    return Moved(one, instances, discs, tuple(packages))


def finish(desk: Desk, one: Refile, report: Report) -> Refile:
    """From staged to done; also after a crash. Until the studies have changed sides, nothing is
    changed when it fails."""
    if one.state == "running":
        with desk.store.read() as connection:
            procedure = _procedure(connection, one)
            packages = refile_rows.packages_of(connection, one.studies)
        try:
            write_objects(desk, one, procedure, report)
            with desk.store.transaction() as connection:
                one = _switch(connection, one, procedure, packages)
        except MediasvcError:
            _give_up(desk, one)
            raise
    turn_all(desk, one, REFILED, back=False)
    with desk.store.transaction() as connection:
        done = refiles.change(connection, one.id, expect="moving", to="done")
    forget_given_up(desk)
    return done


def finish_all(desk: Desk) -> None:
    """What a crash interrupted, at start."""
    from mediasvc.work.refiling.refile_undo import finish_return

    with desk.store.read() as connection:
        open_ = refiles.refiles(connection, refiles.UNDER_WAY)
    for one in open_:
        if one.state in ("running", "moving"):
            finish(desk, one, lambda *_: None)
        elif one.state == "failing":
            _clear(desk, one)
        else:
            finish_return(desk, one)


def _interrupted(connection: Connection, wanted: Wanted, studies: list[str]) -> Refile | None:
    """The same order, which a crash interrupted. Raises StateError when the studies are just being
    moved otherwise."""
    found = refiles.under_way(connection, studies)
    if found is None:
        return None
    same = (found.studies, found.target) == (studies, patient(connection, wanted.key).row)
    if not same or found.state not in ("running", "moving"):
        raise just_moving(found)
    return found


def _plan(connection: Connection, wanted: Wanted, studies: list[str]) -> Refile:
    """What would be written down, with number 0."""
    target = patient(connection, wanted.key).row
    owners = set(index.study_patients(connection, studies).values())
    if owners == {target}:
        raise StateError("It is filed under that patient already.")
    if len(owners) != 1:
        raise StateError("The studies are filed under different patients.",
                         "Move them one by one, or say which with --group.")
    groups = refile_rows.groups_of(connection, studies)
    source = ledger.package(connection, groups[0][0]).source if groups else ""
    order = answered_for(connection, target, source)
    return Refile(0, "running", owners.pop(), target, studies,
                  [[package, group] for package, group, whole in groups if whole],
                  order.id if order else None, by=wanted.by, reason=wanted.reason,
                  at=ledger.now())


def _require_unchanged(connection: Connection, planned: Refile, packages: list[int]) -> None:
    """Raises StateError when others are just working on the studies, or did since it was planned.
    """
    require_not_moving(connection, planned.studies)
    require_at_rest(connection, packages)
    owners = set(index.study_patients(connection, planned.studies).values())
    if owners != {planned.patient}:
        raise StateError("The studies changed meanwhile.", "Try again.")


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


def _begun(connection: Connection, planned: Refile, groups: list[tuple[int, int, bool]],
           policy: Decisions) -> Refile:
    """Written down: running, or proposed."""
    same = [one for one in refiles.refiles(connection, ("proposed",))
            if one.studies == planned.studies]
    agreed = next((one for one in same if one.target == planned.target
                   and not is_same_person(one.by, planned.by)), None)
    asks = agreed is None and any(
        needs_second(connection, policy, ledger.group(connection, package, number),
                     planned.target, planned.by) for package, number, _ in groups)
    values = asdict(planned)
    del values["id"]
    for one in same:
        refiles.change(connection, one.id, expect="proposed", to="failed")
    return refiles.add(connection, **values | {
        "state": "proposed" if asks else "running", "first": agreed.by if agreed else ""})


def _procedure(connection: Connection, one: Refile) -> Procedure:
    return expected.get(connection, one.expected).procedure if one.expected else Procedure()


def _switch(connection: Connection, one: Refile, procedure: Procedure, packages: list[int],
            ) -> Refile:
    """The studies are the other patient's, and so is what was decided. Raises StateError when
    something changed since it was written."""
    one = refiles.change(connection, one.id, expect="running", to="moving",
                         before=refile_rows.take_down(connection, one))
    _record(connection, one, packages, REFILED)
    if refiles.count_staged(connection, one.id) != refile_rows.filed_instances(
            connection, one.studies):
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
    with desk.store.read() as connection:
        packages = refile_rows.packages_of(connection, one.studies)
    with desk.store.transaction() as connection:
        if refiles.get(connection, one.id).state != "running":
            return
        refiles.change(connection, one.id, expect="running", to="failing")
        _record(connection, one, packages, FAILED)
    _clear(desk, one)


def _clear(desk: Desk, one: Refile) -> None:
    unstage_all(desk, one, FAILED)
    with desk.store.transaction() as connection:
        refiles.change(connection, one.id, expect="failing", to="failed")
    forget_given_up(desk)


def _record(connection: Connection, one: Refile, packages: list[int], action: str) -> None:
    """One event for each package and patient."""
    data = {"refile": one.id, "from": one.patient, "to": one.target, "studies": len(one.studies),
            "reason": one.reason} | ({"first": one.first} if one.first else {})
    ledger.record_many(connection, [
        ("patient", one.patient, action, data), ("patient", one.target, action, data),
        *(("package", package, action, data) for package in packages)], by=one.by)


def people_of(desk: Desk, one: Refile) -> tuple[PatientKey, PatientKey]:
    """From whom, to whom, for people."""
    with desk.store.read() as connection:
        return patient_row(connection, one.patient).key, patient_row(connection, one.target).key
