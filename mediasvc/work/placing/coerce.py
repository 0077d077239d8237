"""The identity of one instance is rewritten as IHE IRWF asks; all other bytes stay as received.

Runs in a sandbox child. The rules are the table in `mediasvc.standard.coercion`; the bytes are
changed by splicing, and the inverse splice (kept in the archive) gives the received file back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.encode_text import SPECIFIC_CHARACTER_SET, UTF8, encode_text
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.splice import Change
from mediasvc.dicom.text import decode
from mediasvc.errors import UnsupportedError
from mediasvc.standard import coercion as rules
from mediasvc.work.placing.coercion_order import Order


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One line of the table that a person sees before deciding. ``old`` None: was absent."""

    tag: int
    keyword: str
    old: str | None
    new: str

    def as_json(self) -> dict[str, Any]:
        tag = f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"
        return {"tag": tag, "attribute": self.keyword, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Coercion:
    changes: tuple[Change, ...]
    table: tuple[AttributeChange, ...]


#: Everything that `Writer` reads of an instance, unless it has to widen the character set.
_READ = (SPECIFIC_CHARACTER_SET,
         *(rule.tag for rule in (*rules.IDENTITY_RULES, *rules.ORDER_RULES)),
         rules.PROCEDURE_CODE_SEQUENCE, rules.REQUEST_ATTRIBUTES_SEQUENCE,
         rules.OTHER_PATIENT_IDS_SEQUENCE, rules.INSTANCE_COERCION_DATE_TIME,
         rules.INSTANCE_ORIGIN_STATUS, rules.CONTRIBUTING_EQUIPMENT_SEQUENCE,
         rules.ORIGINAL_ATTRIBUTES_SEQUENCE)
_REMEMBERED = 64
#: The images of a series differ in nothing that is read here, so they get the same changes.
_remembered: dict[tuple[Any, ...], Coercion] = {}


def coerce(framing: Framing, order: Order) -> Coercion:
    """What to splice so that the instance belongs to ``order``'s patient.

    Raises UnsupportedError when the local name cannot be written in the instance's character set
    without rewriting its other text.
    """
    key = (order, framing.implicit, framing.big_endian,
           *(framing.element(tag) for tag in _READ))
    if key in _remembered:
        return _remembered[key]
    writer = Writer(framing, order)
    done = writer.run()
    if not writer.widened:
        if len(_remembered) >= _REMEMBERED:
            _remembered.clear()
        _remembered[key] = done
    return done


class Writer:
    """Collects new elements by tag, and the previous bytes of those that had a value."""

    def __init__(self, framing: Framing, order: Order) -> None:
        self.framing, self.order = framing, order
        self.encoding = Encoding(framing.implicit, framing.big_endian)
        self.charset = text_of(framing, SPECIFIC_CHARACTER_SET, "CS", "")
        self.new: dict[int, bytes] = {}
        self.previous: dict[int, bytes] = {}
        self.table: list[AttributeChange] = []
        self.widened = False

    def run(self) -> Coercion:
        self._widen_character_set()
        for rule in rules.IDENTITY_RULES:
            self._apply(rule)
        if self.order.incoming:
            self._take_order()
        self._add_other_patient_ids()
        self._stamp_text(rules.INSTANCE_COERCION_DATE_TIME, "DT", "InstanceCoercionDateTime",
                         self.order.at)
        self._stamp_text(rules.INSTANCE_ORIGIN_STATUS, "CS", "InstanceOriginStatus", rules.IMPORTED)
        self._append(rules.CONTRIBUTING_EQUIPMENT_SEQUENCE, "ContributingEquipmentSequence",
                     self._equipment(), "Portable Media Importer Equipment")
        self._append(rules.ORIGINAL_ATTRIBUTES_SEQUENCE, "OriginalAttributesSequence",
                     self._original_attributes(), "previous values of the above")
        changes = tuple(Change(tag, self.new[tag]) for tag in sorted(self.new))
        return Coercion(changes, tuple(sorted(self.table, key=lambda row: row.tag)))

    def _widen_character_set(self) -> None:
        """Declare UTF-8 when our text needs it and nothing else is reinterpreted by that."""
        texts = (self.order.patient_name, self.order.patient_id, self.order.issuer,
                 self.order.institution, self.order.station_name,
                 self.order.accession_number, self.order.requested_procedure_id,
                 self.order.requested_procedure_description,
                 self.order.scheduled_procedure_step_id, self.order.code_meaning)
        if all(encode_text(text, self.charset) is not None for text in texts):
            return
        if not plain_ascii(self.framing):
            raise UnsupportedError("the local name does not fit the instance's character set")
        self._set(SPECIFIC_CHARACTER_SET, "CS", "SpecificCharacterSet", UTF8.encode())
        self.charset, self.widened = UTF8, True

    def _encode(self, text: str) -> bytes:
        raw = encode_text(text, self.charset)
        assert raw is not None  # _widen_character_set saw to it
        return raw

    def _apply(self, rule: rules.Rule) -> None:
        present = self.framing.find(rule.tag) is not None
        value = "" if rule.origin == "empty" else str(getattr(self.order, rule.origin))
        if (rule.when == "present" and not present) or (rule.when == "known" and not value):
            return
        self._set(rule.tag, rule.vr, rule.keyword, self._encode(value))

    def _set(self, tag: int, vr: str, keyword: str, raw: bytes) -> None:
        """Write a value; unchanged ones are left alone, changed ones go into the originals."""
        old = self.framing.value(tag)
        if old is not None and bytes(old).rstrip(b" \0") == raw:
            return
        if old is not None:
            self.previous[tag] = self.framing.element(tag) or b""
        charset = UTF8 if tag == SPECIFIC_CHARACTER_SET else self.charset
        before = None if old is None else _shown(
            bytes(old), vr, text_of(self.framing, SPECIFIC_CHARACTER_SET, "CS", ""))
        self.table.append(AttributeChange(tag, keyword, before, _shown(raw, vr, charset)))
        self.new[tag] = self.encoding.element(tag, vr, raw)

    def _stamp_text(self, tag: int, vr: str, keyword: str, text: str) -> None:
        self._set(tag, vr, keyword, text.encode())

    def _items(self, tag: int) -> bytes:
        """The items to which more are added."""
        return self.items(tag)

    def items(self, tag: int) -> bytes:
        """The items of a received sequence, without its delimiter."""
        row = self.framing.find(tag)
        if row is None:
            return b""
        if not self.framing.implicit and bytes(row["vr"]) != b"SQ":
            raise UnsupportedError("a sequence to be extended is written with an unknown VR")
        raw = bytes(self.framing.body[int(row["value"]):int(row["value"]) + int(row["length"])])
        return raw[:-8] if row["undefined"] else raw

    def _append(self, tag: int, keyword: str, item: bytes, words: str) -> None:
        items = self._items(tag)
        self.table.append(AttributeChange(tag, keyword, None, f"+ {words}"))
        self.new[tag] = self.encoding.element(tag, "SQ", items + item)

    def _take_order(self) -> None:
        """Procedure and request of the local order take the place of the foreign ones."""
        order, element = self.order, self.encoding.element
        for rule in rules.ORDER_RULES:
            self._apply(rule)
        if order.procedure_code:
            self._replace(rules.PROCEDURE_CODE_SEQUENCE, "ProcedureCodeSequence",
                          self._code(order.procedure_code, order.coding_scheme, order.code_meaning))
        request = [element(tag, vr, self._encode(text)) for tag, vr, text in (
            (0x00080050, "SH", order.accession_number),
            (0x00321060, "LO", order.requested_procedure_description),
            (0x00400009, "SH", order.scheduled_procedure_step_id),
            (0x00401001, "SH", order.requested_procedure_id)) if text]
        if request:
            self._replace(rules.REQUEST_ATTRIBUTES_SEQUENCE, "RequestAttributesSequence",
                          self.encoding.item(request))

    def _replace(self, tag: int, keyword: str, item: bytes) -> None:
        """A sequence of one item of ours; the received one goes into the originals whole."""
        received = self.framing.element(tag)
        if received is not None:
            self.previous[tag] = received
        self.table.append(AttributeChange(tag, keyword, None if received is None else "(sequence)",
                                          "that of the order"))
        self.new[tag] = self.encoding.element(tag, "SQ", item)

    def _code(self, value: str, scheme: str, meaning: str) -> bytes:
        element = self.encoding.element
        return self.encoding.item([
            element(0x00080100, "SH", self._encode(value)),
            element(0x00080102, "SH", self._encode(scheme)),
            element(0x00080104, "LO", self._encode(meaning)),
        ])

    def _add_other_patient_ids(self) -> None:
        """Foreign and local ID with their issuers (STANDARD 2.9); known items stay."""
        tag = rules.OTHER_PATIENT_IDS_SEQUENCE
        items = self._items(tag)
        added: list[str] = []
        for raw_id, raw_issuer in self._identifiers():
            item = self._identifier_item(raw_id, raw_issuer)
            if item not in items:
                items += item
                added.append(_shown(raw_id, "LO", self.charset))
        if not added:
            return
        if self.framing.find(tag) is not None:
            self.previous[tag] = self.framing.element(tag) or b""
        self.table.append(AttributeChange(tag, "OtherPatientIDsSequence", None,
                                          "+ " + ", ".join(added)))
        self.new[tag] = self.encoding.element(tag, "SQ", items)

    def _identifiers(self) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        foreign = bytes(self.framing.value(0x00100020) or b"").strip(b" \0")
        if foreign:
            issuer = bytes(self.framing.value(0x00100021) or b"").strip(b" \0")
            found.append((foreign, issuer or self._encode(self.order.foreign_issuer)))
        found.append((self._encode(self.order.patient_id), self._encode(self.order.issuer)))
        return found

    def _identifier_item(self, raw_id: bytes, raw_issuer: bytes) -> bytes:
        element = self.encoding.element
        return self.encoding.item([
            element(0x00100020, "LO", raw_id),
            element(0x00100021, "LO", raw_issuer),
            element(rules.TYPE_OF_PATIENT_ID, "CS", b"TEXT"),
        ])

    def _equipment(self) -> bytes:
        element, order = self.encoding.element, self.order
        purpose = self._code(*rules.MEDIA_IMPORTER)
        return self.encoding.item([
            element(0x00080070, "LO", b"mediasvc"),
            element(0x00080080, "LO", self._encode(order.institution)),
            element(0x00081010, "SH", self._encode(order.station_name)),
            element(0x00181020, "LO", order.software.encode()),
            element(0x0018A002, "DT", order.at.encode()),
            self.encoding.sequence(0x0040A170, [purpose]),
        ])

    def _original_attributes(self) -> bytes:
        element, order = self.encoding.element, self.order
        previous = self.encoding.item(self.previous[tag] for tag in sorted(self.previous))
        return self.encoding.item([
            self.encoding.sequence(0x04000550, [previous]),
            element(0x04000562, "DT", order.at.encode()),
            element(0x04000563, "LO", self._encode(order.station_name)),
            element(0x04000564, "LO", encode_text(order.source, self.charset) or b""),
            element(0x04000565, "CS", order.reason.encode()),
        ])


def text_of(framing: Framing, tag: int, vr: str, charset: str) -> str:
    """A decoded value, ``""`` when absent."""
    raw = framing.value(tag)
    return decode(bytes(raw), charset, vr)[0].strip(" \0") if raw is not None else ""


def _shown(raw: bytes, vr: str, charset: str) -> str:
    """A value as a person reads it in the table of changes."""
    if vr == "SQ":
        return "(sequence)" if raw else ""
    return decode(raw, charset, vr)[0].strip(" \0")


def plain_ascii(framing: Framing) -> bool:
    """True when no byte of any text or sequence of the data set depends on the character set."""
    binary = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"US", b"SS", b"UL", b"SL", b"FL", b"FD",
              b"AT", b"SV", b"UV"}
    for row in framing.elements:
        if int(row["tag"]) >> 16 == 0x7FE0 or (not framing.implicit and bytes(row["vr"]) in binary):
            continue
        raw = bytes(framing.body[int(row["value"]):int(row["value"]) + int(row["length"])])
        if not raw.isascii() or b"\x1b" in raw:
            return False
    return True
