"""The certificate of a disc: what is on it, that it was re-read, and by which rules (FIELD N7).

It stands beside the disc as PATH.json and, for people, PATH.html. It names no patient.
"""

from __future__ import annotations

import json
import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.disc.disc_layout import DiscInstance, FileId, Layout
from mediasvc.media.page.markup import element, page
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.media.page.page_style import STYLE
from mediasvc.media.page.words import count

FORMAT = 1


def certificate(facts: DiscFacts, file_set_uid: str, verdict: Verdict, excluded: Iterable[str],
                ) -> dict[str, Any]:
    """JSON data, without the instances. ``sha256`` is that of the image, of a folder that of its
    list of hashes."""
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
    }


@contextmanager
def as_json(row: dict[str, Any], layout: Layout, folder: Path) -> Iterator[memoryview]:
    """The whole certificate. A large disc's does not fit into memory: it waits in a file without a
    name in ``folder``."""
    with tempfile.TemporaryFile(dir=folder) as file:
        _write(file, row, layout)
        file.flush()
        with (mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
              memoryview(mapped) as data):
            yield data


def _write(target: IO[bytes], row: dict[str, Any], layout: Layout) -> None:
    """As `json.dumps` would write it, one instance after the other. With an indent it is written in
    Python throughout, so the values of an instance are given to it one by one."""
    target.write(json.dumps(row, indent=1).removesuffix("\n}").encode() + b',\n "instances": [')
    separator = "\n  "
    for file_id, instance in layout.placed():
        values = ",\n   ".join(f'"{name}": {json.dumps(value)}' for name, value
                               in _instance(file_id, instance).items())
        target.write(f"{separator}{{\n   {values}\n  }}".encode())
        separator = ",\n  "
    target.write(b"\n ]\n}\n")


def _instance(file_id: FileId, instance: DiscInstance) -> dict[str, str]:
    header = instance.header
    return {"file": "/".join(file_id), "sop_instance_uid": header.sop_instance_uid,
            "sop_class_uid": header.sop_class_uid,
            "transfer_syntax_uid": header.transfer_syntax_uid, "sha256": instance.sha256}


def as_page(row: dict[str, Any], instances: int) -> bytes:
    """The same for people, with the number of ``instances``."""
    title = "Certificate of a disc"
    facts = [("Verdict", "passed" if row["verdict"] == "pass" else "failed"),
             ("File-set ID", row["file_set_id"]), ("Profile", row["profile"]),
             ("Kind", row["container"]), ("Part", row["part"]),
             ("Content", count(instances, "DICOM file")),
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
