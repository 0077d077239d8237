"""The patient feed over loopback, as honest, slow and hostile peers speak to it; and by files."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest

from mediasvc.errors import StorageError
from mediasvc.model import PatientKey
from mediasvc.service import patient_feed
from mediasvc.service.patient_feed import MessageFolder, PatientFeed
from mediasvc.settings import Hl7, Home, Settings
from mediasvc.standard.hl7_tables import CODECS, REGISTERED
from mediasvc.store import adt, patients
from mediasvc.store.db import Store
from tests.conftest import Program
from tests.hl7_things import message
from tests.store_things import new_store

START, END = b"\x0b", b"\x1c\r"


def framed(data: bytes) -> bytes:
    return START + data + END


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Site:
    """A running feed and the store behind it."""

    def __init__(self, root: Path, store: Store, **settings: Any) -> None:
        self.store, self.home, self.told = store, Home(root), list[dict[str, Any]]()
        self.port = free_port()
        self.settings = Settings(hl7=Hl7(**{"mllp_port": self.port, "settle_seconds": 0.0,
                                            **settings}))
        self.feed = PatientFeed(self.home, store, self.settings, self.tell)

    def tell(self, event: str, **fields: Any) -> None:
        self.told.append({"event": event, **fields})

    def connect(self) -> socket.socket:
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    def known(self, key: str = "100@HOSP") -> bool:
        with self.store.read() as connection:
            return bool(patients.patients_by_keys(connection, [PatientKey.parse(key)]))

    def messages(self) -> int:
        with self.store.read() as connection:
            return len(list(adt.messages(connection)))


Open = Callable[..., Site]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Open]:
    opened: list[Site] = []

    def start(**settings: Any) -> Site:
        opened.append(Site(tmp_path, store, **settings))
        opened[-1].feed.start()
        return opened[-1]

    with new_store(tmp_path) as store:
        yield start
        for one in opened:
            one.feed.close()


def answers(peer: socket.socket, number: int = 1) -> list[list[str]]:
    """So many answers, each as its segments; fewer when the other side has closed."""
    data = b""
    while data.count(END) < number and (part := _received(peer)):
        data += part
    return [part.decode("ascii").rstrip("\r").split("\r") for part in
            data.replace(START, b"").split(END)[:-1]]


def _received(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65536)
    except ConnectionResetError:
        return b""


def test_a_message_is_committed_and_then_acknowledged(site: Open) -> None:
    here = site()
    with here.connect() as peer:
        peer.sendall(framed(message("A28", control="MSG7")))
        (header, answer), = answers(peer)
        assert here.known()
    assert answer == "MSA|AA|MSG7"
    assert header.startswith("MSH|^~\\&|MEDIASVC|Unnamed institution|HIS|CLINIC|")
    assert header.split("|")[8] == "ACK^A28"
    assert here.told[-1]["verdict"] == "applied"


def test_answers_say_what_was_wrong(site: Open) -> None:
    here = site()
    with here.connect() as peer:
        for data, code, condition in (
                (message("A40", control="1"), "AR", "100"), (b"garbage", "AR", "100"),
                (message("A40", mrg="100^^^HOSP", control="2"), "AE", "204"),
                (message("A08", kind="ORU", control="3"), "AR", "200"),
                (message("A08", pid="5", control="4"), "AE", "101"),
                (message("A08") + message("A08"), "AR", "100"),
                (message("A03", control="5"), "AA", "")):
            peer.sendall(framed(data))
            answer, = answers(peer)
            assert answer[1].split("|")[1] == code
            assert (answer[2].split("|")[3].split("^")[0] if answer[2:] else "") == condition
    assert not here.known("5@HOSP")


def test_a_message_in_pieces_and_two_at_once(site: Open) -> None:
    here = site()
    with here.connect() as peer:
        for byte in framed(message("A28")):
            peer.sendall(bytes((byte,)))
        assert len(answers(peer)) == 1
        two = [framed(message("A08", at=f"2024020{n}", control=str(n))) for n in (1, 2)]
        peer.sendall(b"\r\n" + two[0] + two[1][:30])
        assert [answer[1] for answer in answers(peer)] == ["MSA|AA|1"]
        peer.sendall(two[1][30:])
        assert [answer[1] for answer in answers(peer)] == ["MSA|AA|2"]
        peer.sendall(b"".join(two))
        assert [answer[1] for answer in answers(peer, 2)] == ["MSA|AA|1", "MSA|AA|2"]
    assert here.messages() == 3


def test_a_peer_that_has_said_all_still_gets_its_answer(site: Open) -> None:
    with site().connect() as peer:
        peer.sendall(framed(message("A28")))
        peer.shutdown(socket.SHUT_WR)
        assert len(answers(peer, 2)) == 1


@pytest.mark.parametrize("sent", [START + message("A28"), START + message("A28") + b"\x1c",
                                  message("A28") + END, message("A28")])
def test_a_message_without_its_frame_has_no_effect_and_no_answer(site: Open, sent: bytes) -> None:
    here = site()
    with here.connect() as peer:
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        assert answers(peer) == []
    assert here.messages() == 0 and not here.known()


def test_a_frame_that_begins_anew_forgets_the_part_before(site: Open) -> None:
    here = site()
    with here.connect() as peer:
        peer.sendall(START + message("A28")[:40] + framed(message("A28", pid="200^^^HOSP")))
        assert len(answers(peer)) == 1
    assert here.known("200@HOSP") and here.messages() == 1


def test_a_message_that_never_ends_is_cut_off_by_size_and_by_time(site: Open) -> None:
    here = site(message_bytes=10_000, message_seconds=0.5)
    with here.connect() as peer:
        with pytest.raises(OSError):
            for _ in range(10_000):
                peer.sendall(START + b"x" * 65536)
        assert answers(peer) == []
    began = time.monotonic()
    with here.connect() as peer:
        peer.sendall(START + message("A28"))
        assert answers(peer) == [] and time.monotonic() - began < 5
    with here.connect() as peer:  # it still listens
        peer.sendall(framed(message("A28")))
        assert len(answers(peer)) == 1
    assert here.messages() == 1


def test_idle_strange_and_superfluous_peers_are_cut_off(site: Open) -> None:
    here = site(connections=2, idle_seconds=1.0)
    with here.connect(), here.connect(), here.connect() as third:
        assert answers(third) == []
    strict = site(mllp_peers=("10.0.0.0/8",))
    with strict.connect() as peer:
        assert answers(peer) == []
    with here.connect() as peer:
        time.sleep(1.3)
        assert answers(peer) == []


def test_a_message_that_cannot_be_stored_is_answered_and_may_come_again(
        site: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StorageError("The disk is full.")

    here = site()
    with here.connect() as peer:
        monkeypatch.setattr(patient_feed, "receive", full)
        peer.sendall(framed(message("A28", control="9")))
        (_, answer, error), = answers(peer)
        assert answer == "MSA|AE|9" and "207" in error
        monkeypatch.undo()
        peer.sendall(framed(message("A28", control="9")))
        assert answers(peer)[0][1] == "MSA|AA|9"
    assert here.known()


def test_japanese_names_come_through_the_wire(site: Open) -> None:
    here = site()
    raw = "Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I".encode("iso2022_jp")
    with here.connect() as peer:
        peer.sendall(framed(message("A28", name="@", charset="~ISO IR87").replace(b"@", raw)))
        assert answers(peer)[0][1].startswith("MSA|AA|")
    with here.store.read() as connection:
        found = patients.patient(connection, PatientKey("100", "HOSP"))
    assert found.demographics.patient_name == "Yamada^Tarou=山田^太郎"


def test_an_address_in_use_is_told_and_the_files_go_on(site: Open) -> None:
    first = site()
    second = site(mllp_port=first.port)
    assert [one["what"] for one in second.told if one["event"] == "trouble"] == ["mllp"]
    (second.home.hl7 / "a.hl7").write_bytes(message("A28"))
    until(lambda: (second.home.hl7 / "done" / "a.hl7").exists())
    assert first.known()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- files in HOME/hl7 ---------------------------------------------------------------------------

@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[MessageFolder, Path, list[dict[str, Any]]]]:
    told: list[dict[str, Any]] = []
    with new_store(tmp_path) as store:
        settings = Settings(hl7=Hl7(settle_seconds=0.0))
        yield (MessageFolder(Home(tmp_path), store, settings,
                             lambda event, **fields: told.append(fields)), tmp_path / "hl7", told)


Folder = tuple[MessageFolder, Path, list[dict[str, Any]]]


def test_files_are_applied_and_moved(folder: Folder) -> None:
    watch, path, told = folder
    (path / "good.hl7").write_bytes(message("A28") + message("A08", at="20240201"))
    (path / "mixed.hl7").write_bytes(message("A28", pid="200^^^HOSP") + message("A40"))
    (path / "nonsense.txt").write_bytes(b"hello")
    (path / "empty").write_bytes(b"")
    (path / ".hidden").write_bytes(message("A28"))
    (path / "x.part").write_bytes(message("A28"))
    os.symlink("/etc/passwd", path / "link.hl7")
    watch.sweep()
    assert sorted(os.listdir(path / "done")) == ["good.hl7"]
    assert sorted(os.listdir(path / "failed")) == ["empty", "mixed.hl7", "nonsense.txt"]
    assert {".hidden", "x.part", "link.hl7"} <= set(os.listdir(path))
    assert {one["state"] for one in told} == {"done", "failed"}
    mixed = next(one for one in told if one.get("added") == 1 and one["state"] == "failed")
    assert mixed["codes"] == ["segment-missing"]


def test_a_file_of_the_same_name_is_kept_beside_the_first(folder: Folder) -> None:
    watch, path, told = folder
    for number in (1, 2, 3):
        (path / "a.hl7").write_bytes(message("A08", at=f"2024010{number}"))
        watch.sweep()
    assert sorted(os.listdir(path / "done")) == ["a.hl7", "a.hl7.2", "a.hl7.3"]
    (path / "a.hl7").write_bytes(message("A08", at="20240103"))
    watch.sweep()
    assert told[-1]["updated"] == 0


def test_a_file_that_still_grows_is_left_alone(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        watch = MessageFolder(Home(tmp_path), store, Settings(hl7=Hl7(settle_seconds=0.4)),
                              lambda event, **fields: None)
        path = tmp_path / "hl7" / "a.hl7"
        path.write_bytes(message("A28"))
        for size in range(3):
            watch.sweep()
            assert path.exists(), size
            time.sleep(0.2)
            with path.open("ab") as file:
                file.write(message("A08", control=str(size)))
        watch.sweep()
        time.sleep(0.5)
        watch.sweep()
        assert not path.exists()


# --- the service ---------------------------------------------------------------------------------

@contextmanager
def service(cli: Program, port: int) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "MEDIASVC_HL7__MLLP_PORT": str(port), "MEDIASVC_HL7__SETTLE_SECONDS": "0"}
    process = subprocess.Popen(cli.command("--json", "run"), env=env, stdout=subprocess.PIPE,
                               text=True)
    try:
        assert process.stdout
        for line in process.stdout:
            if '"ready"' in line:
                break
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_the_service_listens_and_watches(cli: Program, home: Path) -> None:
    port = free_port()
    with service(cli, port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
            peer.sendall(framed(message("A28")))
            assert answers(peer)[0][1].startswith("MSA|AA|")
        (home / "hl7" / "b.hl7").write_bytes(message("A28", pid="200^^^HOSP"))
        until(lambda: (home / "hl7" / "done" / "b.hl7").exists())
    assert cli("patients", "find", "doe").summary["patients"] == 2


def test_peers_and_character_sets_are_checked_with_the_settings() -> None:
    with pytest.raises(ValueError, match="must be an address"):
        Hl7(mllp_peers=("his.example.org",))
    known = get_args(Hl7.model_fields["character_set"].annotation)
    assert set(known) <= {*CODECS, *REGISTERED}
