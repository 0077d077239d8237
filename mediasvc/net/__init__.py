"""Talking to other systems over the network."""
