"""Encrypted zip entries: the traditional cipher and WinZip's AES (AE-1, AE-2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mediasvc.errors import DamagedError, PasswordNeeded, UnsupportedError
from mediasvc.media.packed.zip_directory import ZipEntry
from mediasvc.media.window import Window

CHUNK = 1 << 18
AES_METHOD = 99
#: WinZip AES strength → key bytes; the salt is half as long.
KEY_LENGTHS = {1: 16, 2: 24, 3: 32}
ITERATIONS = 1000
VERIFIER, PROOF = 2, 10
#: What a password with accents may have been typed in: WinZip and 7-Zip, DOS, Windows.
PASSWORD_ENCODINGS = ("utf-8", "cp437", "cp850", "cp1252")
STRONG_ENCRYPTION = 0x0040


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted entry: its packed bytes, how they are packed, and its CRC where that counts."""

    chunks: Iterator[bytes]
    method: int
    crc: int | None


def method_of(entry: ZipEntry) -> int:
    """How an entry is packed beneath its encryption. Raises UnsupportedError for what we lack."""
    if entry.flags & STRONG_ENCRYPTION:
        raise UnsupportedError("it is encrypted in a way that only PKZIP reads")
    if entry.method != AES_METHOD:
        return entry.method
    if len(entry.aes) < 7 or entry.aes[4] not in KEY_LENGTHS or entry.aes[:2] not in (
            b"\1\0", b"\2\0"):
        raise UnsupportedError("it is encrypted with an unknown kind of AES")
    return int.from_bytes(entry.aes[5:7], "little")


def open_entry(window: Window, entry: ZipEntry, at: int, password: bytes) -> Opened:
    """The packed bytes of an encrypted entry whose data begin at ``at``.

    Raises PasswordNeeded when the password does not fit, UnsupportedError without the library.
    """
    if entry.method == AES_METHOD:
        return _open_aes(window, entry, at, password)
    return _open_traditional(window, entry, at, password)


def password_that_fits(window: Window, trials: Sequence[tuple[ZipEntry, int]],
                       password: str) -> bytes:
    """The bytes of ``password`` in the encoding that opens every (entry, data offset) given.

    The traditional check is one byte, so one entry proves little. Raises PasswordNeeded.
    """
    for encoding in PASSWORD_ENCODINGS:
        raw = password.encode(encoding, "replace")
        try:
            for entry, at in trials:
                open_entry(window, entry, at, raw)
        except PasswordNeeded:
            continue
        return raw
    raise _wrong()


def _open_traditional(window: Window, entry: ZipEntry, at: int, password: bytes) -> Opened:
    from mediasvc.codecs.zip_cipher import HEADER_LENGTH, ZipCipher

    if entry.packed < HEADER_LENGTH:
        raise DamagedError("it is too short to be encrypted")
    cipher = ZipCipher(password)
    check = cipher.decrypt(window.read(at, HEADER_LENGTH))[-1]
    if check not in (entry.crc >> 24, entry.time >> 8):
        raise _wrong()
    packed = _read(window, at + HEADER_LENGTH, entry.packed - HEADER_LENGTH)
    return Opened(map(cipher.decrypt, packed), entry.method, entry.crc)


def _open_aes(window: Window, entry: ZipEntry, at: int, password: bytes) -> Opened:
    length = KEY_LENGTHS[entry.aes[4]]
    start = at + length // 2 + VERIFIER
    packed = entry.packed - (start - at) - PROOF
    if packed < 0:
        raise DamagedError("it is too short to be encrypted")
    keys = hashlib.pbkdf2_hmac("sha1", password, window.read(at, length // 2), ITERATIONS,
                               2 * length + VERIFIER)
    if window.read(start - VERIFIER, VERIFIER) != keys[-VERIFIER:]:
        raise _wrong()
    chunks = _decrypt_aes(_read(window, start, packed), _keystream(keys[:length]),
                          keys[length:2 * length], window.read(start + packed, PROOF))
    return Opened(chunks, method_of(entry), entry.crc if entry.aes[0] == 1 else None)


def _decrypt_aes(chunks: Iterator[bytes], keystream: Callable[[int], bytes], key: bytes,
                 proof: bytes) -> Iterator[bytes]:
    import numpy as np

    mac = hmac.new(key, digestmod="sha1")
    for chunk in chunks:
        mac.update(chunk)
        yield (np.frombuffer(chunk, np.uint8)
               ^ np.frombuffer(keystream(len(chunk)), np.uint8)).tobytes()
    if not hmac.compare_digest(mac.digest()[:PROOF], proof):
        raise DamagedError("its seal is broken; the bytes are damaged")


def _keystream(key: bytes) -> Callable[[int], bytes]:
    """AES in counter mode; WinZip counts from 1 and little-endian, unlike everybody else."""
    import numpy as np

    try:
        from cryptography.hazmat.primitives.ciphers import (  # type: ignore[import-not-found, unused-ignore]
            Cipher,
            algorithms,
            modes,
        )
    except ImportError:
        raise UnsupportedError("the zip is encrypted with AES",
                               "Install the extra: pip install 'mediasvc[secure]'.") from None
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - CTR by hand
    counter = 1

    def stream(length: int) -> bytes:
        nonlocal counter
        blocks = np.zeros((-(-length // 16), 2), "<u8")
        blocks[:, 0] = np.arange(counter, counter + len(blocks))
        counter += len(blocks)
        encrypted: bytes = encryptor.update(blocks.tobytes())
        return encrypted[:length]

    return stream


def _read(window: Window, at: int, length: int) -> Iterator[bytes]:
    """Pieces of a multiple of 16 bytes, save the last."""
    for start in range(0, length, CHUNK):
        yield window.read(at + start, min(CHUNK, length - start))


def _wrong() -> PasswordNeeded:
    return PasswordNeeded("the password does not open the zip", "Ask whoever sent it.")
