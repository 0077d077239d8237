"""CERT.HTM and CERT.JSN: what a disc of ours says of its own proof (FIELD N7).

The certificate holds the hash of the whole image and cannot stand inside it. This statement can:
it says what is on the disc, which rules had to hold before the disc got its name, and how anybody
checks them again. It names no patient; the list of hashes, signed where the desk has a key, covers
it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from mediasvc.media.disc.disc_file import MANIFEST, MANIFEST_SIGNATURE
from mediasvc.media.disc.disc_layout import Layout
from mediasvc.media.page.markup import element, page
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.media.page.page_style import STYLE
from mediasvc.media.page.words import count
from mediasvc.standard.disc_rules import RULES

FORMAT = 1
PAGE, DATA = "CERT.HTM", "CERT.JSN"
#: UIDs of what could not go on the disc; more are only counted.
NAMED = 1000
TITLE = "What was checked on this disc"
MEANING = (
    "This disc was built under another name. It was then read again from its first to its last "
    "byte, by a reader that shares no code with the writer: every record of DICOMDIR was followed, "
    "every file was read and hashed. Only a disc that kept all of the rules below, as far as they "
    "apply to its kind and are not mere advice, gets its name and is handed out.")
ELSEWHERE = (
    "The certificate with the hash of the whole image and a verdict on each rule cannot stand on "
    "the disc that it is about. It lies with the disc image, and at the institution under the "
    "File-set ID.")


def statement(facts: DiscFacts, file_set_uid: str, layout: Layout, signed: bool) -> dict[str, Any]:
    """JSON data. ``contents_sha256`` is that of the lines of the list of hashes that name DICOM
    instances: ``grep '  DICOM/' MANIFEST.TXT | sha256sum``."""
    digest = hashlib.sha256()
    classes: Counter[str] = Counter()
    syntaxes: Counter[str] = Counter()
    for file_id, instance in layout.placed():
        digest.update(f"{instance.sha256}  {'/'.join(file_id)}\n".encode())
        classes[instance.header.sop_class_uid] += 1
        syntaxes[instance.header.transfer_syntax_uid] += 1
    rules = [{"id": rule.id, "level": rule.level, "text": rule.text} for rule in RULES]
    return {
        "statement": FORMAT, "file_set_id": facts.file_set_id, "file_set_uid": file_set_uid,
        "profile": facts.profile, "part": facts.part, "institution": facts.institution,
        "creator": facts.creator, "recipient": facts.recipient,
        "created": facts.created.isoformat(), "hashes": MANIFEST,
        "signature": MANIFEST_SIGNATURE if signed else "",
        "instances": classes.total(), "sop_classes": dict(sorted(classes.items())),
        "transfer_syntaxes": dict(sorted(syntaxes.items())),
        "contents_sha256": digest.hexdigest(),
        "excluded": len(facts.excluded), "excluded_uids": list(facts.excluded[:NAMED]),
        "rules_sha256": hashlib.sha256(json.dumps(rules).encode()).hexdigest(), "rules": rules,
    }


def as_json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, indent=1, ensure_ascii=True).encode() + b"\n"


def as_page(row: dict[str, Any]) -> bytes:
    """The same for people."""
    facts = [("Content", count(row["instances"], "DICOM file")),
             ("Not on the disc", count(row["excluded"], "object") if row["excluded"] else ""),
             ("File-set ID", row["file_set_id"]), ("Profile", row["profile"]),
             ("Part", row["part"]), ("Created", row["created"]),
             ("By", ", ".join(word for word in (row["institution"], row["creator"]) if word)),
             ("For", row["recipient"]), ("SHA-256 of the contents", row["contents_sha256"]),
             ("Edition of the rules", row["rules_sha256"][:16])]
    rules = [element("tr", element("td", rule["id"]),
                     element("td", rule["text"] if rule["level"] == "must"
                             else f"{rule['text']} (advice)"), class_="line")
             for rule in row["rules"]]
    return page(
        TITLE, STYLE, element("div", element("h1", TITLE), element("p", row["file_set_id"]),
                              class_="bar"),
        element("div", _card(element("table", *(
            element("tr", element("th", name), element("td", value))
            for name, value in facts if value))),
            _card(element("p", MEANING), element("p", ELSEWHERE)),
            _card(element("h2", "To check it again"), *_ways(bool(row["signature"]))),
            _card(element("h2", "Rules"), element("table", *rules)), class_="main"))


def _card(*content: object) -> object:
    return element("div", *content, class_="card")


def _ways(signed: bool) -> list[object]:
    ways = [("Every file against its hash", f"sha256sum -c {MANIFEST}"),
            ("Every rule", "mediasvc check-disc PATH")]
    if signed:
        ways.append(("Who made the list of hashes, with the public key of the institution",
                     f"openssl pkeyutl -verify -pubin -inkey KEY.pub -rawin -in {MANIFEST} "
                     f"-sigfile {MANIFEST_SIGNATURE}"))
    return [element("p", f"{what}: ", element("code", command)) for what, command in ways]
