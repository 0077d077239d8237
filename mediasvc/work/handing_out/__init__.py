"""Released discs onto plastic, sticks and robots, read back, with labels."""
