"""Keys of secure media: from a password (RFC 5652 6.2.4, RFC 3211), for an X.509 recipient, or
from a secret of ours alone with which a medium is read back before it is released."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from mediasvc.errors import MediasvcError

#: PBKDF2-HMAC-SHA256 rounds of what we write; one derivation serves a whole medium.
ITERATIONS = 600_000
#: More would only keep the reader busy.
MOST_ITERATIONS = 10_000_000
KEY_BYTES, BLOCK = 32, 16
#: Begins the "password" that stands for our own secret, see `own_key`.
OWN = "own-secret:"
#: Begins a private key in place of a password.
PEM = "-----BEGIN "


class NeedsExtraError(MediasvcError):
    """Encryption needs the [secure] extra."""

    def __init__(self) -> None:
        super().__init__("Encryption and signatures need two more libraries.",
                         "Install the extra: pip install 'mediasvc[secure]'.")


def need_extra() -> None:
    """Raises NeedsExtraError where the libraries are missing."""
    try:
        import asn1crypto.cms
        import cryptography.hazmat.primitives  # noqa: F401
    except ImportError:
        raise NeedsExtraError from None
    assert asn1crypto


@lru_cache(maxsize=64)
def password_key(password: str, salt: bytes, iterations: int, length: int, digest: str) -> bytes:
    return hashlib.pbkdf2_hmac(digest, password.encode("utf-8"), salt, iterations, length)


def own_key(secret: str, iv: bytes) -> bytes:
    """The content key of a file whose IV this is, where the medium was made with `OWN` secret."""
    return hmac.digest(bytes.fromhex(secret.removeprefix(OWN)), b"content" + iv, hashlib.sha256)


def wrap(key: bytes, kek: bytes, iv: bytes) -> bytes:
    """A content key under a key from a password: encrypted twice (RFC 3211 2.3.1)."""
    head = bytes((len(key),)) + bytes(byte ^ 0xFF for byte in key[:3])
    size = max(2 * BLOCK, -(-(len(head) + len(key)) // BLOCK) * BLOCK)
    block = head + key
    block += os.urandom(size - len(block))
    once = encrypt(block, kek, iv)
    return encrypt(once, kek, once[-BLOCK:])


def unwrap(wrapped: bytes, kek: bytes, iv: bytes, size: int = BLOCK, name: str = "aes",
           ) -> bytes | None:
    """None where the password is not the right one (RFC 3211 2.3.2)."""
    if len(wrapped) < 2 * size or len(wrapped) % size:
        return None
    last = decrypt(wrapped[-size:], kek, wrapped[-2 * size:-size], name)
    once = decrypt(wrapped[:-size], kek, last, name) + last
    block = decrypt(once, kek, iv, name)
    length = block[0]
    check = bytes(byte ^ 0xFF for byte in block[4:7])
    if length < 8 or length > len(block) - 4 or block[1:4] != check:
        return None
    return block[4:4 + length]


def encrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-CBC without padding."""
    return b"".join(encrypted([data], key, iv))


def encrypted(chunks: Iterable[bytes], key: bytes, iv: bytes) -> Iterator[bytes]:
    """The same piece by piece; all together are whole blocks."""
    engine = _cipher("aes", key, iv).encryptor()
    for chunk in chunks:
        yield bytes(engine.update(chunk))
    yield bytes(engine.finalize())


def decrypt(data: bytes, key: bytes, iv: bytes, name: str = "aes") -> bytes:
    return b"".join(decrypted([data], key, iv, name))


def decrypted(chunks: Iterable[bytes], key: bytes, iv: bytes, name: str = "aes",
              ) -> Iterator[bytes]:
    engine = _cipher(name, key, iv).decryptor()
    for chunk in chunks:
        yield bytes(engine.update(chunk))
    yield bytes(engine.finalize())


def _cipher(name: str, key: bytes, iv: bytes) -> Any:
    need_extra()
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if name == "aes":
        return Cipher(algorithms.AES(key), modes.CBC(iv))
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
    return Cipher(TripleDES(key), modes.CBC(iv))
