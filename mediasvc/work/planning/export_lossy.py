"""Compression with loss on the way out: only when somebody asks, and never of what has lost before.

A lossy image is another instance (PS3.3 C.7.6.1.1.5): copies get UIDs of their own, and what names
an image on the disc names the copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import SettingsError
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.standard.profiles import Profile
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.transcoding.refer import Candidate, refer_to_copies

if TYPE_CHECKING:
    from mediasvc.work.planning.export_conform import Conformed
    from mediasvc.work.transcoding.transcode_row import Options

RULE = "PS3.3 C.7.6.1.1.5"


@dataclass(frozen=True, slots=True)
class Lossy:
    """``uid``: the syntax; ``options``: `Options` as JSON, with what is aimed at and the caps."""

    uid: str
    options: dict[str, Any]

    @property
    def label(self) -> str:
        return TRANSFER_SYNTAXES[self.uid].label


def lossy_for(profile: Profile, uid: str, options: Options) -> Lossy:
    """Raises SettingsError for a syntax that loses nothing or that the profile does not allow."""
    syntax = TRANSFER_SYNTAXES[uid]
    if syntax.loss == "never" or syntax.form != "encapsulated":
        raise SettingsError(f"{syntax.label} is no lossy syntax for images.",
                            "One is jpeg, jpeg12 or j2k-lossy.")
    if uid not in profile.transfer_syntaxes:
        raise SettingsError(f"{profile.name} does not allow {syntax.label}.",
                            "`mediasvc profiles show` tells what it allows.")
    return Lossy(uid, options.as_json())


def follow_copies(sandbox: Sandbox, conformed: Conformed, lossy: Lossy, scratch: Path) -> None:
    """References on the disc go to the copies; says how many images are copies, how many not."""
    copies = conformed.copies
    images = sum(bool(one.header.rows) for one in conformed.instances)
    if copies:
        _refer(sandbox, conformed, scratch)
        conformed.findings.append(Finding(
            "warning", "lossy", "", f"{len(copies)} images are compressed with loss "
            f"({lossy.label}); they are copies with identities of their own", RULE))
    if images > len(copies):
        conformed.findings.append(Finding(
            "info", "not-lossy", "", f"{images - len(copies)} images stay as they were: they "
            "have lost before, or may not lose anything", RULE))


def _refer(sandbox: Sandbox, conformed: Conformed, scratch: Path) -> None:
    new = set(conformed.copies.values())
    places = {one.span.path: at for at, one in enumerate(conformed.instances)}
    candidates = [Candidate(Path(one.span.path), Path(one.span.path),
                            scratch / f"referring-{at:07d}", one.header.sop_instance_uid in new)
                  for at, one in enumerate(conformed.instances)]
    for done in refer_to_copies(sandbox, candidates, dict(conformed.copies), scratch):
        at = places[str(done.candidate.path)]
        old = conformed.instances[at]
        if done.problem:
            conformed.findings.append(Finding(
                "warning", "reference-kept", old.header.sop_instance_uid,
                f"it names originals that are not on the disc: {done.problem}", RULE))
        elif done.value:
            conformed.instances[at] = replace(
                old, header=replace(old.header, sop_instance_uid=done.value["sop_instance_uid"]),
                span=Span(str(done.candidate.out), 0, int(done.value["length"])),
                sha256=done.value["sha256"])
