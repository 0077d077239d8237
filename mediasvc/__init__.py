"""mediasvc: import and export desk for patient discs, night shift for imaging archives."""

__version__ = "0.1.0"
