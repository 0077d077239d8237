"""A part of a patient list made ready for the index, in a process of its own."""

from __future__ import annotations

import json
from typing import Any

from mediasvc.identity.keys import blocking_keys
from mediasvc.identity.load import Row, to_row


def ready_rows(columns: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    """``rows`` are (number, line, values) of `mediasvc.identity.load.read_table`.

    Answers ``rows`` and ``others`` of `mediasvc.store.patient_list.Part`, and ``troubles``:
    (number, line, words) of the rows that are bad.
    """
    found = [to_row(number, line, columns, values) for number, line, values in rows]
    return {"rows": [_ready(row) for row in found],
            "others": [[row.number, other.patient_id, other.issuer]
                       for row in found for other in row.others],
            "troubles": [[row.number, row.line, row.troubles] for row in found if row.troubles]}


def _ready(row: Row) -> list[Any]:
    who = row.demographics
    keys = () if row.troubles else blocking_keys(who.patient_name, who.patient_birth_date,
                                                 who.postcode, who.address)
    others = [[other.patient_id, other.issuer] for other in row.others]
    return [row.number, row.line, row.key.patient_id, row.key.issuer, who.patient_name,
            who.patient_birth_date, who.patient_sex, who.address, who.postcode, who.phone,
            json.dumps(others), json.dumps([kind + key for kind, key in keys],
                                           ensure_ascii=False), int(bool(row.troubles))]
