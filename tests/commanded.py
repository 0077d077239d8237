"""A damaged medium through `mediasvc inspect` and `mediasvc ingest` as processes (CONTRACT)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from samples.synthesis import person
from tests.damaged_media import JARGON, STATES, Judge

#: Exit codes that `ingest` of one package in this state may end with.
CODES = {"done": (0, 1), "duplicate": (0, 1), "waiting": (1,), "failed": (2,)}
SECONDS = 600
#: What stderr must not hold: name, identifier and birth date of whose images they are.
SOMEBODY = person(1)
PRIVATE = re.compile("|".join(re.escape(word) for word in (
    *filter(None, SOMEBODY.patient_name.split("^")), SOMEBODY.patient_id,
    SOMEBODY.patient_birth_date)))


def commanded(judge: Judge, path: Path, state: str) -> list[str]:
    """What is wrong with how the two commands end on ``path``, whose import ended in ``state``."""
    with judge.home() as home:
        wrong = list(_ended(home, "inspect", path, (0, 1, 2)))
        wrong += _ended(home, "ingest", path, CODES.get(state, (0, 1, 2)), state)
    return wrong


def _ended(home: Path, command: str, path: Path, codes: tuple[int, ...], state: str = "",
           ) -> Iterator[str]:
    done = subprocess.run(
        [sys.executable, "-m", "mediasvc", "--home", str(home), "--json", command, str(path)],
        capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode not in codes:
        yield f"{command} ended with {done.returncode}, not one of {codes}"
    errors = done.stderr.splitlines()
    if len(errors) > 1 or (done.returncode in (2, 3) and command == "inspect" and not errors):
        yield f"{command} says {len(errors)} lines on stderr"
    yield from (f"{command}: words: {line}" for line in errors
                if JARGON.search(line) or PRIVATE.search(line.replace(str(path), "")))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode in (0, 1) and (not rows or rows[-1]["type"] != "summary"):
        yield f"{command} has no summary"
    for row in (row for row in rows if row["type"] == "package" and state):
        if row["state"] != state:
            yield f"{command} ends {row['state']}, the line itself {state}"
        if row["instances"] != sum(row[one] for one in STATES):
            yield f"{command}: the sum does not hold: {row}"
