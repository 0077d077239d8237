"""Synthetic patients, studies and discs for tests, scripts and the quickstart. Nobody is meant."""
