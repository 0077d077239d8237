"""Instances without their patient (PS3.15 Annex E)."""
