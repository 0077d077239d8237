"""What is inside of an S/MIME message: opened with the key, its signature proven (RFC 8551).

Whether the signer is who they say they are is not judged: that asks for authorities one trusts.
Nothing is shared with what writes such messages.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mediasvc.errors import DamagedError, PasswordNeeded, UnsupportedError
from mediasvc.media.packed.mime_parts import Part, decoded, part_of, parts_of
from mediasvc.media.scratch import Scratch
from mediasvc.media.secure.secure_cms_read import (
    HEAD,
    IN_MEMORY,
    cipher_of,
    is_envelope,
    is_signed,
    opened,
)
from mediasvc.media.secure.secure_keys import NeedsExtraError, need_extra
from mediasvc.span import Span

QUESTION = ("This is an encrypted email message. The recipient's private key is needed.",
            "Give it with --password-file.")
PKCS7 = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
SIGNATURES = {"application/pkcs7-signature", "application/x-pkcs7-signature"}
#: In place of a cipher, where nobody looks at the envelope again.
OPENED_BEFORE = "-"
#: Signatures whose proof is known.
_WAYS = {"rsassa_pkcs1v15", "rsassa_pss", "ecdsa"}
#: Signed and encrypted, in any order, some times over.
LAYERS = 8
Signature = Literal["", "holds", "broken", "unknown"]
_DIGESTS = {"sha1", "sha224", "sha256", "sha384", "sha512"}


@dataclass(slots=True)
class Unsealed:
    """``part``: what is inside of all layers. ``cipher`` of the outermost envelope, `OPENED_BEFORE`
    where that is not known; empty: it is not encrypted. ``signature``: the worst that there is;
    empty: it is not signed."""

    part: Part
    cipher: str = ""
    signature: Signature = ""

    def signed(self, signature: Signature) -> None:
        worst: tuple[Signature, ...] = ("broken", "unknown", "holds", "")
        self.signature = min(self.signature, signature, key=worst.index)


def unsealed(part: Part, key: str | None, scratch: Scratch, name: str) -> Unsealed:
    """Take all layers off, of what has any. What is opened is kept in ``scratch`` under ``name``.

    Raises PasswordNeeded without the right key, DamagedError and UnsupportedError.
    """
    found = Unsealed(part)
    for layer in range(LAYERS):
        clear = _is_clear_signed(found.part)
        if not clear and found.part.kind not in PKCS7:
            return found
        _need_extra()
        if clear:
            _take_clear(found)
        else:
            _take_opaque(found, key, scratch, f"{name}-{layer}")
    raise UnsupportedError("it is encrypted or signed too many times")


def _need_extra() -> None:
    """Without it this file cannot be read, and all others can."""
    try:
        need_extra()
    except NeedsExtraError as error:
        raise UnsupportedError(error.text, error.advice) from None


def _is_clear_signed(part: Part) -> bool:
    return (part.kind == "multipart/signed"
            and str(part.headers.get_param("protocol", "")).lower() in SIGNATURES)


def _take_clear(found: Unsealed) -> None:
    parts = parts_of(found.part)
    if not parts:
        raise DamagedError("the signed message is cut short")
    signature = next((part for part in parts[1:] if part.kind in SIGNATURES), None)
    found.signed("broken" if signature is None else
                 _judged(b"".join(decoded(signature)), parts[0].whole))
    found.part = parts[0]


def _take_opaque(found: Unsealed, key: str | None, scratch: Scratch, name: str) -> None:
    inner = scratch.kept(name)
    if inner is not None:  # by an earlier reader, who told what was to be told
        found.cipher = found.cipher or OPENED_BEFORE
        found.part = part_of(inner)
        return
    sealed = scratch.once(f"{name}-{os.getpid()}", decoded(found.part))
    try:
        head = b"".join(Span(sealed.path, 0, min(HEAD, sealed.length)).chunks())
        if is_envelope(head):
            if not key:
                raise PasswordNeeded(*QUESTION)
            found.cipher = found.cipher or cipher_of(sealed)
            inner = scratch.once(name, opened(sealed, key))
        elif is_signed(head):
            signature, content = _opaque(sealed)
            found.signed(signature)
            inner = scratch.once(name, [content])
        else:
            raise UnsupportedError("it is encrypted or packed in a way that is not read here")
    finally:
        Path(sealed.path).unlink(missing_ok=True)
    found.part = part_of(inner)


def _opaque(sealed: Span) -> tuple[Signature, bytes]:
    """The signature and the content of SignedData that holds it (RFC 8551 3.5.2)."""
    if sealed.length > IN_MEMORY:
        raise UnsupportedError("it is too large to be opened at once")
    signed = _signed_data(b"".join(sealed.chunks()))
    try:
        content = signed["encap_content_info"]["content"].native
    except (ValueError, TypeError, KeyError):
        content = None
    if not isinstance(content, bytes):
        raise DamagedError("the signed message is damaged")
    return _judged_by(signed, lambda name: hashlib.new(name, content).digest()), content


def _judged(signature: bytes, content: Span) -> Signature:
    """What a signature beside its content says of it."""
    def digest(name: str) -> bytes:
        made = hashlib.new(name)
        for chunk in content.chunks():
            made.update(chunk)
        return made.digest()

    def canonical(name: str) -> bytes:
        """As if every line ended as in the mail (RFC 8551 3.1.1), where a program saved it."""
        made, before = hashlib.new(name), b""
        for chunk in content.chunks():
            made.update(_with_line_ends(before, chunk))
            before = chunk[-1:]
        return made.digest()

    signed = _signed_data(signature)
    found = _judged_by(signed, digest)
    return _judged_by(signed, canonical) if found == "broken" else found


def _with_line_ends(before: bytes, chunk: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", before + chunk)[len(before):]


def _signed_data(data: bytes) -> Any:
    """None where it is none."""
    from asn1crypto import cms

    try:
        found = cms.ContentInfo.load(data)
        return found["content"] if found["content_type"].native == "signed_data" else None
    except (ValueError, TypeError, KeyError):
        return None


def _judged_by(signed: Any, digest: Callable[[str], bytes]) -> Signature:
    """What the first signer's signature says; ``digest`` of the content by the name of its way."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        signer = signed["signer_infos"][0]
        name = str(signer["digest_algorithm"]["algorithm"].native)
        certificate = _certificate(signed, signer["sid"])
        way = str(signer["signature_algorithm"].signature_algo)
        attributes = signer["signed_attrs"]
        if certificate is None or name not in _DIGESTS or way not in _WAYS:
            return "unknown"
        said, data = digest(name), b""
        if attributes.native is not None:
            [stated] = [one["values"][0].native for one in attributes
                        if one["type"].native == "message_digest"]
            if stated != said:
                return "broken"
            data = attributes.untag().dump()
        key = x509.load_der_x509_certificate(certificate.dump()).public_key()
        _verify(key, signer["signature"].native, data, said, name, way)
    except InvalidSignature:
        return "broken"
    except (ValueError, TypeError, KeyError, IndexError):
        return "broken"
    return "holds"


def _certificate(signed: Any, sid: Any) -> Any:
    for choice in signed["certificates"]:
        if choice.name != "certificate":
            continue
        one = choice.chosen
        if sid.name == "issuer_and_serial_number":
            if (one.serial_number == sid.chosen["serial_number"].native
                    and one.issuer == sid.chosen["issuer"]):
                return one
        elif one.key_identifier == sid.chosen.native:
            return one
    return None


def _verify(key: Any, signature: bytes, data: bytes, digest: bytes, name: str, way: str) -> None:
    """``data``: the signed attributes; without any the ``digest`` of the content is signed."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    plain = getattr(hashes, name.upper())()
    kind: Any = plain if data else Prehashed(plain)
    if way == "ecdsa":
        key.verify(signature, data or digest, ec.ECDSA(kind))
        return
    scheme: Any = (padding.PKCS1v15() if way == "rsassa_pkcs1v15" else
                   padding.PSS(padding.MGF1(plain), padding.PSS.AUTO))
    key.verify(signature, data or digest, scheme, kind)
