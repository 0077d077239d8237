"""Keys and certificates of people who send and get encrypted messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ADDRESS = "desk@hospital.example"


@dataclass(frozen=True)
class Identity:
    """PEM."""

    certificate: bytes
    key: str

    @property
    def both(self) -> str:
        return self.key + self.certificate.decode()


@cache
def identity(name: str, days: int = 2, signs: bool | None = None) -> Identity:
    """Of an RSA key whose certificate ends in so many days; ``signs``: what its key usage says."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    ends = datetime.now(UTC) + timedelta(days=days)
    builder = (x509.CertificateBuilder().subject_name(named).issuer_name(named)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(ends - timedelta(days=5)).not_valid_after(ends)
               .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(ADDRESS)]),
                              critical=False))
    if signs is not None:
        builder = builder.add_extension(x509.KeyUsage(
            signs, False, True, False, False, False, False, False, False), critical=True)
    return Identity(
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption()).decode())
