"""A message that is signed and then encrypted as a whole: S/MIME (PS3.15 B.8, RFC 8551).

Outside stand a subject with the name of the file-set, the date, and who sends it. All else is
inside of the envelope, the text, too, and the signature, which proves that nothing was changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from mediasvc.media.packed.base64_lines import in_lines
from mediasvc.media.packed.mail_write import SUBJECT, Entity, addressed, mark, place_of, zip_entity
from mediasvc.media.secure.mail_sender import Sender
from mediasvc.media.secure.secure_cms_write import Recipients, enveloped_data
from mediasvc.span import Span

ENVELOPED = {"smime-type": "enveloped-data", "name": "smime.p7m"}
_SIGNED = ("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
           " micalg=sha-256; boundary=\"{0}\"\r\n\r\n--{0}\r\n")
_SIGNATURE = ("\r\n--{0}\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
              "Content-Transfer-Encoding: base64\r\n"
              "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n")
_END = "\r\n--{0}--\r\n"


def write_secure_mail(target: IO[bytes], archive: Span, recipients: Recipients, sender: Sender, *,
                      file_set_id: str, moment: datetime, contact: str = "", text: str = "",
                      ) -> None:
    """The message with ``archive`` as ``DICOM.ZIP``, for the holders of certificates. No two are
    alike, and all of the same archive have the same length. Raises BudgetError beyond 512 MiB."""
    entity = zip_entity(archive, file_set_id=file_set_id, text=text)
    outer = addressed(f"{SUBJECT} {file_set_id}", moment, sender.address or contact)
    outer.set_content(mark(0), maintype="application", subtype="pkcs7-mime", params=ENVELOPED,
                      disposition="attachment", filename=ENVELOPED["name"])
    template = outer.as_bytes()
    start, end = place_of(template, 0)
    signed = _Signed(entity, sender, file_set_id, moment)
    target.write(template[:start])
    for chunk in in_lines(enveloped_data(signed.chunks(), signed.length, recipients)):
        target.write(chunk)
    target.write(template[end:])


class _Signed:
    """An entity with its signature behind it (RFC 8551 3.5.3)."""

    def __init__(self, entity: Entity, sender: Sender, file_set_id: str, moment: datetime) -> None:
        self._entity, self._sender, self._moment = entity, sender, moment
        self._boundary = "=_" + hashlib.sha256(f"signed {file_set_id}".encode()).hexdigest()[:32]

    @property
    def length(self) -> int:
        return (len(self._lines(_SIGNED)) + self._entity.length
                + sum(map(len, self._behind(hashlib.sha256().digest()))))

    def chunks(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        yield self._lines(_SIGNED)
        for chunk in self._entity.chunks():
            digest.update(chunk)
            yield chunk
        yield from self._behind(digest.digest())

    def _behind(self, digest: bytes) -> Iterable[bytes]:
        signature = signed_data(digest, self._sender, self._moment)
        return self._lines(_SIGNATURE), *in_lines([signature]), self._lines(_END)

    def _lines(self, text: str) -> bytes:
        return text.format(self._boundary).encode()


def signed_data(digest: bytes, sender: Sender, moment: datetime) -> bytes:
    """CMS SignedData without the content, whose SHA-256 is ``digest`` (RFC 5652 5). Its length
    depends on the sender alone."""
    from asn1crypto import cms, x509

    attributes = cms.CMSAttributes([
        {"type": "content_type", "values": ["data"]},
        {"type": "signing_time", "values": [cms.Time({"utc_time": moment})]},
        {"type": "message_digest", "values": [digest]}])
    named = x509.Certificate.load(sender.certificates[0])
    signer: dict[str, Any] = {
        "version": "v1", "signed_attrs": attributes,
        "sid": cms.SignerIdentifier(name="issuer_and_serial_number", value={
            "issuer": named.issuer, "serial_number": named.serial_number}),
        "digest_algorithm": {"algorithm": "sha256"},
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
        "signature": sender.sign(attributes.dump())}
    signed = cms.SignedData({
        "version": "v1", "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data"},
        "certificates": [cms.CertificateChoices(
            name="certificate", value=x509.Certificate.load(one)) for one in sender.certificates],
        "signer_infos": [signer]})
    made: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return made
