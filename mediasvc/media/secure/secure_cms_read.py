"""Opening a Secure DICOM File with a password or a private key (PS3.15 D.1, RFC 5652)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from mediasvc.errors import DamagedError, PasswordNeeded, UnsupportedError
from mediasvc.media.secure.der_frame import IMPLICIT, OCTETS, SET, Frame, frame
from mediasvc.media.secure.secure_keys import (
    MOST_ITERATIONS,
    OWN,
    PEM,
    decrypt,
    decrypted,
    need_extra,
    own_key,
    password_key,
    unwrap,
)
from mediasvc.span import Span

#: id-envelopedData and id-signedData in DER, behind SEQUENCE and its length.
_ENVELOPED = bytes.fromhex("06092a864886f70d010703")
_SIGNED = bytes.fromhex("06092a864886f70d010702")
HEAD = 32
#: All recipients of an envelope stand in its head.
HEAD_LIMIT = 1 << 20
#: What is opened at once.
IN_MEMORY = 512 << 20
NOT_OPENED = ("the key does not open the secure medium", "Ask whoever sent it.")
_DIGESTS = {"sha1", "sha224", "sha256", "sha384", "sha512"}
#: Algorithm of asn1crypto → (cipher, block size).
_CIPHERS = {"aes128_cbc": ("aes", 16), "aes192_cbc": ("aes", 16), "aes256_cbc": ("aes", 16),
            "tripledes_3key": ("3des", 8)}


def is_envelope(head: bytes) -> bool:
    """Whether a file begins like a CMS envelope."""
    return head[:1] == b"\x30" and _ENVELOPED in head[:HEAD]


def is_signed(head: bytes) -> bool:
    """Whether a file begins like CMS SignedData."""
    return head[:1] == b"\x30" and _SIGNED in head[:HEAD]


def cipher_of(span: Span) -> str:
    """Of an envelope, as asn1crypto calls it. Raises DamagedError and UnsupportedError."""
    sealed = _sealed(span)
    if sealed is not None:
        return sealed.algorithm
    from asn1crypto import cms

    if span.length > IN_MEMORY:
        raise UnsupportedError("its envelope is too large to be opened at once")
    try:
        inner = cms.ContentInfo.load(b"".join(span.chunks()))["content"]["encrypted_content_info"]
        return str(inner["content_encryption_algorithm"]["algorithm"].native)
    except (ValueError, TypeError, KeyError):
        raise DamagedError("the envelope is damaged") from None


def open_envelope(data: bytes, key: str) -> bytes:
    """The file inside. ``key``: a password, or a private key in PEM.

    Raises PasswordNeeded where the key is not one of the recipients', DamagedError where the
    content is not what its digest says, UnsupportedError for algorithms that are not read.
    """
    need_extra()
    from asn1crypto import cms

    try:
        outer = cms.ContentInfo.load(data)
        enveloped = outer["content"]
        inner = enveloped["encrypted_content_info"]
        algorithm = inner["content_encryption_algorithm"]
        name, iv = str(algorithm["algorithm"].native), algorithm["parameters"].native
        content = bytes(inner["encrypted_content"].native)
        recipients, kind = list(enveloped["recipient_infos"]), str(inner["content_type"].native)
    except (ValueError, TypeError, KeyError):
        raise DamagedError("the envelope is damaged") from None
    cipher, block = _known(name, iv)
    for candidate in _content_keys(recipients, key, iv):
        plain = _decrypted(content, candidate, iv, cipher, block)
        if plain is not None:
            return _inside(plain, kind)
    raise PasswordNeeded(*NOT_OPENED)


def opened(span: Span, key: str) -> Iterator[bytes]:
    """`open_envelope` piece by piece, of files of any length.

    An envelope of others whose lengths are not told before (BER), or that holds SignedData, is
    opened in memory, up to 512 MiB. DamagedError may come with the last piece: nobody keeps what
    came before it.
    """
    need_extra()
    sealed = _sealed(span)
    try:
        if sealed is None or sealed.kind == "signed_data":
            raise _OtherFormError
        yield from _streamed(sealed, key)
    except _OtherFormError:
        if span.length > IN_MEMORY:
            raise UnsupportedError("its envelope is too large to be opened at once") from None
        yield open_envelope(b"".join(span.chunks()), key)


class _OtherFormError(Exception):
    """It cannot be read from its head to its end; raised before anything is given out."""


def _streamed(sealed: _Sealed, key: str) -> Iterator[bytes]:
    cipher, block = _known(sealed.algorithm, sealed.iv)
    content = sealed.content
    if not content.length or content.length % block:
        raise DamagedError("the envelope is cut short")
    tail = b"".join(part(content, max(0, content.length - 2 * block)).chunks())
    before = tail[:block] if len(tail) > block else sealed.iv
    for candidate in _content_keys(sealed.recipients, key, sealed.iv):
        count = _padding(decrypt(tail[-block:], candidate, before, cipher), block)
        if count:
            plain = decrypted(content.chunks(), candidate, sealed.iv, cipher)
            yield from _unpacked(plain, content.length - count, sealed.kind)
            return
    raise PasswordNeeded(*NOT_OPENED)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """An envelope whose encrypted bytes are one run of the file."""

    recipients: list[Any]
    kind: str
    algorithm: str
    iv: bytes
    content: Span


def part(span: Span, start: int, length: int | None = None) -> Span:
    """A run of bytes of a span, to its end unless ``length`` is given."""
    return Span(span.path, span.offset + start,
                span.length - start if length is None else length)


def _sealed(span: Span) -> _Sealed | None:
    """Read from the head of the file; None where lengths are not told, or of another order."""
    from asn1crypto import algos, cms

    data = b"".join(part(span, 0, min(span.length, HEAD_LIMIT)).chunks())
    try:
        outer = frame(data, 0)
        inner = frame(data, frame(data, outer.start).end)  # behind the content type
        enveloped = frame(data, inner.start)
        infos = frame(data, frame(data, enveloped.start).end)  # behind the version
        info = frame(data, infos.end)
        kind = frame(data, info.start)
        algorithm = frame(data, kind.end)
        content = frame(data, algorithm.end)
        if content.tag != IMPLICIT or infos.tag != SET or content.end != info.end or (
                content.end > span.length):
            return None
        found = algos.EncryptionAlgorithm.load(data[kind.end:algorithm.end])
        recipients = list(cms.RecipientInfos.load(
            data[frame(data, enveloped.start).end:infos.end]))
        return _Sealed(recipients, str(cms.ContentType.load(data[info.start:kind.end]).native),
                       str(found["algorithm"].native), found["parameters"].native,
                       part(span, content.start, content.end - content.start))
    except (DamagedError, ValueError, TypeError, KeyError):
        return None


def _unpacked(plain: Iterator[bytes], length: int, kind: str) -> Iterator[bytes]:
    """Out of ``length`` bytes, whose padding follows them."""
    plain = _first(plain, length)
    if kind == "data":
        yield from plain
        return
    if kind != "digested_data":
        raise UnsupportedError(f"the envelope holds something that is not read here ({kind})")
    ahead = b""
    for chunk in plain:
        ahead += chunk
        if len(ahead) >= HEAD_LIMIT:
            break
    name, content = _digested(ahead)
    digest, left = hashlib.new(name), content.end - content.start
    rest, ahead = ahead[content.start:], b""
    tail = b""
    for chunk in chain([rest], plain):
        taken = chunk[:left]
        digest.update(taken)
        left -= len(taken)
        yield taken
        tail += chunk[len(taken):]
    stated = frame(tail, 0)
    if left or stated.tag != OCTETS or not hmac.compare_digest(
            digest.digest(), tail[stated.start:stated.end]):
        raise DamagedError("the content of the envelope is not what its digest says")


def _digested(data: bytes) -> tuple[str, Frame]:
    """The digest algorithm of DigestedData and the place of its content."""
    from asn1crypto import algos

    try:
        version = frame(data, frame(data, 0).start)
        algorithm = frame(data, version.end)
        inner = frame(data, algorithm.end)
        octets = frame(data, frame(data, frame(data, inner.start).end).start)
        name = str(algos.DigestAlgorithm.load(data[version.end:algorithm.end])["algorithm"].native)
    except (DamagedError, ValueError, TypeError, KeyError):
        raise _OtherFormError from None
    if name not in _DIGESTS or octets.tag != OCTETS or octets.end < 0:
        raise _OtherFormError
    return name, octets


def _first(chunks: Iterator[bytes], length: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:length]
        length -= min(length, len(chunk))


def _known(name: str, iv: object) -> tuple[str, int]:
    if name not in _CIPHERS or not isinstance(iv, bytes):
        raise UnsupportedError(f"it is encrypted in a way that is not read here ({name})")
    return _CIPHERS[name]


def _content_keys(recipients: list[Any], key: str, iv: bytes) -> Any:
    if key.startswith(OWN):
        yield own_key(key, iv)
        return
    private = _private_key(key) if key.startswith(PEM) else None
    for recipient in recipients:
        found: bytes | None = None
        if recipient.name == "pwri" and private is None:
            found = _by_password(recipient.chosen, key)
        elif recipient.name == "ktri" and private is not None:
            found = _by_private_key(recipient.chosen, private)
        if found is not None:
            yield found


def _by_password(info: Any, password: str) -> bytes | None:
    try:
        derivation = info["key_derivation_algorithm"]
        parameters = derivation["parameters"]
        salt = parameters["salt"].native
        rounds = int(parameters["iteration_count"].native)
        digest = str(parameters["prf"]["algorithm"].native)
        from asn1crypto import algos

        wrapping = algos.EncryptionAlgorithm.load(
            info["key_encryption_algorithm"]["parameters"].dump())
        name, iv = str(wrapping["algorithm"].native), wrapping["parameters"].native
        cipher, block = _CIPHERS[name]
        length = {"aes128_cbc": 16, "aes192_cbc": 24, "aes256_cbc": 32}.get(name, 24)
        wrapped = info["encrypted_key"].native
    except (ValueError, TypeError, KeyError):
        raise UnsupportedError("its password is used in a way that is not read here") from None
    if not isinstance(salt, bytes) or digest not in _DIGESTS or not 0 < rounds <= MOST_ITERATIONS:
        raise UnsupportedError("its password is used in a way that is not read here")
    kek = password_key(password, salt, rounds, length, digest)
    return unwrap(wrapped, kek, iv, block, cipher)


def _by_private_key(info: Any, private: Any) -> bytes | None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        name = str(info["key_encryption_algorithm"]["algorithm"].native)
        parameters = info["key_encryption_algorithm"]["parameters"].native or {}
        wrapped = info["encrypted_key"].native
    except (ValueError, TypeError, KeyError):
        return None
    scheme: Any = padding.PKCS1v15()
    if name == "rsaes_oaep":
        digest = parameters.get("hash_algorithm", {}).get("algorithm", "sha1")
        kinds: dict[str, Any] = {"sha1": hashes.SHA1, "sha256": hashes.SHA256,
                                 "sha384": hashes.SHA384, "sha512": hashes.SHA512}
        kind = kinds.get(digest, hashes.SHA1)
        scheme = padding.OAEP(padding.MGF1(kind()), kind(), None)
    try:
        found: bytes = private.decrypt(wrapped, scheme)
    except ValueError:
        return None
    return found if len(found) in (16, 24, 32) else None


def _private_key(pem: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode("utf-8"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise PasswordNeeded("the private key cannot be read",
                             "Give an RSA key in PEM without a password of its own.") from None
    if not isinstance(key, RSAPrivateKey):
        raise PasswordNeeded("the private key is no RSA key", "Give the recipient's RSA key.")
    return key


def _decrypted(content: bytes, key: bytes, iv: bytes, cipher: str, block: int) -> bytes | None:
    if not content or len(content) % block:
        raise DamagedError("the envelope is cut short")
    try:
        plain = decrypt(content, key, iv, cipher)
    except ValueError:
        return None
    count = _padding(plain, block)
    return plain[:-count] if count else None


def _padding(plain: bytes, block: int) -> int:
    """How many bytes at the end are padding (RFC 5652 6.3); 0 where the key is not the one."""
    count = plain[-1]
    return count if 0 < count <= block and plain.endswith(bytes((count,)) * count) else 0


def _inside(plain: bytes, kind: str) -> bytes:
    """Out of DigestedData, whose digest is proven, or SignedData, whose signer is not judged."""
    from asn1crypto import cms

    if kind == "data":
        return plain
    try:
        if kind == "digested_data":
            found = cms.DigestedData.load(plain)
            data = bytes(found["encap_content_info"]["content"].native)
            name = str(found["digest_algorithm"]["algorithm"].native)
            if name not in _DIGESTS or not hmac.compare_digest(
                    hashlib.new(name, data).digest(), found["digest"].native):
                raise DamagedError("the content of the envelope is not what its digest says")
            return data
        if kind == "signed_data":
            return bytes(cms.SignedData.load(plain)["encap_content_info"]["content"].native)
    except (ValueError, TypeError, KeyError):
        raise DamagedError("the content of the envelope is damaged") from None
    raise UnsupportedError(f"the envelope holds something that is not read here ({kind})")
