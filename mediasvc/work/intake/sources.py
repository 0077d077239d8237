"""Whose Patient IDs are these? A foreign ID without an issuer gets one of its own (DESIGN §5)."""

from __future__ import annotations

from mediasvc.settings import Settings


def foreign_issuer(settings: Settings, source: str, package_id: int, received: str) -> str:
    """Issuer of the Patient IDs of a package.

    What the file says; else what the site configured for the sender; else an issuer that only this
    sender, or for an unnamed one only this package, has: it never equals a local issuer.
    """
    if received:
        return received
    configured = next((one.issuer for one in settings.sources if one.name == source), "")
    return configured or (f"source:{source}" if source else f"package:{package_id}")
