"""The steps from an instance to ordinary files and videos."""
