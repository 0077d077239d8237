"""Certificates carry a signature that anybody can prove, and lose it with the first changed bit."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from mediasvc.errors import SettingsError
from mediasvc.work.building.sign import holds, signer_of
from samples.synthesis import study, write_disc
from tests.carriers import tool
from tests.conftest import Program

KINDS = {"ed25519": ["-algorithm", "ed25519"],
         "rsa": ["-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"]}


def new_key(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.pem"
    subprocess.run([tool("openssl"), "genpkey", *KINDS[kind], "-out", path], check=True,
                   capture_output=True)
    return path


def openssl_agrees(kind: str, data: Path, signature: Path, public: Path) -> bool:
    how = (["pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", data, "-sigfile",
            signature] if kind == "ed25519" else
           ["dgst", "-sha256", "-verify", public, "-signature", signature, data])
    return subprocess.run([tool("openssl"), *how], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_proves_our_signatures(kind: str, tmp_path: Path) -> None:
    signer = signer_of(new_key(tmp_path, kind).read_text())
    assert signer is not None
    (tmp_path / "c.json").write_bytes(b"{}\n")
    for name, data in signer.files("c.json", b"{}\n").items():
        (tmp_path / name).write_bytes(data)
    names = tmp_path / "c.json", tmp_path / "c.json.sig", tmp_path / "c.json.pub"
    assert openssl_agrees(kind, *names)
    assert holds(b"{}\n", names[1].read_bytes(), names[2].read_bytes())
    assert not holds(b"{} \n", names[1].read_bytes(), names[2].read_bytes())
    names[0].write_bytes(b"{} \n")
    assert not openssl_agrees(kind, *names)


def test_keys_that_cannot_sign_are_told() -> None:
    assert signer_of("") is None
    with pytest.raises(SettingsError):
        signer_of("-----BEGIN NOTHING-----")
    with pytest.raises(SettingsError):
        holds(b"", b"", b"no key")


def test_a_disc_is_signed_on_and_beside_it_and_the_ledger_knows(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key(tmp_path, "ed25519")
    monkeypatch.setenv("MEDIASVC_EXPORT__SIGNING_KEY_FILE", str(key))
    write_disc(tmp_path / "disc", study(1, 1, count=1, IssuerOfPatientID="LOCAL"))
    cli("ingest", tmp_path / "disc")
    assert cli("queue", "decide", "1", "--new", "--by", "test").code == 0
    assert key.read_text().splitlines()[1] not in cli("config", "show").stdout
    patient = cli("studies", "list").of("study")[0]["patient_id"]
    disc = tmp_path / "a.iso"
    done = cli("export", "--patient", patient, "--to", disc, "--no-viewer")
    assert done.code == 0, done.stderr
    beside = [tmp_path / f"a.iso.json{suffix}" for suffix in ("", ".sig", ".pub")]
    assert openssl_agrees("ed25519", *beside)
    name = json.loads(beside[0].read_text())["file_set_id"]
    kept = cli.home / "outbox" / "certificates" / f"{name}.json"
    assert kept.read_bytes() == beside[0].read_bytes()
    assert _ledger_has(cli.home, hashlib.sha256(kept.read_bytes()).hexdigest())
    assert cli("check-disc", disc, "--signer", beside[2]).code == 0
    beside[0].write_bytes(beside[0].read_bytes().replace(b"Unnamed", b"Another"))
    failed = cli("check-disc", disc, "--signer", beside[2])
    assert failed.code == 1 and failed.summary["failed"] == ["E01b"]
    shutil.move(beside[0], tmp_path / "away.json")  # the disc alone still proves itself
    assert cli("check-disc", disc, "--signer", beside[2]).code == 0


def _ledger_has(home: Path, sha256: str) -> bool:
    return sha256.encode() in b"".join(path.read_bytes() for path in home.glob("mediasvc.db*"))
