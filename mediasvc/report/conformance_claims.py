"""What the conformance statement claims in words, each claim with the tests that prove it.

A claim without a test is not made. `tests/test_conformance.py` looks every named test up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """``proofs``: ``file::test`` below tests/."""

    chapter: str
    text: str
    proofs: tuple[str, ...]


#: Chapters of PS3.2 Annex A that are about media, by number and title.
CHAPTERS = (
    ("7.1", "Implementation model"),
    ("7.1.4", "File meta information"),
    ("7.2", "Application entity: media storage application profiles"),
    ("7.2.1", "File-set Creator"),
    ("7.2.2", "File-set Reader"),
    ("7.2.3", "Preamble of DICOM files (PS3.10 7.5)"),
    ("7.3", "Augmented and private profiles"),
    ("7.4", "Media configuration"),
    ("7.5", "Character sets"),
    ("7.6", "Security"),
)

CLAIMS = (
    Claim("7.1", "One application entity creates and reads file-sets. It never updates one: a "
          "changed file-set is a new one, and a medium that is read is never written to.",
          ("test_export.py::test_what_stands_there_is_not_overwritten_unless_asked",
           "test_burn.py::test_every_program_gets_the_device_and_the_image")),
    Claim("7.1", "A file-set is released only after code that shares nothing with its writer has "
          "read it again by every rule of the list in chapter 7.2.1; what fails is thrown away.",
          ("test_export.py::test_a_disc_that_fails_its_check_is_never_seen",
           "test_verdict.py::test_one_flipped_bit_anywhere_fails")),
    Claim("7.1", "A medium is read again to the last byte of the image before it is handed out.",
          ("test_burn.py::test_a_bad_burn_is_never_released",
           "test_burn.py::test_a_stick_that_forgets_is_not_handed_out")),
    Claim("7.1.4", "Files keep the Implementation Class UID of the system that wrote them; ours is "
          "written where none is named, and into DICOMDIR. A private information creator is not "
          "written.",
          ("test_conform.py::test_file_meta_with_gaps_are_completed",
           "test_dicomdir_write.py::test_file_meta_says_what_the_file_is")),
    Claim("7.2.1", "Every instance is named by DICOMDIR with the keys of PS3.3 F.5 and of the "
          "profile. Type 1 keys that an instance lacks are invented in the directory record only, "
          "and reported (PS3.11 D.3.3.1).",
          ("test_dicomdir_write.py::test_every_kind_of_object_is_named_under_its_series",
           "test_dicomdir_write.py::test_missing_keys_are_invented_in_the_directory_only")),
    Claim("7.2.1", "Icons of images are written where the profile wants them, and on request: "
          "8-bit grey, 64 x 64 or 128 x 128.",
          ("test_profile_discs.py::"
           "test_icons_stand_in_dicomdir_when_asked_and_other_programs_accept_them",)),
    Claim("7.2.1", "An instance in another transfer syntax than the profile allows is transcoded "
          "without loss, decoded again and compared; what cannot be is left out and named.",
          ("test_export.py::test_what_a_profile_does_not_allow_is_transcoded_into_what_it_does",
           "test_profile_discs.py::"
           "test_what_a_narrow_profile_cannot_hold_is_named_with_its_rule")),
    Claim("7.2.1", "Nothing is compressed with loss unless whoever makes the medium asks for it, "
          "and nothing that has lost before. Copies have SOP Instance UIDs of their own, are "
          "labelled (PS3.3 C.7.6.1.1.5), and what names an image on the medium names the copy.",
          ("test_plan.py::test_nothing_is_lost_unless_asked_and_then_copies_say_so",
           "test_plan.py::test_what_has_lost_before_never_loses_again")),
    Claim("7.2.1", "A study that does not fit on one medium becomes several independent file-sets; "
          "none spans media.",
          ("test_export.py::test_studies_that_do_not_fit_together_go_on_discs_of_their_own",
           "test_plan.py::test_of_several_discs_each_is_planned_to_the_byte")),
    Claim("7.2.1", "Images for BD have UDF 2.60, with --disc bd-re 2.50 (PS3.12 X.2.1), those for "
          "DVD-RAM 1.50 (J), those for DVD 1.02 (P.2), each beside ISO 9660 with the same files; "
          "entries of BD stand in a read-only metadata partition with a mirror of its own.",
          ("test_udf_bd.py::test_other_programs_read_a_bd_image",
           "test_udf_bd.py::test_entries_that_are_damaged_are_read_from_the_mirror",
           "test_iso_witness.py::test_image_of_ours_is_the_same_for_a_stranger")),
    Claim("7.2.1", "Identity is coerced to what is current in the local index when a file-set is "
          "made; the former values stand in Original Attributes Sequence.",
          ("test_export.py::test_the_identity_that_is_current_now_goes_out",)),
    Claim("7.2.2", "Files are the truth: media without DICOMDIR, with a wrong one, or with names "
          "that break PS3.10 are read, and what is missing is named.",
          ("test_dicomdir_read.py::test_offsets_that_are_all_off_by_the_same_are_corrected",
           "test_ingest_line.py::test_disc_with_a_missing_file_waits_and_says_which")),
    Claim("7.2.2", "Unknown and private directory records, and a directory without records, are "
          "passed over.",
          ("test_dicomdir_read.py::test_private_and_unknown_records_do_not_hide_the_others",
           "test_dicomdir_read.py::test_empty_directory_is_no_fault")),
    Claim("7.2.2", "The last session of a multi-session image is read.",
          ("test_iso_sessions.py::"
           "test_an_image_to_which_files_were_added_twice_shows_its_last_session",)),
    Claim("7.2.3", "A file whose preamble or content can be run or opened as a program or an "
          "archive is refused on reading and kept in quarantine; a TIFF preamble is accepted, any "
          "other content is reported.",
          ("test_screening.py::test_what_can_hurt_is_refused",
           "test_screening.py::test_what_is_only_odd_enters_with_a_warning")),
    Claim("7.2.3", "Files that are written have a preamble of zeros, or the TIFF preamble with "
          "which they came.",
          ("test_conform.py::test_a_preamble_that_says_something_is_zeroed",
           "test_conform.py::test_a_tiff_preamble_may_stay")),
    Claim("7.5", "Text keeps its bytes and its Specific Character Set, in records too; an identity "
          "that a character set cannot hold makes the instance UTF-8 (ISO_IR 192).",
          ("test_dicomdir_write.py::test_names_keep_their_bytes_and_character_set",
           "test_export.py::test_a_name_that_needs_another_character_set_goes_out_too")),
    Claim("7.6", "Secure profiles of discs wrap every file, DICOMDIR too, as the Basic DICOM Media "
          "Security Profile of PS3.15 says, for a password or for X.509 certificates.",
          ("test_secure_media.py::test_openssl_opens_ours",
           "test_secure_media.py::test_a_secure_disc_says_nothing_and_opens_with_its_password",
           "test_secure_media.py::test_a_disc_for_a_certificate_opens_with_its_key")),
    Claim("7.6", "Secure messages are signed, then encrypted with AES-256 for X.509 certificates, "
          "as Secure Use of Email Transport of PS3.15 says; they are read signed and encrypted in "
          "any order.",
          ("test_secure_mail.py::test_openssl_finds_in_it_the_very_zip_of_a_plain_message",
           "test_secure_mail.py::test_messages_of_openssl_are_judged_and_filed",
           "test_secure_mail.py::test_a_flipped_bit_is_found")),
)
#: By which tests each profile is made and judged, and each rule is shown to be able to fail.
MADE = "test_conformance.py::test_a_file_set_of_every_claimed_profile_is_made_and_judged"
JUDGED = "test_profile_discs.py::test_what_breaks_a_narrow_profile_is_found_by_its_rule"
RULED = "test_conformance.py::test_every_rule_of_the_list_is_named_by_a_test"
