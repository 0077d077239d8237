"""ISO 9660: images read, compared and written."""
