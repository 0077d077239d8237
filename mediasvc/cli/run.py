"""`mediasvc run`: the service in the foreground."""

from __future__ import annotations

from typing import Any

import click

from mediasvc.cli.packages import WORDS, sentence
from mediasvc.cli.session import Session


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="For the web page.")
@click.option("--port", default=8042, show_default=True, help="For the web page.")
@click.pass_obj
def command(session: Session, host: str, port: int) -> int:
    """Watch HOME/inbox and take in what is dropped there, until SIGTERM.

    A folder, ISO or zip in the inbox is the same as mediasvc ingest; HOME/inbox/NAME/ is for drops
    of the configured source NAME. SIGHUP reloads the settings.
    """
    from mediasvc.service.run import run

    del host, port  # kept for the web page; the service has no socket yet
    quiet_health: dict[str, Any] = {}

    def tell(event: str, **fields: Any) -> None:
        if event == "health":
            if fields == quiet_health.get("last"):
                return
            quiet_health["last"] = fields
        if session.as_json:
            session.emit(event, **fields)
        elif event == "package":
            session.say(f"package {fields['package']} {WORDS[str(fields['state'])]}: "
                        f"{sentence(fields)}")
        else:
            words = " ".join(f"{key}={value}" for key, value in fields.items())
            session.say(f"{event} {words}".rstrip())

    run(session.home, session.reload_settings, tell)
    session.summary(state="stopped")
    return 0
