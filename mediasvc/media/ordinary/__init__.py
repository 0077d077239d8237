"""Ordinary files that are made of instances."""
