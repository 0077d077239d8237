"""Who vouches for a disc: the signatures of its certificate and of its list of hashes."""

from __future__ import annotations

from pathlib import Path

from mediasvc.errors import SettingsError
from mediasvc.media.disc.disc_file import MANIFEST, MANIFEST_SIGNATURE
from mediasvc.work.building.sign import SIGNATURE, holds
from mediasvc.work.checking.disc_under_test import Disc

RULE = "E01b"
#: No signature of a known kind is longer.
MOST = 4096


def check_signatures(disc: Disc, certificate: Path, public: bytes) -> None:
    """Fail rule E01b unless what is there was signed by the holder of ``public`` (PEM): the
    certificate beside the disc, the list on it. Raises SettingsError for an unusable key."""
    beside = certificate.is_file()
    if beside:
        signature = _signature(certificate.with_name(certificate.name + SIGNATURE))
        if not signature:
            disc.fail(RULE, "the certificate is not signed", certificate.name)
        elif not holds(certificate.read_bytes(), signature, public):
            disc.fail(RULE, "the certificate was not signed with this key, or was changed",
                      certificate.name)
    listed, signed = disc.by_path.find((MANIFEST,)), disc.by_path.find((MANIFEST_SIGNATURE,))
    if listed is None or signed is None:
        if not beside:
            disc.fail(RULE, "neither a signed certificate nor a signed list of hashes is there")
        return
    answers = [disc.call("raw", **disc.file(member)) for member in (listed, signed)]
    if any(answer.error for answer in answers):
        disc.fail(RULE, "the signed list of hashes cannot be read", signed.label)
        return
    data, signature = (bytes.fromhex(answer.value["hex"]) for answer in answers)
    if len(signature) > MOST or not holds(data, signature, public):
        disc.fail(RULE, "the list of hashes was not signed with this key, or was changed",
                  signed.label)


def _signature(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise SettingsError(f"The signature cannot be read ({error.strerror}).") from None
