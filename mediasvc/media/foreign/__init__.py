"""Ordinary files that come to be wrapped: what they are and say."""
