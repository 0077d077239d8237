"""Who wrote the file: Implementation Class UID and Version Name (PS3.7 D.3.3.2, PS3.10 7.1)."""

from __future__ import annotations

#: Made once from a UUID (PS3.5 B.2); changes when what we write becomes incompatible.
IMPLEMENTATION_CLASS_UID = "2.25.137409677053313200951874493318765663199"
#: At most 16 characters.
IMPLEMENTATION_VERSION_NAME = "MEDIASVC"
