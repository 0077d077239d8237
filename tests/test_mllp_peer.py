"""The patient feed as the `hl7` package speaks to it, a client that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hl7
import hl7.client
import pytest

from mediasvc.model import PatientKey
from mediasvc.store import patients
from tests.hl7_things import message
from tests.store_things import new_store
from tests.test_mllp import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with new_store(tmp_path) as store:
        here = Site(tmp_path, store)
        here.feed.start()
        yield here
        here.feed.close()


def send(site: Site, *messages: bytes) -> list[tuple[str, str]]:
    """All over one connection; (MSA-1, MSA-2) of each answer, as the other side parses it."""
    said = []
    with hl7.client.MLLPClient("127.0.0.1", site.port) as client:
        for one in messages:
            answer = hl7.parse(client.send_message(one).strip(b"\x0b\x1c\r").decode("ascii"))
            assert str(answer["MSH"][0][0]) == "MSH"
            said.append((str(answer["MSA"][0][1]), str(answer["MSA"][0][2])))
    return said


def who(site: Site, number: str) -> str:
    """The name of whom the identifier means now."""
    with site.store.read() as connection:
        return patients.patient(connection, PatientKey(number, "HOSP")).demographics.patient_name


def test_a_message_that_the_other_package_built(site: Site) -> None:
    built = hl7.parse(message("A28", control="7").decode())
    built.assign_field("Doe^Jane", "PID", 1, 5)
    assert send(site, str(built).encode()) == [("AA", "7")]
    assert who(site, "100") == "Doe^Jane"


@pytest.mark.parametrize(("charset", "codec", "name"), [
    ("", "ascii", "Doe^John"), ("", "utf-8", "Müller^Jörg"), ("8859/1", "latin-1", "Müller^Jörg"),
    ("8859/2", "iso8859-2", "Wałęga^Łucja"), ("8859/5", "iso8859-5", "Пробный^Пётр"),
    ("8859/7", "iso8859-7", "Δοκιμή^Ελένη"), ("8859/15", "iso8859-15", "Œuvre^Zoë"),
    ("UNICODE UTF-8", "utf-8", "山田^太郎"), ("GB 18030-2000", "gb18030", "王^小东"),
    ("~ISO IR87", "iso2022_jp", "山田^太郎"), ("BIG-5", "big5", "許^功蓋")])
def test_a_name_in_any_character_set(site: Site, charset: str, codec: str, name: str) -> None:
    data = message("A28", name=name, charset=charset, control="7").decode().encode(codec)
    assert send(site, data) == [("AA", "7")]
    assert who(site, "100").lstrip("=") == name


def test_a_name_that_is_not_in_the_character_set_is_not_taken(site: Site) -> None:
    wrong = message("A28", name="@", charset="UNICODE UTF-8", control="1").replace(b"@", b"M\xfcl")
    unsaid = message("A28", name="@", control="2").replace(b"@", b"M\xfcl")
    unknown = message("A28", name="@", charset="KLINGON", control="3").replace(b"@", b"M\xfcl")
    assert send(site, wrong, unsaid, unknown) == [("AE", "1"), ("AE", "2"), ("AE", "3")]
    assert not site.known()


def test_merges_in_a_circle_and_in_the_wrong_order(site: Site) -> None:
    """Nobody is lost, the last of the circle is held, and what came late changes nothing."""
    def merge(prior: str, survivor: str, minute: int) -> bytes:
        return message("A40", pid=f"{survivor}^^^HOSP", mrg=f"{prior}^^^HOSP", name="",
                       at=f"2024010112{minute:02}+0000")

    def update(number: str, name: str, minute: int) -> bytes:
        return message("A08", pid=f"{number}^^^HOSP", name=name, at=f"2024010112{minute:02}+0000")

    codes = [code for code, _ in send(
        site, merge("1", "2", 2), update("1", "One", 1), update("2", "Two", 1),
        merge("2", "3", 3), merge("3", "1", 4), update("3", "Three", 5), update("3", "Old", 1))]
    assert codes == ["AA", "AA", "AA", "AA", "AE", "AA", "AA"]
    assert [who(site, number) for number in "123"] == ["Three"] * 3
    assert send(site, merge("3", "1", 4))[0][0] == "AE"
    unlink = message("A37", pid="2^^^HOSP", pid2="3^^^HOSP", at="202401011206+0000")
    assert send(site, unlink)[0][0] == "AA"
    assert [who(site, number) for number in "123"] == ["Two", "Two", "Three"]


def test_what_comes_again_over_another_connection_is_answered_as_before(site: Site) -> None:
    same = message("A28", control="7")
    assert send(site, same) == send(site, same) == [("AA", "7")]
    assert site.messages() == 1
