"""The steps from single frames to a multi-frame object, and back."""
