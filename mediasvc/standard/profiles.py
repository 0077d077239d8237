"""Media Application Profiles: what may stand on which medium (PS3.11, PS3.12).

Each profile is a TOML file in profiles/, so that a site can add its own. The format is the fields
of `Profile` and `Medium`; anything else in a file is an error, and all errors are told at once.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from mediasvc.errors import SettingsError
from mediasvc.standard.profile_rules import HEADER_FIELD, Facts, ImageRule, syntaxes, trouble
from mediasvc.standard.profiles_not_offered import why_not

DirectoryKeys = Literal["general-cd", "extended", "mpeg2", "ctmr", "xabc", "xa1k", "none"]
MediumKind = Literal["cd", "dvd", "bd", "usb", "mmc", "cf", "sd", "zip", "mail", "mime"]
Disc = Literal["cd", "dvd", "dvd-dl", "bd", "bd-re", "usb", "mail", "unlimited"]

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
SECTOR = 2048

#: Bytes that surely fit. CD: 80 minutes less what lead-out and packets may take (PS3.12 F.2.1.1);
#: DVD: the smaller of the "+" and "-" formats. BD (BD-R) and BD-RE: of one layer, the latter with
#: the spare areas that it is formatted with. Mail: what most servers still take.
CAPACITY: dict[Disc, int | None] = {
    "cd": 358_400 * SECTOR,
    "dvd": 2_295_104 * SECTOR,
    "dvd-dl": 4_171_712 * SECTOR,
    "bd": 12_219_392 * SECTOR,
    "bd-re": 11_826_176 * SECTOR,
    "usb": None,
    "mail": 25 << 20,
    "unlimited": None,
}


#: Revisions of UDF that are written (PS3.12 J, P, X), as profiles name them.
UDF = {"1.02": 0x0102, "1.50": 0x0150, "2.00": 0x0200, "2.01": 0x0201, "2.50": 0x0250,
       "2.60": 0x0260}


def udf_words(revision: int) -> str:
    """``2.50`` for 0x0250; empty for 0."""
    return f"{revision >> 8:x}.{revision & 0xFF:02x}" if revision else ""


@dataclass(frozen=True, slots=True)
class Medium:
    """``discs``: what ``--disc`` may be, the first is the default. Sizes in bytes."""

    kind: MediumKind
    clause: str
    discs: tuple[Disc, ...]
    udf: int = 0
    """Revision of UDF beside ISO 9660, as the disc writes it (0x0250 is 2.50); 0: none."""
    largest_file: int = 4_294_967_294

    @property
    def udf_revision(self) -> str:
        """``2.50``; empty: none."""
        return udf_words(self.udf)

    def on(self, disc: str) -> Medium:
        """The same on that ``--disc``: BD-RE has another revision than BD-R (PS3.12 X.2.1)."""
        return replace(self, udf=UDF["2.50"]) if self.udf and disc == "bd-re" else self


@dataclass(frozen=True, slots=True)
class Profile:
    """``transfer_syntaxes``: UIDs an instance may have; ``sop_classes``: () means every one.

    ``preferred``: what any other instance is transcoded to, the first that can hold it; () where
    nothing can be transcoded into the profile (video). ``images``: what is asked of single images.
    ``secure``: every file is wrapped as PS3.15 D.1 says, a message as B.8 does; ``secure_twin``:
    the name of that profile.
    ``reads_only``: why discs of it are judged, but not made.
    """

    name: str
    title: str
    clause: str
    transfer_syntaxes: tuple[str, ...]
    preferred: tuple[str, ...]
    directory_keys: DirectoryKeys
    medium: Medium
    sop_classes: tuple[str, ...] = ()
    images: tuple[ImageRule, ...] = ()
    note: str = ""
    icons: int = 0
    """Side of the icon that DICOMDIR has for every image, in pixels; 0: none is asked for."""
    secure_twin: str = ""
    secure: bool = False
    reads_only: str = ""

    def twin(self) -> Profile:
        """The same profile with every file a Secure DICOM File (PS3.10 7.4, PS3.15 D.1), or of
        messages sent by Secure Use of Email Transport (PS3.15 B.8)."""
        return replace(self, name=self.secure_twin, title=f"{self.title}, secure", secure=True,
                       secure_twin="")

    def on(self, disc: str) -> Profile:
        """The same for one of the media that it may stand on."""
        return replace(self, medium=self.medium.on(disc))

    @property
    def standard(self) -> bool:
        """Whether it is one of PS3.11, whose general ones hold the classes of Media Storage."""
        return self.clause.startswith("PS3.11")

    @property
    def keywords(self) -> list[str]:
        """What `trouble` must know of an image."""
        return sorted({keyword for rule in self.images for keyword in rule.keywords})

    def trouble(self, sop_class_uid: str, transfer_syntax_uid: str, facts: Facts) -> str:
        """What the profile has against an image, empty when nothing (see `profile_rules`)."""
        return trouble(self.images, sop_class_uid, transfer_syntax_uid, facts)

    def preferred_for(self, sop_class_uid: str, facts: Facts) -> tuple[str, ...]:
        """`preferred`, as far as it goes with these values."""
        allowed = syntaxes(self.images, sop_class_uid, facts)
        return tuple(uid for uid in self.preferred if allowed is None or uid in allowed)

    def allows(self, sop_class_uid: str) -> bool:
        return not self.sop_classes or sop_class_uid in self.sop_classes


def load_profile(name: str, site: Path | None = None) -> Profile:
    """The profile of that name, the site's own before ours. Raises SettingsError."""
    found = profile_files(site)
    if name not in found:
        known = {profile.name: profile for profile in profiles(site)}
        if name in known:
            return known[name]
        if reason := why_not(name):
            raise SettingsError(f"{name} is not offered: {reason}",
                                "`mediasvc profiles list` shows what is.")
        near = difflib.get_close_matches(name.upper(), known, 1, 0.5)
        advice = f"Did you mean {near[0]}?" if near else "`mediasvc profiles list` shows them."
        raise SettingsError(f"There is no profile {name}.", advice)
    profile = _read(found[name])
    if not isinstance(profile, Profile):
        raise SettingsError(f"{name} is not a media profile.")
    return profile


def profiles(site: Path | None = None) -> tuple[Profile, ...]:
    """All media profiles, by name. Raises SettingsError when a file of them is wrong."""
    read = [profile for path in profile_files(site).values() if (profile := _read(path))]
    twins = [profile.twin() for profile in read if profile.secure_twin]
    return tuple(sorted((*read, *twins), key=lambda profile: profile.name))


def profile_files(site: Path | None) -> dict[str, Path]:
    """Every profile and policy by name, the site's own before ours."""
    found: dict[str, Path] = {}
    for folder in (_shipped(), site):
        if folder and folder.is_dir():
            found.update((path.stem, path) for path in sorted(folder.glob("*.toml")))
    return found


def _shipped() -> Path:
    """profiles/ of a wheel lies in the package, that of a checkout beside it."""
    package = Path(__file__).parent.parent
    inside = package / "profiles"
    return inside if inside.is_dir() else package.parent / "profiles"


@lru_cache(maxsize=64)
def _read(path: Path) -> Profile | None:
    """None for a file of another kind (recipient, recompression policy)."""
    try:
        row = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path.name}: {error}.") from error
    if row.get("kind") != "media":
        return None
    problems = _problems(row, path.stem)
    if problems:
        raise SettingsError(f"{path.name}: " + "; ".join(problems) + ".")
    medium = row.pop("medium")
    images = tuple(_image_rule(one) for one in row.pop("images", []))
    del row["kind"]
    medium["udf"] = UDF.get(str(medium.get("udf", "")), 0)
    return Profile(**_frozen(row), medium=Medium(**_frozen(medium)), images=images)


def _image_rule(row: dict[str, Any]) -> ImageRule:
    return ImageRule(**_frozen({**row, "values": _frozen(row.get("values", {}))}))


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


#: name → (type, required)
_PROFILE_FIELDS: dict[str, tuple[type, bool]] = {
    "kind": (str, True), "name": (str, True), "title": (str, True), "clause": (str, True),
    "transfer_syntaxes": (list, True), "preferred": (list, True), "directory_keys": (str, True),
    "medium": (dict, True), "sop_classes": (list, False), "note": (str, False),
    "images": (list, False), "secure_twin": (str, False), "secure": (bool, False),
    "reads_only": (str, False), "icons": (int, False),
}
_IMAGE_FIELDS: dict[str, tuple[type, bool]] = {
    "clause": (str, True), "sop_classes": (list, False), "transfer_syntaxes": (list, False),
    "values": (dict, False), "at_most": (dict, False), "present": (list, False),
    "named": (list, False), "high_bit": (bool, False),
}
_MEDIUM_FIELDS: dict[str, tuple[type, bool]] = {
    "kind": (str, True), "clause": (str, True), "discs": (list, True), "udf": (str, False),
    "largest_file": (int, False),
}


def _problems(row: dict[str, Any], stem: str) -> list[str]:
    found = _shape(row, _PROFILE_FIELDS, "")
    found += _shape(row.get("medium", {}), _MEDIUM_FIELDS, "medium.")
    for number, rule in enumerate(row.get("images", []), 1):
        found += _shape(rule, _IMAGE_FIELDS, f"images {number}: ")
    if found:
        return found
    if row["name"] != stem:
        found.append(f"name is {row['name']!r}, the file says {stem!r}")
    if row["directory_keys"] not in get_args(DirectoryKeys):
        found.append(f"directory_keys must be one of {', '.join(get_args(DirectoryKeys))}")
    if row["medium"]["kind"] not in get_args(MediumKind):
        found.append(f"medium.kind must be one of {', '.join(get_args(MediumKind))}")
    discs = cast("list[str]", row["medium"]["discs"])
    if not discs or set(discs) - set(CAPACITY):
        found.append(f"medium.discs must be some of {', '.join(CAPACITY)}")
    if row["medium"].get("udf", "1.02") not in UDF:
        found.append(f"medium.udf must be one of {', '.join(UDF)}")
    for rule in row.get("images", []):
        found += [f"images: {keyword} cannot be judged" for keyword in rule.get("at_most", {})
                  if keyword not in HEADER_FIELD]
    for text in [*row["transfer_syntaxes"], *row.get("sop_classes", []),
                 *(uid for rule in row.get("images", [])
                   for uid in (*rule.get("sop_classes", []), *rule.get("transfer_syntaxes", [])))]:
        if not isinstance(text, str) or not text.replace(".", "").isdigit():
            found.append(f"{text!r} is not a UID")
    missing = set(row["preferred"]) - set(row["transfer_syntaxes"])
    if missing:
        found.append("preferred must be some of transfer_syntaxes")
    return found


def _shape(row: Any, fields: dict[str, tuple[type, bool]], prefix: str) -> list[str]:
    if not isinstance(row, dict):
        return [f"{prefix.rstrip('.')} must be a table"]
    found = [f"{prefix}{key} is unknown" for key in row if key not in fields]
    for key, (kind, required) in fields.items():
        if key not in row:
            if required:
                found.append(f"{prefix}{key} is missing")
        elif not isinstance(row[key], kind):
            found.append(f"{prefix}{key} must be {_WORDS[kind]}")
    return found


_WORDS: dict[type, str] = {
    str: "a text", list: "a list", bool: "true or false", int: "a number", dict: "a table"}
