"""One statement for many rows, by the database's driver itself: what SQLAlchemy does for each row
takes several times as long as what the database does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

Row = tuple[Any, ...]


def execute_many(connection: sa.Connection, statement: Any, names: Sequence[str],
                 rows: Sequence[Row]) -> int:
    """Execute ``statement`` for each of ``rows``, the values of the parameters ``names`` as the
    driver has them (JSON is `as_text`); returns how many rows of the table it met.

    What else the statement says is the same for all of them.
    """
    if not rows:
        return 0
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
    same = {name: value for name, value in compiled.params.items() if name not in names}
    place = {name: at for at, name in enumerate((*names, *same))}
    if same:
        rows = [(*row, *same.values()) for row in rows]
    parameters: Any = rows
    if not compiled.positional:
        parameters = [dict(zip(place, row, strict=True)) for row in rows]
    elif (order := [place[name] for name in compiled.positiontup]) != [*range(len(place))]:
        parameters = [*map(itemgetter(*order), rows)]
    return connection.exec_driver_sql(
        str(compiled), parameters, {"preserve_rowcount": True}).rowcount


def as_text(value: dict[str, Any] | None) -> str | None:
    """Of a JSON column, as SQLAlchemy writes it."""
    return None if value is None else json.dumps(value)
