"""A decided group becomes part of the archive: coerced, placed, written down."""
