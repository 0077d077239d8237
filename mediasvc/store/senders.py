"""Who made the discs, and what was wrong with them, counted by the database (FIELD N15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from mediasvc.store.schema import finding, item, package


class Sender(NamedTuple):
    """As the images say it; ``""`` where they do not."""

    institution_name: str
    manufacturer: str
    software_versions: str


class Fault(NamedTuple):
    """One kind of finding, with its rule, in so many packages and so often."""

    severity: str
    code: str
    rule: str
    text: str
    packages: int
    times: int


_FIELDS = [sa.func.coalesce(item.c.header[name].as_string(), "").label(name)
           for name in Sender._fields]


def _headers(since: str) -> sa.Subquery:
    """Every instance that came since, also those refused whose header could be read."""
    return sa.select(item.c.package_id, item.c.label, item.c.role, *_FIELDS).join(
        package, package.c.id == item.c.package_id).where(
        item.c.header.is_not(None), package.c.arrived_at >= since,
        package.c.state != "duplicate").subquery()  # the same disc again says nothing new


def deliveries(connection: sa.Connection, since: str = "") -> dict[Sender, Counter[str]]:
    """For each sender ``packages``, ``instances`` and ``refused``."""
    rows = _headers(since)
    who = [rows.c[name] for name in Sender._fields]
    found = connection.execute(sa.select(
        *who, sa.func.count(rows.c.package_id.distinct()), sa.func.count(),
        sa.func.sum(sa.case((rows.c.role == "refused", 1), else_=0))).group_by(*who))
    return {Sender(*sender): Counter(packages=packages, instances=instances, refused=int(refused))
            for *sender, packages, instances, refused in found}


def faults(connection: sa.Connection, since: str = "") -> Iterator[tuple[Sender, Fault]]:
    """Errors and warnings: those of a file go to its sender, those of a whole package to everybody
    whose images are on it. The worst and most frequent first."""
    rows = _headers(since)
    who = [rows.c[name] for name in Sender._fields]
    about_file = sa.select(*who, finding).join(
        rows, sa.and_(rows.c.package_id == finding.c.package_id, rows.c.label == finding.c.subject))
    on_package = sa.select(rows.c.package_id, *who).distinct().subquery()
    about_all = sa.select(*(on_package.c[name] for name in Sender._fields), finding).join(
        on_package, on_package.c.package_id == finding.c.package_id).where(finding.c.subject == "")
    both = sa.union_all(about_file, about_all).subquery()
    kind = [both.c[name] for name in (*Sender._fields, "severity", "code", "rule")]
    packages, times = sa.func.count(both.c.package_id.distinct()), sa.func.count()
    found = connection.execute(sa.select(
        *kind, sa.func.min(both.c.text), packages, times,
    ).where(both.c.severity != "info").group_by(*kind).order_by(
        *kind[:3], both.c.severity, packages.desc(), times.desc(), both.c.code))
    for institution, manufacturer, software, *fault in found:
        yield Sender(institution, manufacturer, software), Fault(*fault)
