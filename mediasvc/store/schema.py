"""The tables. One schema for SQLite and PostgreSQL, SQLAlchemy Core only (DESIGN §4).

The migrations make them. Of partial indexes only SQLite's clause stands here, too: naming
PostgreSQL's loads its dialect, 0.07 s of every command.

Times are text, ISO 8601 in UTC with microseconds: they sort, and no driver changes them. Order
comes from numbers, never from clocks (FAULTS C12). Words are ``""`` when unknown; NULL stands only
where another row is pointed at, or where there is no JSON.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
})

#: SQLite counts rows by itself only for INTEGER; elsewhere 64 bits are asked for.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Compared byte for byte everywhere, so that a range is a prefix search in any locale.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JSON = sa.JSON(none_as_null=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


#: What happened, once written never changed. `mediasvc.store.events` is the only writer.
event = sa.Table(
    "event", metadata,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),  # 1, 2, 3 … without a gap
    _text("at"),
    _text("subject_kind"),  # package | patient | disc | object | service
    _text("subject"),  # the row's own number or a digest; never a name or a Patient ID
    _text("action"),
    _text("by"),  # a person, a rule id, or "" for the service itself
    sa.Column("data", sa.Text, nullable=False, server_default="{}"),  # canonical JSON, as hashed
    sa.Column("hash", sa.String(64), nullable=False),  # sha256(previous hash + canonical event)
    sa.Index(None, "subject_kind", "subject", "seq"),
)

_LIVE = "digest <> '' AND state IN ('receiving', 'waiting', 'done')"
#: What arrived. States and their edges: `mediasvc.store.states`.
package = sa.Table(
    "package", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    _text("kind"),  # folder | iso | zip | … as `model.PackageKind`
    _text("path"),  # where it was dropped, for people
    _text("location"),  # where its bytes lie now
    _text("source"),
    _text("digest"),  # of the whole content; "" until it is known
    _text("state"),
    _text("reason"),
    _text("arrived_at"),
    _text("changed_at"),
    _count("fence"),  # grows with each claim; a change under an older fence is refused (C08, C09)
    _count("attempts"),  # written before each attempt, so that a poisonous package ends (C17)
    sa.Column("duplicate_of", NUMBER, sa.ForeignKey("package.id")),
    sa.Column("label", JSON),  # how the medium names itself, kept when it was read
    sa.Index(None, "state", "id"),
    sa.Index(None, "digest"),
    # One live package per content: two services cannot both file the same disc (invariant 15).
    sa.Index("uq_package_live_digest", "digest", unique=True, sqlite_where=sa.text(_LIVE)),
)

#: Every file of a package, and every file that its DICOMDIR misses.
item = sa.Table(
    "item", metadata,
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id", ondelete="CASCADE"),
              primary_key=True),
    sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
    _text("label"),  # path on the package, escaped for display
    _count("length"),
    _text("sha256"),
    _text("role"),  # instance | dicomdir | non_dicom | refused | missing
    _text("state"),  # an ItemState; "" for what is only listed (not an instance)
    _text("reason"),
    sa.Column("group_number", sa.Integer),
    _text("sop_instance_uid"),
    sa.Column("header", JSON),  # InstanceHeader.as_json
    sa.Column("span", JSON),  # Span.as_json: where the bytes lie while the package is here
    _text("file_id"),  # Referenced File ID of DICOMDIR, components joined by "/"
    _text("duplicate_of"),  # SOP Instance UID of the instance that is here already
    _text("object_sha256"),
    sa.Index(None, "package_id", "state"),
    sa.Index(None, "package_id", "group_number", "number"),
    sa.Index(None, "duplicate_of", sqlite_where=sa.text("duplicate_of <> ''")),
)

finding = sa.Table(
    "finding", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id", ondelete="CASCADE"),
              nullable=False),
    _text("severity"),
    _text("code"),
    _text("subject"),
    _text("text"),
    _text("rule"),
    sa.Index(None, "package_id", "id"),
)

#: One person as a package describes them, and what was decided about them.
patient_group = sa.Table(
    "patient_group", metadata,
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id", ondelete="CASCADE"),
              primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _text("patient_id"),
    _text("issuer"),  # as received, or the source's own issuer
    _text("patient_name"),
    _text("patient_birth_date"),
    _text("patient_sex"),
    sa.Column("variants", JSON),  # every other (name, birth date, sex) among its instances
    _count("instances"),
    _text("state"),  # waiting | decided | filed | rejected
    _text("decision"),  # link | new | reject
    sa.Column("target", NUMBER, sa.ForeignKey("patient.id")),
    _text("rule"),  # the rule that linked, or "" when a person did
    sa.Column("evidence", JSON),
    _text("by"),
    _text("decided_at"),
    _text("hold_by"),  # who put it aside; "" while nobody has
    _text("hold_reason"),
    _text("hold_at"),
    # The numbers of the order that it answers, decided once; NULL until then, {} for none.
    sa.Column("order_numbers", JSON),
    sa.Index(None, "target"),
)

#: "This patient will bring a disc": open until a package answers it or somebody ends it.
expected_import = sa.Table(
    "expected_import", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("patient", NUMBER, sa.ForeignKey("patient.id"), nullable=False),
    _text("source"),  # "" from anybody
    _text("valid_until"),  # YYYY-MM-DD, "" without an end
    _text("accession_number"),
    _text("requested_procedure_id"),
    _text("requested_procedure_description"),
    _text("scheduled_procedure_step_id"),
    _text("procedure_code"),
    _text("coding_scheme"),
    _text("code_meaning"),
    _text("order_key"),  # which order of which system; "" when a person registered it
    _text("order_at"),  # time of the newest message about that order
    _text("registered_by"),
    _text("registered_at"),
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id")),
    _text("ended_by"),
    _text("ended_at"),
    sa.Index(None, "patient"),
    sa.Index(None, "package_id"),
    sa.Index("uq_expected_import_order_key", "order_key", unique=True,
             sqlite_where=sa.text("order_key <> ''")),
)

#: Studies that were moved to another patient after they had been filed.
refile = sa.Table(
    "refile", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    _text("state"),  # proposed | running | done | undoing | undone | failed
    sa.Column("patient", NUMBER, sa.ForeignKey("patient.id"), nullable=False),  # from whom
    sa.Column("target", NUMBER, sa.ForeignKey("patient.id"), nullable=False),
    sa.Column("studies", JSON),  # Study Instance UIDs
    sa.Column("groups", JSON),  # [package, group] of those that move as a whole
    sa.Column("expected", NUMBER, sa.ForeignKey("expected_import.id")),  # the order it answers
    sa.Column("before", JSON),  # rows of study, group, identifier as they were
    _text("by"),
    _text("first"),  # who proposed it, where two people must agree
    _text("reason"),
    _text("at"),  # stamped into every instance, so that going on after a crash gives the same bytes
    sa.Index(None, "state"),
)

#: One instance of a refile: its row before and after, and the way back to the object before.
refiled_instance = sa.Table(
    "refiled_instance", metadata,
    sa.Column("refile_id", NUMBER, sa.ForeignKey("refile.id"), primary_key=True),
    sa.Column("sop_instance_uid", KEY, primary_key=True),
    sa.Column("before", JSON),
    sa.Column("after", JSON),
    sa.Column("back_sha256", KEY, nullable=False, server_default=""),  # pack, or the object itself
    _count("back_offset"),
    _count("back_length"),
    sa.Column("kept_sha256", KEY, nullable=False, server_default=""),  # pack of the row before
    sa.Index(None, "sop_instance_uid"),
    sa.Index(None, "back_sha256"),
    sa.Index(None, "kept_sha256"),
    sqlite_with_rowid=False,
)

#: Pages that were handed out, by their hash; the event in the chain is the proof.
import_report = sa.Table(
    "import_report", metadata,
    sa.Column("sha256", KEY, primary_key=True),
    sa.Column("event", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)

#: The local index. The key of a patient is (Patient ID, Issuer), DESIGN §5.
patient = sa.Table(
    "patient", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("patient_id", KEY, nullable=False),
    sa.Column("issuer", KEY, nullable=False),
    _text("patient_name"),
    _text("patient_birth_date"),
    _text("patient_sex"),
    _text("address"),
    _text("postcode"),
    _text("phone"),
    sa.Column("provisional", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id")),  # whose decision made it
    sa.UniqueConstraint("patient_id", "issuer"),
    sa.Index(None, "patient_birth_date"),
    sa.Index(None, "package_id"),
)

#: Further identifiers of the same person: from the feed, a decision, a merge.
patient_identifier = sa.Table(
    "patient_identifier", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("patient", NUMBER, sa.ForeignKey("patient.id", ondelete="CASCADE"), nullable=False),
    sa.Column("patient_id", KEY, nullable=False),
    sa.Column("issuer", KEY, nullable=False),
    _text("provenance"),  # load | decision | hl7 …
    _text("valid_from"),
    _text("valid_to"),  # "" while it is valid
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id")),  # whose decision made it
    sa.UniqueConstraint("patient", "patient_id", "issuer", "provenance", "valid_from",
                        name="uq_patient_identifier_one"),
    sa.Index(None, "patient_id", "issuer"),
    sa.Index(None, "package_id"),
)

#: Blocking keys, made by `mediasvc.identity.names`; the clustered order is the search order.
patient_key = sa.Table(
    "patient_key", metadata,
    sa.Column("kind", KEY, primary_key=True),
    sa.Column("key", KEY, primary_key=True),
    sa.Column("patient", NUMBER, sa.ForeignKey("patient.id", ondelete="CASCADE"),
              primary_key=True, autoincrement=False),
    sa.Index(None, "patient"),
    sqlite_with_rowid=False,
)

#: Every message of the patient feed in order of arrival, with what became of it.
adt_message = sa.Table(
    "adt_message", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    _text("sender"),  # MSH-3|MSH-4
    _text("control_id"),  # MSH-10
    _text("digest"),  # sha256 of the message without its frame
    _text("trigger"),  # A08 …
    _text("event_time"),
    _text("received_at"),
    _text("verdict"),  # a Verdict of `mediasvc.store.adt`; the same message again gets it again
    _text("code"),
    _text("reason"),
    sa.Column("body", sa.LargeBinary, nullable=False),  # as received, deflated
    sa.UniqueConstraint("sender", "control_id", "digest"),
)

#: How new the feed's knowledge of a patient is: older events change nothing (FAULTS I14).
adt_patient = sa.Table(
    "adt_patient", metadata,
    sa.Column("patient_id", KEY, primary_key=True),
    sa.Column("issuer", KEY, primary_key=True),
    _text("event_time"),
    sqlite_with_rowid=False,
)

#: The prior identifier is the survivor's. Nothing else moves, so ending a row undoes the merge. A
#: row counts from when the survivor is in the index, and is an intent until then.
patient_merge = sa.Table(
    "patient_merge", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("prior_id", KEY, nullable=False),
    sa.Column("prior_issuer", KEY, nullable=False),
    sa.Column("survivor_id", KEY, nullable=False),
    sa.Column("survivor_issuer", KEY, nullable=False),
    _text("merged_at"),  # the event's time; "" when the end came first
    _text("merged_by"),  # message:NUMBER or a person
    _text("ended_at"),  # "" while it lasts
    _text("ended_by"),
    sa.Index(None, "survivor_id", "survivor_issuer"),
    sa.Index(None, "prior_id", "prior_issuer"),
    # One survivor for each prior identifier.
    sa.Index("uq_patient_merge_live", "prior_id", "prior_issuer", unique=True,
             sqlite_where=sa.text("ended_at = ''")),
)

study = sa.Table(
    "study", metadata,
    sa.Column("study_instance_uid", KEY, primary_key=True),
    sa.Column("patient", NUMBER, sa.ForeignKey("patient.id"), nullable=False),
    _text("study_date"),
    _text("study_time"),
    _text("study_id"),
    _text("accession_number"),
    _text("study_description"),
    sa.Index(None, "patient"),
    sqlite_with_rowid=False,
)

series = sa.Table(
    "series", metadata,
    sa.Column("series_instance_uid", KEY, primary_key=True),
    sa.Column("study_instance_uid", KEY, sa.ForeignKey("study.study_instance_uid"),
              nullable=False),
    _text("modality"),
    _text("series_number"),
    _text("series_description"),
    sa.Index(None, "study_instance_uid"),
    sqlite_with_rowid=False,
)

#: Immutable files of the archive.
object_ = sa.Table(
    "object", metadata,
    sa.Column("sha256", KEY, primary_key=True),
    _text("kind"),  # object: a DICOM file under objects/ · pack: deltas under received/
    _count("length"),
    _text("placed_at"),
    # The delete-intent: seq of the event that gave it up. Only such files may go (C15).
    sa.Column("given_up", NUMBER),
    sa.Index(None, "given_up", sqlite_where=sa.text("given_up IS NOT NULL")),
    sqlite_with_rowid=False,
)

instance = sa.Table(
    "instance", metadata,
    sa.Column("sop_instance_uid", KEY, primary_key=True),
    sa.Column("series_instance_uid", KEY, sa.ForeignKey("series.series_instance_uid"),
              nullable=False),
    _text("sop_class_uid"),
    _text("transfer_syntax_uid"),
    _text("instance_number"),
    sa.Column("object_sha256", KEY, sa.ForeignKey("object.sha256"), nullable=False),
    _text("received_sha256"),
    _count("received_length"),
    # How the received bytes are rebuilt. same: they are the object · delta: object and pack's delta
    # · object: they are kept as an object of their own, named by pack_sha256.
    _text("restore"),
    sa.Column("pack_sha256", KEY, nullable=False, server_default=""),
    _count("pack_offset"),
    _count("pack_length"),
    sa.Column("package_id", NUMBER, sa.ForeignKey("package.id"), nullable=False),
    _count("item_number"),
    sa.Column("header", JSON),  # InstanceHeader.as_json, as received
    sa.Index(None, "series_instance_uid"),
    sa.Index(None, "object_sha256"),
    sa.Index(None, "pack_sha256"),
    sa.Index(None, "package_id"),
    sqlite_with_rowid=False,
)

#: What leaves. States and their edges: `mediasvc.store.states`.
disc = sa.Table(
    "disc", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    _text("state"),  # planned | built | verified | released | failed
    _text("path"),
    _text("profile"),
    _text("sha256"),
    _count("bytes"),
    _text("file_set_id"),
    _text("certificate"),
    _text("created_at"),
    _text("by"),
    _text("recipient"),  # who gets it, as printed on it
    _text("part"),  # "1 of 3" when an order needed several discs
)

#: A released disc on its way onto plastic, a stick or a robot. States: `mediasvc.store.states`.
burn = sa.Table(
    "burn", metadata,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("disc_id", NUMBER, sa.ForeignKey("disc.id", ondelete="CASCADE"), nullable=False),
    _text("state"),  # planned | built | verified | released | failed
    _text("method"),  # drive | folder | robot
    _text("target"),  # device, folder, or name of the robot
    _text("program"),  # what wrote it
    _text("job"),  # a robot's job file, without its extension
    _count("copies"),
    _text("reason"),
    _text("created_at"),
    _text("changed_at"),
    _text("by"),
    sa.Index(None, "disc_id"),
    sa.Index(None, "state", "id"),
)

disc_instance = sa.Table(
    "disc_instance", metadata,
    sa.Column("disc_id", NUMBER, sa.ForeignKey("disc.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("file_id", sa.Text, primary_key=True),
    _text("sop_instance_uid"),
    _text("sha256"),  # of the file on the disc
    sa.Index(None, "sop_instance_uid"),
)
