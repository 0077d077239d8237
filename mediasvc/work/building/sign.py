"""Detached signatures: who vouches for a certificate, proven with any OpenSSL.

Ed25519 signs the bytes themselves; RSA signs their SHA-256 with PKCS #1 v1.5. Keys are PEM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mediasvc.errors import SettingsError
from mediasvc.media.secure.secure_keys import need_extra

LEAST_RSA_BITS = 2048
#: Behind the name of what is signed: the signature, and the public key it is checked with.
SIGNATURE, PUBLIC_KEY = ".sig", ".pub"


@dataclass(frozen=True)
class Signer:
    """``public``: the public key, PEM."""

    key: Any = field(repr=False)
    public: bytes

    def sign(self, data: bytes | memoryview) -> bytes:
        signed: bytes = self.key.sign(data, *_scheme(self.key))
        return signed

    def files(self, name: str, data: bytes | memoryview) -> dict[str, bytes]:
        """What stands beside the file ``name`` with these bytes."""
        return {name + SIGNATURE: self.sign(data), name + PUBLIC_KEY: self.public}


def signer_of(pem: str) -> Signer | None:
    """The signer with this private key, None for an empty text. Raises SettingsError."""
    if not pem.strip():
        return None
    need_extra()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem.encode() + b"\n", None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError("export.signing_key cannot be read.",
                            "Make one with: openssl genpkey -algorithm ed25519") from None
    _require_known(key, "export.signing_key")
    return Signer(key, key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def holds(data: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the holder of the public key (PEM) signed ``data``. Raises SettingsError for a key
    that cannot be used."""
    need_extra()
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key: Any = load_pem_public_key(public)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError("The signer's public key cannot be read.", "It must be PEM.") from None
    _require_known(key, "The signer's public key")
    try:
        key.verify(signature, data, *_scheme(key))
    except InvalidSignature:
        return False
    return True


def _scheme(key: Any) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    return (PKCS1v15(), hashes.SHA256()) if hasattr(key, "key_size") else ()


def _require_known(key: Any, what: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return
    raise SettingsError(f"{what} is neither Ed25519 nor RSA of {LEAST_RSA_BITS} bits or more.")
