"""Tables of HL7 v2 that the patient feed needs (chapter 2, 2.C and 3 of version 2.9)."""

from __future__ import annotations

from typing import Literal

#: What an event means for the patient index. ``change`` gives the same person another identifier.
Kind = Literal["update", "merge", "change", "link", "unlink"]

#: Table 0003, trigger events of ADT messages → their meaning here (clauses of chapter 3).
TRIGGERS: dict[str, Kind] = {
    "A01": "update",  # 3.3.1 admit
    "A04": "update",  # 3.3.4 register
    "A05": "update",  # 3.3.5 pre-admit
    "A08": "update",  # 3.3.8 update patient information
    "A28": "update",  # 3.3.28 add person
    "A31": "update",  # 3.3.31 update person
    "A18": "merge",  # 3.3.18 merge patient information (older)
    "A30": "merge",  # 3.3.30 merge person information (older)
    "A34": "merge",  # 3.3.34 merge, patient ID only (older)
    "A36": "merge",  # 3.3.36 merge, patient ID and account number (older)
    "A39": "merge",  # 3.3.39 merge person, patient ID (older)
    "A40": "merge",  # 3.3.40 merge patient, patient identifier list
    "A46": "change",  # 3.3.46 change patient ID (older)
    "A47": "change",  # 3.3.47 change patient identifier list
    "A49": "change",  # 3.3.49 change patient account number; the list may change with it
    "A24": "link",  # 3.3.24 link patient information
    "A37": "unlink",  # 3.3.37 unlink patient information
}
#: Events that would change whose an identifier is, in a way that is not done here: refused, so that
#: the sender knows (3.3.29 delete person, 3.3.43 move patient information).
NOT_DONE = frozenset({"A29", "A43"})

#: Messages that carry orders: (type, trigger event), clauses 4.4.1 and 4.4.12.
ORDER_MESSAGES = frozenset({("ORM", "O01"), ("OMI", "O23")})
#: Table 0119, order control → what becomes of the expected import. What is not here says nothing.
ORDER_CONTROLS: dict[str, Literal["new", "end"]] = {
    "NW": "new", "SN": "new", "CH": "new",  # new order, number to be sent, child order
    "XO": "new", "XX": "new",  # changed
    "RO": "new",  # takes the place of one that RP or RU names
    "RL": "new", "OE": "new",  # a hold is released
    "RP": "end", "RU": "end",  # replaced
    "CA": "end", "OC": "end", "CR": "end",  # cancelled
    "DC": "end", "OD": "end", "DR": "end",  # discontinued
    "HD": "end", "OH": "end", "HR": "end",  # on hold
}
#: Table 0038, order status: with SC (status changed) these end it.
ORDER_ENDED = frozenset({"CA", "DC", "HD", "RP"})

#: Table 0211, character sets with code extensions → registration number in ISO 2022 (2.14.9.18).
REGISTERED: dict[str, int] = {
    "": 6, "ASCII": 6, "8859/1": 100, "8859/2": 101, "8859/3": 109, "8859/4": 110, "8859/5": 144,
    "8859/6": 127, "8859/7": 126, "8859/8": 138, "8859/9": 148, "8859/15": 203, "ISO IR6": 6,
    "ISO IR14": 13, "ISO IR87": 87, "ISO IR159": 159, "KS X 1001": 149,
}
#: Table 0211, those that stand alone → the codec that reads them.
CODECS: dict[str, str] = {
    "UNICODE UTF-8": "utf_8", "UNICODE": "utf_8", "UTF-8": "utf_8", "GB 18030-2000": "gb18030",
    "GB 18030": "gb18030", "BIG-5": "big5",
}

#: Table 0001, administrative sex → Patient's Sex (0010,0040). What is not here says nothing.
SEXES: dict[str, str] = {"M": "M", "F": "F", "O": "O", "A": "O", "N": "O", "X": "O", "U": "",
                         "C": "O"}

#: Table 0357, message error conditions.
ERRORS: dict[int, str] = {
    100: "Segment sequence error", 101: "Required field missing", 102: "Data type error",
    200: "Unsupported message type", 201: "Unsupported event code",
    204: "Unknown key identifier", 205: "Duplicate key identifier",
    207: "Application internal error",
}
