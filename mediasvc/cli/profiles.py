"""`mediasvc profiles`: what may stand on which medium."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from mediasvc.standard.profiles import Profile


@click.group()
def command() -> None:
    """Media profiles that a disc can be made for."""


@command.command("list")
@click.pass_obj
def list_(session: Session) -> int:
    """All profiles, and which of the standard are not offered."""
    from mediasvc.standard.profiles import profiles
    from mediasvc.standard.profiles_not_offered import NOT_OFFERED, in_words

    found = profiles(session.site_profiles)
    for profile in found:
        session.emit("profile", **_row(profile))
        session.say(f"{profile.name:<30} {profile.title} ({profile.clause}; "
                    f"{profile.medium.clause})")
    for (names, reason), words in zip(NOT_OFFERED, in_words(), strict=True):
        session.emit("not_offered", names=names, reason=reason)
        session.say(f"Not offered: {words}")
    session.summary(profiles=len(found))
    return 0


@command.command()
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> int:
    """One profile with its transfer syntaxes."""
    from mediasvc.standard.profiles import load_profile

    profile = load_profile(name, session.site_profiles)
    session.emit("profile", **_row(profile))
    session.say(f"{profile.name}: {profile.title} ({profile.clause})")
    session.say(f"  medium     {profile.medium.kind} ({profile.medium.clause}), "
                f"--disc {' or '.join(profile.medium.discs)}"
                + (f", UDF {profile.medium.udf_revision} beside ISO 9660" if profile.medium.udf
                   else ""))
    session.say(f"  allowed    {', '.join(profile.transfer_syntaxes)}")
    session.say(f"  otherwise  {' else '.join(profile.preferred)}")
    for rule in profile.images:
        for words in rule.in_words():
            session.say(f"  images     {words}")
    if profile.reads_only:
        session.say(f"  not made   {profile.reads_only}")
    if profile.note:
        session.say(f"  note       {profile.note}")
    session.summary(profiles=1)
    return 0


@command.command()
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False),
              help="A new file: .html, .json or .txt; otherwise the text is printed.")
@click.pass_obj
def conformance(session: Session, target: Path | None) -> int:
    """The conformance statement (PS3.2) for media: what is claimed and which tests prove it."""
    import json

    from mediasvc.report.conformance import statement
    from mediasvc.report.conformance_text import as_page, as_text
    from mediasvc.standard.profiles import profiles

    made = statement(profiles(session.site_profiles))
    forms = {".html": lambda: as_page(made), ".txt": lambda: as_text(made).encode(),
             ".json": lambda: json.dumps(made, indent=1).encode() + b"\n"}
    if target is None:
        session.say(as_text(made).rstrip())
    elif target.suffix.lower() not in forms:
        raise SettingsError(f"--to {target.name}: end it with .html, .json or .txt.")
    else:
        target.write_bytes(forms[target.suffix.lower()]())
        session.say(f"Conformance statement written to {target}")
    if session.as_json and target is None:
        session.emit("conformance", **made)
    session.summary(profiles=len(made["profiles"]),
                    creator=sum(row["creator"] for row in made["profiles"]),
                    rules=len(made["rules"]), path=str(target or ""))
    return 0


def _row(profile: Profile) -> dict[str, Any]:
    """For scripts: the revision of UDF as profiles write it."""
    row = asdict(profile)
    row["medium"]["udf"] = profile.medium.udf_revision
    return row
