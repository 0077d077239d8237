"""What videos say of themselves: MP4, program and transport streams, their codecs."""
