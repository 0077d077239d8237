"""The steps of moving filed studies to another patient, and back."""
