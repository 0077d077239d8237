"""Messages that only their recipient can open (PS3.15 B.8): made, opened by OpenSSL, and read."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("asn1crypto.cms")
pytest.importorskip("cryptography")

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    MediasvcError,
    PasswordNeeded,
    SettingsError,
    UnsupportedError,
)
from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.package import open_package
from mediasvc.media.packed.mail_read import take_apart
from mediasvc.media.packed.mail_write import LARGEST, write_zip_mail
from mediasvc.media.packed.mime_parts import decoded, leaves, part_of
from mediasvc.media.scratch import Scratch
from mediasvc.media.secure.mail_sender import sender_of
from mediasvc.media.secure.secure_mail_read import unsealed
from mediasvc.media.secure.secure_mail_write import write_secure_mail
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.standard.profiles import load_profile
from mediasvc.work.building.seal import Seal, seal_for
from mediasvc.work.check_disc import check_disc
from mediasvc.work.desk import Desk
from tests.canary_archive import archive_with_canary
from tests.carriers import tool
from tests.conftest import Program
from tests.disc_things import MOMENT, broken, new_sandbox
from tests.mail_identities import ADDRESS, identity
from tests.test_plan import desk, filled, made, ordered, sandbox, tight  # noqa: F401

PROFILE = "STD-GEN-SEC-ZIP-MAIL"
CLINIC, DESK, OTHERS = identity("Clinic East"), identity("Desk"), identity("Somebody Else")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files for programs: the recipient's, the sender's, another one's."""
    folder = tmp_path_factory.mktemp("keys")
    for name, one in (("clinic", CLINIC), ("desk", DESK), ("others", OTHERS)):
        (folder / f"{name}.key").write_text(one.key)
        (folder / f"{name}.crt").write_bytes(one.certificate)
        (folder / f"{name}.pem").write_text(one.both)
    return folder


def seal(*certificates: bytes) -> Seal:
    made = seal_for(load_profile(PROFILE), "mail", "", certificates or (CLINIC.certificate,),
                    DESK.both)
    assert made is not None
    return made


def written(archive: Path, sealed: Seal) -> bytes:
    target = BytesIO()
    assert sealed.recipients and sealed.sender
    write_secure_mail(target, Span.of_file(archive), sealed.recipients, sealed.sender,
                      file_set_id="MSVC0", moment=MOMENT, text="Grüße\n")
    return target.getvalue()


def openssl(*arguments: object, data: bytes | None = None) -> bytes:
    return subprocess.run([tool("openssl"), *map(str, arguments)], input=data, check=True,
                          capture_output=True).stdout


def attached(message: bytes) -> bytes:
    [part] = [part for part in email.message_from_bytes(message).walk()
              if part.get_content_type() == "application/zip"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


# --- the message ---------------------------------------------------------------------------------

@pytest.mark.parametrize("length", [1, 56, 57, 58, 5000, (3 << 20) + 1])
def test_openssl_finds_in_it_the_very_zip_of_a_plain_message(keys: Path, tmp_path: Path,
                                                             length: int) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(Random(length).randbytes(length))
    plain = BytesIO()
    write_zip_mail(plain, Span.of_file(archive), file_set_id="MSVC0", moment=MOMENT)
    (tmp_path / "a.eml").write_bytes(written(archive, seal()))
    for program in ("cms", "smime"):
        signed = openssl(program, "-decrypt", "-in", tmp_path / "a.eml", "-recip",
                         keys / "clinic.pem")
        content = openssl(program, "-verify", "-CAfile", keys / "desk.crt", data=signed)
        assert attached(content) == attached(plain.getvalue()) == archive.read_bytes()


def test_outside_stand_neither_the_patient_nor_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"zip")
    message = email.message_from_bytes(written(tmp_path / "a.zip", seal()))
    assert message.get_content_type() == "application/pkcs7-mime"
    assert message.get_param("smime-type") == "enveloped-data"
    assert message.get_param("name") == message.get_filename() == "smime.p7m"
    assert message["Subject"] == "DICOM-ZIP MSVC0"
    assert message["From"] == ADDRESS  # of the certificate: mail programs compare them
    assert set(message.keys()) == {"Subject", "Date", "From", "MIME-Version", "Content-Type",
                                   "Content-Transfer-Encoding", "Content-Disposition"}
    assert not message.is_multipart()


def test_two_messages_of_the_same_are_not_alike_and_equally_long(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(bytes(12_345))
    first, second = (written(tmp_path / "a.zip", seal()) for _ in range(2))
    assert first != second and len(first) == len(second)


def test_each_recipient_opens_it_with_their_own_key(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"what is inside")
    (tmp_path / "a.eml").write_bytes(written(tmp_path / "a.zip",
                                             seal(CLINIC.certificate, OTHERS.certificate)))
    for number, key in enumerate((CLINIC.key, OTHERS.key)):
        found = unsealed(part_of(Span.of_file(tmp_path / "a.eml")), key,
                         Scratch(tmp_path / str(number)), "m")
        *_, part = leaves(found.part)
        assert b"".join(decoded(part)) == b"what is inside"
        assert (found.cipher, found.signature) == ("aes256_cbc", "holds")
    with pytest.raises(PasswordNeeded):
        unsealed(part_of(Span.of_file(tmp_path / "a.eml")), DESK.key, Scratch(tmp_path / "o"), "m")


def test_a_large_message_is_made_and_opened_in_flat_memory(tmp_path: Path, keys: Path) -> None:
    """100 MiB, and less than 40 MiB more than one with 1 MiB."""
    code = """
import resource, sys, tempfile
from datetime import UTC, datetime
from pathlib import Path
from mediasvc.media.packed.mail_read import take_apart
from mediasvc.media.secure.mail_sender import sender_of
from mediasvc.media.secure.secure_cms_write import Recipients
from mediasvc.media.secure.secure_mail_write import write_secure_mail
from mediasvc.span import Span
keys, folder = map(Path, sys.argv[1:])
recipients = Recipients("", ((keys / "clinic.crt").read_bytes(),))
sender = sender_of((keys / "desk.pem").read_text())
def there_and_back(mib):
    with (folder / "zip").open("wb") as file:
        for _ in range(mib):
            file.write(bytes(range(256)) * 4096)
    with (folder / "eml").open("wb") as file:
        write_secure_mail(file, Span.of_file(folder / "zip"), recipients, sender, file_set_id="A",
                          moment=datetime.now(UTC))
    with tempfile.TemporaryDirectory(dir=folder) as out:
        found = take_apart(folder / "eml", Path(out), recipients.own)
        assert found.medium.stat().st_size == mib << 20 and not found.findings
there_and_back(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
there_and_back(100)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code, keys, tmp_path], check=True,
                          capture_output=True, text=True)
    assert int(done.stdout) < 40 << 10


def test_what_no_server_takes_is_no_message(tmp_path: Path) -> None:
    with (tmp_path / "a.zip").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(BudgetError):
        written(tmp_path / "a.zip", seal())


# --- keys ----------------------------------------------------------------------------------------

def test_keys_that_make_no_secure_message_are_refused_in_words() -> None:
    profile = load_profile(PROFILE)
    for password, certificates, sender, words in (
            ("correct horse battery", (CLINIC.certificate,), DESK.both, "never with a password"),
            ("", (), DESK.both, "needs the certificate of its recipient"),
            ("", (CLINIC.certificate,), "", "must be signed"),
            ("", (CLINIC.certificate,), DESK.key, "no certificate of its key"),
            ("", (CLINIC.certificate,), DESK.key + OTHERS.certificate.decode(), "of its key"),
            ("", (CLINIC.certificate,), DESK.certificate.decode(), "must hold one RSA key"),
            ("", (CLINIC.certificate,), DESK.both.replace("MII", "XII"), "cannot be read"),
            ("", (CLINIC.certificate,), identity("Late", -1).both, "not today"),
            ("", (CLINIC.certificate,), identity("Opens only", 2, False).both, "for signatures"),
            ("", (identity("Late", -1).certificate,), DESK.both, "not today")):
        with pytest.raises(SettingsError, match=words):
            seal_for(profile, "mail", password, certificates, sender)
    assert sender_of(f"Bag Attributes\n{identity('Signs', 2, True).both}").address == ADDRESS


def test_what_names_no_institution_is_not_signed_and_so_is_no_secure_message(
        tmp_path: Path, archive: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = copied(archive, tmp_path, keys, monkeypatch)
    ask = ["export", "--patient", "PROV00000101@LOCAL", "--profile", PROFILE, "--deidentify",
           "--recipient-certificate", keys / "clinic.crt", "--to", tmp_path / "a.eml"]
    refused = cli(*ask)
    assert refused.code == 3 and "--retain institution" in refused.stderr
    assert cli(*ask, "--retain", "institution").code == 1  # the report does not leave
    assert cli("check-disc", tmp_path / "a.eml", "--password-file", keys / "clinic.key").code == 0


# --- sizes ---------------------------------------------------------------------------------------

def test_its_size_is_known_before_to_the_byte(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    order = ordered(tmp_path / "a.eml", PROFILE, compress=True,
                    seal=seal(CLINIC.certificate, OTHERS.certificate))
    [planned], [built] = (made(desk, order, dry).discs for dry in (True, False))
    assert planned.bytes == built.bytes == order.to.stat().st_size


def test_of_several_each_keeps_the_limit(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    order = ordered(tmp_path / "a.eml", PROFILE, seal=seal())
    limit = ((tight(desk, order) * 78 // 57 + (64 << 10)) * 78 // 57) + (64 << 10) + 300
    order = replace(order, capacity=limit)
    planned, done = made(desk, order, dry=True), made(desk, order)
    assert len(done.discs) > 1
    assert [disc.bytes for disc in planned.discs] == [disc.bytes for disc in done.discs]
    assert all(disc.path.stat().st_size <= limit for disc in done.discs)


# --- out and back --------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_with_canary(tmp_path_factory.mktemp("archive"))


def copied(archive: Path, to: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("MEDIASVC_EXPORT__MAIL_IDENTITY_FILE", str(keys / "desk.pem"))
    return Program(Path(shutil.copytree(archive, to / "home")))


@pytest.fixture(scope="module")
def message(archive: Path, keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that was exported, without the certificate beside it."""
    folder = tmp_path_factory.mktemp("message")
    with pytest.MonkeyPatch.context() as patch:
        cli = copied(archive, folder, keys, patch)
        done = cli("export", "--patient", "PROV00000101@LOCAL", "--profile", PROFILE,
                   "--recipient-certificate", keys / "clinic.crt", "--to", folder / "a.eml")
        assert done.code == 0 and done.of("disc")[0]["verdict"] == "pass", done.stderr
    return Path(shutil.move(folder / "a.eml", folder / "out.eml"))


@pytest.fixture(scope="module")
def inside(message: Path, keys: Path) -> bytes:
    """The entity that was signed, as OpenSSL gives it."""
    signed = openssl("cms", "-decrypt", "-in", message, "-recip", keys / "clinic.pem")
    return openssl("cms", "-verify", "-CAfile", keys / "desk.crt", data=signed)


@pytest.fixture(scope="module")
def readers() -> Iterator[Sandbox]:
    with new_sandbox() as found:
        yield found


def judged(readers: Sandbox, path: Path, profile: str = "") -> Verdict:
    return check_disc(path, readers, Limits(), profile=profile, password=CLINIC.key)


def test_it_says_nothing_and_opens_with_the_recipients_key(
        message: Path, archive: Path, keys: Path, tmp_path: Path, inside: bytes,
        monkeypatch: pytest.MonkeyPatch) -> None:
    cli = copied(archive, tmp_path, keys, monkeypatch)
    for form in (b"Canaryname", b"Walter", b"PROV00000101", b"README"):
        assert form not in message.read_bytes()
    assert b"DICOM.ZIP" in inside and b"DICOM.ZIP" not in message.read_bytes()
    for ask in ("check-disc", "inspect"):
        for key, words in (((), "is an encrypted email message"),
                           (("--password-file", keys / "others.key"), "does not open")):
            refused = cli(ask, message, *key)
            assert refused.code == 2 and words in refused.stderr
    assert cli("check-disc", message, "--password-file", keys / "clinic.key").code == 0
    seen = cli("inspect", message, "--password-file", keys / "clinic.key")
    assert (seen.summary["kind"], seen.summary["instances"]) == ("mail", 3)
    with zipfile.ZipFile(BytesIO(attached(inside))) as packed:
        assert {"DICOMDIR", "README.TXT", "INDEX.HTM"} <= set(packed.namelist())


def test_it_waits_for_its_key_and_is_known_as_ours(
        message: Path, archive: Path, keys: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    cli = copied(archive, tmp_path, keys, monkeypatch)
    [package] = cli("ingest", message).of("package")
    assert package["state"] == "waiting" and package["instances"] == 0
    for key, state in (("others.key", "waiting"), ("clinic.key", "duplicate")):
        [package] = cli("queue", "retry", package["package"], "--password-file",
                        keys / key).of("package")
        assert package["state"] == state
    assert package["duplicate"] == 3


@pytest.mark.parametrize(("how", "keeps"), [
    (("cms-aes256", "clear"), True), (("smime-aes256", "clear"), True),
    (("cms-aes128", "opaque"), True), (("cms-aes256-stream", "clear"), True),
    (("cms-aes256",), False), (("cms-des3", "clear"), False),
    (("clear", "cms-aes256"), True)])
def test_messages_of_openssl_are_judged_and_filed(
        how: tuple[str, ...], keeps: bool, inside: bytes, keys: Path, tmp_path: Path,
        readers: Sandbox) -> None:
    """``how``: from the outside. B.8 asks for AES and a signature, in any order."""
    made = b"".join(inside.splitlines(keepends=True))
    for step in reversed(how):
        if step in ("clear", "opaque"):
            made = openssl("cms", "-sign", "-signer", keys / "desk.pem",
                           *(["-nodetach"] if step == "opaque" else []), data=made)
        else:
            program, cipher, *more = step.split("-")
            made = openssl(program, "-encrypt", f"-{cipher}", *(f"-{one}" for one in more),
                           keys / "clinic.crt", data=made)
    path = tmp_path / "a.eml"
    path.write_bytes(b"Subject: DICOM-ZIP for Dr East\nFrom: a@b.example\n" + made)
    verdict = judged(readers, path)
    assert verdict.profile == PROFILE and verdict.instances == 3
    assert broken(verdict) == (set() if keeps else {"R15-8"})
    cli = Program(tmp_path / "home")
    [package] = cli("ingest", path, "--password-file", keys / "clinic.key").of("package")
    assert package["instances"] == 3


def test_a_plain_message_is_no_secure_one_and_is_filed_all_the_same(
        inside: bytes, readers: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(b"Subject: DICOM-ZIP x\r\nMIME-Version: 1.0\r\n" + inside)
    assert judged(readers, path).passed
    assert broken(judged(readers, path, PROFILE)) == {"R15-8"}
    [package] = Program(tmp_path / "home")("ingest", path).of("package")
    assert package["instances"] == 3


def test_a_message_among_other_files_is_opened_or_named(
        message: Path, inside: bytes, keys: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(message, folder / "secure.eml")
    (folder / "plain.eml").write_bytes(b"MIME-Version: 1.0\r\n" + inside)
    (folder / "hello.eml").write_bytes(b"Subject: x\r\nMIME-Version: 1.0\r\n\r\nHello\r\n")
    cli = Program(tmp_path / "home")
    without = cli("inspect", folder)
    assert without.summary["instances"] == 3
    assert any("encrypted email message" in row["text"] for row in without.of("finding"))
    assert cli("inspect", folder, "--password-file",
               keys / "clinic.key").summary["instances"] == 6


# --- damage --------------------------------------------------------------------------------------

def test_what_was_changed_inside_is_found_by_its_rule(inside: bytes, keys: Path, tmp_path: Path,
                                                      readers: Sandbox) -> None:
    signed = openssl("cms", "-sign", "-signer", keys / "desk.pem", data=inside)
    at = re.search(rb"base64\r?\n\r?\n", signed)
    assert at
    changed = signed[:at.end()] + b"QUJD" + signed[at.end() + 4:]
    path = tmp_path / "a.eml"
    path.write_bytes(b"Subject: DICOM-ZIP\n" + openssl(
        "cms", "-encrypt", "-aes256", keys / "clinic.crt", data=changed))
    verdict = judged(readers, path)
    assert broken(verdict) == {"R15-8"} and not verdict.passed
    findings = Program(tmp_path / "home")("inspect", path, "--password-file",
                                          keys / "clinic.key").of("finding")
    assert ("error", "mail-changed") in {(row["severity"], row["code"]) for row in findings}


@pytest.mark.parametrize("part", range(8))
def test_a_flipped_bit_is_found(message: Path, readers: Sandbox, tmp_path: Path,
                                part: int) -> None:
    data = bytearray(message.read_bytes())
    start = data.index(b"\r\n\r\n") + 4
    at = start + (len(data) - start) * part // 8 + 40
    while data[at] in b"\r\n":
        at += 1
    data[at] ^= 0x01
    (tmp_path / "a.eml").write_bytes(data)
    try:
        assert not judged(readers, tmp_path / "a.eml").passed
    except (PasswordNeeded, UnsupportedError):
        assert part < 2  # who may open it, and how, stands at the beginning


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_message_that_is_cut_short_is_found(message: Path, readers: Sandbox, tmp_path: Path,
                                              share: float) -> None:
    data = message.read_bytes()
    (tmp_path / "a.eml").write_bytes(data[:int(len(data) * share)])
    verdict = judged(readers, tmp_path / "a.eml")
    assert not verdict.passed and "M00" in broken(verdict)


@pytest.mark.parametrize("seed", range(40))
def test_parts_are_those_that_python_sees(seed: int, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in pieces of all sizes, against the email package."""
    random, chunks = Random(seed), Span.chunks
    size = random.choice((1, 2, 3, 7, 64, 1 << 20))
    monkeypatch.setattr(Span, "chunks", lambda span, _=0: chunks(span, size))
    for _ in range(10):
        data = b"MIME-Version: 1.0\r\n" + entity(random)
        (tmp_path / "a").write_bytes(data)
        mine = [(part.kind, b"".join(decoded(part)))
                for part in leaves(part_of(Span.of_file(tmp_path / "a")))]
        assert mine == [(part.get_content_type(), part.get_payload(decode=True))
                        for part in email.message_from_bytes(data).walk()
                        if not part.is_multipart()]


def entity(random: Random, depth: int = 0) -> bytes:
    if depth > 2 or random.random() < 0.5:
        lines = b"".join(b"%d\r\n" % number for number in range(random.randrange(5)))
        return random.choice((b"Content-Type: text/plain\r\n\r\n", b"X-A: b\n\n", b"\r\n")) + \
            random.choice((lines, b"--B0x", b"--B0--x", b"\n\n--\n--C\n", b"", b"x" * 70))
    mark, end = b"--B%d" % depth, random.choice((b"\r\n", b"\n"))
    inner = b"".join(mark + random.choice((b"", b"  ")) + end + entity(random, depth + 1) + end
                     for _ in range(random.randrange(1, 4)))
    return (b'Content-Type: multipart/mixed; boundary="%s"' % mark[2:] + end + end
            + random.choice((b"", b"preamble" + end)) + inner + mark + b"--"
            + random.choice((b"", end, end + b"epilogue")))


ODD = (b"Content-Type: ", b"multipart/mixed", b"; boundary=", b'"', b"quoted-printable",
       b"\r\n\r\n", b"--", b"=?utf-8?b?/w==?=", b"\xff\xfe", b"filename*0*=x", b"id=../../x",
       b"message/rfc822", b"\0", b"application/pkcs7-mime", b"name*=utf-8''%ff%00")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_message_is_it_is_read_or_refused_in_words(seed: int, keys: Path,
                                                              tmp_path: Path) -> None:
    """Encrypted, signed in both ways and plain ones with odd bytes in them."""
    random = Random(seed)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("DICOMDIR", bytes(300))
    secure = written(tmp_path / "a.zip", seal())
    signed = openssl("cms", "-decrypt", "-recip", keys / "clinic.pem", data=secure)
    opaque = openssl("cms", "-sign", "-nodetach", "-signer", keys / "desk.pem", data=signed)
    for number in range(25):
        data = bytearray(random.choice((secure, opaque, b"MIME-Version: 1.0\r\n" + signed)))
        for _ in range(random.randrange(1, 8)):
            at = random.randrange(random.choice((len(data), min(len(data), 1200))))
            data[at:at + random.randrange(30)] = random.choice((b"", random.randbytes(2), *ODD))
        (tmp_path / "m.eml").write_bytes(data)
        for way in (taken_apart, opened):
            scratch = tmp_path / f"{way.__name__}{number}"
            scratch.mkdir()
            with suppress(MediasvcError):
                way(tmp_path / "m.eml", scratch)


def taken_apart(path: Path, scratch: Path) -> None:
    take_apart(path, scratch, CLINIC.key)


def opened(path: Path, scratch: Path) -> None:
    with open_package(path, Limits(), scratch=scratch, password=CLINIC.key) as package:
        assert package.kind in ("mail", "file")


def test_parts_within_parts_without_end_are_refused(tmp_path: Path) -> None:
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
                    for n in range(40))
    (tmp_path / "a").write_bytes(deep + b"\r\nend\r\n")
    with pytest.raises(DamagedError):
        list(leaves(part_of(Span.of_file(tmp_path / "a"))))
