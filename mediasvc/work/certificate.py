"""The certificate of a disc: what is on it, that it was re-read, and by which rules (FIELD N7).

It stands beside the disc as PATH.json and, for people, PATH.html. It names no patient.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mediasvc.media.disc_layout import Layout
from mediasvc.media.markup import element, page
from mediasvc.media.page_content import DiscFacts
from mediasvc.media.page_style import STYLE
from mediasvc.media.verdict import Verdict
from mediasvc.media.words import count

FORMAT = 1


def certificate(facts: DiscFacts, file_set_uid: str, verdict: Verdict, layout: Layout,
                excluded: Iterable[str]) -> dict[str, Any]:
    """JSON data. ``sha256`` is that of the image, of a folder that of its list of hashes."""
    return {
        "certificate": FORMAT, "sha256": verdict.sha256, "bytes": verdict.bytes,
        "container": verdict.kind, "profile": verdict.profile,
        "file_set_id": facts.file_set_id, "file_set_uid": file_set_uid, "part": facts.part,
        "institution": facts.institution, "creator": facts.creator,
        "recipient": facts.recipient,
        "created": facts.created.isoformat(),
        "verdict": "pass" if verdict.passed else "fail",
        "rules": [{"id": result.rule.id, "level": result.rule.level, "pass": result.passed,
                   "text": result.text} for result in verdict.results],
        "excluded": list(excluded),
        "instances": [{"file": "/".join(file_id),
                       "sop_instance_uid": instance.header.sop_instance_uid,
                       "sop_class_uid": instance.header.sop_class_uid,
                       "transfer_syntax_uid": instance.header.transfer_syntax_uid,
                       "sha256": instance.sha256} for file_id, instance in layout.placed()],
    }


def as_json(row: dict[str, Any]) -> bytes:
    """Encoded piece by piece: a large disc's has millions of pieces."""
    data = bytearray()
    for piece in json.JSONEncoder(indent=1, ensure_ascii=True).iterencode(row):
        data += piece.encode()
    data += b"\n"
    return bytes(data)


def as_page(row: dict[str, Any]) -> bytes:
    """The same for people, without the list of instances."""
    title = "Certificate of a disc"
    facts = [("Verdict", "passed" if row["verdict"] == "pass" else "failed"),
             ("File-set ID", row["file_set_id"]), ("Profile", row["profile"]),
             ("Kind", row["container"]), ("Part", row["part"]),
             ("Content", count(len(row["instances"]), "DICOM file")),
             ("Not on the disc", count(len(row["excluded"]), "instance")
              if row["excluded"] else ""),
             ("Size", f"{row['bytes']:,} bytes"), ("SHA-256", row["sha256"]),
             ("Created", row["created"]), ("By", f"{row['institution']}, {row['creator']}"),
             ("For", row["recipient"])]
    rules = [element("tr", element("td", rule["id"]),
                     element("td", "kept" if rule["pass"] else
                             "BROKEN" if rule["level"] == "must" else "advice"),
                     element("td", rule["text"]), class_="line") for rule in row["rules"]]
    return page(
        title, STYLE,
        element("div", element("h1", title), element("p", row["file_set_id"]), class_="bar"),
        element("div", element("div", element("table", *(
            element("tr", element("th", name), element("td", value))
            for name, value in facts if value)), class_="card"),
            element("div", element("h2", "Rules"), element("table", *rules), class_="card"),
            class_="main"))
