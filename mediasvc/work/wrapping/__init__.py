"""The steps from an ordinary file to an instance, and back."""
