"""DICOMDIR: read whatever it is, repaired, compared with the files, written."""
