"""Containers whose members are packed: zip, tar, 7z, mail."""
