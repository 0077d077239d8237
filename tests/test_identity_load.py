"""Patient lists as people really save them: every bad row is said, every good row is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediasvc.errors import DamagedError, SettingsError
from mediasvc.identity.load import Row, read_rows
from mediasvc.model import Demographics, PatientKey

HEAD = "patient_id,issuer,name,birth_date,sex"


def rows(tmp_path: Path, text: str | bytes, *, foreign: bool = False) -> list[Row]:
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(path, foreign=foreign))


def test_a_plain_list(tmp_path: Path) -> None:
    row, = rows(tmp_path, f"{HEAD}\n100,LOCAL,Müller^Jörg,19800102,m\n")
    assert row == Row(1, 2, PatientKey("100", "LOCAL"),
                      Demographics("Müller^Jörg", "19800102", "M"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_make_of_it(tmp_path: Path, separator: str) -> None:
    text = ("\ufeff" + HEAD + ",address,other_ids\r\n"
            '100,LOCAL,Doe^J,,U,"1 ""Long"" St",F1@A|F2@B@C\\F1@A\r\n,,,,,,\r\n')
    row, = rows(tmp_path, text.replace(",", separator))
    assert row.troubles == () and row.demographics.patient_sex == ""
    assert row.others == (PatientKey("F1", "A"), PatientKey("F2@B", "C"))
    assert row.demographics.address == '1 "Long" St'


def test_an_address_in_several_lines_is_one(tmp_path: Path) -> None:
    row, = rows(tmp_path, f'{HEAD},address,phone\n1,L,A^B,,M,"High St 1\r\nOldtown\\",0 1\n')
    assert row.troubles == () and row.line == 3
    assert (row.demographics.address, row.demographics.phone) == ("High St 1 Oldtown", "0 1")


def test_columns_may_stand_in_any_order_with_others_between(tmp_path: Path) -> None:
    row, = rows(tmp_path, "Sex,Name,remark,Patient ID,Issuer,Birth Date\nF,A^B,x,1,L,20000229\n")
    assert row.key == PatientKey("1", "L") and row.demographics.patient_birth_date == "20000229"


@pytest.mark.parametrize(("line", "trouble"), [
    (",L,A^B,19800102,M", "patient_id is empty"), ("1,,A^B,19800102,M", "issuer is empty"),
    ("UNKNOWN,L,A^B,19800102,M", "placeholder"), ("1,L,A^B,19800230,M", "birth_date"),
    ("1,L,A^B,2.1.1980,M", "birth_date"), ("1,L,A^B,１９８００１０２,M", "birth_date"),
    ("1,L,A^B,19800102,X", "sex"), ("1,L,A=B=C=D,,M", "groups"), ("1,L,A^B^C^D^E^F,,M", "compon"),
    (f"{'1' * 65},L,A^B,,M", "longer than 64"), (f"1,L,{'A' * 65},,M", "longer than 64"),
    ("1\\2,L,A^B,,M", "backslash"), ('1,L,"A\nB",,M', "control"), ("1,L,A^B,,M,extra", "values")])
def test_a_bad_row_says_what_is_wrong_without_its_value(tmp_path: Path, line: str, trouble: str,
                                                        ) -> None:
    row, good = rows(tmp_path, f"{HEAD}\n{line}\n2,L,C^D,,F\n")
    assert len(row.troubles) == 1 and trouble in row.troubles[0]
    assert good.troubles == () and good.number == 2


def test_several_troubles_of_a_row_are_said_at_once(tmp_path: Path) -> None:
    row, = rows(tmp_path, f"{HEAD},other_ids\n,,A^B,x,y,F1|@|\n")
    assert len(row.troubles) == 5


def test_foreign_rows_need_no_id(tmp_path: Path) -> None:
    row, = rows(tmp_path, f"{HEAD}\n,,A^B,19800102,M\n", foreign=True)
    assert row.troubles == ()


@pytest.mark.parametrize("text", [
    "", "\n", "patient_id,name\n1,A\n", f"{HEAD},sex\n", "MSH|^~\\&|ADT", "\x0bMSH|^~\\&|ADT"])
def test_what_is_no_patient_list_is_a_setting_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        rows(tmp_path, text)


def test_hl7_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HL7"):
        rows(tmp_path, b"\xef\xbb\xbfMSH|^~\\&|ADT|")


@pytest.mark.parametrize("text", [
    f"{HEAD}\n1,L,M\xfcller^J,,M\n".encode("latin-1"), b"\xff\xfe1\x00",
    f'{HEAD}\n1,L,"open,,M\n'.encode(), f'{HEAD}\n1,L,"a"b,,M\n'.encode(),
    f"{HEAD}\n1,L,{'A' * 70000},,M\n".encode()])
def test_damaged_text_is_damaged_and_not_guessed(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(DamagedError):
        rows(tmp_path, text)


def test_lines_are_counted_as_a_text_editor_counts_them(tmp_path: Path) -> None:
    found = rows(tmp_path, f'{HEAD},address\n1,L,A,,M,"two\nlines"\n\n2,L,B,,M,\n')
    assert [(row.number, row.line) for row in found] == [(1, 3), (2, 5)]
