"""Whose images are these? Groups are formed, and a rule decides or the reasons to ask are noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mediasvc.identity.match import Query, Rule
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.media.page.words import Many
from mediasvc.model import Demographics, Finding, PatientKey
from mediasvc.store import addenda, index, item_headers, ledger
from mediasvc.store.ledger import Package, PatientGroup
from mediasvc.work.desk import Desk
from mediasvc.work.index.expect import answered_by
from mediasvc.work.index.patients import match
from mediasvc.work.intake.directories import INCOMPLETE
from mediasvc.work.intake.discover import MEDIUM_ERROR
from mediasvc.work.intake.group_order import settle_order
from mediasvc.work.intake.groups import Group, cluster
from mediasvc.work.intake.known import CONFLICT
from mediasvc.work.intake.sources import foreign_issuer
from mediasvc.work.placing.replay import decided_before
from mediasvc.work.turns.in_parts import in_parts

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

#: Error findings about the package as a whole hold it; those about one file only refuse that file.
CONTRADICTIONS = "directory-patient-"
SEVERAL = "several-patients"
#: (Study Instance UID, Series Instance UID) of a group, as `item_headers.series_of` finds them.
Series = Sequence[tuple[str, str]]


def group_package(desk: Desk, package: Package, at: str = "") -> None:
    """Every pending or held instance gets a group; each group is decided by a rule or waits.

    ``at`` is when a rule knew the patient already; ``""`` for now.
    """
    with desk.store.read() as connection:
        clusters = cluster(item_headers.identities(connection, package.id))
        completed = _completed(connection, package.id)
    groups = {identity: number for number, group in enumerate(clusters, 1)
              for identity in group.variants}
    if groups:
        in_parts(desk, package, lambda connection, first, stop: item_headers.assign_groups(
            connection, package.id, groups, first, stop))
    with desk.store.read() as connection:
        series = {number: item_headers.series_of(connection, package.id, number)
                  for number in range(1, len(clusters) + 1)}
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        conflicts = item_headers.assign_held(connection, package.id, CONFLICT, len(clusters) + 1)
        ledger.add_findings(connection, package.id, completed)
        package_waits = list(_package_waits(connection, package.id, clusters))
        for number, group in enumerate(clusters, 1):
            _settle(connection, desk, package, number, group, series[number], package_waits, at)
        if conflicts:
            _put(connection, package.id, _conflict_group(len(clusters) + 1, conflicts))


def part_conflicts(desk: Desk, package: Package) -> None:
    """Instances found to be in the archive with other content after their group was formed wait in
    one of their own."""
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        groups = ledger.groups(connection, package.id)
        number = next((one.number for one in groups if one.state == "waiting" and any(
            wait["code"] == CONFLICT for wait in (one.evidence or {}).get("waits", ()))),
            len(groups) + 1)
        if conflicts := item_headers.assign_held(connection, package.id, CONFLICT, number):
            _put(connection, package.id, _conflict_group(number, conflicts))


def query_of(group: PatientGroup, certain_text: bool = True) -> Query:
    """The identity of a group as the matcher wants it."""
    return Query((PatientKey(group.patient_id, group.issuer),),
                 Demographics(group.patient_name, group.patient_birth_date, group.patient_sex),
                 certain_text)


def _completed(connection: Connection, package_id: int) -> list[Finding]:
    return [Finding("info", "addendum", "", f"Brings {_part(one)} that package {one.package} "
                    "lacked.", "FIELD N1") for one in addenda.completes(connection, package_id)]


def _part(one: addenda.Completion) -> str:
    if one.came == one.lacked:
        return f"{Many(one.lacked):=the file|all files}"
    return f"{one.came} of the {Many(one.lacked):file|files}"


def _package_waits(connection: Connection, package_id: int, clusters: list[Group],
                   ) -> Iterator[dict[str, str]]:
    """What holds all groups of the package, whoever they are."""
    if len(clusters) > 1:
        yield _wait(SEVERAL, f"There are {len(clusters)} patients on this package.")
    for finding in ledger.findings(connection, package_id):
        if finding.code == INCOMPLETE and _rest_is_here(connection, package_id):
            continue
        if finding.severity == "error" and (
                not finding.subject or finding.code == MEDIUM_ERROR
                or finding.code.startswith(CONTRADICTIONS)):
            yield _wait(finding.code, finding.text)


def _rest_is_here(connection: Connection, package_id: int) -> bool:
    """Whether other packages brought all that this one lacks: it holds the files that could not be
    read the first time, under the DICOMDIR of the whole disc."""
    lacked = [item.sop_instance_uid for item in ledger.items(
        connection, package_id, role="missing", headers=False)]
    here = addenda.came_with(connection, package_id, lacked)
    return "" not in lacked and here.keys() == {*lacked}


def _settle(connection: Connection, desk: Desk, package: Package, number: int, cluster_: Group,
            series: Series, package_waits: list[dict[str, str]], at: str) -> None:
    group = group_of(desk, package, number, cluster_)
    certain_text = all(identity.certain_text for identity in cluster_.variants)
    rule = rule_for(connection, package, group, certain_text)
    if rule is None and not group.variants and (
            rule := decided_before(connection, package.id, group, series)):
        # Whoever decided saw the other patients of the disc too.
        package_waits = [wait for wait in package_waits if wait["code"] != SEVERAL]
    waits = [*package_waits,
             *_own_waits(connection, series, certain_text, rule.patient.row if rule else None),
             *_nobodys(series, group)]
    if rule is None:
        waits.append(_wait("no-certain-match", "No patient of the index is certainly the same."))
    if waits or rule is None:
        _put(connection, package.id, replace(group, evidence={"waits": waits}))
        return
    _put(connection, package.id, group)
    decided = ledger.decide(connection, package.id, number, "link", target=rule.patient.row,
                            rule=rule.rule, evidence=rule.evidence, at=at)
    settle_order(connection, package, decided)


def _own_waits(connection: Connection, series: Series, certain_text: bool, target: int | None,
               ) -> Iterator[dict[str, str]]:
    if not certain_text:
        yield _wait("uncertain-text", "The name is written in an unclear character set.")
    if foreign_studies(connection, series, target):
        yield _wait("study-conflict", "A study of this package is filed under another patient.")
    if moved_series(connection, series):
        yield _wait("series-conflict", "A series of this package belongs to another study already.")


def _nobodys(series: Series, group: PatientGroup) -> Iterator[dict[str, str]]:
    """Nothing but being blank joins such studies."""
    if group.patient_name or group.patient_birth_date or not is_placeholder(group.patient_id):
        return
    studies = {study for study, _ in series}
    if len(studies) > 1:
        yield _wait("nobody-named", f"The images do not say whose they are; their {len(studies)} "
                    "studies may be of several people.")


def foreign_studies(connection: Connection, series: Series, target: int | None) -> list[str]:
    """Study Instance UIDs of a group that the archive has under a patient other than ``target``
    (FAULTS I04)."""
    uids = {study for study, _ in series}
    owners = index.study_patients(connection, sorted(uids))
    return [uid for uid, owner in owners.items() if owner != target]


def moved_series(connection: Connection, series: Series) -> list[str]:
    """Series Instance UIDs of a group that the archive, or the package itself, has in two studies.
    """
    studies: dict[str, set[str]] = {}
    for study_uid, series_uid in series:
        studies.setdefault(series_uid, set()).add(study_uid)
    for uid, study in index.series_studies(connection, sorted(studies)).items():
        studies[uid].add(study)
    return [uid for uid, found in studies.items() if len(found) > 1]


def rule_for(connection: Connection, package: Package, group: PatientGroup, certain_text: bool,
             ) -> Rule | None:
    """The rule that links ``group``, seen alone, to one patient of the index."""
    query = query_of(group, certain_text)
    return match(connection, query).auto or answered_by(connection, query, package.source)


def group_of(desk: Desk, package: Package, number: int, group: Group) -> PatientGroup:
    """A cluster of identities as a group that waits."""
    identity = group.identity
    issuer = foreign_issuer(desk.settings, package.source, package.id, identity.issuer)
    return PatientGroup(
        number=number, patient_id=identity.patient_id, issuer=issuer,
        patient_name=identity.patient_name, patient_birth_date=identity.patient_birth_date,
        patient_sex=identity.patient_sex, variants=[one._asdict() for one in group.variants[1:]],
        instances=group.instances)


def _conflict_group(number: int, instances: int) -> PatientGroup:
    text = "The archive or this package has other content under the same SOP Instance UID."
    return PatientGroup(number=number, instances=instances,
                        evidence={"waits": [_wait(CONFLICT, text)]})


def _put(connection: Connection, package_id: int, group: PatientGroup) -> None:
    ledger.put_groups(connection, package_id, [group])


def _wait(code: str, text: str) -> dict[str, str]:
    return {"code": code, "text": text}
