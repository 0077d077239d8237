"""Findings of a package as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice

import sqlalchemy as sa

from mediasvc.model import Finding
from mediasvc.store.schema import finding as table

_PAGE = 2000
_COLUMNS = (table.c.severity, table.c.code, table.c.subject, table.c.text, table.c.rule)


def add_findings(connection: sa.Connection, package_id: int, findings: Iterable[Finding]) -> int:
    """Append; returns how many."""
    stream, done = iter(findings), 0
    while page := list(islice(stream, _PAGE)):
        connection.execute(sa.insert(table),
                           [{"package_id": package_id, **asdict(one)} for one in page])
        done += len(page)
    return done


def findings(connection: sa.Connection, package_id: int) -> Iterator[Finding]:
    """In the order in which they were added, read by pages."""
    query = sa.select(table.c.id, *_COLUMNS).where(
        table.c.package_id == package_id).order_by(table.c.id).limit(_PAGE)
    last = -1
    while True:
        page = connection.execute(query.where(table.c.id > last)).all()
        for row in page:
            yield Finding(*row[1:])
        if len(page) < _PAGE:
            return
        last = page[-1].id


def drop_findings(connection: sa.Connection, package_id: int, size: int | None = None) -> int:
    """Forget the first ``size``, or all, and say how many these were: the line is about to run
    again and will find them again."""
    first = sa.select(table.c.id).where(table.c.package_id == package_id).order_by(
        table.c.id).limit(size)
    return connection.execute(sa.delete(table).where(table.c.id.in_(first))).rowcount


def finding_counts(connection: sa.Connection, package_id: int) -> dict[str, int]:
    """``{"error": n, "warning": n, "info": n}``."""
    query = sa.select(table.c.severity, sa.func.count()).where(
        table.c.package_id == package_id).group_by(table.c.severity)
    found: dict[str, int] = dict(connection.execute(query).all())
    return {severity: found.get(severity, 0) for severity in ("error", "warning", "info")}
