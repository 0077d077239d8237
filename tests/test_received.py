"""Packs of received headers: durable, each delta on its own, readable without the database."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.errors import DamagedError
from mediasvc.store.received import Place, Received
from tests.store_things import Recorded

DELTAS = [(f"{n:064x}", f"{n + 500:064x}", b"(0010,0010) Doe^John" * n) for n in range(20)]


@pytest.fixture
def received(tmp_path: Path) -> Received:
    return Received(tmp_path)


def test_every_delta_comes_back(received: Received) -> None:
    pack = received.write_pack(DELTAS)
    assert [received.read(place) for place in pack.places] == [delta for _, _, delta in DELTAS]
    path = received.path(pack.sha256)
    assert path.name == f"{pack.sha256}.zst" and path.stat().st_size == pack.length
    assert hashlib.sha256(path.read_bytes()).hexdigest() == pack.sha256


def test_a_pack_tells_what_it_holds_without_the_database(received: Received) -> None:
    pack = received.write_pack(DELTAS)
    entries = list(received.scan(pack.sha256))
    assert [(one.received_sha256, one.object_sha256) for one in entries] == [
        delta[:2] for delta in DELTAS]
    assert tuple(one.place for one in entries) == pack.places
    entry, delta = received.read_entry(pack.places[3])
    assert entry == entries[3] and delta == DELTAS[3][2]


def test_the_same_deltas_again_are_the_same_pack(received: Received, tmp_path: Path) -> None:
    assert received.write_pack(DELTAS) == received.write_pack(DELTAS)
    assert len(list((tmp_path / "received").iterdir())) == 1


def test_a_pack_is_durable_when_its_place_is_known(tmp_path: Path) -> None:
    seen = Recorded()
    Received(tmp_path, seen).write_pack(DELTAS)
    order = [seen.place("write"), seen.place("fsync"), seen.place("rename"),
             seen.place("dirsync", "received")]
    assert order == sorted(order) and seen.log[-1] == ("dirsync", "received")


def test_the_zstd_program_reads_a_pack(received: Received) -> None:
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    pack = received.write_pack(DELTAS)
    out = subprocess.run(["zstd", "-dc", str(received.path(pack.sha256))], capture_output=True,
                         check=True).stdout
    assert out == b"".join(delta for _, _, delta in DELTAS)


def test_every_flipped_byte_is_found(received: Received) -> None:
    pack = received.write_pack(DELTAS[:3])
    path = received.path(pack.sha256)
    good = path.read_bytes()
    path.chmod(0o600)
    found = 0
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x40]) + good[position + 1:])
        try:
            entries = [received.read_entry(place) for place in pack.places]
        except DamagedError:
            found += 1
        else:  # a bit that means nothing in zstandard's own frame header
            assert [(entry.received_sha256, entry.object_sha256, delta)
                    for entry, delta in entries] == DELTAS[:3]
    assert found >= len(good) - 12


def test_a_pack_cut_short_is_damaged_and_not_half_read(received: Received) -> None:
    pack = received.write_pack(DELTAS)
    path = received.path(pack.sha256)
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:-1])
    with pytest.raises(DamagedError):
        list(received.scan(pack.sha256))
    with pytest.raises(DamagedError):
        received.read(pack.places[-1])
    path.unlink()
    with pytest.raises(DamagedError, match="missing"):
        received.read(pack.places[0])


def test_a_place_that_is_not_an_entry_is_refused(received: Received) -> None:
    pack = received.write_pack(DELTAS)
    for place in (Place(pack.sha256, 1, pack.places[0].length),
                  Place(pack.sha256, 0, pack.places[0].length + 1), Place(pack.sha256, 0, 10)):
        with pytest.raises(DamagedError):
            received.read(place)


def test_an_empty_pack_is_never_written(received: Received) -> None:
    with pytest.raises(ValueError, match="without deltas"):
        received.write_pack([])


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, deltas: list[bytes]) -> None:
    received = Received(tmp_path_factory.mktemp("pack"))
    pack = received.write_pack([("0" * 64, "1" * 64, delta) for delta in deltas])
    assert [received.read(place) for place in pack.places] == deltas
