"""Orders and worklists of other systems announce discs (IHE IRWF, scheduled import)."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from mediasvc.errors import DamagedError
from mediasvc.identity.hl7 import RefusedError
from mediasvc.identity.orders import OrderEvent, read_order
from mediasvc.identity.worklist import read_item
from samples.synthesis import person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program
from tests.hl7_things import FEED, NOW

IMPORT = "IMPORT^Import of outside images^99LOCAL"
ONE = person(1)


def order(control: str = "NW", *, kind: str = "ORM^O01", code: str = IMPORT, at: str = "",
          placer: str = "4711^RIS", filler: str = "", accession: str = "A-4711", pid: str = "L1",
          name: str = ONE.patient_name, born: str = ONE.patient_birth_date,
          status: str = "") -> bytes:
    """One order message with its numbers where IHE RAD wants them."""
    at = at or "20260101120000+0000"
    number = f"{control}{at}{placer}{accession}{name}"
    lines = [f"MSH|^~\\&|RIS|CLINIC|MEDIASVC|DESK|{at}||{kind}|{number}"
             "|P|2.5.1",
             f"PID|1||{pid}^^^LOCAL^MR||{name}||{born}|{ONE.patient_sex}",
             f"ORC|{control}|{placer}|{filler}||{status}"]
    if code:
        if kind.startswith("OMI"):
            lines += ["TQ1|1||||||20260110", f"OBR|1|{placer}|{filler}|{code}",
                      f"IPC|{accession}|RP-1|1.2.3|SPS-1|CT"]
        else:
            lines += [f"OBR|1|{placer}|{filler}|{code}" + "|" * 14 + f"{accession}|RP-1|SPS-1"]
    return ("\r".join(lines) + "\r").encode()


def read(data: bytes) -> OrderEvent | None:
    from dataclasses import replace

    return read_order(data, replace(FEED, orders=("IMP*",)), NOW)


@pytest.fixture
def desk(cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("MEDIASVC_HL7__ORDERS", '["IMP*"]')
    monkeypatch.setenv("MEDIASVC_HL7__ORDER_DAYS", "9000")
    assert cli("patients", "load", write_index(tmp_path / "index.csv", [("L1", ONE)],
                                               issuer="LOCAL")).code == 0
    return cli


def send(cli: Program, *messages: bytes) -> dict[str, int]:
    file = cli.home.parent / "orders.hl7"
    file.write_bytes(b"".join(messages))
    return cli("expect", "load", file, "--by", "Ann").summary


def states(cli: Program) -> list[str]:
    return [row["state"] for row in cli("expect", "list", "--all").of("expected")]


@pytest.mark.parametrize("kind", ["ORM^O01", "OMI^O23"])
def test_order_says_what_will_be_written_into_the_images(kind: str) -> None:
    event = read(order(kind=kind))
    assert event is not None
    [one] = event.orders
    assert (one.change, one.key) == ("new", "placer:4711@RIS")
    assert (one.accession_number, one.procedure_id, one.step_id) == ("A-4711", "RP-1", "SPS-1")
    assert one.code == ("IMPORT", "99LOCAL", "Import of outside images")
    assert one.until == ("2026-02-09" if kind == "OMI^O23" else "2026-01-31")


@pytest.mark.parametrize(("control", "status", "change"), [
    ("NW", "", "new"), ("XO", "", "new"), ("RO", "", "new"), ("CA", "", "end"), ("OC", "", "end"),
    ("DC", "", "end"), ("RP", "", "end"), ("HD", "", "end"), ("SC", "CA", "end"),
    ("SC", "IP", None), ("NA", "", None), ("ZZ", "", None)])
def test_every_order_control_code_has_its_meaning(control: str, status: str,
                                                  change: str | None) -> None:
    event = read(order(control, status=status))
    assert (event.orders[0].change if event else None) == change


def test_order_of_another_procedure_is_no_import() -> None:
    assert read(order(code="CTHEAD^CT of head^99LOCAL")) is None


@pytest.mark.parametrize(("data", "code"), [
    (order(placer=""), "no-order-number"), (order(accession="A" * 17), "order-number"),
    (order().replace(b"ORC|", b"ZRC|"), "segment-missing"),
    (order().replace(b"PID|", b"ZID|"), "segment-missing"),
    (order(pid=""), "no-identifier")])
def test_order_that_cannot_be_used_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(data)
    assert refused.value.code == code


def test_orders_are_not_taken_where_no_procedure_means_an_import(cli: Program) -> None:
    assert send(cli, order())["refused"] == 1
    assert states(cli) == []


def test_disc_answers_the_order_and_carries_its_numbers(desk: Program, tmp_path: Path) -> None:
    assert send(desk, order(kind="OMI^O23"))["added"] == 1
    write_disc(tmp_path / "d", study(1, 1, count=1))
    [package] = desk("ingest", tmp_path / "d").of("package")
    assert package["state"] == "done"
    [row] = desk("studies", "files", uid(1, 1)).of("file")
    got = pydicom.dcmread(row["path"])
    [request] = got.RequestAttributesSequence
    assert (got.AccessionNumber, request.RequestedProcedureID, request.ScheduledProcedureStepID) \
        == ("A-4711", "RP-1", "SPS-1")
    late = send(desk, order("CA", at="20260102120000+0000"))
    assert late["held"] == 1  # a person must see to it
    assert states(desk) == [f"came with package {package['package']}"]


def test_cancel_replace_and_late_messages(desk: Program) -> None:
    first = order(at="20260101120000+0000")
    assert send(desk, first, first)["repeated"] == 1
    assert states(desk) == ["open"]
    send(desk, order("XO", at="20260103120000+0000", accession="A-2"))
    send(desk, order("XO", at="20260102120000+0000", accession="A-1"))  # older than what is known
    [row] = desk("expect", "list").of("expected")
    assert row["accession_number"] == "A-2"
    replaced = order("RP", at="20260104120000+0000").rstrip(b"\r") + order(
        "RO", placer="4712^RIS", accession="A-3").partition(b"ORC")[2].join((b"\rORC", b""))
    send(desk, replaced)
    assert states(desk) == ["cancelled", "open"]
    send(desk, order("CA", placer="4712^RIS", at="20260105120000+0000", code=""))
    assert states(desk) == ["cancelled", "cancelled"]


def test_cancellation_that_comes_before_its_order_counts(desk: Program) -> None:
    send(desk, order("CA", at="20260102120000+0000"), order(at="20260101120000+0000"))
    assert states(desk) == ["cancelled"]
    send(desk, order("RL", at="20260103120000+0000"))
    assert states(desk) == ["open"]


def test_order_for_an_unknown_patient_makes_the_patient(desk: Program) -> None:
    send(desk, order(pid="L7", name="New^Person"))
    assert desk("patients", "show", "L7@LOCAL").code == 0
    assert states(desk) == ["open"]


def test_order_that_names_somebody_else_under_the_same_id_is_held(desk: Program) -> None:
    done = send(desk, order(born="19000101"))
    assert (done["held"], states(desk)) == (1, [])


def test_worklist_as_a_list(desk: Program, tmp_path: Path) -> None:
    file = tmp_path / "worklist.csv"
    rows = ["patient_id;name;accession_number;procedure_id;code;source;until",
            f"L1;{ONE.patient_name};A-1;RP-1;IMPORT^99LOCAL^Import;clinic;2199-12-31",
            "L8;Other^One;A-2;RP-2;;;", "L9;;" + "A" * 17 + ";;;;", ";;A-4;;;;"]
    file.write_text("\n".join(rows))
    done = desk("expect", "load", file, "--by", "Ann")
    assert (done.code, done.summary["registered"], done.summary["refused"]) == (1, 2, 2)
    assert desk("expect", "load", file).summary["unchanged"] == 2
    first, second = desk("expect", "list").of("expected")
    assert (first["source"], first["until"], first["by"]) == ("clinic", "2199-12-31", "Ann")
    assert second["until"] == (date.today() + timedelta(9000)).isoformat()
    file.write_text("patient_id,accession_number,procedure_id,status\nL8,A-2,RP-2,CANCELLED\n")
    assert desk("expect", "load", file).summary["ended"] == 1


def worklist_item(implicit: bool, part10: bool) -> bytes:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.AccessionNumber = "A-4711"
    ds.PatientName, ds.PatientID = ONE.patient_name, "L1"
    ds.PatientBirthDate, ds.PatientSex = ONE.patient_birth_date, ONE.patient_sex
    ds.RequestedProcedureID, ds.RequestedProcedureDescription = "RP-1", "Schädel"
    code, step = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "IMP", "99LOCAL", "Import"
    step.ScheduledProcedureStepID, step.ScheduledProcedureStepStartDate = "SPS-1", "20260110"
    ds.RequestedProcedureCodeSequence = [code]
    ds.ScheduledProcedureStepSequence = [step]
    out = BytesIO()
    if part10:
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2" + ("" if implicit else ".1")
        pydicom.dcmwrite(out, ds, implicit_vr=implicit, little_endian=True,
                         enforce_file_format=False)
    else:
        pydicom.dcmwrite(out, ds, implicit_vr=implicit, little_endian=True)
    return out.getvalue()


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("part10", [True, False])
def test_worklist_item_of_dicom_is_read(implicit: bool, part10: bool) -> None:
    item = read_item(memoryview(worklist_item(implicit, part10)), "LOCAL")
    assert (str(item.key), item.accession_number, item.procedure_id, item.step_id) == (
        "L1@LOCAL", "A-4711", "RP-1", "SPS-1")
    assert (item.code, item.description, item.planned, item.troubles) == (
        "IMP^99LOCAL^Import", "Schädel", "20260110", ())


def test_folder_of_a_worklist_server_is_loaded(desk: Program, tmp_path: Path) -> None:
    folder = tmp_path / "worklist" / "AET"
    folder.mkdir(parents=True)
    (folder / "lockfile").write_bytes(b"")
    (folder / "1.wl").write_bytes(worklist_item(True, False))
    (folder / "2.wl").write_bytes(worklist_item(True, True)[:200])
    (folder / "note.txt").write_text("nothing")
    done = desk("expect", "load", tmp_path / "worklist", "--by", "Ann")
    assert (done.summary["registered"], done.summary["refused"]) == (1, 1)
    assert desk("expect", "load", folder / "1.wl").summary["unchanged"] == 1
    with pytest.raises(DamagedError):
        read_item(memoryview(b"\x08\0" * 100), "LOCAL")


@pytest.mark.skipif(not shutil.which("dump2dcm"), reason="no dcmtk")
def test_worklist_file_of_dcmtk_is_read(tmp_path: Path) -> None:
    (tmp_path / "wl.dump").write_text(
        "(0008,0050) SH A-4711\n(0010,0010) PN [Doe^Jane]\n(0010,0020) LO L1\n"
        "(0040,0100) SQ\n(fffe,e000) -\n(0040,0009) SH SPS-1\n(fffe,e00d) -\n(fffe,e0dd) -\n"
        "(0040,1001) SH RP-1\n")
    subprocess.run(["dump2dcm", tmp_path / "wl.dump", tmp_path / "a.wl"], check=True)
    subprocess.run(["dump2dcm", "-F", tmp_path / "wl.dump", tmp_path / "b.wl"], check=True)
    for name in ("a.wl", "b.wl"):
        item = read_item(memoryview((tmp_path / name).read_bytes()), "LOCAL")
        assert (item.accession_number, item.step_id, item.troubles) == ("A-4711", "SPS-1", ())
