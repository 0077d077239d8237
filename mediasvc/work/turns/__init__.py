"""How work is spread over children and threads: batches, order, turns, one at a time."""
