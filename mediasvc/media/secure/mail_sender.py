"""Who signs messages: an RSA key with the X.509 certificate that mail programs know it by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mediasvc.errors import SettingsError
from mediasvc.media.secure.secure_keys import need_extra

SETTING = "export.mail_identity"
ADVICE = ("Name a PEM file with an RSA key and its certificate: "
          "MEDIASVC_EXPORT__MAIL_IDENTITY_FILE; openssl pkcs12 -nodes makes one of a .p12.")
LEAST_BITS = 2048
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class Sender:
    """``certificates``: DER, that of the key first, behind it those that vouch for it.
    ``address``: the one that the certificate is for; empty where it names none."""

    key: Any = field(repr=False)
    certificates: tuple[bytes, ...]
    address: str = ""

    def sign(self, data: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256, which every mail program knows."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        signature: bytes = self.key.sign(data, PKCS1v15(), hashes.SHA256())
        return signature


def sender_of(pem: str) -> Sender:
    """Out of a key and certificates in PEM. Raises SettingsError for what cannot sign a message."""
    if not pem.strip():
        raise SettingsError("A secure message must be signed (PS3.15 B.8), and no "
                            f"{SETTING} is set.", ADVICE)
    need_extra()
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    blocks = [(found[1].decode(), found[0] + b"\n") for found in _BLOCK.finditer(pem.encode())]
    try:
        keys = [load_pem_private_key(block, None) for name, block in blocks
                if name.endswith("PRIVATE KEY")]
        found = [x509.load_pem_x509_certificate(block) for name, block in blocks
                 if name == "CERTIFICATE"]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(f"{SETTING} cannot be read.", ADVICE) from None
    if len(keys) != 1 or not isinstance(keys[0], RSAPrivateKey) or keys[0].key_size < LEAST_BITS:
        raise SettingsError(f"{SETTING} must hold one RSA key of {LEAST_BITS} bits or more.",
                            ADVICE)
    own = [one for one in found if one.public_key() == keys[0].public_key()]
    if not own:
        raise SettingsError(f"{SETTING} holds no certificate of its key.", ADVICE)
    _refuse_unusable(own[0])
    chain = (own[0], *(one for one in found if one is not own[0]))
    return Sender(keys[0], tuple(one.public_bytes(Encoding.DER) for one in chain),
                  _address(own[0]))


def _refuse_unusable(certificate: Any) -> None:
    """What mail programs would not take for the signature of today (RFC 5280 4.1.2.5, 4.2.1.3)."""
    from cryptography.x509 import ExtensionNotFound, KeyUsage

    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= datetime.now(UTC) <= ends:
        raise SettingsError(f"The certificate of {SETTING} is valid from {begins:%Y-%m-%d} to "
                            f"{ends:%Y-%m-%d}, not today.")
    try:
        usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        return
    if not usage.digital_signature and not usage.content_commitment:
        raise SettingsError(f"The certificate of {SETTING} is not for signatures.")


def _address(certificate: Any) -> str:
    from cryptography.x509 import ExtensionNotFound, RFC822Name, SubjectAlternativeName

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return ""
    return next(iter(names.get_values_for_type(RFC822Name)), "")
