"""States take only listed edges, counts come from the rows, and what happened cannot be altered."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mediasvc import model
from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import Finding, InstanceHeader
from mediasvc.span import Span
from mediasvc.store import discs, groups, ledger, states
from mediasvc.store.db import Connection, Store
from mediasvc.store.ledger import Item, PatientGroup, Settled
from mediasvc.store.schema import disc_instance
from tests.store_things import add_patient, new_store


@pytest.fixture
def package(connection: Connection) -> ledger.Package:
    number = ledger.submit(connection, kind="folder", path="/in/disc", digest="d1").id
    return ledger.claim(connection, number)


def test_every_state_of_the_model_has_its_row_in_the_tables() -> None:
    assert set(states.PACKAGE) == set(get_args(model.PackageState))
    assert set(states.ITEM) == set(get_args(model.ItemState))
    assert set(states.GROUP) == set(get_args(groups.GroupState))
    assert set(states.DISC) == set(get_args(discs.DiscState))
    for machine in (states.PACKAGE, states.ITEM, states.GROUP, states.DISC):
        assert {to for row in machine.values() for to in row} <= set(machine)


def test_a_package_goes_its_way_and_each_step_is_an_event(connection: Connection,
                                                          package: ledger.Package) -> None:
    fence = package.fence
    ledger.change_state(connection, package.id, expect="receiving", to="waiting", fence=fence)
    ledger.change_state(connection, package.id, expect="waiting", to="receiving", by="Ann")
    again = ledger.claim(connection, package.id)
    ledger.change_state(connection, package.id, expect="receiving", to="done", fence=again.fence)
    told = [(one.action, one.by) for one in ledger.events(connection, "package", package.id)]
    assert told == [("receiving", ""), ("claimed", ""), ("waiting", ""), ("receiving", "Ann"),
                    ("claimed", ""), ("done", "")]
    assert ledger.package(connection, package.id).state == "done"


def test_an_edge_that_is_not_listed_is_refused(connection: Connection,
                                               package: ledger.Package) -> None:
    with pytest.raises(StateError):
        ledger.change_state(connection, package.id, expect="receiving", to="receiving")
    with pytest.raises(StateError, match="is receiving"):
        ledger.change_state(connection, package.id, expect="waiting", to="done")


def test_a_worker_whose_claim_was_taken_over_changes_nothing(connection: Connection,
                                                             package: ledger.Package) -> None:
    newer = ledger.claim(connection, package.id)
    assert newer.attempts == package.attempts + 1
    with pytest.raises(StateError):
        ledger.change_state(connection, package.id, expect="receiving", to="done",
                            fence=package.fence)
    with pytest.raises(StateError):
        ledger.check_fence(connection, package.id, package.fence)
    with pytest.raises(StateError):
        ledger.set_digest(connection, package.id, "d2", fence=package.fence)
    ledger.change_state(connection, package.id, expect="receiving", to="done", fence=newer.fence)


def test_the_same_content_again_is_a_duplicate_of_the_first(connection: Connection,
                                                            package: ledger.Package) -> None:
    again = ledger.submit(connection, kind="zip", path="/in/disc.zip", digest="d1")
    assert (again.state, again.duplicate_of) == ("duplicate", package.id)
    ledger.change_state(connection, package.id, expect="receiving", to="failed", reason="bad")
    third = ledger.submit(connection, kind="zip", path="/in/disc.zip", digest="d1")
    assert third.state == "receiving"
    with pytest.raises(StateError, match="already in"), connection.begin_nested():
        ledger.change_state(connection, package.id, expect="failed", to="receiving")


def test_content_that_is_known_only_later_finds_the_earlier_package(
        connection: Connection, package: ledger.Package) -> None:
    late = ledger.submit(connection, kind="folder", path="/in/2")
    claim = ledger.claim(connection, late.id)
    found = ledger.set_digest(connection, late.id, "d1", fence=claim.fence)
    assert found is not None and found.id == package.id
    assert ledger.set_digest(connection, late.id, "d2", fence=claim.fence) is None
    ledger.describe(connection, late.id, location="/staging/2", fence=claim.fence)
    assert ledger.package(connection, late.id).location == "/staging/2"


def test_packages_are_listed_by_state_and_page(connection: Connection) -> None:
    for number in range(5):
        ledger.submit(connection, kind="file", path=str(number))
    ledger.change_state(connection, 2, expect="receiving", to="waiting")
    assert [one.id for one in ledger.packages(connection, ["receiving"])] == [1, 3, 4, 5]
    assert [one.id for one in ledger.packages(connection, after=3, limit=1)] == [4]
    with pytest.raises(NotFoundError):
        ledger.package(connection, 77)


def test_items_come_back_as_they_were(connection: Connection, package: ledger.Package) -> None:
    item = Item(7, "DICOM/IM7", 512, "ab" * 32, "instance", "pending", "", 1, "1.2.7",
                InstanceHeader(sop_instance_uid="1.2.7", patient_name="Müller^Jörg"),
                Span("/in/disc/IM7", 0, 512), "DICOM/IM7", "", "")
    plain = Item(8, "README.TXT", 3, role="non_dicom")
    ledger.put_items(connection, package.id, [item, plain])
    assert list(ledger.items(connection, package.id)) == [item, plain]
    assert ledger.item(connection, package.id, 8) == plain
    assert ledger.item(connection, package.id, 9) is None
    assert list(ledger.items(connection, package.id, role="instance", group=1)) == [item]


def test_instances_are_the_sum_of_their_states(connection: Connection,
                                               package: ledger.Package) -> None:
    ledger.put_items(connection, package.id,
                     [Item(n, state="pending", group_number=n % 2) for n in range(10)])
    ledger.put_items(connection, package.id, [Item(10, role="missing"), Item(11, role="dicomdir")])
    ledger.settle(connection, package.id, [
        Settled(0, "archived", object_sha256="aa"), Settled(1, "duplicate", duplicate_of="1.2"),
        Settled(2, "quarantined", "damaged"), Settled(3, "held"), Settled(4, "rejected", "no")])
    counts = ledger.counts(connection, package.id)
    assert counts == ledger.Counts(1, 1, 1, 1, 1, 5) and counts.instances == 10
    assert ledger.counts(connection, package.id, group=1).instances == 5
    assert ledger.role_counts(connection, package.id) == {"instance": 10, "missing": 1,
                                                          "dicomdir": 1}
    assert ledger.settle_all(connection, package.id, old="pending", new="held", first=5,
                             stop=8) == 3


def test_listing_a_package_again_keeps_what_was_settled(connection: Connection,
                                                        package: ledger.Package) -> None:
    ledger.put_items(connection, package.id, [Item(1, "old label", state="pending")])
    ledger.settle(connection, package.id, [Settled(1, "archived", object_sha256="aa")])
    ledger.put_items(connection, package.id, [Item(1, "new label", state="pending")])
    item = ledger.item(connection, package.id, 1)
    assert item and (item.label, item.state, item.object_sha256) == ("new label", "archived", "aa")
    with pytest.raises(StateError):
        ledger.drop_items(connection, package.id, 0, 9)


def test_an_item_that_may_not_go_there_stops_the_whole_batch(connection: Connection,
                                                             package: ledger.Package) -> None:
    ledger.put_items(connection, package.id,
                     [Item(1, state="pending"), Item(2, state="pending"), Item(3, role="missing")])
    for bad in (3, 99):  # what is only listed; what is not there
        with pytest.raises(StateError):
            ledger.settle(connection, package.id, [Settled(1, "archived"),
                                                   Settled(bad, "archived")])
    assert ledger.counts(connection, package.id).pending == 2
    ledger.settle(connection, package.id, [Settled(1, "archived")])
    ledger.settle(connection, package.id, [Settled(1, "archived")])  # a line that runs again
    with pytest.raises(StateError):
        ledger.settle(connection, package.id, [Settled(1, "duplicate")])


def test_a_package_of_50_000_items_is_listed_in_seconds(connection: Connection,
                                                        package: ledger.Package) -> None:
    began = time.monotonic()
    header = InstanceHeader(sop_instance_uid="1.2.3", modality="CT")
    ledger.put_items(connection, package.id, (
        Item(n, f"DICOM/IM{n}", 1000, "ab" * 32, state="pending", header=header)
        for n in range(50_000)))
    ledger.settle(connection, package.id, (Settled(n, "archived") for n in range(50_000)))
    assert sum(1 for _ in ledger.items(connection, package.id)) == 50_000
    assert ledger.counts(connection, package.id).archived == 50_000
    assert time.monotonic() - began < 20


def test_findings_are_kept_in_order_and_counted(connection: Connection,
                                                package: ledger.Package) -> None:
    said = [Finding("warning", "preamble", "IM1", "text in the preamble", "PS3.10 7.5"),
            Finding("error", "truncated", "IM2", "ends too early", "P03")]
    ledger.add_findings(connection, package.id, said)
    assert list(ledger.findings(connection, package.id)) == said
    assert ledger.finding_counts(connection, package.id) == {"error": 1, "warning": 1, "info": 0}
    assert ledger.drop_findings(connection, package.id, 9) == 2
    assert list(ledger.findings(connection, package.id)) == []


def test_a_decision_cites_who_made_it_and_can_be_taken_back(connection: Connection,
                                                            package: ledger.Package) -> None:
    row = add_patient(connection)
    ledger.put_groups(connection, package.id, [PatientGroup(1, "F1", "CLINIC", "Doe^J",
                                                            variants=[{"patient_name": "Doe"}],
                                                            instances=3)])
    with pytest.raises(ValueError, match="rule or a person"):
        ledger.decide(connection, package.id, 1, "link", target=row)
    with pytest.raises(ValueError, match="needs a patient"):
        ledger.decide(connection, package.id, 1, "link", by="Ann")
    ledger.decide(connection, package.id, 1, "reject", by="Ann")
    decided = ledger.decide(connection, package.id, 1, "link", target=row, rule="same-id",
                            evidence={"agree": ["name"]})
    assert (decided.state, decided.target, decided.rule) == ("decided", row, "same-id")
    assert decided.evidence == {"agree": ["name"]} and decided.decided_at
    ledger.change_group(connection, package.id, 1, expect="decided", to="filed")
    with pytest.raises(StateError):
        ledger.decide(connection, package.id, 1, "reject", by="Ann")
    with pytest.raises(StateError):
        ledger.drop_groups(connection, package.id)
    ledger.change_group(connection, package.id, 1, expect="filed", to="waiting", by="Ann")
    back = ledger.group(connection, package.id, 1)
    assert (back.state, back.decision, back.target, back.by) == ("waiting", "", None, "")
    assert back.instances == 3 and back.variants == [{"patient_name": "Doe"}]


def test_grouping_again_keeps_a_decision(connection: Connection, package: ledger.Package) -> None:
    row = add_patient(connection)
    ledger.put_groups(connection, package.id, [PatientGroup(1, "F1", instances=3)])
    ledger.decide(connection, package.id, 1, "link", target=row, by="Ann")
    ledger.put_groups(connection, package.id, [PatientGroup(1, "F1", instances=4)])
    again = ledger.group(connection, package.id, 1)
    assert (again.instances, again.state, again.by) == (4, "decided", "Ann")


def test_a_disc_is_released_once(connection: Connection) -> None:
    disc = discs.plan_disc(connection, path="/out/1.iso", profile="STD-GEN-CD", file_set_id="D1")
    discs.put_disc_instances(connection, disc.id, [("DICOM/IM1", "1.2.1", "aa")])
    discs.change_disc(connection, disc.id, expect="planned", to="built", sha256="ff", bytes=9)
    with pytest.raises(StateError):
        discs.change_disc(connection, disc.id, expect="built", to="released")
    discs.change_disc(connection, disc.id, expect="built", to="verified")
    done = discs.change_disc(connection, disc.id, expect="verified", to="released")
    assert (done.state, done.sha256, done.bytes) == ("released", "ff", 9)
    with pytest.raises(StateError):
        discs.change_disc(connection, disc.id, expect="released", to="failed")


def test_every_instance_of_a_large_disc_is_noted(connection: Connection,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discs, "_AT_ONCE", 3)
    disc = discs.plan_disc(connection, path="/out/1.iso", profile="STD-GEN-CD", file_set_id="D1")
    discs.put_disc_instances(connection, disc.id, (
        (f"DICOM/IM{number}", f"1.2.{number}", "aa") for number in range(7)))
    noted = sa.select(disc_instance.c.sop_instance_uid).where(disc_instance.c.disc_id == disc.id)
    assert sorted(connection.execute(noted).scalars()) == [f"1.2.{number}" for number in range(7)]


def _tell(store: Store, count: int = 20) -> None:
    with store.transaction() as connection:
        for number in range(count):
            ledger.record(connection, "package", number, "tested", by="Ann",
                          data={"n": number, "text": "ü"})


def test_a_chain_is_whole_until_somebody_touches_it(store: Store) -> None:
    _tell(store)
    with store.read() as connection:
        chain = ledger.verify_chain(connection)
        assert chain.whole and (chain.events, chain.head) == ledger.head(connection)


@pytest.mark.parametrize("change", [
    "UPDATE event SET data = '{}' WHERE seq = 7", "UPDATE event SET by = 'Bob' WHERE seq = 7",
    "UPDATE event SET at = '2020' WHERE seq = 7", "DELETE FROM event WHERE seq = 7",
    "UPDATE event SET hash = (SELECT hash FROM event WHERE seq = 8) WHERE seq = 7"])
def test_whatever_is_changed_in_the_chain_is_found_where_it_was(store: Store, tmp_path: Path,
                                                                change: str) -> None:
    _tell(store)
    with sqlite3.connect(tmp_path / "mediasvc.db") as raw:
        raw.execute(change)
    with store.read() as connection:
        chain = ledger.verify_chain(connection)
    assert not chain.whole and chain.broken_at == 7 and chain.events == 6


def test_events_cut_from_the_end_differ_from_a_printed_head(store: Store, tmp_path: Path) -> None:
    _tell(store)
    with store.read() as connection:
        printed = ledger.head(connection)
    with sqlite3.connect(tmp_path / "mediasvc.db") as raw:
        raw.execute("DELETE FROM event WHERE seq > 15")
    with store.read() as connection:
        assert ledger.verify_chain(connection).whole and ledger.head(connection) != printed


@given(st.dictionaries(st.text(max_size=8), st.one_of(
    st.text(max_size=20), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False,
                                                                           allow_infinity=False))))
def test_any_data_of_an_event_comes_back_and_verifies(data: dict[str, object]) -> None:
    with _shared().transaction() as connection:
        ledger.record(connection, "package", 1, "tested", data=data)
    with _shared().read() as connection:
        *_, last = ledger.events(connection, "package", 1)
        assert last.data == data and ledger.verify_chain(connection).whole


_kept: list[Store] = []


def _shared() -> Store:
    """One store for all examples of a property."""
    if not _kept:
        import tempfile
        _kept.append(new_store(Path(tempfile.mkdtemp())).__enter__())
    return _kept[0]
