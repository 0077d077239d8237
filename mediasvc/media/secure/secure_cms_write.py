"""A Secure DICOM File: one file in one CMS envelope (PS3.10 7.4, PS3.15 D.1, RFC 5652).

The content is DigestedData with SHA-256, encrypted with AES-256 in CBC mode; its key is wrapped for
a password (PBKDF2), for holders of X.509 certificates with RSA keys, or both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from mediasvc.errors import DamagedError, SettingsError
from mediasvc.media.secure.der_frame import EXPLICIT, IMPLICIT, OCTETS, SEQUENCE, around, head
from mediasvc.media.secure.secure_keys import (
    BLOCK,
    ITERATIONS,
    KEY_BYTES,
    OWN,
    encrypted,
    need_extra,
    own_key,
    password_key,
    wrap,
)

PWRI_KEK = "1.2.840.113549.1.9.16.3.9"
SALT_BYTES = 16


@dataclass(frozen=True)
class Recipients:
    """Who may open a medium. ``certificates``: X.509, PEM or DER. ``own``: our secret, with which
    alone every file of this medium can be opened; it is kept nowhere."""

    password: str = field(default="", repr=False)
    certificates: Sequence[bytes] = ()
    own: str = field(default_factory=lambda: OWN + os.urandom(KEY_BYTES).hex(), repr=False)
    salt: bytes = field(default_factory=lambda: os.urandom(SALT_BYTES))


def check_recipients(recipients: Recipients) -> None:
    """Raises SettingsError for a password or a certificate that cannot be used."""
    need_extra()
    if not recipients.password and not recipients.certificates:
        raise SettingsError("A secure medium needs a password or a certificate of the recipient.")
    if recipients.password and not recipients.password.isascii():
        raise SettingsError("The password of a secure medium has ASCII characters only (PS3.15).")
    for raw in recipients.certificates:
        _public_key(raw)
        _refuse_unusable(_certificate(raw))


def _refuse_unusable(certificate: Any) -> None:
    """What its holder may not be able to decrypt with (RFC 5280 4.1.2.5, 4.2.1.3)."""
    from cryptography.x509 import ExtensionNotFound, KeyUsage

    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= datetime.now(UTC) <= ends:
        raise SettingsError("The recipient's certificate is valid from "
                            f"{begins:%Y-%m-%d} to {ends:%Y-%m-%d}, not today.",
                            "Ask the recipient for the one in use.")
    try:
        usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        return
    if not usage.key_encipherment:
        raise SettingsError("The recipient's certificate is for signatures only.",
                            "Ask the recipient for the one for encryption.")


def envelope(data: bytes, recipients: Recipients) -> bytes:
    """The whole envelope, DER."""
    return b"".join(enveloped([data], len(data), recipients))


def enveloped(chunks: Iterable[bytes], length: int, recipients: Recipients) -> Iterator[bytes]:
    """The envelope of ``length`` bytes piece by piece: no file is held in memory.

    All lengths are known before, so it is DER as a whole. Raises DamagedError when the chunks are
    fewer or more bytes than that.
    """
    need_extra()
    before = _before_digested(length)
    plain = len(before) + length + len(_digest(b""))
    return _enveloped(_digested(chunks, length, before), plain, "digested_data", recipients)


def enveloped_data(chunks: Iterable[bytes], length: int, recipients: Recipients,
                   ) -> Iterator[bytes]:
    """The same around the bytes themselves, as messages have it (RFC 8551 3.3)."""
    return _enveloped(_counted(chunks, length), length, "data", recipients)


def _enveloped(plain: Iterator[bytes], length: int, kind: str, recipients: Recipients,
               ) -> Iterator[bytes]:
    need_extra()
    from asn1crypto import algos, cms

    iv = os.urandom(BLOCK)
    key = own_key(recipients.own, iv)
    infos = [_key_transport(raw, key) for raw in recipients.certificates]
    if recipients.password:
        infos.append(_password_info(recipients, key))
    padding = BLOCK - length % BLOCK
    size = length + padding
    algorithm = algos.EncryptionAlgorithm({"algorithm": "aes256_cbc", "parameters": iv})
    inner = around((SEQUENCE,), cms.ContentType(kind).dump() + algorithm.dump()
                   + head(IMPLICIT, size), size)
    version = cms.CMSVersion("v3" if recipients.password else "v0").dump()
    outer = version + cms.RecipientInfos(infos).dump() + inner
    yield around((SEQUENCE,), cms.ContentType("enveloped_data").dump()
                 + around((EXPLICIT, SEQUENCE), outer, size), size)
    padded = chain(plain, [bytes((padding,)) * padding])  # RFC 5652 6.3
    yield from encrypted(padded, key, iv)


def _digested(chunks: Iterable[bytes], length: int, before: bytes) -> Iterator[bytes]:
    """RFC 5652 7: what is encrypted says by itself whether it is whole."""
    digest = hashlib.sha256()
    yield before
    for chunk in _counted(chunks, length):
        digest.update(chunk)
        yield chunk
    yield _digest(digest.digest())


def _counted(chunks: Iterable[bytes], length: int) -> Iterator[bytes]:
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        yield chunk
    if seen != length:
        raise DamagedError("a file has another length than a moment ago")


def _before_digested(length: int) -> bytes:
    """DigestedData up to the content, whose octets and the digest follow."""
    from asn1crypto import algos, cms

    start = cms.CMSVersion("v0").dump() + algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
    content = around((SEQUENCE,), cms.ContentType("data").dump()
                     + around((EXPLICIT, OCTETS), b"", length), length)
    return around((SEQUENCE,), start + content, length + len(_digest(b"")))


def _digest(value: bytes) -> bytes:
    return head(OCTETS, hashlib.sha256().digest_size) + value.ljust(32, b"\0")


def _password_info(recipients: Recipients, key: bytes) -> Any:
    from asn1crypto import algos, cms, core

    iv = os.urandom(BLOCK)
    kek = password_key(recipients.password, recipients.salt, ITERATIONS, KEY_BYTES, "sha256")
    inner = algos.EncryptionAlgorithm({"algorithm": "aes256_cbc", "parameters": iv})
    return cms.RecipientInfo(name="pwri", value=cms.PasswordRecipientInfo({
        "version": "v0",
        "key_derivation_algorithm": {"algorithm": "pbkdf2", "parameters": {
            "salt": algos.Pbkdf2Salt(name="specified", value=recipients.salt),
            "iteration_count": ITERATIONS, "key_length": KEY_BYTES,
            "prf": {"algorithm": "sha256"}}},
        "key_encryption_algorithm": {"algorithm": PWRI_KEK, "parameters": core.Any(inner)},
        "encrypted_key": wrap(key, kek, iv)}))


def _key_transport(raw: bytes, key: bytes) -> Any:
    """RSAES-PKCS1-v1_5, what every reader of PS3.15 D.1 knows."""
    from asn1crypto import cms, x509
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    certificate = _certificate(raw)
    der = certificate.public_bytes(_der())
    named = x509.Certificate.load(der)
    return cms.RecipientInfo(name="ktri", value=cms.KeyTransRecipientInfo({
        "version": "v0",
        "rid": cms.RecipientIdentifier(name="issuer_and_serial_number", value={
            "issuer": named.issuer, "serial_number": named.serial_number}),
        "key_encryption_algorithm": {"algorithm": "rsaes_pkcs1v15"},
        "encrypted_key": _public_key(raw).encrypt(key, PKCS1v15())}))


def _certificate(raw: bytes) -> Any:
    from cryptography import x509

    try:
        if b"-----BEGIN" in raw:
            return x509.load_pem_x509_certificate(raw)
        return x509.load_der_x509_certificate(raw)
    except ValueError:
        raise SettingsError("The recipient's certificate cannot be read.",
                            "It must be X.509, PEM or DER.") from None


def _public_key(raw: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = _certificate(raw).public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise SettingsError("The recipient's certificate has no RSA key of 2048 bits or more.")
    return key


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER
