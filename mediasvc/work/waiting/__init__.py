"""What a person sees and does while a package waits."""
