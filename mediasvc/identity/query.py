"""What is asked of the index, and what is looked up for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mediasvc.identity.keys import blocking_keys
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.model import Demographics, Patient, PatientKey

_NOTHING = Demographics()


@dataclass(frozen=True, slots=True)
class Query:
    """Somebody as a disc or a person describes them. Text whose character set was uncertain may
    sort the list, but never links (``certain_text`` False)."""

    ids: tuple[PatientKey, ...] = ()
    demographics: Demographics = _NOTHING
    certain_text: bool = True


@dataclass(frozen=True, slots=True)
class Blocking:
    """Where to look for candidates; a patient found by any of these is one."""

    ids: tuple[PatientKey, ...]
    birth_dates: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]


#: The index's side: every patient that any key of the `Blocking` finds, each once.
Lookup = Callable[[Blocking], Iterable[Patient]]


def blocking(query: Query) -> Blocking:
    """Keys for a query; placeholder IDs find nobody."""
    who = query.demographics
    date = who.patient_birth_date
    dates = [date] if len(date) == 8 else []
    if dates and "01" <= date[6:] <= "12" and date[4:6] != date[6:]:
        dates.append(date[:4] + date[6:] + date[4:6])
    keys = blocking_keys(who.patient_name, date, who.postcode, who.address)
    return Blocking(tuple(key for key in query.ids if not is_placeholder(key.patient_id)),
                    tuple(dates), tuple(key for key in keys if key[0] != "w"))
