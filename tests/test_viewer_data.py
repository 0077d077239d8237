"""The data of the viewer: no sample is lost, they fit the medium, and are always the same bytes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from mediasvc.errors import SettingsError
from mediasvc.media.iso.iso_write import file_size
from mediasvc.media.viewer.viewer_frame import Tables, prepare
from mediasvc.media.viewer.viewer_plan import plan_chunks
from mediasvc.media.viewer.viewer_samples import FIRST, as_cells, deflate, in_text, reduce
from mediasvc.media.viewer.viewer_text import text_bytes
from mediasvc.sandbox import Sandbox
from mediasvc.work.building.site_viewer import site_viewer
from samples.synthesis import instance, study
from tests.disc_things import broken, judge, new_sandbox
from tests.viewer_things import viewer_disc

SOURCE = Path(__file__).resolve().parent.parent / "mediasvc" / "viewer"
CELLS = [np.uint8, np.int8, np.uint16, np.int16]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


def out_of_text(text: str, length: int) -> bytes:
    bits = "".join(f"{ord(sign) - FIRST:015b}" for sign in text)
    return bytes(int(bits[at:at + 8], 2) for at in range(0, 8 * length, 8))


def chunk(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    """Facts and streams of a page of data, as a reader of its description would take it."""
    text = path.read_bytes().decode("utf-16")
    told = re.search(r'<script type="text/plain">(\[.*\])</script>', text)
    assert told and re.fullmatch(r'\[(\[\d+,"[^"\\\n<]*"\],?)*\]', told[1])
    found = [out_of_text(text, int(length))
             for length, text in re.findall(r'\[(\d+),"([^"]*)"\]', text)]
    return json.loads(zlib.decompress(found[0])), found[1:]


def unfolded(stream: bytes, record: dict[str, Any]) -> NDArray[Any]:
    data, rows, columns = zlib.decompress(stream), record["r"], record["c"]
    count = rows * columns
    planes = []
    size = record["b"] // 8
    for at in range(0, len(data), count * size):
        cells = np.frombuffer(data, np.uint8, count, at).astype(np.uint16)
        if size == 2:
            cells |= np.frombuffer(data, np.uint8, count, at + count).astype(np.uint16) << 8
        steps = (cells >> 1).astype(np.int64) ^ -(cells & 1).astype(np.int64)
        summed = np.cumsum(steps.reshape(rows, columns), axis=1) % (1 << record["b"])
        planes.append(summed)
    return planes[0] if len(planes) == 1 else np.stack(planes, axis=2)


# --- samples -------------------------------------------------------------------------------------

@given(st.binary(max_size=400))
def test_bytes_become_text_and_bytes_again(data: bytes) -> None:
    text = in_text(data)
    assert len(text) == text_bytes(len(data))
    assert not re.search(r'["\\\n\r\u2028\u2029\ud800-\udfff]', text.decode("utf-16-le"))
    assert out_of_text(text.decode("utf-16-le"), len(data)) == data


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 33)], ids=str)
def test_every_sample_comes_back(kind: type, shape: tuple[int, int]) -> None:
    ends = np.iinfo(kind)
    samples = np.random.default_rng(1).integers(ends.min, ends.max, shape, kind, endpoint=True)
    cells, added = as_cells(samples)
    record = {"r": shape[0], "c": shape[1], "b": 8 * samples.itemsize}
    assert (unfolded(deflate(cells), record) - added == samples).all()


def test_colours_come_back() -> None:
    samples = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    assert (unfolded(deflate(samples), {"r": 20, "c": 30, "b": 8}) == samples).all()


def test_reduced_samples_are_means() -> None:
    samples = np.arange(35, dtype=np.int16).reshape(5, 7) - 20
    assert reduce(samples, 2).tolist() == [[-16, -14, -12], [-2, 0, 2]]
    assert reduce(samples, 1) is samples


@pytest.mark.parametrize("samples", [
    np.array([[0, 70000], [2**31, 2**32 - 1]], np.uint32),
    np.array([[-1.5, np.nan], [2.5, 1e9]], np.float64), np.full((2, 2), 3.25, np.float32)],
    ids=["32 bits", "numbers", "all alike"])
def test_larger_numbers_become_steps_that_say_so(samples: NDArray[Any]) -> None:
    ds = Dataset()
    ds.PhotometricInterpretation, ds.RescaleSlope, ds.RescaleIntercept = "MONOCHROME2", "2", "10"
    record, cells = prepare(samples, ds, 0, 1, Tables())
    json.dumps(record, allow_nan=False)
    back = cells.astype(np.float64) * record["sl"] + record["ic"]
    wanted = np.nan_to_num(samples.astype(np.float64), nan=0.0) * 2 + 10
    assert np.abs(back - wanted).max() <= np.ptp(wanted) / 65535 + 1e-6
    assert record.get("q", 0) == (np.ptp(wanted) > 0)


# --- chunks --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def disc(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made = [*study(1, 1, count=20, rows=512, columns=512),
            instance(1, 1, 2, modality="CINE", frames=5, rows=60, columns=80)]
    viewer_disc(sandbox, folder, made, folder / "disc")
    return folder / "disc"


def test_every_frame_is_there_once_and_equals_the_dicom_file(disc: Path) -> None:
    pages = sorted((disc / "VIEWER" / "SE000001").iterdir())
    assert len(pages) == 3
    seen = []
    for page in pages:
        facts, streams = chunk(page)
        assert len(facts["frames"]) == len(streams)
        for record, stream in zip(facts["frames"], streams, strict=True):
            path = facts["files"][record["i"]]["p"]
            seen.append(path)
            wanted = dcmread(disc / path).pixel_array
            assert (unfolded(stream, record) - record["o"] == wanted).all()
    assert seen == sorted(set(seen))
    assert len(seen) == 20


def test_frames_of_one_instance_follow_each_other(disc: Path) -> None:
    facts, streams = chunk(disc / "VIEWER" / "SE000002" / "D000001.HTM")
    ds = dcmread(disc / facts["files"][0]["p"])
    assert [record["at"] for record in facts["frames"]] == [[n, 5] for n in range(1, 6)]
    for number, (record, stream) in enumerate(zip(facts["frames"], streams, strict=True)):
        assert (unfolded(stream, record) == ds.pixel_array[number]).all()


def test_the_list_names_the_places_of_all_chunks(disc: Path) -> None:
    told = re.fullmatch(r"MV\.disc\((.*)\);\n", (disc / "VIEWER" / "STUDY.JS").read_text())
    assert told
    [patient] = json.loads(told[1])["patients"]
    [row, cine] = patient["studies"][0]["series"]
    assert row["starts"] == [0, 8, 16]
    assert (row["frames"], cine["frames"], cine["images"]) == (20, 5, 1)


def test_no_chunk_is_larger_than_was_promised(sandbox: Sandbox, tmp_path: Path) -> None:
    """Noise cannot be compressed."""
    noise = np.random.default_rng(1).integers(-32768, 32768, (300, 300), np.int16)
    ds = instance(rows=300, columns=300)
    ds.PixelData = noise.tobytes()
    built, _ = viewer_disc(sandbox, tmp_path, [ds], tmp_path / "disc")
    [plan] = plan_chunks(built.layout)
    size = (tmp_path / "disc" / "VIEWER" / plan.name).stat().st_size
    assert plan.native * 16 / 15 < size <= plan.most_bytes


def test_the_same_instances_make_the_same_bytes(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        viewer_disc(sandbox, tmp_path / name, study(1, 1, count=3), tmp_path / name / "disc.iso",
                    container="iso")
    assert (tmp_path / "one" / "disc.iso").read_bytes() == (
        tmp_path / "other" / "disc.iso").read_bytes()


# --- room ----------------------------------------------------------------------------------------

def viewer_bytes(disc: Path) -> int:
    return sum(file_size(path.stat().st_size) for path in (disc / "VIEWER").glob("SE*/D*"))


@pytest.mark.parametrize(("share", "factor"), [(1.0, 1), (0.4, 2), (0.15, 3)])
def test_images_are_reduced_until_they_fit_and_it_is_said(
        sandbox: Sandbox, disc: Path, tmp_path: Path, share: float, factor: int) -> None:
    room = int(viewer_bytes(disc) * share) + 300_000
    made = [*study(1, 1, count=20, rows=512, columns=512),
            instance(1, 1, 2, modality="CINE", frames=5, rows=60, columns=80)]
    target = tmp_path / "disc"
    viewer_disc(sandbox, tmp_path, made, target, room=room)
    assert viewer_bytes(target) <= room
    facts, _ = chunk(target / "VIEWER" / "SE000001" / "D000001.HTM")
    assert facts["frames"][0].get("f", 1) == factor
    said = [f"1/{factor} of" in (target / name).read_text() for name in ("INDEX.HTM", "README.TXT")]
    assert said == [factor > 1, factor > 1]


def test_without_room_there_is_no_viewer_and_no_word_of_it(sandbox: Sandbox,
                                                           tmp_path: Path) -> None:
    target = tmp_path / "disc"
    viewer_disc(sandbox, tmp_path, study(1, 1, count=2, rows=200, columns=200), target, room=3000)
    assert not list(target.glob("VIEWER*"))
    assert "viewer</a>" not in (target / "INDEX.HTM").read_text()
    assert list(target.glob("IHE_PDI/*/*.JPG"))


def test_a_broken_frame_costs_only_itself(sandbox: Sandbox, tmp_path: Path) -> None:
    made = study(1, 1, count=3)
    made[1].PixelData = made[1].PixelData[:100]
    viewer_disc(sandbox, tmp_path, made, tmp_path / "disc")
    facts, streams = chunk(tmp_path / "disc" / "VIEWER" / "SE000001" / "D000001.HTM")
    assert ["e" in record for record in facts["frames"]] == [False, True, False]
    assert [bool(stream) for stream in streams] == [True, False, True]


@pytest.mark.parametrize("container", ["iso", "zip", "folder"])
def test_a_disc_with_a_viewer_keeps_every_rule(sandbox: Sandbox, tmp_path: Path,
                                               container: Any) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "index.htm").write_text("<p>Ours</p>")
    (own / "run.exe").write_bytes(b"MZ" + bytes(100))
    target = tmp_path / ("disc" if container == "folder" else f"disc.{container}")
    made = [*study(1, 1, count=2), instance(1, 1, 2, modality="SR"),
            instance(1, 1, 3, modality="DOC")]
    viewer_disc(sandbox, tmp_path, made, target, container=container,
                site_viewer=site_viewer(own))
    assert broken(judge(sandbox, target)) <= {"R12-8"}
    if container == "folder":
        assert (target / "SITEVIEW" / "RUN.EXE").is_file()
        assert 'href="SITEVIEW/INDEX.HTM"' in (target / "INDEX.HTM").read_text()


# --- a viewer of the site's own ------------------------------------------------------------------

@pytest.mark.parametrize(("name", "why"), [
    ("AUTORUN.INF", "start by itself"), ("autorun.inf", "start by itself"),
    ("long-file-name.html", "8.3"), ("naïve.htm", "8.3"), ("a b.txt", "8.3")])
def test_a_viewer_of_the_site_with_a_wrong_name_is_refused(tmp_path: Path, name: str,
                                                           why: str) -> None:
    (tmp_path / "GOOD.HTM").touch()
    (tmp_path / name).touch()
    with pytest.raises(SettingsError, match=why):
        site_viewer(tmp_path)


def test_links_and_empty_folders_are_no_viewer(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="empty"):
        site_viewer(tmp_path)
    (tmp_path / "GOOD.HTM").symlink_to("/etc/passwd")
    with pytest.raises(SettingsError, match="plain file"):
        site_viewer(tmp_path)
    with pytest.raises(SettingsError, match="not there"):
        site_viewer(tmp_path / "nothing")


# --- our own code --------------------------------------------------------------------------------

SCRIPTS = sorted(SOURCE.glob("*.js"))


def test_our_code_is_small() -> None:
    assert sum(path.stat().st_size for path in SOURCE.iterdir()) < 150_000


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_plain_and_ask_for_nothing(path: Path) -> None:
    """No module, no network, no text as markup, nothing younger than ES2018."""
    text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", path.read_text("utf-8"), flags=re.S | re.M)
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "fetch(", "XMLHttpRequest", "import ", "export ", "http:", "https:", "new Worker",
                 "new Function", "localStorage", "?.", "??", "catch {", ".flat(", "replaceAll",
                 "BigInt", "import("):
        assert word not in text, word


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_read(path: Path) -> None:
    done = subprocess.run(["node", "--check", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
