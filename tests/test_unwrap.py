"""What went in comes out, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mediasvc.span import Span
from mediasvc.work.wrapping.unwrap_find import find_payload
from samples.containers import mp4, ps, ts
from samples.streams import Video
from tests import wrap_things as things
from tests.conftest import Program
from tests.test_wrap_pictures import wrapped

FILES = {"mp4": mp4(Video()), "odd.mp4": mp4(Video(), pad=1), "ts": ts(Video()),
         "ps": ps(Video("mpeg2", 4, 8, 576, 720)), "jpg": things.jpeg(),
         "odd.jpg": things.jpeg(None, things.segment(0xFE, b"x" * (len(things.jpeg()) % 2))),
         "pdf": things.PDF, "odd.pdf": things.PDF + b"\n", "stl": things.STL}


@pytest.mark.parametrize("name", FILES)
def test_the_payload_is_the_file(tmp_path: Path, name: str) -> None:
    wrapped(tmp_path, name, FILES[name])
    path = tmp_path / f"{name}.dcm"
    found = find_payload(Span.of_file(path).as_json())
    data = path.read_bytes()
    assert b"".join(data[at:at + length] for at, length in found["places"]) == FILES[name]


def test_the_command_gives_file_and_digest(cli: Program, tmp_path: Path) -> None:
    data, out = FILES["odd.mp4"], tmp_path / "back.mp4"
    wrapped(tmp_path, "a.mp4", data)
    done = cli("unwrap", tmp_path / "a.mp4.dcm", out)
    assert done.code == 0 and out.read_bytes() == data
    assert done.of("unwrapped") == [{
        "type": "unwrapped", "out": str(out), "kind": "video", "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest()}]


def test_an_instance_of_somebody_else_without_lengths_is_unwrapped(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.ts", FILES["ts"])
    del made[0x7FE00003]
    path = tmp_path / "other.dcm"
    made.save_as(path)
    found = find_payload(Span.of_file(path).as_json())
    assert sum(length for _, length in found["places"]) == len(FILES["ts"])


def test_a_length_that_cannot_be_is_not_believed(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.ts", FILES["ts"])
    made[0x7FE00003].value = 7
    path = tmp_path / "other.dcm"
    made.save_as(path)
    found = find_payload(Span.of_file(path).as_json())
    assert sum(length for _, length in found["places"]) == len(FILES["ts"])


def test_what_holds_nothing_is_refused_and_nothing_overwritten(cli: Program,
                                                                tmp_path: Path) -> None:
    from samples.synthesis import instance, to_bytes
    image = things.written(tmp_path, "a.dcm", to_bytes(instance()))
    out = tmp_path / "out"
    assert "neither a stream nor a document" in cli("unwrap", image, out).stderr
    text = things.written(tmp_path, "a.txt", b"hello")
    assert "no DICOM file" in cli("unwrap", text, out).stderr
    assert not out.exists()
    assert "there already" in cli("unwrap", image, text).stderr
    assert text.read_bytes() == b"hello"
