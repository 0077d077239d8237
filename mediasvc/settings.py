"""Every setting, its default and its limits. Values are frozen and passed, never a global."""

from __future__ import annotations

import os
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from mediasvc.errors import StorageError

MIB = 1 << 20
GIB = 1 << 30


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(Section):
    """Who we are: stamped into every instance we change and every disc we make."""

    institution: str = "Unnamed institution"
    """Institution Name of what we stamp."""
    station_name: str = "MEDIASVC"
    """Names this desk wherever a system has to be named."""
    issuer: str = "LOCAL"
    """Issuer of Patient ID for identifiers of our own index."""
    provisional_prefix: str = "PROV"
    """Patient IDs that we make for a patient without a local one begin with this."""
    contact: str = ""
    """Printed in README.TXT of every disc."""


class Limits(Section):
    """Budgets of one package, counted on bytes that were really produced (FAULTS M16, M37)."""

    entries: Annotated[int, Field(gt=0)] = 500_000
    """Files and folders of a package."""
    package_bytes: Annotated[int, Field(gt=0)] = 120 * GIB
    """All files of a package together."""
    member_bytes: Annotated[int, Field(gt=0)] = 16 * GIB
    """One file of a package."""
    inflate_ratio: Annotated[int, Field(gt=1)] = 250
    """An entry that grows by more than this and beyond 64 MiB is a bomb."""
    depth: Annotated[int, Field(gt=0)] = 24
    """Folders below the root of a package."""
    nesting: Annotated[int, Field(ge=0, le=3)] = 1
    """Zips or ISOs inside a package that are opened."""
    item_seconds: Annotated[float, Field(gt=0)] = 120.0
    """Wall time for parsing or decoding one item in a child; for a whole medium, for each step."""
    child_memory: Annotated[int, Field(ge=256 * MIB)] = 3 * GIB
    """RLIMIT_AS of a child."""


class Inbox(Section):
    settle_seconds: Annotated[float, Field(ge=0)] = 10.0
    """A drop must be unchanged this long and structurally complete before it is taken."""
    rescan_seconds: Annotated[float, Field(gt=0)] = 15.0
    """The inbox is looked through this often, whatever the file system tells."""
    watch: Literal["auto", "native", "poll"] = "auto"
    """How changes are noticed; ``auto`` polls on network shares."""
    after_done: Literal["keep", "remove"] = "keep"
    """What becomes of the package's own bytes in staging once all of it is filed."""
    ignore: tuple[str, ...] = (
        ".DS_Store", "._*", "desktop.ini", "Thumbs.db", "@eaDir", ".stfolder", "__MACOSX",
        "*.part", "*.partial", "*.crdownload", "*.tmp", "~*",
    )
    """Names of files that no package consists of."""


class Source(Section):
    """A sender that we know by name; ``--source NAME`` or inbox/NAME/ selects it."""

    name: str
    """As in ``--source`` and as a folder of the inbox."""
    issuer: str = ""
    """Issuer of its Patient IDs where its files do not say. Empty: an issuer of its own."""


def _peer(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as error:
        raise PydanticCustomError("peer", "must be an address or a network") from error
    return text


Peer = Annotated[str, AfterValidator(_peer)]


class Hl7(Section):
    """The patient feed: HL7 v2 ADT messages, as files in HOME/hl7 and over MLLP."""

    issuer: str = ""
    """Issuer of patient identifiers that name no assigning authority. Empty: they are refused."""
    character_set: Literal[
        "", "ASCII", "8859/1", "8859/2", "8859/3", "8859/4", "8859/5", "8859/6", "8859/7",
        "8859/8", "8859/9", "8859/15", "UNICODE UTF-8", "GB 18030-2000", "BIG-5",
        "KS X 1001"] = ""
    """As in MSH-18, for messages that name none."""
    orders: tuple[str, ...] = ()
    """Procedure codes (OBR-4, OBR-44; ``*`` and ``?`` stand for anything) whose orders mean that
    somebody will bring a disc. Empty: order messages are refused."""
    order_days: Annotated[int, Field(ge=0)] = 30
    """An order expects its disc for so many days after its planned day."""
    settle_seconds: Annotated[float, Field(ge=0)] = 2.0
    """A file in HOME/hl7 must be unchanged this long before it is read."""
    mllp_host: str = "127.0.0.1"
    """Address to listen at."""
    mllp_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port to listen at; 0 = no listener."""
    mllp_peers: tuple[Peer, ...] = ("127.0.0.1", "::1")
    """Addresses or networks that may connect; others are cut off at once."""
    message_bytes: Annotated[int, Field(gt=0, le=4 * MIB)] = MIB
    """A longer message ends the connection without an answer."""
    message_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A message that has begun must be complete within this time."""
    idle_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """A connection without any message for so long is ended."""
    connections: Annotated[int, Field(gt=0)] = 16
    """At one time."""


class Decisions(Section):
    second_person_below: Literal["", "low", "medium", "strong"] = ""
    """A link to a patient who is recommended less than this needs a second person; empty: never."""


ViewerDetail = Literal["full", "reduced", "none"]


class Export(Section):
    profile: str = "STD-GEN-CD"
    """Used where ``--profile`` is not given."""
    creator_name: str = "mediasvc"
    """Who made the disc, in README.TXT and the image."""
    viewer: ViewerDetail = "full"
    """The viewer on every disc: ``full`` has all samples where the medium has room for them and
    fewer rows and columns otherwise, ``reduced`` at most a quarter of the samples, ``none`` no
    viewer."""
    videos: bool = True
    """Cine loops also as ordinary MP4 files beside the DICOM files, where ffmpeg is installed."""
    viewer_dir: str = ""
    """Folder with a viewer of the site's own, copied onto every disc; nothing starts by itself."""
    mail_bytes: Annotated[int, Field(gt=65536)] = 25 * MIB
    """The largest message that --disc mail may become."""
    signing_key: SecretStr = SecretStr("")
    """Private key (PEM: Ed25519 or RSA) that signs certificates; better in a file of its own, named
    by MEDIASVC_EXPORT__SIGNING_KEY_FILE. Empty: they are not signed."""
    mail_identity: SecretStr = SecretStr("")
    """RSA key and X.509 certificates, its own and those that vouch for it (PEM): they sign secure
    messages. Better in a file of its own, named by MEDIASVC_EXPORT__MAIL_IDENTITY_FILE."""


class Recipient(Section):
    """What somebody who gets discs from us can open; ``--recipient NAME`` selects it."""

    name: str
    """As in ``--recipient``; printed on the disc."""
    profile: str = ""
    """Made for them where ``--profile`` is not given."""
    disc: str = ""
    """What their drives take, as in ``--disc``."""
    opens: tuple[str, ...] = ()
    """Transfer syntaxes that they can open, as ``-t`` has them; empty: all of the profile."""
    note: str = ""
    """Told to whoever makes a disc for them."""


class Burn(Section):
    """The drive of this machine: `mediasvc burn DISC`."""

    device: str = ""
    """The writer: /dev/sr0, a drive letter, or as the program names it."""
    readback: str = ""
    """Where the finished medium is read again, when that is not ``device``."""
    programs: tuple[str, ...] = ("xorriso", "cdrskin", "growisofs", "wodim", "hdiutil", "isoburn")
    """The first that is installed burns."""
    speed: Annotated[int, Field(ge=0)] = 0
    """As the program counts it; 0 = the drive decides."""
    seconds: Annotated[float, Field(gt=0)] = 7200.0
    """A burn that takes longer is ended and failed."""


class Robot(Section):
    """A disc publisher that takes job files from a folder: `mediasvc burn DISC --robot NAME`."""

    name: str
    kind: Literal["epson", "primera", "rimage"] = "epson"
    """rimage is experimental: its format was not read in the maker's own manual."""
    folder: str
    """Where job files are put."""
    seen_from: str = ""
    """A folder of ours that the robot sees under another name, and …"""
    seen_as: str = ""
    """… that name, such as \\\\SERVER\\discs."""
    copies: Annotated[int, Field(ge=1, le=99)] = 1
    """When ``--copies`` is not given."""
    label: str = ""
    """Label template (.tdd, .std, .btw), as the robot sees it."""
    seconds: Annotated[float, Field(gt=0)] = 14_400.0
    """A job that is not done by then has failed."""


def _naming(text: str) -> str:
    """Fields must be words, divided by something, and name the patient."""
    try:
        levels = [list(Formatter().parse(level)) for level in text.split("/")]
    except ValueError as error:
        raise PydanticCustomError("naming", "must have a }} for each {{") from error
    fields = [field for level in levels for _, field, _, _ in level if field is not None]
    touching = any(not after[0] for level in levels for before, after in pairwise(level)
                   if before[1] is not None)
    plain = all(field.isidentifier() for field in fields) and len(set(fields)) == len(fields)
    if text and (touching or not plain or "patient_id" not in fields):
        raise PydanticCustomError("naming", "must have {{patient_id}}, and a sign between fields")
    return text


class Wrap(Section):
    """Ordinary files in the inbox that are made into DICOM instances."""

    naming: Annotated[str, AfterValidator(_naming)] = ""
    """Folders of the inbox that say whose their files are, such as
    ``{patient_id}@{issuer}/{modality}``: words of the identity file, one part for each level."""


class Work(Section):
    workers: Annotated[int, Field(ge=0)] = 0
    """Children for parsing and decoding; 0 = as many as cores."""

    def count(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))


class Settings(Section):
    site: Site = Site()
    limits: Limits = Limits()
    inbox: Inbox = Inbox()
    decisions: Decisions = Decisions()
    export: Export = Export()
    work: Work = Work()
    hl7: Hl7 = Hl7()
    wrap: Wrap = Wrap()
    sources: tuple[Source, ...] = ()
    burn: Burn = Burn()
    recipients: tuple[Recipient, ...] = ()
    robots: tuple[Robot, ...] = ()
    database: str = ""
    """SQLAlchemy URL; empty means HOME/mediasvc.db."""


class Home:
    """Where things lie under the data directory (DESIGN §4)."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def profiles(self) -> Path:
        """Media profiles of the site's own."""
        return self.root / "profiles"

    @property
    def hl7(self) -> Path:
        return self.root / "hl7"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def database(self) -> Path:
        return self.root / "mediasvc.db"

    @property
    def lock(self) -> Path:
        return self.root / "mediasvc.lock"

    def create(self) -> None:
        """Make what is missing; private, because patients' data lie in it. Raises StorageError."""
        for path in (self.root, self.inbox, self.staging, self.quarantine, self.outbox,
                     self.hl7, self.archive, self.archive / "objects", self.archive / "received"):
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"The data directory cannot be made: {path}: "
                                   f"{os.strerror(error.errno or 0)}.",
                                   "Choose another --home, or mend the rights.") from error
