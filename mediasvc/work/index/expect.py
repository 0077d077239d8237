"""The second rule that links without a person: somebody said beforehand who comes (DESIGN §5).

An expected import names a patient of the index, perhaps the sender, perhaps the order behind it.
The disc must still look like that patient: at least two of name, birth date and sex agree and none
disagrees. Its order's numbers then replace the foreign ones (IRWF, scheduled import).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from mediasvc.errors import SettingsError
from mediasvc.identity.match import Query, Rule, agreement
from mediasvc.model import PatientKey
from mediasvc.store import expected
from mediasvc.store.expected import Expected, Procedure
from mediasvc.store.patients import patient, patient_row

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

#: The rule's id in decisions and events.
EXPECTED_IMPORT = "expected-import"


def register(connection: Connection, key: PatientKey, procedure: Procedure, *, source: str,
             until: str, by: str) -> Expected:
    """Raises NotFoundError for an unknown patient, SettingsError for a date that is none."""
    last_day(until)
    return expected.register(connection, patient(connection, key).row, procedure, source=source,
                             valid_until=until, by=by)


def last_day(until: str) -> None:
    """Raises SettingsError for what is neither empty nor a date."""
    if until:
        try:
            date.fromisoformat(until)
        except ValueError as error:
            raise SettingsError("That is no date.", "Write it as YYYY-MM-DD.") from error


def procedure_code(text: str) -> tuple[str, str, str]:
    """``VALUE^SCHEME^MEANING`` as its three parts. Raises SettingsError when one is missing."""
    parts = text.split("^") if text else ["", "", ""]
    if len(parts) != 3 or (text and not all(parts)):
        raise SettingsError("That is no procedure code.", "Write it as VALUE^SCHEME^MEANING.")
    return parts[0], parts[1], parts[2]


def answered_by(connection: Connection, query: Query, source: str) -> Rule | None:
    """The link to the one expected patient whom this disc of ``source`` fits, or None."""
    if not query.certain_text:
        return None
    fitting: dict[int, Rule] = {}
    for one in _open_from(connection, source):
        person = patient_row(connection, one.patient)
        if one.patient not in fitting and (agreeing := agreement(query, person)):
            fitting[one.patient] = Rule(EXPECTED_IMPORT, person, {
                "expected": one.id, "by": one.registered_by, "agree": agreeing})
    return next(iter(fitting.values())) if len(fitting) == 1 else None


def answered_for(connection: Connection, row: int, source: str) -> Expected | None:
    """What a disc of ``source`` answers when it is filed under patient ``row``: the oldest."""
    return awaited(connection, source).get(row)


def awaited(connection: Connection, source: str) -> dict[int, Expected]:
    """Row of a patient → what a disc of ``source`` answers when it is filed under them."""
    found: dict[int, Expected] = {}
    for one in _open_from(connection, source):
        found.setdefault(one.patient, one)
    return found


def _open_from(connection: Connection, source: str) -> list[Expected]:
    today = date.today().isoformat()
    return [one for one in expected.expected(connection)
            if one.source in ("", source) and (not one.valid_until or one.valid_until >= today)]
