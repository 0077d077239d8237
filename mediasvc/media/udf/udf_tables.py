"""UDF on the disc as tables: tags, fields, partition maps, file types (ECMA-167 and OSTA UDF).

Clauses like ``3/10.2`` are parts and clauses of ECMA-167 3rd edition; ``UDF 2.2.8`` are those of
the OSTA specification (revision 2.60, the same numbers in the earlier ones).
"""

from __future__ import annotations

import struct

#: identifier, version, checksum, serial number, CRC, CRC length, location (3/7.2)
TAG = struct.Struct("<HHBxHHHI")

ANCHOR = 2  # 3/10.2
POINTER = 3  # 3/10.3
PRIMARY = 1  # 3/10.1
PARTITION = 5  # 3/10.5
LOGICAL_VOLUME = 6  # 3/10.6
TERMINATING = 8  # 3/10.9, 4/14.2
FILE_SET = 256  # 4/14.1
FILE_IDENTIFIER = 257  # 4/14.4
ALLOCATION_EXTENT = 258  # 4/14.5
INDIRECT_ENTRY = 259  # 4/14.7
FILE_ENTRY = 261  # 4/14.9
EXTENDED_FILE_ENTRY = 266  # 4/14.17

#: The fields that are read: byte position and format.
FIELDS: dict[int, dict[str, tuple[int, str]]] = {
    ANCHOR: {  # 3/10.2
        "main_length": (16, "<I"), "main": (20, "<I"),
        "reserve_length": (24, "<I"), "reserve": (28, "<I")},
    POINTER: {  # 3/10.3
        "sequence": (16, "<I"), "next_length": (20, "<I"), "next": (24, "<I")},
    PRIMARY: {  # 3/10.1
        "sequence": (16, "<I"), "identifier": (24, "32s")},
    PARTITION: {  # 3/10.5
        "sequence": (16, "<I"), "number": (22, "<H"), "start": (188, "<I"), "length": (192, "<I")},
    LOGICAL_VOLUME: {  # 3/10.6, its domain suffix UDF 2.1.5.3
        "sequence": (16, "<I"), "identifier": (84, "128s"), "block": (212, "<I"),
        "revision": (240, "<H"), "contents": (248, "16s"), "maps_length": (264, "<I"),
        "maps": (268, "<I")},
    FILE_SET: {  # 4/14.1
        "identifier": (304, "32s"), "root": (400, "16s")},
    ALLOCATION_EXTENT: {  # 4/14.5
        "length": (20, "<I")},
    INDIRECT_ENTRY: {  # 4/14.7
        "icb": (36, "16s")},
    FILE_ENTRY: {  # 4/14.6 and 4/14.9
        "strategy": (20, "<H"), "file_type": (27, "B"), "flags": (34, "<H"),
        "information": (56, "<Q"), "attributes": (168, "<I"), "allocation": (172, "<I")},
    EXTENDED_FILE_ENTRY: {  # 4/14.6 and 4/14.17
        "strategy": (20, "<H"), "file_type": (27, "B"), "flags": (34, "<H"),
        "information": (56, "<Q"), "streams": (152, "<I"), "attributes": (208, "<I"),
        "allocation": (212, "<I")},
}
#: The newest revision that is known (UDF 2.60), as its domain suffix writes it.
NEWEST_REVISION = 0x0260
#: Where the extended attributes begin, with the allocation descriptors behind them.
ENTRY_SIZE = {FILE_ENTRY: 176, EXTENDED_FILE_ENTRY: 216}
#: Partition maps begin here in a logical volume descriptor (3/10.6.13).
MAPS_START = 440
#: version, characteristics, length of name, ICB, length of implementation use (4/14.4)
FILE_IDENTIFIER_HEAD = struct.Struct("<HBB16sH")
HIDDEN, DIRECTORY, DELETED, PARENT = 1, 2, 4, 8  # 4/14.4.3

#: ICB strategies (UDF 2.3.5.1): 4 = one entry, 4096 = a chain whose last entry counts.
STRATEGY_PLAIN, STRATEGY_CHAIN = 4, 4096

FOLDER = 4  # 4/14.6.6
METADATA_FILE, METADATA_MIRROR = 250, 251  # UDF 2.2.13
VIRTUAL_TABLES = (0, 248)  # UDF 1.50 and 2.00, 2.2.11
#: File types with contents that may be read (4/14.6.6; 249 is a real-time file, UDF 2.3.5.2.1).
READABLE_FILES = {0: "unspecified", 5: "bytes", 249: "real time"}
#: What the others are, in words.
FILE_KINDS = {
    4: "it is a folder where a file was named", 6: "it is a device", 7: "it is a device",
    9: "it is a FIFO", 10: "it is a socket", 12: "it is a link"}
NO_FILE = "it is not a regular file"
#: All that is said of an entry that is whole, but of no file.
NO_FILES = frozenset({*FILE_KINDS.values(), NO_FILE})

#: How the pieces of a file are written down, by the low three flags (4/14.6.8).
SHORT, LONG, EXTENDED, EMBEDDED = 0, 1, 2, 3
#: Kinds of an extent, by the top two bits of its length (4/14.14.1.1). The two between them were
#: never written, with space kept for them or not, and read as zeros.
RECORDED, CONTINUED = 0, 3

#: Identifiers of type 2 partition maps (UDF 2.2.8 to 2.2.10).
VIRTUAL_MAP = b"*UDF Virtual Partition"
SPARABLE_MAP = b"*UDF Sparable Partition"
METADATA_MAP = b"*UDF Metadata Partition"
#: UDF 2.2.12 and 2.2.11
SPARING_TABLE = b"*UDF Sparing Table"
VIRTUAL_TABLE = b"*UDF Virtual Alloc Tbl"
