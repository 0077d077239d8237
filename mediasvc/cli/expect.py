"""`mediasvc expect`: who will bring a disc, and which order it answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.person import by_option
from mediasvc.cli.session import Session

if TYPE_CHECKING:
    from mediasvc.model import Patient
    from mediasvc.store.expected import Expected


@click.group()
def command() -> None:
    """Expected imports: a disc of an expected patient is linked without a question.

    It must look like that patient: two of name, birth date and sex agree and none disagrees.
    """


@command.command()
@click.argument("patient", metavar="ID[@ISSUER]")
@click.option("--source", default="", help="Only a disc of this sender. Default: of anybody.")
@click.option("--until", default="", metavar="YYYY-MM-DD", help="The last day.")
@click.option("--accession", default="", help="Accession Number of our order.")
@click.option("--procedure-id", default="", help="Requested Procedure ID of our order.")
@click.option("--description", default="", help="Requested Procedure Description.")
@click.option("--step-id", default="", help="Scheduled Procedure Step ID.")
@click.option("--code", default="", metavar="VALUE^SCHEME^MEANING", help="Procedure code.")
@by_option
@click.pass_obj
def add(session: Session, patient: str, source: str, until: str, accession: str, procedure_id: str,
        description: str, step_id: str, code: str, by: str) -> int:
    """This patient will bring a disc."""
    from mediasvc.model import PatientKey
    from mediasvc.store.expected import Procedure
    from mediasvc.store.patients import patient_row
    from mediasvc.work.index.expect import procedure_code, register

    key = PatientKey.parse(patient, session.settings.site.issuer)
    procedure = Procedure(accession, procedure_id, description, step_id, *procedure_code(code))
    with session.store() as store, store.transaction() as connection:
        one = register(connection, key, procedure, source=source, until=until, by=by)
        who = patient_row(connection, one.patient)
    _tell(session, one, who)
    session.summary(expected=one.id)
    return 0


@command.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, path_type=Path))
@click.option("--source", default="", help="The sender of their discs. Default: anybody.")
@click.option("--until", default="", metavar="YYYY-MM-DD", help="The last day.")
@by_option
@click.pass_obj
def load(session: Session, path: Path, source: str, until: str, by: str) -> int:
    """Expect everybody of a worklist; the same again changes nothing.

    FILE is a CSV list, a DICOM worklist item (.wl), a folder of those, or HL7 orders. Columns of
    the list: patient_id; optional issuer, name, birth_date, sex, accession_number, procedure_id,
    description, step_id, code (VALUE^SCHEME^MEANING), source, until, status. Exit 1 when an item
    was refused.
    """
    from mediasvc.identity.load import is_hl7
    from mediasvc.work.index.expect import last_day
    from mediasvc.work.index.worklist import Terms, load_worklist

    last_day(until)
    if path.is_file() and is_hl7(path):
        from mediasvc.cli.patients import load_messages

        return load_messages(session, path)
    with session.store() as store, session.children() as sandbox:
        done = load_worklist(store, session.settings, sandbox, path, Terms(by, source, until))
    for finding in done.findings:
        session.finding(finding)
    counts = done.counts
    session.say(f"{counts['registered']} expected, {counts['changed']} changed, "
                f"{counts['ended']} ended, {counts['unchanged'] + counts['ignored']} without "
                f"effect, {counts['refused']} refused")
    session.summary(items=done.items, registered=counts["registered"], changed=counts["changed"],
                    ended=counts["ended"], unchanged=counts["unchanged"] + counts["ignored"],
                    refused=counts["refused"])
    return 1 if counts["refused"] else 0


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that are over.")
@click.pass_obj
def list_(session: Session, every: bool) -> int:
    """Who is expected."""
    from mediasvc.store.expected import expected
    from mediasvc.store.patients import patient_row

    with session.store() as store, store.read() as connection:
        found = [(one, patient_row(connection, one.patient))
                 for one in expected(connection, every=every)]
    for one, who in found:
        _tell(session, one, who)
    session.summary(expected=len(found))
    return 0


@command.command()
@click.argument("number", type=int)
@by_option
@click.pass_obj
def cancel(session: Session, number: int, by: str) -> int:
    """Nobody comes any more."""
    from mediasvc.store.expected import end

    with session.store() as store, store.transaction() as connection:
        end(connection, number, by)
    session.say(f"Expected import {number} is cancelled.")
    session.summary(expected=number)
    return 0


def _tell(session: Session, one: Expected, who: Patient) -> None:
    from mediasvc.media.labels import display
    from mediasvc.store.expected import BY_MESSAGE

    key, name = who.key, who.demographics.patient_name
    state = ("open" if one.is_open else f"came with package {one.package}"
             if one.package is not None else "cancelled")
    order = one.procedure
    session.emit("expected", expected=one.id, patient_id=key.patient_id, issuer=key.issuer,
                 name=name, source=one.source, until=one.valid_until, state=state,
                 package=one.package,
                 accession_number=order.accession_number,
                 requested_procedure_id=order.requested_procedure_id, order=one.order_key,
                 by=one.registered_by,
                 registered_at=one.registered_at)
    limits = [f"from {one.source}" if one.source else "", f"until {one.valid_until}"
              if one.valid_until else "", f"for {order.accession_number}"
              if order.accession_number else ""]
    by = one.registered_by
    if by.startswith(BY_MESSAGE):
        by = f"an HL7 order (message {by.removeprefix(BY_MESSAGE)})"
    session.say(f"{one.id:>5}  {key}  {display(name) or '(no name)'}  "
                f"{' '.join(filter(None, limits))}  {state}, registered by {by}")

