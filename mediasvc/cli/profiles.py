"""`mediasvc profiles`: what may stand on which medium."""

from __future__ import annotations

from dataclasses import asdict

import click

from mediasvc.cli.session import Session


@click.group()
def command() -> None:
    """Media profiles that a disc can be made for."""


@command.command("list")
@click.pass_obj
def list_(session: Session) -> int:
    """All profiles."""
    from mediasvc.standard.profiles import profiles

    found = profiles(session.site_profiles)
    for profile in found:
        session.emit("profile", **asdict(profile))
        session.say(f"{profile.name:<30} {profile.title} ({profile.clause}; "
                    f"{profile.medium.clause})")
    session.summary(profiles=len(found))
    return 0


@command.command()
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> int:
    """One profile with its transfer syntaxes."""
    from mediasvc.standard.profiles import load_profile

    profile = load_profile(name, session.site_profiles)
    session.emit("profile", **asdict(profile))
    session.say(f"{profile.name}: {profile.title} ({profile.clause})")
    session.say(f"  medium     {profile.medium.kind} ({profile.medium.clause}), "
                f"--disc {' or '.join(profile.medium.discs)}")
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
