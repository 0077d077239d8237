"""The conformance statement (PS3.2, media storage), made from the data that the program runs on.

Profiles come from profiles/, rules from check-disc, words from `conformance_claims`: so it cannot
say more than what is there, and tests prove that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mediasvc import __version__
from mediasvc.report.conformance_claims import CHAPTERS, CLAIMS, JUDGED, MADE, RULED
from mediasvc.standard.disc_rules import RULES
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediasvc.standard.profiles import Profile
from mediasvc.standard.profiles_not_offered import in_words
from mediasvc.standard.sop_classes import RECORD_TYPE_OF
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

PRODUCT = "mediasvc"


@dataclass(frozen=True, slots=True)
class Role:
    """What is claimed of one profile. ``creator`` empty: not made, ``why`` says the reason."""

    profile: str
    title: str
    clause: str
    medium: str
    reader: bool
    creator: bool
    why: str
    transfer_syntaxes: tuple[str, ...]
    sop_classes: str
    proofs: tuple[str, ...]


def is_standard(profile: Profile) -> bool:
    return profile.name.startswith("STD-")


def roles(profiles: Sequence[Profile]) -> list[Role]:
    """One row for each profile, the standard's own and the declared ones."""
    return [_role(profile) for profile in profiles]


def _role(profile: Profile) -> Role:
    creator = not profile.reads_only
    classes = (f"{len(profile.sop_classes)} of the profile" if profile.sop_classes else
               f"all {len(RECORD_TYPE_OF)} with a directory record")
    return Role(
        profile.name, profile.title, profile.clause,
        f"{profile.medium.kind.upper()} ({profile.medium.clause})", reader=True, creator=creator,
        why=profile.reads_only, transfer_syntaxes=profile.transfer_syntaxes, sop_classes=classes,
        proofs=(MADE,) if creator else (JUDGED,))


def statement(profiles: Sequence[Profile]) -> dict[str, Any]:
    """All of it as data: chapters with claims, the profiles, the rules. Depends on nothing but the
    program and the profiles."""
    standard = [profile for profile in profiles if is_standard(profile)]
    private = [profile for profile in profiles if not is_standard(profile)]
    return {
        "product": PRODUCT, "version": __version__,
        "implementation_class_uid": IMPLEMENTATION_CLASS_UID,
        "implementation_version_name": IMPLEMENTATION_VERSION_NAME,
        "chapters": [{"number": number, "title": title,
                      "claims": [asdict(claim) for claim in CLAIMS if claim.chapter == number]}
                     for number, title in CHAPTERS],
        "profiles": [asdict(role) for role in roles(standard)],
        "private_profiles": [asdict(role) for role in roles(private)],
        "transfer_syntaxes": {uid: TRANSFER_SYNTAXES[uid].name for uid in sorted(
            {uid for profile in profiles for uid in profile.transfer_syntaxes})},
        "rules": [{"id": rule.id, "level": rule.level, "text": rule.text,
                   "proof": RULED} for rule in RULES],
        "not_claimed": [
            "File-set Updater: file-sets are never changed.",
            "Files larger than 4 GiB on DVD and BD: UDF could hold them, ISO 9660 level 1 beside "
            "it could not.",
            *in_words(),
        ],
    }
