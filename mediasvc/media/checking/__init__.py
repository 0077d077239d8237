"""The rules of media, held against bytes."""
