"""A disc is made: content for people, DICOMDIR, image, certificate, seal."""
