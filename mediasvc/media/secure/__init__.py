"""Media that open with a key: CMS envelopes and AES zips."""
