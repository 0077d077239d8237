"""Secure media and encrypted zips: only the key opens them, and then they are like any disc."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

asn1 = pytest.importorskip("asn1crypto.cms")
pytest.importorskip("cryptography")
pytest.importorskip("pyzipper")

from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402

from mediasvc.errors import (  # noqa: E402
    DamagedError,
    PasswordNeeded,
    SettingsError,
    UnsupportedError,
)
from mediasvc.media.secure.secure_cms_read import is_envelope, open_envelope, opened  # noqa: E402
from mediasvc.media.secure.secure_cms_write import (  # noqa: E402
    Recipients,
    check_recipients,
    envelope,
    enveloped,
)
from mediasvc.media.secure.secure_keys import unwrap, wrap  # noqa: E402
from mediasvc.span import Span  # noqa: E402
from mediasvc.standard.profiles import load_profile  # noqa: E402
from mediasvc.work.building.seal import seal_for  # noqa: E402
from tests.canary_archive import archive_with_canary  # noqa: E402
from tests.carriers import tool, unpack_iso  # noqa: E402
from tests.conftest import Program  # noqa: E402

PASSWORD = "correct horse battery"
DATA = bytes(128) + b"DICM" + bytes(range(256)) * 9


def piecewise(sealed: bytes, key: str) -> bytes:
    """Opened from a file that has something before and behind it."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"before" + sealed + b"behind")
        file.flush()
        return b"".join(opened(Span(file.name, 6, len(sealed)), key))


def certified(key: rsa.RSAPrivateKey, days: int) -> x509.CertificateBuilder:
    """Of somebody whose certificate ends in so many days."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Clinic East")])
    ends = datetime.now(UTC) + timedelta(days=days)
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(7)
            .not_valid_before(ends - timedelta(days=5)).not_valid_after(ends))


@pytest.fixture(scope="module")
def holder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(certificate, private key) of a recipient, PEM files."""
    folder = tmp_path_factory.mktemp("holder")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = certified(key, days=2).sign(key, hashes.SHA256())
    certificate, private = folder / "c.pem", folder / "k.pem"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return certificate, private


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_with_canary(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def desk(archive: Path, tmp_path: Path) -> Program:
    (tmp_path / "pw").write_text(PASSWORD + "\n")
    return Program(Path(shutil.copytree(archive, tmp_path / "home")))


def exported(desk: Program, to: Path, *more: object) -> Path:
    patient = desk("studies", "list").of("study")[0]["patient_id"]
    done = desk("export", "--patient", patient, "--to", to, *more)
    assert done.code == 0, done.stderr
    assert done.of("disc")[0]["verdict"] == "pass"
    return to


# --- envelopes -----------------------------------------------------------------------------------

def test_password_and_private_key_open_an_envelope(holder: tuple[Path, Path]) -> None:
    certificate, private = holder
    sealed = envelope(DATA, Recipients(PASSWORD, (certificate.read_bytes(),)))
    assert is_envelope(sealed[:32]) and DATA[:64] not in sealed[32:]
    assert open_envelope(sealed, PASSWORD) == DATA
    for key in (PASSWORD, private.read_text()):
        assert open_envelope(sealed, key) == DATA == piecewise(sealed, key)
    for way in (open_envelope, piecewise):
        with pytest.raises(PasswordNeeded):
            way(sealed, "another password")


def test_openssl_opens_ours(holder: tuple[Path, Path], tmp_path: Path) -> None:
    openssl = tool("openssl")
    certificate, private = holder
    (tmp_path / "e").write_bytes(envelope(DATA, Recipients(PASSWORD, (certificate.read_bytes(),))))
    for number, key in enumerate((["-pwri_password", PASSWORD],
                                  ["-inkey", private, "-recip", certificate])):
        out = tmp_path / f"o{number}"
        subprocess.run([openssl, "cms", "-decrypt", "-inform", "DER", "-in", tmp_path / "e",
                        "-binary", "-out", out, *key], check=True, capture_output=True)
        inside = asn1.ContentInfo({"content_type": "digested_data",
                                   "content": asn1.DigestedData.load(out.read_bytes())})
        (tmp_path / "d").write_bytes(inside.dump())
        done = subprocess.run([openssl, "cms", "-digest_verify", "-inform", "DER", "-binary", "-in",
                               tmp_path / "d"], check=True, capture_output=True)
        assert done.stdout == DATA


@pytest.mark.parametrize("how", [["-aes256"], ["-aes128"], ["-des3"], ["-aes256", "-stream"]])
def test_we_open_what_openssl_wrote(how: list[str], holder: tuple[Path, Path], tmp_path: Path,
                                    ) -> None:
    openssl = tool("openssl")
    certificate, private = holder
    (tmp_path / "d").write_bytes(DATA)
    for key, recipient in ((PASSWORD, ["-pwri_password", PASSWORD]),
                           (private.read_text(), ["-recip", certificate, "-keyopt",
                                                  "rsa_padding_mode:oaep"]),
                           (private.read_text(), ["-recip", certificate])):
        subprocess.run([openssl, "cms", "-encrypt", "-binary", "-outform", "DER", "-in",
                        tmp_path / "d", "-out", tmp_path / "e", *how, *recipient], check=True,
                       capture_output=True)
        sealed = (tmp_path / "e").read_bytes()
        assert open_envelope(sealed, key) == DATA == piecewise(sealed, key)


@pytest.mark.parametrize("at", range(20, 3000, 131))
def test_a_changed_envelope_is_never_taken_for_whole(at: int) -> None:
    sealed = bytearray(envelope(DATA, RECIPIENTS))
    sealed[at % len(sealed)] ^= 0x10
    for way in (open_envelope, piecewise):
        try:
            assert way(bytes(sealed), RECIPIENTS.own) == DATA
        except (DamagedError, PasswordNeeded, UnsupportedError):
            continue


@pytest.mark.parametrize("length", [0, 1, 15, 16, 127, 128, 65_535, 1 << 20, (5 << 20) + 3])
def test_an_envelope_is_written_and_opened_piece_by_piece(length: int) -> None:
    data = (bytes(range(251)) * (length // 251 + 1))[:length]
    chunks = [data[at:at + 70_001] for at in range(0, length, 70_001)]
    sealed = b"".join(enveloped(chunks, length, RECIPIENTS))
    assert asn1.ContentInfo.load(sealed, strict=True).dump(force=True) == sealed
    assert open_envelope(sealed, RECIPIENTS.own) == data == piecewise(sealed, RECIPIENTS.own)
    for cut in (1, 16, 48):
        with pytest.raises((DamagedError, PasswordNeeded)):
            piecewise(sealed[:-cut], RECIPIENTS.own)


def test_a_file_that_changes_while_it_is_sealed_is_no_envelope() -> None:
    for chunks in ([b"ab"], [b"abc", b"d"]):
        with pytest.raises(DamagedError):
            list(enveloped(chunks, 3, RECIPIENTS))


def test_a_large_file_is_sealed_and_opened_in_flat_memory(tmp_path: Path) -> None:
    """200 MiB, and less than 60 MiB more than before."""
    code = """
import resource, sys
from pathlib import Path
from mediasvc.media.secure.secure_cms_read import opened
from mediasvc.media.secure.secure_cms_write import Recipients, enveloped
from mediasvc.span import Span
recipients, count, target = Recipients("p"), 200, Path(sys.argv[1])
chunk = bytes(range(256)) * 4096
def seal(times, path):
    with path.open("wb") as out:
        for piece in enveloped((chunk for _ in range(times)), times << 20, recipients):
            out.write(piece)
    return sum(len(piece) for piece in opened(Span.of_file(path), recipients.own))
assert seal(1, target) == 1 << 20
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert seal(count, target) == count << 20
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "e"], check=True,
                          capture_output=True, text=True)
    assert int(done.stdout) < 60 << 10


RECIPIENTS = Recipients(PASSWORD)


def test_a_wrapped_key_comes_back_only_with_its_own_key() -> None:
    key, kek, iv = bytes(range(32)), bytes(32), bytes(16)
    wrapped = wrap(key, kek, iv)
    assert unwrap(wrapped, kek, iv) == key
    assert unwrap(wrapped, bytes([1]) * 32, iv) != key
    assert unwrap(wrapped[:16], kek, iv) is None


def test_keys_and_media_that_do_not_fit_together_are_told(holder: tuple[Path, Path]) -> None:
    certificate = holder[0].read_bytes()
    plain, secure = load_profile("STD-GEN-CD"), load_profile("STD-GEN-SEC-CD")
    assert seal_for(plain, "iso", "", ()) is None
    for arguments in ((plain, "iso", PASSWORD, ()), (plain, "zip", "short", ()),
                      (secure, "iso", "", ()), (plain, "iso", "", (certificate,)),
                      (secure, "iso", "pässword", ())):
        with pytest.raises(SettingsError):
            seal_for(*arguments)
    with pytest.raises(SettingsError):
        check_recipients(Recipients("", (b"no certificate",)))


@pytest.mark.parametrize(("days", "enciphers", "words"), [
    (-1, None, "not today"), (30, None, "not today"), (2, False, "signatures only"),
    (2, True, "")])
def test_a_certificate_that_its_holder_may_not_open_with_is_refused(
        days: int, enciphers: bool | None, words: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    builder = certified(key, days)
    if enciphers is not None:
        builder = builder.add_extension(x509.KeyUsage(
            True, False, enciphers, False, False, False, False, False, False), critical=True)
    raw = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    with pytest.raises(SettingsError, match=words) if words else nullcontext():
        check_recipients(Recipients("", (raw,)))


# --- media ---------------------------------------------------------------------------------------

def test_a_secure_disc_says_nothing_and_opens_with_its_password(desk: Program, tmp_path: Path,
                                                                ) -> None:
    disc = exported(desk, tmp_path / "a.iso", "--profile", "STD-GEN-SEC-CD", "--password-file",
                    tmp_path / "pw")
    for form in (b"Canaryname", b"CANARYNAME", "Canaryname".encode("utf-16-le"), b"Walter"):
        assert form not in disc.read_bytes()
    unpack_iso(disc, tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for path in files:
        wrapped = is_envelope(path.read_bytes()[:32])
        assert wrapped == (path.name not in ("README.TXT", "INDEX.HTM")), path
    asked = desk("check-disc", disc)
    assert asked.code == 2 and "password" in asked.stderr
    assert desk("check-disc", disc, "--password-file", tmp_path / "pw").code == 0
    (tmp_path / "wrong").write_text("not the password")
    assert desk("check-disc", disc, "--password-file", tmp_path / "wrong").code == 2


def test_a_secure_disc_asks_for_its_key_when_it_comes_back(desk: Program, tmp_path: Path) -> None:
    disc = exported(desk, tmp_path / "a.iso", "--profile", "STD-GEN-SEC-CD", "--password-file",
                    tmp_path / "pw")
    [package] = desk("ingest", disc).of("package")
    assert package["state"] == "waiting" and package["instances"] == 0
    done = desk("queue", "retry", package["package"], "--password-file", tmp_path / "pw")
    [package] = done.of("package")
    assert (package["state"], package["duplicate"]) == ("duplicate", 3), done.stdout


def test_a_disc_for_a_certificate_opens_with_its_key(desk: Program, tmp_path: Path,
                                                     holder: tuple[Path, Path]) -> None:
    certificate, private = holder
    disc = exported(desk, tmp_path / "a.iso", "--profile", "STD-GEN-SEC-CD",
                    "--recipient-certificate", certificate)
    assert desk("check-disc", disc, "--password-file", private).code == 0
    assert desk("inspect", disc, "--password-file", private).summary["instances"] == 3


def test_an_encrypted_zip_opens_with_7z_and_with_us(desk: Program, tmp_path: Path) -> None:
    packed = exported(desk, tmp_path / "a.zip", "--profile", "ZIP", "--password-file",
                      tmp_path / "pw")
    assert b"Canaryname" not in packed.read_bytes()
    subprocess.run([tool("7z"), "x", f"-p{PASSWORD}", f"-o{tmp_path / 'out'}", packed], check=True,
                   capture_output=True)
    listed = subprocess.run([tool("7z"), "l", "-slt", packed], check=True, capture_output=True,
                            text=True).stdout
    methods = {line for line in listed.splitlines() if line.startswith("Method = ")}
    assert methods and all("AES-256" in method for method in methods)
    assert (tmp_path / "out" / "DICOMDIR").is_file()
    assert desk("check-disc", packed).code == 2
    assert desk("check-disc", packed, "--password-file", tmp_path / "pw").code == 0


def test_a_secure_folder_goes_onto_a_stick(desk: Program, tmp_path: Path) -> None:
    patient = desk("studies", "list").of("study")[0]["patient_id"]
    done = desk("export", "--patient", patient, "--to", f"{tmp_path}/usb/", "--profile",
                "STD-GEN-SEC-USB-JPEG", "--password-file", tmp_path / "pw")
    assert done.code == 0, done.stderr
    stick = tmp_path / "stick"
    stick.mkdir()
    assert desk("burn", tmp_path / "usb", "--usb", stick).code == 0
    files = {path.relative_to(stick): path.read_bytes() for path in stick.rglob("*")
             if path.is_file()}
    assert files == {path.relative_to(tmp_path / "usb"): path.read_bytes()
                     for path in (tmp_path / "usb").rglob("*") if path.is_file()}
