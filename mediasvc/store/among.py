"""``column IN (…)`` with all values in one parameter, for what is asked all the time.

A list of a hundred parameters is another statement for each length: it takes the driver and
PostgreSQL longer to read than to answer.
"""

from __future__ import annotations

import json
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _List(sa.types.TypeDecorator[list[Any]]):
    """An array on PostgreSQL, a JSON text on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: sa.types.TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        array = dialect.name == "postgresql"
        return dialect.type_descriptor(sa.ARRAY(self.item) if array else sa.Text())

    def process_bind_param(self, value: list[Any] | None, dialect: sa.Dialect) -> Any:
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Among(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Self:
        """It is a condition as it stands; SQLite would be asked whether it equals 1."""
        return self


def among(column: sa.Column[Any], parameter: str) -> sa.ColumnElement[bool]:
    """Whether the column has one of the values in the list bound to ``parameter``."""
    return _Among(column, sa.bindparam(parameter, type_=_List(column.type)))


@compiles(_Among)
def _in_json(element: _Among, compiler: sa.Compiled, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  no value in it


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: sa.Compiled, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({values})"
